//! The world's clock, which the stacks read; only the world turns it. Reads no other.

use danja::clock::Clock;
use danja::stack::Instant;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Nanoseconds since the world began.
#[derive(Debug, Default)]
pub(crate) struct WorldClock(AtomicU64);

impl WorldClock {
    /// Turns it; it never goes back.
    pub(crate) fn set(&self, now: Instant) {
        self.0.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, until: Instant) -> Option<Duration> {
        (until <= self.now()).then_some(Duration::ZERO)
    }
}
