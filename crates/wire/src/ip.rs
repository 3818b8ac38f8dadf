//! What both versions of IP share: protocol numbers, versions, address prefixes.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A protocol number: what an IP packet carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP (RFC 792).
    pub const ICMP: Self = Self(1);
    /// IGMP (RFC 2236).
    pub const IGMP: Self = Self(2);
    /// TCP (RFC 9293).
    pub const TCP: Self = Self(6);
    /// UDP (RFC 768).
    pub const UDP: Self = Self(17);
    /// ICMPv6 (RFC 4443).
    pub const ICMPV6: Self = Self(58);
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("icmp"),
            Self::IGMP => f.write_str("igmp"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMPV6 => f.write_str("icmp6"),
            Self(other) => write!(f, "protocol {other}"),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The version of IP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Version {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

impl Version {
    /// The version of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The version that a packet's first four bits name.
    pub fn of_packet(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => Some(Self::V4),
            6 => Some(Self::V6),
            _ => None,
        }
    }

    /// Bits in an address.
    pub const fn address_bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The unspecified address.
    pub const fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// An address with the length of its network's prefix, such as `10.0.2.15/24`.
///
/// The bits after the prefix are kept: it says an interface's address and its network in one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "(IpAddr, u8)", into = "(IpAddr, u8)"))]
pub struct Cidr {
    address: IpAddr,
    prefix_len: u8,
}

impl Cidr {
    /// `None` if the prefix is longer than the address.
    pub const fn new(address: IpAddr, prefix_len: u8) -> Option<Self> {
        if prefix_len > Version::of(address).address_bits() {
            None
        } else {
            Some(Self { address, prefix_len })
        }
    }

    /// The address alone: a prefix of its whole length.
    pub const fn host(address: IpAddr) -> Self {
        Self { address, prefix_len: Version::of(address).address_bits() }
    }

    /// Every address of one version: the prefix of a default route.
    pub const fn any(version: Version) -> Self {
        Self { address: version.unspecified(), prefix_len: 0 }
    }

    /// The address, with the bits after the prefix.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The number of leading bits that are the network's.
    pub const fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// The version of the address.
    pub const fn version(self) -> Version {
        Version::of(self.address)
    }

    /// Whether `address` is in the network.
    pub const fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                (ours.to_bits() ^ other.to_bits()) & self.mask_v4() == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                (ours.to_bits() ^ other.to_bits()) & self.mask_v6() == 0
            }
            _ => false,
        }
    }

    /// The network alone: the bits after the prefix cleared.
    pub const fn network(self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & self.mask_v4()))
            }
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & self.mask_v6()))
            }
        };
        Self { address, prefix_len: self.prefix_len }
    }

    /// The directed broadcast address of an IPv4 network; none where the prefix leaves fewer
    /// than two host bits (RFC 3021).
    pub const fn broadcast(self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if self.prefix_len < 31 => {
                Some(Ipv4Addr::from_bits(address.to_bits() | !self.mask_v4()))
            }
            _ => None,
        }
    }

    const fn mask_v4(self) -> u32 {
        // A shift by the full width is `None`, and then no bit is the host's.
        match u32::MAX.checked_shr(self.prefix_len as u32) {
            Some(host) => !host,
            None => u32::MAX,
        }
    }

    const fn mask_v6(self) -> u128 {
        match u128::MAX.checked_shr(self.prefix_len as u32) {
            Some(host) => !host,
            None => u128::MAX,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not an address with a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseCidrError {
    /// There is no `/`.
    NoPrefix,
    /// What stands before the `/` is no address.
    Address,
    /// What stands after the `/` is no number, or more than the address has bits.
    Prefix,
}

impl fmt::Display for ParseCidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPrefix => "no prefix length: write it as in 10.0.2.15/24",
            Self::Address => "not an IP address before the '/'",
            Self::Prefix => "not a prefix length after the '/': 0 to 32 (IPv6: 128)",
        })
    }
}

impl core::error::Error for ParseCidrError {}

impl core::str::FromStr for Cidr {
    type Err = ParseCidrError;

    fn from_str(text: &str) -> Result<Self, ParseCidrError> {
        let (address, prefix) = text.split_once('/').ok_or(ParseCidrError::NoPrefix)?;
        let address: IpAddr = address.parse().map_err(|_| ParseCidrError::Address)?;
        if prefix.starts_with('+') {
            return Err(ParseCidrError::Prefix);
        }
        let prefix_len = prefix.parse().map_err(|_| ParseCidrError::Prefix)?;
        Self::new(address, prefix_len).ok_or(ParseCidrError::Prefix)
    }
}

#[cfg(test)]
mod tests;

impl TryFrom<(IpAddr, u8)> for Cidr {
    type Error = ParseCidrError;

    fn try_from((address, prefix_len): (IpAddr, u8)) -> Result<Self, ParseCidrError> {
        Self::new(address, prefix_len).ok_or(ParseCidrError::Prefix)
    }
}

impl From<Cidr> for (IpAddr, u8) {
    fn from(cidr: Cidr) -> Self {
        (cidr.address, cidr.prefix_len)
    }
}
