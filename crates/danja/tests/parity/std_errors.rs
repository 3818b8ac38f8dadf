//! Each error kind that a program can meet, provoked once. `ConnectionAborted` is none of them:
//! Linux gives it for connections that an administrator ends. Unreachable
//! hosts are in `unreachable.rs`.

use super::face::{TcpStream, World};
use crate::common::in_time;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

const ANY: &str = "127.0.0.1:0";
const SHORT: Duration = Duration::from_millis(200);

fn pair(world: &World) -> (TcpStream, TcpStream) {
    let listener = world.listen(ANY).unwrap();
    let client = world.connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

/// The kind that std has for a number of Linux's; some have no name.
fn of(errno: i32) -> ErrorKind {
    io::Error::from_raw_os_error(errno).kind()
}

#[test]
fn opening() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen(ANY).unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(kind(world.listen(at)), ErrorKind::AddrInUse);
        assert_eq!(kind(world.listen("192.0.2.1:0")), ErrorKind::AddrNotAvailable);
        assert_eq!(kind(world.udp("192.0.2.1:0")), ErrorKind::AddrNotAvailable);
        assert_eq!(kind(world.connect("127.0.0.1")), ErrorKind::InvalidInput);
        assert_eq!(kind(world.connect("127.0.0.1:x")), ErrorKind::InvalidInput);
        assert_eq!(kind(world.connect_timeout(&at, Duration::ZERO)), ErrorKind::InvalidInput);
        // Nobody connects to a group.
        assert_eq!(kind(world.connect("224.0.0.1:80")), ErrorKind::NetworkUnreachable);
        drop(listener);
        assert_eq!(kind(world.connect(at)), ErrorKind::ConnectionRefused);
        assert_eq!(kind(world.connect_timeout(&at, SHORT)), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_full_listener_is_silent() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen(ANY).unwrap();
        let at = listener.local_addr().unwrap();
        World::set_backlog(&listener, 1);
        let mut waiting = Vec::new();
        let error = loop {
            match world.connect_timeout(&at, SHORT) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
            assert!(waiting.len() < 10, "the queue is without end");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    });
}

#[test]
fn moving_data() {
    in_time(|| {
        let world = World::new();
        let (mut client, server) = pair(&world);
        client.write_all(b"unread").unwrap();
        World::reset(server);
        assert_eq!(kind(client.read(&mut [0])), ErrorKind::ConnectionReset);
        assert_eq!(kind(client.write(b"more")), ErrorKind::BrokenPipe);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(kind(client.peer_addr()), ErrorKind::NotConnected);
        assert_eq!(kind(client.shutdown(Shutdown::Both)), ErrorKind::NotConnected);

        let (mut client, mut server) = pair(&world);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(kind(client.write(b"more")), ErrorKind::BrokenPipe);
        assert_eq!(kind(server.read_exact(&mut [0])), ErrorKind::UnexpectedEof);
        client.set_nonblocking(true).unwrap();
        assert_eq!(kind(client.read(&mut [0])), ErrorKind::WouldBlock);
        assert_eq!(kind(client.set_read_timeout(Some(Duration::ZERO))), ErrorKind::InvalidInput);
        assert_eq!(kind(client.set_ttl(0)), ErrorKind::InvalidInput);
        assert_eq!(kind(client.set_ttl(256)), ErrorKind::InvalidInput);
    });
}

#[test]
fn datagrams() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(ANY).unwrap(), world.udp(ANY).unwrap());
        let at = two.local_addr().unwrap();
        assert_eq!(kind(world.udp(at)), ErrorKind::AddrInUse);
        assert_eq!(kind(one.send(b"to whom?")), of(89), "EDESTADDRREQ");
        assert_eq!(kind(one.send_to(&[0; 65_508], at)), of(90), "EMSGSIZE");
        let broadcast = "127.255.255.255:9";
        assert_eq!(kind(one.send_to(b"all", broadcast)), ErrorKind::PermissionDenied);
        assert_eq!(kind(one.connect("[::1]:9")), of(97), "EAFNOSUPPORT");
        let none: &[std::net::SocketAddr] = &[];
        assert_eq!(kind(one.send_to(b"", none)), ErrorKind::InvalidInput);
        one.connect(at).unwrap();
        drop(two);
        one.send(b"anybody?").unwrap();
        assert_eq!(kind(one.recv(&mut [0])), ErrorKind::ConnectionRefused);
    });
}
