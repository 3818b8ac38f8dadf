//! ICMP (RFC 792, RFC 1122 §3.2.2, RFC 1812 §4.3.2): what is answered, reported and refused.

use super::frames::*;
use super::world::*;
use crate::config::{Config, InterfaceConfig};
use crate::discard::Discard;
use crate::interface::{MacAddress, Medium};
use core::net::Ipv4Addr;
use core::time::Duration;
use danja_wire::ethernet::EtherType;
use danja_wire::icmpv4::{Exceeded, Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use std::vec::Vec;

#[test]
fn echo_gives_the_same_data_back() {
    for length in [0, 1, 7, 8, 1000, 1472] {
        let data: Vec<u8> = (0..length).map(|at: u32| at as u8).collect();
        let mut host = acquainted();
        let answers = host.answer(&echo_frame(&data));
        let (header, message, body) = read_icmp(&answers[0]);
        assert_eq!((header.source, header.destination), (A, B));
        assert_eq!(message, Message::EchoReply { ident: 7, sequence: 1 });
        assert_eq!(body, data);
    }
}

#[test]
fn short_and_broken_messages_are_discarded() {
    // Vulnerability row 10: echo of 0 to 7 bytes.
    for length in 0..8 {
        let mut host = acquainted();
        let packet = ip(header(Protocol::ICMP), &std::vec![8; length]);
        assert!(host.answer(&from_b(&packet)).is_empty());
        assert_eq!(host.discarded(Discard::IcmpMalformed), 1);
    }
    let mut frame = echo_frame(b"data");
    *frame.last_mut().unwrap() ^= 1;
    let mut host = acquainted();
    assert!(host.answer(&frame).is_empty());
    assert_eq!(host.stack.counters().icmp_in_errors, 1);
}

#[test]
fn echo_to_everybody_is_not_answered() {
    // Vulnerability row 50 (Smurf).
    let targets = [Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 0, 255), Ipv4Addr::new(224, 0, 0, 1)];
    for destination in targets {
        let mut host = acquainted();
        let request = icmp(Message::EchoRequest { ident: 1, sequence: 1 }, b"");
        let packet = ip(ipv4::Header { destination, ..header(Protocol::ICMP) }, &request);
        let frame = ether(MacAddress::BROADCAST, MAC_B, EtherType::IPV4, &packet);
        assert!(host.answer(&frame).is_empty(), "{destination}");
        host.stack.config_mut().ip.answer_broadcast_echo = true;
        let (header, ..) = read_icmp(&host.answer(&frame)[0]);
        assert_eq!(header.source, A);
    }
}

#[test]
fn echo_can_be_turned_off() {
    let mut host = acquainted();
    host.stack.config_mut().ip.answer_echo = false;
    assert!(host.answer(&echo_frame(b"")).is_empty());
}

#[test]
fn unknown_types_and_source_quench_are_ignored() {
    // RFC 1122 §3.2.2, RFC 6633.
    for kind in (0..=255u8).filter(|kind| !matches!(kind, 0 | 3 | 5 | 8 | 11 | 12)) {
        let mut host = acquainted();
        let message = Message::Unknown { kind, code: 0, rest: [0; 4] };
        let frame = from_b(&ip(header(Protocol::ICMP), &icmp(message, &[0; 40])));
        assert!(host.answer(&frame).is_empty(), "type {kind}");
        assert_eq!(host.discarded(Discard::IcmpIgnored), 1, "type {kind}");
    }
}

/// A datagram to a closed port, and what comes back.
fn complaint(change: impl FnOnce(&mut ipv4::Header), data: &[u8]) -> Vec<Vec<u8>> {
    let mut header = header(Protocol::UDP);
    change(&mut header);
    let datagram = udp((header.source, 5), (header.destination, 6), data);
    acquainted().answer(&from_b(&ip(header, &datagram)))
}

