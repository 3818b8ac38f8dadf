//! A host's cable to the segment: an impairment model for each direction. Cut first, as on a
//! wire; interprets nothing.

use danja_lan::impair::{ImpairCounters, Impairment, Model};
use danja_wire::{Frame, Instant};
use std::time::Duration;

/// What passed one direction of a cable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct LinkCounters {
    /// What the impairment did.
    pub impaired: ImpairCounters,
    /// Frames lost because the cable was pulled.
    pub unplugged: u64,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Lane {
    model: Model,
    plugged: bool,
    unplugged: u64,
    /// When the world looks at it next.
    pub(super) scheduled: Option<Instant>,
}

impl Lane {
    pub(super) const fn new(impairment: Impairment, seed: u64) -> Self {
        Self { model: Model::new(impairment, seed), plugged: true, unplugged: 0, scheduled: None }
    }

    pub(super) fn offer(&mut self, now: Instant, frame: Frame) {
        if self.plugged {
            self.model.offer(now, frame);
        } else {
            self.unplugged += 1;
        }
    }

    /// The next frame that has arrived by now.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Frame> {
        loop {
            let frame = self.model.poll(now)?;
            if self.plugged {
                return Some(frame);
            }
            self.unplugged += 1;
        }
    }

    /// When to look again, if that is earlier than what is scheduled: at the end of the period
    /// of `coalesce` in which a frame arrives.
    pub(super) fn reschedule(&mut self, now: Instant, coalesce: Duration) -> Option<Instant> {
        let mut due = self.model.poll_timeout()?.max(now);
        if let Some(begun) = due.as_nanos().checked_rem(coalesce.as_nanos() as u64)
            && begun != 0
        {
            due = due - Duration::from_nanos(begun) + coalesce;
        }
        if self.scheduled.is_some_and(|at| at <= due) {
            return None;
        }
        self.scheduled = Some(due);
        Some(due)
    }

    pub(super) const fn plug(&mut self, plugged: bool) {
        self.plugged = plugged;
    }

    pub(super) const fn impair(&mut self, impairment: Impairment) {
        self.model.set_impairment(impairment);
    }

    pub(super) const fn counters(&self) -> LinkCounters {
        LinkCounters { impaired: self.model.counters(), unplugged: self.unplugged }
    }
}
