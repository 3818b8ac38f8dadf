//! Payload bytes with their true memory cost: a cheap-to-clone slice of a shared buffer.
//! No other module of the stack names [`bytes::Bytes`].

use alloc::vec::Vec;
use bytes::Bytes;

/// A slice of immutable, shared bytes, and what it costs to keep it.
///
/// One byte of a 2 KiB driver buffer pins the 2 KiB, so a queue that holds it is charged
/// 2 KiB: `cost` is the size of the buffer that the slice keeps alive, not its length.
#[derive(Clone, Default)]
pub struct Payload {
    bytes: Bytes,
    cost: u32,
}

impl Payload {
    /// An empty payload; it costs nothing.
    pub const EMPTY: Self = Self { bytes: Bytes::new(), cost: 0 };

    /// Takes the bytes as they are; `cost` is the size in bytes of the buffer they pin.
    pub fn from_bytes(bytes: Bytes, cost: usize) -> Self {
        let cost = u32::try_from(cost.max(bytes.len())).unwrap_or(u32::MAX);
        Self { bytes, cost }
    }

    /// Copies `source` into a buffer of its own size.
    pub fn copy_from_slice(source: &[u8]) -> Self {
        Self::from_bytes(Bytes::copy_from_slice(source), source.len())
    }

    /// Takes bytes that live for ever; they cost nothing.
    pub const fn from_static(source: &'static [u8]) -> Self {
        Self { bytes: Bytes::from_static(source), cost: 0 }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The memory that keeping this slice keeps, in bytes.
    pub const fn cost(&self) -> usize {
        self.cost as usize
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The shared buffer, for zero-copy calls.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The bytes from `start` up to `end`, sharing the buffer; bounds are clamped to the length.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let end = end.min(self.len());
        let start = start.min(end);
        Self { bytes: self.bytes.slice(start..end), cost: self.cost }
    }

    /// Cuts off the first `count` bytes (clamped) and returns them; both share the buffer.
    pub fn split_to(&mut self, count: usize) -> Self {
        let count = count.min(self.len());
        Self { bytes: self.bytes.split_to(count), cost: self.cost }
    }

    /// Drops the first `count` bytes (clamped).
    pub fn advance(&mut self, count: usize) {
        let _ = self.split_to(count);
    }

    /// Drops all but the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Whether `next` begins where this ends: they may lie in one buffer.
    pub fn precedes(&self, next: &Self) -> bool {
        self.bytes.as_ptr_range().end == next.bytes.as_ptr() && self.cost == next.cost
    }

    /// Its buffer is counted with another slice of it: keeping this one costs nothing more.
    pub const fn counted_elsewhere(&mut self) {
        self.cost = 0;
    }

    /// The same bytes at the same cost in a buffer of their own, which no other precedes: what a
    /// payload is once it was written and read. (A byte after them keeps neighbours in memory
    /// apart.)
    #[must_use]
    pub fn detached(&self) -> Self {
        let mut own = Vec::with_capacity(self.len().saturating_add(1));
        own.extend_from_slice(&self.bytes);
        Self::apart(own, self.cost)
    }

    fn apart(mut bytes: Vec<u8>, cost: u32) -> Self {
        let length = bytes.len();
        bytes.push(0);
        Self { bytes: Bytes::from(bytes).slice(..length), cost }
    }

    /// The same bytes in a buffer of their own size, when the pinned buffer is larger than
    /// twice the bytes; otherwise itself. Used where a queue is about to keep it.
    pub fn compact(self) -> Self {
        if self.cost() > self.len().saturating_mul(2) {
            Self::copy_from_slice(&self.bytes)
        } else {
            self
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        let cost = bytes.capacity();
        Self::from_bytes(Bytes::from(bytes), cost)
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Payload {}

impl core::fmt::Debug for Payload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Payload({} bytes, cost {})", self.len(), self.cost)
    }
}

#[cfg(feature = "serde")]
pub(crate) mod coded;
#[cfg(test)]
mod tests;
