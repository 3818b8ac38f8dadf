//! IP (RFC 791, RFC 1122), which contains ICMP and ARP. The only caller of `link`; transports
//! never see a MAC address. Forwards nothing: this is a host.

mod admin;
mod arp;
mod conflict;
mod fragment;
mod gateways;
mod icmp;
mod identification;
mod input;
mod interface;
mod output;
mod path;
mod pmtu;
mod reassemble;
mod route;
mod source;

pub(crate) use admin::{
    add_address, add_interface, add_neighbour, add_route, remove_address, remove_neighbour,
    remove_route, set_link, set_mtu, set_up,
};
pub(crate) use icmp::send_error;
pub(crate) use input::{input, input_looped};
pub(crate) use output::{inject, output, push_control, send};

use crate::config::{Config, InterfaceConfig, Unclaimed};
use crate::core_state::Core;
use crate::discard::Discard;
use crate::entropy::Entropy;
use crate::interface::{InterfaceId, Medium};
use crate::link::neighbour::{Context, Neighbours};
use crate::packet::{Packet, Path, TransportError};
use crate::slab::Key;
use crate::socket::{Cause, Fault, SocketFault};
use crate::views::{InterfaceView, NeighbourView, RouteView};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use danja_wire::ip::{Cidr, Protocol};
use danja_wire::{Frame, Instant};
use interface::Interface;

/// A timer of the IP layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimerId {
    /// A neighbour's state machine.
    Neighbour(Key),
    /// A datagram under reassembly.
    Reassembly(Key),
    /// Probes and announcements of an interface's addresses.
    Addresses(InterfaceId),
    /// Old path MTUs.
    PathMtu,
    /// Gateways that did not answer.
    Gateways,
}

/// What became of a frame.
#[derive(Debug)]
pub(crate) enum Upward {
    /// Consumed, answered, or discarded and counted.
    Done,
    /// A whole packet for a transport or raw socket (ICMP echo replies among them).
    Packet(Packet),
    /// An ICMP error about a packet of ours, and the message it came in.
    Error(TransportError, Packet),
    /// Nothing that this stack takes: for a second one behind the same address, or discarded.
    Others(Packet, Discard),
}

/// Interfaces, routes, neighbours, reassembly, path MTUs, limits on ICMP errors.
pub(crate) struct Ip {
    interfaces: Vec<Interface>,
    routes: route::Routes,
    /// Addresses in use, of all interfaces, in order: asked for each packet, changed seldom.
    local: Vec<(IpAddr, InterfaceId)>,
    neighbours: Neighbours,
    gateways: gateways::Gateways,
    path_mtus: pmtu::PathMtus,
    redirects: icmp::Redirects,
    error_limits: icmp::ErrorLimits,
    reassembly: reassemble::Reassembly,
    identification: identification::Identification,
    loopback: VecDeque<(InterfaceId, Frame)>,
    /// Protocols that raw sockets watch, how many each, and copies of packets for them.
    watched: BTreeMap<Protocol, usize>,
    copies: VecDeque<Packet>,
    errors: VecDeque<TransportError>,
    generation: u32,
}

impl Ip {
    /// With the loopback interface (127.0.0.1/8, MTU 65,535) as number 0.
    pub(crate) fn new(_config: &Config, entropy: &mut Entropy) -> Self {
        let mut config = InterfaceConfig::new("lo", Medium::Ip, 65_535);
        config.checksum_offload = true;
        let mut loopback = Interface::new(InterfaceId::LOOPBACK, config);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        if let Some(cidr) = Cidr::new(address, 8) {
            let claim = conflict::Claim::settled();
            loopback.addresses.push(interface::Address { cidr, claim });
        }
        Self {
            interfaces: alloc::vec![loopback],
            routes: route::Routes::new(),
            local: alloc::vec![(address, InterfaceId::LOOPBACK)],
            neighbours: Neighbours::new(),
            gateways: gateways::Gateways::new(),
            path_mtus: pmtu::PathMtus::new(),
            redirects: icmp::Redirects::new(),
            error_limits: icmp::ErrorLimits::new(),
            reassembly: reassemble::Reassembly::new(),
            identification: identification::Identification::new(entropy.key()),
            loopback: VecDeque::new(),
            watched: BTreeMap::new(),
            copies: VecDeque::new(),
            errors: VecDeque::new(),
            generation: 0,
        }
    }

