//! Descriptors: shard 8 bits, generation 24, slot 32. A stale one is an error and never
//! another socket.

use super::SocketKind;
use crate::slab::{Key, Slab};

/// A socket of one stack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SocketId(u64);

impl SocketId {
    pub(crate) const fn new(shard: u8, key: Key) -> Self {
        Self((shard as u64) << 56 | ((key.generation & 0xff_ffff) as u64) << 32 | key.slot as u64)
    }

    pub(crate) const fn key(self) -> Key {
        Key { slot: self.0 as u32, generation: (self.0 >> 32) as u32 & 0xff_ffff }
    }

    /// Which shard it belongs to.
    pub const fn shard(self) -> u8 {
        (self.0 >> 56) as u8
    }

    pub(crate) const fn slot(self) -> u32 {
        self.0 as u32
    }

    /// The descriptor as a number, for tables outside the stack and for people.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The descriptor that [`Self::to_bits`] gave.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl core::fmt::Debug for SocketId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "socket {}", self.slot())?;
        if self.key().generation > 0 {
            write!(f, ".{}", self.key().generation)?;
        }
        Ok(())
    }
}

/// Which protocol's table a descriptor leads to, and where in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: SocketKind,
    /// The socket in its protocol's own slab.
    pub(crate) place: Key,
}

/// Descriptors of one stack.
pub(crate) struct Descriptors {
    entries: Slab<Entry>,
    shard: u8,
    limit: usize,
}

impl Descriptors {
    pub(crate) fn new(shard: u8, limit: usize) -> Self {
        Self { entries: Slab::new(24), shard, limit }
    }

    /// A new descriptor that leads nowhere yet; `None` at the limit.
    pub(crate) fn reserve(&mut self, kind: SocketKind) -> Option<SocketId> {
        if self.entries.len() >= self.limit {
            return None;
        }
        let place = Key { slot: u32::MAX, generation: 0 };
        let key = self.entries.insert(Entry { kind, place })?;
        Some(SocketId::new(self.shard, key))
    }

    /// Says where a reserved descriptor leads.
    pub(crate) fn set(&mut self, id: SocketId, place: Key) {
        if let Some(entry) = self.entries.get_mut(id.key()) {
            entry.place = place;
        }
    }

    /// Where a descriptor leads; `None` for a stale one.
    pub(crate) fn get(&self, id: SocketId) -> Option<Entry> {
        if id.shard() != self.shard {
            return None;
        }
        self.entries.get(id.key()).copied()
    }

    pub(crate) fn remove(&mut self, id: SocketId) -> Option<Entry> {
        self.entries.remove(id.key())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All descriptors in slot order, for views.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketId, Entry)> {
        self.entries.iter().map(|(key, entry)| (SocketId::new(self.shard, key), *entry))
    }
}
