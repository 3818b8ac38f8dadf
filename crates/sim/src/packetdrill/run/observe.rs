//! Reads what the stack sent, and checks what no packet may get wrong: lengths, versions and both
//! checksums. Uses nothing of the stack's own decoders, so that it can disagree.

use super::build::{checksum, pseudo_header};
use crate::packetdrill::ast::{EcnCounter, Flags, TcpOption};
use danja_wire::Instant;
use std::net::Ipv4Addr;

/// A packet that the stack sent.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) tos: u8,
    pub(super) ttl: u8,
    pub(super) body: SeenBody,
}

/// What is inside it.
#[derive(Clone, Debug)]
pub(super) enum SeenBody {
    Tcp(SeenSegment),
    Udp { ports: (u16, u16), payload: Vec<u8> },
    Icmp { kind: u8, code: u8, rest: u32, body: Vec<u8> },
}

/// A TCP segment that the stack sent, in the wire's numbers.
#[derive(Clone, Debug)]
pub(super) struct SeenSegment {
    pub(super) ports: (u16, u16),
    pub(super) sequence: u32,
    pub(super) ack: u32,
    pub(super) flags: Flags,
    pub(super) window: u16,
    pub(super) urgent: u16,
    pub(super) options: Vec<TcpOption>,
    pub(super) payload: Vec<u8>,
}

/// Big-endian numbers at a place; what lies beyond the end reads as nothing.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u8(&self, at: usize) -> Result<u8, String> {
        self.0.get(at).copied().ok_or_else(|| format!("it ends before byte {at}"))
    }
    fn u16(&self, at: usize) -> Result<u16, String> {
        Ok(u16::from_be_bytes([self.u8(at)?, self.u8(at + 1)?]))
    }
    fn u32(&self, at: usize) -> Result<u32, String> {
        Ok(u32::from(self.u16(at)?) << 16 | u32::from(self.u16(at + 2)?))
    }
}

/// Reads a packet.
///
/// # Errors
/// What is malformed in it.
pub(super) fn observe(at: Instant, packet: &[u8]) -> Result<Seen, String> {
    let ip = Bytes(packet);
    let first = ip.u8(0)?;
    if first >> 4 != 4 {
        return Err(format!("its IP version is {}", first >> 4));
    }
    let header_length = usize::from(first & 15) * 4;
    let total = usize::from(ip.u16(2)?);
    if header_length < 20 || header_length > total || total != packet.len() {
        return Err(format!(
            "it is {} bytes, its header says {header_length} of {total}",
            packet.len()
        ));
    }
    let (header, transport) = packet.split_at(header_length);
    if checksum(&[header]) != 0 {
        return Err("its IP header checksum is wrong".to_owned());
    }
    if ip.u16(6)? & 0x3fff != 0 {
        return Err("it is a fragment".to_owned());
    }
    let (source, destination) =
        (Ipv4Addr::from_bits(ip.u32(12)?), Ipv4Addr::from_bits(ip.u32(16)?));
    let protocol = ip.u8(9)?;
    let pseudo = pseudo_header(source, destination, protocol, transport.len());
    let body = match protocol {
        6 if checksum(&[&pseudo, transport]) != 0 => {
            return Err("its TCP checksum is wrong".to_owned());
        }
        6 => SeenBody::Tcp(segment(transport)?),
        17 if checksum(&[&pseudo, transport]) != 0 => {
            return Err("its UDP checksum is wrong".to_owned());
        }
        17 => udp(transport)?,
        1 if checksum(&[transport]) != 0 => return Err("its ICMP checksum is wrong".to_owned()),
        1 => icmp(transport)?,
        _ => return Err(format!("its protocol is {protocol}")),
    };
    Ok(Seen { at, source, destination, tos: ip.u8(1)?, ttl: ip.u8(8)?, body })
}

fn udp(transport: &[u8]) -> Result<SeenBody, String> {
    let bytes = Bytes(transport);
    if usize::from(bytes.u16(4)?) != transport.len() {
        return Err("its UDP length is wrong".to_owned());
    }
    let payload = transport.get(8..).unwrap_or_default().to_vec();
    Ok(SeenBody::Udp { ports: (bytes.u16(0)?, bytes.u16(2)?), payload })
}

