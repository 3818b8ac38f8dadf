//! Where the headers of a TCP frame are. Reads the bytes in place and keeps none; a frame that is
//! not plain TCP has no layout.

use crate::bytes;
use crate::checksum::{Sum, pseudo_header};
use crate::error::Error;
use crate::ethernet;
use crate::frame::{Frame, HEADER_ROOM};
use crate::ip::{Protocol, Version};
use crate::ipv4;
use crate::tcp::{self, Flags, SeqNumber};
use core::net::{IpAddr, Ipv6Addr};

const IPV6_HEADER_LEN: usize = 40;

/// Where each header of a TCP frame begins, and what of them cutting and joining need.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) version: Version,
    /// Where the IP header begins.
    pub(super) ip_at: usize,
    /// Where the TCP header begins.
    pub(super) tcp_at: usize,
    /// Where data begins.
    pub(super) data_at: usize,
    /// Where data ends: padding may follow.
    pub(super) end: usize,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// Zero over IPv6.
    pub(super) identification: u16,
    /// Never fragmented, so that the identification says nothing (RFC 6864 §4.1).
    pub(super) atomic: bool,
    pub(super) sequence: SeqNumber,
    pub(super) flags: Flags,
    pub(super) urgent: u16,
}

/// The fields of an IP header that matter here.
struct Network {
    source: IpAddr,
    destination: IpAddr,
    header_len: usize,
    total_len: usize,
    identification: u16,
    atomic: bool,
}

impl Layout {
    /// Finds the headers. [`Error::Malformed`] if the frame is a fragment or no TCP.
    pub(super) fn of(frame: &Frame, l2_len: usize) -> Result<Self, Error> {
        let front = frame.front();
        match Self::of_front(front, frame.len(), l2_len) {
            Err(_) if front.len() < HEADER_ROOM.min(frame.len()) => {
                // The headers do not lie together.
                let mut room = [0; HEADER_ROOM];
                let copied = frame.copy_front(&mut room);
                Self::of_front(room.get(..copied).unwrap_or(&[]), frame.len(), l2_len)
            }
            found => found,
        }
    }

    fn of_front(front: &[u8], frame_len: usize, l2_len: usize) -> Result<Self, Error> {
        // Tags are part of the link's header.
        let tagged = l2_len == ethernet::HEADER_LEN;
        let l2_len = if tagged { ethernet::header_len(front) } else { l2_len };
        let packet = bytes::from(front, l2_len).ok_or(Error::Truncated)?;
        let version = Version::of_packet(packet).ok_or(Error::Version)?;
        let network = match version {
            Version::V4 => ipv4_fields(packet)?,
            Version::V6 => ipv6_fields(packet)?,
        };
        let end = l2_len.saturating_add(network.total_len);
        if end > frame_len {
            return Err(Error::Truncated);
        }
        let tcp_at = l2_len.saturating_add(network.header_len);
        let segment = bytes::from(front, tcp_at).ok_or(Error::Truncated)?;
        let (tcp, tcp_len) = tcp::Header::parse_fixed(segment)?;
        let data_at = tcp_at.saturating_add(tcp_len);
        if data_at > end {
            return Err(Error::Length);
        }
        Ok(Self {
            version,
            ip_at: l2_len,
            tcp_at,
            data_at,
            end,
            source: network.source,
            destination: network.destination,
            identification: network.identification,
            atomic: network.atomic,
            sequence: tcp.sequence,
            flags: tcp.flags,
            urgent: tcp.urgent,
        })
    }

    pub(super) const fn data_len(&self) -> usize {
        self.end.saturating_sub(self.data_at)
    }

    /// The sum of the pseudo-header for `data_len` bytes of data.
    pub(super) fn pseudo(&self, data_len: usize) -> Sum {
        let length = self.data_at.saturating_sub(self.tcp_at).saturating_add(data_len);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        pseudo_header(self.source, self.destination, Protocol::TCP.0, length)
    }

    /// Writes into `headers` (those of the frame, or a copy) the IP lengths for `data_len` bytes
    /// of data and, over IPv4, the identification; the header checksum follows.
    pub(super) fn set_ip(
        &self,
        headers: &mut [u8],
        data_len: usize,
        identification: u16,
    ) -> Option<()> {
        let length = self.data_at.saturating_sub(self.ip_at).saturating_add(data_len);
        let ip = headers.get_mut(self.ip_at..self.tcp_at)?;
        match self.version {
            Version::V4 => {
                bytes::put16(ip, 2, u16::try_from(length).ok()?)?;
                bytes::put16(ip, 4, identification)?;
                bytes::put16(ip, 10, 0)?;
                let field = crate::checksum::checksum(ip);
                bytes::put16(ip, 10, field)
            }
            Version::V6 => {
                bytes::put16(ip, 4, u16::try_from(length.saturating_sub(IPV6_HEADER_LEN)).ok()?)
            }
        }
    }
}

fn ipv4_fields(packet: &[u8]) -> Result<Network, Error> {
    let header = ipv4::Header::parse_quoted(packet)?;
    if header.protocol != Protocol::TCP || header.is_fragment() {
        return Err(Error::Malformed);
    }
    Ok(Network {
        source: header.source.into(),
        destination: header.destination.into(),
        header_len: header.header_len(),
        total_len: usize::from(header.total_len),
        identification: header.identification,
        atomic: header.dont_fragment,
    })
}

fn ipv6_fields(packet: &[u8]) -> Result<Network, Error> {
    // Extension headers are not looked through: a frame that has them is not cut or joined.
    if bytes::byte(packet, 6).ok_or(Error::Truncated)? != Protocol::TCP.0 {
        return Err(Error::Malformed);
    }
    let length = bytes::be16(packet, 4).ok_or(Error::Truncated)?;
    let source: [u8; 16] = bytes::array(packet, 8).ok_or(Error::Truncated)?;
    let destination: [u8; 16] = bytes::array(packet, 24).ok_or(Error::Truncated)?;
    Ok(Network {
        source: Ipv6Addr::from(source).into(),
        destination: Ipv6Addr::from(destination).into(),
        header_len: IPV6_HEADER_LEN,
        total_len: usize::from(length).saturating_add(IPV6_HEADER_LEN),
        identification: 0,
        atomic: true,
    })
}

/// The sum of a frame's bytes from `start` up to `end` (clamped), without copying them.
pub fn sum_from(frame: &Frame, start: usize, end: usize) -> Sum {
    let mut sum = Sum::new();
    let mut at = 0usize;
    let parts =
        core::iter::once(frame.header()).chain(frame.slices().iter().map(crate::Payload::as_slice));
    for part in parts {
        let last = end.saturating_sub(at).min(part.len());
        let first = start.saturating_sub(at).min(last);
        sum.add_bytes(part.get(first..last).unwrap_or(&[]));
        at = at.saturating_add(part.len());
    }
    sum
}
