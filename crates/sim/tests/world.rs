//! Worlds of hosts, by the hundred: each seed is a world with its own hosts, links and workload,
//! run twice with different hash keys; the frames and their times must be the same.
//!
//! `DANJA_SEEDS=5000` sets how many, `DANJA_SEED=17` runs one and says more, with
//! `DANJA_PCAP=FILE` its frames are captured.
#![allow(clippy::print_stderr, reason = "a test tells what it ran")]

use danja_sim::world::capture;
use danja_sim::world::workload::{Options, Report, describe, run_seed};
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const COMMAND: &str = "cargo test -p danja-sim --release --test world -- --nocapture";

/// Keys of the hash tables for the first and the second time.
const KEYS: [[u8; 16]; 2] = [[0x11; 16], [0xe7; 16]];

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// A world, twice. `Err`: what was wrong.
fn check(seed: u64) -> Result<Report, String> {
    let run = |key| {
        let mut options = Options::default();
        options.hash_key = Some(key);
        let run = catch_unwind(AssertUnwindSafe(|| run_seed(seed, options)));
        match run {
            Ok(done) => done.map_err(|failure| failure.to_string()),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
                Err(format!("seed {seed}: panic: {}", text.unwrap_or_default()))
            }
        }
    };
    let (first, second) = (run(KEYS[0])?, run(KEYS[1])?);
    if first != second {
        return Err(format!("seed {seed}: another hash key, another world: {first:?} {second:?}"));
    }
    Ok(first)
}

fn one(seed: u64) {
    eprintln!("{}", describe(seed));
    if let Ok(path) = std::env::var("DANJA_PCAP") {
        let mut options = Options::default();
        options.hash_key = Some(KEYS[0]);
        options.observer = Some(capture(&path).unwrap_or_else(|e| panic!("{path}: {e}")));
        let _ = catch_unwind(AssertUnwindSafe(|| run_seed(seed, options)));
        eprintln!("frames are in {path}");
    }
    match check(seed) {
        Ok(report) => eprintln!("{report:#?}"),
        Err(what) => panic!("{what}"),
    }
}

/// What a run of many worlds was, in sum.
#[derive(Default)]
struct Sum {
    worlds: u64,
    streams: usize,
    bytes: u64,
    frames: u64,
    wrapped: u64,
    failures: Vec<(u64, String)>,
}

impl Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { worlds, streams, bytes, frames, wrapped, failures } = self;
        write!(
            f,
            "{worlds} worlds, {streams} streams ({wrapped} worlds with a wrap of sequence \
             numbers), {bytes} bytes read, {frames} frames sent, each world twice; {} failed",
            failures.len()
        )
    }
}

#[test]
fn worlds() {
    if let Some(seed) = from_environment("DANJA_SEED") {
        return one(seed);
    }
    let default = if cfg!(debug_assertions) { 20 } else { 200 };
    let count = from_environment("DANJA_SEEDS").unwrap_or(default);
    let first = from_environment("DANJA_FIRST_SEED").unwrap_or(1);
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    eprintln!("{count} seeds from {first} on, on {threads} threads");
    let began = Instant::now();
    let next = AtomicU64::new(first);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let checked = check(seed);
                    let mut sum = sum.lock().unwrap();
                    sum.worlds += 1;
                    match checked {
                        Ok(report) => {
                            sum.streams += report.streams;
                            sum.bytes += report.bytes;
                            sum.frames += report.frames;
                            sum.wrapped += u64::from(report.wrapped);
                        }
                        Err(what) => sum.failures.push((seed, what)),
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap();
    eprintln!("{sum}, in {:.1?}", began.elapsed());
    sum.failures.sort();
    for (seed, what) in &sum.failures {
        let lines: Vec<&str> = what.lines().take(200).collect();
        eprintln!("\n{}\n  replay: DANJA_SEED={seed} {COMMAND}", lines.join("\n"));
    }
    assert!(sum.failures.is_empty(), "{sum}");
}
