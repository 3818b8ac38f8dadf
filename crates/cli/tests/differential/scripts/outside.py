"""Descriptors that leave the run and come into it: passed to the machine's programs and by them."""

import ast
import os
import socket

from steps import *


class Outside:
    """The far end (peer.py), and a UNIX socket that carries descriptors to it and from it."""

    def __init__(self):
        self.control = socket.socket(socket.AF_UNIX)
        until(True, lambda: attempt(self.control.connect, os.environ["PEER"]) is None)
        self.lines = self.control.makefile("rw")
        self.mail = socket.socket(socket.AF_UNIX)
        self.mail.connect(self("post()"))
        self("meet()")

    def __call__(self, expression):
        self.lines.write("far." + expression + "\n")
        self.lines.flush()
        return ast.literal_eval(self.lines.readline())

    def pass_out(self, sock, how="take()"):
        socket.send_fds(self.mail, [b"x"], [sock.fileno()])
        sock.close()
        self(how)

    def taken_in(self):
        _, fds, _, _ = socket.recv_fds(self.mail, 10, 1)
        return socket.socket(fileno=fds[0])


@case
def passed_out():
    """A connection goes on in a process that nobody watches."""
    outside = Outside()
    one, two = pair()
    two.send(b"before")
    outside.pass_out(one)
    say("outside reads", outside("recv(100)"))
    say("outside writes", outside("send(b'from outside')"))
    call("recv", two.recv, 100)
    two.send(b"to outside")
    say("outside reads again", outside("recv(100)"))
    outside("half()")
    call("end", two.recv, 100)
    poll("half", two, "IN|OUT|RDHUP")
    outside("close()")
    two.close()


@case
def much_from_outside():
    outside = Outside()
    one, two = pair()
    outside.pass_out(one)
    thread, result = background(drain, two)
    say("outside writes", outside("send(b'm' * 3_000_000)"))
    outside("close()")
    say("two", joined(thread, result))


@case
def outlives_its_program():
    """Who made the connection is gone; who got it talks on."""
    outside = Outside()
    at = listener()
    child = os.fork()
    if child == 0:
        outside.pass_out(client(at))
        os._exit(0)
    server, _ = at.accept()
    say("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    steady("open", server)
    outside("send(b'still here')")
    call("recv", server.recv, 100)
    outside("close()")
    call("end", server.recv, 100)


@case
def passed_out_while_connecting():
    outside = Outside()
    at = listener()
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(at.getsockname())
    poll("connected", sock, "OUT")
    sock.setblocking(True)
    outside.pass_out(sock)
    server, _ = at.accept()
    server.send(b"hello")
    say("outside reads", outside("recv(100)"))


@case
def passed_out_listener():
    """A process outside accepts what comes for a socket of the run."""
    outside = Outside()
    at = listener()
    where = at.getsockname()
    outside.pass_out(at, "take_listener()")
    sock = socket.socket()
    call("connect", sock.connect, where)
    outside("accept_there()")
    say("outside writes", outside("send(b'served')"))
    call("recv", sock.recv, 100)
    sock.send(b"thanks")
    say("outside reads", outside("recv(100)"))
    outside("close()")
    call("end", sock.recv, 100)


@case
def passed_in():
    """A connection of the machine's stays the machine's."""
    outside = Outside()
    outside("give()")
    sock = outside.taken_in()
    say("kind", sock.family.name, sock.type.name)
    say("peer", sock.getpeername()[0])
    say("name", sock.getsockname()[0])
    call("send", sock.send, b"inside")
    say("outside reads", outside("recv(100)"))
    outside("send(b'outside')")
    call("recvfrom", sock.recvfrom, 100)
    outside("send(b'again')")
    say("recvmsg", sock.recvmsg(100)[0])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    call("nodelay", sock.getsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY)
    call("connect again", sock.connect, ("127.0.0.1", 9))
    call("shutdown", sock.shutdown, socket.SHUT_WR)
    say("outside's end", outside("recv(100)"))
    outside("close()")
    call("end", sock.recv, 100)


@case
def passed_in_listener():
    """As a service manager outside gives it."""
    outside = Outside()
    outside("give_listener()")
    at = outside.taken_in()
    say("name", at.getsockname()[0])
    outside("knock()")
    server, name = at.accept()
    say("client", name[0])
    outside("send(b'knock')")
    call("recv", server.recv, 100)
    server.send(b"open")
    say("outside reads", outside("recv(100)"))
    server.close()
    say("outside's end", outside("recv(100)"))


main()
