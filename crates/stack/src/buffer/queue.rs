//! A stream of bytes as slices, taken from the front and read anywhere. Small pieces are
//! gathered in an open tail block, which is closed when its bytes are first handed out.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use danja_wire::Payload;

/// A gathered block is closed at this size.
const BLOCK: usize = 16_384;

struct Chunk {
    /// Stream offset of the first byte.
    start: u64,
    payload: Payload,
    /// Bytes before it in the same buffer, whose cost is counted here.
    run: u32,
    /// The last byte ended a write.
    push: bool,
}

/// Bytes in order. Offsets in the interface count from the first byte that is still there.
///
/// As a send queue the first byte is SND.UNA; as a receive queue it is the next to be read.
///
/// Pieces up to `SMALL` bytes are gathered: copying them costs less than keeping them.
#[derive(Default)]
pub(crate) struct Queue<const SMALL: usize> {
    chunks: VecDeque<Chunk>,
    /// The open tail block, after all chunks.
    tail: Vec<u8>,
    tail_push: bool,
    /// Stream offset of the first byte.
    base: u64,
    /// Stream offset after the last byte.
    end: u64,
    /// What the chunks cost.
    cost: usize,
    /// Bytes before this stream offset were handed out: they are not gathered any more.
    handed_out: u64,
}

impl<const SMALL: usize> Queue<SMALL> {
    /// Bytes in the queue.
    pub(crate) const fn len(&self) -> usize {
        self.end.saturating_sub(self.base) as usize
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.end == self.base
    }

    /// Memory taken, at true cost.
    pub(crate) fn cost(&self) -> usize {
        // The tail counts as the chunk that it will be: closing it changes no cost.
        let chunks = self.chunks.len().saturating_add(usize::from(!self.tail.is_empty()));
        let slots = chunks.saturating_mul(size_of::<Chunk>());
        self.cost.saturating_add(self.tail.capacity()).saturating_add(slots)
    }

    /// Appends a piece; `push` if it ends a write.
    pub(crate) fn push(&mut self, piece: Payload, push: bool) {
        if piece.is_empty() {
            self.tail_push |= push && !self.tail.is_empty();
            return;
        }
        let length = piece.len();
        if length <= SMALL && self.tail_accepts(length) {
            self.tail.extend_from_slice(piece.as_slice());
            self.tail_push = push;
        } else {
            self.close_tail();
            self.cost = self.cost.saturating_add(piece.cost());
            self.chunks.push_back(Chunk { start: self.end, payload: piece, run: 0, push });
        }
        self.end = self.end.saturating_add(length as u64);
    }

    /// Appends a piece that was received. It stays in the buffer that it was read into while the
    /// queue costs no more than `most`; beyond that, one that pins much more than itself is
    /// copied. A buffer that many pieces lie in one after the other costs once.
    pub(crate) fn push_received(&mut self, piece: Payload, most: usize) {
        if piece.len() > SMALL
            && self.tail.is_empty()
            && let Some(last) = self.chunks.back_mut()
            && let Some(run) = last.run.checked_add(last.payload.len() as u32)
            && last.payload.precedes(&piece)
            && (run as usize).saturating_add(piece.len()) <= piece.cost()
        {
            // The last piece in a buffer is the one that leaves the queue last.
            last.payload.counted_elsewhere();
            let length = piece.len() as u64;
            self.chunks.push_back(Chunk { start: self.end, payload: piece, run, push: true });
            self.end = self.end.saturating_add(length);
        } else if self.cost.saturating_add(piece.cost()) > most {
            self.push(piece.compact(), true);
        } else {
            self.push(piece, true);
        }
    }

    /// Whether a small piece goes into the tail block; opens one from a small last chunk that
    /// was not handed out yet.
    fn tail_accepts(&mut self, length: usize) -> bool {
        if !self.tail.is_empty() {
            return self.tail.len().saturating_add(length) <= BLOCK;
        }
        let handed_out = self.handed_out;
        let opens = |chunk: &Chunk| chunk.payload.len() <= SMALL && chunk.start >= handed_out;
        if !self.chunks.back().is_some_and(opens) {
            return false;
        }
        let Some(last) = self.chunks.pop_back() else { return false };
        self.cost = self.cost.saturating_sub(last.payload.cost());
        self.tail.reserve(last.payload.len().saturating_add(length).next_power_of_two());
        self.tail.extend_from_slice(last.payload.as_slice());
        true
    }

