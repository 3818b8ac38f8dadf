"""How bytes pass: looked at, urgent, from files and pipes, in pieces, with names that are read."""

import array
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import tempfile
import termios

from steps import *


def waiting(sock):
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0]


def marked(sock):
    return struct.unpack("i", fcntl.ioctl(sock, 0x8905, bytes(4)))[0]


@case
def peek():
    one, two = pair()
    one.send(b"0123456789")
    until(10, lambda: waiting(two))
    call("peek", two.recv, 4, socket.MSG_PEEK)
    call("peek again", two.recv, 100, socket.MSG_PEEK)
    call("recv", two.recv, 4)
    call("peek then", two.recv, 100, socket.MSG_PEEK)
    call("rest", two.recv, 100)
    call("none", two.recv, 100, socket.MSG_PEEK | socket.MSG_DONTWAIT)


@case
def wait_for_all():
    one, two = pair()
    thread, result = background(two.recv, 10, socket.MSG_WAITALL)
    one.send(b"01234")
    until(5, lambda: waiting(two))
    sleeping(thread)
    one.send(b"56789rest")
    say("ten", joined(thread, result))
    thread, result = background(two.recv, 10, socket.MSG_WAITALL)
    one.close()
    say("until the end", joined(thread, result))


@case
def dont_wait():
    one, two = pair()
    call("recv", two.recv, 10, socket.MSG_DONTWAIT)
    call("send", one.send, b"x", socket.MSG_DONTWAIT)


@case
def nothing():
    one, two = pair()
    call("send nothing", one.send, b"")
    steady("poll", two)
    one.send(b"x")
    call("recv nothing", two.recv, 0)
    call("recv", two.recv, 10)


@case
def more_to_come():
    one, two = pair()
    call("more", one.send, b"a head, ", socket.MSG_MORE)
    call("rest", one.send, b"a body")
    until(14, lambda: waiting(two))
    call("recv", two.recv, 100)


@case
def more_alone():
    """What is held back goes in the end (200 ms on the kernel)."""
    one, two = pair()
    one.send(b"alone", socket.MSG_MORE)
    say("came", until(5, lambda: waiting(two)))


@case
def gather_and_scatter():
    one, two = pair()
    call("writev", os.writev, one.fileno(), [b"ab", b"", b"cdef"])
    until(6, lambda: waiting(two))
    parts = [bytearray(1), bytearray(3), bytearray(10)]
    call("readv", os.readv, two.fileno(), parts)
    say("parts", parts)
    call("sendmsg", one.sendmsg, [b"g", b"hi"])
    until(3, lambda: waiting(two))
    call("recvmsg", two.recvmsg, 10, 100)


@case
def messages_have_no_name():
    """recvfrom and recvmsg of a stream name nobody, on either side."""
    one, two = pair()
    for name, source, sink in (("client", two, one), ("server", one, two)):
        source.send(b"first")
        until(5, lambda: waiting(sink))
        call(name + " recvmsg", sink.recvmsg, 10)
        source.send(b"second")
        until(6, lambda: waiting(sink))
        call(name + " recvfrom", sink.recvfrom, 10)


@case
def sendto_on_stream():
    """An address given to a stream's sendto is passed over."""
    one, two = pair()
    call("sendto", one.sendto, b"to whom?", ("127.0.0.1", 9))
    call("recv", two.recv, 10)
    call("sendmsg", one.sendmsg, [b"to whom?"], [], 0, ("127.0.0.1", 9))
    two.settimeout(1)
    call("recv then", two.recv, 10)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    call("not connected", socket.socket().sendto, b"x", ("127.0.0.1", 9))


@case
def urgent():
    one, two = pair()
    one.send(b"abc")
    until(3, lambda: waiting(two))
    one.send(b"!", socket.MSG_OOB)
    poll("poll", two, "IN|PRI|OUT")
    say("mark", marked(two))
    call("urgent", two.recv, 10, socket.MSG_OOB)
    call("urgent again", two.recv, 10, socket.MSG_OOB)
    call("plain", two.recv, 10)
    say("at the mark", marked(two))
    poll("poll then", two, "OUT")
    call("none", two.recv, 10, socket.MSG_OOB)


@case
def urgent_between():
    """Reading stops at the mark."""
    one, two = pair()
    one.send(b"before")
    until(6, lambda: waiting(two))
    one.send(b"!", socket.MSG_OOB)
    poll("urgent came", two, "IN|PRI|OUT")
    one.send(b"after")
    until(0, lambda: struct.unpack("i", fcntl.ioctl(one, termios.TIOCOUTQ, bytes(4)))[0])
    # What is acknowledged may be on its way to the reader still.
    two.settimeout(20)
    call("to the mark", two.recv, 100)
    say("mark", marked(two))
    call("beyond", two.recv, 100)
    two.setblocking(False)
    call("urgent is gone", two.recv, 10, socket.MSG_OOB)