#[test]
fn a_closed_port_is_reported_with_the_packet_as_it_came() {
    let answers = complaint(|header| header.ttl = 3, &[0x11; 1000]);
    let (header, message, quote) = read_icmp(&answers[0]);
    let code = Unreachable::Port;
    assert_eq!(message, Message::DestinationUnreachable { code, next_hop_mtu: 0 });
    assert_eq!((header.source, header.destination, header.tos), (A, B, 0xc0));
    // RFC 1812 §4.3.2.3: as much as fits 576 bytes.
    assert_eq!(header.total_len, 576);
    assert_eq!(quote.len(), 548);
    assert_eq!(ipv4::Header::parse_quoted(&quote).unwrap().ttl, 3);
}

#[test]
fn no_error_about_what_must_not_be_complained_about() {
    // RFC 1122 §3.2.2; row 13.
    let broadcast = |header: &mut ipv4::Header| header.destination = Ipv4Addr::new(10, 0, 0, 255);
    assert!(complaint(broadcast, b"").is_empty());
    assert!(complaint(|header| header.destination = Ipv4Addr::BROADCAST, b"").is_empty());
    assert!(complaint(|header| header.source = Ipv4Addr::new(224, 0, 0, 5), b"").is_empty());
    // A fragment that is not the first, with a bad option.
    let options = ipv4::options::Options::from_bytes(&[7, 1, 0, 0]).unwrap();
    let fragment = |fragment_offset| {
        let more_fragments = true;
        let header =
            ipv4::Header { options, fragment_offset, more_fragments, ..header(Protocol::UDP) };
        acquainted().answer(&from_b(&ip(header, &[0; 8]))).len()
    };
    assert_eq!((fragment(0), fragment(8)), (1, 0));
    // An ICMP error with a bad option, and an echo request with one.
    let about = |message| {
        let header = ipv4::Header { options, ..header(Protocol::ICMP) };
        acquainted().answer(&from_b(&ip(header, &icmp(message, &[0; 28])))).len()
    };
    assert_eq!(about(Message::TimeExceeded { code: Exceeded::Ttl }), 0);
    assert_eq!(about(Message::Unknown { kind: 99, code: 0, rest: [0; 4] }), 0);
    assert_eq!(about(Message::EchoRequest { ident: 0, sequence: 0 }), 1);
}

#[test]
fn errors_are_limited_per_destination() {
    // RFC 1812 §4.3.2.8; vulnerability row 29: what one gets says nothing about another.
    let mut host = acquainted();
    let from = |host: &mut Host, low: u8, count: usize| {
        let source = Ipv4Addr::new(10, 0, 0, low);
        let packet =
            ip(ipv4::Header { source, ..header(Protocol::UDP) }, &udp((source, 5), (A, 6), b""));
        for _ in 0..count {
            host.give(&from_b(&packet));
        }
        host.stack.counters().icmp_out_dest_unreachs
    };
    assert_eq!(from(&mut host, 2, 1000), 10);
    assert_eq!(host.discarded(Discard::IcmpRateLimited), 990);
    assert_eq!(from(&mut host, 3, 1000), 20);
    host.advance(Duration::from_millis(500));
    assert_eq!(from(&mut host, 2, 1000), 25);
    host.advance(Duration::from_secs(100));
    assert_eq!(from(&mut host, 2, 1000), 35);
}

#[test]
fn errors_to_the_host_itself_are_not_limited() {
    // As Linux: who is connected to a closed port of its own host hears of each datagram.
    let mut pair = Pair::new();
    for (ip, port) in [(A, 1), (Ipv4Addr::LOCALHOST, 2)] {
        let socket = pair.a.udp(ip, port);
        for _ in 0..100 {
            pair.a.send_to(socket, b"x", at(ip, 9));
            pair.run();
        }
    }
    assert_eq!(pair.a.stack.counters().icmp_out_dest_unreachs, 200);
    assert_eq!(pair.a.discarded(Discard::IcmpRateLimited), 0);
}

#[test]
fn two_hosts_do_not_complain_to_each_other_for_ever() {
    // Vulnerability row 30.
    let mut pair = Pair::new();
    let socket = pair.a.udp(A, 1);
    pair.a.send_to(socket, b"x", at(B, 2));
    pair.a.stack.close(socket, pair.a.now).unwrap();
    pair.run();
    assert_eq!(pair.b.stack.counters().icmp_out_msgs, 1);
    assert_eq!(pair.a.stack.counters().icmp_out_msgs, 0);
}

