//! Sockets that the program has closed, which nothing tells of, and what is sent to them then.

use super::Lan;
use crate::notify::supervisor::Desk;
use crate::notify::table::{Family, Id, Listening, State};
use crate::notify::wake::ReadyList;
use crate::sys::seccomp::Listener;
use crate::sys::unix;
use danja::net::{Domain, Socket, SocketKind};
use rustix::fd::OwnedFd;
use rustix::net::{RecvFlags, SendFlags, connect, recv, send};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[test]
fn what_is_sent_to_a_closed_datagram_socket_is_refused() {
    Lan::alone().python_apart(
        "u = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for send in (lambda s, x: s.send(x), lambda s, x: s.sendmsg([x]),
             lambda s, x: s.sendto(x, s.getpeername())):
    for _ in range(50):
        one, two = u(), u(); one.bind(('127.0.0.1', 0)); two.connect(one.getsockname())
        one.settimeout(5); two.settimeout(5); send(two, b'x'); assert one.recv(9) == b'x'
        one.close(); send(two, b'lost')
        p = select.poll(); p.register(two, 1); assert p.poll(5000)[0][1] == select.POLLERR
        try: two.recvfrom(9); assert 0
        except ConnectionRefusedError: pass
",
    );
}

#[test]
fn what_a_closed_datagram_socket_has_sent_arrives() {
    Lan::alone().python_apart(
        "u = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(10):
    one, two = u(), u(); one.bind(('127.0.0.1', 0)); two.connect(one.getsockname())
    one.connect(two.getsockname()); two.settimeout(5)
    for number in range(200): one.send(b'%d' % number)
    one.close(); two.send(b'lost')
    got = []
    while len(got) < 201:
        try: got.append(two.recvfrom(9)[0])
        except ConnectionRefusedError: got.append(b'refused')
    got.remove(b'refused')
    assert got == [b'%d' % number for number in range(200)], got
",
    );
}

#[test]
fn who_shares_a_port_with_a_closed_datagram_socket_is_sent_everything() {
    Lan::alone().python_apart(
        "def u():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(1, socket.SO_REUSEPORT, 1); return s
for _ in range(10):
    one, other, two = u(), u(), u(); one.bind(('127.0.0.1', 0)); other.bind(one.getsockname())
    two.connect(other.getsockname()); other.settimeout(5); one.close(); two.send(b'x')
    assert other.recv(9) == b'x'
",
    );
}

#[test]
fn a_listener_whose_process_has_ended_in_accept_is_not_there() {
    Lan::new().python_apart(
        "for _ in range(10):
    told, tells = os.pipe(); child = os.fork()
    if child == 0:
        l = socket.create_server(('', 80)); os.write(tells, b'x'); l.accept()
    os.read(told, 1); time.sleep(0.03); os.kill(child, 9); os.waitpid(child, 0)
    if _ % 2 == 0:
        try: socket.create_connection(('127.0.0.1', 80)); assert 0, 'connected'
        except ConnectionRefusedError: pass
    socket.create_server(('', 80)).close()
",
    );
}

/// Of a kernel without UNIX_DIAG.
fn blind(lan: &Lan) -> Desk {
    let listener = Listener::new(unix::stream(true).unwrap());
    let ready = ReadyList::new().unwrap();
    let mut desk = Desk::new(listener, lan.program.clone(), ready, true).unwrap();
    desk.diag = None;
    desk
}

fn listener(desk: &mut Desk, port: u16) -> (Id, OwnedFd) {
    let socket = Socket::new(&desk.host, Domain::Ipv4, SocketKind::Stream).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    socket.listen(9).unwrap();
    let theirs = unix::stream(true).unwrap();
    let listening = Listening {
        name: unix::name(&theirs).unwrap(),
        backlog: 9,
        queued: VecDeque::new(),
        stash: VecDeque::new(),
        waiters: VecDeque::new(),
        watched: None,
        over: false,
    };
    let id = desk.add(Family::V4, socket, State::Listening(listening));
    desk.introduce(id, &theirs).unwrap();
    desk.table.put_at(port, id);
    (id, theirs)
}

#[test]
fn nothing_that_is_open_is_taken_for_closed_without_a_way_to_ask() {
    let lan = Lan::alone();
    let mut desk = blind(&lan);
    let (id, _theirs) = listener(&mut desk, 80);
    desk.end_closed_listeners(([127, 0, 0, 1], 80).into());
    desk.sweep();
    assert!(desk.table.socks.contains_key(&id), "somebody listens");
}

#[test]
fn the_end_of_a_datagram_socket_is_noticed_without_a_way_to_ask() {
    let lan = Lan::alone();
    let mut desk = blind(&lan);
    let (one, theirs) = desk.make_datagram(Family::V4, true).unwrap();
    let (other, copy) = desk.make_datagram(Family::V4, true).unwrap();
    drop(copy.try_clone().unwrap());
    drop(theirs);
    let until = Instant::now() + Duration::from_secs(5);
    // What another test forks has a copy for a moment.
    while desk.table.socks.contains_key(&one) {
        assert!(Instant::now() < until, "it was closed");
        desk.sweep();
    }
    assert!(desk.table.socks.contains_key(&other), "it is open");
}

#[test]
fn strangers_where_descriptors_are_connected_to_keep_nobody_waiting() {
    let lan = Lan::alone();
    let mut desk = blind(&lan);
    let (stranger, theirs) = (unix::stream(true).unwrap(), unix::stream(true).unwrap());
    connect(&stranger, &desk.hub.1).unwrap();
    let ours = desk.join(&theirs).unwrap();
    send(&theirs, b"through", SendFlags::empty()).unwrap();
    let mut bytes = [0; 9];
    assert_eq!(recv(&ours, &mut bytes, RecvFlags::DONTWAIT).unwrap().0, 7);
    assert!(send(&stranger, b"nobody", SendFlags::NOSIGNAL).is_err());
}
