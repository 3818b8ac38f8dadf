//! A stub resolver (RFC 1034 §5.3.1, RFC 5452 for what makes an answer trustworthy) over the
//! host's own sockets: UDP, and TCP when the answer was truncated. Keeps no cache, reads no file.
//! IPv4 addresses only, as the stack speaks nothing else yet.

mod exchange;
mod message;

use crate::host::Host;
use crate::host::observe::LookupEvent;
use exchange::Trouble;
use message::Answer;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::PoisonError;
use std::time::Duration;

/// How names are looked up; the defaults are those of `resolv.conf(5)`.
///
/// ```
/// use danja::{Host, resolve::Settings};
/// use std::time::Duration;
/// # fn main() -> std::io::Result<()> {
/// let mut settings = Settings::default();
/// settings.servers.push("192.0.2.53:53".parse().unwrap());
/// settings.timeout = Duration::from_secs(1);
/// settings.names.push(("printer".to_owned(), "10.0.0.9".parse().unwrap()));
/// let host = Host::builder().resolver(settings).build()?;
/// assert_eq!(host.resolve("printer")?, ["10.0.0.9".parse::<std::net::IpAddr>().unwrap()]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The servers, asked in this order.
    pub servers: Vec<SocketAddr>,
    /// Domains that are appended to a name, one after the other.
    pub search: Vec<String>,
    /// A name with at least this many dots is tried as it is before the search list is. 1.
    pub ndots: usize,
    /// How long one server may take for one answer. 5 s.
    pub timeout: Duration,
    /// How often the list of servers is gone through. 2.
    pub attempts: usize,
    /// Names that are known without asking, in any case of letters.
    pub names: Vec<(String, IpAddr)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            names: Vec::new(),
        }
    }
}

impl Settings {
    /// The addresses of a name that needs no question.
    fn known(&self, name: &str) -> Vec<IpAddr> {
        let bare = name.strip_suffix('.').unwrap_or(name);
        let same =
            |known: &str| known.strip_suffix('.').unwrap_or(known).eq_ignore_ascii_case(bare);
        let known = self.names.iter().filter(|(known, _)| same(known));
        let found: Vec<_> = known.map(|(_, address)| *address).collect();
        // RFC 6761 §6.3 (3): name resolution APIs and libraries SHOULD recognize localhost names
        // as special, SHOULD always return the loopback address, and SHOULD NOT send queries.
        let lower = bare.to_ascii_lowercase();
        if found.is_empty() && (lower == "localhost" || lower.ends_with(".localhost")) {
            return vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        }
        found
    }

    /// The names to ask for, in order.
    fn candidates(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let mut names: Vec<_> = self
            .search
            .iter()
            .map(|domain| format!("{name}.{}", domain.trim_matches('.')))
            .collect();
        let as_it_is = if name.matches('.').count() >= self.ndots { 0 } else { names.len() };
        names.insert(as_it_is, name.to_owned());
        names
    }
}

impl Host {
    /// The addresses of a name, the best first. A numeric address is its own name.
    ///
    /// # Errors
    /// `NotFound` if there is no such name, or it has no address; `TimedOut` if no server
    /// answered; else what the servers said. The text names them.
    ///
    /// ```
    /// # use danja::{Host, lan::{MacAddress, cable::Switch}};
    /// # fn main() -> std::io::Result<()> {
    /// # let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
    /// # let host = Host::builder().adapter(port).build()?;
    /// assert_eq!(host.resolve("10.0.2.3")?, ["10.0.2.3".parse::<std::net::IpAddr>().unwrap()]);
    /// assert_eq!(host.resolve("localhost")?, [std::net::Ipv4Addr::LOCALHOST]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.block_on(self.resolve_async(name))
    }

    /// As [`Host::resolve`], for a task of any executor: it asks over the host's own sockets,
    /// and its time-outs are those of the host's clock; no thread is blocked or begun. If it is
    /// cancelled its sockets are closed.
    ///
    /// # Errors
    /// As [`Host::resolve`].
    pub async fn resolve_async(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(address) = numeric(name) {
            return Ok(vec![address]);
        }
        let resolver = &self.shared().resolver;
        let settings = resolver.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = settings.known(name);
        if !known.is_empty() {
            return Ok(known);
        }
        if settings.servers.is_empty() {
            let text = format!("{name}: no such name is known, and there is no DNS server to ask");
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        let mut denied = Vec::new();
        let mut refused = None;
        for candidate in settings.candidates(name) {
            let query = match message::name(&candidate) {
                Ok(query) => query,
                Err(why) if candidate == name => {
                    let text = format!("'{name}' cannot be a name: {why}");
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
                }
                // With the domain behind it, it is too long.
                Err(_) => continue,
            };
            match lookup(self, &settings, &candidate, &query).await? {
                Found::Addresses(addresses) => {
                    return Ok(addresses.into_iter().map(IpAddr::V4).collect());
                }
                Found::Nothing(why) => denied.push(why),
                // Of one domain; the next may be well.
                Found::Refused(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, denied.join("; "))))
    }
}

