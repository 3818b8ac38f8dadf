//! Makes the packets a script gives to the stack, byte by byte: options in the script's order,
//! impossible values included. Uses nothing of the stack's own encoders, so that it can disagree.

use crate::packetdrill::ast::{Ecn, EcnCounter, Flags, IpInfo, TcpOption};
use std::net::{Ipv4Addr, SocketAddrV4};

/// The Internet checksum (RFC 1071) over pieces of which all but the last have even lengths.
pub(super) fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for piece in pieces {
        for pair in piece.chunks(2) {
            let high = pair.first().copied().unwrap_or(0);
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u64::from(u16::from_be_bytes([high, low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What TCP and UDP sum before their header (RFC 9293 §3.1).
pub(super) fn pseudo_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    length: usize,
) -> [u8; 12] {
    let [a, b, c, d] = source.octets();
    let [e, f, g, h] = destination.octets();
    let [high, low] = (length as u16).to_be_bytes();
    [a, b, c, d, e, f, g, h, 0, protocol, high, low]
}

/// Time to live of packets whose script does not say one.
const TTL: u8 = 255;

/// An IPv4 packet.
pub(super) fn ipv4(
    ip: &IpInfo,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    transport: &[u8],
) -> Vec<u8> {
    let ecn = match ip.ecn {
        None | Some(Ecn::None) => 0,
        Some(Ecn::Ect1) => 1,
        Some(Ecn::Ect0 | Ecn::Ect01) => 2,
        Some(Ecn::Ce) => 3,
    };
    let total = (20 + transport.len()) as u16;
    let mut header = vec![0x45, ip.tos.unwrap_or(ecn)];
    header.extend_from_slice(&total.to_be_bytes());
    // No identification, "don't fragment".
    header.extend_from_slice(&[0, 0, 0x40, 0, ip.ttl.unwrap_or(TTL), protocol, 0, 0]);
    header.extend_from_slice(&source.octets());
    header.extend_from_slice(&destination.octets());
    let sum = checksum(&[&header]).to_be_bytes();
    header.splice(10..12, sum);
    header.extend_from_slice(transport);
    header
}

/// The numbers of a TCP header, as they go on the wire.
pub(super) struct Numbers {
    pub(super) sequence: u32,
    pub(super) ack: u32,
    pub(super) flags: Flags,
    pub(super) window: u16,
    pub(super) urgent: u16,
}

/// The low bits of the offset byte and the flag byte.
fn flag_bytes(flags: Flags) -> (u8, u8) {
    let low = [
        (flags.fin, 1),
        (flags.syn, 2),
        (flags.rst, 4),
        (flags.psh, 8),
        (flags.ack, 16),
        (flags.urg, 32),
    ];
    let low = low.iter().filter(|(set, _)| *set).fold(0, |bits, (_, bit)| bits | bit);
    (flags.ace >> 2 & 1, low | (flags.ace & 3) << 6)
}

/// A TCP segment with its checksum; its payload is zeros.
pub(super) fn tcp(
    source: SocketAddrV4,
    destination: SocketAddrV4,
    numbers: &Numbers,
    options: &[TcpOption],
    payload: usize,
) -> Vec<u8> {
    let options = option_bytes(options);
    let offset = ((20 + options.len()) / 4) as u8;
    let (high, low) = flag_bytes(numbers.flags);
    let mut segment = Vec::with_capacity(60 + payload);
    segment.extend_from_slice(&source.port().to_be_bytes());
    segment.extend_from_slice(&destination.port().to_be_bytes());
    segment.extend_from_slice(&numbers.sequence.to_be_bytes());
    segment.extend_from_slice(&numbers.ack.to_be_bytes());
    segment.extend_from_slice(&[offset << 4 | high, low]);
    segment.extend_from_slice(&numbers.window.to_be_bytes());
    segment.extend_from_slice(&[0, 0]);
    segment.extend_from_slice(&numbers.urgent.to_be_bytes());
    segment.extend_from_slice(&options);
    segment.resize(segment.len() + payload, 0);
    let pseudo = pseudo_header(*source.ip(), *destination.ip(), 6, segment.len());
    let sum = checksum(&[&pseudo, &segment]).to_be_bytes();
    segment.splice(16..18, sum);
    segment
}

fn option_bytes(options: &[TcpOption]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for option in options {
        let (kind, body): (u8, Vec<u8>) = match option {
            TcpOption::Eol => {
                bytes.push(0);
                continue;
            }
            TcpOption::Nop => {
                bytes.push(1);
                continue;
            }
            TcpOption::Mss(size) => (2, size.to_be_bytes().to_vec()),
            TcpOption::WindowScale(shift) => (3, vec![*shift]),
            TcpOption::SackPermitted => (4, Vec::new()),
            TcpOption::Sack(blocks) => (
                5,
                blocks
                    .iter()
                    .flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()])
                    .flatten()
                    .collect(),
            ),
            TcpOption::Timestamps { value, echo } => {
                (8, [value.to_be_bytes(), echo.to_be_bytes()].concat())
            }
            TcpOption::Md5(digest) => (19, digest.clone().unwrap_or_else(|| vec![0; 16])),
            TcpOption::FastOpen(cookie) => (34, cookie.clone()),
            TcpOption::FastOpenExperimental(cookie) => {
                (254, [&[0xf9, 0x89], cookie.as_slice()].concat())
            }
            TcpOption::AccEcn(counters) => {
                let first = counters.first().map_or(EcnCounter::E0b, |(counter, _)| *counter);
                let kind = if first == EcnCounter::E1b { 174 } else { 172 };
                (
                    kind,
                    counters
                        .iter()
                        .flat_map(|(_, count)| count.to_be_bytes().into_iter().skip(1))
                        .collect(),
                )
            }
        };
        bytes.push(kind);
        bytes.push((2 + body.len()) as u8);
        bytes.extend_from_slice(&body);
    }
    bytes
}

/// A UDP datagram of zeros, with its checksum.
pub(super) fn udp(source: SocketAddrV4, destination: SocketAddrV4, payload: usize) -> Vec<u8> {
    let length = 8 + payload;
    let mut datagram = Vec::with_capacity(length);
    datagram.extend_from_slice(&source.port().to_be_bytes());
    datagram.extend_from_slice(&destination.port().to_be_bytes());
    datagram.extend_from_slice(&(length as u16).to_be_bytes());
    datagram.resize(length, 0);
    let pseudo = pseudo_header(*source.ip(), *destination.ip(), 17, length);
    let sum = match checksum(&[&pseudo, &datagram]) {
        0 => 0xffff,
        sum => sum,
    };
    datagram.splice(6..8, sum.to_be_bytes());
    datagram
}

/// An ICMP message with its checksum: type, code, the four bytes after the checksum, the rest.
pub(super) fn icmp(kind: u8, code: u8, rest: u32, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend_from_slice(&rest.to_be_bytes());
    message.extend_from_slice(body);
    let sum = checksum(&[&message]).to_be_bytes();
    message.splice(2..4, sum);
    message
}
