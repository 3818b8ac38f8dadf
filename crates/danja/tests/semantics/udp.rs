//! What a program sees of UDP sockets; run over the kernel and over Danja.

use super::net::World;
use crate::common::in_time;
use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(60);

#[test]
fn datagrams_keep_their_bounds() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(), world.udp_peer());
        for data in [&b"first"[..], b"", b"third"] {
            assert_eq!(two.send_to(data, one.local_addr().unwrap()).unwrap(), data.len());
        }
        let mut buffer = [0; 64];
        for data in [&b"first"[..], b"", b"third"] {
            let (length, from) = one.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from), (data, two.local_addr().unwrap()));
        }
    });
}

#[test]
fn what_does_not_fit_is_lost() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(), world.udp_peer());
        two.send_to(b"0123456789", one.local_addr().unwrap()).unwrap();
        two.send_to(b"next", one.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(one.recv_from(&mut buffer).unwrap().0, 4);
        assert_eq!(&buffer, b"0123");
        assert_eq!(one.recv_from(&mut buffer).unwrap().0, 4);
        assert_eq!(&buffer, b"next");
    });
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    in_time(|| {
        let world = World::new();
        let (one, two, stranger) = (world.udp(), world.udp_peer(), world.udp_peer());
        assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        one.connect(two.local_addr().unwrap()).unwrap();
        assert_eq!(one.peer_addr().unwrap(), two.local_addr().unwrap());
        stranger.send_to(b"noise", one.local_addr().unwrap()).unwrap();
        two.send_to(b"signal", one.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 16];
        let length = one.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"signal");
        one.send(b"back").unwrap();
        let (length, from) = two.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (&b"back"[..], one.local_addr().unwrap()));
    });
}

#[test]
fn peeked_datagrams_stay() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(), world.udp_peer());
        two.send_to(b"look", one.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 16];
        let seen = one.peek_from(&mut buffer).unwrap();
        assert_eq!(seen, (4, two.local_addr().unwrap()));
        assert_eq!(one.peek(&mut buffer).unwrap(), 4);
        assert_eq!(one.recv(&mut buffer).unwrap(), 4);
        one.set_nonblocking(true).unwrap();
        assert_eq!(one.recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn receiving_times_out() {
    in_time(|| {
        let one = World::new().udp();
        one.set_read_timeout(Some(SHORT)).unwrap();
        let begun = Instant::now();
        let error = one.recv_from(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= SHORT - Duration::from_millis(5), "{:?}", begun.elapsed());
        let error = one.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_port_that_nobody_has_is_refused_to_the_connected() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(), world.udp_peer());
        one.connect(two.local_addr().unwrap()).unwrap();
        drop(two);
        one.send(b"anybody?").unwrap();
        let error = one.recv(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    });
}

#[test]
fn errors_of_a_send_without_a_destination_and_of_a_long_one() {
    let world = World::new();
    let (one, two) = (world.udp(), world.udp_peer());
    let number = |error: std::io::Error| danja::errno(&error);
    assert_eq!(number(one.send(b"whither?").unwrap_err()), Some(89));
    let long = vec![0; 65_508];
    assert_eq!(number(one.send_to(&long, two.local_addr().unwrap()).unwrap_err()), Some(90));
    let nowhere = (two.local_addr().unwrap().ip(), 0);
    assert_eq!(number(one.send_to(b"", nowhere).unwrap_err()), Some(22));
}

#[test]
fn clones_are_the_same_socket() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(), world.udp_peer());
        let clone = one.try_clone().unwrap();
        assert_eq!(clone.local_addr().unwrap(), one.local_addr().unwrap());
        let waiting = thread::spawn(move || clone.recv_from(&mut [0; 4]).unwrap().0);
        thread::sleep(SHORT);
        two.send_to(b"abc", one.local_addr().unwrap()).unwrap();
        assert_eq!(waiting.join().unwrap(), 3);
        assert!(!one.broadcast().unwrap());
        assert_eq!(one.ttl().unwrap(), 64);
    });
}

#[test]
fn a_peer_can_be_changed_and_gone_around() {
    in_time(|| {
        let world = World::new();
        let (one, two, three) = (world.udp(), world.udp_peer(), world.udp_peer());
        let at = one.local_addr().unwrap();
        one.connect(two.local_addr().unwrap()).unwrap();
        // What came before the socket was connected stays; what comes from others after does not.
        one.connect(three.local_addr().unwrap()).unwrap();
        assert_eq!(one.peer_addr().unwrap(), three.local_addr().unwrap());
        assert_eq!(one.local_addr().unwrap(), at);
        two.send_to(b"old", at).unwrap();
        three.send_to(b"new", at).unwrap();
        let mut buffer = [0; 8];
        let (length, from) = one.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (&b"new"[..], three.local_addr().unwrap()));
        one.send_to(b"aside", two.local_addr().unwrap()).unwrap();
        assert_eq!(two.recv_from(&mut buffer).unwrap(), (5, at));
    });
}

#[test]
fn no_room_is_room_for_nothing() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(), world.udp_peer());
        let at = one.local_addr().unwrap();
        two.send_to(b"lost", at).unwrap();
        two.send_to(b"kept", at).unwrap();
        assert_eq!(one.peek_from(&mut [0; 2]).unwrap(), (2, two.local_addr().unwrap()));
        assert_eq!(one.recv_from(&mut []).unwrap(), (0, two.local_addr().unwrap()));
        let mut buffer = [0; 8];
        assert_eq!(one.recv(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"kept");
    });
}

#[test]
fn a_refusal_is_told_to_the_next_sender_or_to_who_asks() {
    in_time(|| {
        let world = World::new();
        let (one, two) = (world.udp(), world.udp_peer());
        let gone = two.local_addr().unwrap();
        one.connect(gone).unwrap();
        drop(two);
        one.send(b"anybody?").unwrap();
        thread::sleep(SHORT);
        assert_eq!(one.send(b"hello?").unwrap_err().kind(), ErrorKind::ConnectionRefused);
        one.send(b"hello?").unwrap();
        thread::sleep(SHORT);
        let error = one.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(one.take_error().unwrap().is_none());
        // The unconnected are not told: it may have been about any of their datagrams.
        let one = world.udp();
        one.send_to(b"anybody?", gone).unwrap();
        thread::sleep(SHORT);
        assert!(one.take_error().unwrap().is_none());
        one.send_to(b"anybody?", gone).unwrap();
    });
}

#[test]
fn another_family_is_not_spoken() {
    let one = World::new().udp();
    let error = one.send_to(b"", "[::1]:9").unwrap_err();
    assert_eq!(danja::errno(&error), Some(97), "{error}");
    let error = one.connect("[::1]:9").unwrap_err();
    assert_eq!(danja::errno(&error), Some(97), "{error}");
}
