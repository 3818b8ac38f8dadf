//! The options that all commands share: which LAN, what is wrong with it, and what to show.

use super::gateway::GatewayArgs;
use super::{LinkArgs, ReportForm};
use crate::explain::Language;
use crate::lan;
use clap::{Args, ValueEnum};
use danja::net::Congestion;
use danja_wire::ip::Cidr;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// The network a command runs on.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct NetworkArgs {
    #[command(flatten)]
    pub(crate) tap: TapArgs,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    #[command(flatten)]
    pub(crate) show: ShowArgs,
}

/// Which network: the built-in LAN, one of several programs, or a device.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network")]
pub(crate) struct TapArgs {
    /// Be on the LAN of this name, with other programs that are: hosts find each other by their
    /// names. It is there from its first host to two seconds after its last
    #[arg(long, value_name = "NAME", group = "place", value_parser = lan::name)]
    pub(crate) lan: Option<String>,
    /// The name of the program's host [default: the command's or the program's]
    #[arg(id = "host-name", long = "name", value_name = "NAME", value_parser = lan::name)]
    pub(crate) name: Option<String>,
    /// Use this TAP device instead of the built-in LAN
    #[arg(long, value_name = "DEVICE", groups = ["place", "device"], requires = "addressing")]
    pub(crate) tap: Option<String>,
    /// Use this network interface of the machine, as a station of its own beside the kernel
    #[arg(long, value_name = "DEVICE", groups = ["place", "device"], requires = "addressing")]
    pub(crate) nic: Option<String>,
    /// The program's own address there, with the prefix length, such as 192.168.7.2/24
    #[arg(long, value_name = "A/P", requires = "place", group = "addressing", value_parser = cidr)]
    pub(crate) address: Option<Cidr>,
    /// Ask the network for an address, a router and DNS servers (DHCP)
    #[arg(long, requires = "device", group = "addressing")]
    pub(crate) dhcp: bool,
    /// Be on this VLAN of the device (802.1Q), 1 to 4094
    #[arg(long, value_name = "ID", requires = "device", value_parser = clap::value_parser!(u16).range(1..=4094))]
    pub(crate) vlan: Option<u16>,
    /// The router to other networks
    #[arg(long, value_name = "GATEWAY", requires = "device", value_parser = ipv4)]
    pub(crate) via: Option<IpAddr>,
    /// The DNS server to ask for names
    #[arg(long, value_name = "SERVER", requires = "device", value_parser = ipv4)]
    pub(crate) dns: Option<IpAddr>,
    /// The largest IP packet on the link, in bytes [default: 1500, or the device's]
    #[arg(long, value_name = "BYTES", value_parser = mtu)]
    pub(crate) mtu: Option<usize>,
    /// How TCP of the program's host decides how much it sends at once: reno or cubic; a program
    /// may choose otherwise for its sockets (TCP_CONGESTION)
    #[arg(long, value_name = "NAME", value_parser = congestion)]
    pub(crate) congestion: Option<Congestion>,
}

/// What to show of what goes on.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Looking inside")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) story: StoryArgs,
    /// Write every frame of the program's link to FILE (pcapng, for Wireshark)
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Write all that goes into the protocol stacks of this process to FILE, for `danja replay`;
    /// it holds every byte that is sent and received, and the stacks' secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Show the page http://danja/ to browsers on this machine, at this port (on 127.0.0.1
    /// unless an address is given)
    #[arg(long, value_name = "[ADDR:]PORT")]
    pub(crate) inspect: Option<AtPort>,
    /// At the end tell of each TCP connection its bytes, time, retransmissions and round-trip
    /// times, on standard error: a table, or json; or in a FILE as JSON
    #[arg(
        long,
        value_name = "FORM|FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "table"
    )]
    pub(crate) report: Option<ReportForm>,
}

