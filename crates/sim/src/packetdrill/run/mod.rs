//! Runs scripts: drives one stack in virtual time, without threads and without a host, and stops
//! at the first difference.

mod application;
mod build;
mod clock;
mod compare;
mod flow;
mod icmp;
mod machine;
mod observe;
mod options;
mod packets;
mod runner;
mod settings;
mod show;
mod snapshot;
#[cfg(test)]
mod tests;
mod transfer;
mod values;

use super::ast::{Script, ScriptOption};
use clock::Tolerance;
use core::fmt;
use core::time::Duration;
use machine::Machine;
use runner::Runner;

/// Whose habits a script was written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Personality {
    /// Everything is compared as it is written.
    #[default]
    Linux,
    /// Option order and padding, windows and buffer sizes are not compared.
    FreeBsd,
}

/// How to run scripts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Whose habits the scripts were written for.
    pub personality: Personality,
    /// Packets that a script does not expect make it fail, after its last event too.
    pub strict: bool,
    /// The stack's seed: initial sequence numbers and ports follow from it.
    pub seed: u64,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The stack did what the script says.
    Pass,
    /// The first difference.
    Fail(Difference),
    /// The script is about something this stack or this runner does not have.
    Skip {
        /// Line of the script, from 1; 0 for the script as a whole.
        line: usize,
        /// What it is about.
        reason: String,
    },
}

/// The first difference between a script and the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Line of the script, from 1.
    pub line: usize,
    /// What differs.
    pub reason: String,
    /// What the script says, as it stands there.
    pub expected: String,
    /// What came instead, in the script's notation, if anything did.
    pub got: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.reason)?;
        write!(f, "  expected  {}", self.expected)?;
        if let Some(got) = &self.got {
            write!(f, "\n  got       {got}")?;
        }
        Ok(())
    }
}

/// Why a script does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stop {
    Fail(String),
    /// A packet differs: how, and the packet in the script's notation.
    Differ(String, String),
    Skip(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Fail(reason)
    }
}

/// What a script's own options ask for.
struct Options {
    mtu: usize,
    tolerance: Tolerance,
    timestamp_tick: u32,
    strict_segments: bool,
}

/// The value of an option of the script; `None` if it does not fit.
fn value<T: core::str::FromStr + PartialOrd>(
    option: &ScriptOption,
    range: core::ops::RangeInclusive<T>,
) -> Option<T> {
    option.value.as_deref()?.parse().ok().filter(|value| range.contains(value))
}

fn options(script: &Script) -> Result<Options, (usize, Stop)> {
    let mut options = Options {
        mtu: 1500,
        tolerance: Tolerance::default(),
        timestamp_tick: 0,
        strict_segments: false,
    };
    for option in &script.options {
        let name = option.name.as_str();
        let skip = |reason| (option.line, Stop::Skip(reason));
        let wrong =
            |range: &str| (option.line, Stop::Fail(format!("--{name} takes a number {range}")));
        match name {
            "ip_version" => match option.value.as_deref() {
                Some("ipv4") => {}
                Some(other @ ("ipv6" | "ipv4-mapped-ipv6")) => {
                    return Err(skip(format!("{other} is not simulated")));
                }
                _ => return Err((option.line, Stop::Fail("--ip_version takes ipv4".to_owned()))),
            },
            // RFC 791 §3.2: every link carries 68 bytes.
            "mtu" => {
                options.mtu =
                    value(option, 68..=65_535).ok_or_else(|| wrong("from 68 to 65535"))?;
            }
            "tolerance_usecs" => {
                let least = value(option, 0..=u64::from(u32::MAX));
                options.tolerance.least =
                    least.map(Duration::from_micros).ok_or_else(|| wrong("of microseconds"))?;
            }
            "tolerance_percent" => {
                options.tolerance.percent =
                    value(option, 0.0..=1_000.0).ok_or_else(|| wrong("from 0 to 1000"))?;
            }
            "tcp_ts_tick_usecs" => {
                options.timestamp_tick =
                    value(option, 0..=u32::MAX).ok_or_else(|| wrong("of microseconds"))?;
            }
            "strict_segments" => options.strict_segments = true,
            // The run's own addresses stand for those of the script, and it always says as much.
            "local_ip" | "remote_ip" | "gateway_ip" | "netmask_ip" | "verbose" | "debug"
            | "speed" => {}
            _ => return Err(skip(format!("the option --{name} is not simulated"))),
        }
    }
    Ok(options)
}

/// Runs a script from beginning to end.
pub fn run(script: &Script, settings: &Settings) -> Verdict {
    let done = options(script).and_then(|options| {
        let config = settings::initial(settings.personality);
        let machine = Machine::new(config, options.mtu, settings.seed);
        let none = || (0, Stop::Skip("the stack takes no interface".to_owned()));
        Runner::new(machine.ok_or_else(none)?, *settings, options).run(script)
    });
    let (line, reason, got) = match done {
        Ok(()) => return Verdict::Pass,
        Err((line, Stop::Skip(reason))) => return Verdict::Skip { line, reason },
        Err((line, Stop::Fail(reason))) => (line, reason, None),
        Err((line, Stop::Differ(reason, got))) => (line, reason, Some(got)),
    };
    let expected = script.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    Verdict::Fail(Difference { line, reason, expected: expected.trim().to_owned(), got })
}
