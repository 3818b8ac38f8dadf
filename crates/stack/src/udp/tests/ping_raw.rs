//! Ping and raw sockets; any-address interfaces; what nobody claims.

use crate::config::{Config, InterfaceConfig, Unclaimed};
use crate::discard::Discard;
use crate::interface::{InterfaceId, Medium};
use crate::ip::tests::frames::*;
use crate::ip::tests::world::*;
use crate::socket::{SendError, SendFlags, SocketKind, SocketOption};
use core::net::Ipv4Addr;
use danja_wire::Payload;
use danja_wire::icmpv4::{Exceeded, Message};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use std::vec::Vec;

const FAR: Ipv4Addr = Ipv4Addr::new(93, 184, 216, 34);

/// A host that stands for everyone behind a TUN.
fn any_address(change: impl FnOnce(&mut InterfaceConfig)) -> Host {
    let mut config = InterfaceConfig::new("tun", Medium::Ip, 1500);
    config.any_address = true;
    change(&mut config);
    let mut host = Host::bare(Config::default());
    assert_eq!(host.stack.add_interface(config, host.now), Some(LAN));
    host
}

fn to_far(protocol: Protocol, payload: &[u8]) -> Vec<u8> {
    ip(ipv4::Header { destination: FAR, ..header(protocol) }, payload)
}

#[test]
fn ping_sockets_are_told_apart_by_identifier() {
    let mut pair = Pair::new();
    let (one, two) = (pair.a.socket(SocketKind::Ping), pair.a.socket(SocketKind::Ping));
    pair.a.send_to(one, &[8, 0, 0, 0, 0xff, 0xff, 0, 1, b'1'], at(B, 0));
    pair.a.send_to(two, &[8, 0, 0, 0, 0xff, 0xff, 0, 2, b'2'], at(B, 0));
    pair.run();
    let (reply, from) = pair.a.recv(one).unwrap();
    let ident = pair.a.stack.control_info(one).unwrap().local.unwrap().port();
    assert_eq!(from, at(B, ident));
    assert_eq!(reply[4..6], ident.to_be_bytes());
    assert_eq!((reply[7], reply[8]), (1, b'1'));
    assert_eq!(pair.a.recv(two).unwrap().0[8], b'2');
    assert_eq!(pair.a.recv(one), None);
}

#[test]
fn a_ping_socket_sends_echo_only() {
    let mut host = acquainted();
    let ping = host.socket(SocketKind::Ping);
    for bytes in [&[8, 0, 0, 0][..], &[3, 3, 0, 0, 0, 0, 0, 0], &[8, 1, 0, 0, 0, 0, 0, 0]] {
        let flags = SendFlags { to: Some(at(B, 0)), ..SendFlags::default() };
        let sent = host.stack.send(ping, &Payload::copy_from_slice(bytes), flags, host.now);
        assert_eq!(sent, Err(SendError::InvalidAddress));
    }
}

#[test]
fn a_reply_nobody_waits_for_is_counted() {
    let mut host = acquainted();
    let reply = icmp(Message::EchoReply { ident: 1, sequence: 1 }, b"");
    assert!(host.answer(&from_b(&ip(header(Protocol::ICMP), &reply))).is_empty());
    assert_eq!(host.discarded(Discard::IcmpNoSocket), 1);
}

#[test]
fn a_raw_socket_gets_copies_of_its_protocol() {
    // A traceroute's view: errors and echo requests, which the stack has dealt with, too.
    let mut host = acquainted();
    let raw = host.socket(SocketKind::Raw(Protocol::ICMP));
    assert_eq!(host.answer(&echo_frame(b"x")).len(), 1);
    let (packet, from) = host.recv(raw).unwrap();
    assert_eq!((packet[0], packet[20], from), (0x45, 8, at(B, 0)));
    let quote = ip(ipv4::Header { source: A, destination: FAR, ..header(Protocol::UDP) }, &[0; 8]);
    let exceeded = icmp(Message::TimeExceeded { code: Exceeded::Ttl }, &quote);
    host.give(&from_b(&ip(header(Protocol::ICMP), &exceeded)));
    assert_eq!(host.recv(raw).unwrap().0[20], 11);
    // UDP's sockets keep their datagrams; the raw one has a copy.
    let udp_raw = host.socket(SocketKind::Raw(Protocol::UDP));
    let socket = host.udp(A, 9);
    host.give(&udp_frame(5, 9, b"data"));
    assert!(host.recv(socket).is_some());
    assert_eq!(host.recv(udp_raw).unwrap().0[28..], *b"data");
    host.stack.close(udp_raw, host.now).unwrap();
    host.give(&udp_frame(5, 9, b"data"));
    assert_eq!(host.stack.buffered() > 0, host.recv(socket).is_some());
}

#[test]
fn a_raw_socket_sends_under_our_header() {
    let mut host = acquainted();
    let raw = host.socket(SocketKind::Raw(Protocol(253)));
    host.send_to(raw, b"payload", at(B, 0));
    let (header, payload) = read_ip(&host.drain()[0]);
    assert_eq!((header.source, header.destination, header.protocol), (A, B, Protocol(253)));
    assert_eq!(payload, b"payload");
    // A protocol that has a socket is not unreachable.
    let packet = ip(crate::ip::tests::frames::header(Protocol(253)), b"in");
    assert!(host.answer(&from_b(&packet)).is_empty());
    assert_eq!(host.recv(raw).unwrap().0[20..], *b"in");
}

