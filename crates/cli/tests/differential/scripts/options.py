"""Options of TCP sockets: set, read back, refused, with the lengths that are asked for."""

import array
import fcntl
import socket
import struct
import termios

from steps import *

SOCKET = socket.SOL_SOCKET
IP = socket.IPPROTO_IP
TCP = socket.IPPROTO_TCP
V6 = socket.IPPROTO_IPV6


def stream(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM)


def connected():
    one, two = pair()
    return one, two


# Options that are whole numbers: a name, the level, the number and values to set in turn.
NUMBERS = [
    ("reuseaddr", SOCKET, socket.SO_REUSEADDR, (1, 0, 7)),
    ("reuseport", SOCKET, socket.SO_REUSEPORT, (1, 0)),
    ("keepalive", SOCKET, socket.SO_KEEPALIVE, (1, 5, 0)),
    ("broadcast", SOCKET, socket.SO_BROADCAST, (1, 0)),
    ("oobinline", SOCKET, socket.SO_OOBINLINE, (1, 0)),
    ("dontroute", SOCKET, socket.SO_DONTROUTE, (1, 0)),
    ("rcvlowat", SOCKET, socket.SO_RCVLOWAT, (100, 1, 0)),
    ("priority", SOCKET, socket.SO_PRIORITY, (3, 0)),
    ("timestamp", SOCKET, getattr(socket, "SO_TIMESTAMP", 29), (1, 0)),
    ("nodelay", TCP, socket.TCP_NODELAY, (1, 9, 0)),
    ("cork", TCP, socket.TCP_CORK, (1, 0)),
    ("maxseg", TCP, socket.TCP_MAXSEG, (1000, 10, 50000)),
    ("keepidle", TCP, socket.TCP_KEEPIDLE, (60, 0, 32767, 40000)),
    ("keepintvl", TCP, socket.TCP_KEEPINTVL, (10, 0)),
    ("keepcnt", TCP, socket.TCP_KEEPCNT, (3, 0, 127, 128)),
    ("syncnt", TCP, socket.TCP_SYNCNT, (3, 0, 127, 128)),
    ("linger2", TCP, socket.TCP_LINGER2, (20, 0, -1)),
    ("defer accept", TCP, socket.TCP_DEFER_ACCEPT, (1, 0)),
    ("window clamp", TCP, socket.TCP_WINDOW_CLAMP, (50000,)),
    ("quickack", TCP, socket.TCP_QUICKACK, (0, 1)),
    ("user timeout", TCP, socket.TCP_USER_TIMEOUT, (5000, 0, -1)),
    ("notsent lowat", TCP, socket.TCP_NOTSENT_LOWAT, (16384, 0)),
    ("fastopen", TCP, socket.TCP_FASTOPEN, (5,)),
    ("tos", IP, socket.IP_TOS, (0x10, 0xB8, 0, 256)),
    ("ttl", IP, socket.IP_TTL, (1, 255, 0, 256, -1)),
    ("mtu discover", IP, getattr(socket, "IP_MTU_DISCOVER", 10), (0, 1, 2, 3, 6)),
    ("recvtos", IP, socket.IP_RECVTOS, (1, 0)),
    ("recverr", IP, getattr(socket, "IP_RECVERR", 11), (1, 0)),
    ("freebind", IP, 15, (1, 0)),
    ("bind no port", IP, 24, (1, 0)),
    ("no such of socket", SOCKET, 9999, (1,)),
    ("no such of tcp", TCP, 9999, (1,)),
    ("no such of ip", IP, 9999, (1,)),
    ("no such level", 777, 1, (1,)),
]


def numbers(sock):
    for name, level, option, values in NUMBERS:
        call(name, sock.getsockopt, level, option)
        for value in values:
            done = attempt(sock.setsockopt, level, option, value)
            say("%s = %d" % (name, value), "ok" if done is None else done, attempt(sock.getsockopt, level, option))


@case
def fresh():
    numbers(stream())


@case
def of_connected():
    one, two = connected()
    skipped = ("maxseg", "window clamp", "cork", "quickack", "fastopen", "defer accept")
    for name, level, option, values in NUMBERS:
        if name in skipped:
            continue
        done = attempt(one.setsockopt, level, option, values[0])
        say(name, "ok" if done is None else done, attempt(one.getsockopt, level, option))


