//! `danja run`: any program, with its sockets on a host of the network that the options describe.
//! Traps and carries nothing itself.

use crate::args::{Publish, RunArgs, Talk, Transport};
use crate::failure::Failure;
use crate::network::{Network, Publishing};
use crate::output::talk;
use danja_run::{Intercept, Launcher, Mode, Program, Running};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// The launcher failed before there was a program.
const LAUNCHER_FAILED: u8 = 125;

pub(crate) fn run(args: &RunArgs, verbosity: Talk) -> Result<ExitCode, Failure> {
    let program = find(&args.program)?;
    let name = host_name(&args.program);
    let launcher = Launcher::new(program).intercept(args.intercept).keep_fds(args.keep_fds);
    let failed = |error: danja_run::LaunchError| {
        let code = error.exit_code();
        Failure::new(error).with_code(code)
    };
    // The process is made first: while this one has a single thread, and so that the host knows
    // whether it has its address for itself.
    let parked = launcher.park().map_err(failed)?;
    let network = Network::with(&args.network, &name, parked.shares_the_address());
    let network = network.map_err(|failure| failure.with_code(LAUNCHER_FAILED))?;
    let interface = network.host.interfaces().into_iter().nth(1).map(|it| it.id);
    let interface = interface.ok_or_else(|| Failure::new("the host has no interface"))?;
    let _published = publish(&network, &args.publish, verbosity)?;
    let mut running = parked.start(&network.host, interface).map_err(failed)?;
    if running.discarded().is_some() {
        network.shares_with(running.pid());
    }
    if !verbosity.quiet {
        introduce(&running, &shown_name(&args.program), args.intercept);
    }
    let ended = running.wait();
    let ended = ended.map_err(|error| Failure::new(error).with_code(LAUNCHER_FAILED))?;
    running.wait_for_others(|count| {
        if !verbosity.quiet {
            talk(&others(&shown_name(&args.program), count));
        }
    });
    if verbosity.verbose > 0 {
        tell_discarded(&running);
    }
    running.finish();
    network.finish();
    Ok(ExitCode::from(ended.exit_code()))
}

/// Opens ports of the machine onto the program's, while they are kept.
fn publish(network: &Network, ports: &[Publish], talks: Talk) -> Result<Vec<Publishing>, Failure> {
    let mut published = Vec::new();
    for port in ports {
        let to = port.port.unwrap_or_else(|| port.on.0.port());
        let opened = network.publish(port, to);
        if let Some(it) = opened.map_err(|failure| failure.with_code(LAUNCHER_FAILED))? {
            if !talks.quiet {
                let kind = if port.transport == Transport::Udp { "UDP port" } else { "port" };
                talk(&format!("danja: {kind} {to} of the program is at {}", it.address()));
            }
            published.push(it);
        }
    }
    Ok(published)
}

fn find(words: &[OsString]) -> Result<Program, Failure> {
    let mut words = words.iter();
    let name = words.next().cloned().unwrap_or_default();
    let path = std::env::var_os("PATH");
    Program::find(name, words, path.as_deref()).map_err(|error| {
        let code = error.exit_code();
        Failure::new(error).with_code(code)
    })
}

/// The program's name without its folder, as far as it can be a host's name.
fn host_name(words: &[OsString]) -> String {
    let file = words.first().and_then(|word| Path::new(word).file_name());
    let name = file.map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let fits = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let name: String = name.chars().map(|c| if fits(&c) { c } else { '-' }).collect();
    let name = name.trim_matches('-').to_owned();
    // The router's name is taken.
    if name.is_empty() || name == "danja" { "program".to_owned() } else { name }
}

/// The program's name without its folder, as people call it.
fn shown_name(words: &[OsString]) -> String {
    let file = words.first().and_then(|word| Path::new(word).file_name());
    file.map_or_else(|| "the program".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// What is said while the program's end is not the end.
fn others(program: &str, count: usize) -> String {
    let (processes, them) = match count {
        1 => ("1 process that it started still uses".to_owned(), "it"),
        count => (format!("{count} processes that it started still use"), "them"),
    };
    format!(
        "danja: {program} has ended, and {processes} its network: waiting for {them} (Ctrl-C ends \
         {them})"
    )
}

/// Says which way was taken, and why.
fn introduce(running: &Running, program: &str, asked: Intercept) {
    let mode = running.mode();
    let way = match mode {
        Mode::NotifyOverTun => "runs on Danja's TCP, and its UDP and ping go over Danja's link",
        Mode::Notify => "runs on Danja's TCP and UDP",
        Mode::Tun => "keeps the kernel's TCP as far as danja, where Danja's goes on",
        _ => "is on Danja's link",
    };
    talk(&format!("danja: {program} {way} (way: {mode})"));
    running.reasons().iter().for_each(|reason| talk(&format!("danja: {reason}")));
    if asked == Intercept::Auto && mode != Mode::NotifyOverTun {
        talk("danja: \u{2018}danja doctor\u{2019} says what would permit more");
    }
}

fn tell_discarded(running: &Running) {
    for (reason, count) in running.discarded().iter().flat_map(danja_run::Discarded::reasons) {
        talk(&format!("danja: {count} packets of the program's kernel discarded: {reason}"));
    }
}