#[test]
fn an_any_address_socket_answers_from_where_it_was_asked() {
    let mut host = any_address(|_| {});
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, 53);
    host.give(&to_far(Protocol::UDP, &udp((B, 5), (FAR, 53), b"question")));
    let mut parts = Vec::new();
    let received = host.stack.recv(socket, 100, Default::default(), &mut parts, host.now).unwrap();
    assert_eq!(received.to, Some(at(FAR, 53)));
    host.stack
        .set_option(socket, SocketOption::BindToInterface(received.interface), host.now)
        .unwrap();
    let flags = SendFlags { to: received.from, from: Some(FAR.into()), ..SendFlags::default() };
    host.stack.send(socket, &Payload::from_static(b"answer"), flags, host.now).unwrap();
    let sent = host.drain();
    let header = ipv4::Header::parse(&sent[0]).unwrap();
    assert_eq!((header.source, header.destination), (FAR, B));
    assert!(danja_wire::udp::verify(FAR.into(), B.into(), &sent[0][20..]));
}

#[test]
fn echo_requests_to_others_can_be_taken_by_the_application() {
    let mut host = any_address(|config| config.echo_to_application = true);
    let request = icmp(Message::EchoRequest { ident: 7, sequence: 1 }, b"data");
    // Nobody takes them yet.
    assert!(host.answer(&to_far(Protocol::ICMP, &request)).is_empty());
    let taker = host.socket(SocketKind::Ping);
    host.stack.set_option(taker, SocketOption::BindToInterface(Some(LAN)), host.now).unwrap();
    assert!(host.answer(&to_far(Protocol::ICMP, &request)).is_empty());
    let (bytes, from) = host.recv(taker).unwrap();
    assert_eq!((bytes.as_slice(), from), (request.as_slice(), at(B, 7)));
    let mut reply = request;
    reply[0] = 0;
    let flags = SendFlags { to: Some(at(B, 0)), from: Some(FAR.into()), ..SendFlags::default() };
    host.stack.send(taker, &Payload::from(reply), flags, host.now).unwrap();
    let sent = host.drain();
    let header = ipv4::Header::parse(&sent[0]).unwrap();
    assert_eq!((header.source, header.destination), (FAR, B));
    assert_eq!(
        Message::parse(&sent[0][20..]).unwrap(),
        Message::EchoReply { ident: 7, sequence: 1 }
    );
}

#[test]
fn unclaimed_packets_can_be_handed_out_and_injected() {
    let mut config = InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500);
    config.unclaimed = Unclaimed::HandOut;
    let mut host = Host::on(config, "10.0.0.1/24", B);
    host.advance(core::time::Duration::from_secs(5));
    host.answer(&b_asks_for_a());
    let claimed = host.udp(A, 9);
    let frame = udp_frame(5, 10, b"not ours");
    assert!(host.answer(&frame).is_empty());
    assert_eq!(host.stack.poll_unclaimed(LAN).unwrap().as_slice(), &frame[14..]);
    host.answer(&udp_frame(5, 9, b"ours"));
    assert!(host.recv(claimed).is_some());
    assert!(host.stack.poll_unclaimed(LAN).is_none());
    // One that never was on a wire is handed out with its checksum completed.
    let mut partial = frame.clone();
    let length = u32::try_from(partial.len() - 34).unwrap();
    let sum = danja_wire::checksum::pseudo_header(B.into(), A.into(), 17, length).fold();
    partial[40..42].copy_from_slice(&sum.to_be_bytes());
    let checksum = danja_wire::ChecksumState::Partial { start: 34, offset: 6 };
    let offload = danja_wire::Offload { checksum, segment_size: 0 };
    let received = danja_wire::Frame::received(Payload::copy_from_slice(&partial), offload);
    host.stack.receive(LAN, &mut Vec::from([received]), host.now);
    assert_eq!(host.stack.poll_unclaimed(LAN).unwrap().as_slice(), &frame[14..]);
    host.stack.config_mut().limits.unclaimed_queue = 2;
    for _ in 0..5 {
        host.give(&frame);
    }
    assert_eq!(host.discarded(Discard::UnclaimedQueueFull), 3);
    // The other stack's answer leaves as it is.
    let packet = ip(
        ipv4::Header { source: A, destination: B, ..header(Protocol::UDP) },
        &udp((A, 10), (B, 5), b"theirs"),
    );
    let now = host.now;
    let inject = |host: &mut Host, interface, packet: &[u8]| {
        host.stack.inject(interface, Payload::copy_from_slice(packet), now)
    };
    assert_eq!(inject(&mut host, LAN, &packet), Ok(()));
    assert_eq!(host.drain()[0][14..], packet);
    let cut = inject(&mut host, LAN, &packet[..30]);
    assert_eq!(cut, Err(Discard::IpMalformed));
    let nowhere = inject(&mut host, InterfaceId(9), &packet);
    assert_eq!(nowhere, Err(Discard::NoSuchInterface));
}
