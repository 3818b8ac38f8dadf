//! Transmit records: what is in flight, as ranges of sequence numbers in their order, with when
//! and how each was sent. Split by SACK and by cumulative acknowledgement; capped in number.
//! Decides nothing.

use crate::buffer::ROOM;
use alloc::collections::VecDeque;
use danja_wire::Instant;
use danja_wire::tcp::SeqNumber;

/// Beyond this many records what is sent is added to the last one, and a SACK that would split
/// another is not believed in part (CVE-2019-11478's lesson: fragmentation is bounded).
pub(in crate::tcp) const MAX_RECORDS: usize = 8_192;

/// One range in flight.
#[derive(Clone, Copy, Debug)]
pub(in crate::tcp) struct Sent {
    pub(in crate::tcp) start: SeqNumber,
    pub(in crate::tcp) end: SeqNumber,
    /// When it was last sent.
    pub(in crate::tcp) sent_at: Instant,
    /// For the delivery rate: bytes delivered and the time of the last delivery when it was
    /// sent, and when the first of the flight it belongs to was sent.
    pub(in crate::tcp) delivered: u64,
    pub(in crate::tcp) delivered_at: Instant,
    pub(in crate::tcp) first_sent: Instant,
    pub(in crate::tcp) app_limited: bool,
    /// The peer reported it received.
    pub(in crate::tcp) sacked: bool,
    /// Considered lost.
    pub(in crate::tcp) lost: bool,
    /// Sent again, since it was last considered lost.
    pub(in crate::tcp) resent: bool,
    /// Ever sent again: gives no RTT sample (Karn).
    pub(in crate::tcp) ambiguous: bool,
}

impl Sent {
    pub(in crate::tcp) const fn len(&self) -> u32 {
        self.end.since(self.start)
    }
}

/// What a cumulative or selective acknowledgement took off.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::tcp) struct Taken {
    /// Bytes acknowledged for the first time.
    pub(in crate::tcp) fresh: u32,
    /// The newest record among them that was sent once only.
    pub(in crate::tcp) newest: Option<Sent>,
    /// Some of them had been sent again.
    pub(in crate::tcp) any_ambiguous: bool,
}

impl Taken {
    fn note(&mut self, sent: &Sent) {
        self.fresh = self.fresh.saturating_add(sent.len());
        if sent.ambiguous {
            self.any_ambiguous = true;
        } else if self.newest.is_none_or(|newest| newest.sent_at <= sent.sent_at) {
            self.newest = Some(*sent);
        }
    }
}

/// The records of one connection, oldest sequence number first, without gaps.
#[derive(Debug, Default)]
pub(in crate::tcp) struct Records {
    list: VecDeque<Sent>,
    sacked: u32,
    lost: u32,
    resent: u32,
    /// Bytes lost and not sent again.
    due: u32,
    /// End of the highest range reported, while there is one.
    highest: SeqNumber,
    /// Nothing below it needs to be looked at for a retransmission.
    cursor: SeqNumber,
    /// Everything below it was judged by the loss rule already.
    pub(super) judged: SeqNumber,
    /// When the first of the current flight was sent, and the last delivery.
    first_sent: Instant,
    delivered_at: Instant,
}

impl Records {
    /// As if new, but for a little room to begin with.
    pub(in crate::tcp) fn reset(&mut self) {
        let mut list = core::mem::take(&mut self.list);
        if !list.is_empty() {
            list.clear();
        }
        if list.capacity() > ROOM {
            list.shrink_to(ROOM);
        }
        *self = Self { list, ..Self::default() };
    }

    pub(in crate::tcp) fn memory(&self) -> usize {
        self.list.capacity().saturating_mul(size_of::<Sent>())
    }

    /// How many ranges, of these reported received, considered lost, sent again.
    pub(in crate::tcp) fn counts(&self) -> (usize, usize, usize, usize) {
        let count = |is: fn(&Sent) -> bool| self.list.iter().filter(|sent| is(sent)).count();
        (self.list.len(), count(|s| s.sacked), count(|s| s.lost), count(|s| s.resent))
    }

    pub(in crate::tcp) const fn sacked_bytes(&self) -> u32 {
        self.sacked
    }

    /// Bytes that are lost and wait to be sent again.
    pub(in crate::tcp) const fn due_bytes(&self) -> u32 {
        self.due
    }

    /// RFC 6675 §3, pipe, for `flight` bytes between SND.UNA and SND.NXT.
    pub(in crate::tcp) const fn pipe(&self, flight: u32) -> u32 {
        flight.saturating_sub(self.sacked.saturating_add(self.lost)).saturating_add(self.resent)
    }

