//! What one frame says, as far as a witness cares. Believes nothing that has a wrong checksum.

use crate::world::Passing;
use crate::world::host::mac;
use danja_wire::Frame;
use danja_wire::ethernet::{self, EtherType};
use danja_wire::ip::Protocol;
use danja_wire::tcp::{self, Flags, SeqNumber};
use danja_wire::{arp, ipv4};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct TcpSeen {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) flags: Flags,
    pub(super) sequence: SeqNumber,
    pub(super) acknowledgment: Option<SeqNumber>,
    /// Sequence numbers that it takes.
    pub(super) length: u32,
}

/// A frame of which something follows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    Tcp(TcpSeen),
    /// An ARP request.
    Ask {
        who: Ipv4Addr,
        whom: Ipv4Addr,
    },
    /// An ARP reply.
    Tell {
        who: Ipv4Addr,
        whom: Ipv4Addr,
    },
}

impl Seen {
    /// What passes a host's adapter and concerns it; with `verify`, checksums must be right.
    pub(super) fn parse(passing: &Passing<'_>, verify: bool) -> Option<Self> {
        let bytes = if verify { passing.frame.to_vec() } else { front(passing.frame) };
        let link = ethernet::Header::parse(&bytes).ok()?;
        let packet = bytes.get(ethernet::HEADER_LEN..)?;
        let own = passing.host.mac();
        if link.source != own && link.destination != own && !link.destination.is_broadcast() {
            return None;
        }
        match link.ether_type {
            EtherType::ARP => Self::arp(packet, passing),
            EtherType::IPV4 => Self::ipv4(packet, passing, verify),
            _ => None,
        }
    }

    fn arp(packet: &[u8], passing: &Passing<'_>) -> Option<Self> {
        let packet = arp::Packet::parse(packet).ok()?;
        let (who, whom) = (packet.sender_ip, packet.target_ip);
        let own = passing.host.address();
        // ARP has no checksum; but it is known what the sender's address must be.
        if (who != own && whom != own) || packet.sender_mac != mac(who) {
            return None;
        }
        match packet.operation {
            arp::Operation::Request => Some(Self::Ask { who, whom }),
            arp::Operation::Reply => Some(Self::Tell { who, whom }),
            _ => None,
        }
    }

    fn ipv4(packet: &[u8], passing: &Passing<'_>, verify: bool) -> Option<Self> {
        let total = passing.frame.len().saturating_sub(ethernet::HEADER_LEN);
        let header = ipv4::Header::parse_front(packet, total).ok()?;
        let own = passing.host.address();
        let ours = header.source == own || header.destination == own;
        if header.protocol != Protocol::TCP || header.is_fragment() || !ours {
            return None;
        }
        let segment = packet.get(header.header_len()..)?;
        let (from, to) = (IpAddr::V4(header.source), IpAddr::V4(header.destination));
        if verify && !tcp::verify(from, to, segment.get(..header.payload_len())?) {
            return None;
        }
        let (tcp, offset) = tcp::Header::parse_fixed(segment).ok()?;
        let data = header.payload_len().saturating_sub(offset);
        Some(Self::Tcp(TcpSeen {
            from: SocketAddr::from((from, tcp.source_port)),
            to: SocketAddr::from((to, tcp.destination_port)),
            flags: tcp.flags,
            sequence: tcp.sequence,
            acknowledgment: tcp.flags.contains(Flags::ACK).then_some(tcp.acknowledgment),
            length: tcp.segment_len(data),
        }))
    }
}

/// Enough of a frame for all its headers.
fn front(frame: &Frame) -> Vec<u8> {
    let mut bytes = vec![0; frame.len().min(ethernet::HEADER_LEN + 120)];
    frame.copy_front(&mut bytes);
    bytes
}
