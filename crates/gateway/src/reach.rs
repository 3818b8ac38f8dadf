//! Who may be reached from the LAN: the rules, their order, and what is written on a command line
//! about them. Opens nothing.

use danja::wire::ip::Cidr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// Ports, each range with both its ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ports(Vec<RangeInclusive<u16>>);

impl Ports {
    /// These ranges.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        Self(ranges.into_iter().collect())
    }

    /// Whether a port is among them.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }
}

/// `80`, `8000-8099` or several of those with commas between.
impl FromStr for Ports {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let ranges: Option<Vec<_>> = text.split(',').map(|part| range(part.trim())).collect();
        let wrong = || ParseError::new(text, "a port or a list of them", "80, 8000-8099 or 80,443");
        ranges.map(Self).ok_or_else(wrong)
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some(first..=last)
}

/// Whether the machine's own loopback is reached from the LAN, at the address of `host`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum HostAccess {
    /// No.
    #[default]
    None,
    /// Every port.
    All,
    /// These ports.
    Ports(Ports),
}

impl HostAccess {
    fn permits(&self, port: u16) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Ports(ports) => ports.contains(port),
        }
    }
}

/// `all`, `none`, or ports as [`Ports`] are written.
impl FromStr for HostAccess {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Ok(match text {
            "all" => Self::All,
            "none" => Self::None,
            ports => Self::Ports(ports.parse()?),
        })
    }
}

/// Destinations outside: a network, and its ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoints {
    network: Cidr,
    /// All, if none are named: of echo requests, too, which have no port.
    ports: Option<Ports>,
}

impl Endpoints {
    /// Every port (and echo requests) of a network.
    pub const fn network(network: Cidr) -> Self {
        Self { network, ports: None }
    }

    /// Some ports of a network.
    pub const fn ports(network: Cidr, ports: Ports) -> Self {
        Self { network, ports: Some(ports) }
    }

    /// Whether `port` (none of an echo request) of `address` is among them.
    fn contains(&self, address: IpAddr, port: Option<u16>) -> bool {
        let named = match (&self.ports, port) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ports), Some(port)) => ports.contains(port),
        };
        named && self.network.contains(address)
    }
}

/// `ADDRESS[/PREFIX][:PORTS]`; `*` is every address.
impl FromStr for Endpoints {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let examples = "192.0.2.7, 10.0.0.0/8, 192.0.2.0/24:80-90 or *:25";
        let wrong = || ParseError::new(text, "an endpoint", examples);
        let (network, ports) = match text.split_once(':') {
            None => (text, None),
            Some((network, ports)) => (network, Some(ports.parse().map_err(|_| wrong())?)),
        };
        let network = match network.split_once('/') {
            _ if network == "*" => Cidr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            None => network.parse::<Ipv4Addr>().ok().map(|address| Cidr::host(address.into())),
            Some((address, prefix)) => {
                let address = address.parse::<Ipv4Addr>().map_err(|_| wrong())?;
                Cidr::new(address.into(), prefix.parse().map_err(|_| wrong())?)
            }
        };
        Ok(Self { network: network.ok_or_else(wrong)?, ports })
    }
}

/// What was written is not what can be read; says what can.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError(String);

impl ParseError {
    pub(crate) fn new(text: &str, what: &str, examples: &str) -> Self {
        Self(format!("\u{2018}{text}\u{2019} is not {what}: write {examples}"))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// Why a destination is not reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Nobody listens there: a reset, or port unreachable.
    Nobody,
    /// A rule forbids it: ICMP administratively prohibited.
    Prohibited,
    /// No such host: ICMP host unreachable.
    Unreachable,
}

/// All rules about what the LAN reaches.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Where the router's own messages come from.
    pub(crate) router: Ipv4Addr,
    /// The router's own addresses.
    pub(crate) own: Vec<IpAddr>,
    /// The networks that the LAN itself is.
    pub(crate) lan: Vec<Cidr>,
    /// The machine's loopback, as the LAN sees it.
    pub(crate) host: Option<IpAddr>,
    pub(crate) host_access: HostAccess,
    /// There is a way out.
    pub(crate) outside: bool,
    pub(crate) allow: Vec<Endpoints>,
    pub(crate) deny: Vec<Endpoints>,
}

impl Rules {
    /// Whether an address is everybody's on the LAN.
    pub(crate) fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        self.lan.iter().any(|network| network.broadcast() == Some(address))
    }

    /// Whether any port of the machine's loopback is reached.
    pub(crate) fn reaches_host(&self) -> bool {
        self.host_access != HostAccess::None
    }

    /// Where the machine connects for a client who wants to reach `to`; without a port, it is
    /// about an echo request.
    pub(crate) fn resolve(&self, to: IpAddr, port: Option<u16>) -> Result<IpAddr, Refusal> {
        let IpAddr::V4(v4) = to else { return Err(Refusal::Unreachable) };
        if self.host == Some(to) {
            let open = port.is_some_and(|port| self.host_access.permits(port));
            return if open { Ok(Ipv4Addr::LOCALHOST.into()) } else { Err(Refusal::Nobody) };
        }
        if self.own.contains(&to) {
            return Err(Refusal::Nobody);
        }
        if self.lan.iter().any(|network| network.contains(to)) || !leaves(v4) {
            return Err(Refusal::Unreachable);
        }
        let named = |list: &[Endpoints]| list.iter().any(|one| one.contains(to, port));
        // Link-local addresses are the machine's neighbours, or its cloud's metadata with the keys
        // of the machine's owner: they are reached by who names them.
        let open = self.allow.is_empty() && !v4.is_link_local();
        let permitted = self.outside && !named(&self.deny) && (open || named(&self.allow));
        if permitted { Ok(to) } else { Err(Refusal::Prohibited) }
    }
}

/// Whether packets to this address ever leave a host (RFC 1122 §3.2.1.3).
const fn leaves(to: Ipv4Addr) -> bool {
    let [first, ..] = to.octets();
    first != 0 && first < 240 && !to.is_loopback() && !to.is_multicast()
}
