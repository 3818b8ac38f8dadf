//! What one connection has received: bytes in order that were not read, and bytes beyond a gap.

use super::assembler::Assembler;
use super::queue::Queue;
use super::spare::Spare;
use alloc::boxed::Box;
use alloc::vec::Vec;
use danja_wire::Payload;

/// What an insertion did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Inserted {
    /// How far RCV.NXT moves, in bytes.
    pub(crate) advanced: u32,
    /// The first part that had been received already, as offsets from RCV.NXT before the
    /// insertion (RFC 2883).
    pub(crate) duplicate: Option<(u32, u32)>,
    /// Some of it lies beyond a gap.
    pub(crate) out_of_order: bool,
    /// It filled a gap, wholly or in part (RFC 5681 §4.2: acknowledge at once).
    pub(crate) filled_gap: bool,
    /// Not kept: it would have made one range too many.
    pub(crate) refused: bool,
}

/// Bytes in order. Full segments stay in the buffers the driver read them into; only small ones
/// are gathered.
pub(crate) type InOrder = Queue<256>;

/// The receive queue of one connection.
#[derive(Default)]
pub(crate) struct ReceiveQueue {
    /// Only while something waits to be read.
    in_order: Option<Box<InOrder>>,
    /// Stream offset of RCV.NXT.
    next: u64,
    /// Only while something lies beyond a gap.
    beyond: Option<Box<Assembler>>,
}

impl ReceiveQueue {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Bytes in order that were not read.
    pub(crate) fn len(&self) -> usize {
        self.in_order.as_ref().map_or(0, |queue| queue.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a block to spare, if it has none, for what will be inserted.
    pub(crate) fn prepare(&mut self, spare: &mut Spare<InOrder>) {
        if self.in_order.is_none() {
            self.in_order = Some(spare.take());
        }
    }

    /// Gives its block back, if nothing is in it.
    pub(crate) fn settle(&mut self, spare: &mut Spare<InOrder>) {
        if self.is_empty()
            && let Some(mut block) = self.in_order.take()
        {
            block.reset();
            spare.put(block);
        }
    }

    fn in_order(&mut self) -> &mut InOrder {
        self.in_order.get_or_insert_default()
    }

    /// Memory taken, at true cost.
    pub(crate) fn cost(&self) -> usize {
        let in_order = self.in_order.as_ref().map_or(0, |queue| queue.cost());
        in_order.saturating_add(self.beyond.as_ref().map_or(0, |beyond| beyond.cost()))
    }

    /// Bytes beyond a gap.
    pub(crate) fn out_of_order_bytes(&self) -> usize {
        self.beyond.as_ref().map_or(0, |beyond| beyond.bytes())
    }

    /// Adds bytes that start `offset` after RCV.NXT, in any order and overlap; what came first
    /// is kept. The caller has cut off what lies before RCV.NXT and beyond the window. What pins
    /// more than it is, is kept so while the queue costs no more than `most`.
    pub(crate) fn insert(
        &mut self,
        offset: u32,
        piece: Payload,
        max_ranges: usize,
        most: usize,
    ) -> Inserted {
        let mut done = Inserted::default();
        if piece.is_empty() {
            return done;
        }
        if offset == 0 && self.beyond.is_none() {
            done.advanced = piece.len() as u32;
            self.next = self.next.saturating_add(piece.len() as u64);
            self.in_order().push_received(piece, most);
            return done;
        }
        let base = self.next;
        let start = base.saturating_add(u64::from(offset));
        let end = start.saturating_add(piece.len() as u64);
        let beyond = self.beyond.get_or_insert_default();
        let relative = |at: u64| at.saturating_sub(base) as u32;
        done.duplicate =
            beyond.overlap(start, end).map(|(from, to)| (relative(from), relative(to)));
        if offset > 0 && beyond.would_add_range(start, end) && beyond.range_count() >= max_ranges {
            done.refused = true;
            return done;
        }
        done.out_of_order = offset > 0;
        done.filled_gap = offset == 0;
        beyond.insert(start, &piece);
        while let Some((ready, end)) = beyond.take_from(self.next) {
            self.in_order.get_or_insert_default().push(ready, true);
            self.next = self.next.max(end);
        }
        if beyond.is_empty() {
            self.beyond = None;
        }
        done.advanced = relative(self.next);
        done
    }

    /// Ranges beyond a gap as offsets from RCV.NXT, the one that changed last first, at most 4
    /// (RFC 2018 §4).
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u32, u32)> {
        let next = self.next;
        let relative = move |at: u64| at.saturating_sub(next) as u32;
        let ranges = self.beyond.iter().flat_map(|beyond| beyond.recent_ranges());
        ranges.map(move |(from, to)| (relative(from), relative(to)))
    }

    /// Takes up to `max` bytes.
    pub(crate) fn read(&mut self, max: usize, into: &mut Vec<Payload>) -> usize {
        self.in_order.as_mut().map_or(0, |queue| queue.take(max, into))
    }

    /// Shows up to `max` bytes from `offset` on and leaves them.
    pub(crate) fn peek(&mut self, offset: usize, max: usize, into: &mut Vec<Payload>) -> usize {
        let count = max.min(self.len().saturating_sub(offset));
        if let Some(queue) = &mut self.in_order {
            queue.slices(offset, count, |slice| into.push(slice));
        }
        count
    }

    /// Drops up to `count` bytes unread.
    pub(crate) fn skip(&mut self, count: usize) {
        if let Some(queue) = &mut self.in_order {
            queue.advance(count);
        }
    }

    /// Drops what lies beyond a gap, under memory pressure: it was never acknowledged.
    pub(crate) fn prune(&mut self) -> bool {
        self.beyond.take().is_some()
    }

    /// Drops everything; RCV.NXT stays.
    pub(crate) fn clear(&mut self) {
        self.in_order = None;
        self.beyond = None;
    }
}
