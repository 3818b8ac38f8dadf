"""Descriptors: copied, passed, inherited, used up; and who may not be looked into."""

import array
import ctypes
import fcntl
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import sys

from steps import *

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE = 4


def stream():
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


@case
def lowest_number():
    """A new socket has the lowest free number, as POSIX wants it."""
    holes = [os.open("/dev/null", os.O_RDONLY) for _ in range(4)]
    os.close(holes[1])
    os.close(holes[2])
    one, two = stream(), stream()
    say("one", one.fileno() == holes[1])
    say("two", two.fileno() == holes[2])
    at = listener()
    client_of = client(at)
    os.close(holes[0])
    server, _ = at.accept()
    say("accepted", server.fileno() == holes[0])


@case
def what_it_is():
    sock = stream()
    say("kind", stat.S_ISSOCK(os.fstat(sock.fileno()).st_mode))
    say("link", os.readlink("/proc/self/fd/%d" % sock.fileno()).split(":")[0])
    say("inherited", os.get_inheritable(sock.fileno()))
    say("flags", fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK)
    say("seek", attempt(os.lseek, sock.fileno(), 0, os.SEEK_SET))
    say("domain", sock.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET)
    say("type", sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM)
    say("protocol", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == socket.IPPROTO_TCP)


@case
def flags_of_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    say("nonblocking", bool(fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK))
    say("cloexec", fcntl.fcntl(sock, fcntl.F_GETFD))
    fd = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    say("plain", fcntl.fcntl(fd, fcntl.F_GETFD), fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK)


@case
def kinds():
    """Which sockets there are (what needs a privilege is left out)."""
    for name, kind in (
        ("tcp", (socket.AF_INET, socket.SOCK_STREAM, 0)),
        ("tcp named", (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)),
        ("tcp as datagram", (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_TCP)),
        ("udp as stream", (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_UDP)),
        ("udp", (socket.AF_INET, socket.SOCK_DGRAM, 0)),
        ("six", (socket.AF_INET6, socket.SOCK_STREAM, 0)),
        ("unix", (socket.AF_UNIX, socket.SOCK_STREAM, 0)),
        ("packets in order", (socket.AF_INET, socket.SOCK_SEQPACKET, 0)),
        ("no such kind", (socket.AF_INET, 9, 0)),
        ("no such family", (99, socket.SOCK_STREAM, 0)),
        ("no such protocol", (socket.AF_INET, socket.SOCK_STREAM, 200)),
        ("none", (socket.AF_UNSPEC, socket.SOCK_STREAM, 0)),
    ):
        call(name, socket.socket, *kind)


