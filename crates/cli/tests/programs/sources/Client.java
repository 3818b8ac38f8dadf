import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.util.Arrays;

/** Ten clients at once, each 100 kB there and back; datagrams; a refused connection. */
class Client {
    static final int SIZE = 100_000;

    public static void main(String[] words) throws Exception {
        if (words[0].equals("nio")) nio(words[1]); else blocking(words[1]);
    }

    static void blocking(String server) throws Exception {
        var threads = new Thread[10];
        var right = new boolean[10];
        for (int n = 0; n < 10; n++) {
            int number = n;
            threads[n] = new Thread(() -> right[number] = echo(server, number));
            threads[n].start();
        }
        for (var thread : threads) thread.join();
        for (var one : right) if (!one) throw new AssertionError("another echo");
        datagrams(server);
        try {
            new Socket(server, 7099);
            throw new AssertionError("not refused");
        } catch (ConnectException refused) {
            if (!refused.getMessage().contains("refused")) throw refused;
        }
    }

    static boolean echo(String server, int number) {
        try (var socket = new Socket(server, 7000)) {
            if (socket.getPort() != 7000 || socket.getLocalPort() == 0) return false;
            socket.setSoTimeout(20_000);
            socket.setTcpNoDelay(true);
            var data = new byte[SIZE];
            Arrays.fill(data, (byte) number);
            var writer = new Thread(() -> {
                try { socket.getOutputStream().write(data); socket.shutdownOutput(); }
                catch (IOException error) { error.printStackTrace(); }
            });
            writer.start();
            var back = socket.getInputStream().readAllBytes();
            writer.join();
            return Arrays.equals(back, data);
        } catch (Exception error) { error.printStackTrace(); return false; }
    }

    static void datagrams(String server) throws Exception {
        try (var socket = new DatagramSocket()) {
            socket.setSoTimeout(2000);
            for (int tries = 0; tries < 3; tries++) { // a datagram may be lost
                var question = "datagram".getBytes();
                socket.send(new DatagramPacket(question, question.length, InetAddress.getByName(server), 7001));
                try {
                    var packet = new DatagramPacket(new byte[2000], 2000);
                    socket.receive(packet);
                    if (packet.getPort() != 7001 || packet.getLength() != question.length) throw new AssertionError("another answer");
                    return;
                } catch (SocketTimeoutException again) { }
            }
            throw new AssertionError("no answer over UDP");
        }
    }

    static void nio(String server) throws Exception {
        var selector = Selector.open();
        for (int n = 0; n < 10; n++) connect(selector, server, 7000, (byte) n);
        int open = 10;
        long end = System.nanoTime() + 30_000_000_000L;
        while (open > 0) {
            if (System.nanoTime() > end) throw new AssertionError(open + " still open");
            selector.select(1000);
            for (var key : selector.selectedKeys()) {
                var flow = (Flow) key.attachment();
                if (key.isConnectable()) {
                    flow.channel.finishConnect();
                    key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
                } else if (flow.step(key)) {
                    open--;
                }
            }
            selector.selectedKeys().clear();
        }
        refused(server);
    }

    static void refused(String server) throws Exception {
        var selector = Selector.open();
        connect(selector, server, 7099, (byte) 0);
        if (selector.select(10_000) == 0) throw new AssertionError("no answer from a closed port");
        try {
            ((Flow) selector.selectedKeys().iterator().next().attachment()).channel.finishConnect();
            throw new AssertionError("not refused");
        } catch (ConnectException refused) { }
    }

    static void connect(Selector selector, String server, int port, byte fill) throws Exception {
        var flow = new Flow(SocketChannel.open(), fill);
        flow.channel.configureBlocking(false);
        flow.channel.register(selector, SelectionKey.OP_CONNECT, flow);
        try { flow.channel.connect(new InetSocketAddress(server, port)); } catch (ConnectException atOnce) { throw atOnce; }
    }

    static class Flow {
        final SocketChannel channel;
        final ByteBuffer out = ByteBuffer.allocate(SIZE), in = ByteBuffer.allocate(SIZE + 1);
        boolean shut;

        Flow(SocketChannel channel, byte fill) {
            this.channel = channel;
            while (out.hasRemaining()) out.put(fill);
            out.flip();
        }

        /** Whether this flow is done, and right. */
        boolean step(SelectionKey key) throws IOException {
            if (key.isWritable() && !shut) {
                channel.write(out);
                if (!out.hasRemaining()) {
                    channel.shutdownOutput();
                    shut = true;
                    key.interestOps(SelectionKey.OP_READ);
                }
            }
            if (key.isReadable() && channel.read(in) < 0) {
                in.flip();
                out.rewind();
                if (!in.equals(out)) throw new AssertionError("another echo");
                channel.close();
                return true;
            }
            return false;
        }
    }
}
