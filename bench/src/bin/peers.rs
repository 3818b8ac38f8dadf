//! Our speed beside smoltcp's, in memory, in one run: the table, JSON, and instruction counts.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use danja_bench::callgrind;
use danja_bench::report::{self, Circumstances};
use danja_bench::rows::{self, Results, Sizes};

/// Measures the Danja stack beside smoltcp, in memory, both ends in one thread.
///
/// Before a row is measured, both stacks are made to carry the same bytes in frames of the same
/// size, with checksums that are right and verified, or with none on both sides.
/// Rows that are lost are printed like those that are won; neither fails the program.
#[derive(Parser)]
#[command(after_help = "Examples:
  peers                          the whole table
  peers --rows 1,4 --runs 9      two rows, more samples
  peers --callgrind              instructions instead of times
  peers --json figures.json      the table, and all samples in a file")]
struct Arguments {
    /// Only these rows
    #[arg(long, value_delimiter = ',', value_name = "ROWS",
        default_values_t = [1, 2, 3, 4, 5, 6, 7],
        value_parser = clap::value_parser!(u8).range(1..=7))]
    rows: Vec<u8>,
    /// Samples of each stack
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Writes everything, raw samples included, to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Everything once and small, to see that it works: no figure means anything
    #[arg(long, conflicts_with_all = ["long", "runs"])]
    quick: bool,
    /// With a million connections where the others have a hundred thousand
    #[arg(long)]
    long: bool,
    /// Counts instructions under valgrind instead of taking times
    #[arg(long, conflicts_with_all = ["quick", "long", "runs"])]
    callgrind: bool,
    /// Keeps the profiles in this folder, for callgrind_annotate
    #[arg(long, value_name = "FOLDER", requires = "callgrind")]
    keep: Option<PathBuf>,
    #[arg(long, hide = true)]
    under_callgrind: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut out = io::stdout().lock();
    if let Some(task) = arguments.under_callgrind {
        writeln!(out, "{}", callgrind::under_the_profiler(&task)?)?;
        return Ok(());
    }
    let circumstances = Circumstances::now();
    let (mut results, mut counts) = (Results::default(), Vec::new());
    if arguments.callgrind {
        counts = callgrind::count(&arguments.rows, arguments.keep.as_deref())?;
        report::write_counts(&mut out, &counts)?;
    } else {
        stay()?;
        let sizes = match (arguments.quick, arguments.long) {
            (true, _) => Sizes::quick(),
            (_, true) => Sizes::long(arguments.runs.into()),
            _ => Sizes::normal(arguments.runs.into()),
        };
        let mut talk = io::stderr().lock();
        results = rows::measure(&arguments.rows, &sizes, |row| {
            // Talk that nobody hears changes nothing.
            let _ = writeln!(talk, "row {row} …");
        })?;
        report::write_table(&mut out, &results, &circumstances, !arguments.quick)?;
    }
    if let Some(file) = arguments.json {
        let all = report::json(&results, &counts, &circumstances);
        fs::write(file, format!("{all:#}\n"))?;
    }
    Ok(())
}

/// Stays on the processor that it is on, so that both stacks run on the same.
fn stay() -> Result<(), Box<dyn Error>> {
    let mut here = rustix::thread::CpuSet::new();
    here.set(rustix::thread::sched_getcpu());
    rustix::thread::sched_setaffinity(None, &here)?;
    Ok(())
}
