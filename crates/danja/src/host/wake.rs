//! Waking: the host's own thread (an event counter beside the adapters' descriptors) or whoever
//! drives it, and threads that block in a socket call, one of which may lead. Touches neither
//! stack nor adapter.

use crate::clock::Clock;
use danja_stack::Instant;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};

/// The host's thread looks around.
const AWAKE: u64 = 0;
/// It sleeps.
const ASLEEP: u64 = 1;
/// It has to look around (once more).
const NOTIFIED: u64 = 2;
/// It sleeps, and so does a thread that looks for it: a leader.
const LED: u64 = 3;
/// The leader looks around.
const LEADING: u64 = 4;
/// The leader has to look around (once more).
const TOLD: u64 = 5;

/// A state's bits; those above are the leader's ticket.
const STATE: u64 = 7;

/// Which leader: one that leads no more cannot be taken for the one that does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ticket(u64);

impl Ticket {
    const fn next(self) -> Self {
        Self(self.0.wrapping_add(STATE + 1))
    }

    /// A state of this leader.
    const fn is(self, state: u64) -> u64 {
        self.0 | state
    }
}

/// Wakes whoever drives the host: its thread, or a leader, which is a thread that would sleep in
/// a socket call anyway, and so spares a switch. A system call is made only when they sleep.
///
/// Only frames, room and turned clocks are a leader's business: deadlines are the thread's, which
/// then takes over. A leader may find at any moment that it is none any more; whoever took its
/// place looks at all adapters after that moment, so nothing is lost.
pub(super) struct Notifier {
    state: AtomicU64,
    bell: Bell,
    leader: Mutex<(Ticket, Option<Arc<Parker>>)>,
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
        Ok(Self::with(Bell::Counter(counter)))
    }

    /// For a host that the application drives.
    pub(super) const fn driven() -> Self {
        Self::with(Bell::Waker(Mutex::new(None)))
    }

    const fn with(bell: Bell) -> Self {
        Self { state: AtomicU64::new(AWAKE), bell, leader: Mutex::new((Ticket(0), None)) }
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
        let before = self.change(|state| match state & STATE {
            LED | LEADING | TOLD => state & !STATE | TOLD,
            _ => NOTIFIED,
        });
        match before & STATE {
            ASLEEP => self.ring(),
            LED => {
                let leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner).1.clone();
                leader.iter().for_each(|leader| leader.unpark());
            }
            _ => {}
        }
    }

    /// Makes the thread itself look around once more, as for a deadline. Waits for nothing.
    pub(super) fn notify_thread(&self) {
        let before = self.state.swap(NOTIFIED, Ordering::AcqRel);
        if matches!(before & STATE, ASLEEP | LED | LEADING | TOLD) {
            self.ring();
        }
    }

    /// Gives the state before.
    fn change(&self, to: impl Fn(u64) -> u64) -> u64 {
        let changed =
            self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some(to(state)));
        changed.unwrap_or_else(|state| state)
    }

    /// Whether the state was `from`, and so is `to` now.
    fn exchange(&self, from: u64, to: u64) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The calling thread, which is about to sleep, leads from now on, if nobody is awake.
    pub(super) fn lead(&self, parker: &Arc<Parker>) -> Option<Ticket> {
        if self.state.load(Ordering::Relaxed) != ASLEEP {
            return None;
        }
        // Locked, so that whoever finds a leader finds this one.
        let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = leader.0.next();
        if !self.exchange(ASLEEP, ticket.is(LED)) {
            return None;
        }
        *leader = (ticket, Some(Arc::clone(parker)));
        Some(ticket)
    }

    /// Whether it still leads.
    pub(super) fn is_led_by(&self, ticket: Ticket) -> bool {
        let state = self.state.load(Ordering::Acquire);
        state & !STATE == ticket.0
    }

    /// Whether this leader has to look around; then it says afterwards how it went.
    pub(super) fn is_told(&self, ticket: Ticket) -> bool {
        self.exchange(ticket.is(TOLD), ticket.is(LEADING))
    }

    /// The leader has looked around. `true` if it has to do so again before it sleeps.
    pub(super) fn has_looked(&self, ticket: Ticket, more: bool) -> bool {
        let after = ticket.is(if more { TOLD } else { LED });
        if self.exchange(ticket.is(LEADING), after) {
            more
        } else {
            self.state.load(Ordering::Acquire) == ticket.is(TOLD)
        }
    }

    /// The leader does not sleep any more: it has what it waited for, or no time, or it panics
    /// (while it looks around, perhaps). What is left to do is the thread's.
    pub(super) fn stop_leading(&self, ticket: Ticket) {
        let before = self.change(|state| match state {
            led if led == ticket.is(LED) => ASLEEP,
            busy if busy == ticket.is(TOLD) || busy == ticket.is(LEADING) => NOTIFIED,
            other => other,
        });
        if before == ticket.is(TOLD) || before == ticket.is(LEADING) {
            self.ring();
        }
    }

    /// The thread is about to sleep: `false` if it was notified meanwhile and must not.
    pub(super) fn fall_asleep(&self) -> bool {
        self.exchange(AWAKE, ASLEEP)
    }

    /// The thread looks around: notifications before this moment are answered by that, and
    /// nobody leads.
    pub(super) fn awake(&self) {
        // Not a mere store: what was done before a notification is seen after it.
        self.state.swap(AWAKE, Ordering::AcqRel);
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
    /// Kept for the next call; a call within a call (of a waker's) has one of its own.
    static PARKER: Cell<Option<Arc<Parker>>> = const { Cell::new(None) };
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
        let parker = PARKER.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let waker = Waker::from(Arc::clone(&parker));
        // What an earlier call left behind.
        *parker.woken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        let result = loop {
            if let Poll::Ready(value) = poll(&parker, &waker) {
                break Some(value);
            }
            if !parker.sleep(&waker, clock, until) {
                break None;
            }
        };
        let _ = PARKER.try_with(|place| place.set(Some(parker)));
        result
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
        // However often a leader is woken for others: it has just tried in vain.
        if until.is_some_and(|until| clock.now() >= until) {
            return false;
        }
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
