//! UDP and ping between two hosts on a cable, and on one host.

mod common;

use common::{address, endpoint, in_time, two_hosts};
use danja::net::UdpSocket;
use danja::stack::socket::{Cause, Fault};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

#[test]
fn datagrams_of_all_sizes_arrive_whole() {
    in_time(|| {
        let (one, two) = two_hosts();
        let receiver = UdpSocket::bind(&one, endpoint(1, 4000)).unwrap();
        let sender = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        // The largest is fragmented and put together again.
        for length in [0, 1, 1472, 1473, 9000, 65_507] {
            let mut data = vec![0; length];
            common::pattern(length as u64, &mut data);
            assert_eq!(sender.send_to(&data, endpoint(1, 4000)).unwrap(), length);
            let mut buffer = vec![0; 65_536];
            let (received, from) = receiver.recv_from(&mut buffer).unwrap();
            assert_eq!(received, length);
            assert!(buffer[..received] == data[..], "{length} bytes differ");
            assert_eq!(from.ip(), address(2));
            assert_eq!(from.port(), sender.local_addr().unwrap().port());
        }
        let error = sender.send_to(&vec![0; 65_508], endpoint(1, 4000)).unwrap_err();
        assert_eq!(danja::errno(&error), Some(90), "{error}");
    });
}

#[test]
fn a_port_that_nobody_has_is_refused() {
    in_time(|| {
        let (one, two) = two_hosts();
        let socket = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        socket.connect(endpoint(1, 4000)).unwrap();
        socket.send(b"anybody?").unwrap();
        let error = socket.recv(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), "connection refused: 10.0.0.1 sent ICMP port unreachable");
        // It was told once.
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv(&mut [0; 16]).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(one);
    });
}

#[test]
fn a_host_that_is_not_there_is_silent_and_the_reason_is_seen() {
    in_time(|| {
        let (_one, two) = two_hosts();
        let socket = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        socket.connect(endpoint(9, 53)).unwrap();
        socket.send(b"anybody?").unwrap();
        // As in Linux, where such an error is not final and so not told to UDP sockets. Three
        // requests go out, a second apart.
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(socket.recv(&mut [0; 16]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let info = socket.as_socket().control_info().unwrap();
        let fault = info.soft_error.unwrap();
        assert_eq!(fault.kind, Fault::HostUnreachable);
        assert_eq!(fault.cause, Some(Cause::NeighbourSilent(address(9))));
    });
}

#[test]
fn a_network_without_a_route_is_unreachable_at_once() {
    let (_one, two) = two_hosts();
    let socket = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
    let error = socket.send_to(b"", (Ipv4Addr::new(192, 0, 2, 1), 53)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable, "{error}");
    assert_eq!(error.to_string(), "network unreachable: no route leads there");
}

#[test]
fn broadcast_needs_permission_and_reaches_all() {
    in_time(|| {
        let (one, two) = two_hosts();
        let receiver = UdpSocket::bind(&one, "0.0.0.0:4000").unwrap();
        let sender = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        let error = sender.send_to(b"all", endpoint(255, 4000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        sender.set_broadcast(true).unwrap();
        assert!(sender.broadcast().unwrap());
        for to in ["10.0.0.255:4000", "255.255.255.255:4000"] {
            sender.send_to(b"all", to).unwrap();
            let mut buffer = [0; 8];
            let (length, from) = receiver.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from.ip()), (&b"all"[..], address(2)), "{to}");
        }
    });
}

#[test]
fn a_sleeping_receiver_is_woken_by_another_thread() {
    in_time(|| {
        let (one, two) = two_hosts();
        let receiver = UdpSocket::bind(&one, endpoint(1, 4000)).unwrap();
        let clone = receiver.try_clone().unwrap();
        let waiting = std::thread::spawn(move || {
            let mut buffer = [0; 8];
            let (length, _) = clone.recv_from(&mut buffer).unwrap();
            buffer[..length].to_vec()
        });
        std::thread::sleep(Duration::from_millis(50));
        let sender = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        sender.send_to(b"wake", endpoint(1, 4000)).unwrap();
        assert_eq!(waiting.join().unwrap(), b"wake");
    });
}

#[test]
fn echo_requests_are_answered() {
    in_time(|| {
        let (one, two) = two_hosts();
        let ping = two.ping_socket().unwrap();
        for (sequence, length) in [(1, 0), (2, 56), (3, 60_000)] {
            let payload = vec![0x5a; length];
            ping.send(address(1), sequence, &payload).unwrap();
            let reply = ping.recv().unwrap();
            assert_eq!((reply.from, reply.sequence, reply.ttl), (address(1), sequence, 64));
            assert!(reply.payload == payload);
        }
        ping.set_ttl(1).unwrap();
        assert_eq!(ping.set_ttl(256).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(one.counters().icmp_in_echos, 3);
        // Its own addresses, too.
        for own in [address(2), IpAddr::V4(Ipv4Addr::LOCALHOST)] {
            ping.send(own, 4, b"self").unwrap();
            assert_eq!(ping.recv().unwrap().from, own);
        }
    });
}

#[test]
fn an_echo_request_to_nobody_fails_with_the_reason() {
    in_time(|| {
        let (_one, two) = two_hosts();
        let ping = two.ping_socket().unwrap();
        ping.send(address(9), 1, b"").unwrap();
        let error = ping.recv().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
        assert_eq!(error.to_string(), "host unreachable: nobody answered ARP for 10.0.0.9");
        ping.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        assert_eq!(ping.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}
