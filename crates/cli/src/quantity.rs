//! Quantities with units, as a user types them: `50ms`, `10mbit`, `2%`, `64KiB`. A wrong one is
//! quoted back with a right example. Knows nothing of what they are for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A quantity that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct QuantityError {
    typed: String,
    wanted: &'static str,
    example: &'static str,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\u{2018}{}\u{2019} is not {}: write {}", self.typed, self.wanted, self.example)
    }
}

impl std::error::Error for QuantityError {}

/// Splits `12.5ms` into 12.5 and `ms`. `None` if there is no finite, non-negative number.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    number.is_finite().then_some((number, unit.trim()))
}

/// Reads a number with one of `units`, given as lower-case names with their factors.
fn read(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (number, unit) = split(text)?;
    let unit = unit.to_ascii_lowercase();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some(number * factor)
}

/// A length of time: `200us`, `50ms`, `1.5s`, `2min`.
pub(crate) fn duration(text: &str) -> Result<Duration, QuantityError> {
    const UNITS: &[(&str, f64)] = &[
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("min", 60.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    read(text, UNITS)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        // A day is more than any option here has a use for, and keeps all sums in range.
        .filter(|duration| *duration <= Duration::from_secs(86_400))
        .ok_or_else(|| wrong(text, "a length of time", "50ms, 1.5s or 200us"))
}

/// A rate in bits per second, above zero: `64kbit`, `10mbit`, `1gbit`.
pub(crate) fn rate(text: &str) -> Result<u64, QuantityError> {
    const UNITS: &[(&str, f64)] = &[
        ("bit", 1.0),
        ("kbit", 1e3),
        ("mbit", 1e6),
        ("gbit", 1e9),
        ("bit/s", 1.0),
        ("kbit/s", 1e3),
        ("mbit/s", 1e6),
        ("gbit/s", 1e9),
    ];
    read(text, UNITS)
        .filter(|bits| *bits >= 1.0 && *bits <= 1e13)
        .map(|bits| bits as u64)
        .ok_or_else(|| wrong(text, "a rate", "10mbit, 64kbit or 1gbit (bits per second)"))
}

/// A share of all frames, as a probability from 0 to 1: `2%`, `0.1%`.
pub(crate) fn percentage(text: &str) -> Result<f64, QuantityError> {
    read(text, &[("%", 0.01)])
        .filter(|share| *share <= 1.0)
        .ok_or_else(|| wrong(text, "a percentage", "2% or 0.1% (0% to 100%)"))
}

/// A number of bytes: `1500`, `64KiB`, `10MB`.
pub(crate) fn bytes(text: &str) -> Result<usize, QuantityError> {
    const UNITS: &[(&str, f64)] = &[
        ("", 1.0),
        ("b", 1.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("k", 1024.0),
        ("kib", 1024.0),
        ("m", 1_048_576.0),
        ("mib", 1_048_576.0),
    ];
    read(text, UNITS)
        .filter(|bytes| *bytes <= 1e15 && bytes.fract() == 0.0)
        .map(|bytes| bytes as usize)
        .ok_or_else(|| wrong(text, "a number of bytes", "56, 1400 or 32KiB"))
}

/// Loss in bursts: a mean share of all frames, and the mean length of a burst in frames.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct BurstLoss {
    /// From 0 to 1.
    pub(crate) share: f64,
    /// At least 1.
    pub(crate) length: f64,
}

impl FromStr for BurstLoss {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let error = || wrong(text, "a loss in bursts", "2%,5 (2% of frames, 5 in a row)");
        let (share, length) = text.split_once(',').ok_or_else(error)?;
        let share = percentage(share).map_err(|_| error())?;
        let (length, unit) = split(length).ok_or_else(error)?;
        if !unit.is_empty() || length < 1.0 || share >= 1.0 {
            return Err(error());
        }
        Ok(Self { share, length })
    }
}

fn wrong(typed: &str, wanted: &'static str, example: &'static str) -> QuantityError {
    QuantityError { typed: typed.to_owned(), wanted, example }
}

/// Bytes for people: `0 bytes`, `512 bytes`, `64 KiB`, `1.5 MiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded} {unit}")
}

/// A time for people, with three significant digits at the most: `0.12 ms`, `1.5 s`.
pub(crate) fn human_time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    // What would be rounded to 1000 ms is a second.
    let (value, unit) =
        if seconds >= 0.9995 { (seconds.max(1.0), "s") } else { (seconds * 1e3, "ms") };
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else if value >= 1.0 {
        2
    } else {
        3
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests;
