//! Frames for tests: one flow's TCP and UDP, with whatever offload metadata a test wants, and
//! the check that a wire's receiver would make.

#![allow(dead_code, reason = "each test binary uses its part")]

use danja_wire::checksum::{Sum, pseudo_header};
use danja_wire::ethernet::{self, EtherType, MacAddress};
use danja_wire::ip::Protocol;
use danja_wire::tcp::{self, Flags, SeqNumber};
use danja_wire::{ChecksumState, Frame, Offload, Payload, ipv4, udp};
use std::net::{IpAddr, SocketAddrV4};

/// From whom to whom, on Ethernet if there are hardware addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) ethernet: Option<(MacAddress, MacAddress)>,
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
}

impl Flow {
    /// A flow between two stations, `2.0.0.0.0.first` and `second`, of 10.0.0.0/24.
    pub(crate) fn between(first: u8, second: u8) -> Self {
        let station = |last| MacAddress([2, 0, 0, 0, 0, last]);
        let address = |last, port| SocketAddrV4::new([10, 0, 0, last].into(), port);
        Self {
            ethernet: Some((station(second), station(first))),
            from: address(first, 1000),
            to: address(second, 2000),
        }
    }

    /// The same without Ethernet.
    pub(crate) fn ip(self) -> Self {
        Self { ethernet: None, ..self }
    }

    fn wrap(&self, mut frame: Frame, protocol: Protocol) -> Frame {
        let header = ipv4::Header {
            source: *self.from.ip(),
            destination: *self.to.ip(),
            protocol,
            dont_fragment: true,
            identification: 7,
            total_len: u16::try_from(frame.len() + 20).unwrap(),
            ..ipv4::Header::default()
        };
        header.emit(frame.prepend(20).unwrap()).unwrap();
        if let Some((destination, source)) = self.ethernet {
            let header = ethernet::Header { destination, source, ether_type: EtherType::IPV4 };
            header.emit(frame.prepend(14).unwrap()).unwrap();
        }
        frame
    }

    fn pseudo(&self, protocol: Protocol, length: usize) -> Sum {
        let (from, to) = (IpAddr::V4(*self.from.ip()), IpAddr::V4(*self.to.ip()));
        pseudo_header(from, to, protocol.0, u32::try_from(length).unwrap())
    }

    /// A TCP segment as a stack hands it to an adapter with offload: partial checksum, to be cut
    /// into `segment_size` (0: not).
    pub(crate) fn tcp(&self, header: tcp::Header, data: Payload, segment_size: u16) -> Frame {
        let header = tcp::Header {
            source_port: self.from.port(),
            destination_port: self.to.port(),
            ..header
        };
        let length = header.header_len() + data.len();
        let mut frame = Frame::new();
        frame.push(data);
        let room = frame.prepend(header.header_len()).unwrap();
        header.emit(room).unwrap();
        tcp::set_checksum(room, self.pseudo(Protocol::TCP, length).fold()).unwrap();
        let start = if self.ethernet.is_some() { 34 } else { 20 };
        frame.offload =
            Offload { checksum: ChecksumState::Partial { start, offset: 16 }, segment_size };
        self.wrap(frame, Protocol::TCP)
    }

    /// A segment of data from sequence number `sequence` on.
    pub(crate) fn data(&self, sequence: u32, data: Payload, segment_size: u16) -> Frame {
        let header = tcp::Header {
            sequence: SeqNumber(sequence),
            flags: Flags::ACK | Flags::PSH,
            window: 1000,
            ..tcp::Header::default()
        };
        self.tcp(header, data, segment_size)
    }

    /// A UDP datagram with a complete checksum.
    pub(crate) fn udp(&self, data: &[u8]) -> Frame {
        let mut header = udp::Header::new(self.from.port(), self.to.port(), data.len()).unwrap();
        let mut sum = Sum::new();
        sum.add_bytes(data);
        header.checksum =
            header.checksum_for((*self.from.ip()).into(), (*self.to.ip()).into(), sum);
        let mut frame = Frame::new();
        frame.push(Payload::copy_from_slice(data));
        header.emit(frame.prepend(8).unwrap()).unwrap();
        self.wrap(frame, Protocol::UDP)
    }
}

/// A TCP or UDP packet of a frame, if all checksums are right as on a wire.
pub(crate) struct Packet {
    pub(crate) ip: ipv4::Header,
    pub(crate) segment: Vec<u8>,
}

impl Packet {
    /// Reads the bytes of a frame whose link header has `link` bytes.
    pub(crate) fn parse(frame: &[u8], link: usize) -> Option<Self> {
        let ip = ipv4::Header::parse(frame.get(link..)?).ok()?;
        let segment = frame.get(link + ip.header_len()..link + usize::from(ip.total_len))?.to_vec();
        let (from, to) = (ip.source.into(), ip.destination.into());
        let right = match ip.protocol {
            Protocol::TCP => tcp::verify(from, to, &segment),
            Protocol::UDP => udp::verify(from, to, &segment),
            _ => return None,
        };
        right.then_some(Self { ip, segment })
    }

    /// The TCP header and the data.
    pub(crate) fn tcp(&self) -> (tcp::Header, &[u8]) {
        let (header, length) = tcp::Header::parse(&self.segment).unwrap();
        (header, &self.segment[length..])
    }
}
