"""How a connection ends: half closed, reset, with data on the way, and what the signals say."""

import os
import signal
import socket
import struct
import termios
import time
import fcntl

from steps import *


def quiet():
    """No SIGPIPE: the error is looked at."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


@case
def half_close():
    one, two = pair()
    one.send(b"a request")
    call("shutdown", one.shutdown, socket.SHUT_WR)
    poll("one", one, "OUT")
    poll("two", two, "IN|OUT|RDHUP")
    call("two reads", two.recv, 100)
    call("two reads end", two.recv, 100)
    poll("two then", two, "IN|OUT|RDHUP")
    call("two writes", two.send, b"an answer")
    call("one reads", one.recv, 100)
    call("two ends", two.shutdown, socket.SHUT_WR)
    poll("one at last", one, "IN|OUT|HUP|RDHUP")
    poll("two at last", two, "IN|OUT|HUP|RDHUP")
    call("one reads end", one.recv, 100)
    call("peer", attempt, one.getpeername)
    say("error", so_error(one))


@case
def half_open_and_much_data():
    """A FIN one way while much goes the other way."""
    one, two = pair()
    one.send(b"go")
    one.shutdown(socket.SHUT_WR)
    thread, result = background(drain, two)
    say("two", joined(thread, result))
    thread, result = background(drain, one)
    block = b"d" * 100_000
    for _ in range(50):
        two.sendall(block)
    two.close()
    say("one", joined(thread, result))


@case
def half_open_for_long():
    """A half that is closed says nothing for a while (longer than anybody looks for ends)."""
    one, two = pair()
    one.shutdown(socket.SHUT_WR)
    call("end", two.recv, 10)
    time.sleep(1.2)
    poll("one", one, "OUT")
    call("late words", two.send, b"late words")
    call("one reads", one.recv, 100)
    two.close()
    call("one reads end", one.recv, 100)


@case
def shut_and_kept():
    """Both halves are closed, and the descriptors are kept: they still know who they were."""
    one, two = pair()
    one.shutdown(socket.SHUT_WR)
    two.recv(10)
    two.shutdown(socket.SHUT_WR)
    one.recv(10)
    time.sleep(1.2)
    for name, sock in (("one", one), ("two", two)):
        say(name, sock.getsockname()[0])
        poll(name + " poll", sock, "IN|OUT|HUP|RDHUP")
        call(name + " error", so_error, sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        call(name + " option", sock.getsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    call("send", one.send, b"x")


@case
def write_after_shutdown():
    quiet()
    one, two = pair()
    one.shutdown(socket.SHUT_WR)
    call("send", one.send, b"x")
    call("again", one.shutdown, socket.SHUT_WR)
    poll("poll", one, "OUT")
    say("error", so_error(one))


@case
def write_after_shutdown_signals():
    one, two = pair()
    one.shutdown(socket.SHUT_WR)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.write(one.fileno(), b"x")


@case
def no_signal():
    one, two = pair()
    one.shutdown(socket.SHUT_WR)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    call("send", one.send, b"x", socket.MSG_NOSIGNAL)


@case
def shutdown_reading():
    one, two = pair()
    call("shutdown", one.shutdown, socket.SHUT_RD)
    poll("poll", one, "IN|OUT|RDHUP")
    call("recv", one.recv, 10)
    call("send", one.send, b"still")
    call("two", two.recv, 10)


@case
def shutdown_wakes_reader():
    one, two = pair()
    thread, result = background(one.recv, 10)
    sleeping(thread)
    call("shutdown", one.shutdown, socket.SHUT_RD)
    say("recv", joined(thread, result))


@case
def shutdown_both():
    quiet()
    one, two = pair()
    call("shutdown", one.shutdown, socket.SHUT_RDWR)
    poll("one", one, "IN|OUT|HUP|RDHUP")
    poll("two", two, "IN|OUT|RDHUP")
    call("recv", one.recv, 10)
    call("send", one.send, b"x")
    call("two reads", two.recv, 10)
    call("two's peer", two.getpeername)
    call("name", lambda: one.getsockname()[0])


@case
def close_then_read():
    one, two = pair()
    one.send(b"last words")
    one.close()
    poll("two", two, "IN|OUT|RDHUP")
    call("words", two.recv, 4)
    call("rest", two.recv, 100)
    call("end", two.recv, 100)
    call("end again", two.recv, 100)


@case
def write_to_closed():
    """The first write is answered by a RST, the second finds it."""
    quiet()
    one, two = pair()
    one.close()
    poll("end", two, "IN|OUT|RDHUP")
    call("write", two.send, b"x")
    poll("after", two, "IN|OUT|ERR|HUP|RDHUP")
    call("write again", two.send, b"x")
    say("error", so_error(two))
    call("recv", two.recv, 10)


@case
def close_with_unread():
    """What nobody will read: a RST."""
    quiet()
    one, two = pair()
    two.send(b"unread")
    poll("one", one, "IN|OUT")
    one.close()
    poll("two", two, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", two.recv, 10)
    call("recv again", two.recv, 10)
    call("send", two.send, b"x")


@case
def reset_idle():
    quiet()
    one, two = pair()
    reset(one)
    poll("poll", two, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", two.recv, 10)
    call("recv again", two.recv, 10)
    call("send", two.send, b"x")
    poll("poll then", two, "IN|OUT|HUP|RDHUP")
    say("error", so_error(two))


@case
def reset_error_asked():
    one, two = pair()
    reset(one)
    poll("poll", two, "IN|OUT|ERR|HUP|RDHUP")
    say("error", so_error(two))
    say("error again", so_error(two))
    call("recv", two.recv, 10)
    call("peer", two.getpeername)


@case
def reset_while_reading():
    one, two = pair()
    thread, result = background(two.recv, 10)
    sleeping(thread)
    reset(one)
    say("recv", joined(thread, result))


@case
def reset_while_polling():
    one, two = pair()
    poller = select.epoll()
    poller.register(two, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
    thread, result = background(poller.poll, 10)
    sleeping(thread)
    reset(one)
    found = joined(thread, result)
    say("epoll", [events(mask) for _, mask in found])


@case
def reset_with_data_unread():
    """Data came before the RST."""
    quiet()
    one, two = pair()
    one.send(b"before the reset")
    poll("data", two, "IN|OUT")
    reset(one)
    poll("poll", two, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", two.recv, 100)
    call("recv again", two.recv, 100)


@case
def reset_with_full_queue():
    """What was not yet sent is gone, and the writer learns of it."""
    quiet()
    one, two = pair()
    say("filled", fill(two) > 0)
    reset(one)
    poll("poll", two, "IN|OUT|ERR|HUP|RDHUP")
    call("send", two.send, b"x")
    call("send again", two.send, b"x")


@case
def reset_while_writing():
    quiet()
    one, two = pair()
    fill(two)
    thread, result = background(two.sendall, b"b" * (1 << 24))
    sleeping(thread)
    reset(one)
    say("send", joined(thread, result))
    call("send again", two.send, b"x")


@case
def reset_while_writing_signals():
    one, two = pair()
    fill(two)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    thread, result = background(two.sendall, b"b" * (1 << 24))
    sleeping(thread)
    reset(one)
    say("send", joined(thread, result))
    os.write(two.fileno(), b"x")


@case
def reset_after_shutdown():
    quiet()
    one, two = pair()
    two.shutdown(socket.SHUT_WR)
    poll("fin", one, "IN|OUT|RDHUP")
    reset(one)
    poll("poll", two, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", two.recv, 10)
    call("recv again", two.recv, 10)
    call("send", two.send, b"x")


@case
def reset_in_accept_queue():
    """A connection that was reset before it was accepted."""
    at = listener()
    sock = client(at)
    poll("listener", at, "IN")
    reset(sock)
    at.settimeout(PATIENCE)
    server, name = at.accept()
    say("accepted", name)
    # An end or an error: who takes it late may not be told which.
    got = attempt(server.recv, 10)
    say("over", got == b"" or isinstance(got, OSError))


@case
def closed_in_accept_queue():
    at = listener()
    sock = client(at)
    sock.send(b"and away")
    sock.close()
    poll("listener", at, "IN")
    server, name = at.accept()
    say("accepted", name)
    call("recv", server.recv, 10)
    call("end", server.recv, 10)


@case
def linger_waits():
    """SO_LINGER with a time: close waits until the data was acknowledged."""
    one, two = pair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 10))
    one.send(b"x" * 1000)
    one.close()
    say("two", drain(two))


@case
def linger_zero_with_data():
    """What is not yet sent is thrown away; what was read before stays."""
    one, two = pair()
    one.send(b"seen")
    call("recv", two.recv, 10)
    reset(one)
    call("then", two.recv, 10)


@case
def exit_closes():
    one, two = pair()
    child = os.fork()
    if child == 0:
        one.send(b"from a child")
        os._exit(0)
    one.close()
    os.waitpid(child, 0)
    say("two", drain(two))


@case
def killed_closes():
    one, two = pair()
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    one.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    say("two", drain(two))


@case
def killed_with_unread():
    one, two = pair()
    two.send(b"unread")
    poll("one", one, "IN|OUT")
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    one.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    poll("two", two, "IN|OUT|ERR|HUP|RDHUP")
    call("recv", two.recv, 10)


@case
def last_copy_closes():
    """dup: the end comes with the last descriptor."""
    one, two = pair()
    copy = one.dup()
    one.close()
    steady("two", two)
    copy.send(b"by the copy")
    call("recv", two.recv, 20)
    copy.close()
    call("end", two.recv, 20)


@case
def queues():
    """FIONREAD and SIOCOUTQ."""
    one, two = pair()
    one.send(b"0123456789")

    def asked(sock, request):
        return struct.unpack("i", fcntl.ioctl(sock, request, bytes(4)))[0]

    say("readable", until(10, lambda: asked(two, termios.FIONREAD)))
    two.recv(4)
    say("readable then", asked(two, termios.FIONREAD))
    say("unsent", until(0, lambda: asked(one, termios.TIOCOUTQ)))
    one.close()
    two.recv(100)
    say("readable at the end", asked(two, termios.FIONREAD))


@case
def large_both_ways():
    """Four megabytes each way at once, and none is lost."""
    one, two = pair()
    size = 4_000_000
    threads = [background(one.sendall, b"1" * size), background(two.sendall, b"2" * size)]
    sums = {}

    def take(name, sock):
        left = size
        while left:
            got = sock.recv(1 << 16)
            if not got:
                break
            left -= len(got)
            sums[name] = sums.get(name, 0) + sum(got[:1]) * 0 + len(got)

    threads += [background(take, "one", one), background(take, "two", two)]
    for thread, _ in threads:
        thread.join(20)
    say("one", sums.get("one"))
    say("two", sums.get("two"))


@case
def full_then_read():
    """POLLOUT is gone when the queues are full, and comes back when the peer reads."""
    one, two = pair()
    total = fill(one)
    say("poll", mask_of(one))
    got = 0
    while got < total:
        got += len(two.recv(1 << 16))
    poll("poll then", one, "OUT")


main()
