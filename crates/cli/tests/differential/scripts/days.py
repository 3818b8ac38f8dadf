"""Bad days: what days.rs does to a program or its supervisor. Stops where a line says so.

Not compared with the kernel: each case says what must be, and days.rs looks at the supervisor.
"""

import os
import resource
import select
import signal
import socket
import sys
import threading

from steps import *


def pause(word):
    """Says where it is, and waits for the test."""
    print(word, flush=True)
    if not sys.stdin.readline():
        os._exit(3)


def one_connection():
    one, two = pair()
    one.send(b"x")
    assert two.recv(1) == b"x"


def poll_one(sock):
    """What poll says when it says anything."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return events(poller.poll()[0][1])


def supervisor_dies():
    """Nothing hangs: connections end, calls fail."""
    one, two = pair()
    at = listener()
    waiting, result = background(at.accept)
    reader, read = background(two.recv, 10)
    connecting, connected = background(socket.socket().connect, SILENT)
    polling, polled = background(poll_one, one)
    for thread in (waiting, reader, connecting, polling):
        sleeping(thread)
    pause("ready")
    print("read", show(joined(reader, read)), flush=True)
    print("accept", show(joined(waiting, result)), flush=True)
    print("connect", show(joined(connecting, connected)), flush=True)
    print("poll", joined(polling, polled), flush=True)
    print("socket", show(attempt(socket.socket)), flush=True)
    print("file", open("/proc/self/comm").read().strip() != "", flush=True)


def thousands():
    """Connections that come and go: the supervisor is as it was before."""
    at = listener(backlog=128)
    for _ in range(200):
        one_connection()
    pause("before")
    for round in range(int(sys.argv[2]) // 100):
        socks = [client(at) for _ in range(100)]
        servers = [at.accept()[0] for _ in socks]
        for sock, server in zip(socks, servers):
            sock.send(b"ping")
            assert server.recv(10) == b"ping"
            (sock if round % 2 else server).close()
            (server if round % 2 else sock).close()
    pause("after")


def many_at_once():
    """Thousands of connections that are open together."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Two descriptors a connection, here as in the supervisor.
    count = min(int(sys.argv[2]), (hard - 100) // 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    at = listener(backlog=128)
    one_connection()
    pause("before")
    socks, servers = [], []
    for _ in range(count):
        socks.append(client(at))
        servers.append(at.accept()[0])
    for index, sock in enumerate(socks):
        sock.send(b"%d" % index)
    texts = sorted(int(server.recv(10)) for server in servers)
    print("all", texts == list(range(count)), flush=True)
    for sock in socks + servers:
        sock.close()
    pause("after")


def thousands_outside():
    """Connections that leave the run by the gateway, a hundred open at once."""
    far = ("10.9.8.7", 7007)
    until(True, lambda: attempt(talks_outside, far) is True)
    for _ in range(100):
        talks_outside(far)
    pause("before")
    good = 0
    for round in range(int(sys.argv[2]) // 100):
        socks = [socket.create_connection(far) for _ in range(100)]
        for index, sock in enumerate(socks):
            sock.send(b"%d" % index)
        good += sum(sock.recv(10) == b"%d" % index for index, sock in enumerate(socks))
        for index, sock in enumerate(socks):
            reset(sock) if index % 10 == round % 10 else sock.close()
    print("all", good == int(sys.argv[2]), flush=True)
    pause("after")


def talks_outside(far):
    with socket.create_connection(far) as sock:
        sock.send(b"to")
        return sock.recv(10) == b"to"


def full():
    """The address of a listener that takes no more."""
    at = listener(backlog=0)
    for _ in range(12):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(at.getsockname())
        kept.append(sock)
    kept.append(at)
    return at.getsockname()


kept = []


def closes_while_connecting():
    one_connection()
    where = full()
    pause("before")
    for index in range(1000):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(where)
        if index % 3 == 0:
            mask_of(sock)
        sock.close()
    one_connection()
    pause("after")


def killed_while_connecting():
    one_connection()
    pause("before")
    for _ in range(50):
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            socks = [socket.socket() for _ in range(10)]
            for sock in socks[1:]:
                sock.setblocking(False)
                sock.connect_ex(SILENT)
            socks[0].connect(SILENT)
            os._exit(1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    one_connection()
    pause("after")


def forks_without_end():
    """Until the system refuses; each child talks, and all are gone afterwards."""
    one_connection()
    pause("before")
    at = listener(backlog=128)
    if os.getuid() == 0:
        # The limit is not root's; but it is that of who is called so in a user namespace, where
        # there is nobody else to be.
        attempt(os.setgid, 65534)
        attempt(os.setuid, 65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (60, 60))
    children = []
    while len(children) < 200:
        child = attempt(os.fork)
        if isinstance(child, OSError):
            break
        if child == 0:
            attempt(client, at)
            signal.pause()
        children.append(child)
    print("refused", show(child) if isinstance(child, OSError) else "never", flush=True)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    at.close()
    one_connection()
    pause("after")


def descriptors_run_out():
    """The supervisor has few: calls fail, and go well again when some are free."""
    socks, error = [], None
    at = listener(backlog=128)
    at.settimeout(1)
    where = at.getsockname()
    for _ in range(400):
        sock = attempt(socket.socket)
        if not isinstance(sock, OSError):
            sock.settimeout(1)
            failed = attempt(sock.connect, where)
            if failed is None:
                socks.append(sock)
                server = attempt(at.accept)
                if not isinstance(server, OSError):
                    socks.append(server[0])
                continue
            sock = failed
        error = sock
        break
    print("failed", show(error), flush=True)
    for sock in socks:
        sock.close()
    at.close()
    print("again", until(True, works), flush=True)


def works():
    try:
        one_connection()
        return True
    except OSError:
        return False


globals()[sys.argv[1]]()
