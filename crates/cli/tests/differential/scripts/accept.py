"""The server's side: queues, many who wait, listeners that are closed, names and ports."""

import array
import os
import select
import socket
import sys

from steps import *


def stream(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM)


def bound(reuse=None, at=(LOOPBACK, 0)):
    """A socket with an address; the error, if it gets none."""
    sock = stream()
    if reuse:
        sock.setsockopt(socket.SOL_SOCKET, reuse, 1)
    refused = attempt(sock.bind, at)
    return refused or sock


@case
def plain():
    at = listener()
    poll("poll", at, "none")
    at.setblocking(False)
    call("nobody", at.accept)
    sock = client(at)
    poll("poll then", at, "IN")
    server, name = at.accept()
    say("name", name)
    say("blocking", server.getblocking())
    poll("poll after", at, "none")
    call("peer of a listener", at.getpeername)
    call("recv of a listener", at.recv, 1)
    call("connect of a listener", at.connect, at.getsockname())
    say("listens", at.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
        server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


@case
def in_order():
    at = listener()
    socks = []
    for index in range(10):
        sock = client(at)
        sock.send(b"%d" % index)
        socks.append(sock)
    say("order", b"".join(at.accept()[0].recv(1) for _ in socks))


@case
def unbound():
    """listen without bind takes a port."""
    at = stream()
    call("listen", at.listen)
    host, port = at.getsockname()
    say("name", host, port > 0)
    call("connect", stream().connect, (LOOPBACK, port))
    call("accept", lambda: at.accept()[1][0])


@case
def listen_again():
    at = listener(backlog=1)
    call("again", at.listen, 10)
    socks = [client(at) for _ in range(5)]
    say("five", len([at.accept() for _ in socks]))


@case
def ports():
    at = listener()
    where = at.getsockname()
    call("taken", bound, None, where)
    call("taken with reuse", bound, socket.SO_REUSEADDR, where)
    call("taken with reuseport", bound, socket.SO_REUSEPORT, where)
    call("any address", bound, None, ("0.0.0.0", where[1]))
    call("other loopback", bound, None, ("127.0.0.2", where[1]))
    call("not ours", bound, None, ("192.0.2.77", 0))
    call("bind twice", at.bind, (LOOPBACK, 0))
    at.close()
    call("free again", lambda: bound(socket.SO_REUSEADDR, where).getsockname())


@case
def bound_not_listening():
    one = bound()
    where = one.getsockname()
    call("second", bound, None, where)
    call("second with reuse", bound, socket.SO_REUSEADDR, where)
    call("connect to it", stream().connect, where)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    two = bound(socket.SO_REUSEADDR, where)
    say("both with reuse", two)
    call("one listens", one.listen)
    if isinstance(two, socket.socket):
        call("two listens", two.listen)


@case
def after_close():
    """The server's port while the connection waits in TIME-WAIT."""
    at = listener()
    where = at.getsockname()
    sock = client(at)
    server, _ = at.accept()
    at.close()
    server.close()
    sock.close()
    call("without reuse", lambda: bound(None, where))
    call("with reuse", bound, socket.SO_REUSEADDR, where)
    at = listener(reuse=True)
    where = at.getsockname()
    sock = client(at)
    server, _ = at.accept()
    for one in (at, server, sock):
        one.close()
    call("both with reuse", bound, socket.SO_REUSEADDR, where)


@case
def reuseport():
    one = bound(socket.SO_REUSEPORT)
    where = one.getsockname()
    two = bound(socket.SO_REUSEPORT, where)
    one.listen(128)
    two.listen(128)
    socks = [stream() for _ in range(60)]
    for sock in socks:
        sock.connect(where)
    counts = []
    for at in (one, two):
        at.setblocking(False)
        count = 0
        while not isinstance(attempt(at.accept), OSError):
            count += 1
        counts.append(count)
    say("all came", sum(counts))
    say("both had some", min(counts) > 0)
    call("without it", bound, None, where)


@case
def any_address():
    at = stream()
    at.bind(("0.0.0.0", 0))
    at.listen()
    port = at.getsockname()[1]
    named(port, "listener")
    call("name", at.getsockname)
    for host in ("127.0.0.1", "127.0.0.2"):
        sock = stream()
        call("connect " + host, sock.connect, (host, port))
        server, name = at.accept()
        say("server's name", server.getsockname())
        say("client's host", name[0])


@case
def backlog_full():
    """As many as fit are connected; the rest are when there is room."""
    at = listener(backlog=1)
    socks = []
    for _ in range(4):
        sock = stream()
        sock.setblocking(False)
        sock.connect_ex(at.getsockname())
        socks.append(sock)
    poll("first", socks[0], "OUT")
    at.settimeout(20)
    servers = [at.accept() for _ in socks]
    say("accepted", len(servers))
    for index, sock in enumerate(socks):
        poll("connected %d" % index, sock, "OUT")


@case
def blocked_until():
    at = listener()
    thread, result = background(at.accept)
    sleeping(thread)
    client(at)
    say("accept", joined(thread, result)[1])


@case
def shutdown_wakes():
    at = listener()
    thread, result = background(at.accept)
    sleeping(thread)
    call("shutdown", at.shutdown, socket.SHUT_RDWR)
    say("accept", joined(thread, result))
    call("accept then", at.accept)
    call("connect", stream().connect, at.getsockname())
    call("listen again", at.listen)


@case
def shutdown_reading_wakes():
    at = listener()
    thread, result = background(at.accept)
    sleeping(thread)
    call("shutdown", at.shutdown, socket.SHUT_RD)
    say("accept", joined(thread, result))


@case
def shutdown_in_poll():
    at = listener()
    poll("before", at, "none")
    at.shutdown(socket.SHUT_RDWR)
    poll("after", at, "OUT|HUP")


@case
def close_while_blocked():
    """close does not wake who blocks in accept; the listener lives until it returns."""
    at = listener()
    where = at.getsockname()
    thread, result = background(at.accept)
    sleeping(thread)
    os.close(at.fileno())
    at.detach()
    thread.join(0.1)
    say("blocked", thread.is_alive())
    sock = stream()
    call("connect", sock.connect, where)
    say("accept", joined(thread, result)[1][0])


@case
def close_with_queue():
    """Who was not accepted is reset."""
    at = listener()
    sock = client(at)
    at.close()
    poll("poll", sock, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", sock.recv, 1)
    call("connect", stream().connect, (LOOPBACK, sock.getsockname()[1]))


@case
def closed_is_refused():
    at = listener()
    where = at.getsockname()
    call("open", stream().connect, where)
    at.close()
    say("closed", until("ECONNREFUSED", lambda: show(attempt(stream().connect, where))))


@case
def threads():
    """Sixty-four wait in accept; each connection wakes one."""
    at = listener(backlog=128)
    waiting = [background(at.accept) for _ in range(64)]
    for thread, _ in waiting:
        sleeping(thread)
    socks = [client(at) for _ in range(64)]
    servers = [joined(thread, result) for thread, result in waiting]
    names = {server[1] for server in servers if isinstance(server, tuple)}
    say("different", len(names))
    say("the same", names == {sock.getsockname() for sock in socks})


@case
def prefork():
    """Processes share a listener, each with an epoll of its own (EPOLLEXCLUSIVE)."""
    at = listener(backlog=128)
    at.setblocking(False)
    done, report = os.pipe()
    ready, tell = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            poller = select.epoll()
            poller.register(at, select.EPOLLIN | select.EPOLLEXCLUSIVE)
            os.write(tell, b"r")
            while True:
                poller.poll()
                got = attempt(at.accept)
                if isinstance(got, tuple):
                    got[0].send(b"served")
                    got[0].close()
                    os.write(report, b".")
    total = b""
    while len(total) < 4:
        total += os.read(ready, 4)
    answers = 0
    for _ in range(100):
        sock = client(at)
        answers += sock.recv(10) == b"served"
        sock.close()
    say("answers", answers)
    count = 0
    while count < 100:
        count += len(os.read(done, 100))
    say("accepted", count)


@case
def edge():
    """One edge for several connections: accept until EAGAIN."""
    at = listener()
    at.setblocking(False)
    poller = select.epoll()
    poller.register(at, select.EPOLLIN | select.EPOLLET)
    socks = [client(at) for _ in range(3)]
    say("first", events(poller.poll(PATIENCE)[0][1]))
    at.accept()
    say("left", len([at.accept() for _ in socks[1:]]))
    client(at)
    say("another", events(poller.poll(PATIENCE)[0][1]))


@case
def fork_accepts():
    """The child accepts; the parent has closed its copy."""
    at = listener()
    where = at.getsockname()
    child = os.fork()
    if child == 0:
        server, _ = at.accept()
        server.send(b"from the child")
        os._exit(0)
    at.close()
    sock = stream()
    call("connect", sock.connect, where)
    say("recv", drain(sock))
    os.waitpid(child, 0)
    say("closed", until("ECONNREFUSED", lambda: show(attempt(stream().connect, where))))


@case
def through_exec():
    """A listener that another program inherits, as from a service manager."""
    at = listener()
    at.set_inheritable(True)
    where = at.getsockname()
    program = (
        "import socket, os\n"
        "at = socket.socket(fileno=%d)\n"
        "print(at.family.name, at.type.name, at.getsockname() == %r)\n"
        "server, name = at.accept()\n"
        "server.sendall(b'from the program')\n" % (at.fileno(), where)
    )
    done, report = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(report, 1)
        os.execv(sys.executable, [sys.executable, "-c", program])
    at.close()
    os.close(report)
    sock = stream()
    sock.connect(where)
    say("recv", drain(sock))
    os.waitpid(child, 0)
    say("program", os.read(done, 1000).decode().strip())
    say("closed", until("ECONNREFUSED", lambda: show(attempt(stream().connect, where))))


@case
def exec_while_blocked():
    """The thread that waits in accept is gone with exec; its connection is the next program's."""
    at = listener()
    at.set_inheritable(True)
    program = (
        "import socket\n"
        "at = socket.socket(fileno=%d)\n"
        "at.accept()[0].sendall(b'by the next')\n" % at.fileno()
    )
    child = os.fork()
    if child == 0:
        thread, _ = background(at.accept)
        sleeping(thread)
        os.execv(sys.executable, [sys.executable, "-c", program])
    # Its command line tells when it is another.
    until(True, lambda: b"fileno" in open("/proc/%d/cmdline" % child, "rb").read())
    sock = client(at)
    at.close()
    say("recv", drain(sock))
    say("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


@case
def closed_by_exec():
    """CLOEXEC: the program that is executed has neither listener nor connection."""
    at = listener()
    where = at.getsockname()
    sock = client(at)
    ready, tell = os.pipe()
    hold, release = os.pipe()
    child = os.fork()
    if child == 0:
        server, _ = at.accept()
        os.set_inheritable(tell, True)
        os.set_inheritable(hold, True)
        os.close(release)
        program = "import os; os.write(%d, b'x'); os.read(%d, 1)" % (tell, hold)
        os.execv(sys.executable, [sys.executable, "-c", program])
    at.close()
    os.read(ready, 1)
    say("connection", drain(sock))
    say("listener", until("ECONNREFUSED", lambda: show(attempt(stream().connect, where))))
    os.close(release)
    os.waitpid(child, 0)


@case
def inherits_options():
    """What an accepted socket has of its listener."""
    at = stream()
    at.bind((LOOPBACK, 0))
    for level, option, value in (
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 12345),
        (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
        (socket.IPPROTO_IP, socket.IP_TTL, 33),
        (socket.IPPROTO_IP, socket.IP_TOS, 16),
    ):
        at.setsockopt(level, option, value)
    at.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, array.array("i", [1, 3]).tobytes())
    at.listen()
    sock = client(at)
    server, _ = at.accept()
    say("keepalive", server.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
    say("nodelay", server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    say("keepidle", server.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
    say("user timeout", server.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
    say("reuse", server.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))
    say("ttl", server.getsockopt(socket.IPPROTO_IP, socket.IP_TTL))
    say("tos", server.getsockopt(socket.IPPROTO_IP, socket.IP_TOS))
    say("linger", list(array.array("i", server.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))))


@case
def hundreds():
    """Five hundred connections, one after the other, and all their descriptors are gone."""
    at = listener(backlog=128)
    before = len(os.listdir("/proc/self/fd"))
    good = 0
    for _ in range(500):
        sock = client(at)
        server, _ = at.accept()
        sock.send(b"ping")
        server.send(server.recv(10))
        good += sock.recv(10) == b"ping"
        sock.close()
        server.close()
    say("good", good)
    say("descriptors", len(os.listdir("/proc/self/fd")) - before)


main()
