"""Datagrams: connected or not, refused, cut short, many at once, with what comes beside them."""

import array
import ctypes
import fcntl
import os
import select
import socket
import struct
import termios

from steps import *


def datagram(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_DGRAM)


def bound(name, host=LOOPBACK):
    sock = datagram()
    sock.bind((host, 0))
    named(sock.getsockname()[1], name)
    return sock


def free_port():
    with bound("nobody") as sock:
        return sock.getsockname()


libc = ctypes.CDLL(None, use_errno=True)


def unspecified(sock):
    done = libc.connect(sock.fileno(), bytes(16), 16)
    return "ok" if done == 0 else errno.errorcode[ctypes.get_errno()]


@case
def fresh():
    sock = datagram()
    poll("poll", sock, "OUT")
    call("name", sock.getsockname)
    call("peer", sock.getpeername)
    call("send", sock.send, b"x")
    sock.setblocking(False)
    call("recv", sock.recv, 10)
    call("listen", sock.listen)
    call("accept", sock.accept)
    call("shutdown", sock.shutdown, socket.SHUT_RD)


@case
def there_and_back():
    one, two = bound("one"), bound("two")
    call("sendto", one.sendto, b"hello", two.getsockname())
    poll("poll", two, "IN|OUT")
    data, name = two.recvfrom(100)
    say("came", data, name)
    call("back", two.sendto, b"answer", name)
    call("recv", one.recv, 100)


@case
def gets_a_port():
    one, two = datagram(), bound("two")
    one.sendto(b"x", two.getsockname())
    say("port", one.getsockname()[1] != 0, one.getsockname()[0])
    say("source", two.recvfrom(10)[1][1] == one.getsockname()[1])


@case
def connected():
    one, two, three = bound("one"), bound("two"), bound("three")
    call("connect", one.connect, two.getsockname())
    call("peer", one.getpeername)
    call("send", one.send, b"a")
    call("recvfrom", two.recvfrom, 10)
    three.sendto(b"stranger", one.getsockname())
    two.sendto(b"friend", one.getsockname())
    call("only the friend", one.recvfrom, 10)
    call("send elsewhere", one.sendto, b"b", three.getsockname())
    call("three", three.recvfrom, 10)
    call("reconnect", one.connect, three.getsockname())
    call("peer now", one.getpeername)
    call("unspecified", unspecified, one)
    call("no peer", one.getpeername)
    call("send then", one.send, b"x")
    call("name", lambda: one.getsockname()[0])


@case
def connect_gives_a_name():
    two = bound("two")
    sock = datagram()
    sock.connect(two.getsockname())
    say("name", sock.getsockname()[0], sock.getsockname()[1] != 0)
    call("unspecified", unspecified, sock)
    call("name then", sock.getsockname)


@case
def queued_before_connect():
    """What came before connect stays."""
    one, two, three = bound("one"), bound("two"), bound("three")
    three.sendto(b"early", one.getsockname())
    poll("poll", one, "IN|OUT")
    one.connect(two.getsockname())
    call("recv", one.recvfrom, 10)


@case
def empty():
    """A datagram of no bytes is a datagram."""
    one, two = bound("one"), bound("two")
    call("send", one.sendto, b"", two.getsockname())
    poll("poll", two, "IN|OUT")
    call("recv", two.recvfrom, 10)
    one.connect(two.getsockname())
    call("send connected", one.send, b"")
    poll("poll again", two, "IN|OUT")
    call("recv again", two.recv, 10)
    poll("none left", two, "OUT")


@case
def cut_short():
    one, two = bound("one"), bound("two")
    for _ in range(4):
        one.sendto(b"0123456789", two.getsockname())
    call("four", two.recv, 4)
    data, _, flags, name = two.recvmsg(4)
    say("flags", data, bool(flags & socket.MSG_TRUNC), name)
    say("length", len(attempt(two.recv, 4)))
    buffer = bytearray(4)
    say("true length", two.recv_into(buffer, 4, socket.MSG_TRUNC))
    poll("none left", two, "OUT")


@case
def peek():
    one, two = bound("one"), bound("two")
    one.sendto(b"look", two.getsockname())
    call("peek", two.recvfrom, 10, socket.MSG_PEEK)
    call("peek again", two.recv, 10, socket.MSG_PEEK)
    call("recv", two.recvfrom, 10)
    poll("none left", two, "OUT")


@case
def sizes():
    one, two = bound("one"), bound("two")
    for size in (1, 1472, 1473, 9000, 65507):
        call("send %d" % size, one.sendto, b"s" * size, two.getsockname())
        two.settimeout(PATIENCE)
        say("recv %d" % size, len(two.recv(70000)))
    call("too long", one.sendto, b"s" * 65508, two.getsockname())