    /// A new range was sent; it follows the last one.
    pub(in crate::tcp) fn on_sent(
        &mut self,
        (start, end): (SeqNumber, SeqNumber),
        now: Instant,
        delivered: u64,
        app_limited: bool,
    ) {
        if self.list.is_empty() {
            self.first_sent = now;
            self.delivered_at = now;
            self.cursor = start;
            self.judged = start;
        }
        if self.list.len() >= MAX_RECORDS
            && let Some(last) = self.list.back_mut().filter(|last| !last.sacked && !last.lost)
        {
            last.end = end;
            last.ambiguous = true;
            return;
        }
        self.list.push_back(Sent {
            start,
            end,
            sent_at: now,
            delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            app_limited,
            sacked: false,
            lost: false,
            resent: false,
            ambiguous: false,
        });
    }

    /// Index of the record that contains `seq`.
    fn index_of(&self, seq: SeqNumber) -> usize {
        self.list.partition_point(|sent| sent.end.le(seq))
    }

    /// Makes `seq` a border between records.
    fn split_at(&mut self, seq: SeqNumber) {
        let index = self.index_of(seq);
        let Some(sent) = self.list.get_mut(index).filter(|sent| sent.start.lt(seq)) else {
            return;
        };
        let mut second = *sent;
        second.start = seq;
        sent.end = seq;
        self.list.insert(index.saturating_add(1), second);
    }

    /// Takes a record out of the sums.
    const fn forget(&mut self, sent: &Sent) {
        let bytes = sent.len();
        if sent.sacked {
            self.sacked = self.sacked.saturating_sub(bytes);
        }
        if sent.lost {
            self.lost = self.lost.saturating_sub(bytes);
        }
        if sent.resent {
            self.resent = self.resent.saturating_sub(bytes);
        }
        if sent.lost && !sent.resent {
            self.due = self.due.saturating_sub(bytes);
        }
    }

    /// Puts a record into the sums.
    const fn count(&mut self, sent: &Sent) {
        let bytes = sent.len();
        if sent.sacked {
            self.sacked = self.sacked.saturating_add(bytes);
        }
        if sent.lost {
            self.lost = self.lost.saturating_add(bytes);
        }
        if sent.resent {
            self.resent = self.resent.saturating_add(bytes);
        }
        if sent.lost && !sent.resent {
            self.due = self.due.saturating_add(bytes);
        }
    }

    /// Changes one record and keeps the sums.
    fn change(&mut self, index: usize, edit: impl FnOnce(&mut Sent)) {
        let Some(mut sent) = self.list.get(index).copied() else { return };
        self.forget(&sent);
        edit(&mut sent);
        self.count(&sent);
        if let Some(place) = self.list.get_mut(index) {
            *place = sent;
        }
    }

    /// Everything before `una` is acknowledged.
    pub(in crate::tcp) fn acknowledge(&mut self, una: SeqNumber, now: Instant) -> Taken {
        let mut taken = Taken::default();
        while let Some(front) = self.list.front().copied() {
            if front.start.ge(una) {
                break;
            }
            let mut gone = front;
            gone.end = gone.end.min(una);
            self.forget(&gone);
            if !gone.sacked {
                taken.note(&gone);
            }
            if front.end.gt(una) {
                if let Some(front) = self.list.front_mut() {
                    front.start = una;
                }
                break;
            }
            self.list.pop_front();
        }
        self.cursor = self.cursor.max(una);
        self.judged = self.judged.max(una);
        self.delivered(&taken, now);
        taken
    }

    fn delivered(&mut self, taken: &Taken, now: Instant) {
        if taken.fresh > 0 {
            self.delivered_at = now;
        }
        if let Some(newest) = taken.newest {
            self.first_sent = newest.sent_at;
        }
    }

    /// `left..right` is reported received. Records that become reported are joined with their
    /// neighbours, so that a report that says nothing new is found at once.
    pub(in crate::tcp) fn sack(
        &mut self,
        left: SeqNumber,
        right: SeqNumber,
        now: Instant,
    ) -> Taken {
        let mut taken = Taken::default();
        let first = self.index_of(left);
        if self.list.get(first).is_none_or(|sent| sent.sacked && sent.end.ge(right)) {
            return taken;
        }
        // What we split ourselves is bounded by what we send; a peer's reports are not.
        if self.list.len() >= MAX_RECORDS.saturating_mul(2) {
            return taken;
        }
        self.split_at(left);
        self.split_at(right);
        let mut index = self.index_of(left);
        let begin = index;
        self.highest = if self.sacked == 0 { right } else { self.highest.max(right) };
        while let Some(sent) = self.list.get(index).copied().filter(|sent| sent.end.le(right)) {
            if !sent.sacked {
                taken.note(&sent);
                self.change(index, |sent| {
                    (sent.sacked, sent.lost, sent.resent) = (true, false, false);
                });
            }
            index = index.saturating_add(1);
        }
        self.join(begin.saturating_sub(1), index);
        self.delivered(&taken, now);
        taken
    }

