"""The far end of far.py: on the machine's own sockets always, told what to do over a UNIX socket.

Each line that comes is an expression; its value, or the error's name, goes back as a line.
"""

import errno
import os
import socket
import struct
import sys
import threading
import time

HOST = "10.9.8.7"


class Far:
    """The sockets of one case."""

    def __init__(self):
        self.at = socket.socket()
        self.at.bind((HOST, 0))
        self.at.listen()
        self.at.settimeout(8)
        self.sock = None

    def port(self):
        return self.at.getsockname()[1]

    def closed(self):
        with socket.socket() as sock:
            sock.bind((HOST, 0))
            return sock.getsockname()[1]

    def accept(self):
        self.sock, _ = self.at.accept()
        self.sock.settimeout(8)
        return "accepted"

    def stop(self):
        self.at.close()

    def send(self, data):
        self.sock.sendall(data)
        return len(data)

    def send_while_it_goes(self):
        """Until the other side takes no more; the sum is read by who asks."""
        self.sock.settimeout(0.5)
        total = 0
        try:
            while True:
                total += self.sock.send(b"f" * 65536)
        except TimeoutError:
            return total

    def recv(self, size):
        return self.sock.recv(size)

    def all(self):
        """All until the end: how much, and how it ended."""
        total = 0
        try:
            while data := self.sock.recv(1 << 16):
                total += len(data)
        except OSError as error:
            return total, errno.errorcode.get(error.errno, "time-out")
        return total, "end"

    def half(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def datagrams(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((HOST, 0))
        self.udp.settimeout(8)
        return self.udp.getsockname()[1]

    def echo(self):
        data, where = self.udp.recvfrom(70000)
        self.udp.sendto(data, where)
        return len(data)


def serve(control):
    far = Far()
    with control, control.makefile("rw") as lines:
        for line in lines:
            try:
                value = eval(line, {"far": far})
            except OSError as error:
                value = errno.errorcode.get(error.errno, "time-out")
            lines.write(repr(value) + "\n")
            lines.flush()


def main():
    at = socket.socket(socket.AF_UNIX)
    at.bind(sys.argv[1])
    os.chmod(sys.argv[1], 0o777)
    at.listen(16)
    while True:
        threading.Thread(target=serve, args=(at.accept()[0],), daemon=True).start()


main()
