//! Reassembly (RFC 791 §3.2, RFC 1122 §3.3.2, RFC 3168 §5.3): against a model, and
//! the vulnerability classes of fragments (teardrop, ping of death, Rose, FragmentSmack).

use super::frames::*;
use super::world::*;
use crate::config::Config;
use crate::discard::Discard;
use crate::socket::{SocketId, SocketKind};
use core::net::Ipv4Addr;
use core::time::Duration;
use danja_wire::icmpv4::{Exceeded, Message};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use std::vec::Vec;

/// A protocol that only raw sockets take.
const OURS: Protocol = Protocol(253);

fn fragment(id: u16, start: usize, more: bool, data: &[u8]) -> Vec<u8> {
    let header = ipv4::Header {
        identification: id,
        fragment_offset: u16::try_from(start).unwrap(),
        more_fragments: more,
        ..header(OURS)
    };
    from_b(&ip(header, data))
}

fn listener(config: Config) -> (Host, SocketId) {
    let mut host = Host::bare(config);
    let lan = crate::InterfaceConfig::new("lan", crate::Medium::Ethernet(MAC_A), 1500);
    host.stack.add_interface(lan.address(cidr("10.0.0.1/24")), host.now);
    host.advance(Duration::from_secs(5));
    host.answer(&b_asks_for_a());
    let raw = host.socket(SocketKind::Raw(OURS));
    (host, raw)
}

/// What a raw socket received, without its IP header.
fn body(host: &mut Host, raw: SocketId) -> Option<Vec<u8>> {
    let (packet, _) = host.recv(raw)?;
    let header = ipv4::Header::parse(&packet).unwrap();
    assert!(!header.is_fragment());
    assert_eq!(usize::from(header.total_len), packet.len());
    Some(packet[header.header_len()..].to_vec())
}

/// The obvious way to do it.
#[derive(Default)]
struct Model {
    bytes: Vec<Option<u8>>,
    length: Option<usize>,
}

impl Model {
    /// The whole datagram if this piece completes it.
    fn add(&mut self, start: usize, more: bool, data: &[u8]) -> Option<Vec<u8>> {
        let end = start + data.len();
        let beyond = self.length.is_some_and(|length| end > length || (!more && end != length));
        let clash = data.iter().enumerate().any(|(at, byte)| {
            let there = self.bytes.get(start + at).copied().flatten();
            there.is_some_and(|there| there != *byte)
        });
        if beyond || clash || (!more && self.bytes.len() > end) {
            *self = Self::default();
            return None;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, None);
        }
        for (at, byte) in data.iter().enumerate() {
            self.bytes[start + at] = Some(*byte);
        }
        if !more {
            self.length = Some(end);
        }
        let whole: Vec<u8> = self.bytes.iter().copied().collect::<Option<_>>()?;
        if self.length != Some(whole.len()) {
            return None;
        }
        *self = Self::default();
        Some(whole)
    }
}

/// All pieces of a datagram of four units, genuine and with a changed byte.
fn pieces() -> Vec<(usize, bool, Vec<u8>)> {
    let whole: Vec<u8> = (0..32).collect();
    let mut all = Vec::new();
    for start in 0..4 {
        for end in start + 1..=4 {
            if (start, end) == (0, 4) {
                // That would be no fragment.
                continue;
            }
            let data = whole[start * 8..end * 8].to_vec();
            all.push((start * 8, end < 4, data.clone()));
            let mut changed = data;
            changed[0] ^= 0xff;
            all.push((start * 8, end < 4, changed));
        }
    }
    all
}

#[test]
fn three_pieces_in_every_order_agree_with_the_model() {
    let all = pieces();
    let (mut host, raw) = listener(Config::default());
    let (mut wholes, mut id) = (0, 0u16);
    // Every triple of pieces: every order of every set of three is among them.
    for one in &all {
        for two in &all {
            for three in &all {
                id = id.wrapping_add(1);
                let mut model = Model::default();
                for (start, more, data) in [one, two, three] {
                    host.give(&fragment(id, *start, *more, data));
                    let expected = model.add(*start, *more, data);
                    wholes += usize::from(expected.is_some());
                    let found = body(&mut host, raw);
                    assert_eq!(found, expected, "{one:?} {two:?} {three:?}");
                }
            }
        }
    }
    assert!(wholes > 1000, "{wholes}");
}