@case
def urgent_signals():
    one, two = pair()
    heard = []
    signal.signal(signal.SIGURG, lambda number, _: heard.append(number))
    fcntl.fcntl(two, fcntl.F_SETOWN, os.getpid())
    one.send(b"!", socket.MSG_OOB)
    say("heard", until([signal.SIGURG], lambda: heard))


@case
def owner_signals():
    """O_ASYNC: SIGIO when data comes."""
    one, two = pair()
    heard = []
    signal.signal(signal.SIGIO, lambda number, _: heard.append(number))
    fcntl.fcntl(two, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(two, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    one.send(b"x")
    say("heard", until(True, lambda: bool(heard)))


@case
def sendfile():
    one, two = pair()
    with tempfile.TemporaryFile() as file:
        file.write(bytes(range(256)) * 4096)
        file.flush()
        thread, result = background(_all, two)
        sent = 0
        while sent < 1 << 20:
            sent += os.sendfile(one.fileno(), file.fileno(), sent, (1 << 20) - sent)
        one.close()
        got = joined(thread, result)
        say("whole", got == bytes(range(256)) * 4096)


def _all(sock):
    parts = []
    while part := sock.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


@case
def splice():
    """From a socket to a pipe and from the pipe to a socket, as proxies do."""
    one, two = pair()
    three, four = pair()
    read, write = os.pipe()
    one.send(b"spliced")
    until(7, lambda: waiting(two))
    call("in", os.splice, two.fileno(), write, 100)
    call("out", os.splice, read, three.fileno(), 7)
    call("came", four.recv, 100)
    one.close()
    call("end", os.splice, two.fileno(), write, 100)


@case
def mapped_memory():
    """Written straight from a file's mapped pages."""
    one, two = pair()
    with tempfile.TemporaryFile() as file:
        file.truncate(300_000)
        with mmap.mmap(file.fileno(), 300_000) as pages:
            pages[0:5] = b"start"
            pages[-3:] = b"end"
            thread, result = background(_all, two)
            one.sendall(pages)
            one.close()
            got = joined(thread, result)
            say("whole", len(got), got[:5], got[-3:])


@case
def small_writes():
    """Ten thousand bytes one by one."""
    one, two = pair()
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    thread, result = background(_all, two)
    for index in range(10_000):
        one.send(b"%c" % (index % 251))
    one.close()
    say("in order", joined(thread, result) == bytes(index % 251 for index in range(10_000)))


@case
def slow_reader():
    """A reader that takes small pieces loses nothing."""
    one, two = pair()
    block = bytes(index % 253 for index in range(400_000))
    thread, result = background(one.sendall, block)
    got = bytearray()
    while len(got) < len(block):
        got += two.recv(777)
    say("in order", bytes(got) == block)
    say("sent", joined(thread, result))


@case
def edge_of_writing():
    """Edge-triggered: an edge when there is room again."""
    one, two = pair()
    total = fill(one)
    one.setblocking(False)
    poller = select.epoll()
    poller.register(one, select.EPOLLOUT | select.EPOLLET)
    say("full", poller.poll(0.1) == [])
    got = 0
    while got < total:
        got += len(two.recv(1 << 16))
    say("room", [events(mask) for _, mask in poller.poll(PATIENCE)])


@case
def edge_of_reading():
    one, two = pair()
    poller = select.epoll()
    poller.register(two, select.EPOLLIN | select.EPOLLET)
    for index in range(3):
        one.send(b"x" * 10)
        say("edge %d" % index, [events(mask) for _, mask in poller.poll(PATIENCE)])
    say("no edge", poller.poll(0.05))
    say("waiting", waiting(two))
    two.recv(5)
    say("no edge for what is left", poller.poll(0.05))


@case
def select_for_reading():
    one, two = pair()
    say("none", [len(part) for part in select.select([two], [], [two], 0.02)])
    one.send(b"x")
    say("data", [len(part) for part in select.select([two], [], [two], PATIENCE)])
    two.recv(1)
    one.send(b"!", socket.MSG_OOB)
    say("urgent", [len(part) for part in select.select([], [], [two], PATIENCE)])


@case
def two_readers():
    """Two threads read; each byte goes to one of them."""
    one, two = pair()
    readers = [background(drain, two) for _ in range(2)]
    for _ in range(200):
        one.send(b"x" * 100)
    one.close()
    results = [joined(thread, result) for thread, result in readers]
    say("sum", sum(result[0] for result in results))
    say("ends", sorted(result[1] for result in results))


@case
def two_writers():
    """Two processes write; both streams' bytes come whole."""
    one, two = pair()
    children = []
    for tag in (b"a", b"b"):
        child = os.fork()
        if child == 0:
            two.close()
            for _ in range(100):
                one.sendall(tag * 1000)
            os._exit(0)
        children.append(child)
    one.close()
    got = _all(two)
    say("each", got.count(b"a"), got.count(b"b"))
    for child in children:
        os.waitpid(child, 0)


main()