fn icmp(transport: &[u8]) -> Result<SeenBody, String> {
    let bytes = Bytes(transport);
    let body = transport.get(8..).unwrap_or_default().to_vec();
    Ok(SeenBody::Icmp { kind: bytes.u8(0)?, code: bytes.u8(1)?, rest: bytes.u32(4)?, body })
}

fn segment(transport: &[u8]) -> Result<SeenSegment, String> {
    let bytes = Bytes(transport);
    let (offset, low) = (bytes.u8(12)?, bytes.u8(13)?);
    let header = usize::from(offset >> 4) * 4;
    if header < 20 || header > transport.len() {
        return Err(format!("its TCP header is {header} bytes of {}", transport.len()));
    }
    // RFC 9293 §3.1: the reserved bits are zero in segments we make (the fourth is AE, RFC 9768).
    if offset & 0x0e != 0 {
        return Err("its reserved bits are not zero".to_owned());
    }
    let set = |bit: u8| low & bit != 0;
    let flags = Flags {
        fin: set(1),
        syn: set(2),
        rst: set(4),
        psh: set(8),
        ack: set(16),
        urg: set(32),
        ace: (offset & 1) << 2 | low >> 6,
    };
    Ok(SeenSegment {
        ports: (bytes.u16(0)?, bytes.u16(2)?),
        sequence: bytes.u32(4)?,
        ack: bytes.u32(8)?,
        flags,
        window: bytes.u16(14)?,
        urgent: bytes.u16(18)?,
        options: options(transport.get(20..header).unwrap_or_default())?,
        payload: transport.get(header..).unwrap_or_default().to_vec(),
    })
}

fn options(mut rest: &[u8]) -> Result<Vec<TcpOption>, String> {
    let mut found = Vec::new();
    while let Some((kind, after)) = rest.split_first() {
        if *kind < 2 {
            found.push(if *kind == 0 { TcpOption::Eol } else { TcpOption::Nop });
            rest = after;
            continue;
        }
        let length = usize::from(after.first().copied().unwrap_or(0));
        if length < 2 || length > rest.len() {
            return Err(format!(
                "its option of kind {kind} has length {length} where {} bytes are left",
                rest.len()
            ));
        }
        let (option, after) = rest.split_at(length);
        found.push(one_option(*kind, option.get(2..).unwrap_or_default())?);
        rest = after;
    }
    Ok(found)
}

fn one_option(kind: u8, body: &[u8]) -> Result<TcpOption, String> {
    let bytes = Bytes(body);
    let option = match (kind, body.len()) {
        (2, 2) => TcpOption::Mss(bytes.u16(0)?),
        (3, 1) => TcpOption::WindowScale(bytes.u8(0)?),
        (4, 0) => TcpOption::SackPermitted,
        (5, 8 | 16 | 24 | 32) => {
            let blocks =
                (0..body.len()).step_by(8).map(|at| Ok((bytes.u32(at)?, bytes.u32(at + 4)?)));
            TcpOption::Sack(blocks.collect::<Result<_, String>>()?)
        }
        (8, 8) => TcpOption::Timestamps { value: bytes.u32(0)?, echo: bytes.u32(4)? },
        (19, 16) => TcpOption::Md5(Some(body.to_vec())),
        (34, _) => TcpOption::FastOpen(body.to_vec()),
        (254, 2..) if bytes.u16(0)? == 0xf989 => {
            TcpOption::FastOpenExperimental(body.get(2..).unwrap_or_default().to_vec())
        }
        (172 | 174, 0 | 3 | 6 | 9) => {
            let order = match kind {
                172 => [EcnCounter::E0b, EcnCounter::Ceb, EcnCounter::E1b],
                _ => [EcnCounter::E1b, EcnCounter::Ceb, EcnCounter::E0b],
            };
            let count = |at: usize| {
                Ok::<_, String>(u32::from(bytes.u8(at)?) << 16 | u32::from(bytes.u16(at + 1)?))
            };
            let counters = order
                .into_iter()
                .zip((0..body.len()).step_by(3))
                .map(|(name, at)| Ok((name, count(at)?)));
            TcpOption::AccEcn(counters.collect::<Result<_, String>>()?)
        }
        _ => {
            return Err(format!(
                "its option of kind {kind} with {} bytes is not known",
                body.len()
            ));
        }
    };
    Ok(option)
}
