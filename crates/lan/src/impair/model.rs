//! One direction of a bad link: frames go in with the time, and come out when they are due.

use super::config::{Impairment, Loss};
use super::random::Random;
use super::trace::{Cursor, Trace};
use core::time::Duration;
use danja_wire::{ChecksumState, Frame, Instant, Offload, Payload};
use std::collections::VecDeque;
use std::sync::Arc;

/// What became of the frames offered to a [`Model`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ImpairCounters {
    /// Frames that went in.
    pub offered: u64,
    /// Dropped because too many waited for the link, or were under way.
    pub overflowed: u64,
    /// Lost on the way.
    pub lost: u64,
    /// One bit flipped.
    pub corrupted: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Held back for later ones to overtake.
    pub reordered: u64,
    /// Frames that came out, copies included.
    pub delivered: u64,
}

struct Flight {
    due: Instant,
    frame: Frame,
}

/// One direction of a link with an [`Impairment`].
///
/// Pure: the same offers at the same times with the same seed give the same frames at the same
/// times. Frames should be as a wire carries them, cut and with complete checksums (see
/// [`on_the_wire`](crate::on_the_wire)); a corrupted one is treated as complete, whatever it said.
pub struct Model {
    impairment: Impairment,
    /// In the place of the rate; with the bytes of a frame that it does not count.
    trace: Option<(Arc<Trace>, Cursor, usize)>,
    random: Random,
    /// Of the Gilbert–Elliott link.
    bad: bool,
    /// When the link has sent all it was given.
    free_at: Instant,
    /// What the last sending time was short of, in bits × 10⁹ below one nanosecond's worth.
    residue: u128,
    /// When the frames that wait for the link, or are being sent, will have left it.
    leaving: VecDeque<Instant>,
    /// In order of arrival.
    flying: VecDeque<Flight>,
    /// When the last frame that keeps its place arrives.
    last_arrival: Instant,
    counters: ImpairCounters,
}

impl Model {
    /// An idle link.
    pub const fn new(impairment: Impairment, seed: u64) -> Self {
        Self {
            impairment,
            trace: None,
            random: Random::new(seed),
            bad: false,
            free_at: Instant::ZERO,
            residue: 0,
            leaving: VecDeque::new(),
            flying: VecDeque::new(),
            last_arrival: Instant::ZERO,
            counters: ImpairCounters {
                offered: 0,
                overflowed: 0,
                lost: 0,
                corrupted: 0,
                duplicated: 0,
                reordered: 0,
                delivered: 0,
            },
        }
    }

    /// Gives the link a frame at its near end.
    pub fn offer(&mut self, now: Instant, frame: Frame) {
        self.counters.offered += 1;
        let Some(left) = self.serialize(now, frame.len()) else {
            self.counters.overflowed += 1;
            return;
        };
        if self.is_lost() {
            self.counters.lost += 1;
            return;
        }
        let frame =
            if self.random.chance(self.impairment.corrupt) { self.corrupt(frame) } else { frame };
        let copy = self.random.chance(self.impairment.duplicate).then(|| frame.clone());
        let due = self.arrival(left);
        self.fly(due, frame);
        if let Some(copy) = copy {
            self.counters.duplicated += 1;
            self.fly(due, copy);
        }
    }

    /// Takes the next frame that has arrived at the far end by `now`.
    pub fn poll(&mut self, now: Instant) -> Option<Frame> {
        if self.flying.front()?.due > now {
            return None;
        }
        self.counters.delivered += 1;
        self.flying.pop_front().map(|flight| flight.frame)
    }

    /// The frame that [`Self::poll`] would give.
    pub fn peek(&self, now: Instant) -> Option<&Frame> {
        self.flying.front().filter(|flight| flight.due <= now).map(|flight| &flight.frame)
    }

