//! Packets that the router writes itself: answers in the names of others, ICMP errors about what
//! it was given, resets. Keeps no flow.
//!
//! Wire formats: RFC 791, RFC 768, RFC 792; errors: RFC 1812 §4.3.

use danja::Host;
use danja::stack::{InterfaceId, Payload};
use danja::wire::checksum::Sum;
use danja::wire::icmpv4::{self, Message};
use danja::wire::ip::Protocol;
use danja::wire::tcp::{Flags, Header as TcpHeader, SeqNumber};
use danja::wire::{ipv4, tcp, udp};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

// RFC 1812 §4.3.2.3: as much as fits into 576 bytes.
const QUOTED: usize = 576 - ipv4::HEADER_LEN - icmpv4::HEADER_LEN;
/// RFC 1812 §4.3.2.5: errors have precedence 6.
const CONTROL: u8 = 0xc0;
/// Errors a second to one client (RFC 1812 §4.3.2.8): a traceroute's worth of them.
const ERRORS: u32 = 100;

/// Sends packets to the LAN.
pub(super) struct Packets {
    host: Host,
    interface: InterfaceId,
    mtu: usize,
    identification: u16,
    /// Errors sent to each client in this second.
    errors: HashMap<Ipv4Addr, u32>,
    second: Instant,
}

impl Packets {
    pub(super) fn new(host: Host, interface: InterfaceId, mtu: usize) -> Self {
        let identification = 1;
        Self {
            host,
            interface,
            mtu,
            identification,
            errors: HashMap::new(),
            second: Instant::now(),
        }
    }

    pub(super) const fn mtu(&self) -> usize {
        self.mtu
    }

    /// A UDP datagram; `false` if the LAN has no room for it.
    pub(super) fn datagram(&mut self, from: SocketAddrV4, to: SocketAddrV4, data: &[u8]) -> bool {
        let Some(mut header) = udp::Header::new(from.port(), to.port(), data.len()) else {
            return false;
        };
        let mut sum = Sum::new();
        sum.add_bytes(data);
        header.checksum = header.checksum_for((*from.ip()).into(), (*to.ip()).into(), sum);
        let mut bytes = vec![0; udp::HEADER_LEN];
        let emitted = header.emit(&mut bytes).is_ok();
        bytes.extend_from_slice(data);
        emitted && self.send(*from.ip(), *to.ip(), Protocol::UDP, 0, &bytes)
    }

    /// An echo reply with this data.
    pub(super) fn echo_reply(
        &mut self,
        from: Ipv4Addr,
        to: SocketAddrV4,
        sequence: u16,
        data: &[u8],
    ) -> bool {
        let reply = Message::EchoReply { ident: to.port(), sequence };
        message(reply, data)
            .is_some_and(|bytes| self.send(from, *to.ip(), Protocol::ICMP, 0, &bytes))
    }

    /// An ICMP error about a packet of a client, in the name of `from`.
    pub(super) fn error(&mut self, from: Ipv4Addr, about: &[u8], error: Message) {
        let Ok(header) = ipv4::Header::parse_quoted(about) else { return };
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.errors.clear();
            self.second = Instant::now();
        }
        let sent = self.errors.entry(header.source).or_default();
        *sent += 1;
        if *sent > ERRORS {
            return;
        }
        let quoted = about.get(..about.len().min(QUOTED)).unwrap_or_default();
        if let Some(bytes) = message(error, quoted) {
            self.send(from, header.source, Protocol::ICMP, CONTROL, &bytes);
        }
    }

    /// What a TCP segment of no connection gets (RFC 9293 §3.10.7.1).
    pub(super) fn reset(&mut self, header: &ipv4::Header, segment: &[u8]) {
        let Ok((asked, length)) = TcpHeader::parse(segment) else { return };
        if asked.flags.contains(Flags::RST) {
            return;
        }
        let data = segment.len().saturating_sub(length);
        let mut reset = TcpHeader {
            source_port: asked.destination_port,
            destination_port: asked.source_port,
            flags: Flags::RST,
            ..TcpHeader::default()
        };
        if asked.flags.contains(Flags::ACK) {
            reset.sequence = asked.acknowledgment;
        } else {
            reset.sequence = SeqNumber(0);
            reset.acknowledgment = asked.sequence + asked.segment_len(data);
            reset.flags = Flags::RST.union(Flags::ACK);
        }
        let mut bytes = vec![0; tcp::HEADER_LEN];
        if reset.emit(&mut bytes).is_err() {
            return;
        }
        let (from, to) = (header.destination, header.source);
        let length = u32::try_from(bytes.len()).unwrap_or(0);
        let (source, destination) = (IpAddr::V4(from), IpAddr::V4(to));
        let mut sum =
            danja::wire::checksum::pseudo_header(source, destination, Protocol::TCP.0, length);
        sum.add_bytes(&bytes);
        if tcp::set_checksum(&mut bytes, sum.finish()).is_some() {
            self.send(from, to, Protocol::TCP, 0, &bytes);
        }
    }

    /// Puts an IP header before it, and cuts it where the link asks for it.
    fn send(
        &mut self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: Protocol,
        tos: u8,
        bytes: &[u8],
    ) -> bool {
        self.identification = self.identification.wrapping_add(1);
        // RFC 791 §3.2: fragments begin at multiples of 8.
        let room = (self.mtu.saturating_sub(ipv4::HEADER_LEN) & !7).max(8);
        let whole = bytes.len() <= self.mtu.saturating_sub(ipv4::HEADER_LEN);
        let piece = if whole { bytes.len().max(1) } else { room };
        let mut sent = true;
        for (index, part) in bytes.chunks(piece).enumerate() {
            let offset = index * piece;
            let Ok(fragment_offset) = u16::try_from(offset) else { return false };
            let mut header = ipv4::Header {
                source,
                destination,
                protocol,
                tos,
                identification: self.identification,
                more_fragments: offset + part.len() < bytes.len(),
                fragment_offset,
                ..ipv4::Header::default()
            };
            let mut packet = vec![0; ipv4::HEADER_LEN];
            if header.set_payload_len(part.len()).is_none() || header.emit(&mut packet).is_err() {
                return false;
            }
            packet.extend_from_slice(part);
            sent &= self.host.inject(self.interface, Payload::from(packet)).is_ok();
        }
        sent
    }
}

/// An ICMP message with what follows its header.
fn message(header: Message, body: &[u8]) -> Option<Vec<u8>> {
    let mut sum = Sum::new();
    sum.add_bytes(body);
    let mut bytes = vec![0; icmpv4::HEADER_LEN];
    header.emit(&mut bytes, sum).ok()?;
    bytes.extend_from_slice(body);
    Some(bytes)
}
