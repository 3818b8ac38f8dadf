//! The TCP header (RFC 9293 §3.1).

use super::{Flags, Options, SeqNumber};
use crate::bytes;
use crate::checksum::{Sum, pseudo_header};
use crate::error::Error;
use crate::ip::Protocol;
use core::net::IpAddr;

/// Length of a header without options, in bytes.
pub const HEADER_LEN: usize = 20;

/// Length of the longest header, in bytes.
pub const MAX_HEADER_LEN: usize = 60;

/// Where the checksum field is in the header.
pub const CHECKSUM_OFFSET: usize = 16;

/// A TCP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Of the first data byte, or of SYN if it is there.
    pub sequence: SeqNumber,
    /// The next sequence number expected; significant with ACK.
    pub acknowledgment: SeqNumber,
    /// Control bits.
    pub flags: Flags,
    /// The window field, not scaled.
    pub window: u16,
    /// The urgent pointer; significant with URG.
    pub urgent: u16,
    /// Options.
    pub options: Options,
}

impl Header {
    /// Reads the header at the front of a segment, and says its length. Data follows it.
    ///
    /// [`Error::Length`] if the data offset is less than 5, [`Error::Truncated`] if it points
    /// past `segment`, [`Error::Malformed`] if an option is illegal. The checksum is not
    /// asked: see [`verify`].
    #[inline]
    pub fn parse(segment: &[u8]) -> Result<(Self, usize), Error> {
        let (mut header, header_len) = Self::parse_fixed(segment)?;
        if header_len > HEADER_LEN {
            let options = segment.get(HEADER_LEN..header_len).ok_or(Error::Truncated)?;
            header.options = Options::parse(options)?;
        }
        Ok((header, header_len))
    }

    /// The header without a look at its options: its length is checked, `options` are empty.
    #[inline]
    pub fn parse_fixed(segment: &[u8]) -> Result<(Self, usize), Error> {
        let fixed = segment.first_chunk::<HEADER_LEN>().ok_or(Error::Truncated)?;
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, u0, u1] =
            *fixed;
        let header_len = usize::from(offset >> 4) << 2;
        if header_len < HEADER_LEN {
            return Err(Error::Length);
        }
        if header_len > segment.len() {
            return Err(Error::Truncated);
        }
        let header = Self {
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            sequence: SeqNumber(u32::from_be_bytes([q0, q1, q2, q3])),
            acknowledgment: SeqNumber(u32::from_be_bytes([a0, a1, a2, a3])),
            flags: Flags::from_bits(u16::from_be_bytes([offset, flags])),
            window: u16::from_be_bytes([w0, w1]),
            urgent: u16::from_be_bytes([u0, u1]),
            options: Options::NONE,
        };
        Ok((header, header_len))
    }

    /// Length of the header with its options, in bytes.
    pub const fn header_len(&self) -> usize {
        HEADER_LEN.saturating_add(self.options.emitted_len())
    }

    /// The sequence numbers that the segment takes with `data_len` bytes of data (SEG.LEN).
    #[inline]
    pub const fn segment_len(&self, data_len: usize) -> u32 {
        (data_len as u32).wrapping_add(self.flags.sequence_len())
    }

    /// Writes the header, with a zero checksum field; returns its length. [`Error::Room`] also
    /// if the options are more than 40 bytes.
    #[inline]
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, Error> {
        let (fixed, rest) = room.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Room)?;
        let options_len = self.options.emit(rest)?;
        let header_len = HEADER_LEN.saturating_add(options_len);
        let offset = u16::try_from(header_len >> 2).map_err(|_| Error::Room)? << 12;
        let [s0, s1] = self.source_port.to_be_bytes();
        let [d0, d1] = self.destination_port.to_be_bytes();
        let [q0, q1, q2, q3] = self.sequence.0.to_be_bytes();
        let [a0, a1, a2, a3] = self.acknowledgment.0.to_be_bytes();
        let [o, f] = (offset | self.flags.bits()).to_be_bytes();
        let [w0, w1] = self.window.to_be_bytes();
        let [u0, u1] = self.urgent.to_be_bytes();
        *fixed = [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, o, f, w0, w1, 0, 0, u0, u1];
        Ok(header_len)
    }
}

/// Writes the checksum field of an emitted header. `None` if there is no whole header.
pub fn set_checksum(header: &mut [u8], field: u16) -> Option<()> {
    bytes::put16(header, CHECKSUM_OFFSET, field)
}

/// Whether a segment (header and data in one piece) is intact.
pub fn verify(source: IpAddr, destination: IpAddr, segment: &[u8]) -> bool {
    let mut sum = Sum::new();
    sum.add_bytes(segment);
    verify_sum(source, destination, segment.len(), sum)
}

/// Whether a segment of `length` bytes (header and data) is intact, given its sum.
pub fn verify_sum(source: IpAddr, destination: IpAddr, length: usize, segment: Sum) -> bool {
    let Ok(length) = u32::try_from(length) else { return false };
    let mut sum = pseudo_header(source, destination, Protocol::TCP.0, length);
    sum.add_sum(segment);
    sum.is_valid()
}

#[cfg(test)]
mod tests;
