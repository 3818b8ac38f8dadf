//! What can be typed: the commands and their options. Does nothing with them.

mod gateway;
mod lan;
mod link;
mod look;
mod network;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use gateway::{GatewayArgs, Written};
pub(crate) use lan::{HostsArgs, LanProcessArgs};
pub(crate) use link::{LinkArgs, LinkOptions};
pub(crate) use look::{
    CountersArgs, DoctorArgs, LinkCommandArgs, NeighboursArgs, ReportForm, RoutesArgs, SsArgs,
    Whose,
};
pub(crate) use network::{
    AtPort, ExplainForm, NetworkArgs, Publish, ShowArgs, StoryArgs, Transport,
};
pub(crate) use run::RunArgs;

use crate::quantity;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Run any program, fetch, serve, ping and resolve through a TCP/IP protocol stack that runs in
/// this process.
///
/// Without options every command runs on a virtual LAN of its own: the program's host is
/// 10.0.2.15, the router `danja` is 10.0.2.2 and answers for names and shows a page at
/// http://danja/. No privileges are needed. With --lan programs share a LAN. With --tap the stack is attached to a TAP device and
/// talks to the Linux kernel and what lies behind it.
#[derive(Parser, Debug)]
#[command(name = "danja", version, max_term_width = 100, propagate_version = true)]
#[command(after_long_help = "\
Examples:
  danja run -- curl http://danja/     run a program with its sockets on the protocol stack
  danja get http://danja/             fetch a page through two stacks and a cable
  danja get http://danja/ --explain   … and be told how it travels")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) talk: Talk,
}

/// How much the command says on standard error.
#[derive(Args, Clone, Copy, Default, Debug)]
pub(crate) struct Talk {
    /// Say only what is needed: results, addresses and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: the addresses, the heads of requests and answers, how long each step took
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Get(GetArgs),
    Serve(ServeArgs),
    Ping(PingArgs),
    Resolve(ResolveArgs),
    Run(RunArgs),
    Hosts(HostsArgs),
    Replay(ReplayArgs),
    Ss(SsArgs),
    Neighbours(NeighboursArgs),
    Routes(RoutesArgs),
    Counters(CountersArgs),
    Link(LinkCommandArgs),
    Doctor(DoctorArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    #[command(hide = true)]
    LanProcess(LanProcessArgs),
}

/// Fetch a web page or a file over HTTP or HTTPS
///
/// The page goes to standard output or to a file. Redirects are followed. The exit code is 1 if
/// the server answers with status 400 or above, if the transfer is cut short, or if it cannot be
/// reached, and then standard error says why.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja get http://danja/
  danja get http://192.168.7.1/big.iso -o big.iso --tap tap0 --address 192.168.7.2/24
  danja get https://192.168.7.1/ --cacert ca.pem -v --tap tap0 --address 192.168.7.2/24")]
pub(crate) struct GetArgs {
    /// What to fetch, such as http://danja/ (http:// may be left out)
    pub(crate) url: String,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// For https://, trust the authorities in this PEM file, and no others [default: Mozilla's]
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Print one JSON object about the transfer; the page itself goes to the file of -o
    #[arg(long, requires = "output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Serve the files of a folder over HTTP
///
/// On the built-in LAN the server is reachable from this machine by --publish. It runs until it
/// is interrupted.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja serve .                       then open http://127.0.0.1:8080/ on this machine
  danja serve site --port 80 --tap tap0 --address 192.168.7.2/24")]
pub(crate) struct ServeArgs {
    /// The folder; nothing outside it is served
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The port the server listens on
    #[arg(long, value_name = "N", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Where this machine's own programs reach the server; not with --tap or --nic, where they
    /// reach it by its address [default: 127.0.0.1:8080, or with --lan not at all]
    #[arg(long, value_name = "[ADDR:]PORT[:N]", conflicts_with = "device", value_parser = network::publish_tcp)]
    pub(crate) publish: Option<Publish>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Send ICMP echo requests and time their replies
///
/// The exit code is 0 if at least one reply came, 1 if none came, 2 on any other error.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja ping danja -c 3
  danja ping 192.168.7.1 -s 60000 -i 200ms --tap tap0 --address 192.168.7.2/24")]
pub(crate) struct PingArgs {
    /// A name or an IPv4 address
    pub(crate) host: String,
    /// Stop after N requests; without it, go on until interrupted
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Bytes of data in each request, up to 65507
    #[arg(short, long, value_name = "SIZE", default_value = "56", value_parser = ping_size)]
    pub(crate) size: usize,
    /// Time from one request to the next
    #[arg(short, long, value_name = "INTERVAL", default_value = "1s", value_parser = quantity::duration)]
    pub(crate) interval: Duration,
    /// How long to wait for the last replies (that a host is not there, ARP knows after 3 s)
    #[arg(short = 'W', long, value_name = "TIME", default_value = "4s", value_parser = quantity::duration)]
    pub(crate) wait: Duration,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Look a name up in the DNS and print its addresses, one a line
///
/// The question goes over UDP, and over TCP if the answer does not fit. The exit code is 1 if
/// there is no such name or no answer.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja resolve danja
  danja resolve example.com --tap tap0 --address 192.168.7.2/24 --dns 192.168.7.1")]
pub(crate) struct ResolveArgs {
    /// The name
    pub(crate) name: String,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Let happen again what a recording (--record) holds, to the same bytes
///
/// All that went into the recorded protocol stacks goes into them again, at the same virtual
/// times and as fast as it can; what comes out is held against what came out then. The exit code
/// is 0 if it is the same, 1 if something else came out, and 2 if the file cannot be replayed.
/// Nothing is sent anywhere.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja replay page.rec               after: danja get http://danja/ --record page.rec
  danja replay page.rec --explain --host get")]
pub(crate) struct ReplayArgs {
    /// The recording
    pub(crate) file: PathBuf,
    /// Only the hosts of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) story: StoryArgs,
    /// Write every frame that the hosts received and sent to FILE (pcapng, for Wireshark)
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a script by which a shell completes commands and options
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja completions bash > ~/.local/share/bash-completion/completions/danja
  danja completions fish > ~/.config/fish/completions/danja.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// The shells whose completions are tested.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Print a page of the manual, as man reads it
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja man | man -l -
  danja man get > ~/.local/share/man/man1/danja-get.1")]
pub(crate) struct ManArgs {
    /// The page of this command rather than of all
    pub(crate) command: Option<String>,
}

/// The largest echo request: 65,535 bytes less the headers of IPv4 (20) and ICMP (8).
const MAX_PING: usize = 65_507;

fn ping_size(text: &str) -> Result<usize, String> {
    let size = quantity::bytes(text).map_err(|error| error.to_string())?;
    if size > MAX_PING {
        return Err(format!(
            "an IPv4 packet holds at most 65535 bytes, {MAX_PING} of them ping data: \
             write -s {MAX_PING} or less"
        ));
    }
    Ok(size)
}