    /// Changes whenever a route, an address, or an interface's state changes, or a path MTU may
    /// have grown.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    fn changed(&mut self) {
        self.redirects.clear();
        self.generation = self.generation.wrapping_add(1);
    }

    fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(usize::from(id.0))
    }

    fn interface_mut(&mut self, id: InterfaceId) -> Option<&mut Interface> {
        self.interfaces.get_mut(usize::from(id.0))
    }

    /// The interface whose address it is.
    fn owner(&self, address: IpAddr) -> Option<InterfaceId> {
        let wanted = number(address);
        let at = self.local.partition_point(|(other, _)| number(*other) < wanted);
        let (found, interface) = self.local.get(at)?;
        (*found == address).then_some(*interface)
    }

    /// An address is in use from now on.
    fn own(&mut self, address: IpAddr, interface: InterfaceId) {
        let order = |(address, interface): &(IpAddr, InterfaceId)| (number(*address), *interface);
        let wanted = order(&(address, interface));
        if let Err(at) = self.local.binary_search_by_key(&wanted, order) {
            self.local.insert(at, (address, interface));
        }
    }

    /// It is not any more.
    fn disown(&mut self, address: IpAddr, interface: InterfaceId) {
        self.local.retain(|it| *it != (address, interface));
    }

    /// Whether it is one of our own addresses.
    pub(crate) fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.owner(address).is_some()
    }

    /// Whether sockets may bind to the address (one of ours, or any on an any-address
    /// interface).
    pub(crate) fn may_bind(&self, address: IpAddr) -> bool {
        let IpAddr::V4(v4) = address else { return false };
        if self.is_local(address) {
            return true;
        }
        let unicast = !v4.is_multicast() && !v4.is_broadcast() && !path::is_reserved(v4);
        unicast && self.interfaces.iter().any(|it| it.config.any_address)
    }

    /// Whether it is a broadcast address of one of our networks, or 255.255.255.255.
    pub(crate) fn is_broadcast(&self, address: IpAddr) -> bool {
        let IpAddr::V4(v4) = address else { return false };
        v4.is_broadcast() || self.interfaces.iter().any(|it| it.is_broadcast(v4))
    }

    /// Whether the interface exists and is up.
    pub(crate) fn is_up(&self, interface: InterfaceId) -> bool {
        self.interface(interface).is_some_and(|it| it.up)
    }

    /// Whether there is such an interface.
    pub(crate) fn exists(&self, interface: InterfaceId) -> bool {
        self.interface(interface).is_some()
    }

    /// The interface is on a VLAN of another.
    pub(crate) fn is_vlan(&self, interface: InterfaceId) -> bool {
        self.interface(interface).is_some_and(|it| it.config.vlan.is_some())
    }

    /// One of the interface's VLANs, and the interface that is on it.
    pub(crate) fn vlan(&self, interface: InterfaceId, at: usize) -> Option<(u16, InterfaceId)> {
        self.interface(interface)?.vlans.get(at).copied()
    }

    /// How many take turns at an interface: itself, and its VLANs.
    pub(crate) fn turns(&self, interface: InterfaceId) -> usize {
        self.interface(interface).map_or(0, |it| it.vlans.len().saturating_add(1))
    }

    /// Whose turn it is: a VLAN's, or the interface's own (`None`).
    pub(crate) fn next_turn(&mut self, interface: InterfaceId) -> Option<(u16, InterfaceId)> {
        let it = self.interface_mut(interface)?;
        let turn = it.vlans.get(it.turn).copied();
        it.turn = if turn.is_some() { it.turn.saturating_add(1) } else { 0 };
        turn
    }

    /// Largest packet of the interface's link, in bytes.
    pub(crate) fn mtu(&self, interface: InterfaceId) -> usize {
        self.interface(interface).map_or(0, |it| it.config.mtu)
    }

    /// A raw socket wants copies of a protocol's packets, or no more.
    pub(crate) fn watch(&mut self, protocol: Protocol, on: bool) {
        let count = self.watched.entry(protocol).or_default();
        *count = if on { count.saturating_add(1) } else { count.saturating_sub(1) };
        if *count == 0 {
            self.watched.remove(&protocol);
        }
    }

    /// A copy of a received packet for raw sockets.
    pub(crate) fn poll_copy(&mut self) -> Option<Packet> {
        self.copies.pop_front()
    }

    /// The adapter of the interface completes transport checksums.
    pub(crate) fn checksum_offload(&self, interface: InterfaceId) -> bool {
        self.interface(interface).is_some_and(|it| it.config.checksum_offload)
    }

    /// Largest packet the adapter of the interface cuts itself, in bytes; 0 for none.
    pub(crate) fn max_segmented(&self, interface: InterfaceId) -> usize {
        self.interface(interface).map_or(0, |it| it.config.max_segmented)
    }

    /// What the interface does with unclaimed packets.
    pub(crate) fn unclaimed(&self, interface: InterfaceId) -> Unclaimed {
        self.interface(interface).map_or(Unclaimed::Answer, |it| it.config.unclaimed)
    }

    pub(crate) fn interfaces(&self) -> Vec<InterfaceView> {
        self.interfaces.iter().map(Interface::view).collect()
    }

    pub(crate) fn neighbours(&self, now: Instant) -> Vec<NeighbourView> {
        self.neighbours.views(now)
    }

    pub(crate) fn routes(&self) -> Vec<RouteView> {
        self.routes.views()
    }

    /// A frame of the stack's own that waits to leave (ARP, ICMP, RST, released by a neighbour).
    pub(crate) fn poll_control(&mut self, interface: InterfaceId) -> Option<Frame> {
        self.interface_mut(interface)?.pop_control()
    }

    /// Whether such a frame waits.
    pub(crate) fn has_control(&self, interface: InterfaceId) -> bool {
        self.interface(interface).is_some_and(Interface::has_control)
    }

    /// Transport errors that arose inside (a silent neighbour's queued packets); drained after
    /// each door.
    pub(crate) fn poll_error(&mut self) -> Option<TransportError> {
        self.errors.pop_front()
    }

    /// A packet that looped back, to be received again by [`input_looped`], and by which
    /// interface.
    pub(crate) fn poll_loopback(&mut self) -> Option<(InterfaceId, Frame)> {
        self.loopback.pop_front()
    }

    pub(crate) fn has_loopback(&self) -> bool {
        !self.loopback.is_empty()
    }
}

