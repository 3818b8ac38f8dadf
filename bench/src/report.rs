//! What was measured, as a table for people and as JSON, with what one must know to read it.

use std::fs;
use std::io::{self, Write};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::callgrind::Count;
use crate::measure::Samples;
use crate::rows::{Results, Row, Target, Unit, Verdict};

/// Where and with what it was measured.
#[derive(Clone, Debug)]
pub struct Circumstances {
    processor: String,
    kernel: String,
    compiler: String,
    smoltcp: String,
    when: SystemTime,
}

impl Default for Circumstances {
    fn default() -> Self {
        Self::now()
    }
}

impl Circumstances {
    /// This machine, now. What it does not tell is "unknown".
    #[must_use]
    pub fn now() -> Self {
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
        let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|all| {
            let line = all.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        let compiler = Command::new("rustc").arg("--version").output().ok();
        let compiler = compiler.and_then(|output| String::from_utf8(output.stdout).ok());
        Self {
            processor: known(processor),
            kernel: known(kernel.map(|kernel| kernel.trim().to_owned())),
            compiler: known(compiler.map(|compiler| compiler.trim().to_owned())),
            smoltcp: known(locked("smoltcp")),
            when: SystemTime::now(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "date": httpdate::fmt_http_date(self.when),
            "unix_time": self.when.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            "processor": self.processor,
            "kernel": self.kernel,
            "compiler": self.compiler,
            "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
            "danja": env!("CARGO_PKG_VERSION"),
            "smoltcp": self.smoltcp,
            "clock": "processor time of the one thread",
        })
    }
}

/// The version of a package that this was built with, as the workspace has it.
fn locked(package: &str) -> Option<String> {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock = fs::read_to_string(lock).ok()?;
    let entry = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?.1;
    Some(entry.split_once('"')?.0.to_owned())
}

/// Writes the table; with verdicts only if figures were what it was about.
///
/// # Errors
/// `out` fails.
pub fn write_table(
    out: &mut impl Write,
    results: &Results,
    circumstances: &Circumstances,
    verdicts: bool,
) -> io::Result<()> {
    for (link, checked) in &results.checked {
        let sums = if checked.verified { "right and verified" } else { "left out" };
        writeln!(
            out,
            "both, {link}: content {:016x}, largest frame {}, checksums {sums}",
            checked.content, checked.largest
        )?;
    }
    let Circumstances { processor, kernel, compiler, smoltcp, when } = circumstances;
    let date = httpdate::fmt_http_date(*when);
    writeln!(out, "smoltcp {smoltcp}; {compiler}; {processor}; Linux {kernel}; {date}")?;
    writeln!(out, "medians, ranges in brackets; times are the thread's processor time\n")?;
    let (what, ours, theirs) = ("what", "danja", "smoltcp (or what is named)");
    write!(out, "{:<3} {what:<43} {ours:<26} {theirs:<40} {:>6}", "row", "ratio")?;
    writeln!(out, "{}", if verdicts { "  target" } else { "" })?;
    for row in &results.rows {
        write_row(out, row, verdicts)?;
    }
    Ok(())
}

fn write_row(out: &mut impl Write, row: &Row, verdicts: bool) -> io::Result<()> {
    let ours = cell(&row.ours, row.unit);
    let mut theirs = cell(&row.theirs, row.unit);
    if row.against != "smoltcp" {
        theirs = format!("{}: {theirs}", row.against);
    }
    let ratio = row.ratio().map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}"));
    write!(out, "{:<3} {:<43} {ours:<26} {theirs:<40} {ratio:>6}", row.number, row.what)?;
    if verdicts {
        let target = match row.target {
            Target::Times(times) => format!("{times} ×"),
            Target::AtMost(most) => format!("≤ {most} {}", row.unit.name()),
        };
        write!(out, "  {target:<9}")?;
        match row.verdict() {
            Verdict::Won => write!(out, " won")?,
            Verdict::LostBy(share) => write!(out, " lost by {:.0} %", share * 100.0)?,
        }
    }
    writeln!(out)
}

fn cell(samples: &Samples, unit: Unit) -> String {
    if samples.0.is_empty() {
        return "not asked".into();
    }
    let ((low, high), unit) = (samples.range(), unit.name());
    let figure = |value: f64| match value {
        _ if value >= 1_000.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let median = figure(samples.median());
    if samples.0.len() == 1 {
        return format!("{median} {unit}");
    }
    format!("{median} {unit} [{}, {}]", figure(low), figure(high))
}

/// Writes the instruction counts.
///
/// # Errors
/// `out` fails.
pub fn write_counts(out: &mut impl Write, counts: &[Count]) -> io::Result<()> {
    writeln!(
        out,
        "{:<3} {:<43} {:>12} {:>12} {:>6}",
        "row", "instructions of", "danja", "smoltcp", "ratio"
    )?;
    for Count { row, what, ours, theirs } in counts {
        let ratio = theirs / ours;
        writeln!(out, "{row:<3} {what:<43} {ours:>12.0} {theirs:>12.0} {ratio:>6.2}")?;
    }
    Ok(())
}

/// All of it, with raw samples.
#[must_use]
pub fn json(results: &Results, counts: &[Count], circumstances: &Circumstances) -> Value {
    let samples = |samples: &Samples| {
        let (low, high) = samples.range();
        json!({ "median": samples.median(), "low": low, "high": high, "samples": samples.0 })
    };
    let rows = results.rows.iter().map(|row| {
        let target = match row.target {
            Target::Times(times) => json!({ "times": times }),
            Target::AtMost(most) => json!({ "at_most": most }),
        };
        json!({
            "row": row.number,
            "what": row.what,
            "unit": row.unit.name(),
            "danja": samples(&row.ours),
            "against": row.against,
            "other": samples(&row.theirs),
            "ratio": row.ratio(),
            "target": target,
            "won": row.verdict() == Verdict::Won,
        })
    });
    let checked = results.checked.iter().map(|(link, checked)| {
        json!({
            "link": link,
            "content": format!("{:016x}", checked.content),
            "largest_frame": checked.largest,
            "checksums": checked.verified,
        })
    });
    let counts = counts.iter().map(|count| {
        json!({
            "row": count.row,
            "what": count.what,
            "danja": count.ours,
            "smoltcp": count.theirs,
        })
    });
    json!({
        "format": 1,
        "circumstances": circumstances.json(),
        "checked": checked.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
        "instructions": counts.collect::<Vec<_>>(),
    })
}
