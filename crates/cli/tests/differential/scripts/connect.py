"""How a connection begins: blocking or not, refused, never answered, twice, from two threads."""

import ctypes
import fcntl
import os
import select
import socket
import struct

from steps import *


def stream():
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def watch(sock, flags):
    """An epoll that watches a socket."""
    poll = select.epoll()
    poll.register(sock, flags)
    return poll


def awaited(poll):
    """What an epoll says within its patience."""
    found = poll.poll(PATIENCE)
    return events(found[0][1]) if found else "none"


ALL = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLPRI


@case
def fresh():
    sock = stream()
    poll("poll", sock, "OUT|HUP")
    call("name", sock.getsockname)
    call("peer", sock.getpeername)
    call("recv", sock.recv, 10)
    call("accept", sock.accept)
    call("shutdown", sock.shutdown, socket.SHUT_WR)
    say("error", so_error(sock))


@case
def send_on_fresh():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    call("send", stream().send, b"x")
    sock = stream()
    call("write", os.write, sock.fileno(), b"x")


@case
def blocking():
    at = listener()
    sock = stream()
    call("connect", sock.connect, at.getsockname())
    named(sock.getsockname()[1], "client")
    poll("poll", sock, "OUT")
    call("peer", sock.getpeername)
    call("name", sock.getsockname)
    poll("listener", at, "IN")
    server, name = at.accept()
    say("accepted", name)
    call("again", sock.connect, at.getsockname())
    call("elsewhere", sock.connect, SILENT)
    call("send", sock.send, b"hello")
    call("recv", server.recv, 10)
    call("server name", server.getsockname)
    call("server peer", server.getpeername)


@case
def nonblocking():
    at = listener()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, at.getsockname())
    poll("poll", sock, "OUT")
    say("error", so_error(sock))
    call("again", sock.connect, at.getsockname())
    call("once more", sock.connect, at.getsockname())


@case
def nonblocking_write_only():
    at = listener()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, at.getsockname())
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    say("poll", events(poll.poll(PATIENCE * 1000)[0][1]))
    call("send", sock.send, b"first")
    server, _ = at.accept()
    call("recv", server.recv, 10)


@case
def select_for_writing():
    at = listener()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, at.getsockname())
    ready = select.select([sock], [sock], [sock], PATIENCE)
    say("select", [len(one) for one in ready])


@case
def refused():
    where = closed_port()
    sock = stream()
    call("connect", sock.connect, where)
    say("error", so_error(sock))
    poll("poll", sock, "OUT|HUP")
    call("peer", sock.getpeername)
    call("again", sock.connect, where)
    at = listener()
    call("elsewhere", sock.connect, at.getsockname())
    call("peer then", sock.getpeername)


@case
def refused_nonblocking():
    where = closed_port()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, where)
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    say("error", so_error(sock))
    say("error then", so_error(sock))
    poll("poll then", sock, "IN|OUT|HUP|RDHUP")
    call("recv", sock.recv, 1)
    call("again", sock.connect, where)


@case
def refused_read_first():
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, closed_port())
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", sock.recv, 1)
    call("recv then", sock.recv, 1)
    say("error", so_error(sock))


@case
def refused_write_first():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, closed_port())
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    call("send", sock.send, b"x")
    call("send then", sock.send, b"x")
    say("error", so_error(sock))


@case
def refused_connect_first():
    at = listener()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, closed_port())
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    call("again", sock.connect, at.getsockname())
    call("once more", sock.connect, at.getsockname())
    poll("poll then", sock, "OUT")
    call("peer", sock.getpeername)


@case
def refused_then_retried():
    """The same descriptor, refused, then connected: what a program that retries does."""
    where = closed_port()
    sock = stream()
    call("connect", sock.connect, where)
    at = stream()
    at.bind(where)
    at.listen()
    named(where[1], "listener")
    call("retry", sock.connect, where)
    server, _ = at.accept()
    server.send(b"there")
    call("recv", sock.recv, 10)


@case
def refused_in_epoll():
    where = closed_port()
    for name, flags in (("level", ALL), ("edge", ALL | select.EPOLLET)):
        sock = stream()
        sock.setblocking(False)
        call(name + " connect", sock.connect, where)
        poll("%s ready" % name, sock, "IN|OUT|ERR|HUP|RDHUP")
        ready = watch(sock, flags)
        say(name, awaited(ready))
        say(name + " error", so_error(sock))


