//! What the machine says about names: its resolvers and search list (`resolv.conf(5)`), and its
//! hosts file (`hosts(5)`). Files are read again when they change. Asks nobody.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Resolvers asked at most, as in resolv.conf(5).
const SERVERS: usize = 3;
/// Search domains at most.
const SEARCH: usize = 6;

/// What resolv.conf says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Resolvers {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) search: Vec<String>,
    /// Names with fewer dots are looked for in the search list first.
    pub(super) ndots: usize,
    pub(super) timeout: Duration,
    pub(super) attempts: usize,
}

impl Resolvers {
    /// These servers, and nothing else.
    pub(super) fn of(servers: Vec<SocketAddr>) -> Self {
        let (ndots, timeout, attempts) = (1, Duration::from_secs(5), 2);
        Self { servers, search: Vec::new(), ndots, timeout, attempts }
    }

    /// What cannot be read is passed over, as the C library does.
    fn parse(text: &str) -> Self {
        let mut all = Self::of(Vec::new());
        for line in text.lines() {
            let mut words = line.split([';', '#']).next().unwrap_or("").split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    // A scope is about the machine's own links.
                    let address = words.next().and_then(|word| word.split('%').next());
                    if let Some(Ok(address)) = address.map(str::parse::<IpAddr>)
                        && all.servers.len() < SERVERS
                    {
                        all.servers.push(SocketAddr::new(address, 53));
                    }
                }
                // The last of them counts.
                Some("search" | "domain") => {
                    let names = words.map(|name| name.trim_matches('.').to_owned());
                    all.search = names.filter(|name| !name.is_empty()).take(SEARCH).collect();
                }
                Some("options") => words.for_each(|word| all.option(word)),
                _ => {}
            }
        }
        all
    }

    fn option(&mut self, word: &str) {
        let Some((name, Ok(value))) = word.split_once(':').map(|(n, v)| (n, v.parse::<u16>()))
        else {
            return;
        };
        // The C library's limits.
        match name {
            "ndots" => self.ndots = usize::from(value).min(15),
            "timeout" => self.timeout = Duration::from_secs(u64::from(value).clamp(1, 30)),
            "attempts" => self.attempts = usize::from(value).clamp(1, 5),
            _ => {}
        }
    }
}

/// What the hosts file says: addresses and their names, in its order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Hosts(Vec<(IpAddr, Vec<String>)>);

impl Hosts {
    fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split('#').next().unwrap_or("").split_ascii_whitespace();
            let address = words.next()?.parse().ok()?;
            Some((address, words.map(|name| name.trim_end_matches('.').to_owned()).collect()))
        };
        Self(text.lines().filter_map(line).collect())
    }

    pub(super) fn addresses_of(&self, name: &str) -> Vec<IpAddr> {
        let has = |names: &[String]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        self.0.iter().filter(|(_, names)| has(names)).map(|(address, _)| *address).collect()
    }

    pub(super) fn name_of(&self, address: IpAddr) -> Option<&str> {
        let (_, names) = self.0.iter().find(|(known, _)| *known == address)?;
        names.first().map(String::as_str)
    }
}

/// A file's meaning, as of its last change.
struct Cached<T> {
    path: PathBuf,
    known: Mutex<Option<(Stamp, Arc<T>)>>,
}

/// Tells one state of a file from another.
type Stamp = (Option<SystemTime>, u64);

impl<T> Cached<T> {
    const fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::new(None) }
    }

    fn get(&self, parse: impl FnOnce(&str) -> T) -> Arc<T> {
        let meta = fs::metadata(&self.path);
        let stamp = meta.map_or((None, 0), |meta| (meta.modified().ok(), meta.len()));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, value)) = &*known
            && *of == stamp
        {
            return Arc::clone(value);
        }
        // A file that is not there says nothing.
        let value = Arc::new(parse(&fs::read_to_string(&self.path).unwrap_or_default()));
        *known = Some((stamp, Arc::clone(&value)));
        value
    }
}

/// The machine's files.
pub(crate) struct System {
    resolvers: Cached<Resolvers>,
    hosts: Cached<Hosts>,
    /// Instead of the file's.
    fixed: Option<Vec<SocketAddr>>,
}

impl System {
    pub(crate) fn new(resolv_conf: &Path, hosts: &Path, fixed: Option<Vec<SocketAddr>>) -> Self {
        let resolvers = Cached::new(resolv_conf.to_owned());
        Self { resolvers, hosts: Cached::new(hosts.to_owned()), fixed }
    }

    pub(super) fn resolvers(&self) -> Resolvers {
        let mut all = (*self.resolvers.get(Resolvers::parse)).clone();
        if let Some(fixed) = &self.fixed {
            all.servers.clone_from(fixed);
        }
        all
    }

    pub(super) fn hosts(&self) -> Arc<Hosts> {
        self.hosts.get(Hosts::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read_as_the_c_library_reads_it() {
        let text = "# a comment\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver nonsense\n\
                    domain old.example\nsearch a.example. b.example ; more\n\
                    options ndots:2 timeout:99 attempts:3 rotate\nnameserver 192.0.2.3\n\
                    nameserver 192.0.2.4\n";
        let all = Resolvers::parse(text);
        let servers: Vec<String> = all.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[fe80::1]:53", "192.0.2.3:53"]);
        assert_eq!(all.search, ["a.example", "b.example"]);
        assert_eq!((all.ndots, all.timeout.as_secs(), all.attempts), (2, 30, 3));
        assert_eq!(Resolvers::parse(""), Resolvers::of(Vec::new()));
    }

    #[test]
    fn files_are_read_again_when_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let (conf, hosts) = (folder.path().join("resolv.conf"), folder.path().join("hosts"));
        let system = System::new(&conf, &hosts, None);
        assert!(system.resolvers().servers.is_empty());
        fs::write(&conf, "nameserver 192.0.2.9\n").unwrap();
        assert_eq!(system.resolvers().servers.len(), 1);
        fs::write(&hosts, "192.0.2.7 Box.example box # mine\n::1 localhost\n").unwrap();
        let known = system.hosts();
        assert_eq!(known.addresses_of("BOX")[0].to_string(), "192.0.2.7");
        assert_eq!(known.name_of("192.0.2.7".parse().unwrap()), Some("Box.example"));
        fs::remove_file(&conf).unwrap();
        assert!(system.resolvers().servers.is_empty());
    }
}
