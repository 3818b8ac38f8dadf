//! The neighbour state machine (RFC 4861 §7.3) over ARP, and the bounds of its cache.

use super::frames::*;
use super::world::*;
use crate::config::Config;
use crate::discard::Discard;
use crate::socket::{Cause, SocketId, SocketKind};
use crate::views::NeighbourState;
use core::net::Ipv4Addr;
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::arp::Operation;
use danja_wire::ethernet::{EtherType, MacAddress};
use std::vec::Vec;

fn state(host: &Host) -> Option<(NeighbourState, Option<MacAddress>)> {
    host.stack.neighbours().into_iter().find(|it| it.address == B).map(|it| (it.state, it.mac))
}

/// A host past its announcements, with a socket.
fn quiet() -> (Host, SocketId) {
    let mut host = Host::a();
    host.advance(Duration::from_secs(5));
    let socket = host.udp(A, 1);
    (host, socket)
}

/// A host that has just been answered by B.
fn reachable() -> (Host, SocketId) {
    let (mut host, socket) = quiet();
    host.send_to(socket, b"x", at(B, 9));
    host.drain();
    host.answer(&b_answers_a());
    assert_eq!(state(&host), Some((NeighbourState::Reachable, Some(MAC_B))));
    (host, socket)
}

/// When requests went out, and to whom.
fn requests(sent: &[(Instant, Vec<u8>)], from: Instant) -> Vec<(u128, MacAddress)> {
    let request = |(at, frame): &(Instant, Vec<u8>)| {
        let (ethernet, packet) = read_arp(frame)?;
        assert_eq!(packet.operation, Operation::Request);
        Some((at.saturating_since(from).as_millis(), ethernet.destination))
    };
    sent.iter().filter_map(request).collect()
}

#[test]
fn the_answer_releases_what_waits_in_order() {
    let (mut host, socket) = quiet();
    for data in [b"1", b"2", b"3"] {
        host.send_to(socket, data, at(B, 9));
    }
    let sent = host.drain();
    assert_eq!(sent.len(), 1, "one request for three packets");
    let (ethernet, packet) = read_arp(&sent[0]).unwrap();
    assert!(ethernet.destination.is_broadcast());
    assert_eq!(packet, arp(Operation::Request, (MAC_A, A), (MacAddress::ZERO, B)));
    assert_eq!(host.stack.neighbours()[0].queued, 3);
    let released = host.answer(&b_answers_a());
    let bodies: Vec<_> = released.iter().map(|frame| read_ip(frame).1[8..].to_vec()).collect();
    assert_eq!(bodies, [b"1", b"2", b"3"]);
    assert!(released.iter().all(|frame| frame[..6] == MAC_B.0));
}

#[test]
fn a_request_from_the_one_who_is_asked_for_answers_as_well() {
    let (mut host, socket) = quiet();
    host.send_to(socket, b"x", at(B, 9));
    host.drain();
    let sent = host.answer(&b_asks_for_a());
    assert_eq!(sent.len(), 2, "what waited, and the answer");
    // RFC 4861 §7.3.3: it was not asked for, so it is to be confirmed.
    assert_eq!(state(&host), Some((NeighbourState::Delay, Some(MAC_B))));
    let start = host.now;
    let sent = host.advance(Duration::from_secs(5));
    assert_eq!(requests(&sent, start), [(5000, MAC_B)]);
}

#[test]
fn silence_fails_after_three_requests_a_second_apart() {
    let (mut host, socket) = quiet();
    let start = host.now;
    host.send_to(socket, b"x", at(B, 9));
    let sent = host.advance(Duration::from_millis(2999));
    let broadcast = MacAddress::BROADCAST;
    assert_eq!(requests(&sent, start), [(0, broadcast), (1000, broadcast), (2000, broadcast)]);
    assert_eq!(state(&host), Some((NeighbourState::Incomplete, None)));
    host.advance(Duration::from_millis(1));
    assert_eq!(state(&host), Some((NeighbourState::Failed, None)));
    assert_eq!(host.discarded(Discard::NeighbourUnreachable), 1);
    // Another packet asks again, at once: the last request is a second old.
    host.send_to(socket, b"y", at(B, 9));
    assert_eq!(host.drain().len(), 1);
    assert_eq!(state(&host), Some((NeighbourState::Incomplete, None)));
}

#[test]
fn a_failed_neighbour_is_forgotten_in_time() {
    let (mut host, socket) = quiet();
    host.send_to(socket, b"x", at(B, 9));
    host.advance(Duration::from_secs(3));
    assert!(state(&host).is_some());
    host.advance(Duration::from_secs(61));
    assert_eq!(state(&host), None);
}

