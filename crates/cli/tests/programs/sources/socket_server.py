"""Lines in capitals, over TCP (a thread each) and UDP."""
import socketserver, threading

class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())

class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, endpoint = self.request
        endpoint.sendto(data.upper(), self.client_address)

class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

with Tcp(("0.0.0.0", 7000), Stream) as tcp, socketserver.UDPServer(("0.0.0.0", 7001), Datagram) as udp:
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    tcp.serve_forever()