@case
def next_size():
    """FIONREAD: the first datagram's length."""
    one, two = bound("one"), bound("two")
    ask = lambda: struct.unpack("i", fcntl.ioctl(two, termios.FIONREAD, bytes(4)))[0]
    say("none", ask())
    one.sendto(b"12345", two.getsockname())
    one.sendto(b"123", two.getsockname())
    say("first", until(5, ask))
    two.recv(10)
    say("second", until(3, ask))


@case
def refused():
    """Nobody listens: the error comes with a later call."""
    sock = datagram()
    sock.connect(free_port())
    call("send", sock.send, b"x")
    poll("poll", sock, "OUT|ERR")
    call("recv", sock.recv, 10)
    poll("poll then", sock, "OUT")
    call("send again", sock.send, b"x")
    poll("poll again", sock, "OUT|ERR")
    say("error", so_error(sock))
    say("error then", so_error(sock))
    call("send last", sock.send, b"x")
    poll("poll last", sock, "OUT|ERR")
    call("send finds it", sock.send, b"x")


@case
def refused_unconnected():
    """Without connect nobody is told."""
    sock = bound("one")
    call("send", sock.sendto, b"x", free_port())
    steady("poll", sock)


@case
def refused_while_waiting():
    sock = datagram()
    sock.connect(free_port())
    thread, result = background(sock.recv, 10)
    sleeping(thread)
    sock.send(b"x")
    say("recv", joined(thread, result))


@case
def errors_told():
    """IP_RECVERR: the error queue says who refused."""
    sock = datagram()
    sock.setsockopt(socket.IPPROTO_IP, 11, 1)
    where = free_port()
    sock.sendto(b"lost", where)
    poll("poll", sock, "OUT|ERR")
    data, notes, flags, name = sock.recvmsg(100, 512, socket.MSG_ERRQUEUE)
    say("data", data, bool(flags & socket.MSG_ERRQUEUE), name == where)
    for level, kind, note in notes:
        number, origin, type_, code = struct.unpack("IBBB", note[:7])
        say("note", level, kind, errno.errorcode[number], origin, type_, code)


@case
def burst():
    """A thousand, as fast as they go, to one that reads after each ten."""
    one, two = bound("one"), bound("two")
    one.connect(two.getsockname())
    got = []
    for index in range(1000):
        one.send(b"%d" % index)
        if index % 10 == 9:
            got += [int(two.recv(10)) for _ in range(10)]
    say("all in order", got == list(range(1000)))


@case
def burst_unread():
    """A hundred small ones wait in the queue."""
    one, two = bound("one"), bound("two")
    for index in range(100):
        one.sendto(b"%d" % index, two.getsockname())
    two.settimeout(PATIENCE)
    say("all in order", [int(two.recv(10)) for _ in range(100)] == list(range(100)))


@case
def overflow():
    """Too many: some are lost, nothing blocks, nothing fails."""
    one, two = bound("one"), bound("two")
    two.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    errors = {show(sent) for sent in (attempt(one.sendto, b"x" * 1000, two.getsockname()) for _ in range(500)) if sent != 1000}
    say("errors", sorted(errors))
    poll("poll", two, "IN|OUT")
    two.setblocking(False)
    count = 0
    while not isinstance(attempt(two.recv, 2000), OSError):
        count += 1
    say("some", 0 < count < 500)


@case
def shared_port():
    one = bound("one")
    where = one.getsockname()
    call("taken", datagram().bind, where)
    for name, option in (("reuseaddr", socket.SO_REUSEADDR), ("reuseport", socket.SO_REUSEPORT)):
        first, second = datagram(), datagram()
        first.setsockopt(socket.SOL_SOCKET, option, 1)
        second.setsockopt(socket.SOL_SOCKET, option, 1)
        first.bind((LOOPBACK, 0))
        call(name, second.bind, first.getsockname())
    say("tcp has its own", attempt(socket.socket().bind, where))


@case
def most_exact():
    """A connected socket comes before one that is only bound."""
    at = bound("at")
    at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    exact = datagram()
    exact.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    exact.bind(at.getsockname())
    sender = bound("sender")
    exact.connect(sender.getsockname())
    sender.sendto(b"to the exact one", at.getsockname())
    poll("exact", exact, "IN|OUT")
    poll("other", at, "OUT")


@case
def shutdown_reads():
    one, two = bound("one"), bound("two")
    one.connect(two.getsockname())
    call("shutdown", one.shutdown, socket.SHUT_RD)
    poll("poll", one, "IN|OUT|RDHUP")
    call("recv", one.recv, 10)
    call("shutdown writes", one.shutdown, socket.SHUT_WR)
    poll("poll then", one, "IN|OUT|HUP|RDHUP")


@case
def shutdown_wakes():
    one, two = bound("one"), bound("two")
    one.connect(two.getsockname())
    thread, result = background(one.recv, 10)
    sleeping(thread)
    one.shutdown(socket.SHUT_RD)
    say("recv", joined(thread, result))


