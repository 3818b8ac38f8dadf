#!/usr/bin/env python3
"""Sends 1,000 numbered messages over TCP and then over UDP, and says how many arrived, in order or
not, and how long it took.

    python3 docs/messages.py danja run --loss 5% --host-access --

starts a server on this machine and, with the words that follow, a client: here one whose link
loses a twentieth of all frames. Without words the client runs on the kernel. The sockets below
know nothing of any of this.
"""
import os
import socket
import subprocess
import sys
import threading
import time

COUNT = 1000
SIZE = 1000


def message(number):
    return (b"%d " % number).ljust(SIZE, b".")


def serve(tcp, udp):
    """Receives both and tells the client, over TCP, what came."""
    stream, _ = tcp.accept()
    with stream:
        whole = b"".join(iter(lambda: stream.recv(65536), b""))
        numbers = [int(whole[at:at + SIZE].split()[0]) for at in range(0, len(whole), SIZE)]
        stream.sendall(report(numbers))
    udp.settimeout(1)
    numbers = []
    wake, _ = tcp.accept()
    with wake:
        try:
            while True:
                numbers.append(int(udp.recv(65536).split()[0]))
        except TimeoutError:
            wake.sendall(report(numbers))


def report(numbers):
    order = "in order" if numbers == sorted(numbers) else "not in order"
    return b"%d %s" % (len(set(numbers)), order.encode())


def hear(stream):
    count, order = b"".join(iter(lambda: stream.recv(100), b"")).decode().split(" ", 1)
    return int(count), order


def client(server, port):
    begun = time.monotonic()
    with socket.create_connection((server, port)) as stream:
        for number in range(COUNT):
            stream.sendall(message(number))
        stream.shutdown(socket.SHUT_WR)
        count, order = hear(stream)
    took = time.monotonic() - begun
    print(f"TCP: {count} of {COUNT} messages arrived, {order}, in {took:.2f} s")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        with socket.create_connection((server, port)) as stream:
            begun = time.monotonic()
            for number in range(COUNT):
                datagrams.sendto(message(number), (server, port))
                time.sleep(0.0005)  # what a queue on the way cannot hold is lost too
            took = time.monotonic() - begun
            count, order = hear(stream)
    print(f"UDP: {count} of {COUNT} messages arrived, {COUNT - count} are missing, {order}; sent in {took:.2f} s, nothing waited for")


def main():
    if sys.argv[1:2] == ["client"]:
        return client(sys.argv[2], int(sys.argv[3]))
    launcher = sys.argv[1:]
    # Under a launcher this machine has another address than its own loopback's.
    address = "10.0.2.3" if launcher else "127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        udp.bind(("127.0.0.1", port))
        threading.Thread(target=serve, args=(tcp, udp), daemon=True).start()
        words = launcher + [sys.executable, os.path.abspath(__file__), "client", address, str(port)]
        return subprocess.run(words, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
