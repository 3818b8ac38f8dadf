//! Arbitrary frames at arbitrary times: nothing breaks, limits hold, what leaves is well formed,
//! and a neighbour's datagram still arrives. The same inputs give the same bytes.

use super::frames::*;
use super::world::*;
use crate::config::Config;
use crate::interface::MacAddress;
use crate::socket::{Domain, SendFlags, SocketId, SocketKind, SocketOption};
use core::net::Ipv4Addr;
use core::time::Duration;
use danja_wire::arp::Operation;
use danja_wire::ethernet::EtherType;
use danja_wire::icmpv4::{Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::{Payload, ipv4};
use proptest::prelude::*;
use std::vec::Vec;

/// What is done to a host.
#[derive(Clone, Debug)]
enum Step {
    Frame { base: usize, changes: Vec<(usize, u8)>, length: Option<usize>, mend: bool },
    Noise(Vec<u8>),
    Wait(u64),
    Send { low: u8, port: u16, length: usize },
    Ping(u8),
    Link(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let changes = prop::collection::vec((0usize..120, any::<u8>()), 0..4);
    let frame = (0usize..12, changes, prop::option::weighted(0.1, 0usize..120), any::<bool>())
        .prop_map(|(base, changes, length, mend)| Step::Frame { base, changes, length, mend });
    prop_oneof![
        12 => frame,
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Step::Noise),
        3 => prop_oneof![0u64..10_000_000, 0u64..200_000_000_000].prop_map(Step::Wait),
        2 => (2u8..20, 1u16..12, 0usize..5000)
            .prop_map(|(low, port, length)| Step::Send { low, port, length }),
        1 => (2u8..20).prop_map(Step::Ping),
        1 => prop::bool::weighted(0.8).prop_map(Step::Link),
    ]
}

/// Frames that mean something, to be spoiled.
fn base(number: usize) -> Vec<u8> {
    let fragment = |start: u16, more| {
        let header = ipv4::Header {
            identification: 9,
            fragment_offset: start,
            more_fragments: more,
            ..header(Protocol::UDP)
        };
        from_b(&ip(header, &udp((B, 5), (A, 9), &[1; 24])[usize::from(start)..][..16]))
    };
    let about = |protocol: Protocol, message| {
        let quoted = ipv4::Header { source: A, destination: B, ..header(protocol) };
        let quote = ip(quoted, &udp((A, 9), (B, 5), &[0; 16]));
        from_b(&ip(header(Protocol::ICMP), &icmp(message, &quote)))
    };
    let unreachable = |code, mtu| Message::DestinationUnreachable { code, next_hop_mtu: mtu };
    let syn = [0, 5, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
    match number {
        0 => udp_frame(5, 9, b"datagram"),
        1 => echo_frame(b"echo"),
        2 => b_asks_for_a(),
        3 => b_answers_a(),
        4 => fragment(0, true),
        5 => fragment(16, false),
        6 => about(Protocol::UDP, unreachable(Unreachable::Port, 0)),
        7 => about(Protocol::UDP, unreachable(Unreachable::FragmentationNeeded, 900)),
        8 => about(Protocol::TCP, Message::Redirect { code: 1, gateway: C }),
        9 => arp_frame(
            MacAddress::BROADCAST,
            arp(Operation::Request, (MAC_C, A), (MacAddress::ZERO, A)),
        ),
        10 => from_b(&ip(header(Protocol::TCP), &syn)),
        _ => ether(
            MacAddress::BROADCAST,
            MAC_B,
            EtherType::IPV4,
            &ip(
                ipv4::Header { destination: Ipv4Addr::BROADCAST, ..header(Protocol::UDP) },
                &udp((B, 5), (Ipv4Addr::BROADCAST, 9), b"all"),
            ),
        ),
    }
}

/// Makes checksums right again, so that what is behind them is reached.
fn mend(frame: &mut [u8]) {
    let is_ip = frame.get(12..14) == Some(&[8, 0]);
    let Some(first) = frame.get(14).filter(|_| is_ip).copied() else { return };
    let end = 14 + usize::from(first & 15) * 4;
    if frame.len() < end || end < 34 {
        return;
    }
    frame[24..26].fill(0);
    let sum = danja_wire::checksum::checksum(&frame[14..end]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    if frame[23] == 1 && frame.len() >= end + 8 {
        frame[end + 2..end + 4].fill(0);
        let sum = danja_wire::checksum::checksum(&frame[end..]);
        frame[end + 2..end + 4].copy_from_slice(&sum.to_be_bytes());
    }
}

fn config(hash_key: [u8; 16]) -> Config {
    let mut config = Config { hash_key: Some(hash_key), ..Config::default() };
    config.limits.neighbours = 6;
    config.limits.reassembly_datagrams = 5;
    config.limits.reassembly_bytes = 20_000;
    config.limits.path_mtu_entries = 3;
    config.limits.buffer_bytes = 100_000;
    config.ip.accept_redirects = true;
    config
}

struct Victim {
    host: Host,
    socket: SocketId,
    ping: SocketId,
    sent: Vec<Vec<u8>>,
}

impl Victim {
    fn new(hash_key: [u8; 16]) -> Self {
        let mut host = Host::bare(config(hash_key));
        let lan = crate::InterfaceConfig::new("lan", crate::Medium::Ethernet(MAC_A), 1500);
        host.stack.add_interface(lan.address(cidr("10.0.0.1/24")), host.now);
        let socket = host.udp(Ipv4Addr::UNSPECIFIED, 9);
        let listener = host.stack.socket(Domain::Ipv4, SocketKind::Stream, host.now).unwrap();
        host.stack.bind(listener, at(A, 80), host.now).unwrap();
        host.stack.listen(listener, 4, host.now).unwrap();
        let ping = host.socket(SocketKind::Ping);
        let on = SocketOption::Broadcast(true);
        host.stack.set_option(socket, on, host.now).unwrap();
        Self { host, socket, ping, sent: Vec::new() }
    }

    fn take(&mut self, step: &Step) {
        let host = &mut self.host;
        match step {
            Step::Frame { base: number, changes, length, mend: mended } => {
                let mut frame = base(*number);
                for (at, value) in changes {
                    if let Some(byte) = frame.get_mut(*at) {
                        *byte = *value;
                    }
                }
                frame.truncate(length.unwrap_or(usize::MAX));
                if *mended {
                    mend(&mut frame);
                }
                host.give(&frame);
            }
            Step::Noise(bytes) => host.give(bytes),
            Step::Wait(nanos) => {
                let sent = host.advance(Duration::from_nanos(*nanos));
                self.sent.extend(sent.into_iter().map(|(_, frame)| frame));
            }
            Step::Send { low, port, length } => {
                let to = Some(at(Ipv4Addr::new(10, 0, 0, *low), *port));
                let flags = SendFlags { to, ..SendFlags::default() };
                let data = Payload::from(std::vec![1; *length]);
                let _ = host.stack.send(self.socket, &data, flags, host.now);
            }
            Step::Ping(low) => {
                let to = Some(at(Ipv4Addr::new(10, 0, 0, *low), 0));
                let flags = SendFlags { to, ..SendFlags::default() };
                let data = Payload::from_static(&[8, 0, 0, 0, 0, 0, 0, 0]);
                let _ = host.stack.send(self.ping, &data, flags, host.now);
            }
            Step::Link(up) => {
                host.stack.set_up(LAN, *up, host.now);
            }
        }
        let sent = self.host.drain();
        self.sent.extend(sent);
        self.check();
    }

    fn check(&self) {
        let stack = &self.host.stack;
        assert!(stack.buffered() <= 100_000);
        assert!(stack.neighbours().len() <= 6);
        assert!(stack.core.ip.reassembly.held_bytes() <= 20_000);
    }
}

/// Every frame that leaves could be read by a strict neighbour.
fn is_well_formed(frame: &[u8]) {
    if let Some((_, packet)) = read_arp(frame) {
        assert_eq!(packet.sender_mac, MAC_A);
        return;
    }
    let (header, payload) = read_ip(frame);
    assert_eq!(header.source, A);
    assert!(header.ttl > 0 && usize::from(header.total_len) <= 1500);
    let whole = !header.is_fragment();
    if whole && header.protocol == Protocol::ICMP {
        assert_eq!(danja_wire::checksum::checksum(&payload), 0);
    }
    if whole && header.protocol == Protocol::UDP {
        let (source, destination) = (header.source.into(), header.destination.into());
        assert!(danja_wire::udp::verify(source, destination, &payload));
    }
}

proptest! {
    #[test]
    fn nothing_breaks(steps in prop::collection::vec(step(), 1..60)) {
        let mut one = Victim::new([1; 16]);
        let mut two = Victim::new([2; 16]);
        for step in &steps {
            one.take(step);
            two.take(step);
        }
        // Neither eviction nor order depends on the key of the hash tables.
        prop_assert_eq!(&one.sent, &two.sent);
        one.sent.iter().for_each(|frame| is_well_formed(frame));
        // A neighbour's datagram still arrives.
        let mut host = one.host;
        host.stack.set_up(LAN, true, host.now);
        while host.recv(one.socket).is_some() || host.stack.take_error(one.socket, host.now).is_some() {}
        host.give(&udp_frame(5, 9, b"still here"));
        prop_assert_eq!(host.recv(one.socket), Some((b"still here".to_vec(), at(B, 5))));
    }
}
