//! An adapter behind a bad link: one [`Model`] for each direction.

use super::config::Impairment;
use super::model::{ImpairCounters, Model};
use super::random::Random;
use crate::adapter::{Adapter, Capabilities, Counters, Readiness, Room};
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
/// frames that arrive with either are cut and summed before they meet the impairment.
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
        }
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
        Capabilities { checksum: false, max_segmented: 0, ..self.inner.capabilities() }
    }

    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        self.pump(now)?;
        let medium = self.inner.capabilities().medium;
        for _ in 0..BATCHES {
            let count = self.inner.receive(now, &mut self.scratch, BATCH)?;
            for frame in self.scratch.drain(..) {
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
        Ok(frames.len() - before)
    }

    fn room(&mut self, now: Instant) -> Room {
        // A failure shows in the next `receive` or `transmit`.
        let _ = self.pump(now);
        // A link has no back pressure: what its queue does not take is dropped.
        Room::UNLIMITED
    }

    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        let medium = self.inner.capabilities().medium;
        for frame in frames.drain(..) {
            let done = on_the_wire(frame, medium, |part| self.transmit.offer(now, part));
            self.refused[0] += u64::from(!done);
        }
        self.pump(now)
    }

    fn readiness(&self) -> Readiness<'_> {
        self.inner.readiness()
    }

    fn set_waker(&mut self, waker: Waker) {
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
        self.inner.link()
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
