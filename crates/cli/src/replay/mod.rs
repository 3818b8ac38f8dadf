//! `danja replay`: what went into the hosts of a recording goes into them again, and what comes
//! out is held against what came out then. The replay itself is `danja::record`'s.

mod film;

use crate::args::{ReplayArgs, Talk};
use crate::explain::Narrator;
use crate::failure::Failure;
use crate::interrupt::on_interrupt;
use crate::output::{data, exit, plain, talk, watched};
use danja::record::{Difference, Heard, HostReport, Replay, ReplayError, Report};
use film::Film;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The exit code where there is nothing to be the same or not.
const ERROR: u8 = 2;
/// A replay that takes longer is shown under way.
const PATIENCE: Duration = Duration::from_millis(500);
/// How much of an input is shown.
const EXCERPT: usize = 400;

pub(crate) fn run(args: &ReplayArgs, verbosity: Talk) -> Result<ExitCode, Failure> {
    let wrong = |error: ReplayError| cannot(&args.file, &error);
    let mut replay = Replay::open(&args.file).map_err(wrong)?;
    let narrator = Narrator::wanted(&args.story);
    if let Some(narrator) = &narrator {
        replay = replay.observer(Arc::clone(narrator) as Arc<_>);
        let ended = Arc::clone(narrator);
        on_interrupt(move || ended.end());
    }
    if let Some(host) = &args.host {
        replay = replay.only(host);
    }
    let mut film = args.pcap.as_deref().map(Film::new).transpose()?;
    let bar = bar(args, verbosity);
    let (began, mut talked) = (Instant::now(), None);
    let report = replay.run(|heard| match heard {
        Heard::Host(name) if verbosity.verbose > 0 => talk(&format!("* {}", plain(name))),
        Heard::Carrier { host, interface, text } => {
            narrator.iter().for_each(|it| it.introduce(host, interface, text));
        }
        Heard::Frame(frame) => {
            if let Some(film) = &mut film
                && let Err(failure) = film.frame(&frame)
            {
                talked.get_or_insert(failure);
            }
        }
        Heard::Progress(bytes) if began.elapsed() > PATIENCE => {
            if let Some(bar) = &bar {
                if bar.is_hidden() {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                bar.set_position(bytes);
            }
        }
        _ => {}
    });
    bar.iter().for_each(ProgressBar::finish_and_clear);
    narrator.iter().for_each(|narrator| narrator.end());
    let filmed = film.map_or(Ok(()), Film::finish);
    let report = report.map_err(wrong)?;
    filmed?;
    if let Some(failure) = talked {
        return Err(failure);
    }
    tell(args, verbosity, &report)
}

fn cannot(file: &Path, error: &ReplayError) -> Failure {
    Failure::new(format_args!("{} cannot be replayed: {error}", file.display())).with_code(ERROR)
}

/// What was replayed, in sum.
fn tell(args: &ReplayArgs, verbosity: Talk, report: &Report) -> Result<ExitCode, Failure> {
    if report.hosts.is_empty() && args.host.is_some() {
        let name = args.host.as_deref().unwrap_or_default();
        let file = args.file.display();
        return Err(Failure::new(format_args!("no host '{name}' is in {file}")).with_code(ERROR));
    }
    if !report.complete && report.difference.is_none() && !verbosity.quiet {
        talk("danja: the recording was cut off; what is there was replayed");
    }
    if let Some(difference) = &report.difference {
        talk(&words(difference, &report.version));
    }
    let same = report.difference.is_none();
    if args.json {
        data(&format!("{:#}\n", values(args, report)))?;
        return Ok(exit(same));
    }
    let mut text = String::new();
    if report.hosts.len() > 1 && !verbosity.quiet {
        for host in &report.hosts {
            text.push_str(&format!("{}: {}\n", plain(&host.name), counts(host)));
        }
    }
    let end = if same { "the same" } else { "then something else" };
    text.push_str(&format!("{}, {end}\n", counts(&sum(&report.hosts))));
    data(&text)?;
    Ok(exit(same))
}

fn counts(host: &HostReport) -> String {
    format!("{} inputs, {} frames, {} bytes", host.inputs, host.frames, host.bytes)
}

fn sum(hosts: &[HostReport]) -> HostReport {
    let mut sum = HostReport::default();
    for host in hosts {
        sum.inputs += host.inputs;
        sum.frames += host.frames;
        sum.bytes += host.bytes;
    }
    sum
}

fn words(difference: &Difference, version: &str) -> String {
    let Difference { host, input, now, what, expected, found, .. } = difference;
    let what: String = what.chars().take(EXCERPT).collect();
    let seconds = now.as_nanos() as f64 / 1e9;
    let own = env!("CARGO_PKG_VERSION");
    let text = format!(
        "danja: something else came of input {input}, of host {host} at {seconds:.6} s: {what}\n  \
         then: {expected}\n  now:  {found}\n\
         It was recorded by danja {version}; this is {own}."
    );
    plain(&text)
}

fn values(args: &ReplayArgs, report: &Report) -> Value {
    let all = sum(&report.hosts);
    let hosts = report.hosts.iter().map(|host| {
        let HostReport { name, inputs, frames, bytes, .. } = host;
        json!({ "name": name, "inputs": inputs, "frames": frames, "bytes": bytes })
    });
    let difference = report.difference.as_ref().map(|difference| {
        let Difference { host, input, now, what, expected, found, .. } = difference;
        json!({
            "host": host, "input": input, "at": now.as_nanos(), "what": what,
            "expected": expected, "found": found,
        })
    });
    json!({
        "format": 1, "file": args.file, "version": report.version,
        "same": report.difference.is_none(), "complete": report.complete,
        "inputs": all.inputs, "frames": all.frames, "bytes": all.bytes,
        "hosts": hosts.collect::<Vec<_>>(), "difference": difference,
    })
}

/// A bar, hidden at first, where somebody watches and nothing else is told there.
fn bar(args: &ReplayArgs, verbosity: Talk) -> Option<ProgressBar> {
    if verbosity.quiet || !watched() || args.story.explain.is_some() {
        return None;
    }
    let length = std::fs::metadata(&args.file).ok().map(|file| file.len());
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{percent} % {wide_bar} {eta}") {
        bar.set_style(style);
    }
    Some(bar)
}
