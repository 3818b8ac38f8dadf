//! Leading: a thread that sleeps in a socket call waits for the adapters in the place of the
//! host's own, so that a frame wakes the thread it is for. Only where all adapters wake by waker:
//! to poll descriptors as well is the thread's.

use super::shared::{Port, Shared};
use super::wake::{Parker, Ticket};
use danja_stack::Instant;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A thread in a socket call, which leads while it sleeps if nobody else does. Whatever ends the
/// call, it leads no more.
pub(super) struct Leader<'a> {
    shared: &'a Shared,
    ticket: Option<Ticket>,
}

impl<'a> Leader<'a> {
    pub(super) const fn new(shared: &'a Shared) -> Self {
        Self { shared, ticket: None }
    }

    /// Leads if it can; before the thread sleeps.
    pub(super) fn lead(&mut self, parker: &Arc<Parker>) {
        let notifier = &self.shared.notifier;
        if self.shared.may_be_led && !self.ticket.is_some_and(|ticket| notifier.is_led_by(ticket)) {
            self.ticket = notifier.lead(parker);
        }
    }

    /// Does what a leader has to; after the thread slept. One batch, lest it serves others when
    /// it has got what it waits for.
    pub(super) fn drive(&self, parker: &Parker) {
        let Some(ticket) = self.ticket else { return };
        if self.shared.notifier.is_told(ticket) {
            let more = self.shared.look_for_thread();
            if self.shared.notifier.has_looked(ticket, more) {
                parker.unpark();
            }
        }
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.notifier.stop_leading(ticket);
        }
    }
}

impl Shared {
    /// What the thread would do if it were woken; says whether there may be more to do.
    fn look_for_thread(&self) -> bool {
        let more = self.receive_all();
        // It may have been called because there is room, or because the clock was turned.
        self.serve_dhcp();
        let core = self.lock();
        let now = self.clock.now();
        let leased = Instant::from_nanos(self.dhcp_due.load(Ordering::SeqCst));
        let overdue = core.sleeps_until <= now || leased < core.sleeps_until;
        self.settle(core, now);
        let until = Instant::from_nanos(self.adapters_until.load(Ordering::SeqCst));
        let mut used = self.ports.iter().filter(|port| !port.failed.load(Ordering::Relaxed));
        let earlier = |port: &Port| {
            let due = port.lock().adapter.poll_timeout();
            due.is_some_and(|due| due < until)
        };
        if overdue || used.any(earlier) {
            self.notifier.notify_thread();
        }
        more
    }
}
