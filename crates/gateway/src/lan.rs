//! The hosts of one LAN by name: what the router answers for and the page shows. Moves nothing.

use danja::Host;
use danja_lan::impair::LinkControl;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which hosts are on a LAN. Clones are the same LAN.
#[derive(Clone, Default, Debug)]
pub struct Lan {
    members: Arc<Mutex<Vec<Member>>>,
    /// Addresses with names of their own, whichever host has them.
    names: Arc<Mutex<Vec<(String, IpAddr)>>>,
}

/// A host of a LAN, with what else is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Member {
    /// The host.
    pub host: Host,
    /// What its link can be changed by.
    pub link: Option<LinkControl>,
    /// It is the LAN's own, and no program's: a router.
    pub is_router: bool,
    /// A process in whose network namespace a kernel shares the host's address, and carries what
    /// the stack does not.
    pub process: Option<u32>,
}

impl Lan {
    /// A LAN without hosts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host. It is known by its name from now on, and kept alive.
    pub fn add(&self, host: &Host) {
        let host = host.clone();
        self.lock().push(Member { host, link: None, is_router: false, process: None });
    }

    /// Adds the LAN's router.
    pub(crate) fn add_router(&self, host: &Host) {
        let host = host.clone();
        self.lock().push(Member { host, link: None, is_router: true, process: None });
    }

    /// Says by what the link of the host of this name can be changed.
    pub fn set_link(&self, name: &str, link: &LinkControl) {
        self.change(name, |member| member.link = Some(link.clone()));
    }

    /// Says in which process's network namespace a kernel shares this host's address, so that its
    /// sockets are listed with the host's.
    pub fn set_process(&self, name: &str, process: u32) {
        self.change(name, |member| member.process = Some(process));
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Member)) {
        let mut members = self.lock();
        let named = |member: &&mut Member| member.host.name().eq_ignore_ascii_case(name);
        if let Some(member) = members.iter_mut().find(named) {
            change(member);
        }
    }

    /// All hosts, in the order they came.
    pub fn hosts(&self) -> Vec<Host> {
        self.lock().iter().map(|member| member.host.clone()).collect()
    }

    /// The same with what else is known of them.
    pub fn members(&self) -> Vec<Member> {
        self.lock().clone()
    }

    /// Gives an address a name of its own, which is no other name of the host that has it; the
    /// host may be in another process.
    pub fn name(&self, name: &str, address: IpAddr) {
        self.forget(name);
        self.names().push((name.to_owned(), address));
    }

    /// Forgets a name that an address was given.
    pub fn forget(&self, name: &str) {
        self.names().retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// The addresses of the host of this name (upper or lower case).
    pub fn addresses_of(&self, name: &str) -> Vec<IpAddr> {
        let names = self.names().clone();
        let own = names.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut found: Vec<IpAddr> = own.map(|(_, address)| *address).collect();
        let hosts = self.hosts();
        let host = hosts.iter().find(|host| host.name().eq_ignore_ascii_case(name));
        let of_host = host.map(addresses).unwrap_or_default();
        let named = |address: &IpAddr| names.iter().any(|(_, known)| known == address);
        found.extend(of_host.into_iter().filter(|address| !named(address)));
        found
    }

    /// The name of this address, or of the host that has it.
    pub fn name_of(&self, address: IpAddr) -> Option<String> {
        if let Some((name, _)) = self.names().iter().find(|(_, named)| *named == address) {
            return Some(name.clone());
        }
        let hosts = self.hosts();
        let host = hosts.iter().find(|host| addresses(host).contains(&address))?;
        Some(host.name().to_owned())
    }

    fn names(&self) -> MutexGuard<'_, Vec<(String, IpAddr)>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All addresses of a host but those of its loopback.
pub(crate) fn addresses(host: &Host) -> Vec<IpAddr> {
    let interfaces = host.interfaces();
    let all = interfaces.iter().flat_map(|interface| &interface.addresses);
    all.map(|address| address.address()).filter(|address| !address.is_loopback()).collect()
}