    /// When the next frame arrives; `None` if none is under way.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.flying.front().map(|flight| flight.due)
    }

    /// Frames under way.
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// What became of the frames so far.
    pub const fn counters(&self) -> ImpairCounters {
        self.counters
    }

    /// What the link does.
    pub const fn impairment(&self) -> &Impairment {
        &self.impairment
    }

    /// Changes what the link does to frames from now on; those under way keep their times.
    pub const fn set_impairment(&mut self, impairment: Impairment) {
        self.impairment = impairment;
    }

    /// From now on frames leave when this trace lets them, whatever the rate; `header` is how many
    /// bytes of a frame are the link's header, which a trace does not count. It begins with the
    /// next frame, unless it is the one in use.
    pub fn set_trace(&mut self, trace: Option<Arc<Trace>>, header: usize) {
        let same = match (&self.trace, &trace) {
            (Some((old, ..)), Some(new)) => old == new,
            (old, new) => old.is_none() && new.is_none(),
        };
        if !same {
            self.trace = trace.map(|trace| (trace, Cursor::new(), header));
        }
    }

    /// Loses all that is under way: the cable was pulled.
    pub fn lose_all(&mut self) {
        self.counters.lost += self.flying.len() as u64;
        self.flying.clear();
        self.leaving.clear();
        self.free_at = Instant::ZERO;
    }

    /// Loses a frame before it is sent: no cable is there.
    pub const fn lose(&mut self) {
        self.counters.offered += 1;
        self.counters.lost += 1;
    }

    /// When the frame will have left the link's near end; `None` if there is no space to wait.
    fn serialize(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let rate = self.impairment.rate.filter(|rate| *rate > 0);
        if rate.is_none() && self.trace.is_none() {
            return Some(now);
        }
        while self.leaving.front().is_some_and(|leaves| *leaves <= now) {
            self.leaving.pop_front();
        }
        if self.leaving.len() >= self.impairment.limit.max(1) {
            return None;
        }
        if let Some((trace, cursor, header)) = &mut self.trace {
            let left = cursor.send(trace, now, bytes.saturating_sub(*header));
            self.leaving.push_back(left);
            return Some(left);
        }
        let Some(rate) = rate else { return Some(now) };
        if self.free_at <= now {
            self.free_at = now;
            self.residue = 0;
        }
        // The remainder is carried on, so that a busy link has its rate to the nanosecond.
        let work = bytes as u128 * 8 * 1_000_000_000 + self.residue;
        self.residue = work % u128::from(rate);
        let takes = u64::try_from(work / u128::from(rate)).unwrap_or(u64::MAX);
        self.free_at += Duration::from_nanos(takes);
        self.leaving.push_back(self.free_at);
        Some(self.free_at)
    }

    fn is_lost(&mut self) -> bool {
        match self.impairment.loss {
            Loss::None => false,
            Loss::Random(probability) => self.random.chance(probability),
            Loss::Bursts(bursts) => {
                let change = if self.bad { bursts.leave } else { bursts.enter };
                self.bad ^= self.random.chance(change);
                self.random.chance(if self.bad { bursts.loss_bad } else { bursts.loss_good })
            }
        }
    }

    /// The frame with one bit flipped, in a buffer of its own: others share the old one.
    fn corrupt(&mut self, frame: Frame) -> Frame {
        let mut bytes = frame.to_vec();
        let bit = self.random.below(bytes.len() as u64 * 8);
        let Some(byte) = usize::try_from(bit / 8).ok().and_then(|at| bytes.get_mut(at)) else {
            return frame;
        };
        *byte ^= 1 << (bit % 8);
        self.counters.corrupted += 1;
        let offload = Offload { checksum: ChecksumState::Complete, segment_size: 0 };
        Frame::received(Payload::from(bytes), offload)
    }

    /// When a frame that left the near end at `left` arrives.
    fn arrival(&mut self, left: Instant) -> Instant {
        let jitter = u64::try_from(self.impairment.jitter.as_nanos()).unwrap_or(u64::MAX);
        let mut due = left + self.impairment.delay;
        if jitter > 0 {
            let spread = self.random.below(jitter.saturating_mul(2).saturating_add(1));
            due = (due + Duration::from_nanos(spread) - self.impairment.jitter).max(left);
        }
        if self.random.chance(self.impairment.reorder) {
            self.counters.reordered += 1;
            return due.max(self.last_arrival) + self.impairment.hold;
        }
        self.last_arrival = self.last_arrival.max(due);
        self.last_arrival
    }

    fn fly(&mut self, due: Instant, frame: Frame) {
        if self.flying.len() >= self.impairment.in_flight {
            self.counters.overflowed += 1;
            return;
        }
        // Behind all that arrive by then; nearly always the end.
        let place = match self.flying.back() {
            Some(last) if last.due > due => self.flying.partition_point(|flight| flight.due <= due),
            _ => self.flying.len(),
        };
        self.flying.insert(place, Flight { due, frame });
    }
}

impl core::fmt::Debug for Model {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Model")
            .field("impairment", &self.impairment)
            .field("in_flight", &self.flying.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
