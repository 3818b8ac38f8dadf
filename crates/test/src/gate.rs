//! An adapter that can be unplugged, and that hears nothing of those beyond a partition.

use danja::lan::{Adapter, Capabilities, Counters, Readiness, Room};
use danja::stack::{Frame, Instant};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// Pairs of stations that do not hear each other, the smaller first.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    any: AtomicBool,
    pairs: Mutex<BTreeSet<(u16, u16)>>,
}

const fn pair(a: u16, b: u16) -> (u16, u16) {
    if a < b { (a, b) } else { (b, a) }
}

impl Cuts {
    pub(crate) fn cut(&self, a: u16, b: u16) {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).insert(pair(a, b));
        self.any.store(true, Ordering::Relaxed);
    }

    pub(crate) fn heal(&self) {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.any.store(false, Ordering::Relaxed);
    }

    fn are_cut(&self, a: u16, b: u16) -> bool {
        self.any.load(Ordering::Relaxed)
            && self.pairs.lock().unwrap_or_else(PoisonError::into_inner).contains(&pair(a, b))
    }
}

/// See the module.
pub(crate) struct Gate<A> {
    pub(crate) inner: A,
    pub(crate) station: u16,
    pub(crate) up: Arc<AtomicBool>,
    pub(crate) cuts: Arc<Cuts>,
    pub(crate) scratch: Vec<Frame>,
}

impl<A> Gate<A> {
    fn hears(&self, frame: &Frame) -> bool {
        // The last two bytes of the source's hardware address are the station's number.
        let source = frame.range(10, 12);
        let number = source.as_slice().try_into().map(u16::from_be_bytes);
        number.is_ok_and(|number| !self.cuts.are_cut(number, self.station))
    }
}

impl<A: Adapter> Adapter for Gate<A> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let count = self.inner.receive(now, &mut scratch, max)?;
        let up = self.up.load(Ordering::Relaxed);
        frames.extend(scratch.drain(..).filter(|frame| up && self.hears(frame)));
        self.scratch = scratch;
        Ok(count)
    }

    fn room(&mut self, now: Instant) -> Room {
        self.inner.room(now)
    }

    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        if !self.up.load(Ordering::Relaxed) {
            frames.clear();
        }
        self.inner.transmit(now, frames)
    }

    fn readiness(&self) -> Readiness<'_> {
        self.inner.readiness()
    }

    fn set_waker(&mut self, waker: Waker) {
        self.inner.set_waker(waker);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn is_blocked(&self) -> bool {
        self.inner.is_blocked()
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}