@case
def dup_shares():
    one, two = pair()
    copy = one.dup()
    one.send(b"one ")
    copy.send(b"copy")
    say("both", until(8, lambda: len(two.recv(100, socket.MSG_PEEK))))
    copy.setblocking(False)
    say("flags are shared", one.getblocking() or bool(fcntl.fcntl(one, fcntl.F_GETFL) & os.O_NONBLOCK))
    copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say("options are shared", one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    call("name", lambda: copy.getsockname() == one.getsockname())


@case
def dup2_over():
    """dup2 over a connected socket closes it."""
    one, two = pair()
    null = os.open("/dev/null", os.O_RDWR)
    number = one.fileno()
    os.dup2(null, number)
    say("end", drain(two))
    call("name", one.getsockname)


@case
def dup2_exchanges():
    """One connection takes another's number."""
    one, two = pair()
    three, four = pair()
    os.dup2(three.fileno(), one.fileno())
    say("two ends", drain(two))
    one.send(b"by the other")
    say("four reads", four.recv(100))
    say("names", one.getpeername() == three.getpeername())


@case
def dup_while_connecting():
    sock = stream()
    sock.setblocking(False)
    copy = sock.dup()
    at = listener()
    call("connect", sock.connect, at.getsockname())
    poll("copy", copy, "OUT")
    sock.close()
    server, _ = at.accept()
    copy.send(b"on")
    say("recv", server.recv(10))


@case
def passed():
    """SCM_RIGHTS, to another process, while it connects and when it is connected."""
    left, right = socket.socketpair()
    at = listener()
    child = os.fork()
    if child == 0:
        left.close()
        for _ in range(2):
            _, fds, _, _ = socket.recv_fds(right, 10, 1)
            sock = socket.socket(fileno=fds[0])
            poll("child", sock, "OUT")
            sock.setblocking(True)
            call("child's peer", sock.getpeername)
            sock.send(b"from elsewhere")
            sock.close()
            right.send(b"done")
        os._exit(0)
    right.close()
    for state in (True, False):
        sock = stream()
        sock.setblocking(state)
        sock.connect_ex(at.getsockname())
        socket.send_fds(left, [b"here"], [sock.fileno()])
        sock.close()
        server, _ = at.accept()
        left.recv(10)
        say("recv", drain(server))
    os.waitpid(child, 0)


@case
def passed_listener():
    left, right = socket.socketpair()
    at = listener()
    where = at.getsockname()
    child = os.fork()
    if child == 0:
        at.close()
        left.close()
        _, fds, _, _ = socket.recv_fds(right, 10, 1)
        got = socket.socket(fileno=fds[0])
        right.send(b"got")
        server, name = got.accept()
        server.send(b"by the other")
        os._exit(0)
    right.close()
    socket.send_fds(left, [b"at"], [at.fileno()])
    left.recv(3)
    at.close()
    sock = stream()
    sock.connect(where)
    say("recv", drain(sock))
    os.waitpid(child, 0)


@case
def in_flight_only():
    """A connection whose only descriptor lies in a UNIX socket's queue is open, and closed with it."""
    left, right = socket.socketpair()
    one, two = pair()
    socket.send_fds(left, [b"x"], [one.fileno()])
    one.close()
    steady("open", two)
    left.close()
    right.close()
    poll("closed", two, "IN|OUT|RDHUP")


@case
def too_many_for_socket():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
    held = []
    while not isinstance(last := attempt(stream), OSError):
        held.append(last)
    say("error", last)
    call("again", stream)
    held.pop().close()
    call("after close", stream)


@case
def too_many_for_accept():
    """The connection stays in the queue until there is a number for it."""
    at = listener()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
    sock = client(at)
    sock.send(b"waiting")
    held = []
    while not isinstance(last := attempt(os.open, "/dev/null", os.O_RDONLY), OSError):
        held.append(last)
    call("accept", at.accept)
    poll("listener", at, "IN")
    os.close(held.pop())
    server, _ = at.accept()
    say("recv", server.recv(10))


@case
def bad_descriptors():
    def said(step, result):
        say(step, "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()])

    null = os.open("/dev/null", os.O_RDWR)
    address = bytes(16)
    length = ctypes.c_int(16)
    buffer = ctypes.create_string_buffer(16)
    for name, fd in (("closed", 999), ("negative", -1), ("a file", null)):
        said(name + " connect", libc.connect(fd, address, 16))
        said(name + " bind", libc.bind(fd, address, 16))
        said(name + " listen", libc.listen(fd, 1))
        said(name + " accept", libc.accept(fd, None, None))
        said(name + " getsockname", libc.getsockname(fd, buffer, ctypes.byref(length)))
        said(name + " getsockopt", libc.getsockopt(fd, 1, 3, buffer, ctypes.byref(length)))
        said(name + " setsockopt", libc.setsockopt(fd, 1, 2, buffer, 4))
        said(name + " sendto", libc.sendto(fd, buffer, 1, 0, address, 16))
        said(name + " recvfrom", libc.recvfrom(fd, buffer, 1, 0, buffer, ctypes.byref(length)))


@case
def bad_pointers():
    """Addresses that are not mapped: EFAULT, and nothing is lost."""
    def said(step, result):
        say(step, "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()])

    bad = ctypes.c_void_p(8)
    at = listener()
    fd = stream().detach()
    said("connect", libc.connect(fd, bad, 16))
    said("bind", libc.bind(fd, bad, 16))
    length = ctypes.c_int(16)
    said("getsockname", libc.getsockname(fd, bad, ctypes.byref(length)))
    said("getsockname's length", libc.getsockname(fd, ctypes.create_string_buffer(16), bad))
    said("setsockopt", libc.setsockopt(fd, socket.SOL_SOCKET, socket.SO_KEEPALIVE, bad, 4))
    said("getsockopt", libc.getsockopt(fd, socket.SOL_SOCKET, socket.SO_TYPE, bad, ctypes.byref(length)))
    sock = client(at)
    said("accept", libc.accept(at.fileno(), bad, ctypes.byref(length)))
    steady("after", at)


@case
def not_dumpable():
    """A program that may not be looked into, as ssh-agent."""
    at = listener()
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    sock = attempt(stream)
    if isinstance(sock, OSError):
        return say("socket", sock)
    call("connect", sock.connect, at.getsockname())
    server, _ = at.accept()
    server.send(b"to one in private")
    call("recv", sock.recv, 100)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    call("nodelay", sock.getsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY)


@case
def other_user():
    """Privileges are dropped after the listener is there, as servers do it."""
    at = listener()
    if os.getuid() == 0:
        attempt(os.setgid, 65534)
        attempt(os.setuid, 65534)
    sock = attempt(stream)
    if isinstance(sock, OSError):
        return say("socket", sock)
    call("connect", sock.connect, at.getsockname())
    server, _ = at.accept()
    server.send(b"to nobody")
    call("recv", sock.recv, 100)


@case
def exec_keeps():
    """A connection is given to another program as its standard input and output, as inetd does."""
    at = listener()
    sock = client(at)
    server, _ = at.accept()
    child = subprocess.Popen(["cat"], stdin=server, stdout=server)
    server.close()
    at.close()
    sock.send(b"through cat")
    say("recv", sock.recv(100))
    sock.shutdown(socket.SHUT_WR)
    say("end", drain(sock))
    say("exit", child.wait())


@case
def many_children():
    """Each of twenty children makes a connection of its own, all at once."""
    at = listener(backlog=64)
    children = []
    for index in range(20):
        child = os.fork()
        if child == 0:
            sock = client(at)
            sock.send(b"%02d" % index)
            os._exit(0 if sock.recv(2) == b"%02d" % index else 1)
        children.append(child)
    for _ in children:
        server, _ = at.accept()
        server.send(server.recv(2))
    say("good", sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 for child in children))


@case
def poll_kinds_mixed():
    """Sockets, pipes and timers in one epoll."""
    one, two = pair()
    read, write = os.pipe()
    poller = select.epoll()
    poller.register(two, select.EPOLLIN)
    poller.register(read, select.EPOLLIN)
    os.write(write, b"x")
    say("pipe", [("pipe" if fd == read else "socket", events(mask)) for fd, mask in poller.poll(PATIENCE)])
    os.read(read, 1)
    one.send(b"x")
    say("socket", [("pipe" if fd == read else "socket", events(mask)) for fd, mask in poller.poll(PATIENCE)])
    outer = select.epoll()
    outer.register(poller, select.EPOLLIN)
    say("nested", events(outer.poll(PATIENCE)[0][1]))


main()
