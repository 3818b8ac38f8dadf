//! ICMP for IPv4 (RFC 792; codes of RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1; next-hop MTU of
//! RFC 1191 §4). Decides nothing: who may send which error about what is the stack's.

use crate::bytes;
use crate::checksum::Sum;
use crate::error::Error;
use crate::ip::Protocol;
use crate::ipv4;
use crate::tcp::SeqNumber;
use core::fmt;
use core::net::Ipv4Addr;

/// Length of every message's header in bytes; data or a quoted packet follows.
pub const HEADER_LEN: usize = 8;

/// Bytes of a quoted packet after its IP header that an error carries at least.
// RFC 792: "Internet Header + 64 bits of Original Data Datagram"
pub const MIN_QUOTED_TRANSPORT: usize = 8;

/// Why a destination is unreachable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Unreachable {
    /// 0: the network.
    Network,
    /// 1: the host.
    Host,
    /// 2: nobody speaks the protocol.
    Protocol,
    /// 3: nobody listens on the port.
    Port,
    /// 4: too large, and not to be fragmented.
    FragmentationNeeded,
    /// 5: the source route failed.
    SourceRouteFailed,
    /// 6: the network is not known.
    NetworkUnknown,
    /// 7: the host is not known.
    HostUnknown,
    /// 8: the source is isolated.
    SourceIsolated,
    /// 9: the network is administratively prohibited.
    NetworkProhibited,
    /// 10: the host is administratively prohibited.
    HostProhibited,
    /// 11: the network, for this type of service.
    NetworkTos,
    /// 12: the host, for this type of service.
    HostTos,
    /// 13: a filter.
    AdministrativelyProhibited,
    /// Any other code.
    Other(u8),
}

impl Unreachable {
    /// From the code octet.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Network,
            1 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            4 => Self::FragmentationNeeded,
            5 => Self::SourceRouteFailed,
            6 => Self::NetworkUnknown,
            7 => Self::HostUnknown,
            8 => Self::SourceIsolated,
            9 => Self::NetworkProhibited,
            10 => Self::HostProhibited,
            11 => Self::NetworkTos,
            12 => Self::HostTos,
            13 => Self::AdministrativelyProhibited,
            other => Self::Other(other),
        }
    }

    /// The code octet.
    pub const fn code(self) -> u8 {
        match self {
            Self::Network => 0,
            Self::Host => 1,
            Self::Protocol => 2,
            Self::Port => 3,
            Self::FragmentationNeeded => 4,
            Self::SourceRouteFailed => 5,
            Self::NetworkUnknown => 6,
            Self::HostUnknown => 7,
            Self::SourceIsolated => 8,
            Self::NetworkProhibited => 9,
            Self::HostProhibited => 10,
            Self::NetworkTos => 11,
            Self::HostTos => 12,
            Self::AdministrativelyProhibited => 13,
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Host => "host",
            Self::Protocol => "protocol",
            Self::Port => "port",
            Self::FragmentationNeeded => "fragmentation needed,",
            Self::SourceRouteFailed => "source route failed,",
            Self::NetworkUnknown => "unknown network",
            Self::HostUnknown => "unknown host",
            Self::SourceIsolated => "isolated source,",
            Self::NetworkProhibited => "prohibited network",
            Self::HostProhibited => "prohibited host",
            Self::NetworkTos => "network for this service",
            Self::HostTos => "host for this service",
            Self::AdministrativelyProhibited => "administratively prohibited,",
            Self::Other(code) => return write!(f, "code {code},"),
        })
    }
}

/// Which time was exceeded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Exceeded {
    /// 0: the TTL, in transit.
    Ttl,
    /// 1: the wait for fragments.
    Reassembly,
    /// Any other code.
    Other(u8),
}

impl Exceeded {
    /// From the code octet.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Ttl,
            1 => Self::Reassembly,
            other => Self::Other(other),
        }
    }

    /// The code octet.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ttl => 0,
            Self::Reassembly => 1,
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ttl => f.write_str("ttl in transit"),
            Self::Reassembly => f.write_str("reassembly"),
            Self::Other(code) => write!(f, "code {code}"),
        }
    }
}

/// The header of a message. Data (echo) or a quoted packet (errors) follows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Message {
    /// Type 0.
    EchoReply {
        /// Which program asked.
        ident: u16,
        /// Which of its requests.
        sequence: u16,
    },
    /// Type 3.
    DestinationUnreachable {
        /// Why.
        code: Unreachable,
        /// With [`Unreachable::FragmentationNeeded`]: the MTU in bytes, 0 from old routers.
        next_hop_mtu: u16,
    },
    /// Type 4; obsolete (RFC 6633).
    SourceQuench,
    /// Type 5.
    Redirect {
        /// 0 network, 1 host, 2 and 3 the same for a type of service.
        code: u8,
        /// The better router.
        gateway: Ipv4Addr,
    },
    /// Type 8.
    EchoRequest {
        /// Which program asks.
        ident: u16,
        /// Which of its requests.
        sequence: u16,
    },
    /// Type 11.
    TimeExceeded {
        /// Which time.
        code: Exceeded,
    },
    /// Type 12.
    ParameterProblem {
        /// 0: the pointer says where; 1: an option is missing; 2: bad length.
        code: u8,
        /// Octet of the quoted IP header.
        pointer: u8,
    },
    /// Any other type.
    Unknown {
        /// The type octet.
        kind: u8,
        /// The code octet.
        code: u8,
        /// The four octets after the checksum.
        rest: [u8; 4],
    },
}

