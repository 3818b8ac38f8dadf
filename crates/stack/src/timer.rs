//! The timer wheel: one node per block, at the earliest of its deadlines. Slots are sorted into
//! finer ones an entry at a time, a bounded number a call. Knows no protocol.

use crate::slab::{Key, Slab};
use alloc::vec::Vec;
use danja_wire::Instant;

#[cfg(test)]
mod tests;

/// Width of a slot of the first level: 2^20 ns, about a millisecond.
const GRANULARITY_BITS: u32 = 20;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Seven levels of 64 slots reach 2^62 ns, more than a century.
const LEVELS: usize = 7;
/// The highest of them.
const TOP: u32 = LEVELS as u32 - 1;
const NONE: u32 = u32::MAX;
/// The place of the due list.
const DUE: usize = LEVELS * SLOTS;
/// Steps of sorting that one `pop` takes.
const BOUND: usize = 64;

/// Whose timer it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimerKey {
    /// A TCP record (control block, half-open, TIME-WAIT); which, `tcp` knows.
    Tcp(crate::tcp::RecordId),
    /// Something of the IP layer.
    Ip(crate::ip::TimerId),
}

/// A node in the wheel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Timer(Key);

struct Node {
    key: TimerKey,
    deadline: Instant,
    place: u32,
    previous: u32,
    next: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    head: u32,
    /// No deadline in the slot is earlier; may be too early after a removal.
    earliest: Instant,
}

/// Deadlines in slots, found by bitmaps.
pub(crate) struct Wheel {
    nodes: Slab<Node>,
    slots: Vec<Slot>,
    occupied: [u64; LEVELS],
    /// Head of the list of timers that are due and were not taken out yet.
    due: u32,
    /// Ticks of the first level that have been handled.
    tick: u64,
}

impl Wheel {
    pub(crate) fn new(now: Instant) -> Self {
        let empty = Slot { head: NONE, earliest: Instant::MAX };
        Self {
            nodes: Slab::new(32),
            slots: alloc::vec![empty; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            due: NONE,
            tick: now.as_nanos() >> GRANULARITY_BITS,
        }
    }

    /// How many timers are armed.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Arms a timer. It comes out of [`Self::pop`] once, not before its deadline.
    pub(crate) fn insert(&mut self, deadline: Instant, key: TimerKey) -> Option<Timer> {
        let node = Node { key, deadline, place: 0, previous: NONE, next: NONE };
        let id = self.nodes.insert(node)?;
        self.link(id);
        Some(Timer(id))
    }

    /// Moves a timer; `false` if it has come out already.
    pub(crate) fn rearm(&mut self, timer: Timer, deadline: Instant) -> bool {
        let Some(node) = self.nodes.get(timer.0) else { return false };
        if node.deadline == deadline {
            return true;
        }
        self.unlink(timer.0);
        if let Some(node) = self.nodes.get_mut(timer.0) {
            node.deadline = deadline;
        }
        self.link(timer.0);
        true
    }

    /// The deadline a timer is armed for, `None` if it has come out.
    pub(crate) fn deadline(&self, timer: Timer) -> Option<Instant> {
        self.nodes.get(timer.0).map(|node| node.deadline)
    }

    /// Disarms a timer.
    pub(crate) fn cancel(&mut self, timer: Timer) {
        if self.nodes.get(timer.0).is_some() {
            self.unlink(timer.0);
            self.nodes.remove(timer.0);
        }
    }

    /// When [`Self::pop`] may have something; never later than the earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let due = (self.due != NONE).then_some(Instant::ZERO);
        let earliest = |place: usize| self.slots.get(place).map(|slot| slot.earliest);
        let levels = (0..LEVELS).filter_map(|level| earliest(self.first_occupied(level)?));
        due.into_iter().chain(levels).min()
    }

