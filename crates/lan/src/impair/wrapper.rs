//! An adapter behind a bad link: one [`Model`] for each direction.

use super::config::Impairment;
use super::control::{LinkControl, LinkState};
use super::model::{ImpairCounters, Model};
use super::random::Random;
use crate::adapter::{Adapter, Capabilities, Counters, Medium, Readiness, Room};
use crate::wire_form::on_the_wire;
use danja_wire::{Frame, Instant};
use std::io;
use std::os::fd::BorrowedFd;
use std::task::Waker;

/// Frames asked of the adapter inside at a time.
const BATCH: usize = 64;
/// Batches taken in one call, so that a flood of frames cannot hold up the caller.
const BATCHES: usize = 16;

/// An adapter with an [`Impairment`] in each direction.
///
/// Its MTU is that of the adapter inside, but it offers neither checksum offload nor segments:
/// frames that arrive with either are cut and summed before they meet the impairment. (One that
/// [begins unimpaired](Self::controlled) offers both and passes them on, until it is impaired.)
pub struct Impaired<A> {
    inner: A,
    transmit: Model,
    receive: Model,
    scratch: Vec<Frame>,
    /// The adapter inside may have more frames than one call took.
    more: bool,
    /// The adapter inside had no room for a frame that is due, and will say when it has.
    blocked: bool,
    /// Frames whose metadata contradicted their bytes.
    refused: [u64; 2],
    /// Who may change it, and which of the changes was seen.
    control: Option<(LinkControl, u64)>,
    connected: bool,
    /// It began without an impairment, and passes on what it is given while it has none.
    offers: bool,
    /// Of frames sent and received: nothing is wrong now.
    plain: [bool; 2],
}

/// A link's header, which traces do not count, in bytes.
const fn header(medium: Medium) -> usize {
    match medium {
        Medium::Ethernet(_) => danja_wire::ethernet::HEADER_LEN,
        Medium::Ip => 0,
    }
}

impl<A: Adapter> Impaired<A> {
    /// Puts `transmit` and `receive` between a stack and `inner`. Both directions draw their dice
    /// from `seed`, independently.
    pub fn new(inner: A, transmit: Impairment, receive: Impairment, seed: u64) -> Self {
        let mut seeds = Random::new(seed);
        Self {
            inner,
            transmit: Model::new(transmit, seeds.next()),
            receive: Model::new(receive, seeds.next()),
            scratch: Vec::with_capacity(BATCH),
            more: false,
            blocked: false,
            refused: [0; 2],
            control: None,
            connected: true,
            offers: false,
            plain: [false; 2],
        }
    }

    /// Puts a link that `control` changes between a stack and `inner`; its dice are drawn from
    /// `seed`. If nothing is wrong with it now, then it offers what `inner` offers, and costs
    /// next to nothing while that stays so.
    pub fn controlled(inner: A, control: &LinkControl, seed: u64) -> Self {
        let nothing = Impairment::default();
        let mut made = Self::new(inner, nothing, nothing, seed);
        made.offers = control.state().is_plain();
        made.control = Some((control.clone(), 0));
        made.look();
        made
    }

    /// Takes over what has been changed.
    fn look(&mut self) {
        let Some((control, version)) = &mut self.control else { return };
        let Some(state) = control.newer(version) else { return };
        let LinkState { transmit, receive, connected } = state;
        let header = header(self.inner.capabilities().medium);
        self.plain = [transmit.is_plain(), receive.is_plain()].map(|plain| plain && self.offers);
        for (model, way) in [(&mut self.transmit, transmit), (&mut self.receive, receive)] {
            model.set_impairment(way.impairment);
            model.set_trace(way.trace, header);
            if !connected {
                model.lose_all();
            }
        }
        self.connected = connected;
        self.count();
    }

    /// Lets the owner of the control see the counters.
    fn count(&self) {
        if let Some((control, _)) = &self.control {
            control.count(self.transmit.counters(), self.receive.counters());
        }
    }

    /// Whether frames sent now may pass as they are.
    fn passes(&mut self, now: Instant, frames: &[Frame]) -> bool {
        if !self.plain[0] || !self.connected || self.transmit.in_flight() > 0 {
            return false;
        }
        // Between the question for room and now, the link may have become plain.
        let room = self.inner.room(now);
        frames.len() <= room.frames && frames.iter().map(Frame::len).sum::<usize>() <= room.bytes
    }

    /// What became of the frames sent.
    pub const fn transmit_counters(&self) -> ImpairCounters {
        self.transmit.counters()
    }

    /// What became of the frames received.
    pub const fn receive_counters(&self) -> ImpairCounters {
        self.receive.counters()
    }