impl Message {
    /// Reads the header of a message whose bytes are all at hand, and verifies the checksum.
    pub fn parse(message: &[u8]) -> Result<Self, Error> {
        let mut sum = Sum::new();
        sum.add_bytes(message);
        Self::parse_with_sum(message, sum)
    }

    /// As [`Self::parse`], when the message lies in several pieces: `front` has at least the
    /// header, `sum` is that of the whole message.
    pub fn parse_with_sum(front: &[u8], sum: Sum) -> Result<Self, Error> {
        let message = Self::parse_unverified(front)?;
        if sum.is_valid() { Ok(message) } else { Err(Error::Checksum) }
    }

    /// Reads the header and does not ask the checksum: for quotations, and for descriptions.
    pub fn parse_unverified(front: &[u8]) -> Result<Self, Error> {
        let [kind, code, _, _, a, b, c, d] =
            *front.first_chunk::<HEADER_LEN>().ok_or(Error::Truncated)?;
        let ident = u16::from_be_bytes([a, b]);
        let sequence = u16::from_be_bytes([c, d]);
        Ok(match (kind, code) {
            (0, 0) => Self::EchoReply { ident, sequence },
            (3, _) => Self::DestinationUnreachable {
                code: Unreachable::from_code(code),
                next_hop_mtu: sequence,
            },
            (4, 0) => Self::SourceQuench,
            (5, _) => Self::Redirect { code, gateway: Ipv4Addr::new(a, b, c, d) },
            (8, 0) => Self::EchoRequest { ident, sequence },
            (11, _) => Self::TimeExceeded { code: Exceeded::from_code(code) },
            (12, _) => Self::ParameterProblem { code, pointer: a },
            _ => Self::Unknown { kind, code, rest: [a, b, c, d] },
        })
    }

    /// Writes the header to the front of `room`; `body` is the sum of what follows it. Returns
    /// the header's length.
    pub fn emit(&self, room: &mut [u8], body: Sum) -> Result<usize, Error> {
        let room = room.first_chunk_mut::<HEADER_LEN>().ok_or(Error::Room)?;
        let pair = |ident: u16, sequence: u16| {
            let ([a, b], [c, d]) = (ident.to_be_bytes(), sequence.to_be_bytes());
            [a, b, c, d]
        };
        let (kind, code, rest) = match *self {
            Self::EchoReply { ident, sequence } => (0, 0, pair(ident, sequence)),
            Self::DestinationUnreachable { code, next_hop_mtu } => {
                (3, code.code(), pair(0, next_hop_mtu))
            }
            Self::SourceQuench => (4, 0, [0; 4]),
            Self::Redirect { code, gateway } => (5, code, gateway.octets()),
            Self::EchoRequest { ident, sequence } => (8, 0, pair(ident, sequence)),
            Self::TimeExceeded { code } => (11, code.code(), [0; 4]),
            Self::ParameterProblem { code, pointer } => (12, code, [pointer, 0, 0, 0]),
            Self::Unknown { kind, code, rest } => (kind, code, rest),
        };
        let [a, b, c, d] = rest;
        *room = [kind, code, 0, 0, a, b, c, d];
        let mut sum = Sum::new();
        sum.add_bytes(room);
        sum.add_sum(body);
        bytes::put16(room, 2, sum.finish()).ok_or(Error::Room)?;
        Ok(HEADER_LEN)
    }

    /// Whether this is an error about a quoted packet. No error is ever sent about one
    /// (RFC 1122 §3.2.2).
    pub const fn is_error(&self) -> bool {
        match self {
            Self::DestinationUnreachable { .. }
            | Self::SourceQuench
            | Self::Redirect { .. }
            | Self::TimeExceeded { .. }
            | Self::ParameterProblem { .. } => true,
            Self::EchoReply { .. } | Self::EchoRequest { .. } | Self::Unknown { .. } => false,
        }
    }
}

/// The packet that an error quotes, as far as it is quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote<'a> {
    /// Its header; the total length may be more than what is quoted.
    pub header: ipv4::Header,
    /// What follows the header, at least 8 bytes.
    pub transport: &'a [u8],
}

impl<'a> Quote<'a> {
    /// Reads what follows the header of an error.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let header = ipv4::Header::parse_quoted(body)?;
        let end = usize::from(header.total_len).min(body.len());
        let transport = body.get(header.header_len()..end).ok_or(Error::Truncated)?;
        if transport.len() < MIN_QUOTED_TRANSPORT {
            return Err(Error::Truncated);
        }
        Ok(Self { header, transport })
    }

    /// Source and destination port of a quoted TCP segment or UDP datagram. `None` for other
    /// protocols and for fragments without ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let has_ports =
            self.header.protocol == Protocol::TCP || self.header.protocol == Protocol::UDP;
        if !has_ports || self.header.fragment_offset != 0 {
            return None;
        }
        Some((bytes::be16(self.transport, 0)?, bytes::be16(self.transport, 2)?))
    }

    /// The sequence number of a quoted TCP segment.
    pub fn tcp_sequence(&self) -> Option<SeqNumber> {
        if self.header.protocol != Protocol::TCP || self.header.fragment_offset != 0 {
            return None;
        }
        bytes::be32(self.transport, 4).map(SeqNumber)
    }
}

#[cfg(test)]
mod tests;
