//! One line per frame, as tcpdump writes them; total on any bytes. Keeps no state, so sequence
//! numbers are those of the wire.

use crate::arp;
use crate::bytes;
use crate::checksum::checksum;
use crate::error::Error;
use crate::ethernet;
use crate::frame::{Frame, HEADER_ROOM};
use crate::icmpv4::{Message, Quote, Unreachable};
use crate::igmp;
use crate::ip::{Protocol, Version};
use crate::ipv4;
use crate::tcp::{self, Flags};
use crate::udp;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::Ipv6Addr;

/// A frame to be written as a line; made by [`describe`].
#[derive(Clone, Copy)]
pub struct Describe<'a> {
    bytes: &'a [u8],
    l2_len: usize,
    length: usize,
}

/// Describes the frame in `bytes`; `l2_len` is 14 on Ethernet, 0 where packets have no link
/// header.
pub const fn describe(bytes: &[u8], l2_len: usize) -> Describe<'_> {
    Describe { bytes, l2_len, length: bytes.len() }
}

/// Describes a frame without copying its payload.
pub fn describe_frame(frame: &Frame, l2_len: usize) -> String {
    let mut front = [0; HEADER_ROOM];
    let copied = frame.copy_front(&mut front);
    let bytes = front.get(..copied).unwrap_or(&front);
    Describe { bytes, l2_len, length: frame.len() }.to_string()
}

impl fmt::Display for Describe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(packet) = bytes::from(self.bytes, self.l2_len) else {
            return write!(f, "short frame, {} bytes", self.length);
        };
        let available = self.length.saturating_sub(self.l2_len);
        if self.l2_len < ethernet::HEADER_LEN {
            return write_ip(f, packet, available);
        }
        let Ok(header) = ethernet::Header::parse(self.bytes) else {
            return write!(f, "short frame, {} bytes", self.length);
        };
        let (mut ether_type, mut packet, mut available) = (header.ether_type, packet, available);
        // As many tags as `header_len` looks through.
        let tags = ethernet::header_len(self.bytes).saturating_sub(ethernet::HEADER_LEN);
        for _ in 0..tags / ethernet::TAG_LEN {
            let (Some(control), Some(inner)) = (bytes::be16(packet, 0), bytes::be16(packet, 2))
            else {
                break;
            };
            write!(f, "vlan {} ", ethernet::Tag::parse(control).id)?;
            ether_type = ethernet::EtherType(inner);
            packet = bytes::from(packet, ethernet::TAG_LEN).unwrap_or(&[]);
            available = available.saturating_sub(ethernet::TAG_LEN);
        }
        match ether_type {
            ethernet::EtherType::ARP => write_arp(f, packet),
            ethernet::EtherType::IPV4 | ethernet::EtherType::IPV6 => write_ip(f, packet, available),
            other => {
                write!(f, "{} > {} {other} len {available}", header.source, header.destination)
            }
        }
    }
}

impl fmt::Debug for Describe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn write_arp(f: &mut fmt::Formatter<'_>, packet: &[u8]) -> fmt::Result {
    match arp::Packet::parse(packet) {
        Err(error) => write!(f, "arp ({error})"),
        Ok(arp) => match arp.operation {
            arp::Operation::Request if arp.sender_ip.is_unspecified() => {
                write!(f, "arp who-has {} probe from {}", arp.target_ip, arp.sender_mac)
            }
            arp::Operation::Request => {
                write!(f, "arp who-has {} tell {}", arp.target_ip, arp.sender_ip)
            }
            arp::Operation::Reply => write!(f, "arp {} is-at {}", arp.sender_ip, arp.sender_mac),
            arp::Operation::Other(other) => write!(f, "arp operation {other}"),
        },
    }
}

fn write_ip(f: &mut fmt::Formatter<'_>, packet: &[u8], available: usize) -> fmt::Result {
    match Version::of_packet(packet) {
        Some(Version::V4) => match ipv4::Header::parse_quoted(packet) {
            Ok(header) => {
                write_ipv4(f, &header, packet)?;
                let covered = packet.get(..header.header_len()).unwrap_or(&[]);
                if checksum(covered) != 0 {
                    f.write_str(" (wrong header checksum)")?;
                }
                let missing = available < usize::from(header.total_len);
                if missing { f.write_str(" (truncated)") } else { Ok(()) }
            }
            Err(error) => write!(f, "ip4 ({error})"),
        },
        Some(Version::V6) => write_ipv6(f, packet, available),
        None => write!(f, "not ip, {available} bytes"),
    }
}

fn write_ipv4(f: &mut fmt::Formatter<'_>, header: &ipv4::Header, packet: &[u8]) -> fmt::Result {
    let end = usize::from(header.total_len).min(packet.len());
    let payload = packet.get(header.header_len()..end).unwrap_or(&[]);
    let (source, destination) = (header.source, header.destination);
    if header.fragment_offset > 0 {
        write!(f, "{source} > {destination} {} fragment", header.protocol)?;
        return write_fragment(f, header);
    }
    match header.protocol {
        Protocol::TCP => match tcp::Header::parse(payload) {
            Ok((tcp, tcp_len)) => {
                write!(
                    f,
                    "{source}:{} > {destination}:{} tcp ",
                    tcp.source_port, tcp.destination_port
                )?;
                write_tcp(f, &tcp, header.payload_len().saturating_sub(tcp_len))?;
            }
            Err(error) => write!(f, "{source} > {destination} tcp ({error})")?,
        },
        Protocol::UDP => match udp::Header::parse_front(payload) {
            Ok(udp) => {
                let length = usize::from(udp.length).saturating_sub(udp::HEADER_LEN);
                write!(
                    f,
                    "{source}:{} > {destination}:{} udp len {length}",
                    udp.source_port, udp.destination_port
                )?;
                if usize::from(udp.length) > header.payload_len() && !header.more_fragments {
                    write!(f, " ({})", Error::Length)?;
                }
            }
            Err(error) => write!(f, "{source} > {destination} udp ({error})")?,
        },
        Protocol::ICMP => {
            write!(f, "{source} > {destination} icmp ")?;
            write_icmp(f, payload, header.payload_len())?;
        }
        Protocol::IGMP => {
            write!(f, "{source} > {destination} igmp ")?;
            match igmp::Message::parse(payload) {
                Ok(message) => write_igmp(f, &message)?,
                Err(error) => write!(f, "({error})")?,
            }
        }
        other => write!(f, "{source} > {destination} {other} len {}", header.payload_len())?,
    }
    if header.ecn() == 3 {
        f.write_str(" ce")?;
    }
    if header.is_fragment() { write_fragment(f, header) } else { Ok(()) }
}

