import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;

/** Echoes: a thread for each socket, or one selector for all. */
class Server {
    public static void main(String[] words) throws Exception {
        if (words[0].equals("nio")) nio(); else blocking();
    }

    static void blocking() throws Exception {
        var datagrams = new DatagramSocket(7001);
        new Thread(() -> {
            try {
                var packet = new DatagramPacket(new byte[2000], 2000);
                while (true) {
                    packet.setLength(2000);
                    datagrams.receive(packet);
                    datagrams.send(packet);
                }
            } catch (IOException error) { error.printStackTrace(); }
        }).start();
        var listener = new ServerSocket(7000);
        System.out.println("ready");
        while (true) {
            var socket = listener.accept();
            new Thread(() -> {
                try (socket) { socket.getInputStream().transferTo(socket.getOutputStream()); }
                catch (IOException error) { error.printStackTrace(); }
            }).start();
        }
    }

    static void nio() throws Exception {
        var selector = Selector.open();
        var listener = ServerSocketChannel.open().bind(new InetSocketAddress(7000));
        listener.configureBlocking(false).register(selector, SelectionKey.OP_ACCEPT);
        System.out.println("ready");
        while (true) {
            selector.select();
            for (var key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    var channel = listener.accept();
                    if (channel == null) continue;
                    channel.configureBlocking(false);
                    channel.register(selector, SelectionKey.OP_READ, ByteBuffer.allocate(65536));
                } else {
                    serve(key);
                }
            }
            selector.selectedKeys().clear();
        }
    }

    /** Reads while nothing is left to write, writes while something is. */
    static void serve(SelectionKey key) throws IOException {
        var channel = (SocketChannel) key.channel();
        var buffer = (ByteBuffer) key.attachment();
        if (key.isReadable()) {
            int n = channel.read(buffer);
            if (n < 0) { channel.close(); return; }
            buffer.flip();
        }
        channel.write(buffer);
        if (buffer.hasRemaining()) {
            key.interestOps(SelectionKey.OP_WRITE);
        } else {
            buffer.clear();
            key.interestOps(SelectionKey.OP_READ);
        }
    }
}
