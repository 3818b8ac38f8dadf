//! Waking: the host's own thread (an event counter beside the adapters' descriptors), and
//! threads that block in a socket call. Touches neither stack nor adapter.

use crate::clock::Clock;
use danja_stack::Instant;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Wake, Waker};

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const NOTIFIED: u8 = 2;

/// Wakes the host's thread; a system call is made only when it is asleep.
pub(super) struct Notifier {
    state: AtomicU8,
    counter: OwnedFd,
}

impl Notifier {
    /// # Errors
    /// No descriptor is free.
    pub(super) fn new() -> io::Result<Self> {
        let counter = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { state: AtomicU8::new(AWAKE), counter })
    }

    /// Makes the thread look around once more. Waits for nothing.
    pub(super) fn notify(&self) {
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP {
            // It can only fail when the counter is full, and then the thread is woken anyway.
            let _ = rustix::io::write(&self.counter, &1u64.to_ne_bytes());
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
        let _ = rustix::io::read(&self.counter, &mut [0; 8]);
    }

    /// To be polled for reading.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.counter.as_fd()
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

/// Tells the host's thread that the clock was turned.
pub(super) struct Alarm {
    pub(super) jumped: AtomicBool,
    pub(super) notifier: Arc<Notifier>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.jumped.store(true, Ordering::Release);
        self.notifier.notify();
    }
}

/// A thread that waits in a socket call. Not `thread::park`, whose token belongs to the
/// application.
pub(crate) struct Parker {
    woken: Mutex<bool>,
    condition: Condvar,
}

thread_local! {
    static PARKER: (Arc<Parker>, Waker) = {
        let parker = Arc::new(Parker { woken: Mutex::new(false), condition: Condvar::new() });
        let waker = Waker::from(Arc::clone(&parker));
        (parker, waker)
    };
}

impl Parker {
    /// Calls `act` with the calling thread's parker and the waker that ends its sleep.
    pub(crate) fn with<T>(act: impl FnOnce(&Self, &Waker) -> T) -> T {
        let (parker, waker) = PARKER.with(|(parker, waker)| (Arc::clone(parker), waker.clone()));
        act(&parker, &waker)
    }

    /// Sleeps until woken (`true`) or until the clock says `until` (`false`).
    pub(crate) fn sleep(&self, clock: &dyn Clock, until: Option<Instant>) -> bool {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if std::mem::take(&mut *woken) {
                return true;
            }
            woken = match until.map(|until| (until, clock.sleep(until))) {
                Some((until, _)) if clock.now() >= until => return false,
                Some((_, Some(delay))) => {
                    let waited = self.condition.wait_timeout(woken, delay);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                _ => self.condition.wait(woken).unwrap_or_else(PoisonError::into_inner),
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
