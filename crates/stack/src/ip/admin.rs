//! Administration: interfaces, addresses and routes come and go. Sends nothing but what
//! `conflict` announces.

use super::interface::{Address, Interface};
use super::{arp, conflict, gateways, with_neighbours};
use crate::config::{InterfaceConfig, Route, Vlan};
use crate::core_state::Core;
use crate::discard::Discard;
use crate::interface::{InterfaceId, MacAddress};
use core::net::IpAddr;
use danja_wire::ip::Cidr;

/// RFC 791 §3.2: every module must be able to forward a datagram of 68 octets unfragmented.
const MIN_MTU: usize = 68;
/// What an IPv4 header can say.
const MAX_MTU: usize = 65_535;

pub(crate) fn add_interface(core: &mut Core, mut config: InterfaceConfig) -> Option<InterfaceId> {
    if config.vlan.is_some_and(|vlan| !may_be(core, vlan)) {
        return None;
    }
    let id = u16::try_from(core.ip.interfaces.len()).ok().filter(|id| *id < u16::MAX)?;
    let id = InterfaceId(id);
    let addresses = core::mem::take(&mut config.addresses);
    let vlan = config.vlan;
    core.ip.interfaces.push(Interface::new(id, config));
    if let Some(vlan) = vlan
        && let Some(parent) = core.ip.interface_mut(vlan.parent)
    {
        parent.vlans.push((vlan.id, id));
        follow(core, id);
    }
    core.ip.changed();
    for address in addresses {
        add_address(core, id, address);
    }
    Some(id)
}

/// Whether an interface can be on this VLAN: an Ethernet of its own has it, and no other is.
fn may_be(core: &Core, vlan: Vlan) -> bool {
    let parent = core.ip.interface(vlan.parent);
    let parent = parent.filter(|it| it.is_ethernet() && it.config.vlan.is_none());
    let free = |parent: &Interface| parent.vlans.iter().all(|(id, _)| *id != vlan.id);
    (1..=4094).contains(&vlan.id) && parent.is_some_and(free)
}

pub(crate) fn add_address(core: &mut Core, interface: InterfaceId, address: Cidr) -> bool {
    let IpAddr::V4(v4) = address.address() else { return false };
    let on_loopback = interface == InterfaceId::LOOPBACK;
    if v4.is_multicast() || super::path::is_reserved(v4) || v4.is_broadcast() {
        return false;
    }
    let Some(it) = core.ip.interface_mut(interface) else { return false };
    if it.addresses.iter().any(|other| other.cidr.address() == address.address()) {
        return false;
    }
    let claim = conflict::Claim::new(it);
    let usable = claim.is_usable();
    it.addresses.push(Address { cidr: address, claim });
    if usable {
        core.ip.own(address.address(), interface);
    }
    if !on_loopback && let Some(route) = connected(interface, address) {
        core.ip.routes.add(route);
    }
    core.ip.changed();
    conflict::start(core, interface);
    true
}

/// The route to the network that an address is in; none for an address alone.
fn connected(interface: InterfaceId, address: Cidr) -> Option<Route> {
    let alone = Cidr::host(address.address()).prefix_len() == address.prefix_len();
    let destination = address.network();
    (!alone).then_some(Route { destination, gateway: None, interface, metric: 0 })
}

pub(crate) fn remove_address(core: &mut Core, interface: InterfaceId, address: IpAddr) -> bool {
    let Some(it) = core.ip.interface_mut(interface) else { return false };
    let Some(at) = it.addresses.iter().position(|other| other.cidr.address() == address) else {
        return false;
    };
    let removed = it.addresses.remove(at).cidr;
    let shared = it.addresses.iter().any(|other| other.cidr.network() == removed.network());
    core.ip.disown(address, interface);
    if !shared && let Some(route) = connected(interface, removed) {
        core.ip.routes.remove(route);
    }
    core.ip.changed();
    true
}

pub(crate) fn add_route(core: &mut Core, route: Route) -> bool {
    let versions_agree = route
        .gateway
        .is_none_or(|gateway| gateway.is_ipv4() == route.destination.address().is_ipv4());
    if core.ip.interface(route.interface).is_none() || !versions_agree {
        return false;
    }
    let added = core.ip.routes.add(route);
    core.ip.changed();
    added
}

pub(crate) fn remove_route(core: &mut Core, route: Route) -> bool {
    let removed = core.ip.routes.remove(route);
    core.ip.changed();
    removed
}

/// A neighbour set by hand.
pub(crate) fn add_neighbour(
    core: &mut Core,
    interface: InterfaceId,
    address: IpAddr,
    mac: MacAddress,
) -> bool {
    let ethernet = core.ip.interface(interface).is_some_and(Interface::is_ethernet);
    if !ethernet || !mac.is_unicast() || !address.is_ipv4() {
        return false;
    }
    let action =
        with_neighbours(core, |all, context| all.set_permanent(context, interface, address, mac));
    let added = action.is_some();
    arp::act(core, action);
    if added {
        gateways::on_heard(core, interface, address);
    }
    added
}

pub(crate) fn remove_neighbour(core: &mut Core, interface: InterfaceId, address: IpAddr) -> bool {
    with_neighbours(core, |all, context| all.forget(context, interface, address))
}

/// `false` if there is no such interface, or IPv4 cannot work with so small an MTU.
pub(crate) fn set_mtu(core: &mut Core, interface: InterfaceId, mtu: usize) -> bool {
    let Some(it) = core.ip.interface_mut(interface) else { return false };
    if !(MIN_MTU..=MAX_MTU).contains(&mtu) {
        return false;
    }
    it.config.mtu = mtu;
    core.ip.changed();
    true
}

pub(crate) fn set_up(core: &mut Core, interface: InterfaceId, up: bool) -> bool {
    let Some(it) = core.ip.interface_mut(interface) else { return false };
    it.administered = up;
    follow(core, interface);
    true
}

/// The loopback has no link that could go down.
pub(crate) fn set_link(core: &mut Core, interface: InterfaceId, up: bool) -> bool {
    let found = core.ip.interface_mut(interface).filter(|it| !it.is_loopback());
    let Some(it) = found else { return false };
    it.link = up;
    follow(core, interface);
    true
}

/// The interface works when its owner, its link and (of a VLAN) its parent let it; of VLANs there
/// is one level, so this goes no deeper than that.
fn follow(core: &mut Core, interface: InterfaceId) {
    let Some(it) = core.ip.interface(interface) else { return };
    // A VLAN has no link but its parent's.
    let carried = it.config.vlan.is_none_or(|vlan| core.ip.is_up(vlan.parent));
    let Some(it) = core.ip.interface_mut(interface) else { return };
    let up = it.administered && it.link && carried;
    if it.up == up {
        return;
    }
    it.up = up;
    core.ip.changed();
    if up {
        conflict::restart(core, interface);
    } else {
        let waited = core.ip.interface_mut(interface).map_or(0, Interface::clear_control);
        (0..waited).for_each(|_| core.discard(Discard::InterfaceDown));
        // Who is on the link when it comes back may be others.
        with_neighbours(core, |all, context| all.flush(context, interface));
    }
    let vlans = core.ip.interface(interface).map(|it| it.vlans.clone());
    for (_, vlan) in vlans.unwrap_or_default() {
        follow(core, vlan);
    }
}
