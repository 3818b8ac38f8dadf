//! Gateways that die (RFC 1122 §3.3.1.4, §3.3.1.5) and what waits for neighbours.

use super::frames::*;
use super::world::*;
use crate::config::Route;
use crate::discard::Discard;
use crate::socket::{Cause, ConnectError, SocketId, SocketKind};
use crate::views::NeighbourState;
use core::net::Ipv4Addr;
use core::time::Duration;
use danja_wire::arp::Operation;
use danja_wire::ethernet::MacAddress;
use danja_wire::ip::{Cidr, Version};
use std::vec::Vec;

const FAR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// A host with two default routes: by B, and if need be by C.
fn two_gateways() -> (Host, SocketId) {
    let mut host = Host::a();
    let (destination, gateway) = (Cidr::any(Version::V4), Some(C.into()));
    let route = Route { destination, gateway, interface: LAN, metric: 9 };
    assert!(host.stack.add_route(route, host.now));
    host.advance(Duration::from_secs(5));
    let socket = host.udp(A, 1);
    (host, socket)
}

fn is_at(mac: MacAddress, ip: Ipv4Addr) -> Vec<u8> {
    arp_frame(MAC_A, arp(Operation::Reply, (mac, ip), (MAC_A, A)))
}

/// Who is asked for in these frames.
fn asked(sent: &[Vec<u8>]) -> Vec<Ipv4Addr> {
    sent.iter().filter_map(|frame| read_arp(frame)).map(|(_, arp)| arp.target_ip).collect()
}

/// Where a datagram to far away goes now.
fn hop(host: &Host) -> Ipv4Addr {
    let path = host.stack.core.ip.path(None, FAR.into(), None).unwrap();
    path.next_hop.to_string().parse().unwrap()
}

use std::string::ToString;

#[test]
fn the_next_gateway_takes_over_from_a_silent_one_and_gives_back() {
    let (mut host, socket) = two_gateways();
    let data = [7; 1400];
    host.send_to(socket, &data, at(FAR, 9));
    assert_eq!(asked(&host.drain()), [B]);
    let sent: Vec<_> = host.advance(Duration::from_secs(3)).into_iter().map(|it| it.1).collect();
    assert_eq!(asked(&sent), [B, B, C], "the second is asked for when the first is given up");
    // What waited for the first goes by the second.
    let released = host.answer(&is_at(MAC_C, C));
    assert_eq!((released.len(), &released[0][..6]), (1, &MAC_C.0[..]));
    assert_eq!(read_ip(&released[0]).1[8..], data);
    assert_eq!(host.discarded(Discard::NeighbourUnreachable), 0);
    assert_eq!(hop(&host), C);
    // The first is asked for once a minute, and used again once it is heard.
    let sent: Vec<_> = host.advance(Duration::from_secs(125)).into_iter().map(|it| it.1).collect();
    assert_eq!(asked(&sent).iter().filter(|it| **it == B).count(), 2);
    assert_eq!(hop(&host), C);
    host.answer(&is_at(MAC_B, B));
    assert_eq!(hop(&host), B);
    assert!(host.advance(Duration::from_secs(125)).is_empty(), "nothing is asked any more");
}

#[test]
fn a_more_general_route_is_no_replacement() {
    let (mut host, socket) = two_gateways();
    let destination = cidr("203.0.113.0/24");
    let gateway = Some(Ipv4Addr::new(10, 0, 0, 9).into());
    let route = Route { destination, gateway, interface: LAN, metric: 0 };
    host.stack.add_route(route, host.now);
    host.send_to(socket, b"x", at(FAR, 9));
    host.advance(Duration::from_secs(4));
    assert_eq!(hop(&host), Ipv4Addr::new(10, 0, 0, 9));
    assert_eq!(host.discarded(Discard::NeighbourUnreachable), 1);
    // A route that goes takes the question with it.
    host.stack.remove_route(route, host.now);
    assert!(host.advance(Duration::from_secs(200)).is_empty());
}

#[test]
fn when_all_gateways_are_silent_the_sender_is_told() {
    let (mut host, _) = two_gateways();
    let ping = host.socket(SocketKind::Ping);
    host.send_to(ping, &[8, 0, 0, 0, 0, 0, 0, 1], at(FAR, 0));
    host.advance(Duration::from_secs(20));
    let fault = host.stack.take_error(ping, host.now).unwrap();
    assert!(matches!(fault.cause, Some(Cause::NeighbourSilent(_))));
    assert_eq!(host.discarded(Discard::NeighbourUnreachable), 1);
}

#[test]
fn a_connection_without_answers_has_its_gateway_asked() {
    // RFC 9293 §3.8.3 (MUST-20, MUST-22).
    let (mut host, _) = two_gateways();
    host.answer(&b_asks_for_a());
    let state = |host: &Host| {
        host.stack.neighbours().into_iter().find(|it| it.address == B).map(|it| it.state)
    };
    // Confirmed for the next 15 seconds at least, but gone.
    host.stack.config_mut().ip.reachable_time = Duration::from_secs(1000);
    let socket = host.socket(SocketKind::Stream);
    let started = host.stack.connect(socket, at(FAR, 80), host.now);
    assert_eq!(started, Err(ConnectError::InProgress));
    host.drain();
    host.advance(Duration::from_secs(5));
    host.answer(&is_at(MAC_B, B));
    assert_eq!(state(&host), Some(NeighbourState::Reachable));
    // The third retransmission is 7 s after the SYN.
    let sent: Vec<_> = host.advance(Duration::from_secs(6)).into_iter().map(|it| it.1).collect();
    assert_eq!(asked(&sent), [B, B, B]);
    assert_eq!(state(&host), Some(NeighbourState::Failed));
    assert_eq!(hop(&host), C);
    // The next one goes by the other.
    host.advance(Duration::from_secs(5));
    let released = host.answer(&is_at(MAC_C, C));
    assert_eq!(released.len(), 1);
    assert_eq!(read_ip(&released[0]).0.destination, FAR);
}

#[test]
fn what_waits_for_neighbours_is_bounded_in_all() {
    let (mut host, socket) = two_gateways();
    host.stack.config_mut().limits.neighbour_queue_bytes = 20_000;
    for low in 20..40 {
        for _ in 0..5 {
            host.send_to(socket, &[0; 1400], at(Ipv4Addr::new(10, 0, 0, low), 9));
        }
    }
    host.drain();
    let waiting: usize = host.stack.neighbours().iter().map(|it| it.queued).sum();
    assert!((10..=14).contains(&waiting), "{waiting}");
    let lost = host.discarded(Discard::NeighbourQueueFull);
    assert_eq!(lost + waiting as u64, 100);
    // What is given up makes room again.
    host.advance(Duration::from_secs(4));
    host.send_to(socket, b"x", at(Ipv4Addr::new(10, 0, 0, 50), 9));
    host.drain();
    assert_eq!(host.discarded(Discard::NeighbourQueueFull), lost);
}

#[test]
fn a_link_that_goes_down_names_what_is_lost() {
    let (mut host, socket) = two_gateways();
    host.send_to(socket, b"x", at(B, 9));
    assert_eq!(asked(&host.drain()), [B]);
    // A reply that has not left yet.
    host.give(&arp_frame(
        MacAddress::BROADCAST,
        arp(Operation::Request, (MAC_C, C), (MacAddress::ZERO, A)),
    ));
    host.stack.set_up(LAN, false, host.now);
    assert_eq!(host.discarded(Discard::InterfaceDown), 2);
    assert_eq!(host.discarded(Discard::NeighbourLimit), 0);
}
