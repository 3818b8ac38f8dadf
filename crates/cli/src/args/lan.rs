//! What can be typed about LANs of several programs.

use super::network::mtu;
use crate::lan;
use clap::Args;

/// List the LANs of several programs (--lan) and the hosts that are on them
///
/// Of each host: its name and address, its process, and how many frames it has received, sent,
/// and lost because it was too slow. The exit code is 1 if a LAN cannot be asked.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  danja hosts lab
  danja hosts --json")]
pub(crate) struct HostsArgs {
    /// Only this LAN
    #[arg(value_name = "LAN", value_parser = lan::name)]
    pub(crate) lan: Option<String>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// The process of a LAN of several programs; started by its first host
#[derive(Args, Debug)]
pub(crate) struct LanProcessArgs {
    /// The LAN
    #[arg(value_parser = lan::name)]
    pub(crate) lan: String,
    /// The largest IP packet, in bytes
    #[arg(long, value_parser = mtu)]
    pub(crate) mtu: usize,
    /// It is the process itself, and nobody's child
    #[arg(long)]
    pub(crate) detached: bool,
}
