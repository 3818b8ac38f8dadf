//! Where the headers of a TCP frame are. Reads the bytes in place; a frame that is not plain
//! TCP has no layout.

use crate::bytes;
use crate::checksum::{Sum, pseudo_header};
use crate::error::Error;
use crate::frame::{Frame, HEADER_ROOM};
use crate::ip::{Protocol, Version};
use crate::ipv4;
use crate::tcp;
use core::net::{IpAddr, Ipv6Addr};

const IPV6_HEADER_LEN: usize = 40;

/// A copy of the headers of a TCP frame, and where each begins.
#[derive(Clone)]
pub(super) struct Layout {
    pub(super) headers: [u8; HEADER_ROOM],
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
    pub(super) tcp: tcp::Header,
}

impl Layout {
    /// Finds the headers. [`Error::Malformed`] if the frame is a fragment or no TCP.
    pub(super) fn of(frame: &Frame, l2_len: usize) -> Result<Self, Error> {
        let mut headers = [0; HEADER_ROOM];
        let copied = frame.copy_front(&mut headers);
        let front = headers.get(..copied).unwrap_or(&headers);
        let packet = bytes::from(front, l2_len).ok_or(Error::Truncated)?;
        let version = Version::of_packet(packet).ok_or(Error::Version)?;
        let (source, destination, header_len, total_len) = match version {
            Version::V4 => ipv4_fields(packet)?,
            Version::V6 => ipv6_fields(packet)?,
        };
        let end = l2_len.saturating_add(total_len);
        if end > frame.len() {
            return Err(Error::Truncated);
        }
        let tcp_at = l2_len.saturating_add(header_len);
        let segment = bytes::from(front, tcp_at).ok_or(Error::Truncated)?;
        let (tcp, tcp_len) = tcp::Header::parse_fixed(segment)?;
        let data_at = tcp_at.saturating_add(tcp_len);
        if data_at > end {
            return Err(Error::Length);
        }
        Ok(Self { headers, version, ip_at: l2_len, tcp_at, data_at, end, source, destination, tcp })
    }

    pub(super) const fn data_len(&self) -> usize {
        self.end.saturating_sub(self.data_at)
    }

    /// All headers.
    pub(super) fn headers(&self) -> &[u8] {
        self.headers.get(..self.data_at).unwrap_or(&self.headers)
    }

    /// The sum of the pseudo-header for `data_len` bytes of data.
    pub(super) fn pseudo(&self, data_len: usize) -> Sum {
        let length = self.data_at.saturating_sub(self.tcp_at).saturating_add(data_len);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        pseudo_header(self.source, self.destination, Protocol::TCP.0, length)
    }

    /// Writes into `headers` (a copy of [`Self::headers`]) the IP lengths for `data_len` bytes
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

    /// The identification; zero over IPv6.
    pub(super) fn identification(&self) -> u16 {
        match self.version {
            Version::V4 => bytes::be16(&self.headers, self.ip_at.saturating_add(4)).unwrap_or(0),
            Version::V6 => 0,
        }
    }
}

type Fields = (IpAddr, IpAddr, usize, usize);

fn ipv4_fields(packet: &[u8]) -> Result<Fields, Error> {
    let header = ipv4::Header::parse_quoted(packet)?;
    if header.protocol != Protocol::TCP || header.is_fragment() {
        return Err(Error::Malformed);
    }
    Ok((
        header.source.into(),
        header.destination.into(),
        header.header_len(),
        usize::from(header.total_len),
    ))
}

fn ipv6_fields(packet: &[u8]) -> Result<Fields, Error> {
    // Extension headers are not looked through: a frame that has them is not cut or joined.
    if bytes::byte(packet, 6).ok_or(Error::Truncated)? != Protocol::TCP.0 {
        return Err(Error::Malformed);
    }
    let length = bytes::be16(packet, 4).ok_or(Error::Truncated)?;
    let source: [u8; 16] = bytes::array(packet, 8).ok_or(Error::Truncated)?;
    let destination: [u8; 16] = bytes::array(packet, 24).ok_or(Error::Truncated)?;
    let total_len = usize::from(length).saturating_add(IPV6_HEADER_LEN);
    Ok((
        Ipv6Addr::from(source).into(),
        Ipv6Addr::from(destination).into(),
        IPV6_HEADER_LEN,
        total_len,
    ))
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
