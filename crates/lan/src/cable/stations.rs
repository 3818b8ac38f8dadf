//! The address table of a switch: which station is behind which port. Bounded.
//!
//! Each port's own address is fixed; others are learned from the source of what it sends. A full
//! table gives way only to the port that filled it, so that no port can push out the stations of
//! another by inventing addresses.

use crate::adapter::MacAddress;
use std::collections::HashMap;

struct Station {
    port: usize,
    fixed: bool,
    /// When it was last learned, in learnings; unique, so that eviction has one answer.
    learned: u64,
}

/// See the module.
pub(super) struct Stations {
    table: HashMap<MacAddress, Station>,
    learned: usize,
    limit: usize,
    clock: u64,
}

/// Whether the address is a group of stations (broadcast or multicast).
pub(super) const fn is_group(address: MacAddress) -> bool {
    address.0[0] & 1 == 1
}

impl Stations {
    /// An empty table that learns at most `limit` addresses.
    pub(super) fn new(limit: usize) -> Self {
        Self { table: HashMap::new(), learned: 0, limit, clock: 0 }
    }

    /// The port's own address, for as long as the port lives. A later port with the same address
    /// takes it over.
    pub(super) fn fix(&mut self, address: MacAddress, port: usize) {
        if let Some(old) = self.table.insert(address, Station { port, fixed: true, learned: 0 })
            && !old.fixed
        {
            self.learned -= 1;
        }
    }

    /// Notes that a frame from `address` came in at `port`.
    pub(super) fn learn(&mut self, address: MacAddress, port: usize) {
        if is_group(address) || address == MacAddress::default() {
            return;
        }
        self.clock += 1;
        if let Some(known) = self.table.get_mut(&address) {
            if !known.fixed {
                known.port = port;
                known.learned = self.clock;
            }
            return;
        }
        if self.learned >= self.limit && !self.forget_oldest(port) {
            return;
        }
        self.table.insert(address, Station { port, fixed: false, learned: self.clock });
        self.learned += 1;
    }

    /// Where `address` is.
    pub(super) fn port(&self, address: MacAddress) -> Option<usize> {
        self.table.get(&address).map(|station| station.port)
    }

    /// Forgets everything behind `port`.
    pub(super) fn forget(&mut self, port: usize) {
        self.table.retain(|_, station| station.port != port);
        self.learned = self.table.values().filter(|station| !station.fixed).count();
    }

    /// Makes space by dropping the port's oldest learned address, if it has one.
    fn forget_oldest(&mut self, port: usize) -> bool {
        let own = self.table.iter().filter(|(_, station)| station.port == port && !station.fixed);
        let Some(oldest) =
            own.min_by_key(|(_, station)| station.learned).map(|(address, _)| *address)
        else {
            return false;
        };
        self.table.remove(&oldest);
        self.learned -= 1;
        true
    }

    /// Addresses known, fixed ones included.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }
}