#[test]
fn a_ping_socket_hears_of_the_silence() {
    let (mut host, _) = quiet();
    let ping = host.socket(SocketKind::Ping);
    host.send_to(ping, &[8, 0, 0, 0, 0, 0, 0, 1], at(B, 0));
    host.advance(Duration::from_secs(4));
    let error = host.stack.take_error(ping, host.now).unwrap();
    assert_eq!(error.kind, crate::socket::Fault::HostUnreachable);
    assert_eq!(error.cause, Some(Cause::NeighbourSilent(B.into())));
}

#[test]
fn a_confirmed_neighbour_goes_stale_and_is_asked_when_used() {
    let (mut host, socket) = reachable();
    // RFC 4861 §6.3.2: between half and one and a half of 30 s.
    host.advance(Duration::from_secs(14));
    assert_eq!(state(&host), Some((NeighbourState::Reachable, Some(MAC_B))));
    let sent = host.advance(Duration::from_secs(32));
    assert!(sent.is_empty(), "nothing is asked while nothing is sent");
    assert_eq!(state(&host), Some((NeighbourState::Stale, Some(MAC_B))));
    // §7.3.3: used at once, and asked about after DELAY_FIRST_PROBE_TIME (5 s): three times, to
    // the station itself.
    let start = host.now;
    host.send_to(socket, b"late", at(B, 9));
    assert_eq!(read_ip(&host.drain()[0]).0.destination, B);
    assert_eq!(state(&host), Some((NeighbourState::Delay, Some(MAC_B))));
    let sent = host.advance(Duration::from_secs(7));
    assert_eq!(requests(&sent, start), [(5000, MAC_B), (6000, MAC_B), (7000, MAC_B)]);
    assert_eq!(state(&host), Some((NeighbourState::Probe, Some(MAC_B))));
    host.advance(Duration::from_secs(1));
    assert_eq!(state(&host), Some((NeighbourState::Failed, None)));
}

#[test]
fn an_answer_to_a_probe_confirms() {
    let (mut host, socket) = reachable();
    host.advance(Duration::from_secs(60));
    host.send_to(socket, b"late", at(B, 9));
    host.advance(Duration::from_secs(5));
    assert_eq!(state(&host), Some((NeighbourState::Probe, Some(MAC_B))));
    host.answer(&b_answers_a());
    assert_eq!(state(&host), Some((NeighbourState::Reachable, Some(MAC_B))));
    assert!(host.advance(Duration::from_secs(10)).is_empty());
}

#[test]
fn an_unasked_claim_does_not_replace_a_fresh_neighbour() {
    // Vulnerability row 65: the known holder is asked; it answers, and nothing has changed.
    let (mut host, socket) = reachable();
    host.advance(Duration::from_secs(2));
    let forged = arp_frame(MAC_A, arp(Operation::Reply, (MAC_C, B), (MAC_A, A)));
    let asked = host.answer(&forged);
    assert_eq!(requests(&[(host.now, asked[0].clone())], host.now), [(0, MAC_B)]);
    assert_eq!(host.discarded(Discard::ArpUntrusted), 1);
    // A flood of them asks no more.
    for _ in 0..100 {
        assert!(host.answer(&forged).is_empty());
    }
    host.send_to(socket, b"x", at(B, 9));
    assert_eq!(host.drain()[0][..6], MAC_B.0);
    host.answer(&b_answers_a());
    assert_eq!(state(&host), Some((NeighbourState::Reachable, Some(MAC_B))));
    assert!(host.answer(&forged).is_empty(), "one question a second");
}

#[test]
fn a_genuine_take_over_succeeds_once_the_old_holder_is_silent() {
    let (mut host, socket) = reachable();
    host.advance(Duration::from_secs(2));
    let gratuitous = arp(Operation::Request, (MAC_C, B), (MacAddress::ZERO, B));
    host.answer(&arp_frame(MacAddress::BROADCAST, gratuitous));
    host.advance(Duration::from_secs(3));
    host.send_to(socket, b"x", at(B, 9));
    host.drain();
    let answer = arp_frame(MAC_A, arp(Operation::Reply, (MAC_C, B), (MAC_A, A)));
    let released = host.answer(&answer);
    assert_eq!(released[0][..6], MAC_C.0);
    assert_eq!(state(&host), Some((NeighbourState::Reachable, Some(MAC_C))));
}

#[test]
fn a_stale_neighbour_follows_what_it_says() {
    let (mut host, _) = reachable();
    host.advance(Duration::from_secs(60));
    let gratuitous = arp(Operation::Request, (MAC_C, B), (MacAddress::ZERO, B));
    host.answer(&arp_frame(MacAddress::BROADCAST, gratuitous));
    assert_eq!(state(&host), Some((NeighbourState::Stale, Some(MAC_C))));
}

#[test]
fn an_answer_nobody_asked_for_makes_no_entry() {
    let (mut host, _) = quiet();
    host.answer(&b_answers_a());
    assert_eq!(state(&host), None);
    assert_eq!(host.discarded(Discard::ArpUntrusted), 1);
}

