//! ARP for Ethernet and IPv4 (RFC 826). Any other hardware or protocol is an error.

use crate::bytes;
use crate::error::Error;
use crate::ethernet::MacAddress;
use core::net::Ipv4Addr;

/// Length of a packet in bytes. An Ethernet frame may carry padding after it.
pub const LEN: usize = 28;

/// What a packet does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// Who has the target address? (1)
    Request,
    /// The sender has the sender address. (2)
    Reply,
    /// RARP and its kin.
    Other(u16),
}

impl Operation {
    const fn from_bits(bits: u16) -> Self {
        match bits {
            1 => Self::Request,
            2 => Self::Reply,
            other => Self::Other(other),
        }
    }

    const fn bits(self) -> u16 {
        match self {
            Self::Request => 1,
            Self::Reply => 2,
            Self::Other(other) => other,
        }
    }
}

/// An ARP packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Packet {
    /// What it does.
    pub operation: Operation,
    /// The sender's hardware address.
    pub sender_mac: MacAddress,
    /// The sender's address; unspecified in a probe (RFC 5227 §2.1.1).
    pub sender_ip: Ipv4Addr,
    /// The target's hardware address; zero in a request.
    pub target_mac: MacAddress,
    /// The target's address.
    pub target_ip: Ipv4Addr,
}

/// Hardware type Ethernet (1), protocol IPv4, addresses of 6 and 4 bytes.
const FIXED: [u8; 6] = [0, 1, 8, 0, 6, 4];

impl Packet {
    /// Reads a packet; bytes after it are padding.
    pub fn parse(packet: &[u8]) -> Result<Self, Error> {
        let packet: &[u8; LEN] = packet.first_chunk().ok_or(Error::Truncated)?;
        let field = |at| bytes::array::<4>(packet, at).ok_or(Error::Truncated);
        let mac = |at| bytes::array::<6>(packet, at).ok_or(Error::Truncated);
        // RFC 826: "Do I have the hardware type …, do I speak the protocol …?", and the
        // lengths are checked, not believed.
        if !packet.starts_with(&FIXED) {
            return Err(Error::Version);
        }
        Ok(Self {
            operation: Operation::from_bits(bytes::be16(packet, 6).ok_or(Error::Truncated)?),
            sender_mac: MacAddress(mac(8)?),
            sender_ip: Ipv4Addr::from(field(14)?),
            target_mac: MacAddress(mac(18)?),
            target_ip: Ipv4Addr::from(field(24)?),
        })
    }

    /// Writes the packet to the front of `room`; returns its length.
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, Error> {
        let mut writer = bytes::Writer::new(room);
        writer.put(&FIXED);
        writer.put(&self.operation.bits().to_be_bytes());
        writer.put(&self.sender_mac.0);
        writer.put(&self.sender_ip.octets());
        writer.put(&self.target_mac.0);
        writer.put(&self.target_ip.octets());
        writer.finish().ok_or(Error::Room)
    }
}

#[cfg(test)]
mod tests;