#[test]
fn short_quotes_are_survived() {
    // Vulnerability row 10: quotes of 0 to 28 bytes, with every IHL.
    let mut quoted = ipv4::Header { source: A, destination: B, ..header(Protocol::UDP) };
    quoted.set_payload_len(100).unwrap();
    let mut quote = std::vec![0; 68];
    quoted.emit(&mut quote).unwrap();
    let code = Unreachable::Port;
    let error = Message::DestinationUnreachable { code, next_hop_mtu: 0 };
    for ihl in 0..16 {
        for length in 0..quote.len() {
            let mut host = acquainted();
            let mut body = quote[..length].to_vec();
            if let Some(first) = body.first_mut() {
                *first = 0x40 | ihl;
            }
            let frame = from_b(&ip(header(Protocol::ICMP), &icmp(error, &body)));
            assert!(host.answer(&frame).is_empty());
            let malformed = host.discarded(Discard::IcmpMalformed);
            assert_eq!(malformed + host.discarded(Discard::IcmpUnvalidated), 1);
        }
    }
}

#[test]
fn redirects_are_followed_only_if_asked_for_and_from_the_first_hop() {
    // RFC 1122 §3.2.2.2; vulnerability row 57.
    let far = Ipv4Addr::new(192, 0, 2, 9);
    let redirect = |from: Ipv4Addr, gateway: Ipv4Addr| {
        let mut quoted = ipv4::Header { source: A, destination: far, ..header(Protocol::UDP) };
        quoted.set_payload_len(8).unwrap();
        let mut quote = std::vec![0; 28];
        quoted.emit(&mut quote).unwrap();
        let message = icmp(Message::Redirect { code: 1, gateway }, &quote);
        from_b(&ip(ipv4::Header { source: from, ..header(Protocol::ICMP) }, &message))
    };
    let hop = |host: &Host| host.stack.core.ip.path(None, far.into(), None).unwrap().next_hop;
    let mut host = acquainted();
    host.give(&redirect(B, C));
    assert_eq!(hop(&host), B, "off by default");
    host.stack.config_mut().ip.accept_redirects = true;
    host.give(&redirect(C, C));
    host.give(&redirect(B, Ipv4Addr::new(203, 0, 113, 1)));
    host.give(&redirect(B, A));
    assert_eq!(hop(&host), B);
    host.give(&redirect(B, C));
    assert_eq!(hop(&host), C);
    // Other destinations are not concerned, and a change of routes forgets it.
    assert_eq!(
        host.stack.core.ip.path(None, Ipv4Addr::new(192, 0, 2, 8).into(), None).unwrap().next_hop,
        B
    );
    host.stack.add_address(LAN, cidr("10.9.9.9/24"), host.now);
    assert_eq!(hop(&host), B);
}

#[test]
fn an_any_address_interface_complains_in_the_destinations_name() {
    let mut config = InterfaceConfig::new("tun", Medium::Ip, 1500);
    config.any_address = true;
    let mut host = Host::bare(Config::default());
    host.stack.add_interface(config, host.now);
    let there = Ipv4Addr::new(93, 184, 216, 34);
    let datagram = udp((B, 5), (there, 53), b"");
    let packet = ip(ipv4::Header { destination: there, ..header(Protocol::UDP) }, &datagram);
    let answers = host.answer(&packet);
    let answer = ipv4::Header::parse(&answers[0]).unwrap();
    assert_eq!((answer.source, answer.destination), (there, B));
    // Echo too.
    let request = icmp(Message::EchoRequest { ident: 1, sequence: 1 }, b"");
    let packet = ip(ipv4::Header { destination: there, ..header(Protocol::ICMP) }, &request);
    let answer = ipv4::Header::parse(&host.answer(&packet)[0]).unwrap();
    assert_eq!((answer.source, answer.destination), (there, B));
}
