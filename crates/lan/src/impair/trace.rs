//! When a link may deliver: the format of mahimahi's link traces. Reads texts; sends nothing.

use core::time::Duration;
use danja_wire::Instant;
use std::fmt;

/// What one opportunity carries, in bytes of the network layer: a full packet of Ethernet's MTU.
pub const OPPORTUNITY: usize = 1500;

/// A link whose capacity changes, as it was measured once: moments at which it can deliver
/// [`OPPORTUNITY`] bytes each, repeated for ever.
///
/// The format is that of the `mahimahi` tools: one line for each opportunity, with the moment in
/// whole milliseconds since the beginning, never smaller than the line before; the same moment
/// may come several times; the last one is the trace's length. What an opportunity could carry
/// and nobody sent is lost; a packet can take the rest of one and the beginning of the next.
///
/// ```
/// use danja_lan::impair::Trace;
///
/// let twelve_megabits: Trace = "1\n".parse().unwrap();
/// assert_eq!(twelve_megabits.bits_per_second(), 12_000_000);
/// assert!("5\n3\n".parse::<Trace>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// In milliseconds, in order; the last is the period, above 0.
    times: Vec<u64>,
}

/// Why a text is no trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// There is no line with a moment above 0.
    Empty,
    /// This line (from 1) is no whole number of milliseconds (below 2³²).
    NotANumber(usize),
    /// This line (from 1) has an earlier moment than the one before.
    Backwards(usize),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a trace has one line for each packet, with a time above 0"),
            Self::NotANumber(line) => {
                write!(f, "line {line} is not a whole number of milliseconds")
            }
            Self::Backwards(line) => {
                write!(f, "the time in line {line} is before the one above it")
            }
        }
    }
}

impl std::error::Error for TraceError {}

impl std::str::FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let mut times = Vec::new();
        let mut latest = 0;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let time: u32 = line.parse().map_err(|_| TraceError::NotANumber(index + 1))?;
            if u64::from(time) < latest {
                return Err(TraceError::Backwards(index + 1));
            }
            latest = time.into();
            times.push(latest);
        }
        if latest == 0 {
            return Err(TraceError::Empty);
        }
        Ok(Self { times })
    }
}

impl Trace {
    /// Opportunities before it begins again.
    pub const fn opportunities(&self) -> usize {
        self.times.len()
    }

    /// After how long it begins again.
    pub fn period(&self) -> Duration {
        Duration::from_millis(self.period_ms())
    }

    /// What it can carry in the mean.
    pub fn bits_per_second(&self) -> u64 {
        self.times.len() as u64 * OPPORTUNITY as u64 * 8 * 1000 / self.period_ms()
    }

    fn period_ms(&self) -> u64 {
        self.times.last().copied().unwrap_or(1).max(1)
    }

    /// When the opportunity of this number (from 0) is, counted from the beginning.
    fn moment(&self, number: u64) -> Duration {
        let each = self.times.len().max(1) as u64;
        let within = usize::try_from(number % each).unwrap_or(0);
        let time = self.times.get(within).copied().unwrap_or(0);
        Duration::from_millis(number / each * self.period_ms() + time)
    }

    /// The first opportunity at or after this time from the beginning.
    fn first_after(&self, passed: Duration) -> u64 {
        let passed = u64::try_from(passed.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        // An opportunity at the very end of a round is in it, so the one before is looked at.
        let rounds = (passed / self.period_ms()).saturating_sub(1);
        let each = self.times.len() as u64;
        let mut number = rounds * each;
        for round in rounds..=rounds + 2 {
            let rest = passed.saturating_sub(round * self.period_ms());
            let within = self.times.partition_point(|time| *time < rest) as u64;
            number = round * each + within;
            if within < each {
                break;
            }
        }
        number
    }
}

/// Where a link is in its trace.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    /// When the first packet came.
    began: Option<Instant>,
    /// The opportunity that the last packet ended in.
    number: u64,
    /// What it can still carry.
    left: usize,
}

impl Cursor {
    /// At the beginning of a trace.
    pub(super) const fn new() -> Self {
        Self { began: None, number: 0, left: OPPORTUNITY }
    }

    /// Sends this many bytes behind all that came before; when the last of them leaves. The trace
    /// begins with the first packet.
    pub(super) fn send(&mut self, trace: &Trace, now: Instant, bytes: usize) -> Instant {
        let began = *self.began.get_or_insert(now);
        let first = trace.first_after(now.saturating_since(began));
        if self.number < first {
            // What nobody used is lost.
            (self.number, self.left) = (first, OPPORTUNITY);
        }
        let mut bytes = bytes;
        while bytes > self.left {
            bytes -= self.left;
            self.number += 1;
            self.left = OPPORTUNITY;
        }
        self.left -= bytes;
        began + trace.moment(self.number)
    }
}

#[cfg(test)]
mod tests;