    /// Takes out one timer that is due at `now`. After a bounded amount of sorting it gives up
    /// for this time; [`Self::next_deadline`] then says at once.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<TimerKey> {
        let now_tick = now.as_nanos() >> GRANULARITY_BITS;
        for _ in 0..BOUND {
            if let Some(id) = self.nodes.key_at(self.due) {
                self.unlink(id);
                return self.nodes.remove(id).map(|node| node.key);
            }
            let Some((level, place, start)) = self.first_started(now, now_tick) else {
                self.tick = self.tick.max(now_tick);
                return None;
            };
            self.tick = self.tick.max(start);
            if level == 0 {
                self.collect(place, now);
            } else {
                // The slot has begun, so the entry belongs into a finer level now.
                self.relink_head(place);
            }
        }
        None
    }

    /// The slot that began first, among those with something to do; the coarser of two.
    fn first_started(&self, now: Instant, now_tick: u64) -> Option<(usize, usize, u64)> {
        let mut found: Option<(usize, usize, u64)> = None;
        for level in 0..LEVELS {
            let Some(place) = self.first_occupied(level) else { continue };
            let shift = SLOT_BITS.wrapping_mul(level as u32);
            let digit = self.tick >> shift & (SLOTS as u64).wrapping_sub(1);
            let ahead = (place % SLOTS) as u64;
            let start = (self.tick >> shift).wrapping_sub(digit).wrapping_add(ahead) << shift;
            let started = match level {
                0 => self.slots.get(place).is_some_and(|slot| slot.earliest <= now),
                _ => start <= now_tick,
            };
            if started && found.is_none_or(|(_, _, best)| start <= best) {
                found = Some((level, place, start));
            }
        }
        found
    }

    /// Moves the due timers of a slot of the first level to the due list, and makes the slot's
    /// bound exact.
    fn collect(&mut self, place: usize, now: Instant) {
        let mut earliest = Instant::MAX;
        let mut at = self.slots.get(place).map_or(NONE, |slot| slot.head);
        while let Some(id) = self.nodes.key_at(at) {
            let Some(node) = self.nodes.get(id) else { break };
            let deadline = node.deadline;
            at = node.next;
            if deadline <= now {
                self.unlink(id);
                self.link_at(id, DUE);
            } else {
                earliest = earliest.min(deadline);
            }
        }
        if let Some(slot) = self.slots.get_mut(place) {
            slot.earliest = earliest;
        }
    }

    fn relink_head(&mut self, place: usize) {
        let head = self.slots.get(place).map_or(NONE, |slot| slot.head);
        if let Some(id) = self.nodes.key_at(head) {
            self.unlink(id);
            self.link(id);
        }
    }

    /// The occupied slot of a level that comes first from the current tick.
    fn first_occupied(&self, level: usize) -> Option<usize> {
        let bits = self.occupied.get(level).copied().filter(|bits| *bits != 0)?;
        let shift = SLOT_BITS.wrapping_mul(level as u32);
        let current = (self.tick >> shift) as u32 & (SLOTS as u32).wrapping_sub(1);
        let ahead = bits.rotate_right(current).trailing_zeros();
        let index = current.wrapping_add(ahead) as usize & SLOTS.wrapping_sub(1);
        Some(level.wrapping_mul(SLOTS).wrapping_add(index))
    }

    fn place(&self, deadline: Instant) -> usize {
        let tick = (deadline.as_nanos() >> GRANULARITY_BITS).max(self.tick);
        // The level is that of the highest bit in which the two ticks differ, so that slots of
        // a level never wrap past the current one.
        let differing = 64u32.wrapping_sub((tick ^ self.tick).leading_zeros());
        let level = (differing.saturating_sub(1) / SLOT_BITS).min(TOP);
        let index = (tick >> SLOT_BITS.wrapping_mul(level)) as usize & SLOTS.wrapping_sub(1);
        (level as usize).wrapping_mul(SLOTS).wrapping_add(index)
    }

    fn link(&mut self, id: Key) {
        let Some(deadline) = self.nodes.get(id).map(|node| node.deadline) else { return };
        let place = self.place(deadline);
        let Some(slot) = self.slots.get_mut(place) else { return };
        slot.earliest = slot.earliest.min(deadline);
        if let Some(bits) = self.occupied.get_mut(place / SLOTS) {
            *bits |= 1u64.wrapping_shl((place % SLOTS) as u32);
        }
        self.link_at(id, place);
    }

    fn head_mut(&mut self, place: usize) -> Option<&mut u32> {
        if place == DUE { Some(&mut self.due) } else { Some(&mut self.slots.get_mut(place)?.head) }
    }

    /// Puts a node at the front of a list.
    fn link_at(&mut self, id: Key, place: usize) {
        let Some(head) = self.head_mut(place) else { return };
        let next = core::mem::replace(head, id.slot);
        if let Some(node) = self.nodes.get_mut(id) {
            node.place = place as u32;
            node.previous = NONE;
            node.next = next;
        }
        if let Some(after) = self.nodes.key_at(next)
            && let Some(after) = self.nodes.get_mut(after)
        {
            after.previous = id.slot;
        }
    }

    fn unlink(&mut self, id: Key) {
        let Some(node) = self.nodes.get(id) else { return };
        let (place, previous, next) = (node.place as usize, node.previous, node.next);
        if let Some(before) = self.nodes.key_at(previous)
            && let Some(before) = self.nodes.get_mut(before)
        {
            before.next = next;
        } else if let Some(head) = self.head_mut(place) {
            *head = next;
            if next == NONE {
                self.vacate(place);
            }
        }
        if let Some(after) = self.nodes.key_at(next)
            && let Some(after) = self.nodes.get_mut(after)
        {
            after.previous = previous;
        }
    }

    fn vacate(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.earliest = Instant::MAX;
        }
        if let Some(bits) = self.occupied.get_mut(place / SLOTS) {
            *bits &= !1u64.wrapping_shl((place % SLOTS) as u32);
        }
    }
}
