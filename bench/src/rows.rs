//! The rows of the table: what is compared, in which unit, and what is aimed at.

mod bulk;
mod checksum;
mod connection;
mod idle;
mod memory;

use std::error::Error;

use crate::check::Checked;
use crate::measure::Samples;
pub(crate) use checksum::BYTES as CHECKSUM_BYTES;

/// How much is done.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Samples of each.
    pub runs: usize,
    /// Bytes of one transfer.
    pub bulk: usize,
    /// Bytes of the transfer whose content is checked.
    pub checked: usize,
    /// Checksums of one sample.
    pub checksums: usize,
    /// Exchanges of one sample, beside few connections.
    pub exchanges: usize,
    /// Polls of one sample, beside few connections.
    pub polls: usize,
    /// Idle connections beside the exchanges and polls.
    pub idle: Vec<usize>,
    /// smoltcp is not asked beyond this: adding a socket looks at all others.
    pub smoltcp_idle: usize,
    /// Connections opened and closed in one sample.
    pub cycles: usize,
    /// TIME-WAIT records kept.
    pub time_wait: u32,
    /// Open connections beside the opening and closing.
    pub open: usize,
    /// Idle connections whose memory is counted.
    pub counted: usize,
}

impl Sizes {
    /// What a table is made with.
    #[must_use]
    pub fn normal(runs: usize) -> Self {
        Self {
            runs,
            bulk: 256 << 20,
            checked: 8 << 20,
            checksums: 1_000_000,
            exchanges: 200_000,
            polls: 1_000_000,
            idle: vec![0, 10, 100, 1_000, 10_000, 100_000],
            smoltcp_idle: 10_000,
            cycles: 50_000,
            time_wait: 262_144,
            open: 100_000,
            counted: 100_000,
        }
    }

    /// The same with a million connections.
    #[must_use]
    pub fn long(runs: usize) -> Self {
        let mut sizes = Self::normal(runs);
        sizes.idle.push(1_000_000);
        Self { counted: 1_000_000, ..sizes }
    }

    /// Everything once, to see that it works.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            runs: 1,
            bulk: 4 << 20,
            checked: 2 << 20,
            checksums: 1_000,
            exchanges: 1_000,
            polls: 1_000,
            idle: vec![0, 10, 1_000],
            smoltcp_idle: 1_000,
            cycles: 5_000,
            time_wait: 1_024,
            open: 1_000,
            counted: 200,
        }
    }
}

/// In what a row is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Gigabytes (10⁹) of payload a second.
    GigabytesPerSecond,
    /// Thousands a second.
    ThousandsPerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// As the table writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GigabytesPerSecond => "GB/s",
            Self::ThousandsPerSecond => "k/s",
            Self::Nanoseconds => "ns",
            Self::Bytes => "B",
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::GigabytesPerSecond | Self::ThousandsPerSecond)
    }
}

/// What is aimed at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Target {
    /// So many times as good as the other.
    Times(f64),
    /// At most so much, whatever the other does.
    AtMost(f64),
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// The target's number.
    pub number: u8,
    /// What is compared.
    pub what: String,
    /// In which unit.
    pub unit: Unit,
    /// What is aimed at.
    pub target: Target,
    /// Our samples.
    pub ours: Samples,
    /// The other's; empty where it was not asked.
    pub theirs: Samples,
    /// Who the other is.
    pub against: &'static str,
}

/// How a row ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Verdict {
    /// The target is met.
    Won,
    /// It is missed by this share of it.
    LostBy(f64),
}

impl Row {
    /// How many times as good as the other we are, if it was asked.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let (ours, theirs) = (self.ours.median(), self.theirs.median());
        let ratio = if self.unit.more_is_better() { ours / theirs } else { theirs / ours };
        ratio.is_finite().then_some(ratio)
    }

    /// Whether the target is met.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let reached = match self.target {
            Target::Times(times) => self.ratio().unwrap_or(0.0) / times,
            Target::AtMost(most) => most / self.ours.median(),
        };
        if reached >= 1.0 { Verdict::Won } else { Verdict::LostBy(1.0 - reached) }
    }
}

/// Rows, and what was checked before they were measured.
#[derive(Clone, Default, Debug)]
pub struct Results {
    /// The rows.
    pub rows: Vec<Row>,
    /// What was found equal, and of which link.
    pub checked: Vec<(&'static str, Checked)>,
}

/// Measures the rows with these numbers, telling `progress` of each before it begins.
///
/// # Errors
/// Row 7's own program could not be run.
///
/// # Panics
/// When the two stacks do not do the same, or not what they are asked.
pub fn measure(
    numbers: &[u8],
    sizes: &Sizes,
    mut progress: impl FnMut(u8),
) -> Result<Results, Box<dyn Error>> {
    let mut results = Results::default();
    for number in numbers {
        progress(*number);
        match number {
            1 => bulk::ethernet(sizes, &mut results),
            2 => bulk::large(sizes, &mut results),
            3 => checksum::row(sizes, &mut results),
            4 => idle::exchange(sizes, &mut results),
            5 => idle::poll(sizes, &mut results),
            6 => connection::rows(sizes, &mut results),
            7 => memory::row(sizes, &mut results)?,
            _ => return Err(format!("there is no row {number}").into()),
        }
    }
    Ok(results)
}
