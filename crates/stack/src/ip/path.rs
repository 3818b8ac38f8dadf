//! Where a packet goes: route, source address, path MTU. Looks, and changes nothing.

use super::interface::Interface;
use super::route::Hop;
use super::{Ip, no_route, source};
use crate::interface::InterfaceId;
use crate::packet::Path;
use crate::socket::SocketFault;
use core::net::{IpAddr, Ipv4Addr};

/// RFC 1112 §4: the permanent group of all hosts on a link.
pub(super) const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

impl Ip {
    /// Longest prefix, then metric; RFC 6724 source selection unless `source` is given; the
    /// path MTU from the cache. An unspecified `source` counts as not given.
    ///
    /// A given source address that belongs to an interface prefers that interface's routes
    /// (RFC 1122 §3.3.4.2, the strong model), so that answers leave where the question came in.
    pub(crate) fn path(
        &self,
        source: Option<IpAddr>,
        destination: IpAddr,
        interface: Option<InterfaceId>,
    ) -> Result<Path, SocketFault> {
        let source = source.filter(|address| !address.is_unspecified());
        let IpAddr::V4(to) = destination else { return Err(no_route()) };
        if self.is_local(destination) {
            return self.local_path(source, destination);
        }
        if to.is_unspecified() || is_reserved(to) {
            return Err(no_route());
        }
        let (interface, next_hop) = self.hop(source, to, interface)?;
        let source = match source {
            Some(source) if self.may_send_from(interface, source) => source,
            Some(_) => return Err(no_route()),
            None => self.source_for(interface, destination, next_hop).ok_or_else(no_route)?,
        };
        let mtu = self
            .path_mtus
            .get(destination)
            .map_or(interface.config.mtu, |mtu| mtu.min(interface.config.mtu));
        let generation = self.generation;
        Ok(Path { interface: interface.id, next_hop, source, mtu, generation })
    }

    fn local_path(&self, source: Option<IpAddr>, destination: IpAddr) -> Result<Path, SocketFault> {
        let interface = self.interface(InterfaceId::LOOPBACK).filter(|it| it.up);
        let interface = interface.ok_or_else(no_route)?;
        if source.is_some_and(|address| !self.is_local(address)) {
            return Err(no_route());
        }
        Ok(Path {
            interface: interface.id,
            next_hop: destination,
            source: source.unwrap_or_else(|| own_source(destination)),
            mtu: interface.config.mtu,
            generation: self.generation,
        })
    }

    /// The interface to leave by and the first hop.
    fn hop(
        &self,
        source: Option<IpAddr>,
        to: Ipv4Addr,
        interface: Option<InterfaceId>,
    ) -> Result<(&Interface, IpAddr), SocketFault> {
        let destination = IpAddr::V4(to);
        let up = |id: InterfaceId| self.interface(id).filter(|it| it.up);
        let usable = |id: InterfaceId| up(id).is_some_and(|it| !it.is_loopback());
        let wanted = interface.or_else(|| self.owner(source?)).filter(|id| usable(*id));
        if interface.is_some() && wanted.is_none() {
            return Err(no_route());
        }
        let alive = |hop: &Hop| self.gateways.is_alive(hop.interface, hop.gateway);
        let preferred =
            wanted.and_then(|id| self.routes.find(destination, |hop| hop.interface == id, alive));
        let hop = match (preferred, interface) {
            (None, None) => self.routes.find(destination, |hop| usable(hop.interface), alive),
            (found, _) => found,
        };
        let on_link = to.is_multicast() || to.is_broadcast() || to.is_link_local();
        if let Some(hop) = hop {
            let gateway = hop.gateway.filter(|_| !skips_gateway(to, &hop)).map(|gateway| {
                let better = self.redirects.get(destination, hop.interface);
                better.unwrap_or(gateway)
            });
            let interface = up(hop.interface).ok_or_else(no_route)?;
            return Ok((interface, gateway.unwrap_or(destination)));
        }
        // Without a route: what is for the link, or for an interface that stands for everyone.
        let interface = match interface.and_then(up) {
            Some(it) if on_link || it.config.any_address => Some(it),
            Some(_) => None,
            None if on_link => self.interfaces.iter().find(|it| it.up && !it.is_loopback()),
            None => None,
        };
        Ok((interface.ok_or_else(no_route)?, destination))
    }

    /// The first hop of a packet that is injected on an interface, whoever it is from or to.
    pub(super) fn injected_hop(&self, to: Ipv4Addr, interface: InterfaceId) -> Option<IpAddr> {
        let it = self.interface(interface).filter(|it| !it.is_loopback())?;
        if to.is_multicast() || to.is_broadcast() || !it.is_ethernet() {
            return Some(to.into());
        }
        let alive = |hop: &Hop| self.gateways.is_alive(hop.interface, hop.gateway);
        let hop = self.routes.find(to.into(), |hop| hop.interface == interface, alive);
        match hop {
            Some(hop) => Some(hop.gateway.unwrap_or_else(|| to.into())),
            None => it.config.any_address.then(|| to.into()),
        }
    }

    fn may_send_from(&self, interface: &Interface, source: IpAddr) -> bool {
        let IpAddr::V4(v4) = source else { return false };
        if v4.is_loopback() || v4.is_multicast() || v4.is_broadcast() {
            return false;
        }
        interface.config.any_address || self.owner(source).is_some()
    }

    /// The source address for a destination by this interface; of another interface if it has
    /// none of its own, and unspecified for a broadcast before the first address (DHCP).
    pub(super) fn source_for(
        &self,
        interface: &Interface,
        destination: IpAddr,
        next_hop: IpAddr,
    ) -> Option<IpAddr> {
        if let Some(source) = source::select(interface.usable(), destination, next_hop) {
            return Some(source);
        }
        if let IpAddr::V4(to) = destination
            && (to.is_broadcast() || to.is_multicast())
        {
            return Some(Ipv4Addr::UNSPECIFIED.into());
        }
        let others = self.interfaces.iter().filter(|it| it.up && !it.is_loopback());
        source::select(others.flat_map(Interface::usable), destination, next_hop)
    }
}

/// The source of what goes to one of our own addresses: that address, but for 127/8 the one that
/// the loopback interface has (as Linux, whose local route for 127/8 prefers 127.0.0.1).
fn own_source(destination: IpAddr) -> IpAddr {
    match destination {
        IpAddr::V4(to) if to.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        other => other,
    }
}

/// A group or "everybody here" is on the link, whatever gateway leads on; and so is what has a
/// link-local address (RFC 3927 §2.6.2), unless a route for such addresses says otherwise, which
/// nobody makes by mistake.
fn skips_gateway(to: Ipv4Addr, hop: &Hop) -> bool {
    const LINK_LOCAL_PREFIX: u8 = 16;
    let link_local = to.is_link_local() && hop.prefix_len < LINK_LOCAL_PREFIX;
    to.is_multicast() || to.is_broadcast() || link_local
}

/// 0/8 and 240/4 but for 255.255.255.255: on no wire (RFC 6890).
pub(super) fn is_reserved(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 0 || (first >= 240 && !address.is_broadcast())
}
