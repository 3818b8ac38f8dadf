//! Leading: a thread that sleeps in a socket call waits for the adapters in the place of the
//! host's own, so that a frame wakes the thread it is for. Only where all adapters wake by waker:
//! to poll descriptors as well is the thread's.

use super::shared::Shared;
use super::wake::Parker;
use danja_stack::Instant;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A thread in a socket call, which leads while it sleeps if nobody else does.
pub(super) struct Leader<'a> {
    shared: &'a Shared,
    leads: bool,
}

impl<'a> Leader<'a> {
    pub(super) const fn new(shared: &'a Shared) -> Self {
        Self { shared, leads: false }
    }

    /// Leads if it can; before the thread sleeps.
    pub(super) fn lead(&mut self, parker: &Arc<Parker>) {
        if self.shared.may_be_led && !self.leads {
            self.leads = self.shared.notifier.lead(parker);
        }
    }

    /// Does what a leader has to; after the thread slept. One batch, lest it waits for what it
    /// has already got.
    pub(super) fn drive(&self, parker: &Parker) {
        if self.leads && self.shared.notifier.is_told() {
            let more = self.shared.look_for_thread();
            if self.shared.notifier.has_looked(more) {
                parker.unpark();
            }
        }
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        if self.leads {
            self.shared.notifier.stop_leading();
        }
    }
}

impl Shared {
    /// What the thread would do if it were woken; says whether there may be more to do.
    fn look_for_thread(&self) -> bool {
        let more = self.receive_all();
        // It may have been called because there is room, or because the clock was turned.
        let core = self.lock();
        let now = self.clock.now();
        let overdue = core.sleeps_until <= now;
        self.settle(core, now);
        if overdue {
            self.notifier.notify_thread();
        }
        for port in &self.ports {
            let due = port.lock().adapter.poll_timeout().map_or(u64::MAX, Instant::as_nanos);
            if due < self.adapters_until.load(Ordering::SeqCst) {
                self.notifier.notify_thread();
            }
        }
        more
    }
}
