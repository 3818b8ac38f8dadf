//! What can be typed after `danja run`.

use super::{NetworkArgs, Publish};
use clap::Args;
use danja_run::Intercept;
use std::ffi::OsString;

/// Run any program with its sockets on the protocol stack in this process
///
/// The program is not changed and needs no privileges, and neither do its children. Terminal,
/// signals, directory, environment and standard streams are its own as ever. The exit code is the
/// program's, or 128 and the number of the signal that ended it; 127 if there is no such program,
/// 126 if it cannot be executed, 125 if danja could not start it. A server that goes into the
/// background keeps its network: danja stays until it has ended, or until Ctrl-C ends it.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja run -- curl http://danja/
  danja run --delay 50ms --loss 2% --pcap out.pcapng -- curl -s http://danja/
  danja run --publish 8080:80 -- python3 -m http.server 80
  danja run --publish 5353:53/udp --publish 5353:53 -- dnsmasq -k
  danja run --rate-up 1mbit --delay-down 80ms --report -- curl -O http://example.com/
  danja run --intercept tun -- sh -c 'ping -c 1 danja; dig danja'")]
pub(crate) struct RunArgs {
    /// How the program's system calls are led to the protocol stack: auto takes what the machine
    /// permits; notify traps calls; tun gives the program a network namespace
    #[arg(long, value_name = "WAY", default_value_t = Intercept::Auto)]
    pub(crate) intercept: Intercept,
    /// Let the program have the internet sockets that danja itself was given
    #[arg(long)]
    pub(crate) keep_fds: bool,
    /// Let programs of this machine reach the program's port N at this port of the machine (on
    /// 127.0.0.1 unless an address is given), by TCP or, with /udp behind it, by UDP; may be given
    /// several times
    #[arg(long, value_name = "[ADDR:]PORT[:N][/udp]", conflicts_with = "device")]
    pub(crate) publish: Vec<Publish>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}
