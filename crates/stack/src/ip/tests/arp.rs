//! ARP (RFC 826, RFC 1122 §2.3.2) and address conflicts (RFC 5227).

use super::frames::*;
use super::world::*;
use crate::config::{Config, InterfaceConfig};
use crate::discard::Discard;
use crate::event::Event;
use crate::interface::{MacAddress, Medium};
use core::net::Ipv4Addr;
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::arp::Operation;
use danja_wire::ethernet::EtherType;
use std::vec::Vec;

fn arps(frames: &[Vec<u8>]) -> Vec<danja_wire::arp::Packet> {
    frames.iter().filter_map(|frame| read_arp(frame)).map(|(_, packet)| packet).collect()
}

#[test]
fn a_request_for_our_address_is_answered_to_the_asker() {
    let mut host = Host::a();
    let answers = host.answer(&b_asks_for_a());
    let (ethernet, packet) = read_arp(&answers[0]).unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!((ethernet.destination, ethernet.source), (MAC_B, MAC_A));
    assert_eq!(packet, arp(Operation::Reply, (MAC_A, A), (MAC_B, B)));
    // RFC 826: the asker was learnt on the way.
    let known = host.stack.neighbours();
    assert_eq!((known[0].address, known[0].mac), (B.into(), Some(MAC_B)));
}

#[test]
fn requests_for_others_are_overheard_and_make_no_entry() {
    let mut host = Host::a();
    let request = arp(Operation::Request, (MAC_B, B), (MacAddress::ZERO, C));
    assert!(host.answer(&arp_frame(MacAddress::BROADCAST, request)).is_empty());
    assert!(host.stack.neighbours().is_empty());
    // But they update one that is there (RFC 826: the merge comes first).
    let mut host = acquainted();
    host.advance(Duration::from_secs(100));
    let moved = arp(Operation::Request, (MAC_C, B), (MacAddress::ZERO, C));
    host.answer(&arp_frame(MacAddress::BROADCAST, moved));
    assert_eq!(host.stack.neighbours()[0].mac, Some(MAC_C));
}

#[test]
fn a_probe_is_answered_and_makes_no_entry() {
    let mut host = Host::a();
    let probe = arp(Operation::Request, (MAC_B, Ipv4Addr::UNSPECIFIED), (MacAddress::ZERO, A));
    let answers = host.answer(&arp_frame(MacAddress::BROADCAST, probe));
    assert_eq!(arps(&answers)[0].sender_ip, A);
    assert!(host.stack.neighbours().is_empty());
}

#[test]
fn malformed_packets_are_discarded() {
    // Row 26: every other hardware type, protocol, length or operation.
    let good = b_asks_for_a();
    for (at, name) in [(14, "hardware"), (16, "protocol"), (18, "hlen"), (19, "plen")] {
        for value in 0..=255u8 {
            let mut frame = good.clone();
            if frame[at] == value {
                continue;
            }
            frame[at] = value;
            let mut host = Host::a();
            assert!(host.answer(&frame).is_empty(), "{name} {value}");
            assert_eq!(host.discarded(Discard::ArpMalformed), 1);
        }
    }
    for operation in [0u16, 3, 4, 8, 9, 256] {
        let mut frame = good.clone();
        frame[20..22].copy_from_slice(&operation.to_be_bytes());
        assert!(Host::a().answer(&frame).is_empty(), "operation {operation}");
    }
    for length in 0..good.len() {
        assert!(Host::a().answer(&good[..length]).is_empty(), "{length} bytes");
    }
}

#[test]
fn impossible_senders_are_not_believed() {
    let bad_ips = [[127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255], [10, 0, 0, 255]];
    for ip in bad_ips {
        let mut host = Host::a();
        let sender = (MAC_B, Ipv4Addr::from(ip));
        let request = arp(Operation::Request, sender, (MacAddress::ZERO, A));
        host.answer(&arp_frame(MacAddress::BROADCAST, request));
        assert!(host.stack.neighbours().is_empty(), "{ip:?}");
    }
    for mac in [MacAddress::BROADCAST, MacAddress::ZERO, MacAddress([1, 0, 0x5e, 0, 0, 1])] {
        let mut host = Host::a();
        let request = arp(Operation::Request, (mac, B), (MacAddress::ZERO, A));
        host.answer(&arp_frame(MacAddress::BROADCAST, request));
        assert!(host.stack.neighbours().is_empty(), "{mac}");
    }
}

#[test]
fn a_frame_may_be_sent_on_behalf_of_a_station() {
    // RFC 826 looks at no link header: a bridge that puts its own address there is believed.
    let request = arp(Operation::Request, (MAC_B, B), (MacAddress::ZERO, A));
    let mut body = [0; 28];
    request.emit(&mut body).unwrap();
    let mut host = Host::a();
    let answers = host.answer(&ether(MacAddress::BROADCAST, MAC_C, EtherType::ARP, &body));
    assert_eq!(read_arp(&answers[0]).unwrap().0.destination, MAC_B);
    assert_eq!(host.stack.neighbours()[0].mac, Some(MAC_B));
}

