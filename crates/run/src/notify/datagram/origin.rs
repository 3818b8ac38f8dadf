//! Where a datagram came from, and how it passes through a pair: as a file that is sent along with
//! it, which a `read` of the program's does not see, and which is in step with the datagrams
//! whoever reads them.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{Errno, pread, write};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// What the stack said of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Origin {
    pub(super) from: SocketAddrV4,
    pub(super) to: Ipv4Addr,
    pub(super) interface: u32,
    pub(super) ttl: u8,
    pub(super) tos: u8,
}

const LENGTH: usize = 16;

impl Origin {
    /// Of what the stack received.
    pub(super) fn new(received: &danja::net::Received) -> Option<Self> {
        let SocketAddr::V4(from) = received.from? else { return None };
        let to = match received.to.map(|to| to.ip()) {
            Some(std::net::IpAddr::V4(to)) => to,
            _ => Ipv4Addr::UNSPECIFIED,
        };
        // As Linux counts interfaces.
        let interface = received.interface.map_or(0, |interface| u32::from(interface.0) + 1);
        Some(Self { from, to, interface, ttl: received.ttl, tos: received.tos })
    }

    fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&self.from.ip().octets());
        bytes[4..6].copy_from_slice(&self.from.port().to_be_bytes());
        bytes[6..10].copy_from_slice(&self.to.octets());
        bytes[10..14].copy_from_slice(&self.interface.to_be_bytes());
        bytes[14] = self.ttl;
        bytes[15] = self.tos;
        bytes
    }

    fn parse(bytes: [u8; LENGTH]) -> Self {
        let address =
            |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        Self {
            from: SocketAddrV4::new(address(0), u16::from_be_bytes([bytes[4], bytes[5]])),
            to: address(6),
            interface: u32::from_be_bytes([bytes[10], bytes[11], bytes[12], bytes[13]]),
            ttl: bytes[14],
            tos: bytes[15],
        }
    }

    /// What a file of [`Origins`] says.
    pub(super) fn read(file: impl AsFd) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        (pread(file, &mut bytes, 0) == Ok(LENGTH)).then(|| Self::parse(bytes))
    }
}

/// How many files are kept: as many peers may take turns without a new one each.
const MOST: usize = 256;

/// Files by what they say.
#[derive(Default)]
pub(super) struct Origins(HashMap<Origin, OwnedFd>);

impl Origins {
    /// The file that says this.
    pub(super) fn file(&mut self, origin: &Origin) -> Result<&OwnedFd, Errno> {
        if self.0.len() >= MOST && !self.0.contains_key(origin) {
            self.0.clear();
        }
        match self.0.entry(*origin) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let file = memfd_create("danja-origin", MemfdFlags::CLOEXEC)?;
                write(&file, &origin.bytes())?;
                Ok(entry.insert(file))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_where_a_datagram_came_from() {
        let mut origins = Origins::default();
        for last in 0..600u16 {
            let origin = Origin {
                from: SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 3), 5000 + last),
                to: Ipv4Addr::new(127, 0, 0, 2),
                interface: 3,
                ttl: 9,
                tos: 0x20,
            };
            assert_eq!(Origin::read(origins.file(&origin).unwrap()), Some(origin));
            assert!(origins.0.len() <= MOST);
        }
    }
}