@case
def packet_information():
    """IP_PKTINFO: where a datagram was sent to."""
    two = bound("two", "0.0.0.0")
    two.setsockopt(socket.IPPROTO_IP, socket.IP_PKTINFO if hasattr(socket, "IP_PKTINFO") else 8, 1)
    one = bound("one", "127.0.0.1")
    for host in ("127.0.0.1", "127.0.0.2"):
        one.sendto(b"x", (host, two.getsockname()[1]))
        data, notes, flags, name = two.recvmsg(10, 512)
        for level, kind, note in notes:
            _, local, to = struct.unpack("I4s4s", note)
            say(host, level, kind, socket.inet_ntoa(local), socket.inet_ntoa(to))


@case
def ttl_and_tos_told():
    one, two = bound("one"), bound("two")
    two.setsockopt(socket.IPPROTO_IP, 12, 1)
    two.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    one.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
    one.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x20)
    one.sendto(b"x", two.getsockname())
    notes = two.recvmsg(10, 512)[1]
    say("notes", sorted((level, kind, note[0]) for level, kind, note in notes))


@case
def broadcast():
    sock = datagram()
    call("without leave", sock.sendto, b"x", ("255.255.255.255", 9))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    say("leave", sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST))


@case
def multicast():
    """A group joined on the loopback."""
    two = datagram()
    two.bind(("", 0))
    group = socket.inet_aton("239.1.2.3") + socket.inet_aton(LOOPBACK)
    if call("join", two.setsockopt, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group) is not None:
        return
    one = datagram()
    one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK))
    call("send", one.sendto, b"to all", ("239.1.2.3", two.getsockname()[1]))
    two.settimeout(PATIENCE)
    call("recv", two.recv, 10)
    call("join again", two.setsockopt, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    call("leave", two.setsockopt, socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, group)
    call("leave again", two.setsockopt, socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, group)


@case
def options():
    sock = datagram()
    for name, level, option, values in (
        ("ttl", socket.IPPROTO_IP, socket.IP_TTL, (5, 0, 256)),
        ("tos", socket.IPPROTO_IP, socket.IP_TOS, (8, 0)),
        ("multicast ttl", socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, (3, 256)),
        ("multicast loop", socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, (0, 1)),
        ("reuseaddr", socket.SOL_SOCKET, socket.SO_REUSEADDR, (1,)),
        ("pktinfo", socket.IPPROTO_IP, 8, (1, 0)),
        ("nodelay", socket.IPPROTO_TCP, socket.TCP_NODELAY, (1,)),
        ("cork", socket.IPPROTO_UDP, 1, (1, 0)),
    ):
        say(name, attempt(sock.getsockopt, level, option))
        for value in values:
            done = attempt(sock.setsockopt, level, option, value)
            say("%s = %d" % (name, value), "ok" if done is None else done, attempt(sock.getsockopt, level, option))
    for option in (socket.SO_TYPE, socket.SO_DOMAIN, socket.SO_PROTOCOL, socket.SO_ACCEPTCONN):
        call("option %d" % option, sock.getsockopt, socket.SOL_SOCKET, option)


@case
def from_threads():
    """Eight threads send from one socket; each datagram is whole."""
    one, two = bound("one"), bound("two")
    two.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    send = lambda tag: [one.sendto(tag * 50, two.getsockname()) for _ in range(20)]
    for thread, result in [background(send, b"%c" % (65 + index)) for index in range(8)]:
        joined(thread, result)
    two.settimeout(PATIENCE)
    got = [two.recv(100) for _ in range(160)]
    say("whole", all(len(set(one)) == 1 and len(one) == 50 for one in got))


@case
def fork_shares():
    one, two = bound("one"), bound("two")
    child = os.fork()
    if child == 0:
        one.sendto(b"from the child", two.getsockname())
        os._exit(0)
    call("recv", two.recvfrom, 20)
    os.waitpid(child, 0)


@case
def edge():
    one, two = bound("one"), bound("two")
    poller = select.epoll()
    poller.register(two, select.EPOLLIN | select.EPOLLET)
    for round in ("first", "second"):
        one.sendto(b"x", two.getsockname())
        say(round, [events(mask) for _, mask in poller.poll(PATIENCE)])
    say("none", poller.poll(0.05))


@case
def timeout():
    sock = bound("one")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50_000))
    call("recv", sock.recv, 10)
    sock.settimeout(0.05)
    call("python's", sock.recvfrom, 10)


@case
def silent():
    """Nobody is there, and nobody says so."""
    sock = datagram()
    call("sendto", sock.sendto, b"x", SILENT)
    call("connect", sock.connect, SILENT)
    call("send", sock.send, b"x")
    steady("poll", sock)


main()
