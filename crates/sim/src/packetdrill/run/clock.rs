//! When the events of a script are due, and how far from it they may happen. Pure arithmetic.

use crate::packetdrill::ast::{Moment, Time};
use core::time::Duration;
use danja_wire::Instant;

/// How far from its time an event may happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    pub(super) least: Duration,
    pub(super) percent: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { least: Duration::from_micros(4_000), percent: 12.5 }
    }
}

impl Tolerance {
    /// The tolerance of an event that is due `since_previous` after the one before it.
    fn of(self, since_previous: Duration) -> Duration {
        self.least.max(since_previous.mul_f64(self.percent / 100.0))
    }
}

/// When one event is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Due {
    /// Not before this, and a call, a command or a packet to the stack happens now.
    pub(super) from: Instant,
    /// Not after this; `None` for an event with an open time.
    pub(super) to: Option<Instant>,
    /// How far beyond both it may be.
    pub(super) slack: Duration,
    /// When a blocking call ends.
    pub(super) end: Option<Instant>,
}

/// When an event with this time is due. `base` is what relative times count from.
pub(super) fn due(time: Time, start: Instant, base: Instant, tolerance: Tolerance) -> Due {
    let at = |moment: Moment| match moment {
        Moment::Absolute(time) => start + time,
        Moment::Relative(time) => base + time,
    };
    let (from, to, end) = match time {
        Time::At(moment) => (at(moment), Some(at(moment)), None),
        Time::Any => (base, None, None),
        Time::Between(first, last) => (at(first), Some(at(last)), None),
        Time::Blocking(first, last) => (at(first), Some(at(first)), Some(at(last))),
    };
    Due { from, to, slack: tolerance.of(from.saturating_since(base)), end }
}

impl Due {
    /// The last moment that is not too late.
    pub(super) fn latest(&self) -> Instant {
        self.to.map_or(Instant::MAX, |to| to + self.slack)
    }

    /// Whether an event with this time may happen at `at`.
    pub(super) fn allows(&self, at: Instant) -> bool {
        self.to.is_none() || (at + self.slack >= self.from && at <= self.latest())
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, Tolerance, due};
    use crate::packetdrill::ast::{Moment, Time};
    use core::time::Duration;
    use danja_wire::Instant;

    const START: Instant = Instant::from_secs(100);

    fn relative(milliseconds: u64) -> Due {
        let time = Time::At(Moment::Relative(Duration::from_millis(milliseconds)));
        due(time, START, START + Duration::from_secs(1), Tolerance::default())
    }

    #[test]
    fn the_larger_tolerance_counts() {
        let at =
            |microseconds| START + Duration::from_secs(1) + Duration::from_micros(microseconds);
        // 4 ms is more than an eighth of 10 ms, and less than an eighth of 800 ms.
        assert!(relative(10).allows(at(14_000)) && !relative(10).allows(at(14_001)));
        assert!(relative(10).allows(at(6_000)) && !relative(10).allows(at(5_999)));
        assert!(relative(800).allows(at(900_000)) && !relative(800).allows(at(900_001)));
    }

    #[test]
    fn open_times_allow_everything() {
        let open = due(Time::Any, START, START, Tolerance::default());
        assert!(open.allows(START) && open.allows(Instant::MAX));
    }

    #[test]
    fn a_tolerance_of_zero_is_exact() {
        let exact = Tolerance { least: Duration::ZERO, percent: 0.0 };
        let at = due(Time::At(Moment::Absolute(Duration::from_secs(2))), START, START, exact);
        assert!(at.allows(Instant::from_secs(102)));
        assert!(!at.allows(Instant::from_nanos(102_000_000_001)));
    }
}
