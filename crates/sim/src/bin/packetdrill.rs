//! The command `packetdrill`: runs packetdrill scripts against the Danja stack, in virtual time.
//! No line of a script is ever executed, no packet leaves the process.
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use danja_sim::packetdrill::{Personality, Settings, parse, suite};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Run packetdrill scripts against the Danja stack, in virtual time.
///
/// A line for each script says PASS, FAIL (with the first difference) or SKIP (with what it is
/// about that this stack does not have); the last line is the sum.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit code: 0 none failed, 1 some failed, 2 a file or an argument is wrong.\n\n\
    Examples:\n  packetdrill script.pkt\n  packetdrill --personality freebsd --quiet --mutants scripts/"
)]
struct Arguments {
    /// Whose habits the scripts were written for: what is not compared, and what `sysctl` means.
    #[arg(long, value_enum, default_value_t = Habits::Linux)]
    personality: Habits,
    /// Packets that a script does not expect make it fail, after its last event too.
    #[arg(long)]
    strict: bool,
    /// Only say which scripts fail, and the sum.
    #[arg(long, short)]
    quiet: bool,
    /// Only read the scripts.
    #[arg(long)]
    check: bool,
    /// Run mutants of each script that passes, too: a wrong ack, a missing packet, a late time and
    /// more (with --strict, an extra packet). One that passes makes its script fail.
    #[arg(long, conflicts_with = "check")]
    mutants: bool,
    /// Replace the bare word NAME, and take `#ifdef NAME` blocks.
    #[arg(short = 'D', value_name = "NAME=VALUE")]
    define: Vec<String>,
    /// The seed of the stack's initial sequence numbers and ports.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Lines "PATTERN: reason" of scripts that do not apply; then every other one must pass.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The guide suite is in this directory: FreeBSD's habits, and the list of its scripts that do
    /// not apply to this stack (crates/sim/guide-scripts.txt).
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["personality", "manifest"])]
    guide: Option<PathBuf>,
    /// Scripts, or directories with scripts (*.pkt) below them.
    #[arg(required_unless_present = "guide", value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Habits {
    Linux,
    Freebsd,
}

fn main() -> ExitCode {
    match work(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever closed the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "packetdrill: {error}");
            ExitCode::from(2)
        }
    }
}

/// The guide suite's scripts that do not apply.
const GUIDE: &str = include_str!("../../guide-scripts.txt");

/// Whether no script failed.
fn work(arguments: &Arguments) -> io::Result<bool> {
    let personality = match arguments.personality {
        Habits::Linux if arguments.guide.is_none() => Personality::Linux,
        _ => Personality::FreeBsd,
    };
    let mut defined = suite::definitions(personality);
    for definition in &arguments.define {
        let (name, value) = definition.split_once('=').unwrap_or((definition, ""));
        defined.define(name, value);
    }
    let manifest = match &arguments.manifest {
        Some(path) => {
            let named = |error: &dyn std::fmt::Display| {
                io::Error::other(format!("{}: {error}", path.display()))
            };
            let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
            Some(suite::Manifest::parse(&text).map_err(|error| named(&error))?)
        }
        None if arguments.guide.is_some() => {
            Some(suite::Manifest::parse(GUIDE).map_err(io::Error::other)?)
        }
        None => None,
    };
    let paths: Vec<PathBuf> = arguments.files.iter().chain(&arguments.guide).cloned().collect();
    let files = suite::scripts(&paths)?;
    let mut out = io::stdout().lock();
    if arguments.check {
        let mut wrong = 0;
        for file in &files {
            let name = file.display().to_string();
            if let Err(error) = parse(&name, &std::fs::read_to_string(file)?, &defined) {
                wrong += 1;
                writeln!(out, "{error}")?;
            }
        }
        writeln!(out, "{} read, {wrong} not understood", files.len())?;
        return Ok(wrong == 0);
    }
    let suite = suite::Suite {
        settings: Settings { personality, strict: arguments.strict, seed: arguments.seed },
        defined: &defined,
        manifest: manifest.as_ref(),
        quiet: arguments.quiet,
        mutants: arguments.mutants,
    };
    let summary = suite.run(&files, &mut out)?;
    Ok(summary.failed == 0)
}
