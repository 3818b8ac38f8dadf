//! Where a host's time comes from: the machine's clock, or one that a test turns by hand. The
//! stack itself reads none.

use danja_stack::Instant;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// A clock that a host lives by.
pub trait Clock: Send + Sync {
    /// The time; it never goes back.
    fn now(&self) -> Instant;

    /// How long a thread has to sleep, in real time, for `until` to come. `None`: it comes only
    /// when somebody turns the clock, and the wakers of [`Clock::register`] are called then.
    fn sleep(&self, until: Instant) -> Option<Duration>;

    /// Whom to wake when the clock jumps.
    fn register(&self, _waker: Waker) {}

    /// A registered waker is not needed any more.
    fn unregister(&self, _waker: &Waker) {}
}

/// The machine's monotonic clock, from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    base: std::time::Instant,
}

impl RealClock {
    /// A clock that shows zero now.
    pub fn new() -> Self {
        Self { base: std::time::Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    fn now(&self) -> Instant {
        Instant::ZERO + self.base.elapsed()
    }

    fn sleep(&self, until: Instant) -> Option<Duration> {
        Some(until.saturating_since(self.now()))
    }
}

/// A clock that stands still until it is turned, for simulations: minutes pass in no time.
///
/// Clones show the same time, so several hosts can live by one clock.
///
/// ```
/// use danja::clock::{Clock, VirtualClock};
/// use std::time::Duration;
///
/// let clock = VirtualClock::new();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().as_millis(), 60_000);
/// ```
#[derive(Clone, Default)]
pub struct VirtualClock {
    state: Arc<Mutex<(Instant, Vec<Waker>)>>,
}

impl VirtualClock {
    /// A clock that shows zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += by;
        let wakers = state.1.clone();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn sleep(&self, until: Instant) -> Option<Duration> {
        (until <= self.now()).then_some(Duration::ZERO)
    }

    fn register(&self, waker: Waker) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.push(waker);
    }

    fn unregister(&self, waker: &Waker) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.retain(|known| !known.will_wake(waker));
    }
}

impl std::fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
    }
}