fn write_ipv6(f: &mut fmt::Formatter<'_>, packet: &[u8], available: usize) -> fmt::Result {
    let address = |at| bytes::array::<16>(packet, at).map(Ipv6Addr::from);
    match (address(8), address(24), bytes::byte(packet, 6)) {
        (Some(source), Some(destination), Some(next)) => {
            write!(f, "{source} > {destination} {} len {available}", Protocol(next))
        }
        _ => write!(f, "ip6 (truncated), {available} bytes"),
    }
}

fn write_fragment(f: &mut fmt::Formatter<'_>, header: &ipv4::Header) -> fmt::Result {
    let more = if header.more_fragments { "+" } else { "" };
    let (id, length, offset) =
        (header.identification, header.payload_len(), header.fragment_offset);
    write!(f, " (frag {id}:{length}@{offset}{more})")
}

fn write_tcp(f: &mut fmt::Formatter<'_>, tcp: &tcp::Header, length: usize) -> fmt::Result {
    write!(f, "{} seq {}", tcp.flags, tcp.sequence)?;
    if length > 0 {
        write!(f, ":{}", tcp.sequence.after(length))?;
    }
    if tcp.flags.contains(Flags::ACK) {
        write!(f, " ack {}", tcp.acknowledgment)?;
    }
    write!(f, " win {}", tcp.window)?;
    if tcp.flags.contains(Flags::URG) {
        write!(f, " urg {}", tcp.urgent)?;
    }
    if length > 0 {
        write!(f, " len {length}")?;
    }
    if tcp.options == tcp::Options::NONE { Ok(()) } else { write!(f, " <{}>", tcp.options) }
}

fn write_icmp(f: &mut fmt::Formatter<'_>, payload: &[u8], length: usize) -> fmt::Result {
    let message = match Message::parse_unverified(payload) {
        Ok(message) => message,
        Err(error) => return write!(f, "({error})"),
    };
    match message {
        Message::EchoRequest { ident, sequence } => {
            write!(f, "echo request id {ident} seq {sequence} len {length}")?;
        }
        Message::EchoReply { ident, sequence } => {
            write!(f, "echo reply id {ident} seq {sequence} len {length}")?
        }
        Message::DestinationUnreachable {
            code: Unreachable::FragmentationNeeded,
            next_hop_mtu,
        } => {
            write!(f, "unreachable, fragmentation needed, mtu {next_hop_mtu}")?;
        }
        Message::DestinationUnreachable { code, .. } => write!(f, "{code} unreachable")?,
        Message::SourceQuench => f.write_str("source quench")?,
        Message::Redirect { gateway, .. } => write!(f, "redirect to {gateway}")?,
        Message::TimeExceeded { code } => write!(f, "time exceeded, {code}")?,
        Message::ParameterProblem { pointer, .. } => {
            write!(f, "parameter problem at octet {pointer}")?
        }
        Message::Unknown { kind, code, .. } => write!(f, "type {kind} code {code} len {length}")?,
    }
    if !message.is_error() {
        return Ok(());
    }
    let body = payload.get(crate::icmpv4::HEADER_LEN..).unwrap_or(&[]);
    match Quote::parse(body) {
        Ok(quote) => write_quote(f, &quote),
        Err(error) => write!(f, " (quotes: {error})"),
    }
}

fn write_quote(f: &mut fmt::Formatter<'_>, quote: &Quote<'_>) -> fmt::Result {
    let (source, destination, protocol) =
        (quote.header.source, quote.header.destination, quote.header.protocol);
    match quote.ports() {
        Some((from, to)) => write!(f, " (quotes {source}:{from} > {destination}:{to} {protocol}")?,
        None => write!(f, " (quotes {source} > {destination} {protocol}")?,
    }
    match quote.tcp_sequence() {
        Some(sequence) => write!(f, " seq {sequence})"),
        None => f.write_str(")"),
    }
}

fn write_igmp(f: &mut fmt::Formatter<'_>, message: &igmp::Message<'_>) -> fmt::Result {
    match message {
        igmp::Message::Query { group, v3: None, .. } => write!(f, "query {group}"),
        igmp::Message::Query { group, v3: Some(v3), .. } => {
            write!(f, "query v3 {group}, {} sources", v3.sources().count())
        }
        igmp::Message::ReportV1 { group } => write!(f, "report v1 {group}"),
        igmp::Message::ReportV2 { group } => write!(f, "report {group}"),
        igmp::Message::Leave { group } => write!(f, "leave {group}"),
    }
}

#[cfg(test)]
mod tests;
