//! Every method of std's types, called once or more; what it gives is the same over both faces.

use super::face::{TcpListener, TcpStream, UdpSocket, World};
use crate::common::in_time;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

const ANY: &str = "127.0.0.1:0";
const TIME: Option<Duration> = Some(Duration::from_millis(30));

#[test]
fn a_stream() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen(ANY).unwrap();
        let at = TcpListener::local_addr(&listener).unwrap();
        let mut client = world.connect(at).unwrap();
        let (mut server, peer) = TcpListener::accept(&listener).unwrap();
        assert_eq!(TcpStream::local_addr(&client).unwrap(), peer);
        assert_eq!(TcpStream::peer_addr(&client).unwrap(), at);
        assert!(!TcpStream::nodelay(&client).unwrap());
        TcpStream::set_nodelay(&client, true).unwrap();
        assert!(TcpStream::nodelay(&client).unwrap());
        assert_eq!(TcpStream::ttl(&client).unwrap(), 64);
        TcpStream::set_ttl(&client, 9).unwrap();
        assert_eq!(TcpStream::ttl(&client).unwrap(), 9);
        assert!(TcpStream::take_error(&client).unwrap().is_none());
        assert_eq!(TcpStream::read_timeout(&client).unwrap(), None);
        TcpStream::set_read_timeout(&client, TIME).unwrap();
        assert!(TcpStream::read_timeout(&client).unwrap() >= TIME);
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(TcpStream::write_timeout(&client).unwrap(), None);
        TcpStream::set_write_timeout(&client, TIME).unwrap();
        assert!(TcpStream::write_timeout(&client).unwrap() >= TIME);
        server.write_all(b"page").unwrap();
        TcpStream::set_read_timeout(&client, None).unwrap();
        let mut heard = [0; 8];
        assert_eq!(TcpStream::peek(&client, &mut heard).unwrap(), 4);
        let mut twin = TcpStream::try_clone(&client).unwrap();
        assert_eq!(twin.read(&mut heard).unwrap(), 4);
        assert_eq!(&heard[..4], b"page");
        TcpStream::set_nonblocking(&twin, true).unwrap();
        assert_eq!(client.read(&mut heard).unwrap_err().kind(), ErrorKind::WouldBlock);
        TcpStream::shutdown(&client, Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut heard).unwrap(), 0);
        let other = world.connect_timeout(&at, Duration::from_secs(5)).unwrap();
        assert_eq!(TcpStream::peer_addr(&other).unwrap(), at);
    });
}

#[test]
fn a_listener() {
    in_time(|| {
        let world = World::new();
        let listener = world.listen(ANY).unwrap();
        let at = TcpListener::local_addr(&listener).unwrap();
        let twin = TcpListener::try_clone(&listener).unwrap();
        assert_eq!(TcpListener::local_addr(&twin).unwrap(), at);
        assert_eq!(TcpListener::ttl(&listener).unwrap(), 64);
        TcpListener::set_ttl(&listener, 12).unwrap();
        assert_eq!(TcpListener::ttl(&twin).unwrap(), 12);
        assert!(TcpListener::take_error(&listener).unwrap().is_none());
        let client = world.connect(at).unwrap();
        let accepted = TcpListener::incoming(&listener).next().unwrap().unwrap();
        assert_eq!(accepted.peer_addr().unwrap(), client.local_addr().unwrap());
        TcpListener::set_nonblocking(&twin, true).unwrap();
        let error = TcpListener::accept(&listener).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn datagrams() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(ANY).unwrap(), world.udp(ANY).unwrap());
        let at = UdpSocket::local_addr(&one).unwrap();
        let from = UdpSocket::local_addr(&two).unwrap();
        assert_eq!(UdpSocket::send_to(&two, b"first", at).unwrap(), 5);
        let mut buffer = [0; 8];
        assert_eq!(UdpSocket::peek_from(&one, &mut buffer).unwrap(), (5, from));
        assert_eq!(UdpSocket::recv_from(&one, &mut buffer).unwrap(), (5, from));
        let error = UdpSocket::peer_addr(&two).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        UdpSocket::connect(&two, at).unwrap();
        assert_eq!(UdpSocket::peer_addr(&two).unwrap(), at);
        assert_eq!(UdpSocket::send(&two, b"second").unwrap(), 6);
        assert_eq!(UdpSocket::peek(&one, &mut buffer).unwrap(), 6);
        assert_eq!(UdpSocket::recv(&one, &mut buffer).unwrap(), 6);
        assert_eq!(&buffer[..6], b"second");
        let twin = UdpSocket::try_clone(&one).unwrap();
        UdpSocket::set_read_timeout(&twin, TIME).unwrap();
        assert!(UdpSocket::read_timeout(&one).unwrap() >= TIME);
        let error = UdpSocket::recv(&one, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        UdpSocket::set_write_timeout(&twin, TIME).unwrap();
        assert!(UdpSocket::write_timeout(&one).unwrap() >= TIME);
        UdpSocket::set_read_timeout(&one, None).unwrap();
        UdpSocket::set_nonblocking(&one, true).unwrap();
        let error = UdpSocket::recv(&one, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(!UdpSocket::broadcast(&one).unwrap());
        UdpSocket::set_broadcast(&one, true).unwrap();
        assert!(UdpSocket::broadcast(&one).unwrap());
        assert_eq!(UdpSocket::ttl(&one).unwrap(), 64);
        UdpSocket::set_ttl(&one, 3).unwrap();
        assert_eq!(UdpSocket::ttl(&one).unwrap(), 3);
        drop((one, twin));
        // The answer to the next is "port unreachable".
        UdpSocket::send(&two, b"anybody?").unwrap();
        let refused = loop {
            match UdpSocket::take_error(&two).unwrap() {
                Some(error) => break error,
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}