    fn close_tail(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let start = self.end.saturating_sub(self.tail.len() as u64);
        let payload = Payload::from(core::mem::take(&mut self.tail));
        self.cost = self.cost.saturating_add(payload.cost());
        self.chunks.push_back(Chunk { start, payload, run: 0, push: self.tail_push });
    }

    /// Hands out the slices of `length` bytes from `offset` on (clamped). True if the last of
    /// them ended a write.
    pub(crate) fn slices(
        &mut self,
        offset: usize,
        length: usize,
        mut each: impl FnMut(Payload),
    ) -> bool {
        let from = self.base.saturating_add(offset as u64).min(self.end);
        let to = from.saturating_add(length as u64).min(self.end);
        if from >= to {
            return false;
        }
        let tail_start = self.end.saturating_sub(self.tail.len() as u64);
        if to > tail_start {
            self.close_tail();
        }
        self.handed_out = self.handed_out.max(to);
        let first = self.chunks.partition_point(|chunk| chunk.start <= from).saturating_sub(1);
        let mut pushed = false;
        for chunk in self.chunks.range(first..) {
            if chunk.start >= to {
                break;
            }
            let start = from.saturating_sub(chunk.start) as usize;
            let end = to.saturating_sub(chunk.start) as usize;
            each(chunk.payload.slice(start, end));
            pushed = chunk.push && end >= chunk.payload.len();
        }
        pushed
    }

    /// Drops the first `count` bytes (clamped): acknowledged, or read.
    pub(crate) fn advance(&mut self, count: usize) {
        self.base = self.base.saturating_add(count as u64).min(self.end);
        self.handed_out = self.handed_out.max(self.base);
        while let Some(front) = self.chunks.front_mut() {
            let after = front.start.saturating_add(front.payload.len() as u64);
            if after > self.base {
                // The slice is cut, but it pins its buffer still: the cost stays.
                let gone = self.base.saturating_sub(front.start) as usize;
                front.payload.advance(gone);
                front.start = front.start.max(self.base);
                break;
            }
            self.cost = self.cost.saturating_sub(front.payload.cost());
            self.chunks.pop_front();
        }
        let tail_start = self.end.saturating_sub(self.tail.len() as u64);
        if self.base > tail_start {
            let gone = self.base.saturating_sub(tail_start) as usize;
            self.tail.drain(..gone.min(self.tail.len()));
        }
        self.rest();
    }

    /// An empty queue holds no buffer.
    fn rest(&mut self) {
        if self.is_empty() {
            if self.tail.capacity() > 0 {
                self.tail = Vec::new();
            }
            self.cost = 0;
        }
    }

    /// Moves up to `max` bytes of slices from the front into `into`; returns how many bytes.
    pub(crate) fn take(&mut self, max: usize, into: &mut Vec<Payload>) -> usize {
        let count = max.min(self.len());
        let to = self.base.saturating_add(count as u64);
        if to > self.end.saturating_sub(self.tail.len() as u64) {
            self.close_tail();
        }
        while let Some(front) = self.chunks.front_mut().filter(|front| front.start < to) {
            let wanted = to.saturating_sub(front.start) as usize;
            if wanted < front.payload.len() {
                // The rest pins its buffer still: the cost stays.
                into.push(front.payload.split_to(wanted));
                front.start = to;
                break;
            }
            if let Some(whole) = self.chunks.pop_front() {
                self.cost = self.cost.saturating_sub(whole.payload.cost());
                into.push(whole.payload);
            }
        }
        self.base = to;
        self.handed_out = self.handed_out.max(to);
        self.rest();
        count
    }

    /// As if new, but for a little room to begin with.
    pub(crate) fn reset(&mut self) {
        if !self.is_empty() {
            self.advance(self.len());
        }
        if self.chunks.capacity() > super::spare::ROOM {
            self.chunks.shrink_to(super::spare::ROOM);
        }
        (self.base, self.end, self.handed_out, self.tail_push) = (0, 0, 0, false);
    }
}
