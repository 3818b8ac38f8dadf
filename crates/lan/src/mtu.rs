//! Wrapper: a smaller MTU than the device's. Cuts and drops nothing itself: stacks keep to it.

use crate::adapter::{Adapter, Capabilities, Counters, Readiness, Room};
use danja_wire::{Frame, Instant};
use std::io;
use std::os::fd::BorrowedFd;
use std::task::Waker;

/// An adapter that says it carries smaller packets than it could.
#[derive(Debug)]
pub struct SmallerMtu<A> {
    inner: A,
    mtu: usize,
}

impl<A: Adapter> SmallerMtu<A> {
    /// The adapter with an MTU of `mtu` bytes of IP packet, or with its own if that is smaller.
    pub fn new(inner: A, mtu: usize) -> Self {
        Self { inner, mtu }
    }
}

impl<A: Adapter> Adapter for SmallerMtu<A> {
    fn capabilities(&self) -> Capabilities {
        let can = self.inner.capabilities();
        Capabilities { mtu: can.mtu.min(self.mtu), ..can }
    }

    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        self.inner.receive(now, frames, max)
    }

    fn room(&mut self, now: Instant) -> Room {
        self.inner.room(now)
    }

    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
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

    fn link(&mut self) -> bool {
        self.inner.link()
    }

    fn link_events(&self) -> Option<BorrowedFd<'_>> {
        self.inner.link_events()
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}