@case
def epoll_added_before():
    for name, flags in (("level", ALL), ("edge", ALL | select.EPOLLET)):
        at = listener()
        sock = stream()
        sock.setblocking(False)
        ready = watch(sock, flags)
        say(name + " before", awaited(ready))
        call(name + " connect", sock.connect, at.getsockname())
        say(name + " after", until("OUT", lambda: awaited(ready)))
        server, _ = at.accept()
        server.send(b"data")
        say(name + " data", until("IN|OUT", lambda: awaited(ready)))
        server.close()
        say(name + " end", until("IN|OUT|RDHUP", lambda: awaited(ready)))


@case
def epoll_oneshot():
    at = listener()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, at.getsockname())
    poll("connected", sock, "OUT")
    ready = watch(sock, select.EPOLLOUT | select.EPOLLONESHOT)
    say("first", awaited(ready))
    say("second", events(sum(mask for _, mask in ready.poll(0.05))))
    ready.modify(sock, select.EPOLLOUT | select.EPOLLONESHOT)
    say("armed", awaited(ready))


@case
def silent():
    sock = stream()
    sock.setblocking(False)
    ready = watch(sock, ALL)
    call("connect", sock.connect, SILENT)
    steady("poll", sock)
    say("epoll", events(sum(mask for _, mask in ready.poll(0.02))))
    call("again", sock.connect, SILENT)
    call("elsewhere", sock.connect, UNREACHABLE)
    say("error", so_error(sock))
    call("peer", sock.getpeername)
    call("recv", sock.recv, 1)
    call("send", sock.send, b"early")
    call("listen", sock.listen)
    call("close", sock.close)


@case
def silent_edge():
    sock = stream()
    sock.setblocking(False)
    ready = watch(sock, ALL | select.EPOLLET)
    say("before", awaited(ready))
    call("connect", sock.connect, SILENT)
    say("during", events(sum(mask for _, mask in ready.poll(0.1))))


@case
def send_timeout_on_connect():
    sock = stream()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100_000))
    call("connect", sock.connect, SILENT)
    call("again", sock.connect, SILENT)
    steady("poll", sock)


@case
def python_timeout():
    sock = stream()
    sock.settimeout(0.1)
    call("connect", sock.connect, SILENT)
    call("create_connection", lambda: socket.create_connection(SILENT, 0.1))
    call("refused", lambda: socket.create_connection(closed_port(), 5))


@case
def unreachable():
    sock = stream()
    sock.settimeout(PATIENCE)
    call("connect", sock.connect, UNREACHABLE)
    call("peer", sock.getpeername)


@case
def bad_addresses():
    sock = stream()
    call("no port", sock.connect, (LOOPBACK, 0))
    call("broadcast", stream().connect, ("255.255.255.255", 80))
    libc = ctypes.CDLL(None, use_errno=True)

    def raw(step, bytes_, length=None):
        sock = stream()
        done = libc.connect(sock.fileno(), bytes_, len(bytes_) if length is None else length)
        say(step, "ok" if done == 0 else errno.errorcode[ctypes.get_errno()])

    good = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 1) + socket.inet_aton(LOOPBACK) + bytes(8)
    raw("short", good[:8])
    raw("empty", b"", 0)
    raw("one byte", good, 1)
    raw("family", struct.pack("=H", 77) + good[2:])
    raw("family of six", struct.pack("=H", socket.AF_INET6) + good[2:])
    raw("long", good + bytes(32))
    raw("too long", good + bytes(200), 200)
    raw("unspecified", struct.pack("=H", socket.AF_UNSPEC) + bytes(14))


@case
def to_any_address():
    """0.0.0.0 means this host."""
    at = listener()
    sock = stream()
    call("connect", sock.connect, ("0.0.0.0", at.getsockname()[1]))
    call("peer", sock.getpeername)


@case
def to_itself():
    sock = stream()
    sock.bind((LOOPBACK, 0))
    named(sock.getsockname()[1], "own")
    call("connect", sock.connect, sock.getsockname())
    call("peer", sock.getpeername)
    call("send", sock.send, b"echo")
    call("recv", sock.recv, 10)


