//! Ethernet II (RFC 894): destination, source, type; hardware addresses; VLAN tags.

mod tag;

pub use tag::{TAG_LEN, Tag, header_len};

use crate::bytes;
use crate::error::Error;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 14;

/// A 48-bit hardware address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// All stations.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No address: the unknown target of an ARP request.
    pub const ZERO: Self = Self([0; 6]);

    /// Whether all stations are meant.
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// Whether a group is meant (the broadcast address is one).
    pub const fn is_multicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 1
    }

    /// Whether one station is meant: neither a group nor all zero.
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }

    /// The group address for an IPv4 multicast address.
    // RFC 1112 §6.4: the low-order 23 bits of the IP address into 01-00-5E-00-00-00.
    pub const fn from_ipv4_multicast(group: Ipv4Addr) -> Self {
        let [_, b, c, d] = group.octets();
        Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    /// The group address for an IPv6 multicast address.
    // RFC 2464 §7: the last four octets of the address after 33-33.
    pub const fn from_ipv6_multicast(group: Ipv6Addr) -> Self {
        let [.., a, b, c, d] = group.octets();
        Self([0x33, 0x33, a, b, c, d])
    }

    /// The group address for a multicast address of either version.
    pub const fn from_multicast(group: IpAddr) -> Self {
        match group {
            IpAddr::V4(group) => Self::from_ipv4_multicast(group),
            IpAddr::V6(group) => Self::from_ipv6_multicast(group),
        }
    }
}

impl core::fmt::Display for MacAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl core::fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// The text is not six pairs of hexadecimal digits with `:` or `-` between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParseMacError;

impl core::fmt::Display for ParseMacError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a hardware address, such as 02:00:0a:00:02:0f")
    }
}

impl core::error::Error for ParseMacError {}

impl core::str::FromStr for MacAddress {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut parts = text.split(separator);
        let mut octets = [0u8; 6];
        for octet in &mut octets {
            let part = parts.next().ok_or(ParseMacError)?;
            // `from_str_radix` would take a sign.
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(ParseMacError);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| ParseMacError)?;
        }
        if parts.next().is_some() { Err(ParseMacError) } else { Ok(Self(octets)) }
    }
}

/// What an Ethernet frame carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// ARP (RFC 826).
    pub const ARP: Self = Self(0x0806);
    /// A VLAN tag (IEEE 802.1Q).
    pub const VLAN: Self = Self(0x8100);
    /// The outer one of two VLAN tags (IEEE 802.1ad).
    pub const QINQ: Self = Self(0x88a8);
    /// IPv6 (RFC 2464).
    pub const IPV6: Self = Self(0x86dd);
}

impl EtherType {
    /// Whether a tag follows, and behind it another type.
    pub const fn is_tag(self) -> bool {
        matches!(self, Self::VLAN | Self::QINQ)
    }
}

impl core::fmt::Display for EtherType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::IPV4 => f.write_str("IPv4"),
            Self::ARP => f.write_str("ARP"),
            Self::VLAN => f.write_str("VLAN"),
            Self::QINQ => f.write_str("QinQ"),
            Self::IPV6 => f.write_str("IPv6"),
            Self(other) => write!(f, "{other:#06x}"),
        }
    }
}

impl core::fmt::Debug for EtherType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// The header of an Ethernet II frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// To whom.
    pub destination: MacAddress,
    /// From whom.
    pub source: MacAddress,
    /// What follows.
    pub ether_type: EtherType,
}

impl Header {
    /// Reads the header; the payload starts at [`HEADER_LEN`].
    ///
    /// A length instead of a type (IEEE 802.3: below 0x0600) is handed out as it is: no
    /// protocol of ours has such a type.
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        let destination = bytes::array(frame, 0).ok_or(Error::Truncated)?;
        let source = bytes::array(frame, 6).ok_or(Error::Truncated)?;
        let ether_type = bytes::be16(frame, 12).ok_or(Error::Truncated)?;
        Ok(Self {
            destination: MacAddress(destination),
            source: MacAddress(source),
            ether_type: EtherType(ether_type),
        })
    }

    /// Writes the header to the front of `frame`; returns its length.
    #[inline]
    pub fn emit(&self, frame: &mut [u8]) -> Result<usize, Error> {
        let room = frame.first_chunk_mut::<HEADER_LEN>().ok_or(Error::Room)?;
        let [a, b, c, d, e, f] = self.destination.0;
        let [g, h, i, j, k, l] = self.source.0;
        let [m, n] = self.ether_type.0.to_be_bytes();
        *room = [a, b, c, d, e, f, g, h, i, j, k, l, m, n];
        Ok(HEADER_LEN)
    }
}

#[cfg(test)]
mod tests;
