"""Connections to another machine, as far as the program can see: over the LAN and its gateway."""

import ast
import os
import signal
import socket

from steps import *

HOST = "10.9.8.7"


class Peer:
    """The far end (peer.py), which does what it is told and says what came of it."""

    def __init__(self):
        self.control = socket.socket(socket.AF_UNIX)
        until(True, lambda: attempt(self.control.connect, os.environ["PEER"]) is None)
        self.lines = self.control.makefile("rw")

    def __call__(self, expression):
        self.lines.write("far." + expression + "\n")
        self.lines.flush()
        return ast.literal_eval(self.lines.readline())


def stream():
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def joined_to(peer):
    """A connection to the peer, which has accepted it."""
    sock = stream()
    port = peer("port()")
    named(port, "far")
    sock.connect((HOST, port))
    peer("accept()")
    return sock


@case
def echo():
    peer = Peer()
    sock = stream()
    port = peer("port()")
    named(port, "far")
    call("connect", sock.connect, (HOST, port))
    call("peer", sock.getpeername)
    say("far", peer("accept()"))
    call("send", sock.send, b"across")
    say("far reads", peer("recv(100)"))
    peer("send(b'and back')")
    call("recv", sock.recv, 100)
    poll("poll", sock, "OUT")


@case
def nonblocking():
    peer = Peer()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, (HOST, peer("port()")))
    poll("poll", sock, "OUT")
    say("error", so_error(sock))
    say("far", peer("accept()"))


@case
def refused():
    peer = Peer()
    where = (HOST, peer("closed()"))
    call("connect", stream().connect, where)
    sock = stream()
    sock.setblocking(False)
    call("nonblocking", sock.connect, where)
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    say("error", so_error(sock))


@case
def half_close():
    peer = Peer()
    sock = joined_to(peer)
    sock.send(b"request")
    call("shutdown", sock.shutdown, socket.SHUT_WR)
    say("far", peer("all()"))
    steady("poll", sock)
    peer("send(b'answer')")
    peer("close()")
    poll("end", sock, "IN|OUT|HUP|RDHUP")
    say("came", drain(sock))


@case
def far_half_close():
    peer = Peer()
    sock = joined_to(peer)
    peer("half()")
    poll("poll", sock, "IN|OUT|RDHUP")
    call("recv", sock.recv, 10)
    call("send", sock.send, b"still heard")
    say("far", peer("recv(100)"))
    sock.close()
    say("far then", peer("all()"))


@case
def far_resets():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    peer = Peer()
    sock = joined_to(peer)
    peer("reset()")
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", sock.recv, 10)
    call("recv then", sock.recv, 10)
    call("send", sock.send, b"x")


@case
def resets():
    peer = Peer()
    sock = joined_to(peer)
    reset(sock)
    say("far", peer("all()"))


@case
def close_with_unread():
    peer = Peer()
    sock = joined_to(peer)
    peer("send(b'unread')")
    poll("poll", sock, "IN|OUT")
    sock.close()
    say("far", peer("all()"))


@case
def far_closes_with_unread():
    peer = Peer()
    sock = joined_to(peer)
    sock.send(b"unread")
    peer("recv(1)")
    peer("close()")
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", sock.recv, 10)


@case
def killed():
    """A program that is killed: the far end sees the end."""
    peer = Peer()
    port = peer("port()")
    child = os.fork()
    if child == 0:
        sock = stream()
        sock.connect((HOST, port))
        sock.send(b"last")
        signal.pause()
    peer("accept()")
    say("far reads", peer("recv(100)"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    say("far", peer("all()"))


@case
def pressure():
    """Nobody reads: the writer is stopped; then all comes."""
    peer = Peer()
    sock = joined_to(peer)
    total = fill(sock)
    say("stopped", mask_of(sock))
    sock.shutdown(socket.SHUT_WR)
    say("all came", peer("all()") == (total, "end"))


@case
def far_pressure():
    peer = Peer()
    sock = joined_to(peer)
    total = peer("send_while_it_goes()")
    say("stopped", total > 0)
    peer("close()")
    say("all came", drain(sock) == (total, "end"))


@case
def much():
    peer = Peer()
    sock = joined_to(peer)
    thread, result = background(sock.sendall, b"m" * 20_000_000)
    reader, far = background(peer, "all()")
    thread.join(20)
    sock.shutdown(socket.SHUT_WR)
    say("far", joined(reader, far))


@case
def many():
    """A hundred connections at once."""
    peer = Peer()
    port = peer("port()")
    socks = []
    for _ in range(100):
        sock = stream()
        sock.setblocking(False)
        sock.connect_ex((HOST, port))
        socks.append(sock)
    good = 0
    for _ in socks:
        peer("accept()")
        peer("send(b'!')")
        peer("close()")
    for sock in socks:
        sock.setblocking(True)
        good += drain(sock) == (1, "end")
    say("good", good)


@case
def listener_closes():
    peer = Peer()
    port = peer("port()")
    call("open", stream().connect, (HOST, port))
    peer("stop()")
    call("closed", stream().connect, (HOST, port))


@case
def datagrams():
    peer = Peer()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port = peer("datagrams()")
    named(port, "far")
    sock.settimeout(PATIENCE)
    for size in (1, 1400, 0):
        sock.sendto(b"d" * size, (HOST, port))
        say("far has", peer("echo()"))
        data, name = sock.recvfrom(70000)
        say("back", len(data), name)
    sock.connect((HOST, port))
    sock.send(b"connected")
    peer("echo()")
    call("recv", sock.recv, 100)


@case
def datagram_refused():
    peer = Peer()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((HOST, peer("closed()")))
    sock.send(b"x")
    poll("poll", sock, "OUT|ERR")
    say("error", so_error(sock))


main()