    /// Joins neighbouring reported records among those from `begin` up to and including `end`.
    fn join(&mut self, begin: usize, end: usize) {
        let mut at = begin;
        let mut last = end.min(self.list.len().saturating_sub(1));
        while at < last {
            let next = at.saturating_add(1);
            let run = self.list.range(next..=last).take_while(|sent| sent.sacked).count();
            if run == 0 || self.list.get(at).is_none_or(|sent| !sent.sacked) {
                at = next;
                continue;
            }
            let stop = at.saturating_add(run);
            let end_of_run = self.list.get(stop).map(|sent| sent.end);
            if let (Some(sent), Some(end)) = (self.list.get_mut(at), end_of_run) {
                sent.end = end;
            }
            self.list.drain(next..=stop);
            last = last.saturating_sub(run);
            at = next;
        }
    }

    /// Marks the unreported records within `from..to` as lost; gives how many bytes that were
    /// not.
    pub(in crate::tcp) fn mark_lost(&mut self, from: SeqNumber, to: SeqNumber) -> u32 {
        self.split_at(from);
        self.split_at(to);
        let before = self.lost;
        let mut index = self.index_of(from);
        while let Some(sent) = self.list.get(index).filter(|sent| sent.end.le(to)) {
            if !sent.sacked && !sent.lost {
                self.change(index, |sent| (sent.lost, sent.resent) = (true, false));
            }
            index = index.saturating_add(1);
        }
        let marked = self.lost.saturating_sub(before);
        if marked > 0 {
            self.cursor = self.cursor.min(from);
        }
        marked
    }

    // RFC 2018 §8: after a retransmission time-out the sender SHOULD turn off all SACKed bits,
    // since the peer may have discarded what it reported. Everything is to be sent again.
    pub(in crate::tcp) fn on_timeout(&mut self) {
        for sent in &mut self.list {
            sent.sacked = false;
            sent.lost = true;
            sent.resent = false;
        }
        let bytes = match (self.list.front(), self.list.back()) {
            (Some(first), Some(last)) => last.end.since(first.start),
            _ => 0,
        };
        (self.sacked, self.lost, self.resent, self.due) = (0, bytes, 0, bytes);
        if let Some(front) = self.list.front() {
            self.cursor = front.start;
            self.judged = front.start;
        }
    }

    /// The first lost range that was not sent again, at most `max` bytes.
    pub(in crate::tcp) fn next_lost(&mut self, max: u32) -> Option<(SeqNumber, SeqNumber)> {
        if self.due == 0 {
            return None;
        }
        let mut index = self.index_of(self.cursor);
        while self.list.get(index).is_some_and(|sent| !sent.lost || sent.resent) {
            index = index.saturating_add(1);
        }
        let first = self.list.get(index)?;
        let start = first.start;
        self.cursor = start;
        let mut end = start;
        let limit = start + max;
        for sent in self.list.range(index..) {
            if !sent.lost || sent.resent || end.ge(limit) {
                break;
            }
            end = sent.end.min(limit);
        }
        Some((start, end))
    }

    // RFC 6675 §4, NextSeg (3): unreported data below the highest reported, not judged lost and
    // not sent again.
    pub(in crate::tcp) fn next_hole(
        &self,
        below: SeqNumber,
        max: u32,
    ) -> Option<(SeqNumber, SeqNumber)> {
        let first = self.index_of(self.judged);
        let hole = self
            .list
            .range(first..)
            .take_while(|sent| sent.start.lt(below))
            .find(|sent| !sent.sacked && !sent.lost && !sent.resent && !sent.ambiguous)?;
        Some((hole.start, hole.end.min(hole.start + max)))
    }

    /// A range was sent again.
    pub(in crate::tcp) fn on_resent(
        &mut self,
        (start, end): (SeqNumber, SeqNumber),
        now: Instant,
        delivered: u64,
    ) {
        self.split_at(start);
        self.split_at(end);
        let (delivered_at, first_sent) = (self.delivered_at, self.first_sent);
        let mut index = self.index_of(start);
        while self.list.get(index).is_some_and(|sent| sent.end.le(end)) {
            self.change(index, |sent| {
                sent.resent |= !sent.sacked;
                sent.ambiguous = true;
                sent.sent_at = now;
                (sent.delivered, sent.delivered_at, sent.first_sent) =
                    (delivered, delivered_at, first_sent);
            });
            index = index.saturating_add(1);
        }
        self.cursor = self.cursor.max(end);
    }

    /// End of the highest reported range.
    pub(in crate::tcp) const fn highest_sacked(&self) -> Option<SeqNumber> {
        if self.sacked == 0 { None } else { Some(self.highest) }
    }

    /// The records up to the highest reported one, from there downwards.
    pub(super) fn down_from_highest(&self) -> impl Iterator<Item = &Sent> {
        let after = if self.sacked == 0 { 0 } else { self.index_of(self.highest) };
        self.list.range(..after).rev()
    }
}
