//! The IPv4 header (RFC 791 §3.1; ECN and DSCP in the TOS octet: RFC 2474, RFC 3168).

use super::options::Options;
use crate::bytes;
use crate::checksum::Sum;
use crate::error::Error;
use crate::ip::Protocol;
use core::net::Ipv4Addr;

/// Length of a header without options, in bytes.
pub const HEADER_LEN: usize = 20;

/// Length of the longest header, in bytes.
pub const MAX_HEADER_LEN: usize = 60;

/// Where the checksum field is.
const CHECKSUM_AT: usize = 10;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// An IPv4 header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// From whom.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// What it carries.
    pub protocol: Protocol,
    /// Routers that may still forward it.
    pub ttl: u8,
    /// Differentiated services (upper six bits) and ECN (lower two).
    pub tos: u8,
    /// Which fragments belong together.
    pub identification: u16,
    /// Routers must not fragment it.
    pub dont_fragment: bool,
    /// It is not the last fragment.
    pub more_fragments: bool,
    /// Where this fragment's data belongs, in bytes; a multiple of 8, at most 65,528.
    pub fragment_offset: u16,
    /// Header and data, in bytes.
    pub total_len: u16,
    /// Options, possibly malformed: see [`Options::check`].
    pub options: Options,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            source: Ipv4Addr::UNSPECIFIED,
            destination: Ipv4Addr::UNSPECIFIED,
            protocol: Protocol(0),
            ttl: 64,
            tos: 0,
            identification: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            total_len: HEADER_LEN as u16,
            options: Options::NONE,
        }
    }
}

impl Header {
    /// Reads and verifies the header of a packet; `packet` is at least the whole packet, and
    /// bytes after [`Self::total_len`] are padding.
    ///
    /// The version, IHL ≥ 5, IHL ≤ total length ≤ `packet`, and the header checksum are
    /// checked, in this order.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Error> {
        Self::parse_front(packet, packet.len())
    }

    /// As [`Self::parse`], when only the front of the packet (all of its header) is at hand;
    /// `available` is the number of bytes in all pieces.
    #[inline]
    pub fn parse_front(front: &[u8], available: usize) -> Result<Self, Error> {
        let (header, covered) = Self::parse_fields(front)?;
        if usize::from(header.total_len) > available {
            return Err(Error::Truncated);
        }
        let mut sum = Sum::new();
        sum.add_words(covered.as_chunks().0);
        if sum.is_valid() { Ok(header) } else { Err(Error::Checksum) }
    }

    /// As [`Self::parse`], for a packet quoted in an ICMP error: the quotation may be shorter
    /// than the total length, and the checksum, which routers on the way rewrote, is not asked.
    pub fn parse_quoted(quoted: &[u8]) -> Result<Self, Error> {
        Self::parse_fields(quoted).map(|(header, _)| header)
    }

    /// The fields, and the bytes that the checksum covers.
    #[inline]
    fn parse_fields(front: &[u8]) -> Result<(Self, &[u8]), Error> {
        let fixed = front.first_chunk::<HEADER_LEN>().ok_or(Error::Truncated)?;
        let [
            version_ihl,
            tos,
            l0,
            l1,
            i0,
            i1,
            f0,
            f1,
            ttl,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = *fixed;
        if version_ihl >> 4 != 4 {
            return Err(Error::Version);
        }
        let header_len = usize::from(version_ihl & 0xf) << 2;
        let total_len = u16::from_be_bytes([l0, l1]);
        if header_len < HEADER_LEN || header_len > usize::from(total_len) {
            return Err(Error::Length);
        }
        let covered = front.get(..header_len).ok_or(Error::Truncated)?;
        let options = match covered.get(HEADER_LEN..) {
            None | Some([]) => Options::NONE,
            Some(options) => Options::from_wire(options).ok_or(Error::Length)?,
        };
        let flags_offset = u16::from_be_bytes([f0, f1]);
        let header = Self {
            source: Ipv4Addr::new(s0, s1, s2, s3),
            destination: Ipv4Addr::new(d0, d1, d2, d3),
            protocol: Protocol(protocol),
            ttl,
            tos,
            identification: u16::from_be_bytes([i0, i1]),
            dont_fragment: flags_offset & DONT_FRAGMENT != 0,
            more_fragments: flags_offset & MORE_FRAGMENTS != 0,
            fragment_offset: (flags_offset & OFFSET_MASK) << 3,
            total_len,
            options,
        };
        Ok((header, covered))
    }

    /// Length of the header with its options, in bytes.
    #[inline]
    pub const fn header_len(&self) -> usize {
        HEADER_LEN.saturating_add(self.options.as_bytes().len())
    }

    /// Bytes after the header.
    #[inline]
    pub const fn payload_len(&self) -> usize {
        (self.total_len as usize).saturating_sub(self.header_len())
    }

    /// Sets the total length for `payload_len` bytes after the header. `None` (and no change)
    /// if the packet would be longer than 65,535 bytes.
    pub fn set_payload_len(&mut self, payload_len: usize) -> Option<()> {
        self.total_len = u16::try_from(self.header_len().checked_add(payload_len)?).ok()?;
        Some(())
    }

    /// Whether this is a fragment of a larger packet.
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }

    /// The ECN codepoint (RFC 3168 §5): 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE.
    #[inline]
    pub const fn ecn(&self) -> u8 {
        self.tos & 3
    }

    /// Writes the header and its checksum; returns its length.
    #[inline]
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, Error> {
        let options = self.options.as_bytes();
        let header_len = self.header_len();
        let room = room.get_mut(..header_len).ok_or(Error::Room)?;
        let (fixed, rest) = room.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Room)?;
        if !options.is_empty() {
            rest.copy_from_slice(options);
        }
        let mut flags_offset = self.fragment_offset >> 3;
        flags_offset |= if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        flags_offset |= if self.more_fragments { MORE_FRAGMENTS } else { 0 };
        let ihl = u8::try_from(header_len >> 2).map_err(|_| Error::Room)?;
        let [l0, l1] = self.total_len.to_be_bytes();
        let [i0, i1] = self.identification.to_be_bytes();
        let [f0, f1] = flags_offset.to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        let ttl = self.ttl;
        let protocol = self.protocol.0;
        *fixed = [
            0x40 | ihl,
            self.tos,
            l0,
            l1,
            i0,
            i1,
            f0,
            f1,
            ttl,
            protocol,
            0,
            0,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ];
        let mut sum = Sum::new();
        sum.add_words(fixed.as_chunks().0);
        sum.add_words(options.as_chunks().0);
        bytes::put16(fixed, CHECKSUM_AT, sum.finish()).ok_or(Error::Room)?;
        Ok(header_len)
    }
}

#[cfg(test)]
mod tests;
