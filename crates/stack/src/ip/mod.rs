//! IP (RFC 791, RFC 1122), which contains ICMP and ARP. The only caller of `link`; transports
//! never see a MAC address.

use crate::config::{Config, InterfaceConfig, Route};
use crate::core_state::Core;
use crate::discard::Discard;
use crate::entropy::Entropy;
use crate::interface::InterfaceId;
use crate::packet::{Outgoing, Packet, Path, TransportError};
use crate::slab::Key;
use crate::socket::{Fault, SocketFault};
use crate::views::{InterfaceView, NeighbourView, RouteView};
use alloc::vec::Vec;
use core::net::IpAddr;
use danja_wire::ip::Cidr;
use danja_wire::{Frame, Payload};

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
}

/// What became of a frame.
#[derive(Debug)]
pub(crate) enum Upward {
    /// Consumed, answered, or discarded and counted.
    Done,
    /// A whole packet for a transport or raw socket (ICMP echo replies among them).
    Packet(Packet),
    /// An ICMP error about a packet of ours.
    Error(TransportError),
    /// No socket can take it (unknown protocol…): as [`crate::packet::Claim::Unclaimed`].
    Unclaimed(Packet),
}

/// Interfaces, routes, neighbours, reassembly, path MTUs, limits on ICMP errors.
pub(crate) struct Ip {}

#[allow(unused_variables, clippy::todo, clippy::unused_self, clippy::needless_pass_by_ref_mut)]
impl Ip {
    /// With the loopback interface (127.0.0.1/8, MTU 65,535) as number 0.
    pub(crate) fn new(config: &Config, entropy: &mut Entropy) -> Self {
        Self {}
    }
    /// Changes whenever a route, an address, or an interface's state changes.
    pub(crate) fn generation(&self) -> u32 {
        todo!()
    }
    /// Longest prefix, then metric; RFC 6724 source selection unless `source` is given; the
    /// path MTU from the cache. An unspecified `source` counts as not given.
    pub(crate) fn path(
        &self,
        source: Option<IpAddr>,
        destination: IpAddr,
        interface: Option<InterfaceId>,
    ) -> Result<Path, SocketFault> {
        todo!()
    }
    /// Whether sockets may bind to the address (one of ours, or any on an any-address
    /// interface).
    pub(crate) fn may_bind(&self, address: IpAddr) -> bool {
        todo!()
    }
    /// Whether it is a broadcast address of one of our networks, or 255.255.255.255.
    pub(crate) fn is_broadcast(&self, address: IpAddr) -> bool {
        todo!()
    }
    /// The adapter of the interface completes transport checksums.
    pub(crate) fn checksum_offload(&self, interface: InterfaceId) -> bool {
        todo!()
    }
    /// Largest packet the adapter of the interface cuts itself, in bytes; 0 for none.
    pub(crate) fn max_segmented(&self, interface: InterfaceId) -> usize {
        todo!()
    }
    /// What the interface does with unclaimed packets.
    pub(crate) fn unclaimed(&self, interface: InterfaceId) -> crate::config::Unclaimed {
        todo!()
    }
    pub(crate) fn interfaces(&self) -> Vec<InterfaceView> {
        todo!()
    }
    pub(crate) fn neighbours(&self) -> Vec<NeighbourView> {
        todo!()
    }
    pub(crate) fn routes(&self) -> Vec<RouteView> {
        todo!()
    }
    /// A frame of the stack's own that waits to leave (ARP, ICMP, RST, released by a neighbour).
    pub(crate) fn poll_control(&mut self, interface: InterfaceId) -> Option<Frame> {
        todo!()
    }
    /// Whether such a frame waits.
    pub(crate) fn has_control(&self, interface: InterfaceId) -> bool {
        todo!()
    }
    /// Transport errors that arose inside (a silent neighbour's queued packets); drained after
    /// each door.
    pub(crate) fn poll_error(&mut self) -> Option<TransportError> {
        todo!()
    }
    /// Packets that looped back, to be received again.
    pub(crate) fn poll_loopback(&mut self) -> Option<Frame> {
        todo!()
    }
    pub(crate) fn has_loopback(&self) -> bool {
        todo!()
    }
}

/// The fault of an unreachable destination.
pub(crate) const fn no_route() -> SocketFault {
    SocketFault { kind: Fault::NetworkUnreachable, cause: Some(crate::socket::Cause::NoRoute) }
}

#[allow(unused_variables, clippy::todo, clippy::needless_pass_by_ref_mut)]
mod doors {
    use super::*;

    pub(crate) fn add_interface(core: &mut Core, config: InterfaceConfig) -> Option<InterfaceId> {
        todo!()
    }
    pub(crate) fn add_address(core: &mut Core, interface: InterfaceId, address: Cidr) -> bool {
        todo!()
    }
    pub(crate) fn remove_address(core: &mut Core, interface: InterfaceId, address: IpAddr) -> bool {
        todo!()
    }
    pub(crate) fn add_route(core: &mut Core, route: Route) -> bool {
        todo!()
    }
    pub(crate) fn remove_route(core: &mut Core, route: Route) -> bool {
        todo!()
    }
    pub(crate) fn set_up(core: &mut Core, interface: InterfaceId, up: bool) -> bool {
        todo!()
    }
    /// A frame from an interface, through link and IP (reassembly, ICMP, ARP included).
    pub(crate) fn input(core: &mut Core, interface: InterfaceId, frame: Frame) -> Upward {
        todo!()
    }
    /// Puts IP and link header before a transport's packet. `None`: it waits for a neighbour,
    /// went to the loopback queue, was put into the control queue as fragments, or was
    /// discarded and counted.
    pub(crate) fn output(core: &mut Core, path: &Path, packet: Outgoing) -> Option<Frame> {
        todo!()
    }
    /// Finds a path for a packet of the stack's own (RST, ICMP) and puts it into the control queue.
    pub(crate) fn send(core: &mut Core, interface: Option<InterfaceId>, packet: Outgoing) {
        todo!()
    }
    /// A packet with its own IP header, from `Stack::inject`.
    pub(crate) fn inject(
        core: &mut Core,
        interface: InterfaceId,
        packet: Payload,
    ) -> Result<(), Discard> {
        todo!()
    }
    /// An ICMP error about a received packet, in its destination's name (validated, rate-limited).
    pub(crate) fn send_error(
        core: &mut Core,
        about: &Packet,
        message: danja_wire::icmpv4::Message,
    ) {
        todo!()
    }
    /// The transport has validated a "fragmentation needed"; returns the new path MTU.
    pub(crate) fn lower_path_mtu(core: &mut Core, destination: IpAddr, mtu: usize) -> usize {
        todo!()
    }
    /// The transport made forward progress through this path: the neighbour is alive (RFC 4861 §7.3.1).
    pub(crate) fn confirm_neighbour(core: &mut Core, path: &Path) {
        todo!()
    }
    pub(crate) fn on_timer(core: &mut Core, timer: TimerId) {
        todo!()
    }
}

pub(crate) use doors::*;
