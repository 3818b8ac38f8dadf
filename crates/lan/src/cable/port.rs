//! A port of the switch: the adapter that a stack on the virtual LAN uses.

use super::switch::{Plug, State, lock};
use crate::adapter::{Adapter, Capabilities, Counters, Readiness, Room};
use danja_wire::{Frame, Instant};
use std::io;
use std::sync::{Arc, Mutex};
use std::task::Waker;

/// A station's place on a [`Switch`](super::Switch); dropping it unplugs the station.
///
/// It always has room: like a real switch, a port whose owner is slow drops what its queue does
/// not hold (counted there as `received_dropped`) and slows nobody else down.
pub struct Port {
    shared: Arc<Mutex<State>>,
    index: usize,
    capabilities: Capabilities,
    /// Whom a call has to wake after unlocking; kept for its memory.
    wake: Vec<Waker>,
}

impl Port {
    pub(super) const fn new(
        shared: Arc<Mutex<State>>,
        index: usize,
        capabilities: Capabilities,
    ) -> Self {
        Self { shared, index, capabilities, wake: Vec::new() }
    }

    fn with<T: Default>(&self, act: impl FnOnce(&mut Plug) -> T) -> T {
        lock(&self.shared)
            .ports
            .get_mut(self.index)
            .and_then(Option::as_mut)
            .map(act)
            .unwrap_or_default()
    }
}

impl Adapter for Port {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn receive(&mut self, _now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        Ok(self.with(|plug| {
            let count = plug.queue.len().min(max);
            for frame in plug.queue.drain(..count) {
                plug.counters.received_frames += 1;
                plug.counters.received_bytes += frame.len() as u64;
                frames.push(frame);
            }
            count
        }))
    }

    fn room(&mut self, _now: Instant) -> Room {
        Room::UNLIMITED
    }

    fn transmit(&mut self, _now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        lock(&self.shared).forward(self.index, frames, &mut self.wake);
        frames.clear();
        self.wake.drain(..).for_each(Waker::wake);
        Ok(())
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Waker
    }

    fn set_waker(&mut self, waker: Waker) {
        let waiting = self.with(|plug| {
            plug.waker = Some(waker.clone());
            !plug.queue.is_empty()
        });
        if waiting {
            waker.wake();
        }
    }

    fn link(&mut self) -> bool {
        self.with(|plug| plug.up)
    }

    fn counters(&self) -> Counters {
        self.with(|plug| plug.counters)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        lock(&self.shared).remove(self.index);
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port")
            .field("medium", &self.capabilities.medium)
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
