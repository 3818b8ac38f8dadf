import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * Serves one page to each client, which it learns to know when it accepts its connection: a
 * socket of its own for each, identified by both endpoints.
 *
 * <pre>java Server.java 8000</pre>
 */
public final class Server {
    private Server() {}

    public static void main(String[] arguments) throws IOException {
        int port = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 8000;
        try (ServerSocket listener = new ServerSocket(port)) {
            System.err.println("waiting for clients at port " + listener.getLocalPort());
            while (true) {
                Socket client = listener.accept();
                Thread thread = new Thread(() -> answer(client));
                thread.setDaemon(true);
                thread.start();
            }
        }
    }

    private static void answer(Socket client) {
        try (client) {
            BufferedReader in = new BufferedReader(
                    new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII));
            String request = in.readLine();
            String line = request;
            while (line != null && !line.isEmpty()) {
                line = in.readLine();
            }
            if (request == null) {
                return;
            }
            System.err.println(client.getRemoteSocketAddress() + " " + request);
            byte[] page = ("Hello " + client.getRemoteSocketAddress() + ", this is "
                    + client.getLocalSocketAddress() + ".\n").getBytes(StandardCharsets.UTF_8);
            String head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    + "Content-Length: " + page.length + "\r\nConnection: close\r\n\r\n";
            OutputStream out = client.getOutputStream();
            out.write(head.getBytes(StandardCharsets.US_ASCII));
            out.write(page);
            out.flush();
        } catch (IOException error) {
            System.err.println(client.getRemoteSocketAddress() + " " + error.getMessage());
        }
    }
}
