//! Out-of-order data: pieces that do not overlap, and the ranges they make up. Data that came
//! first is kept. Knows stream offsets only.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use danja_wire::Payload;

/// At most this many ranges are remembered as recent: what a SACK option can carry.
const RECENT: usize = 4;

/// Received pieces above the next expected byte.
#[derive(Default)]
pub(super) struct Assembler {
    /// Start → bytes; pieces never overlap.
    pieces: BTreeMap<u64, Payload>,
    /// Start → end of what the pieces cover, merged.
    ranges: BTreeMap<u64, u64>,
    /// Starts of ranges, the one that changed last first.
    recent: Vec<u64>,
    cost: usize,
    bytes: usize,
}

impl Assembler {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many ranges there would be at the most after an insertion of `start..end`.
    pub(super) fn would_add_range(&self, start: u64, end: u64) -> bool {
        self.overlap(start, end).is_none() && !self.touches(start, end)
    }

    pub(super) fn range_count(&self) -> usize {
        self.ranges.len()
    }

    fn touches(&self, start: u64, end: u64) -> bool {
        self.ranges.contains_key(&end)
            || self.ranges.range(..=start).next_back().is_some_and(|(_, e)| *e == start)
    }

    /// The first part of `start..end` that is here already.
    pub(super) fn overlap(&self, start: u64, end: u64) -> Option<(u64, u64)> {
        let before = self.ranges.range(..=start).next_back().filter(|(_, e)| **e > start);
        let (from, to) = before.or_else(|| self.ranges.range(start..end).next())?;
        Some(((*from).max(start), (*to).min(end)))
    }

    /// Keeps what is new of the piece at `start`.
    pub(super) fn insert(&mut self, start: u64, piece: &Payload) {
        let end = start.saturating_add(piece.len() as u64);
        let mut at = start;
        while at < end {
            match self.overlap(at, end) {
                Some((from, to)) if from <= at => at = to,
                Some((from, _)) => {
                    self.keep(at, start, piece, from);
                    at = from;
                }
                None => {
                    self.keep(at, start, piece, end);
                    at = end;
                }
            }
        }
        self.merge(start, end);
    }

    fn keep(&mut self, from: u64, start: u64, piece: &Payload, to: u64) {
        let slice = piece
            .slice(from.saturating_sub(start) as usize, to.saturating_sub(start) as usize)
            .compact();
        self.cost = self.cost.saturating_add(slice.cost()).saturating_add(OVERHEAD);
        self.bytes = self.bytes.saturating_add(slice.len());
        self.pieces.insert(from, slice);
    }

    fn merge(&mut self, start: u64, end: u64) {
        let (mut start, mut end) = (start, end);
        if let Some((s, e)) = self.ranges.range(..=start).next_back()
            && *e >= start
        {
            (start, end) = (*s, end.max(*e));
        }
        while let Some((s, e)) = self.ranges.range(start..=end).next().map(|(s, e)| (*s, *e)) {
            end = end.max(e);
            self.ranges.remove(&s);
            self.recent.retain(|recent| *recent != s);
        }
        self.ranges.insert(start, end);
        self.recent.insert(0, start);
        self.recent.truncate(RECENT);
    }

    /// Takes the pieces that continue at `next`, in order.
    pub(super) fn take_from(&mut self, next: u64) -> Option<(Payload, u64)> {
        let first = self.pieces.first_entry().filter(|entry| *entry.key() <= next)?;
        let (start, mut piece) = first.remove_entry();
        self.cost = self.cost.saturating_sub(piece.cost()).saturating_sub(OVERHEAD);
        self.bytes = self.bytes.saturating_sub(piece.len());
        let end = start.saturating_add(piece.len() as u64);
        piece.advance(next.saturating_sub(start) as usize);
        if let Some((s, e)) = self.ranges.pop_first() {
            self.recent.retain(|recent| *recent != s);
            if e > end {
                self.ranges.insert(end, e);
            }
        }
        Some((piece, end))
    }

    /// Ranges, the one that changed last first, then the others upwards; at most [`RECENT`].
    pub(super) fn recent_ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        let recent =
            self.recent.iter().filter_map(|start| self.ranges.get(start).map(|end| (*start, *end)));
        let others = self.ranges.iter().map(|(start, end)| (*start, *end));
        recent.chain(others.filter(|(start, _)| !self.recent.contains(start))).take(RECENT)
    }
}

/// What a piece costs besides its bytes, about: its map node and its shared buffer's header.
const OVERHEAD: usize = 96;