/// Whether the story is told, and how.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct StoryArgs {
    /// Tell on standard error, step by step, what the protocol stacks do
    #[arg(
        long,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text",
        value_enum
    )]
    pub(crate) explain: Option<ExplainForm>,
    /// The language of --explain [default: from the locale]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,
}

/// How the story is told.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExplainForm {
    /// Sentences.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// `[ADDR:]PORT`, an address of this machine; 127.0.0.1 if none is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AtPort(pub(crate) SocketAddr);

impl FromStr for AtPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(port) = text.parse() {
            return Ok(Self(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        }
        text.parse().map(Self).map_err(|_| {
            format!("\u{2018}{text}\u{2019} is not a port: write 8080 or 127.0.0.1:8080")
        })
    }
}

/// What a published port speaks.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Default, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    #[default]
    Tcp,
    Udp,
}

/// `[ADDR:]PORT[:SERVERPORT][/udp]`: an endpoint of this machine, and which port of the program's
/// host it leads to; the server's own if none is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Publish {
    /// On this machine.
    pub(crate) on: AtPort,
    /// On the program's host.
    pub(crate) port: Option<u16>,
    pub(crate) transport: Transport,
}

impl FromStr for Publish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\u{2018}{text}\u{2019} is not a port to publish at: \
                 write 8080, 8080:80, 0.0.0.0:8080 or 5353:53/udp"
            )
        };
        let (endpoints, transport) = match text.split_once('/') {
            None => (text, Transport::Tcp),
            Some((endpoints, "tcp")) => (endpoints, Transport::Tcp),
            Some((endpoints, "udp")) => (endpoints, Transport::Udp),
            Some(_) => return Err(wrong()),
        };
        if let Ok(on) = endpoints.parse() {
            return Ok(Self { on, port: None, transport });
        }
        let (on, port) = endpoints.rsplit_once(':').ok_or_else(wrong)?;
        let on = on.parse().map_err(|_| wrong())?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        Ok(Self { on, port: Some(port), transport })
    }
}

/// As [`Publish`], of a server that speaks TCP.
pub(super) fn publish_tcp(text: &str) -> Result<Publish, String> {
    let publish: Publish = text.parse()?;
    match publish.transport {
        Transport::Tcp => Ok(publish),
        Transport::Udp => Err("this server speaks TCP: write it without /udp".to_owned()),
    }
}

fn cidr(text: &str) -> Result<Cidr, String> {
    let error = || {
        format!(
            "\u{2018}{text}\u{2019} is not an IPv4 address with a prefix length: \
             write 192.168.7.2/24"
        )
    };
    let (address, prefix) = text.split_once('/').ok_or_else(error)?;
    let address: Ipv4Addr = address.parse().map_err(|_| error())?;
    let prefix: u8 = prefix.parse().map_err(|_| error())?;
    if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
        return Err(format!("{address} cannot be a host's address: write 192.168.7.2/24"));
    }
    Cidr::new(address.into(), prefix).ok_or_else(error)
}

fn congestion(text: &str) -> Result<Congestion, String> {
    let wrong = |error: <Congestion as FromStr>::Err| format!("\u{2018}{text}\u{2019}: {error}");
    text.parse().map_err(wrong)
}

fn ipv4(text: &str) -> Result<IpAddr, String> {
    text.parse::<Ipv4Addr>()
        .map(IpAddr::from)
        .map_err(|_| format!("\u{2018}{text}\u{2019} is not an IPv4 address: write 192.168.7.1"))
}

/// What every IPv4 host takes (RFC 791 §3.1, "Total Length"), to the longest packet there can be.
pub(super) const MTU: std::ops::RangeInclusive<usize> = 576..=65_535;

pub(super) fn mtu(text: &str) -> Result<usize, String> {
    let wrong = || {
        let (least, most) = (MTU.start(), MTU.end());
        format!("\u{2018}{text}\u{2019} is not {least} to {most} bytes: write 1500")
    };
    text.parse().ok().filter(|bytes| MTU.contains(bytes)).ok_or_else(wrong)
}
