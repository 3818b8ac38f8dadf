//! Calls that wait: until they are answered, until their time is over, or until a signal ends
//! them. Knows no socket.

use super::call::Call;
use crate::sys::seccomp::Listener;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::time::Instant;

/// A call that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) call: Call,
    /// When it gives up, and with which error.
    pub(super) until: Option<Instant>,
    pub(super) late: Errno,
}

impl Waiter {
    /// Whether it waits still. One whose time is over is answered.
    pub(super) fn goes_on(&self, listener: &Listener, now: Instant) -> bool {
        if self.until.is_some_and(|until| until <= now) {
            // If it has gone nobody waits.
            let _ = listener.answer(self.call.0.id, Err(self.late));
            return false;
        }
        listener.is_valid(self.call.0.id)
    }
}

/// Whether `call` is that of a waiter here which a signal has ended, and which must not be made
/// again: as Linux, that is so where it has a time-out. Such a waiter is taken away.
pub(super) fn was_interrupted(waiters: &mut VecDeque<Waiter>, call: &Call) -> bool {
    let same = |waiter: &Waiter| {
        waiter.call.0.thread == call.0.thread && waiter.call.0.number == call.0.number
    };
    // A thread makes one call at a time: what it has waited in before has ended.
    let Some(index) = waiters.iter().position(same) else { return false };
    waiters.remove(index).is_some_and(|waiter| waiter.until.is_some())
}
