//! Views: plain data about what the stack holds.

use super::Stack;
use crate::counters::Counters;
use crate::event::Ready;
use crate::socket::{SocketId, SocketKind};
use crate::views::{ControlInfo, InterfaceView, NeighbourView, RouteView};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use danja_wire::Instant;
use danja_wire::ip::Protocol;

impl Stack {
    /// A socket's control information; `None` for a stale descriptor.
    pub fn control_info(&self, socket: SocketId) -> Option<ControlInfo> {
        let entry = self.descriptors.get(socket)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.control_info(&self.core, entry.place),
            _ => self.datagrams.control_info(&self.core, entry.place),
        }
    }

    /// The control information of all sockets, in the order of their descriptors, then that of
    /// records without one: half-open connections, TIME-WAIT, orphans.
    pub fn sockets(&self) -> Vec<ControlInfo> {
        let owned = self.descriptors.iter().filter_map(|(id, _)| self.control_info(id));
        owned.chain(self.tcp.unowned(&self.core)).collect()
    }

    /// The control information that a packet from `remote` to `local` would find: of the
    /// connection, or of the listener or unconnected socket.
    pub fn find(
        &self,
        protocol: Protocol,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<ControlInfo> {
        match protocol {
            Protocol::TCP => self.tcp.find(&self.core, local, remote),
            _ => self.datagrams.find(&self.core, local, remote),
        }
    }

    /// What a socket is ready for now (level-triggered, as `poll` reports it).
    pub fn readiness(&self, socket: SocketId) -> Ready {
        match self.descriptors.get(socket) {
            Some(entry) if entry.kind == SocketKind::Stream => {
                self.tcp.readiness(&self.core, entry.place)
            }
            Some(entry) => self.datagrams.readiness(&self.core, entry.place),
            None => Ready::NONE,
        }
    }

    /// Bytes that `send` would take now; 0 for a stale descriptor.
    pub fn send_room(&self, socket: SocketId) -> usize {
        match self.descriptors.get(socket) {
            Some(entry) if entry.kind == SocketKind::Stream => {
                self.tcp.send_room(&self.core, entry.place)
            }
            Some(entry) => self.datagrams.send_room(&self.core, entry.place),
            None => 0,
        }
    }

    /// Neighbours, by interface and address.
    pub fn neighbours(&self) -> Vec<NeighbourView> {
        self.core.ip.neighbours(self.core.now)
    }

    /// Routes, the most specific first.
    pub fn routes(&self) -> Vec<RouteView> {
        self.core.ip.routes()
    }

    /// Interfaces in their order.
    pub fn interfaces(&self) -> Vec<InterfaceView> {
        self.core.ip.interfaces()
    }

    /// What was counted.
    pub const fn counters(&self) -> &Counters {
        &self.core.counters
    }

    /// Whether an address is one of ours.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.core.ip.may_bind(address)
    }

    /// Bytes that all queues hold, at true cost.
    pub const fn buffered(&self) -> usize {
        self.core.budget.used()
    }

    /// The time of the last call.
    pub const fn now(&self) -> Instant {
        self.core.now
    }
}
