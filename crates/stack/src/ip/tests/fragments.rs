//! Fragmentation of what is sent, identifications (RFC 6864, RFC 7739), path MTU (RFC 1191).

use super::frames::*;
use super::world::*;
use crate::socket::{Cause, Fault, PathMtuDiscovery, SendError, SendFlags, SocketId, SocketOption};
use core::net::Ipv4Addr;
use core::time::Duration;
use danja_wire::Payload;
use danja_wire::icmpv4::{Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use std::collections::BTreeSet;
use std::vec::Vec;

fn set(host: &mut Host, socket: SocketId, how: PathMtuDiscovery) {
    host.stack.set_option(socket, SocketOption::MtuDiscover(how), host.now).unwrap();
}

#[test]
fn a_large_datagram_crosses_in_fragments() {
    let mut pair = Pair::new();
    let (from, to) = (pair.a.udp(A, 1), pair.b.udp(B, 2));
    for length in [1472, 1473, 1480, 2952, 2953, 9000, 60_000, 65_507] {
        let data: Vec<u8> = (0..length).map(|at: u32| (at ^ (at >> 8)) as u8).collect();
        pair.a.send_to(from, &data, at(B, 2));
        pair.run();
        assert_eq!(pair.b.recv(to), Some((data, at(A, 1))), "{length}");
    }
    assert_eq!(pair.b.stack.counters().ip_reasm_oks, 7);
}

#[test]
fn fragments_are_as_rfc_791_has_them() {
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    host.send_to(socket, &[0xab; 4000], at(B, 2));
    let sent: Vec<_> = host.drain().iter().map(|frame| read_ip(frame)).collect();
    let shape: Vec<_> = sent
        .iter()
        .map(|(header, _)| (header.fragment_offset, header.more_fragments, header.payload_len()))
        .collect();
    assert_eq!(shape, [(0, true, 1480), (1480, true, 1480), (2960, false, 1048)]);
    assert!(sent.iter().all(|(header, _)| !header.dont_fragment));
    let ids: BTreeSet<_> = sent.iter().map(|(header, _)| header.identification).collect();
    assert_eq!(ids.len(), 1);
    let whole: Vec<u8> = sent.into_iter().flat_map(|(_, part)| part).collect();
    assert!(danja_wire::udp::verify(A.into(), B.into(), &whole));
}

#[test]
fn a_large_echo_is_answered_whole() {
    let mut pair = Pair::new();
    let ping = pair.a.socket(crate::socket::SocketKind::Ping);
    let mut request = std::vec![8, 0, 0, 0, 0, 0, 0, 1];
    request.extend((0..60_000u32).map(|at| at as u8));
    pair.a.send_to(ping, &request, at(B, 0));
    pair.run();
    assert_eq!(pair.a.recv(ping).unwrap().0[8..], request[8..]);
}

#[test]
fn atomic_datagrams_have_no_identification() {
    // RFC 6864 §4.1.
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    for _ in 0..3 {
        host.send_to(socket, b"small", at(B, 2));
        let (header, _) = read_ip(&host.drain()[0]);
        assert_eq!((header.dont_fragment, header.identification), (true, 0));
    }
}

#[test]
fn identifications_do_not_repeat_and_cannot_be_guessed() {
    // RFC 6864 §4.2; vulnerability row 60.
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    set(&mut host, socket, PathMtuDiscovery::Never);
    let mut ids = Vec::new();
    for _ in 0..40_000 {
        host.send_to(socket, b"", at(B, 2));
        ids.extend(host.drain().iter().map(|frame| read_ip(frame).0.identification));
    }
    for window in [&ids[..32_768], &ids[7_000..39_768]] {
        let distinct: BTreeSet<_> = window.iter().collect();
        assert_eq!(distinct.len(), 32_768);
    }
    // The next is not near the last one more often than chance has it.
    let near = ids.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) <= 16).count();
    assert!(near < 60, "{near} of 40,000 within 16 of the one before");
}

/// "Fragmentation needed" about a datagram from A's port 1 to B's port 2.
fn too_big(mtu: u16, quoted_len: usize, ports: (u16, u16)) -> Vec<u8> {
    let mut quoted = ipv4::Header {
        source: A,
        destination: B,
        protocol: Protocol::UDP,
        dont_fragment: true,
        ..ipv4::Header::default()
    };
    quoted.set_payload_len(quoted_len - 20).unwrap();
    let mut quote = std::vec![0; 20];
    quoted.emit(&mut quote).unwrap();
    quote.extend_from_slice(&udp((A, ports.0), (B, ports.1), b"")[..8]);
    let code = Unreachable::FragmentationNeeded;
    let message = Message::DestinationUnreachable { code, next_hop_mtu: mtu };
    from_b(&ip(header(Protocol::ICMP), &icmp(message, &quote)))
}

/// The path MTU as a socket that never fragments finds it.
fn path_mtu(host: &mut Host) -> usize {
    let socket = host.socket(crate::socket::SocketKind::Datagram);
    set(host, socket, PathMtuDiscovery::Always);
    let flags = SendFlags { to: Some(at(B, 2)), ..SendFlags::default() };
    let mut mtu = 28;
    for bit in (0..11).rev() {
        let length = mtu - 28 + (1 << bit);
        let data = Payload::from(std::vec![0; length]);
        match host.stack.send(socket, &data, flags, host.now) {
            Ok(_) => mtu += 1 << bit,
            Err(error) => assert_eq!(error, SendError::MessageTooLong),
        }
        host.drain();
    }
    host.stack.close(socket, host.now).unwrap();
    mtu
}

