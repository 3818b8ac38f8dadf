"""Calls a program for each connection to a port, which is its standard input and output."""
import socketserver, subprocess, sys

class Call(socketserver.BaseRequestHandler):
    def handle(self):
        subprocess.run(sys.argv[2:], stdin=self.request, stdout=self.request)

class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True

Server(("0.0.0.0", int(sys.argv[1])), Call).serve_forever()
