//! The thinnest slice: two hosts on a wire, and one with itself.

use super::world::*;
use crate::socket::SocketKind;
use core::net::Ipv4Addr;
use std::vec;

#[test]
fn a_datagram_crosses_the_wire_after_arp() {
    let mut pair = Pair::new();
    let asks = pair.a.udp(A, 1000);
    let answers = pair.b.udp(Ipv4Addr::UNSPECIFIED, 53);
    pair.a.send_to(asks, b"question", at(B, 53));
    pair.run();
    assert_eq!(pair.b.recv(answers), Some((b"question".to_vec(), at(A, 1000))));
    pair.b.send_to(answers, b"answer", at(A, 1000));
    pair.run();
    assert_eq!(pair.a.recv(asks), Some((b"answer".to_vec(), at(B, 53))));
    assert_eq!(pair.a.recv(asks), None);
}

#[test]
fn a_datagram_to_oneself_loops_back() {
    let mut host = Host::a();
    let one = host.udp(A, 1);
    let two = host.udp(Ipv4Addr::LOCALHOST, 2);
    host.send_to(one, b"own", at(A, 1));
    host.send_to(two, b"lo", at(Ipv4Addr::LOCALHOST, 2));
    assert!(host.drain().is_empty());
    assert_eq!(host.recv(one), Some((b"own".to_vec(), at(A, 1))));
    assert_eq!(host.recv(two), Some((b"lo".to_vec(), at(Ipv4Addr::LOCALHOST, 2))));
}

#[test]
fn an_echo_request_is_answered_with_the_same_data() {
    let mut pair = Pair::new();
    let ping = pair.a.socket(SocketKind::Ping);
    let mut request = vec![8, 0, 0, 0, 0, 0, 0, 1];
    request.extend_from_slice(b"0123456789");
    pair.a.send_to(ping, &request, at(B, 0));
    pair.run();
    let (reply, from) = pair.a.recv(ping).unwrap();
    assert_eq!((reply[0], &reply[6..]), (0, &request[6..]));
    assert_eq!(from.ip(), core::net::IpAddr::V4(B));
}
