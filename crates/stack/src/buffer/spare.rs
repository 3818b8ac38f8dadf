//! Blocks that connections need while they are busy and not while they are idle, kept for the
//! next one that is: last in, first out, so that it is the one in the cache. Holds few.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// At most this many blocks are kept.
const KEPT: usize = 16;

/// A queue in a block that is kept keeps room for this many entries.
pub(crate) const ROOM: usize = 16;

/// Blocks to spare.
pub(crate) struct Spare<T> {
    blocks: Vec<Box<T>>,
}

impl<T: Default> Spare<T> {
    pub(crate) const fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// A block that is as if new.
    pub(crate) fn take(&mut self) -> Box<T> {
        self.blocks.pop().unwrap_or_default()
    }

    /// A block that nobody needs any more; its owner has reset it.
    pub(crate) fn put(&mut self, block: Box<T>) {
        if self.blocks.len() < KEPT {
            self.blocks.push(block);
        }
    }
}