@case
def bound_first():
    at = listener()
    sock = stream()
    call("bind", sock.bind, (LOOPBACK, 0))
    named(sock.getsockname()[1], "client")
    call("bind again", sock.bind, (LOOPBACK, 0))
    call("connect", sock.connect, at.getsockname())
    say("accepted", at.accept()[1])


@case
def same_four():
    """Two connections cannot have the same two endpoints."""
    at = listener()
    one = stream()
    two = stream()
    for sock in (one, two):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((LOOPBACK, 0))
    named(one.getsockname()[1], "client")
    call("bind", two.bind, one.getsockname())
    call("first", one.connect, at.getsockname())
    call("second", two.connect, at.getsockname())


@case
def disconnect():
    """connect with AF_UNSPEC takes a connection back."""
    at = listener()
    sock = stream()
    sock.connect(at.getsockname())
    server, _ = at.accept()
    server.setblocking(False)
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.connect(sock.fileno(), bytes(16), 16)
    say("unspecified", "ok" if done == 0 else errno.errorcode[ctypes.get_errno()])
    call("peer", sock.getpeername)
    poll("server", server, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", server.recv, 1)
    call("again", sock.connect, at.getsockname())


@case
def two_threads():
    sock = stream()
    sock.setblocking(False)
    call("first", sock.connect, SILENT)
    thread, result = background(sock.connect, SILENT)
    say("second", joined(thread, result))


@case
def shutdown_while_connecting():
    sock = stream()
    sock.setblocking(True)
    thread, result = background(sock.connect, SILENT)
    sleeping(thread)
    call("shutdown", sock.shutdown, socket.SHUT_RDWR)
    say("connect", joined(thread, result))


@case
def close_while_connecting():
    """Another descriptor number, and nothing is left of the first."""
    for _ in range(50):
        sock = stream()
        sock.setblocking(False)
        sock.connect_ex(SILENT)
        sock.close()
    at = listener()
    call("another", stream().connect, at.getsockname())


@case
def fork_while_connecting():
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, SILENT)
    child = os.fork()
    if child == 0:
        steady("child poll", sock)
        call("child again", sock.connect, SILENT)
        sock.close()
        os._exit(0)
    os.waitpid(child, 0)
    call("parent again", sock.connect, SILENT)


@case
def fork_then_parent_uses():
    at = listener()
    sock = stream()
    sock.setblocking(False)
    call("connect", sock.connect, at.getsockname())
    child = os.fork()
    if child == 0:
        poll("child poll", sock, "OUT")
        sock.setblocking(True)
        sock.send(b"from the child")
        os._exit(0)
    os.waitpid(child, 0)
    server, _ = at.accept()
    call("server", server.recv, 30)
    steady("server poll", server)
    call("parent", sock.send, b"from the parent")
    call("server then", server.recv, 30)


@case
def write_at_once():
    """Right after EINPROGRESS: either it is connected already, or not yet."""
    at = listener()
    sock = stream()
    sock.setblocking(False)
    sock.connect_ex(at.getsockname())
    sent = until(True, lambda: attempt(sock.send, b"early") == 5)
    say("sent", sent)
    server, _ = at.accept()
    call("recv", server.recv, 10)


@case
def nonblocking_after():
    """O_NONBLOCK set between connect and what follows."""
    at = listener()
    sock = stream()
    call("connect", sock.connect, at.getsockname())
    fcntl.fcntl(sock, fcntl.F_SETFL, fcntl.fcntl(sock, fcntl.F_GETFL) | os.O_NONBLOCK)
    call("recv", sock.recv, 1)
    say("flags", bool(fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK))


@case
def many():
    at = listener(backlog=256)
    socks = []
    for _ in range(200):
        sock = stream()
        sock.setblocking(False)
        sock.connect_ex(at.getsockname())
        socks.append(sock)
    servers = [at.accept()[0] for _ in socks]
    for index, sock in enumerate(socks):
        until("OUT", lambda: mask_of(sock))
        sock.send(b"%d" % index)
    texts = sorted(int(server.recv(10)) for server in servers)
    say("all", texts == list(range(200)))


main()