#[test]
fn pieces_of_different_datagrams_are_not_mixed() {
    // Source, destination, protocol and identification tell datagrams apart.
    let (mut host, raw) = listener(Config::default());
    host.give(&fragment(1, 0, true, &[1; 8]));
    host.give(&fragment(2, 8, false, &[2; 8]));
    let other = ipv4::Header {
        identification: 1,
        fragment_offset: 8,
        source: Ipv4Addr::new(10, 0, 0, 7),
        ..header(OURS)
    };
    host.give(&from_b(&ip(other, &[3; 8])));
    assert_eq!(body(&mut host, raw), None);
    host.give(&fragment(1, 8, false, &[4; 8]));
    assert_eq!(body(&mut host, raw), Some([[1; 8], [4; 8]].concat()));
}

#[test]
fn teardrop_is_harmless() {
    let (mut host, raw) = listener(Config::default());
    host.give(&fragment(1, 0, true, &[1; 40]));
    host.give(&fragment(1, 24, false, &[2; 4]));
    assert_eq!(body(&mut host, raw), None);
    assert_eq!(host.discarded(Discard::FragmentOverlap), 1);
}

#[test]
fn a_datagram_longer_than_a_length_can_say_is_dropped() {
    // Ping of death: offset 8,189 × 8 and 100 bytes.
    let (mut host, raw) = listener(Config::default());
    host.give(&fragment(1, 0, true, &[0; 1480]));
    host.give(&fragment(1, 65_512, false, &[0; 100]));
    assert_eq!(host.discarded(Discard::FragmentMalformed), 1);
    assert_eq!(body(&mut host, raw), None);
    // The longest that can be said is taken.
    let whole: Vec<u8> = (0..65_515u32).map(|at| at as u8).collect();
    for (number, part) in whole.chunks(1480).enumerate() {
        let start = number * 1480;
        host.give(&fragment(2, start, start + part.len() < whole.len(), part));
    }
    assert_eq!(body(&mut host, raw), Some(whole));
}

#[test]
fn odd_and_empty_fragments_are_dropped() {
    let (mut host, _) = listener(Config::default());
    for length in [0, 1, 7, 9, 15] {
        host.give(&fragment(1, 0, true, &std::vec![0; length]));
    }
    host.give(&fragment(1, 8, false, &[]));
    assert_eq!(host.discarded(Discard::FragmentMalformed), 6);
}

#[test]
fn time_exceeded_is_sent_only_if_the_first_fragment_came() {
    // RFC 1122 §3.3.2: 60 to 120 s.
    let (mut host, _) = listener(Config::default());
    let first = fragment(1, 0, true, &[7; 16]);
    host.give(&first);
    host.give(&fragment(2, 8, true, &[7; 16]));
    assert!(host.advance(Duration::from_millis(59_999)).is_empty());
    let mut sent = host.advance(Duration::from_secs(120));
    sent.retain(|(_, frame)| read_arp(frame).is_none());
    assert_eq!(sent.len(), 1);
    let (header, message, quote) = read_icmp(&sent[0].1);
    assert_eq!((header.source, header.destination), (A, B));
    assert_eq!(message, Message::TimeExceeded { code: Exceeded::Reassembly });
    assert_eq!(quote, first[14..]);
    assert_eq!(host.stack.counters().ip_reasm_timeout, 2);
    assert_eq!(host.stack.counters().ip_reasm_fails, 2);
}

