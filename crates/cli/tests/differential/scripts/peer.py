"""The far end of far.py and outside.py: on the machine's own sockets always, told what to do over a UNIX socket.

Each line that comes is an expression; its value, or the error's name, goes back as a line.
"""

import errno
import os
import socket
import struct
import sys
import tempfile
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

    def post(self):
        """A UNIX socket for descriptors; `meet` is told when the script has connected."""
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o777)
        self.box = socket.socket(socket.AF_UNIX)
        self.box.bind(self.folder.name + "/post")
        os.chmod(self.folder.name + "/post", 0o777)
        self.box.listen()
        return self.box.getsockname()

    def meet(self):
        self.mail, _ = self.box.accept()

    def take(self):
        """A descriptor of the script's, which may block: its flags are the script's too."""
        _, fds, _, _ = socket.recv_fds(self.mail, 10, 1)
        self.sock = socket.socket(fileno=fds[0])

    def take_listener(self):
        _, fds, _, _ = socket.recv_fds(self.mail, 10, 1)
        self.at = socket.socket(fileno=fds[0])

    def accept_there(self):
        self.sock, _ = self.at.accept()

    def give(self):
        """One end of a connection between two of the machine's own sockets."""
        with socket.create_connection(self.at.getsockname()) as given:
            self.sock, _ = self.at.accept()
            socket.send_fds(self.mail, [b"x"], [given.fileno()])

    def give_listener(self):
        socket.send_fds(self.mail, [b"x"], [self.at.fileno()])

    def knock(self):
        self.sock = socket.create_connection(self.at.getsockname(), 8)

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