#[test]
fn a_new_address_is_announced_twice() {
    // RFC 5227 §2.3: ANNOUNCE_NUM 2, ANNOUNCE_INTERVAL 2 s.
    let mut host = Host::bare(Config::default());
    let config = InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500);
    host.stack.add_interface(config.address(cidr("10.0.0.1/24")), host.now);
    let start = host.now;
    let sent = host.advance(Duration::from_secs(60));
    let times: Vec<_> = sent.iter().map(|(at, _)| at.saturating_since(start)).collect();
    assert_eq!(times, [Duration::ZERO, Duration::from_secs(2)]);
    for (_, frame) in &sent {
        let (ethernet, packet) = read_arp(frame).unwrap();
        assert!(ethernet.destination.is_broadcast());
        assert_eq!(packet, arp(Operation::Request, (MAC_A, A), (MacAddress::ZERO, A)));
    }
    // And again when the link is new.
    host.stack.set_up(LAN, false, host.now);
    host.stack.set_up(LAN, true, host.now);
    assert_eq!(host.advance(Duration::from_secs(60)).len(), 2);
}

/// A host that probes for 10.0.0.1.
fn prober() -> (Host, Instant) {
    let mut host = Host::bare(Config::default());
    let mut config = InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500);
    config.probe_addresses = true;
    host.stack.add_interface(config.address(cidr("10.0.0.1/24")), host.now);
    let start = host.now;
    (host, start)
}

#[test]
fn an_address_is_probed_before_it_is_used() {
    let (mut host, start) = prober();
    assert!(!host.stack.has_address(A.into()));
    // RFC 5227 §2.1.1: 0 to 1 s, three probes 1 to 2 s apart, 2 s of silence.
    let sent = host.advance(Duration::from_secs(60));
    let probes: Vec<_> = sent.iter().take(3).collect();
    let gap = |from: Instant, to: Instant| to.saturating_since(from).as_millis();
    assert!(gap(start, probes[0].0) <= 1000);
    for pair in probes.windows(2) {
        assert!((1000..=2000).contains(&gap(pair[0].0, pair[1].0)));
    }
    for (_, frame) in probes {
        let (_, packet) = read_arp(frame).unwrap();
        let nobody = (MAC_A, Ipv4Addr::UNSPECIFIED);
        assert_eq!(packet, arp(Operation::Request, nobody, (MacAddress::ZERO, A)));
    }
    assert_eq!(gap(sent[2].0, sent[3].0), 2000);
    assert_eq!(read_arp(&sent[3].1).unwrap().1.sender_ip, A);
    assert_eq!(gap(sent[3].0, sent[4].0), 2000);
    assert_eq!(sent.len(), 5);
    assert!(host.stack.has_address(A.into()));
    let ready = Event::AddressReady { interface: LAN, address: A.into() };
    assert_eq!(host.events(), [ready]);
}

#[test]
fn a_conflict_while_probing_gives_the_address_up() {
    let claims = [
        // Somebody has it, or somebody else is probing for it.
        arp(Operation::Reply, (MAC_C, A), (MAC_A, Ipv4Addr::UNSPECIFIED)),
        arp(Operation::Request, (MAC_C, Ipv4Addr::UNSPECIFIED), (MacAddress::ZERO, A)),
    ];
    for claim in claims {
        let (mut host, _) = prober();
        host.advance(Duration::from_secs(2));
        host.answer(&arp_frame(MacAddress::BROADCAST, claim));
        let conflict =
            Event::AddressConflict { interface: LAN, address: A.into(), by: MAC_C, given_up: true };
        assert_eq!(host.events(), [conflict]);
        assert!(host.advance(Duration::from_secs(60)).is_empty());
        assert!(!host.stack.has_address(A.into()));
        assert!(host.stack.interfaces()[1].addresses.is_empty());
    }
}

#[test]
fn our_own_probe_that_comes_back_is_no_conflict() {
    let (mut host, _) = prober();
    let probes = host.advance(Duration::from_secs(2));
    host.give(&probes[0].1);
    assert!(host.events().is_empty());
}

#[test]
fn an_address_in_use_is_defended_at_most_every_ten_seconds() {
    // RFC 5227 §2.4 (c).
    let mut host = acquainted();
    let claim = arp(Operation::Request, (MAC_C, A), (MacAddress::ZERO, A));
    let claim = arp_frame(MacAddress::BROADCAST, claim);
    let mut defences = 0;
    for _ in 0..250 {
        let sent = arps(&host.answer(&claim));
        assert!(sent.iter().all(|packet| packet.sender_ip == A && packet.target_ip == A));
        defences += sent.len();
        host.advance(Duration::from_millis(100));
    }
    assert_eq!(defences, 3, "25 s");
    let events = host.events();
    assert_eq!(events.len(), 3);
    assert!(matches!(events[0], Event::AddressConflict { given_up: false, by: MAC_C, .. }));
    assert!(host.stack.has_address(A.into()));
    // Nobody is learnt under our own address.
    assert!(host.stack.neighbours().iter().all(|entry| entry.address != A));
}

#[test]
fn a_link_local_sender_is_told_to_everybody() {
    // RFC 3927 §2.5.
    let ours = Ipv4Addr::new(169, 254, 3, 4);
    let lan = InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500);
    let mut host = Host::on(lan, "169.254.3.4/16", B);
    host.advance(Duration::from_secs(5));
    let asker = (MAC_B, Ipv4Addr::new(169, 254, 9, 9));
    let asked = arp(Operation::Request, asker, (MacAddress::ZERO, ours));
    let answers = host.answer(&arp_frame(MacAddress::BROADCAST, asked));
    let (ethernet, reply) = read_arp(&answers[0]).unwrap();
    assert_eq!(ethernet.destination, MacAddress::BROADCAST);
    assert_eq!(reply, arp(Operation::Reply, (MAC_A, ours), asker));
}
