//! IGMP, version 2 (RFC 2236), and the queries of version 3 (RFC 3376 §4.1). Keeps no
//! membership.

use crate::bytes;
use crate::checksum::Sum;
use crate::error::Error;
use core::net::Ipv4Addr;

/// Length of a version 1 or 2 message in bytes.
pub const LEN: usize = 8;

/// Length of a version 3 query without its sources, in bytes.
const QUERY_V3_LEN: usize = 12;

/// A message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Message<'a> {
    /// 0x11: who is a member?
    Query {
        /// Answer within this time, as it is coded: tenths of a second below 128. 0 in version 1.
        max_response: u8,
        /// Of which group; unspecified for "of any".
        group: Ipv4Addr,
        /// What version 3 adds.
        v3: Option<QueryV3<'a>>,
    },
    /// 0x12: version 1, a member.
    ReportV1 {
        /// Of which group.
        group: Ipv4Addr,
    },
    /// 0x16: version 2, a member.
    ReportV2 {
        /// Of which group.
        group: Ipv4Addr,
    },
    /// 0x17: no longer a member.
    Leave {
        /// Of which group.
        group: Ipv4Addr,
    },
}

/// What a version 3 query adds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct QueryV3<'a> {
    /// Routers need not update their timers.
    pub suppress: bool,
    /// The querier's robustness variable.
    pub robustness: u8,
    /// The querier's query interval, as it is coded.
    pub interval: u8,
    sources: &'a [u8],
}

impl<'a> QueryV3<'a> {
    /// The sources asked about: exactly as many as the message has bytes for.
    pub fn sources(&self) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        self.sources.as_chunks::<4>().0.iter().map(|octets| Ipv4Addr::from(*octets))
    }
}

impl<'a> Message<'a> {
    /// Reads a message; `message` is the whole IP payload. The checksum comes first.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let [kind, max_response, _, _, a, b, c, d] =
            *message.first_chunk::<LEN>().ok_or(Error::Truncated)?;
        let mut sum = Sum::new();
        sum.add_bytes(message);
        if !sum.is_valid() {
            return Err(Error::Checksum);
        }
        let group = Ipv4Addr::new(a, b, c, d);
        match kind {
            0x11 => Ok(Message::Query { max_response, group, v3: Self::parse_v3(message)? }),
            0x12 => Ok(Message::ReportV1 { group }),
            0x16 => Ok(Message::ReportV2 { group }),
            0x17 => Ok(Message::Leave { group }),
            _ => Err(Error::Malformed),
        }
    }

    // RFC 3376 §7.1: 8 octets are version 1 or 2, 12 and more are version 3, what lies between
    // is silently ignored.
    fn parse_v3(message: &'a [u8]) -> Result<Option<QueryV3<'a>>, Error> {
        if message.len() == LEN {
            return Ok(None);
        }
        let [flags, interval, n0, n1] = bytes::array(message, LEN).ok_or(Error::Length)?;
        let count = usize::from(u16::from_be_bytes([n0, n1]));
        let length = count.checked_mul(4).ok_or(Error::Length)?;
        let sources = bytes::range(message, QUERY_V3_LEN, length).ok_or(Error::Truncated)?;
        Ok(Some(QueryV3 { suppress: flags & 8 != 0, robustness: flags & 7, interval, sources }))
    }

    /// Writes the message to the front of `room`; returns its length.
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, Error> {
        let (kind, max_response, group, v3) = match *self {
            Message::Query { max_response, group, v3 } => (0x11, max_response, group, v3),
            Message::ReportV1 { group } => (0x12, 0, group, None),
            Message::ReportV2 { group } => (0x16, 0, group, None),
            Message::Leave { group } => (0x17, 0, group, None),
        };
        let mut writer = bytes::Writer::new(&mut *room);
        writer.put(&[kind, max_response, 0, 0]);
        writer.put(&group.octets());
        if let Some(v3) = v3 {
            let count = u16::try_from(v3.sources.len() / 4).map_err(|_| Error::Room)?;
            writer.put(&[if v3.suppress { 8 } else { 0 } | (v3.robustness & 7), v3.interval]);
            writer.put(&count.to_be_bytes());
            writer.put(v3.sources);
        }
        let length = writer.finish().ok_or(Error::Room)?;
        let mut sum = Sum::new();
        sum.add_bytes(room.get(..length).ok_or(Error::Room)?);
        bytes::put16(room, 2, sum.finish()).ok_or(Error::Room)?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