/// An address as a number, which compares faster; an IPv4 address as it is mapped into IPv6.
const fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => 0xffff << 32 | address.to_bits() as u128,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The fault of an unreachable destination.
pub(crate) const fn no_route() -> SocketFault {
    SocketFault { kind: Fault::NetworkUnreachable, cause: Some(Cause::NoRoute) }
}

/// Runs the neighbours' state machine with what it needs of the stack.
fn with_neighbours<T>(
    core: &mut Core,
    run: impl FnOnce(&mut Neighbours, &mut Context<'_>) -> T,
) -> T {
    let Core { now, config, entropy, table_key, timers, counters, ip, .. } = core;
    let mut context = Context { now: *now, config, key: *table_key, entropy, timers, counters };
    run(&mut ip.neighbours, &mut context)
}

/// The transport made forward progress through this path: the neighbour is alive (RFC 4861
/// §7.3.1).
pub(crate) fn confirm_neighbour(core: &mut Core, path: &Path) {
    if core.ip.interface(path.interface).is_some_and(Interface::is_ethernet) {
        with_neighbours(core, |all, context| all.confirm(context, path.interface, path.next_hop));
    }
}

/// The transport gets no answers through this path (RFC 9293 §3.8.3, MUST-20: advice about a
/// gateway that may be dead): the neighbour is asked whether it is there.
pub(crate) fn suspect_neighbour(core: &mut Core, path: &Path) {
    if path.interface != InterfaceId::LOOPBACK {
        let (interface, next_hop) = (path.interface, path.next_hop);
        let action = with_neighbours(core, |all, it| all.suspect(it, interface, next_hop));
        arp::act(core, action);
    }
}

/// The transport has validated a "fragmentation needed"; returns the new path MTU.
pub(crate) fn lower_path_mtu(core: &mut Core, destination: IpAddr, mtu: usize) -> usize {
    pmtu::lower(core, destination, mtu)
}

pub(crate) fn on_timer(core: &mut Core, timer: TimerId) {
    match timer {
        TimerId::Neighbour(key) => {
            let action = with_neighbours(core, |all, context| all.on_timer(context, key));
            arp::act(core, action);
        }
        TimerId::Reassembly(key) => reassemble::on_timer(core, key),
        TimerId::Addresses(interface) => conflict::on_timer(core, interface),
        TimerId::PathMtu => pmtu::on_timer(core),
        TimerId::Gateways => gateways::on_timer(core),
    }
}

#[cfg(test)]
pub(crate) mod tests;