#[test]
fn the_queue_of_a_neighbour_drops_its_oldest() {
    let (mut host, socket) = quiet();
    host.stack.config_mut().limits.neighbour_queue = 3;
    for data in [b"1", b"2", b"3", b"4", b"5"] {
        host.send_to(socket, data, at(B, 9));
    }
    host.drain();
    assert_eq!(host.discarded(Discard::NeighbourQueueFull), 2);
    let released = host.answer(&b_answers_a());
    let bodies: Vec<_> = released.iter().map(|frame| read_ip(frame).1[8..].to_vec()).collect();
    assert_eq!(bodies, [b"3", b"4", b"5"]);
}

#[test]
fn the_cache_is_bounded_and_forgets_the_unknown_first() {
    // Vulnerability row 48: a scan of the network does not push out who answers.
    let mut config = Config::default();
    config.limits.neighbours = 8;
    let mut host = Host::bare(config);
    let lan = crate::InterfaceConfig::new("lan", crate::Medium::Ethernet(MAC_A), 1500);
    host.stack.add_interface(lan.address(cidr("10.0.0.1/16")), host.now);
    let socket = host.udp(A, 1);
    for _ in 0..2 {
        host.answer(&b_asks_for_a());
    }
    for low in 3..=200 {
        host.send_to(socket, b"scan", at(Ipv4Addr::new(10, 0, 7, low), 9));
        host.drain();
        assert!(host.stack.neighbours().len() <= 8);
    }
    assert_eq!(state(&host), Some((NeighbourState::Stale, Some(MAC_B))));
    // Stations that ask push out the unknown, then the longest unused.
    for low in 3..=200 {
        let mac = MacAddress([2, 0, 0, 0, 1, low]);
        let sender = (mac, Ipv4Addr::new(10, 0, 1, low));
        let request = arp(Operation::Request, sender, (MacAddress::ZERO, A));
        host.answer(&arp_frame(MacAddress::BROADCAST, request));
    }
    let left: Vec<_> = host.stack.neighbours().iter().map(|it| it.address).collect();
    assert_eq!(left.len(), 8);
    assert!(left.contains(&core::net::IpAddr::V4(Ipv4Addr::new(10, 0, 1, 200))));
    assert!(!left.contains(&core::net::IpAddr::V4(B)));
}

#[test]
fn a_neighbour_set_by_hand_stays() {
    let (mut host, socket) = quiet();
    let now = host.now;
    host.send_to(socket, b"waits", at(B, 9));
    host.drain();
    assert!(host.stack.add_neighbour(LAN, B.into(), MAC_B, now));
    assert_eq!(host.drain()[0][..6], MAC_B.0);
    let forged = arp(Operation::Request, (MAC_C, B), (MacAddress::ZERO, A));
    host.answer(&arp_frame(MacAddress::BROADCAST, forged));
    host.advance(Duration::from_secs(1000));
    assert_eq!(state(&host), Some((NeighbourState::Permanent, Some(MAC_B))));
    host.send_to(socket, b"x", at(B, 9));
    assert_eq!(host.advance(Duration::from_secs(20)).len(), 1);
    assert!(host.stack.remove_neighbour(LAN, B.into(), now));
    assert!(!host.stack.remove_neighbour(LAN, B.into(), now));
    let loopback = crate::InterfaceId::LOOPBACK;
    assert!(!host.stack.add_neighbour(loopback, B.into(), MAC_B, now));
    assert!(!host.stack.add_neighbour(LAN, B.into(), MacAddress::BROADCAST, now));
}

#[test]
fn groups_need_no_question() {
    let (mut host, socket) = quiet();
    let on = crate::socket::SocketOption::Broadcast(true);
    host.stack.set_option(socket, on, host.now).unwrap();
    let cases = [
        (Ipv4Addr::BROADCAST, MacAddress::BROADCAST),
        (Ipv4Addr::new(10, 0, 0, 255), MacAddress::BROADCAST),
        // RFC 1112 §6.4: the low 23 bits.
        (Ipv4Addr::new(239, 129, 2, 3), MacAddress([1, 0, 0x5e, 1, 2, 3])),
    ];
    for (to, mac) in cases {
        host.send_to(socket, b"all", at(to, 9));
        let sent = host.drain();
        assert_eq!((sent.len(), &sent[0][..6]), (1, &mac.0[..]), "{to}");
        assert_eq!(sent[0][12..14], EtherType::IPV4.0.to_be_bytes());
    }
}

#[test]
fn a_link_that_goes_down_forgets_its_neighbours() {
    let (mut host, _) = reachable();
    host.stack.set_up(LAN, false, host.now);
    assert_eq!(state(&host), None);
}
