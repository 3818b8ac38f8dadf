//! Who may be reached from the LAN, and by whom: the rules and their order. Opens nothing.

use danja::wire::ip::Cidr;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{PoisonError, RwLock};

#[cfg(test)]
mod tests;
mod written;

pub use written::{Endpoints, HostAccess, ParseError, Ports};

/// What a host of the LAN reaches by the router. Without anything said: all outside, and not the
/// machine's own loopback.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permissions {
    /// There is a way out.
    outside: bool,
    host_access: HostAccess,
    allow: Vec<Endpoints>,
    deny: Vec<Endpoints>,
}

impl Default for Permissions {
    fn default() -> Self {
        let (allow, deny) = (Vec::new(), Vec::new());
        Self { outside: true, host_access: HostAccess::None, allow, deny }
    }
}

impl Permissions {
    /// What is permitted where nothing was said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is a way out of the LAN, by the machine's own sockets. There is.
    #[must_use]
    pub const fn outside(mut self, outside: bool) -> Self {
        self.outside = outside;
        self
    }

    /// Whether the machine's own loopback is reached. It is not.
    #[must_use]
    pub fn host_access(mut self, access: HostAccess) -> Self {
        self.host_access = access;
        self
    }

    /// Destinations that are reached, and then no others. `deny` goes before.
    #[must_use]
    pub fn allow(mut self, endpoints: impl IntoIterator<Item = Endpoints>) -> Self {
        self.allow.extend(endpoints);
        self
    }

    /// Destinations that are not reached, whatever `allow` says.
    #[must_use]
    pub fn deny(mut self, endpoints: impl IntoIterator<Item = Endpoints>) -> Self {
        self.deny.extend(endpoints);
        self
    }
}

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
#[derive(Debug)]
pub(crate) struct Rules {
    /// Where the router's own messages come from.
    pub(crate) router: Ipv4Addr,
    /// The router's own addresses.
    pub(crate) own: Vec<IpAddr>,
    /// The networks that the LAN itself is.
    pub(crate) lan: Vec<Cidr>,
    /// The machine's loopback, as the LAN sees it.
    pub(crate) host: Option<IpAddr>,
    /// Of hosts that have none of their own.
    pub(crate) permissions: Permissions,
    /// Hosts with permissions of their own.
    pub(crate) clients: RwLock<HashMap<IpAddr, Permissions>>,
}

impl Rules {
    /// Gives a host of the LAN permissions of its own, or takes them away.
    pub(crate) fn permit(&self, client: IpAddr, permissions: Option<Permissions>) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        match permissions {
            Some(permissions) => clients.insert(client, permissions),
            None => clients.remove(&client),
        };
    }

    /// A host's permissions.
    fn of<T>(&self, client: IpAddr, ask: impl FnOnce(&Permissions) -> T) -> T {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        ask(clients.get(&client).unwrap_or(&self.permissions))
    }

    /// Whether a client has a way out.
    pub(crate) fn has_way_out(&self, client: IpAddr) -> bool {
        self.of(client, |permissions| permissions.outside)
    }

    /// Whether an address is everybody's on the LAN.
    pub(crate) fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        self.lan.iter().any(|network| network.broadcast() == Some(address))
    }

    /// Whether a client reaches any port of the machine's loopback.
    pub(crate) fn reaches_host(&self, client: IpAddr) -> bool {
        self.of(client, |permissions| permissions.host_access != HostAccess::None)
    }

    /// Where the machine connects for `client`, who wants to reach `to`; without a port, it is
    /// about an echo request.
    pub(crate) fn resolve(
        &self,
        client: IpAddr,
        to: IpAddr,
        port: Option<u16>,
    ) -> Result<IpAddr, Refusal> {
        let IpAddr::V4(v4) = to else { return Err(Refusal::Unreachable) };
        if self.host == Some(to) {
            let permits = |port| self.of(client, |own| own.host_access.permits(port));
            let open = port.is_some_and(permits);
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
        let permitted = self.of(client, |own| {
            let open = own.allow.is_empty() && !v4.is_link_local();
            own.outside && !named(&own.deny) && (open || named(&own.allow))
        });
        if permitted { Ok(to) } else { Err(Refusal::Prohibited) }
    }
}

/// Whether packets to this address ever leave a host (RFC 1122 §3.2.1.3).
const fn leaves(to: Ipv4Addr) -> bool {
    let [first, ..] = to.octets();
    first != 0 && first < 240 && !to.is_loopback() && !to.is_multicast()
}