#[test]
fn the_path_mtu_is_lowered_and_forgotten() {
    let mut host = acquainted();
    let _socket = host.udp(A, 1);
    assert_eq!(path_mtu(&mut host), 1500);
    host.give(&too_big(1400, 1500, (1, 2)));
    assert_eq!(path_mtu(&mut host), 1400);
    // RFC 1191 §3: never increased by a message.
    host.give(&too_big(1450, 1500, (1, 2)));
    assert_eq!(path_mtu(&mut host), 1400);
    // §6.3: forgotten after ten minutes.
    host.advance(Duration::from_secs(599));
    assert_eq!(path_mtu(&mut host), 1400);
    host.advance(Duration::from_secs(2));
    assert_eq!(path_mtu(&mut host), 1500);
}

#[test]
fn a_path_mtu_below_the_floor_is_not_believed() {
    // Vulnerability row 44.
    for mtu in [1, 67, 68, 551] {
        let mut host = acquainted();
        let _socket = host.udp(A, 1);
        host.give(&too_big(mtu, 1500, (1, 2)));
        assert_eq!(path_mtu(&mut host), 552, "{mtu}");
    }
}

#[test]
fn what_goes_where_less_than_the_floor_fits_may_be_fragmented_on_the_way() {
    let mut host = acquainted();
    host.stack.add_neighbour(LAN, B.into(), MAC_B, host.now);
    let socket = host.udp(A, 1);
    let sent = |host: &mut Host| {
        host.send_to(socket, &[0; 500], at(B, 2));
        read_ip(&host.drain()[0]).0
    };
    host.give(&too_big(552, 1500, (1, 2)));
    assert!(sent(&mut host).dont_fragment);
    host.give(&too_big(300, 552, (1, 2)));
    let ids: BTreeSet<_> = (0..9)
        .map(|_| {
            let header = sent(&mut host);
            assert!(!header.dont_fragment);
            header.identification
        })
        .collect();
    assert_eq!(ids.len(), 9);
    host.advance(Duration::from_secs(601));
    assert!(sent(&mut host).dont_fragment);
}

#[test]
fn a_socket_that_probes_ignores_what_is_known() {
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    host.give(&too_big(600, 1500, (1, 2)));
    set(&mut host, socket, PathMtuDiscovery::Probe);
    host.send_to(socket, &[0; 1472], at(B, 2));
    let sent = host.drain();
    let (header, _) = read_ip(&sent[0]);
    assert_eq!((sent.len(), header.total_len, header.dont_fragment), (1, 1500, true));
}

#[test]
fn a_path_without_a_route_has_a_floor_as_well() {
    let mut host = acquainted();
    let far = Ipv4Addr::new(203, 0, 113, 1).into();
    let default = danja_wire::ip::Cidr::any(danja_wire::ip::Version::V4);
    let gateway = Some(B.into());
    let route = crate::config::Route { destination: default, gateway, interface: LAN, metric: 0 };
    assert!(host.stack.remove_route(route, host.now));
    let core = &mut host.stack.core;
    assert_eq!(crate::ip::lower_path_mtu(core, far, 1), 552);
    assert_eq!(crate::ip::lower_path_mtu(core, far, 1400), 552, "never raised");
}

#[test]
fn an_old_router_leads_to_the_next_plateau() {
    // RFC 1191 §5, §7.
    for (quoted, expected) in [(1500, 1492), (1492, 1006), (1006, 552), (600, 552)] {
        let mut host = acquainted();
        let _socket = host.udp(A, 1);
        host.give(&too_big(0, quoted, (1, 2)));
        assert_eq!(path_mtu(&mut host), expected, "{quoted}");
    }
}

#[test]
fn a_message_about_nothing_we_sent_changes_nothing() {
    // Vulnerability row 56.
    let mut host = acquainted();
    let _socket = host.udp(A, 1);
    host.give(&too_big(600, 1500, (3, 2)));
    assert_eq!(path_mtu(&mut host), 1500);
    assert_eq!(host.discarded(crate::discard::Discard::IcmpUnvalidated), 1);
}

#[test]
fn after_the_path_shrank_a_datagram_is_fragmented() {
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    host.stack.connect(socket, at(B, 2), host.now).unwrap();
    host.give(&too_big(600, 1500, (1, 2)));
    let error = host.stack.take_error(socket, host.now).unwrap();
    assert_eq!(error.kind, Fault::MessageTooLong);
    let from = B.into();
    assert_eq!(error.cause, Some(Cause::Icmp { message_type: 3, code: 4, from }));
    host.send_to(socket, &[0; 1000], at(B, 2));
    let sent: Vec<_> = host.drain().iter().map(|frame| read_ip(frame).0).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|header| header.total_len <= 600 && !header.dont_fragment));
}

#[test]
fn the_cache_of_path_mtus_is_bounded() {
    let mut host = acquainted();
    host.stack.config_mut().limits.path_mtu_entries = 4;
    let _socket = host.udp(A, 1);
    for low in 10..50 {
        let mut frame = too_big(1400, 1500, (1, 2));
        // Another destination in the quoted header; the message's checksum follows.
        frame[14 + 20 + 8 + 19] = low;
        frame[36..38].fill(0);
        let sum = danja_wire::checksum::checksum(&frame[34..]);
        frame[36..38].copy_from_slice(&sum.to_be_bytes());
        host.give(&frame);
    }
    let known = (10..50).filter(|low| {
        let to = Ipv4Addr::new(10, 0, 0, *low);
        host.stack.core.ip.path(None, to.into(), None).unwrap().mtu == 1400
    });
    assert_eq!(known.collect::<Vec<_>>(), [46, 47, 48, 49]);
}