@case
def of_listener():
    at = listener()
    for name, level, option, values in NUMBERS:
        if name in ("maxseg", "reuseport", "fastopen", "quickack"):
            continue
        done = attempt(at.setsockopt, level, option, values[0])
        say(name, "ok" if done is None else done, attempt(at.getsockopt, level, option))


@case
def read_only():
    for name, sock in (("fresh", stream()), ("listener", listener()), ("connected", connected()[0])):
        for option in ("SO_TYPE", "SO_DOMAIN", "SO_PROTOCOL", "SO_ERROR", "SO_ACCEPTCONN"):
            number = getattr(socket, option)
            say("%s %s" % (name, option), attempt(sock.getsockopt, SOCKET, number), attempt(sock.setsockopt, SOCKET, number, 1))


@case
def buffers():
    """What is set is doubled, within limits; the size is what it was before it connects."""
    sock = stream()
    for name, option in (("send", socket.SO_SNDBUF), ("receive", socket.SO_RCVBUF)):
        sock.setsockopt(SOCKET, option, 20000)
        say(name, sock.getsockopt(SOCKET, option))
        sock.setsockopt(SOCKET, option, 1)
        say(name + " least", sock.getsockopt(SOCKET, option))
        call(name + " negative", sock.setsockopt, SOCKET, option, -1)
        sock.setsockopt(SOCKET, option, 60000)
    at = listener()
    sock.connect(at.getsockname())
    say("connected", sock.getsockopt(SOCKET, socket.SO_SNDBUF), sock.getsockopt(SOCKET, socket.SO_RCVBUF))
    sock.setsockopt(SOCKET, socket.SO_SNDBUF, 30000)
    say("connected, set", sock.getsockopt(SOCKET, socket.SO_SNDBUF))


@case
def small_buffers_carry():
    """The smallest buffers there are, and still each byte comes."""
    at = stream()
    at.setsockopt(SOCKET, socket.SO_RCVBUF, 1)
    at.bind((LOOPBACK, 0))
    at.listen()
    sock = stream()
    sock.setsockopt(SOCKET, socket.SO_SNDBUF, 1)
    sock.connect(at.getsockname())
    server, _ = at.accept()
    thread, result = background(drain, server)
    sock.sendall(b"s" * 100_000)
    sock.close()
    say("came", joined(thread, result))


@case
def lengths():
    """Values that are shorter or longer than the option."""
    sock = stream()
    for name, level, option in (("keepalive", SOCKET, socket.SO_KEEPALIVE), ("nodelay", TCP, socket.TCP_NODELAY), ("ttl", IP, socket.IP_TTL)):
        for length in (0, 1, 3, 4, 8):
            done = attempt(sock.setsockopt, level, option, (b"\1" + bytes(7))[:length])
            say("%s set %d" % (name, length), "ok" if done is None else done)
        for length in (1, 2, 3, 4, 8, 64):
            say("%s get %d" % (name, length), attempt(sock.getsockopt, level, option, length))


@case
def linger():
    sock = stream()
    get = lambda: list(array.array("i", sock.getsockopt(SOCKET, socket.SO_LINGER, 8)))
    say("before", get())
    for on, seconds in ((1, 5), (1, 0), (0, 9), (3, 7)):
        sock.setsockopt(SOCKET, socket.SO_LINGER, struct.pack("ii", on, seconds))
        say("%d %d" % (on, seconds), get())
    call("short", sock.setsockopt, SOCKET, socket.SO_LINGER, bytes(4))


@case
def timeouts():
    sock = stream()
    for name, option in (("send", socket.SO_SNDTIMEO), ("receive", socket.SO_RCVTIMEO)):
        get = lambda: list(struct.unpack("ll", sock.getsockopt(SOCKET, option, 16)))
        say(name + " before", get())
        sock.setsockopt(SOCKET, option, struct.pack("ll", 1, 500_000))
        say(name, get())
        call(name + " short", sock.setsockopt, SOCKET, option, bytes(8))
        call(name + " wrong", sock.setsockopt, SOCKET, option, struct.pack("ll", 0, 1_000_000))
        sock.setsockopt(SOCKET, option, bytes(16))
        say(name + " none", get())


@case
def timeouts_work():
    one, two = connected()
    one.setsockopt(SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50_000))
    call("recv", one.recv, 10)
    one.setsockopt(SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 50_000))
    fill(one)
    call("send", one.send, b"x")
    at = listener()
    at.setsockopt(SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50_000))
    call("accept", at.accept)


