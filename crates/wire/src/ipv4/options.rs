//! IPv4 options (RFC 791 §3.1, RFC 1122 §3.2.1.8): kept as bytes, looked at by an iterator that
//! stops at the first bad octet. Routes by none of them.

use core::net::Ipv4Addr;

/// Bytes that options can have at most.
pub const MAX_LEN: usize = 40;

/// The options of one header, at most 40 bytes, always a multiple of 4.
#[derive(Clone, Copy)]
pub struct Options {
    bytes: [u8; MAX_LEN],
    len: u8,
}

/// Where options are not what they should be: the index of the octet from the front of the IP
/// header, as a Parameter Problem message names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadOption {
    /// Octets from the front of the IP header.
    pub pointer: u8,
}

/// One option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IpOption<'a> {
    /// End of the list (0).
    End,
    /// No operation (1).
    Nop,
    /// Record route (7).
    RecordRoute {
        /// Octet of the option, counted from 1, where the next address is to be written.
        pointer: u8,
        /// Room for addresses: a multiple of 4 bytes.
        addresses: &'a [u8],
    },
    /// Internet timestamp (68).
    Timestamp {
        /// Octet of the option, counted from 1, where the next timestamp is to be written.
        pointer: u8,
        /// Hosts that found no room (upper four bits) and what is recorded (lower four).
        overflow_flags: u8,
        /// Room for timestamps.
        data: &'a [u8],
    },
    /// Loose source route (131).
    LooseSourceRoute {
        /// Octet of the option, counted from 1, where the next hop is.
        pointer: u8,
        /// The hops: a multiple of 4 bytes.
        addresses: &'a [u8],
    },
    /// Strict source route (137).
    StrictSourceRoute {
        /// Octet of the option, counted from 1, where the next hop is.
        pointer: u8,
        /// The hops: a multiple of 4 bytes.
        addresses: &'a [u8],
    },
    /// Any other option.
    Unknown {
        /// Its type octet.
        kind: u8,
        /// What follows the length octet.
        data: &'a [u8],
    },
}

const KIND_END: u8 = 0;
const KIND_NOP: u8 = 1;
const KIND_RECORD_ROUTE: u8 = 7;
const KIND_TIMESTAMP: u8 = 68;
const KIND_LOOSE_SOURCE_ROUTE: u8 = 131;
const KIND_STRICT_SOURCE_ROUTE: u8 = 137;

impl Options {
    /// No options.
    pub const NONE: Self = Self { bytes: [0; MAX_LEN], len: 0 };

    /// Takes options as bytes, padded with End (0) to a multiple of 4. `None` if there are more
    /// than 40.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut options = Self::NONE;
        options.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        options.len = u8::try_from(bytes.len().checked_next_multiple_of(4)?).ok()?;
        Some(options)
    }

    pub(super) fn from_wire(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }

    /// The bytes.
    #[inline]
    pub const fn as_bytes(&self) -> &[u8] {
        // `len` never exceeds the array; the split cannot fail.
        match self.bytes.split_at_checked(self.len as usize) {
            Some((bytes, _)) => bytes,
            None => &[],
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The options, up to and including End; after an error nothing more comes.
    pub const fn iter(&self) -> Iter<'_> {
        Iter { rest: self.as_bytes(), pointer: super::HEADER_LEN as u8 }
    }

    /// The first octet that is wrong, if one is.
    pub fn check(&self) -> Result<(), BadOption> {
        let mut source_routed = false;
        let mut iter = self.iter();
        loop {
            let pointer = iter.pointer;
            match iter.next() {
                None => return Ok(()),
                Some(Err(bad)) => return Err(bad),
                Some(Ok(
                    IpOption::LooseSourceRoute { .. } | IpOption::StrictSourceRoute { .. },
                )) => {
                    // RFC 1812 §5.2.4.1: more than one source route is an error; the pointer is
                    // to the beginning of the second.
                    if core::mem::replace(&mut source_routed, true) {
                        return Err(BadOption { pointer });
                    }
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Whether there is a source route, loose or strict, complete or not.
    pub fn has_source_route(&self) -> bool {
        self.iter().any(|option| {
            matches!(
                option,
                Ok(IpOption::LooseSourceRoute { .. } | IpOption::StrictSourceRoute { .. })
            )
        })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::NONE
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Options {}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Iterates over options.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
    pointer: u8,
}

impl<'a> Iter<'a> {
    fn step(&mut self, kind: u8) -> Result<IpOption<'a>, BadOption> {
        let start = self.pointer;
        let at = |offset: u8| BadOption { pointer: start.saturating_add(offset) };
        let length = self.rest.get(1).copied().ok_or_else(|| at(0))?;
        let option = self.rest.get(..usize::from(length)).ok_or_else(|| at(1))?;
        let data = option.get(2..).ok_or_else(|| at(1))?;
        self.rest = self.rest.get(usize::from(length)..).unwrap_or(&[]);
        self.pointer = start.saturating_add(length);
        let route = || -> Result<(u8, &'a [u8]), BadOption> {
            let (pointer, addresses) = data.split_first().ok_or_else(|| at(1))?;
            // Pointer 4 is the first address; past the end means "full".
            if addresses.len() % 4 != 0 {
                return Err(at(1));
            }
            if *pointer < 4 || *pointer % 4 != 0 { Err(at(2)) } else { Ok((*pointer, addresses)) }
        };
        Ok(match kind {
            KIND_RECORD_ROUTE => {
                let (pointer, addresses) = route()?;
                IpOption::RecordRoute { pointer, addresses }
            }
            KIND_LOOSE_SOURCE_ROUTE => {
                let (pointer, addresses) = route()?;
                IpOption::LooseSourceRoute { pointer, addresses }
            }
            KIND_STRICT_SOURCE_ROUTE => {
                let (pointer, addresses) = route()?;
                IpOption::StrictSourceRoute { pointer, addresses }
            }
            KIND_TIMESTAMP => {
                let [pointer, overflow_flags, data @ ..] = data else { return Err(at(1)) };
                if *pointer < 5 {
                    return Err(at(2));
                }
                IpOption::Timestamp { pointer: *pointer, overflow_flags: *overflow_flags, data }
            }
            _ => IpOption::Unknown { kind, data },
        })
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<IpOption<'a>, BadOption>;

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.rest.split_first()?;
        match *kind {
            KIND_END => {
                self.rest = &[];
                Some(Ok(IpOption::End))
            }
            KIND_NOP => {
                self.rest = rest;
                self.pointer = self.pointer.saturating_add(1);
                Some(Ok(IpOption::Nop))
            }
            kind => {
                let option = self.step(kind);
                if option.is_err() {
                    self.rest = &[];
                }
                Some(option)
            }
        }
    }
}

/// The addresses in the data of a route option.
pub fn addresses(data: &[u8]) -> impl Iterator<Item = Ipv4Addr> {
    data.as_chunks::<4>().0.iter().map(|octets| Ipv4Addr::from(*octets))
}

#[cfg(test)]
mod tests;
