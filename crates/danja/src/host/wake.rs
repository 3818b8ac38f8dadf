//! Waking: the host's own thread (an event counter beside the adapters' descriptors) or whoever
//! drives it, and threads that block in a socket call, one of which may lead. Touches neither
//! stack nor adapter.

use crate::clock::Clock;
use danja_stack::Instant;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};

/// The host's thread looks around.
const AWAKE: u8 = 0;
/// It sleeps.
const ASLEEP: u8 = 1;
/// It has to look around (once more).
const NOTIFIED: u8 = 2;
/// It sleeps, and so does a thread that looks for it: a leader.
const LED: u8 = 3;
/// The leader looks around.
const LEADING: u8 = 4;
/// The leader has to look around (once more).
const TOLD: u8 = 5;

/// Wakes whoever drives the host: its thread, or a leader, which is a thread that would sleep in
/// a socket call anyway, and so spares a switch. A system call is made only when they sleep.
///
/// Only frames, room and turned clocks are a leader's business: deadlines are the thread's, which
/// then takes over. A leader may find at any moment that it is none any more, and loses nothing.
pub(super) struct Notifier {
    state: AtomicU8,
    bell: Bell,
    leader: Mutex<Option<Arc<Parker>>>,
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
        Ok(Self {
            state: AtomicU8::new(AWAKE),
            bell: Bell::Counter(counter),
            leader: Mutex::new(None),
        })
    }

    /// For a host that the application drives.
    pub(super) const fn driven() -> Self {
        let bell = Bell::Waker(Mutex::new(None));
        Self { state: AtomicU8::new(AWAKE), bell, leader: Mutex::new(None) }
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

    /// Something came: makes whoever drives look around once more. Waits for nothing.
    pub(super) fn notify(&self) {
        let before = self.change(|state| match state {
            LED | LEADING | TOLD => TOLD,
            _ => NOTIFIED,
        });
        match before {
            ASLEEP => self.ring(),
            LED => {
                let leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner).clone();
                leader.iter().for_each(|leader| leader.unpark());
            }
            _ => {}
        }
    }

    /// Makes the thread itself look around once more, as for a deadline. Waits for nothing.
    pub(super) fn notify_thread(&self) {
        let before = self.state.swap(NOTIFIED, Ordering::AcqRel);
        if matches!(before, ASLEEP | LED | LEADING | TOLD) {
            self.ring();
        }
    }

    /// Gives the state before.
    fn change(&self, to: impl Fn(u8) -> u8) -> u8 {
        let changed =
            self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some(to(state)));
        changed.unwrap_or_else(|state| state)
    }

    /// Whether the state was `from`, and so is `to` now.
    fn exchange(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The calling thread, which is about to sleep, leads from now on, if nobody is awake.
    pub(super) fn lead(&self, parker: &Arc<Parker>) -> bool {
        // Locked, so that whoever finds a leader finds this one.
        let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        let leads = self.exchange(ASLEEP, LED);
        if leads {
            *leader = Some(Arc::clone(parker));
        }
        leads
    }

    /// Whether the leader has to look around; then it says afterwards how it went.
    pub(super) fn is_told(&self) -> bool {
        self.exchange(TOLD, LEADING)
    }

    /// The leader has looked around. `true` if it has to do so again before it sleeps.
    pub(super) fn has_looked(&self, more: bool) -> bool {
        let after = if more { TOLD } else { LED };
        if self.exchange(LEADING, after) {
            more
        } else {
            self.state.load(Ordering::Acquire) == TOLD
        }
    }

    /// The leader has what it waited for.
    pub(super) fn stop_leading(&self) {
        let before = self.change(|state| match state {
            LED | LEADING => ASLEEP,
            TOLD => NOTIFIED,
            other => other,
        });
        if before == TOLD {
            self.ring();
        }
    }

    /// The thread is about to sleep: `false` if it was notified meanwhile and must not.
    pub(super) fn fall_asleep(&self) -> bool {
        self.exchange(AWAKE, ASLEEP)
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
        Self::block(clock, until, |_, waker| poll(waker))
    }

    /// As [`Self::block_on`], for a `poll` that may lead.
    pub(super) fn block<T>(
        clock: &dyn Clock,
        until: Option<Instant>,
        mut poll: impl FnMut(&Arc<Self>, &Waker) -> Poll<T>,
    ) -> Option<T> {
        // A socket may be dropped by a destructor that runs after the thread-local's own.
        let parker = PARKER.try_with(Arc::clone).unwrap_or_default();
        let waker = Waker::from(Arc::clone(&parker));
        // What an earlier call left behind.
        *parker.woken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        loop {
            if let Poll::Ready(value) = poll(&parker, &waker) {
                return Some(value);
            }
            if !parker.sleep(&waker, clock, until) {
                return None;
            }
        }
    }

    /// Ends the sleep, or the next one.
    pub(super) fn unpark(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_one();
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
        self.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}

#[cfg(test)]
mod tests;
