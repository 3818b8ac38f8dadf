//! [`Stack`]: owns the tables and has the four doors. No protocol logic.

mod calls;
mod poll;
mod receive;
mod transmit;
mod view;

use crate::config::{Config, InterfaceConfig, Route};
use crate::core_state::Core;
use crate::entropy::Seeds;
use crate::interface::{InterfaceId, MacAddress};
use crate::ip;
use crate::socket::descriptor::Descriptors;
use crate::tcp::Tcp;
use crate::udp::Datagrams;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use danja_wire::ip::Cidr;
use danja_wire::{Instant, Payload};

/// A TCP/IP protocol stack.
///
/// It has four kinds of methods, and no others (but for construction and administration):
///
/// - A, *views* (`&self`): [`control_info`](Self::control_info), [`sockets`](Self::sockets),
///   [`neighbours`](Self::neighbours), [`routes`](Self::routes), [`counters`](Self::counters) …
/// - B, *what happened*: [`receive`](Self::receive), [`handle_timeout`](Self::handle_timeout),
///   [`inject`](Self::inject), [`reseed`](Self::reseed).
/// - C, *socket calls*, by descriptor: [`socket`](Self::socket), [`bind`](Self::bind),
///   [`listen`](Self::listen), [`connect`](Self::connect), [`accept`](Self::accept),
///   [`admit`](Self::admit), [`send`](Self::send), [`recv`](Self::recv) … None blocks.
/// - D, *what to do*: [`poll_transmit`](Self::poll_transmit), [`poll_event`](Self::poll_event),
///   [`poll_unclaimed`](Self::poll_unclaimed), [`poll_timeout`](Self::poll_timeout).
///
/// After any call of B or C, ask D in this order: `poll_transmit` for each interface with room
/// until it gives nothing, `poll_event` until it gives nothing, then `poll_timeout`; call
/// [`handle_timeout`](Self::handle_timeout) at that moment, or receive before it.
pub struct Stack {
    pub(crate) core: Core,
    descriptors: Descriptors,
    tcp: Tcp,
    datagrams: Datagrams,
    unclaimed: Vec<VecDeque<Payload>>,
}

impl Stack {
    /// A stack with a loopback interface and nothing else. The same `config`, `seeds` and
    /// inputs give the same outputs.
    pub fn new(config: Config, seeds: Seeds) -> Self {
        let descriptors = Descriptors::new(config.shard, config.limits.sockets);
        let mut core = Core::new(config, seeds);
        let tcp = Tcp::new(&mut core);
        let datagrams = Datagrams::new(&mut core);
        Self { core, descriptors, tcp, datagrams, unclaimed: Vec::new() }
    }

    /// The configuration, to be changed while running (a limit that is lowered applies to what
    /// comes; nothing is thrown away).
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.core.config
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.core.config
    }

    /// Adds an interface; its addresses are announced (or probed first) from `now` on. `None`
    /// if there are 65,535 already.
    pub fn add_interface(&mut self, config: InterfaceConfig, now: Instant) -> Option<InterfaceId> {
        self.core.set_now(now);
        let added = ip::add_interface(&mut self.core, config);
        self.tcp.on_path_change(&mut self.core);
        added
    }

    /// Adds an address with its connected route. `false` if there is no such interface, or it
    /// has the address already.
    pub fn add_address(&mut self, interface: InterfaceId, address: Cidr, now: Instant) -> bool {
        self.core.set_now(now);
        let added = ip::add_address(&mut self.core, interface, address);
        self.tcp.on_path_change(&mut self.core);
        added
    }

    /// Removes an address and its connected route; `false` if it is not there.
    pub fn remove_address(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        now: Instant,
    ) -> bool {
        self.core.set_now(now);
        let removed = ip::remove_address(&mut self.core, interface, address);
        self.tcp.on_path_change(&mut self.core);
        removed
    }

    /// Adds a route; `false` if it is there already or its interface is not.
    pub fn add_route(&mut self, route: Route, now: Instant) -> bool {
        self.core.set_now(now);
        let added = ip::add_route(&mut self.core, route);
        self.tcp.on_path_change(&mut self.core);
        added
    }

    /// Removes a route; `false` if it is not there.
    pub fn remove_route(&mut self, route: Route, now: Instant) -> bool {
        self.core.set_now(now);
        let removed = ip::remove_route(&mut self.core, route);
        self.tcp.on_path_change(&mut self.core);
        removed
    }

    /// Sets a neighbour's hardware address by hand: it is never asked for, forgotten or
    /// replaced. `false` if there is no such interface, or it is not Ethernet.
    pub fn add_neighbour(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        mac: MacAddress,
        now: Instant,
    ) -> bool {
        self.core.set_now(now);
        ip::add_neighbour(&mut self.core, interface, address, mac)
    }

    /// Forgets a neighbour, set by hand or learnt; `false` if it is not known.
    pub fn remove_neighbour(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        now: Instant,
    ) -> bool {
        self.core.set_now(now);
        ip::remove_neighbour(&mut self.core, interface, address)
    }

    /// Drops the TCP connection between two endpoints, whoever owns it, half-open ones and
    /// TIME-WAIT included: the peer is reset, and the socket is told that the connection was
    /// aborted. `false` if there is none.
    pub fn drop_connection(&mut self, local: SocketAddr, remote: SocketAddr, now: Instant) -> bool {
        self.core.set_now(now);
        self.tcp.drop_connection(&mut self.core, local, remote)
    }

    /// Changes the largest packet of an interface's link, in bytes, 68 at least; the adapter must
    /// carry it. `false` if there is no such interface, or no link has such an MTU.
    pub fn set_mtu(&mut self, interface: InterfaceId, mtu: usize, now: Instant) -> bool {
        self.core.set_now(now);
        let changed = ip::set_mtu(&mut self.core, interface, mtu);
        self.tcp.on_path_change(&mut self.core);
        changed
    }

    /// Takes an interface up or down; `false` if there is no such interface.
    pub fn set_up(&mut self, interface: InterfaceId, up: bool, now: Instant) -> bool {
        self.core.set_now(now);
        let changed = ip::set_up(&mut self.core, interface, up);
        self.tcp.on_path_change(&mut self.core);
        changed
    }

    /// An interface's link carries frames again, or does not any more. Without it nothing is sent
    /// by the interface, routes by it are passed over, and its neighbours are forgotten; when it
    /// comes back its addresses are claimed anew (RFC 5227 §2.1). `false` if there is no such
    /// interface, or it is the loopback.
    pub fn set_link(&mut self, interface: InterfaceId, up: bool, now: Instant) -> bool {
        self.core.set_now(now);
        let changed = ip::set_link(&mut self.core, interface, up);
        self.tcp.on_path_change(&mut self.core);
        changed
    }
}

impl core::fmt::Debug for Stack {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stack")
            .field("now", &self.core.now)
            .field("sockets", &self.descriptors.len())
            .finish()
    }
}
