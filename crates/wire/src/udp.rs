//! UDP (RFC 768): ports, length, checksum. Knows no socket.

use crate::checksum::{Sum, pseudo_header};
use crate::error::Error;
use crate::ip::Protocol;
use core::net::IpAddr;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 8;

/// Where the checksum field is in the header.
pub const CHECKSUM_OFFSET: usize = 6;

/// The header of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// The sender's port; 0 if none is to be answered.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// Header and data, in bytes.
    pub length: u16,
    /// The checksum field as it is: 0 means "none" (IPv4 only).
    pub checksum: u16,
}

impl Header {
    /// Reads the header of a datagram; `datagram` is the whole IP payload. Data is
    /// `8..length`; bytes after it belong to nobody.
    ///
    /// [`Error::Length`] if the length field is less than 8 or more than there is.
    #[inline]
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let header = Self::parse_front(datagram)?;
        if usize::from(header.length) > datagram.len() { Err(Error::Length) } else { Ok(header) }
    }

    /// As [`Self::parse`], when only the front of the datagram is at hand (further slices, or an
    /// ICMP quotation): whether there are `length` bytes is not asked.
    #[inline]
    pub fn parse_front(datagram: &[u8]) -> Result<Self, Error> {
        let [a, b, c, d, e, f, g, h] =
            *datagram.first_chunk::<HEADER_LEN>().ok_or(Error::Truncated)?;
        let length = u16::from_be_bytes([e, f]);
        if usize::from(length) < HEADER_LEN {
            return Err(Error::Length);
        }
        Ok(Self {
            source_port: u16::from_be_bytes([a, b]),
            destination_port: u16::from_be_bytes([c, d]),
            length,
            checksum: u16::from_be_bytes([g, h]),
        })
    }

    /// Writes the header, with the checksum field as it is in the value; returns its length.
    #[inline]
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, Error> {
        let room = room.first_chunk_mut::<HEADER_LEN>().ok_or(Error::Room)?;
        let [a, b] = self.source_port.to_be_bytes();
        let [c, d] = self.destination_port.to_be_bytes();
        let [e, f] = self.length.to_be_bytes();
        let [g, h] = self.checksum.to_be_bytes();
        *room = [a, b, c, d, e, f, g, h];
        Ok(HEADER_LEN)
    }

    /// The header for `data_len` bytes of data, its checksum still zero. `None` if the datagram
    /// would be longer than the length field can say.
    pub fn new(source_port: u16, destination_port: u16, data_len: usize) -> Option<Self> {
        let length = u16::try_from(data_len.checked_add(HEADER_LEN)?).ok()?;
        Some(Self { source_port, destination_port, length, checksum: 0 })
    }

    /// The checksum field for this header (whatever its own field holds now), given the sum of
    /// the data.
    pub fn checksum_for(&self, source: IpAddr, destination: IpAddr, data: Sum) -> u16 {
        let mut sum = pseudo_header(source, destination, Protocol::UDP.0, u32::from(self.length));
        sum.add_u16(self.source_port);
        sum.add_u16(self.destination_port);
        sum.add_u16(self.length);
        sum.add_sum(data);
        field(sum)
    }

    /// Whether a received datagram is intact, given the sum of its data (`length` − 8 bytes).
    /// A zero field is accepted over IPv4 (RFC 768) and refused over IPv6 (RFC 8200 §8.1).
    pub fn verify(&self, source: IpAddr, destination: IpAddr, data: Sum) -> bool {
        if self.checksum == 0 {
            return source.is_ipv4();
        }
        let mut sum = pseudo_header(source, destination, Protocol::UDP.0, u32::from(self.length));
        sum.add_u16(self.source_port);
        sum.add_u16(self.destination_port);
        sum.add_u16(self.length);
        sum.add_u16(self.checksum);
        sum.add_sum(data);
        sum.is_valid()
    }
}

/// The checksum field for a finished sum.
// RFC 768: "If the computed checksum is zero, it is transmitted as all ones"
pub const fn field(sum: Sum) -> u16 {
    match sum.finish() {
        0 => 0xffff,
        field => field,
    }
}

/// Whether a whole datagram (header and data in one piece, already parsed) is intact.
pub fn verify(source: IpAddr, destination: IpAddr, datagram: &[u8]) -> bool {
    let Ok(header) = Header::parse(datagram) else { return false };
    let mut data = Sum::new();
    data.add_bytes(datagram.get(HEADER_LEN..usize::from(header.length)).unwrap_or(&[]));
    header.verify(source, destination, data)
}

#[cfg(test)]
mod tests;
