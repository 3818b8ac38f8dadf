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

use super::ast::Script;
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

fn options(script: &Script) -> Result<Options, (usize, String)> {
    let mut options = Options {
        mtu: 1500,
        tolerance: Tolerance::default(),
        timestamp_tick: 0,
        strict_segments: false,
    };
    for option in &script.options {
        let refused = || (option.line, format!("the option --{} is not understood", option.name));
        let value = option.value.as_deref().unwrap_or_default();
        match option.name.as_str() {
            "ip_version" if value == "ipv4" => {}
            "ip_version" => return Err((option.line, format!("{value} is not simulated"))),
            // RFC 791 §3.2: every link carries 68 bytes.
            "mtu" => {
                let mtu = value.parse().ok().filter(|mtu| (68..=65_535).contains(mtu));
                options.mtu = mtu.ok_or_else(refused)?;
            }
            "tolerance_usecs" => {
                options.tolerance.least =
                    Duration::from_micros(value.parse().map_err(|_| refused())?);
            }
            "tolerance_percent" => {
                let percent: f64 = value.parse().map_err(|_| refused())?;
                if !(0.0..=1_000.0).contains(&percent) {
                    return Err(refused());
                }
                options.tolerance.percent = percent;
            }
            "tcp_ts_tick_usecs" => options.timestamp_tick = value.parse().map_err(|_| refused())?,
            "strict_segments" => options.strict_segments = true,
            // The run's own addresses stand for those of the script, and it always says as much.
            "local_ip" | "remote_ip" | "gateway_ip" | "netmask_ip" | "verbose" | "debug"
            | "speed" => {}
            _ => return Err(refused()),
        }
    }
    Ok(options)
}

/// Runs a script from beginning to end.
pub fn run(script: &Script, settings: &Settings) -> Verdict {
    let options = match options(script) {
        Ok(options) => options,
        Err((line, reason)) => return Verdict::Skip { line, reason },
    };
    let config = settings::initial(settings.personality);
    let Some(machine) = Machine::new(config, options.mtu, settings.seed) else {
        return Verdict::Skip { line: 0, reason: "the stack takes no interface".to_owned() };
    };
    let mut runner = Runner::new(machine, *settings, options);
    match runner.run(script) {
        Ok(()) => Verdict::Pass,
        Err((line, Stop::Skip(reason))) => Verdict::Skip { line, reason },
        Err((line, stop)) => {
            let expected = script
                .text
                .lines()
                .nth(line.saturating_sub(1))
                .unwrap_or_default()
                .trim()
                .to_owned();
            let (reason, got) = match stop {
                Stop::Fail(reason) | Stop::Skip(reason) => (reason, None),
                Stop::Differ(reason, got) => (reason, Some(got)),
            };
            Verdict::Fail(Difference { line, reason, expected, got })
        }
    }
}
