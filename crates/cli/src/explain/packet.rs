//! A frame taken apart for the story. Looks only; total on any bytes.

use danja_lan::Medium;
use danja_wire::ethernet::{self, EtherType};
use danja_wire::ip::Protocol;
use danja_wire::{ChecksumState, Frame, arp, describe, icmpv4, ipv4, tcp, udp};
use std::net::SocketAddr;

/// A frame's layers.
pub(crate) struct Packet {
    /// On an Ethernet medium.
    pub(crate) ethernet: Option<ethernet::Header>,
    /// All bytes of the frame.
    pub(crate) total: usize,
    /// Transport payload in each frame after cutting; 0 if it is not to be cut.
    pub(crate) segment_size: usize,
    /// Whether the transport checksum is left to the adapter.
    pub(crate) checksum_left: bool,
    pub(crate) body: Body,
}

/// What a frame carries.
pub(crate) enum Body {
    Arp(arp::Packet),
    Tcp { ip: ipv4::Header, tcp: Box<tcp::Header>, header_len: usize, data: usize },
    Udp { ip: ipv4::Header, udp: udp::Header, data: Vec<u8> },
    Icmp { ip: ipv4::Header, text: String },
    Other,
}

impl Packet {
    /// Takes a frame of a medium apart.
    pub(crate) fn read(frame: &Frame, medium: Medium) -> Self {
        let bytes = frame.to_vec();
        let ethernet = matches!(medium, Medium::Ethernet(_));
        let header = ethernet.then(|| ethernet::Header::parse(&bytes).ok()).flatten();
        let l2_len = if ethernet { ethernet::HEADER_LEN } else { 0 };
        Self {
            ethernet: header,
            total: bytes.len(),
            segment_size: usize::from(frame.offload.segment_size),
            checksum_left: matches!(frame.offload.checksum, ChecksumState::Partial { .. }),
            body: Body::read(&bytes, header.map(|header| header.ether_type), l2_len),
        }
    }
}

impl Body {
    fn read(bytes: &[u8], ether_type: Option<EtherType>, l2_len: usize) -> Self {
        let packet = bytes.get(l2_len..).unwrap_or(&[]);
        if ether_type == Some(EtherType::ARP) {
            return arp::Packet::parse(packet).map_or(Self::Other, Self::Arp);
        }
        let Ok(ip) = ipv4::Header::parse(packet) else { return Self::Other };
        let end = usize::from(ip.total_len).min(packet.len());
        let payload = packet.get(ip.header_len()..end).unwrap_or(&[]);
        if ip.fragment_offset > 0 {
            return Self::Other;
        }
        match ip.protocol {
            Protocol::TCP => match tcp::Header::parse(payload) {
                Ok((tcp, header_len)) => {
                    let data = payload.len().saturating_sub(header_len);
                    Self::Tcp { ip, tcp: Box::new(tcp), header_len, data }
                }
                Err(_) => Self::Other,
            },
            Protocol::UDP => match udp::Header::parse_front(payload) {
                Ok(udp) => {
                    let data = payload.get(udp::HEADER_LEN..).unwrap_or(&[]).to_vec();
                    Self::Udp { ip, udp, data }
                }
                Err(_) => Self::Other,
            },
            Protocol::ICMP if icmpv4::Message::parse_unverified(payload).is_ok() => {
                let text = describe::describe(bytes, l2_len).to_string();
                let text = text.split_once(" icmp ").map_or(text.as_str(), |(_, rest)| rest);
                Self::Icmp { ip, text: text.to_owned() }
            }
            _ => Self::Other,
        }
    }
}

/// Both endpoints of a segment or datagram, the sender's first.
pub(crate) fn endpoints(ip: &ipv4::Header, from: u16, to: u16) -> (SocketAddr, SocketAddr) {
    (SocketAddr::from((ip.source, from)), SocketAddr::from((ip.destination, to)))
}
