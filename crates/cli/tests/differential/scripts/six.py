"""Sockets of IPv6: with IPv4 in them, and by themselves."""

import ctypes
import socket
import struct

from steps import *

V6 = socket.IPPROTO_IPV6
MAPPED = "::ffff:127.0.0.1"


def stream():
    return socket.socket(socket.AF_INET6, socket.SOCK_STREAM)


@case
def fresh():
    sock = stream()
    poll("poll", sock, "OUT|HUP")
    call("name", sock.getsockname)
    call("peer", sock.getpeername)
    say("domain", sock.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET6)
    say("v6only", sock.getsockopt(V6, socket.IPV6_V6ONLY))


@case
def mapped_client():
    """An IPv6 socket connects to an IPv4 listener."""
    at = listener()
    sock = stream()
    call("connect", sock.connect, (MAPPED, at.getsockname()[1]))
    named(sock.getsockname()[1], "client")
    call("name", sock.getsockname)
    call("peer", sock.getpeername)
    server, name = at.accept()
    say("server sees", name)
    sock.send(b"mapped")
    call("recv", server.recv, 10)


@case
def mapped_server():
    """An IPv6 listener takes IPv4 clients."""
    at = stream()
    at.setsockopt(V6, socket.IPV6_V6ONLY, 0)
    call("bind", at.bind, ("::", 0))
    at.listen()
    named(at.getsockname()[1], "listener")
    call("name", at.getsockname)
    sock = socket.socket()
    call("connect", sock.connect, (LOOPBACK, at.getsockname()[1]))
    named(sock.getsockname()[1], "client")
    server, name = at.accept()
    say("accepted", name)
    call("server's name", server.getsockname)
    call("server's peer", server.getpeername)
    server.send(b"both")
    call("recv", sock.recv, 10)


@case
def mapped_bind():
    at = stream()
    call("bind", at.bind, (MAPPED, 0))
    at.listen()
    named(at.getsockname()[1], "listener")
    call("name", at.getsockname)
    call("connect", socket.socket().connect, (LOOPBACK, at.getsockname()[1]))


@case
def only_six():
    at = stream()
    call("v6only", at.setsockopt, V6, socket.IPV6_V6ONLY, 1)
    call("bind", at.bind, ("::", 0))
    at.listen()
    call("from four", socket.socket().connect, (LOOPBACK, at.getsockname()[1]))
    call("mapped", stream().connect, (MAPPED, at.getsockname()[1]))
    sock = stream()
    sock.setsockopt(V6, socket.IPV6_V6ONLY, 1)
    call("only six to mapped", sock.connect, (MAPPED, 1))
    call("set when bound", at.setsockopt, V6, socket.IPV6_V6ONLY, 0)


@case
def two_families_one_port():
    six = stream()
    six.setsockopt(V6, socket.IPV6_V6ONLY, 1)
    six.bind(("::", 0))
    four = socket.socket()
    call("beside", four.bind, ("0.0.0.0", six.getsockname()[1]))
    both = stream()
    both.setsockopt(V6, socket.IPV6_V6ONLY, 0)
    both.bind(("::", 0))
    call("taken", socket.socket().bind, ("0.0.0.0", both.getsockname()[1]))


@case
def loopback():
    at = stream()
    call("bind", at.bind, ("::1", 0))
    call("listen", at.listen)
    named(at.getsockname()[1], "listener")
    call("name", at.getsockname)
    sock = stream()
    call("connect", sock.connect, ("::1", at.getsockname()[1]))
    named(sock.getsockname()[1], "client")
    call("peer", sock.getpeername)


@case
def refused():
    where = closed_port()[1]
    call("mapped", stream().connect, (MAPPED, where))
    call("six", stream().connect, ("::1", where))
    sock = stream()
    sock.setblocking(False)
    call("nonblocking", sock.connect, (MAPPED, where))
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    say("error", so_error(sock))


@case
def options():
    sock = stream()
    for name, option, values in (
        ("hops", socket.IPV6_UNICAST_HOPS, (5, -1, 256)),
        ("class", socket.IPV6_TCLASS, (16, -1)),
        ("v6only", socket.IPV6_V6ONLY, (1, 0)),
        ("mtu discover", 23, (2, 0)),
        ("recverr", 25, (1, 0)),
    ):
        call(name, sock.getsockopt, V6, option)
        for value in values:
            done = attempt(sock.setsockopt, V6, option, value)
            say("%s = %d" % (name, value), "ok" if done is None else done, attempt(sock.getsockopt, V6, option))
    call("four's ttl", sock.setsockopt, socket.IPPROTO_IP, socket.IP_TTL, 9)
    call("no such", sock.getsockopt, V6, 999)
    say("nodelay", attempt(sock.setsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))


@case
def datagrams():
    four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    four.bind((LOOPBACK, 0))
    named(four.getsockname()[1], "four")
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    six.setsockopt(V6, socket.IPV6_V6ONLY, 0)
    six.bind(("::", 0))
    named(six.getsockname()[1], "six")
    call("to four", six.sendto, b"x", (MAPPED, four.getsockname()[1]))
    call("four reads", four.recvfrom, 10)
    call("to six", four.sendto, b"y", (LOOPBACK, six.getsockname()[1]))
    call("six reads", six.recvfrom, 10)
    call("connect", six.connect, (MAPPED, four.getsockname()[1]))
    call("peer", six.getpeername)
    call("name", six.getsockname)
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.connect(six.fileno(), bytes(28), 28)
    say("unspecified", "ok" if done == 0 else errno.errorcode[ctypes.get_errno()])
    call("name then", six.getsockname)


@case
def resolver_probe():
    """What getaddrinfo does to sort addresses: an IPv6 datagram socket connected to IPv4's."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    libc = ctypes.CDLL(None, use_errno=True)
    four = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 53) + socket.inet_aton("127.0.0.1") + bytes(8)
    done = libc.connect(sock.fileno(), four, len(four))
    say("connect", "ok" if done == 0 else errno.errorcode[ctypes.get_errno()])
    say("name", attempt(lambda: sock.getsockname()[0]))
    found = socket.getaddrinfo(None, 80, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    say("passive", sorted(entry[4][0] for entry in found))
    found = socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    say("literal", [entry[4] for entry in found])


@case
def wrong_family():
    call("four's address", lambda: _connect_four(stream()))
    sock = socket.socket()
    libc = ctypes.CDLL(None, use_errno=True)
    six = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, "::1"), 0)
    done = libc.connect(sock.fileno(), six, len(six))
    say("six's address", "ok" if done == 0 else errno.errorcode[ctypes.get_errno()])
    done = libc.bind(sock.fileno(), six, len(six))
    say("six's address to bind", "ok" if done == 0 else errno.errorcode[ctypes.get_errno()])
    short = libc.connect(stream().detach(), six, 20)
    say("short", "ok" if short == 0 else errno.errorcode[ctypes.get_errno()])


def _connect_four(sock):
    at = listener()
    where = struct.pack("=H", socket.AF_INET) + struct.pack("!H", at.getsockname()[1]) + socket.inet_aton(LOOPBACK) + bytes(8)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(sock.fileno(), where, len(where)):
        raise OSError(ctypes.get_errno(), "")
    return sock.getpeername()


main()
