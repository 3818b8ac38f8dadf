//! The `danja` command. Where to look:
//!
//! - [`args`]: what can be typed, and [`quantity`]: `50ms`, `10mbit`, `2%`
//! - [`get`], [`serve`], [`ping`], [`resolve`], [`run`], [`replay`]: one command each
//! - [`lan`]: LANs of several programs, with `danja hosts`
//! - [`ss`], [`neighbours`], [`routes`], [`counters`], [`link`]: looking inside running hosts, which
//!   [`look`] asks; [`table`] sets the columns
//! - [`doctor`]: what the machine permits
//! - [`network`]: the LAN that a command runs on, and what is shown of it
//! - [`explain`]: the story of `--explain`; [`report`]: that of `--report`
//! - [`manual`]: completions for shells, and the manual's pages
//! - [`failure`], [`interrupt`], [`output`]: how a command ends, and where its words go

mod args;
mod counters;
mod doctor;
mod explain;
mod failure;
mod get;
mod interrupt;
mod lan;
mod link;
mod look;
mod manual;
mod neighbours;
mod network;
mod output;
mod ping;
mod quantity;
mod replay;
mod report;
mod resolve;
mod routes;
mod run;
mod serve;
mod ss;
mod table;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Run(_)) {
        // Until a command has something to sum up. Of a program that is run, signals are its own.
        interrupt::on_interrupt(|| {});
    }
    let done = match &cli.command {
        Command::Get(args) => get::run(args, cli.talk),
        Command::Serve(args) => serve::run(args, cli.talk),
        Command::Ping(args) => ping::run(args, cli.talk),
        Command::Resolve(args) => resolve::run(args, cli.talk),
        Command::Run(args) => run::run(args, cli.talk),
        Command::Hosts(args) => lan::hosts::run(args),
        Command::LanProcess(args) => lan::process::run(args),
        Command::Replay(args) => replay::run(args, cli.talk),
        Command::Ss(args) => ss::run(args, cli.talk),
        Command::Neighbours(args) => neighbours::run(args, cli.talk),
        Command::Routes(args) => routes::run(args, cli.talk),
        Command::Counters(args) => counters::run(args, cli.talk),
        Command::Link(args) => link::run(args, cli.talk),
        Command::Doctor(args) => doctor::run(args, cli.talk),
        Command::Completions(args) => manual::completions(args),
        Command::Man(args) => manual::man(args),
    };
    done.unwrap_or_else(|failure| failure.report())
}