/// An address in digits; IPv6 also in the brackets that a URL puts around it.
fn numeric(name: &str) -> Option<IpAddr> {
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match bracketed {
        Some(within) => within.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

enum Found {
    Addresses(Vec<Ipv4Addr>),
    /// A server said that there is nothing; in words.
    Nothing(String),
    /// Servers answered that they cannot or will not.
    Refused(io::Error),
}

/// Asks for one name until a server knows.
async fn lookup(
    host: &Host,
    settings: &Settings,
    name: &str,
    query: &message::Name,
) -> io::Result<Found> {
    let mut troubles: Vec<(SocketAddr, Trouble)> = Vec::new();
    for _ in 0..settings.attempts.max(1) {
        for server in &settings.servers {
            match ask(host, settings, query, *server).await {
                Ok(Answer::Addresses(addresses)) => return Ok(Found::Addresses(addresses)),
                Ok(Answer::NoSuchName) => {
                    let text = format!("{} answered that there is no {name}", server.ip());
                    return Ok(Found::Nothing(text));
                }
                Ok(Answer::NoAddress) => {
                    let text = format!("{} answered that {name} has no address", server.ip());
                    return Ok(Found::Nothing(text));
                }
                // The latest trouble of each server counts.
                Err(trouble) => match troubles.iter_mut().find(|(of, _)| of == server) {
                    Some((_, last)) => *last = trouble,
                    None => troubles.push((*server, trouble)),
                },
            }
        }
    }
    let kind = troubles.first().map_or(io::ErrorKind::Other, |(_, trouble)| trouble.kind());
    let told: Vec<_> =
        troubles.iter().map(|(server, trouble)| format!("{} {trouble}", server.ip())).collect();
    let error = io::Error::new(kind, format!("cannot look up {name}: {}", told.join("; ")));
    match troubles.iter().any(|(_, trouble)| matches!(trouble, Trouble::Code(_))) {
        true => Ok(Found::Refused(error)),
        false => Err(error),
    }
}

/// One server: UDP first, TCP if the answer did not fit.
async fn ask(
    host: &Host,
    settings: &Settings,
    query: &message::Name,
    server: SocketAddr,
) -> Result<Answer, Trouble> {
    let answer = exchange::over_udp(host, query, server, settings.timeout).await;
    tell(host, query, server, false, &answer);
    if !matches!(answer, Err(Trouble::Truncated)) {
        return answer;
    }
    let answer = exchange::over_tcp(host, query, server, settings.timeout).await;
    tell(host, query, server, true, &answer);
    answer
}

fn tell(
    host: &Host,
    query: &message::Name,
    server: SocketAddr,
    over_tcp: bool,
    answer: &Result<Answer, Trouble>,
) {
    if !host.shared().is_heard() {
        return;
    }
    let mut addresses = Vec::new();
    let words;
    let answer = match answer {
        Ok(Answer::Addresses(found)) => {
            addresses.extend(found.iter().copied().map(IpAddr::V4));
            Ok(addresses.as_slice())
        }
        Ok(Answer::NoSuchName) => Err("no such name"),
        Ok(Answer::NoAddress) => Err("no address"),
        Err(trouble) => {
            words = trouble.to_string();
            Err(words.as_str())
        }
    };
    let event = LookupEvent { name: &query.to_utf8(), server, over_tcp, answer };
    host.shared().tell_lookup(event);
}

#[cfg(test)]
mod tests;
