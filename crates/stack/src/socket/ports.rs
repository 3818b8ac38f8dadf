//! Which ports are bound and by whom, and which one a client gets (RFC 6056). One table for a
//! protocol; Linux's rules for SO_REUSEADDR and SO_REUSEPORT. Knows no packet.

use crate::entropy::{Entropy, HashKey, write_address};
use crate::slab::Key;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::hash::Hasher;
use core::net::{IpAddr, SocketAddr};

/// One socket's claim to a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Binding {
    /// Who: the socket's place in its room.
    pub(crate) owner: Key,
    /// The address, `None` for any.
    pub(crate) address: Option<IpAddr>,
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    /// A listening stream socket: REUSEADDR does not help those who come after it.
    pub(crate) listening: bool,
}

impl Binding {
    /// Whether this claim to a port excludes a new one, or what an old one wants to become.
    const fn excludes(&self, other: &Self, datagram: bool) -> bool {
        let overlap = match (self.address, other.address) {
            (Some(IpAddr::V4(one)), Some(IpAddr::V4(two))) => one.to_bits() == two.to_bits(),
            (Some(IpAddr::V6(one)), Some(IpAddr::V6(two))) => one.to_bits() == two.to_bits(),
            (Some(_), Some(_)) => false,
            _ => true,
        };
        let both_reuse_port = self.reuse_port && other.reuse_port;
        // As Linux: of several that are bound with SO_REUSEADDR the first may listen.
        let both_reuse_address =
            self.reuse_address && other.reuse_address && (datagram || !self.listening);
        overlap && !both_reuse_port && !both_reuse_address
    }
}

/// Ports of one protocol. A client's port may be shared by connections to different peers
/// without being here: the table of connections tells them apart.
pub(crate) struct PortTable {
    bound: BTreeMap<u16, Vec<Binding>>,
    /// UDP: SO_REUSEADDR alone lets two sockets share a port.
    datagram: bool,
    key: HashKey,
    /// RFC 6056 §3.3.4: counters of destinations, perturbed on each use.
    counters: Vec<u32>,
}

/// Buckets of RFC 6056's algorithm 4; a power of two.
const BUCKETS: usize = 256;

impl PortTable {
    pub(crate) fn new(datagram: bool, entropy: &mut Entropy) -> Self {
        let counters = (0..BUCKETS).map(|_| entropy.secret() as u32).collect();
        Self { bound: BTreeMap::new(), datagram, key: entropy.key(), counters }
    }

    /// Claims a port; `false` if another claim excludes it.
    pub(crate) fn bind(&mut self, port: u16, binding: Binding) -> bool {
        let others = self.bound.entry(port).or_default();
        if others
            .iter()
            .any(|other| other.owner != binding.owner && other.excludes(&binding, self.datagram))
        {
            return false;
        }
        others.retain(|other| other.owner != binding.owner);
        // Nearly every port has one claim.
        others.reserve_exact(1);
        others.push(binding);
        true
    }

    /// Marks a claim as listening (or not); `false` if another claim excludes that.
    pub(crate) fn set_listening(&mut self, port: u16, owner: Key, listening: bool) -> bool {
        let Some(binding) = self.binding(port, owner) else { return false };
        self.bind(port, Binding { listening, ..binding })
    }

    /// The socket's options as they are now: whom they exclude is asked when somebody binds or
    /// listens next (as Linux).
    pub(crate) fn set_reuse(&mut self, port: u16, owner: Key, address: bool, by_port: bool) {
        let claims = self.bound.get_mut(&port).into_iter().flatten();
        for binding in claims.filter(|binding| binding.owner == owner) {
            (binding.reuse_address, binding.reuse_port) = (address, by_port);
        }
    }

    /// The claim of a socket.
    pub(crate) fn binding(&self, port: u16, owner: Key) -> Option<Binding> {
        self.bound.get(&port)?.iter().find(|binding| binding.owner == owner).copied()
    }

    /// Gives a claim up.
    pub(crate) fn release(&mut self, port: u16, owner: Key) {
        if let Some(bindings) = self.bound.get_mut(&port) {
            bindings.retain(|binding| binding.owner != owner);
            if bindings.is_empty() {
                self.bound.remove(&port);
            }
        }
    }

    /// Whether anybody claims the port.
    pub(crate) fn is_bound(&self, port: u16) -> bool {
        self.bound.contains_key(&port)
    }

    /// A port of `range` for a client that talks to `remote` (RFC 6056 §3.3.4, double hash:
    /// sequential per destination, unpredictable across them). `accepts` says whether the port
    /// will do: not in use towards this peer, and, with several shards, whose flow lands here.
    pub(crate) fn choose(
        &mut self,
        range: (u16, u16),
        local: IpAddr,
        remote: SocketAddr,
        mut accepts: impl FnMut(&Self, u16) -> bool,
    ) -> Option<u16> {
        let (first, last) = (range.0.min(range.1), range.0.max(range.1));
        let count = u32::from(last).saturating_sub(u32::from(first)).saturating_add(1);
        let mut hasher = self.key.secret_hasher();
        write_address(&mut hasher, local);
        write_address(&mut hasher, remote.ip());
        hasher.write_u16(remote.port());
        let hash = hasher.finish();
        let offset = hash as u32;
        let bucket = (hash >> 32) as usize & (BUCKETS - 1);
        for _ in 0..count {
            let counter = self.counters.get_mut(bucket)?;
            let at = offset.wrapping_add(*counter).checked_rem(count)?;
            *counter = counter.wrapping_add(1);
            let port = u16::try_from(u32::from(first).saturating_add(at)).ok()?;
            if accepts(self, port) {
                return Some(port);
            }
        }
        None
    }
}