    /// Changes both impairments from now on; frames under way keep their times.
    pub const fn set(&mut self, transmit: Impairment, receive: Impairment) {
        self.transmit.set_impairment(transmit);
        self.receive.set_impairment(receive);
    }

    /// The adapter inside.
    pub const fn inner(&self) -> &A {
        &self.inner
    }

    /// The adapter inside, to be changed.
    pub const fn inner_mut(&mut self) -> &mut A {
        &mut self.inner
    }

    /// Sends what is due, as far as the adapter inside has room.
    fn pump(&mut self, now: Instant) -> io::Result<()> {
        let before = self.transmit.in_flight();
        let pumped = self.pump_all(now);
        if self.transmit.in_flight() < before {
            self.count();
        }
        pumped
    }

    fn pump_all(&mut self, now: Instant) -> io::Result<()> {
        while self.transmit.poll_timeout().is_some_and(|due| due <= now) {
            let room = self.inner.room(now);
            let mut bytes = room.bytes;
            while self.scratch.len() < room.frames.min(BATCH)
                && let Some(length) =
                    self.transmit.peek(now).map(Frame::len).filter(|length| *length <= bytes)
            {
                bytes -= length;
                self.scratch.extend(self.transmit.poll(now));
            }
            if self.scratch.is_empty() {
                self.blocked = true;
                return Ok(());
            }
            let sent = self.inner.transmit(now, &mut self.scratch);
            self.scratch.clear();
            sent?;
        }
        self.blocked = false;
        Ok(())
    }
}

impl<A: Adapter> Adapter for Impaired<A> {
    fn capabilities(&self) -> Capabilities {
        let inner = self.inner.capabilities();
        if self.offers {
            inner
        } else {
            Capabilities { checksum: false, max_segmented: 0, ..inner }
        }
    }

    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        self.look();
        self.pump(now)?;
        if self.plain[1] && self.connected && self.receive.in_flight() == 0 {
            self.more = false;
            return self.inner.receive(now, frames, max);
        }
        let medium = self.inner.capabilities().medium;
        for _ in 0..BATCHES {
            let count = self.inner.receive(now, &mut self.scratch, BATCH)?;
            for frame in self.scratch.drain(..) {
                if !self.connected {
                    self.receive.lose();
                    continue;
                }
                let done = on_the_wire(frame, medium, |part| self.receive.offer(now, part));
                self.refused[1] += u64::from(!done);
            }
            self.more = count >= BATCH;
            if !self.more {
                break;
            }
        }
        let before = frames.len();
        while frames.len() - before < max
            && let Some(frame) = self.receive.poll(now)
        {
            frames.push(frame);
        }
        self.count();
        Ok(frames.len() - before)
    }

    fn room(&mut self, now: Instant) -> Room {
        self.look();
        // A failure shows in the next `receive` or `transmit`.
        let _ = self.pump(now);
        if self.plain[0] && self.connected && self.transmit.in_flight() == 0 {
            return self.inner.room(now);
        }
        // A link has no back pressure: what its queue does not take is dropped.
        Room::UNLIMITED
    }

    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        if self.passes(now, frames) {
            return self.inner.transmit(now, frames);
        }
        let medium = self.inner.capabilities().medium;
        for frame in frames.drain(..) {
            if !self.connected {
                self.transmit.lose();
                continue;
            }
            let done = on_the_wire(frame, medium, |part| self.transmit.offer(now, part));
            self.refused[0] += u64::from(!done);
        }
        self.count();
        self.pump(now)
    }

    fn readiness(&self) -> Readiness<'_> {
        self.inner.readiness()
    }

    fn set_waker(&mut self, waker: Waker) {
        if let Some((control, _)) = &self.control {
            control.set_waker(waker.clone());
        }
        self.inner.set_waker(waker);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.more {
            return Some(Instant::ZERO);
        }
        let sending = if self.blocked { None } else { self.transmit.poll_timeout() };
        [sending, self.receive.poll_timeout(), self.inner.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_blocked(&self) -> bool {
        self.blocked || self.inner.is_blocked()
    }

    fn link(&mut self) -> bool {
        self.look();
        // A host that waits for a descriptor asks only when the device has said that it changed.
        let told = matches!(self.inner.readiness(), Readiness::Waker);
        self.inner.link() && (self.connected || !told)
    }

    fn link_events(&self) -> Option<BorrowedFd<'_>> {
        self.inner.link_events()
    }

    fn counters(&self) -> Counters {
        let mut counters = self.inner.counters();
        counters.transmitted_dropped += self.refused[0];
        counters.received_dropped += self.refused[1];
        counters
    }
}

impl<A> std::fmt::Debug for Impaired<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Impaired")
            .field("transmit", &self.transmit)
            .field("receive", &self.receive)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
