//! Selective acknowledgements (RFC 2018 §3): the blocks of one option. Knows no scoreboard.

use super::SeqNumber;
use crate::bytes;
use core::fmt;

/// Up to four selective acknowledgements: ranges from a left edge up to (not including) a
/// right edge, in the order of the option.
#[derive(Clone, Copy, Default)]
pub struct SackBlocks {
    blocks: [(SeqNumber, SeqNumber); Self::MAX],
    len: u8,
}

impl SackBlocks {
    /// As many as fit into 40 bytes of options.
    pub const MAX: usize = 4;
    /// None.
    pub const NONE: Self = Self { blocks: [(SeqNumber(0), SeqNumber(0)); Self::MAX], len: 0 };

    /// Appends a block. `None` (and no change) if there are four already.
    pub fn push(&mut self, left: SeqNumber, right: SeqNumber) -> Option<()> {
        *self.blocks.get_mut(usize::from(self.len))? = (left, right);
        self.len = self.len.saturating_add(1);
        Some(())
    }

    /// The blocks: left edge, right edge.
    #[inline]
    pub fn as_slice(&self) -> &[(SeqNumber, SeqNumber)] {
        self.blocks.get(..usize::from(self.len)).unwrap_or(&self.blocks)
    }

    /// The blocks in the data of an option. `None` if it is no whole number of blocks, or none.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (blocks, rest) = data.as_chunks::<8>();
        if blocks.is_empty() || !rest.is_empty() {
            return None;
        }
        let mut parsed = Self::NONE;
        for block in blocks {
            parsed.push(SeqNumber(bytes::be32(block, 0)?), SeqNumber(bytes::be32(block, 4)?))?;
        }
        Some(parsed)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl PartialEq for SackBlocks {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SackBlocks {}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_slice(), f)
    }
}