@case
def congestion():
    sock = stream()
    get = lambda: sock.getsockopt(TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")
    say("length", len(sock.getsockopt(TCP, socket.TCP_CONGESTION, 16)))
    call("reno", sock.setsockopt, TCP, socket.TCP_CONGESTION, b"reno")
    say("now", get())
    call("none", sock.setsockopt, TCP, socket.TCP_CONGESTION, b"no-such-thing")
    say("still", get())
    call("empty", sock.setsockopt, TCP, socket.TCP_CONGESTION, b"")
    one, _ = connected()
    call("connected", one.setsockopt, TCP, socket.TCP_CONGESTION, b"reno")


@case
def info():
    """TCP_INFO: states and the fields that mean something everywhere."""
    def state(sock):
        return sock.getsockopt(TCP, socket.TCP_INFO, 256)[0]

    sock = stream()
    say("fresh", state(sock))
    sock.bind((LOOPBACK, 0))
    say("bound", state(sock))
    at = listener()
    say("listener", state(at))
    waiting = stream()
    waiting.setblocking(False)
    waiting.connect_ex(SILENT)
    say("connecting", state(waiting))
    one = client(at)
    two, _ = at.accept()
    say("established", state(one), state(two))
    one.send(b"x" * 1000)
    two.recv(2000)
    raw = one.getsockopt(TCP, socket.TCP_INFO, 104)
    say("length", len(raw))
    fields = struct.unpack("8B24I", raw[:104])
    names = "state ca_state retransmits probes backoff options wscale flags rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans".split()
    known = dict(zip(names, fields))
    say("retransmits", known["retransmits"], known["total_retrans"])
    say("options", known["options"] & 7)
    say("rtt", 0 < known["rtt"] < 10_000_000)
    say("rto", known["rto"] >= 200_000)
    say("window", known["snd_cwnd"] >= 10)
    say("mss", known["snd_mss"] >= 536, known["pmtu"] > known["snd_mss"])
    one.shutdown(socket.SHUT_WR)
    say("closing", until((5, 8), lambda: (state(one), state(two))))
    two.shutdown(socket.SHUT_WR)
    say("closed", until((7, 7), lambda: (state(one), state(two))))
    short = at.getsockopt(TCP, socket.TCP_INFO, 10)
    say("short", len(short))


@case
def refused_options():
    """What would need a privilege, or is not for this kind of socket."""
    sock = stream()
    call("ulp", sock.setsockopt, TCP, 31, b"no-such-protocol")
    call("multicast ttl", sock.setsockopt, IP, socket.IP_MULTICAST_TTL, 3)
    call("v6only of four", sock.setsockopt, V6, socket.IPV6_V6ONLY, 1)
    call("device", sock.setsockopt, SOCKET, socket.SO_BINDTODEVICE, b"no-such-device\0")
    call("header", sock.setsockopt, IP, socket.IP_HDRINCL, 1)


@case
def effects():
    """Options that are seen at work: oobinline, receive low water."""
    one, two = connected()
    two.setsockopt(SOCKET, socket.SO_OOBINLINE, 1)
    one.send(b"a")
    one.send(b"!", socket.MSG_OOB)
    one.send(b"b")
    got = b""
    two.settimeout(1)
    while len(got) < 3 and not isinstance(part := attempt(two.recv, 10), OSError):
        got += part
    say("inline", got)


@case
def low_water():
    one, two = connected()
    two.setsockopt(SOCKET, socket.SO_RCVLOWAT, 100)
    one.send(b"x")
    say("one byte", _settled(two))
    one.send(b"x" * 99)
    poll("hundred", two, "IN|OUT")


def _settled(sock):
    """The mask, after the byte is certainly there."""
    until(1, lambda: struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0])
    return mask_of(sock)


@case
def keepalive_defaults():
    sock = stream()
    say("values", [sock.getsockopt(TCP, one) for one in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)])


@case
def cork():
    """Corked bytes go when the cork is pulled (or after 200 ms)."""
    one, two = connected()
    one.setsockopt(TCP, socket.TCP_CORK, 1)
    one.send(b"a head, ")
    one.send(b"a body")
    one.setsockopt(TCP, socket.TCP_CORK, 0)
    say("came", until(14, lambda: len(attempt(two.recv, 100, socket.MSG_PEEK))))


main()
