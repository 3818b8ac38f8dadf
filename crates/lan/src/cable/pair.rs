//! One cable with two ends, for a point-to-point link and for tests.
//!
//! Unlike a switch it has back pressure: an end has room for what the other end's queue takes.

use super::{MAX_SEGMENTED, fits};
use crate::adapter::{Adapter, Capabilities, Counters, Medium, Readiness, Room};
use danja_wire::{Frame, Instant};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Frames that wait in one direction.
const QUEUE: usize = 1024;

#[derive(Default)]
struct Side {
    /// Towards this side.
    queue: VecDeque<Frame>,
    waker: Option<Waker>,
    counters: Counters,
    gone: bool,
}

/// One end of a cable. When the other end is dropped, frames go nowhere and are counted.
pub struct End {
    shared: Arc<Mutex<[Side; 2]>>,
    side: usize,
    capabilities: Capabilities,
}

/// A cable that carries IP packets without a link header, with an MTU of 1500 bytes.
pub fn pair() -> (End, End) {
    pair_of(Medium::Ip, Medium::Ip, 1500)
}

/// A cable between two stations; `mtu` is the largest IP packet in an uncut frame, in bytes.
pub fn pair_of(first: Medium, second: Medium, mtu: usize) -> (End, End) {
    let shared = Arc::new(Mutex::new([Side::default(), Side::default()]));
    let end = |side, medium| End {
        shared: Arc::clone(&shared),
        side,
        capabilities: Capabilities { medium, mtu, checksum: true, max_segmented: MAX_SEGMENTED },
    };
    (end(0, first), end(1, second))
}

impl End {
    fn lock(&self) -> MutexGuard<'_, [Side; 2]> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn other(&self) -> usize {
        1 - self.side
    }
}

impl Adapter for End {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn receive(&mut self, _now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let mut sides = self.lock();
        let own = &mut sides[self.side];
        let was_full = own.queue.len() >= QUEUE;
        let count = own.queue.len().min(max);
        for frame in own.queue.drain(..count) {
            own.counters.received_frames += 1;
            own.counters.received_bytes += frame.len() as u64;
            frames.push(frame);
        }
        // Room returns to the other end.
        let wake = if was_full && count > 0 { sides[self.other()].waker.clone() } else { None };
        drop(sides);
        wake.into_iter().for_each(Waker::wake);
        Ok(count)
    }

    fn room(&mut self, _now: Instant) -> Room {
        let sides = self.lock();
        let other = &sides[self.other()];
        let frames = if other.gone { usize::MAX } else { QUEUE.saturating_sub(other.queue.len()) };
        Room { frames, bytes: usize::MAX }
    }

    fn transmit(&mut self, _now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        let mut sides = self.lock();
        let mut wake = None;
        for frame in frames.drain(..) {
            let other = &mut sides[self.other()];
            if other.gone || other.queue.len() >= QUEUE || !fits(&frame, self.capabilities.mtu) {
                sides[self.side].counters.transmitted_dropped += 1;
                continue;
            }
            if other.queue.is_empty() {
                wake.clone_from(&other.waker);
            }
            let bytes = frame.len() as u64;
            other.queue.push_back(frame);
            let counters = &mut sides[self.side].counters;
            counters.transmitted_frames += 1;
            counters.transmitted_bytes += bytes;
        }
        drop(sides);
        wake.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Waker
    }

    fn set_waker(&mut self, waker: Waker) {
        let mut sides = self.lock();
        let own = &mut sides[self.side];
        own.waker = Some(waker.clone());
        let waiting = !own.queue.is_empty();
        drop(sides);
        if waiting {
            waker.wake();
        }
    }

    fn counters(&self) -> Counters {
        self.lock()[self.side].counters
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut sides = self.lock();
        sides[self.side].gone = true;
        sides[self.side].queue.clear();
        // Whoever waits for room has it now, to no use.
        let wake = sides[self.other()].waker.clone();
        drop(sides);
        wake.into_iter().for_each(Waker::wake);
    }
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("End")
            .field("medium", &self.capabilities.medium)
            .field("counters", &self.counters())
            .finish()
    }
}
