import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * Fetches a page through a plain socket: asks for one, connects it to a server's address and
 * port, writes a request into it and reads the answer out of it.
 *
 * <pre>java Client.java 192.168.77.2 80 /</pre>
 */
public final class Client {
    private Client() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 2) {
            System.err.println("usage: java Client.java HOST PORT [PATH]");
            System.exit(2);
        }
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        String path = arguments.length > 2 ? arguments[2] : "/";
        try (Socket socket = new Socket(host, port)) {
            System.err.println(
                    "my endpoint " + socket.getLocalSocketAddress()
                            + ", the server's " + socket.getRemoteSocketAddress());
            Writer out = new OutputStreamWriter(
                    socket.getOutputStream(), StandardCharsets.US_ASCII);
            out.write("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
            out.flush();
            BufferedReader in = new BufferedReader(
                    new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            String status = in.readLine();
            if (status == null) {
                throw new IOException("the server closed the connection without an answer");
            }
            System.err.println(status);
            skipHeaders(in);
            for (int c = in.read(); c >= 0; c = in.read()) {
                System.out.print((char) c);
            }
            System.out.flush();
            if (!status.contains(" 200 ")) {
                System.exit(1);
            }
        }
    }

    private static void skipHeaders(BufferedReader in) throws IOException {
        String line = in.readLine();
        while (line != null && !line.isEmpty()) {
            line = in.readLine();
        }
    }
}
