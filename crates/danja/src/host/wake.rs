//! Waking: the host's own thread (an event counter beside the adapters' descriptors) or whoever
//! drives it, and
//! threads that block in a socket call. Touches neither stack nor adapter.

use crate::clock::Clock;
use danja_stack::Instant;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const NOTIFIED: u8 = 2;

/// Wakes the host's thread; a system call is made only when it is asleep.
pub(super) struct Notifier {
    state: AtomicU8,
    bell: Bell,
}

/// How whoever drives the host is woken.
enum Bell {
    /// Its own thread polls this event counter.
    Counter(OwnedFd),
    /// The application drives it.
    Waker(Mutex<Option<Waker>>),
}

impl Notifier {
    /// # Errors
    /// No descriptor is free.
    pub(super) fn new() -> io::Result<Self> {
        let counter = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { state: AtomicU8::new(AWAKE), bell: Bell::Counter(counter) })
    }

    /// For a host that the application drives.
    pub(super) const fn driven() -> Self {
        Self { state: AtomicU8::new(AWAKE), bell: Bell::Waker(Mutex::new(None)) }
    }

    /// Whether the application drives the host.
    pub(super) const fn is_driven(&self) -> bool {
        matches!(self.bell, Bell::Waker(_))
    }

    /// Whom to wake, where the application drives the host.
    pub(super) fn set_waker(&self, waker: Waker) {
        if let Bell::Waker(place) = &self.bell {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
            // Who was notified before rang nobody.
            if self.state.load(Ordering::Acquire) == NOTIFIED {
                self.ring();
            }
        }
    }

    fn ring(&self) {
        match &self.bell {
            Bell::Counter(counter) => {
                // It can only fail when the counter is full, and then the thread is woken anyway.
                let _ = rustix::io::write(counter, &1u64.to_ne_bytes());
            }
            Bell::Waker(place) => {
                let waker = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
                waker.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Makes the thread look around once more. Waits for nothing.
    pub(super) fn notify(&self) {
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP {
            self.ring();
        }
    }

    /// The thread is about to sleep: `false` if it was notified meanwhile and must not.
    pub(super) fn fall_asleep(&self) -> bool {
        self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The thread looks around: notifications before this moment are answered by that.
    pub(super) fn awake(&self) {
        self.state.store(AWAKE, Ordering::Release);
    }

    /// Takes the count away once the descriptor was readable.
    pub(super) fn drain(&self) {
        if let Bell::Counter(counter) = &self.bell {
            let _ = rustix::io::read(counter, &mut [0; 8]);
        }
    }

    /// To be polled for reading.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.bell {
            Bell::Counter(counter) => Some(counter.as_fd()),
            Bell::Waker(_) => None,
        }
    }
}

impl Wake for Notifier {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}

/// A thread that waits in a socket call. Not `thread::park`, whose token belongs to the
/// application.
#[derive(Default)]
pub(crate) struct Parker {
    woken: Mutex<bool>,
    condition: Condvar,
}

thread_local! {
    static PARKER: Arc<Parker> = Arc::default();
}

impl Parker {
    /// Calls `poll` until it is ready, with a waker that ends the sleep in between; `None` if
    /// the clock says `until` first.
    pub(crate) fn block_on<T>(
        clock: &dyn Clock,
        until: Option<Instant>,
        mut poll: impl FnMut(&Waker) -> Poll<T>,
    ) -> Option<T> {
        // A socket may be dropped by a destructor that runs after the thread-local's own.
        let parker = PARKER.try_with(Arc::clone).unwrap_or_default();
        let waker = Waker::from(Arc::clone(&parker));
        loop {
            if let Poll::Ready(value) = poll(&waker) {
                return Some(value);
            }
            if !parker.sleep(&waker, clock, until) {
                return None;
            }
        }
    }

    /// Sleeps until woken (`true`) or until the clock says `until` (`false`).
    fn sleep(&self, waker: &Waker, clock: &dyn Clock, until: Option<Instant>) -> bool {
        let delay = until.map(|until| clock.sleep(until));
        if delay != Some(None) {
            return self.wait(clock, until);
        }
        // The time comes when somebody turns the clock.
        clock.register(waker.clone());
        let woken = self.wait(clock, until);
        clock.unregister(waker);
        woken
    }

    fn wait(&self, clock: &dyn Clock, until: Option<Instant>) -> bool {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if std::mem::take(&mut *woken) {
                return true;
            }
            if until.is_some_and(|until| clock.now() >= until) {
                return false;
            }
            woken = match until.and_then(|until| clock.sleep(until)) {
                Some(delay) => {
                    let waited = self.condition.wait_timeout(woken, delay);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.condition.wait(woken).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_one();
    }
}
