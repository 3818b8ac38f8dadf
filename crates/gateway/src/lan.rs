//! The hosts of one LAN by name: what the router answers for and the page shows. Moves nothing.

use danja::Host;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which hosts are on a LAN. Clones are the same LAN.
#[derive(Clone, Default, Debug)]
pub struct Lan {
    hosts: Arc<Mutex<Vec<Host>>>,
}

impl Lan {
    /// A LAN without hosts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host. It is known by its name from now on, and kept alive.
    pub fn add(&self, host: &Host) {
        self.lock().push(host.clone());
    }

    /// All hosts, in the order they came.
    pub fn hosts(&self) -> Vec<Host> {
        self.lock().clone()
    }

    /// The addresses of the host of this name (upper or lower case).
    pub fn addresses_of(&self, name: &str) -> Vec<IpAddr> {
        let host = self.lock().iter().find(|host| host.name().eq_ignore_ascii_case(name)).cloned();
        host.map(|host| addresses(&host)).unwrap_or_default()
    }

    /// The name of the host with this address.
    pub fn name_of(&self, address: IpAddr) -> Option<String> {
        let hosts = self.hosts();
        let host = hosts.iter().find(|host| addresses(host).contains(&address))?;
        Some(host.name().to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All addresses of a host but those of its loopback.
pub(crate) fn addresses(host: &Host) -> Vec<IpAddr> {
    let interfaces = host.interfaces();
    let all = interfaces.iter().flat_map(|interface| &interface.addresses);
    all.map(|address| address.address()).filter(|address| !address.is_loopback()).collect()
}
