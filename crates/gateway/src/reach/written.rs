//! What is written on a command line about what is reached: ports, endpoints, and whether the
//! machine's own loopback is among them. Decides nothing.

use danja::wire::ip::Cidr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

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

/// As it is read.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}-{}", range.start(), range.end())?;
        }
        Ok(())
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

/// As it is read.
impl fmt::Display for HostAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::All => f.write_str("all"),
            Self::Ports(ports) => ports.fmt(f),
        }
    }
}

impl HostAccess {
    pub(super) fn permits(&self, port: u16) -> bool {
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
    pub(super) fn contains(&self, address: IpAddr, port: Option<u16>) -> bool {
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

/// As it is read.
impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.network.fmt(f)?;
        self.ports.as_ref().map_or(Ok(()), |ports| write!(f, ":{ports}"))
    }
}

/// What was written is not what can be read; says what can.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError(String);

impl ParseError {
    fn new(text: &str, what: &str, examples: &str) -> Self {
        Self(format!("\u{2018}{text}\u{2019} is not {what}: write {examples}"))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}
