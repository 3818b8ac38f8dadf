//! What one event costs beside one idle connection and beside 100,000, in instructions counted
//! by valgrind's callgrind (so that a busy machine changes nothing), and what an idle connection
//! costs in bytes. Fails when an event costs more than 1.1 times as much beside the many.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;

use danja_bench::Pair;
use danja_bench::event::EVENTS;
use danja_wire::Payload;

const MANY: u32 = 100_000;
/// How often each event happens under the profiler; the figure is the mean.
const TIMES: u64 = 64;
/// What the issue allows: the same, but for a tenth.
const ALLOWED: f64 = 1.1;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(idle) = env::args().nth(1) {
        under_the_profiler(idle.parse()?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::stdout().lock();
    let few = profile(1)?;
    let many = profile(MANY)?;
    writeln!(out, "instructions of one event        beside 1   beside {MANY}   ratio")?;
    let mut passed = true;
    for (index, (name, _)) in EVENTS.iter().enumerate() {
        let (few, many) = (few[index], many[index]);
        let ratio = many / few;
        passed &= ratio <= ALLOWED;
        writeln!(out, "{name:<28} {few:>12.0} {many:>15.0} {ratio:>7.3}")?;
    }
    writeln!(out, "bytes of one end of an idle connection: {}", idle_bytes())?;
    if !passed {
        writeln!(
            out,
            "an event costs more than {ALLOWED} times as much beside {MANY} connections"
        )?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What callgrind watches: `idle` connections, then the events.
fn under_the_profiler(idle: u32) {
    let mut pair = Pair::new();
    for _ in 0..idle {
        pair.open();
    }
    let connection = pair.open();
    pair.wait(Duration::from_secs(1));
    for (_, happen) in EVENTS {
        for _ in 0..TIMES {
            happen(&mut pair, connection);
        }
    }
}

/// Instructions of each event, what it calls included.
fn profile(idle: u32) -> Result<Vec<f64>, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("danja-cost-{}-{idle}", std::process::id()));
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg("--toggle-collect=*::event_*");
    command.arg(format!("--callgrind-out-file={}", folder.display()));
    command.arg(env::current_exe()?).arg(idle.to_string());
    let output = command.output().map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let mut command = Command::new("callgrind_annotate");
    command.args(["--inclusive=yes", "--threshold=100"]).arg(&folder);
    let report = command.output().map_err(|error| format!("callgrind_annotate: {error}"))?;
    std::fs::remove_file(&folder)?;
    let report = String::from_utf8(report.stdout)?;
    EVENTS.iter().map(|(name, _)| count(&report, name)).collect()
}

/// The mean count of a function, from a line such as `1,234 (5.6%)  file:name [binary]`.
fn count(report: &str, name: &str) -> Result<f64, Box<dyn Error>> {
    let ends =
        |line: &&str| line.contains(&format!("::{name} [")) || line.contains(&format!("::{name}'"));
    let line = report.lines().find(ends).ok_or_else(|| format!("{name} is not in:\n{report}"))?;
    let digits = line.split_whitespace().next().unwrap_or_default().replace(',', "");
    Ok(digits.parse::<f64>()? / TIMES as f64)
}

/// Bytes that the allocator holds for one end of an idle connection, everything counted: the
/// blocks, the tables and their slack, after a kilobyte each way.
fn idle_bytes() -> u64 {
    let mut kept = None;
    let kilobyte = Payload::copy_from_slice(&[7; 1_024]);
    let measured = allocation_counter::measure(|| {
        let mut pair = Pair::new();
        for _ in 0..MANY {
            let connection = pair.open();
            pair.send_up(connection, &kilobyte);
            pair.send_down(connection, &kilobyte);
        }
        pair.wait(Duration::from_secs(1));
        kept = Some(pair);
    });
    drop(kept);
    u64::try_from(measured.bytes_current).unwrap_or(0) / u64::from(2 * MANY)
}