#[test]
fn ecn_of_fragments_is_combined() {
    let cases: [(u8, u8, Option<u8>); 9] = [
        (0, 0, Some(0)),
        (1, 1, Some(1)),
        (2, 2, Some(2)),
        (3, 3, Some(3)),
        (2, 3, Some(3)),
        (3, 1, Some(3)),
        (2, 0, Some(0)),
        // RFC 3168 §5.3: CE beside Not-ECT is no honest network's.
        (0, 3, None),
        (3, 0, None),
    ];
    for (one, two, expected) in cases {
        let (mut host, raw) = listener(Config::default());
        for (tos, start, more) in [(0x40 | one, 0, true), (0x40 | two, 8, false)] {
            let header = ipv4::Header {
                identification: 1,
                fragment_offset: start,
                more_fragments: more,
                tos,
                ..header(OURS)
            };
            host.give(&from_b(&ip(header, &[0; 8])));
        }
        let found = host.recv(raw).map(|(packet, _)| packet[1]);
        assert_eq!(found, expected.map(|ecn| 0x40 | ecn), "{one} {two}");
    }
}

#[test]
fn first_fragments_without_end_stay_under_the_limits() {
    // Rose: 100,000 first fragments, each of a datagram of its own.
    let mut config = Config::default();
    config.limits.reassembly_datagrams = 64;
    let (mut host, raw) = listener(config);
    for id in 0..100_000u32 {
        let source = Ipv4Addr::from_bits(0x0a00_0010 + id % 200);
        let header = ipv4::Header {
            identification: id as u16,
            more_fragments: true,
            source,
            ..header(OURS)
        };
        host.give(&from_b(&ip(header, &[0; 8])));
    }
    assert!(host.discarded(Discard::FragmentLimit) > 99_000);
    // And a genuine one still gets through.
    host.give(&fragment(7, 8, false, &[2; 8]));
    host.give(&fragment(7, 0, true, &[1; 8]));
    assert_eq!(body(&mut host, raw), Some([[1; 8], [2; 8]].concat()));
    // In time all is given back.
    assert!(host.stack.core.ip.reassembly.held_bytes() > 0);
    host.advance(Duration::from_secs(61));
    assert_eq!(host.stack.core.ip.reassembly.held_bytes(), 0);
}

#[test]
fn many_small_fragments_in_the_worst_order_are_cut_off() {
    // FragmentSmack: 8,192 fragments of 8 bytes, every second one, from the end.
    let (mut host, _) = listener(Config::default());
    for number in (0..8_000usize).rev().step_by(2) {
        host.give(&fragment(1, number * 8, true, &[0; 8]));
    }
    assert!(host.discarded(Discard::FragmentLimit) > 10);
}

#[test]
fn one_source_cannot_take_the_room_of_others() {
    let mut config = Config::default();
    config.limits.reassembly_bytes_per_source = 20_000;
    let (mut host, raw) = listener(config);
    host.give(&fragment(1, 8, false, &[2; 8]));
    for id in 0..1000 {
        let header = ipv4::Header {
            identification: id,
            more_fragments: true,
            source: Ipv4Addr::new(10, 0, 0, 66),
            ..header(OURS)
        };
        host.give(&from_b(&ip(header, &[0; 1400])));
    }
    assert!(host.discarded(Discard::FragmentLimit) > 900);
    host.give(&fragment(1, 0, true, &[1; 8]));
    assert_eq!(body(&mut host, raw), Some([[1; 8], [2; 8]].concat()));
}

#[test]
fn a_transport_header_split_over_fragments_is_seen_whole() {
    // Row 22: UDP's header and data in pieces of 8 bytes.
    let (mut host, _) = listener(Config::default());
    let socket = host.udp(A, 9);
    let datagram = udp((B, 5), (A, 9), b"0123456789");
    for (start, more) in [(8, true), (16, false), (0, true)] {
        let header = ipv4::Header {
            identification: 3,
            fragment_offset: start as u16,
            more_fragments: more,
            ..header(Protocol::UDP)
        };
        let end = datagram.len().min(start + 8);
        host.give(&from_b(&ip(header, &datagram[start..end])));
    }
    assert_eq!(host.recv(socket), Some((b"0123456789".to_vec(), at(B, 5))));
}
