//! What can be typed to look inside running hosts. Does nothing with it.

use super::LinkOptions;
use clap::Args;
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// Which of the user's running hosts.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Whose {
    /// Only the host of this name; NAME@PID, if there are several
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// The routers of built-in LANs too
    #[arg(long)]
    pub(crate) routers: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the sockets of your running hosts, with their control information
///
/// Every running `danja` command has a host with sockets of its own, which the machine's `ss`
/// does not see. The last columns say who carries a socket (our stack, or, `tun`, the kernel of
/// the program's namespace) and whose it is.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja ss                            all sockets of all your hosts
  danja ss --info --state established --port 80")]
pub(crate) struct SsArgs {
    /// Only sockets in this state, such as listen or established; several with commas
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    pub(crate) state: Vec<String>,
    /// Only listening sockets, and datagram sockets without a peer
    #[arg(short, long)]
    pub(crate) listening: bool,
    /// Only sockets with this port on either side
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Only sockets with this port of their own
    #[arg(long, value_name = "PORT")]
    pub(crate) sport: Option<u16>,
    /// Only sockets with this port of the peer's
    #[arg(long, value_name = "PORT")]
    pub(crate) dport: Option<u16>,
    /// Only TCP
    #[arg(short, long)]
    pub(crate) tcp: bool,
    /// Only UDP (with --tcp: both)
    #[arg(short, long)]
    pub(crate) udp: bool,
    /// Under each socket its control information: windows, round-trip times, counts, timers
    #[arg(short, long)]
    pub(crate) info: bool,
    #[command(flatten)]
    pub(crate) whose: Whose,
}

/// The states by the names of RFC 9293 and by those of `ss`.
const STATES: [(&str, &str); 11] = [
    ("listen", "LISTEN"),
    ("syn-sent", "SYN-SENT"),
    ("syn-received", "SYN-RECEIVED"),
    ("syn-recv", "SYN-RECEIVED"),
    ("established", "ESTABLISHED"),
    ("fin-wait-1", "FIN-WAIT-1"),
    ("fin-wait-2", "FIN-WAIT-2"),
    ("close-wait", "CLOSE-WAIT"),
    ("closing", "CLOSING"),
    ("last-ack", "LAST-ACK"),
    ("time-wait", "TIME-WAIT"),
];

fn state(text: &str) -> Result<String, String> {
    let typed = text.to_ascii_lowercase();
    // `ss` also knows them in short.
    let long = match typed.as_str() {
        "estab" => "established",
        "listening" => "listen",
        other => other,
    };
    let found = STATES.iter().find(|(name, _)| *name == long);
    found.map(|(_, state)| (*state).to_owned()).ok_or_else(|| {
        let names: Vec<&str> = STATES.iter().map(|(name, _)| *name).collect();
        format!("\u{2018}{text}\u{2019} is no state: write {}", names.join(", "))
    })
}

/// Show the neighbours of your running hosts: the MAC addresses that ARP found
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja neighbours                    all hosts' neighbours
  danja neighbours --host web --json")]
pub(crate) struct NeighboursArgs {
    #[command(flatten)]
    pub(crate) whose: Whose,
}

/// Show the routes of your running hosts
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja routes                        all hosts' routes
  danja routes --host web --json")]
pub(crate) struct RoutesArgs {
    #[command(flatten)]
    pub(crate) whose: Whose,
}

/// Show what the stacks of your running hosts have counted, by the names of Linux's nstat
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja counters                      what is not zero
  danja counters tcpret --all --host web")]
pub(crate) struct CountersArgs {
    /// Only counters with one of these in their name, upper or lower case
    #[arg(value_name = "PART")]
    pub(crate) parts: Vec<String>,
    /// Those that are zero too
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) whose: Whose,
}

/// Show or change the link of a running host
///
/// Only what is named changes, for frames that come from now on; frames under way keep their
/// times. Without anything to change, the state is shown.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja link web --loss 5% --delay-down 100ms
  danja link web --down               pull the cable; --up plugs it in again
  danja link web --reset              nothing is wrong any more")]
pub(crate) struct LinkCommandArgs {
    /// The host's name, as `danja ss` shows it; NAME@PID, if there are several [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Pull the cable: every frame is lost
    #[arg(long, conflicts_with = "up")]
    pub(crate) down: bool,
    /// Plug it in again
    #[arg(long)]
    pub(crate) up: bool,
    /// First forget all that was set
    #[arg(long)]
    pub(crate) reset: bool,
    #[command(flatten)]
    pub(crate) set: LinkOptions,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// Say what this machine permits, which way danja run goes by it, and what would permit the rest
///
/// Everything is tried, not guessed, and nothing is changed. The exit code is 0 if programs can
/// be run, 1 if not.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja doctor                        what is permitted, and what would permit the rest
  danja doctor --json")]
pub(crate) struct DoctorArgs {
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// How `--report` tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ReportForm {
    /// A table on standard error.
    Table,
    /// One JSON object on standard error.
    Json,
    /// The same in a file.
    File(PathBuf),
}

impl FromStr for ReportForm {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "table" => Self::Table,
            "json" => Self::Json,
            file => Self::File(file.into()),
        })
    }
}
