//! Datagram sockets: UDP (RFC 768), ping (ICMP echo) and raw. No connection, no retransmission.

mod bind;
mod calls;
mod demux;
mod error;
mod input;
mod output;
mod ping;
mod socket;

use crate::core_state::Core;
use crate::event::Ready;
use crate::interface::InterfaceId;
use crate::slab::{Key, Slab};
use crate::socket::ports::PortTable;
use crate::socket::{
    Domain, OptionError, OptionName, SocketFault, SocketId, SocketKind, SocketOption,
};
use crate::views::ControlInfo;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;
use danja_wire::ip::Protocol;
use demux::Demux;
use socket::Socket;

/// All datagram sockets and the tables that find them.
pub(crate) struct Datagrams {
    sockets: Slab<Socket>,
    udp: Room,
    ping: Room,
    /// Raw sockets by protocol, in the order they were made.
    raw: BTreeMap<Protocol, Vec<Key>>,
    /// Ping sockets bound to an interface: they may take requests to others (any-address).
    echo_takers: Vec<Key>,
}

/// The ports (or identifiers) of one protocol and who is found by them.
struct Room {
    ports: PortTable,
    demux: Demux,
}

impl Datagrams {
    pub(crate) fn new(core: &mut Core) -> Self {
        let mut room = || Room {
            ports: PortTable::new(true, &mut core.entropy),
            demux: Demux::new(core.entropy.key()),
        };
        Self {
            sockets: Slab::new(32),
            udp: room(),
            ping: room(),
            raw: BTreeMap::new(),
            echo_takers: Vec::new(),
        }
    }

    /// The room of a kind of socket that has ports.
    const fn room(&mut self, kind: SocketKind) -> Option<&mut Room> {
        match kind {
            SocketKind::Datagram => Some(&mut self.udp),
            SocketKind::Ping => Some(&mut self.ping),
            SocketKind::Raw(_) | SocketKind::Stream => None,
        }
    }

    pub(crate) fn create(
        &mut self,
        core: &mut Core,
        id: SocketId,
        kind: SocketKind,
        _domain: Domain,
    ) -> Option<Key> {
        let key = self.sockets.insert(Socket::new(&core.config, id, kind))?;
        if let SocketKind::Raw(protocol) = kind {
            self.raw.entry(protocol).or_default().push(key);
            core.ip.watch(protocol, true);
        }
        Some(key)
    }

    /// The descriptor ends; what is queued is still sent.
    pub(crate) fn close(&mut self, core: &mut Core, place: Key) {
        let Some(socket) = self.sockets.get_mut(place) else { return };
        socket.id = None;
        socket.received.clear();
        core.budget.give_back(core::mem::take(&mut socket.received_cost));
        let (kind, local, remote) = (socket.kind, socket.local, socket.remote);
        let drained = socket.queued.is_empty();
        if let SocketKind::Raw(protocol) = kind
            && let Some(all) = self.raw.get_mut(&protocol)
        {
            all.retain(|key| *key != place);
            if all.is_empty() {
                self.raw.remove(&protocol);
            }
            core.ip.watch(protocol, false);
        }
        self.echo_takers.retain(|key| *key != place);
        if let (Some(room), Some(local)) = (self.room(kind), local) {
            room.demux.remove(place, local, remote);
            room.ports.release(local.port(), place);
        }
        if drained {
            self.sockets.remove(place);
        }
    }

    pub(crate) fn set_option(
        &mut self,
        core: &mut Core,
        place: Key,
        option: SocketOption,
    ) -> Result<(), OptionError> {
        if let SocketOption::BindToInterface(Some(interface)) = option
            && !core.ip.exists(interface)
        {
            return Err(OptionError::InvalidValue);
        }
        let socket = self.sockets.get_mut(place).ok_or(OptionError::BadDescriptor)?;
        socket.set_option(option)?;
        let (kind, local) = (socket.kind, socket.local);
        let (address, by_port) = (socket.options.reuse_address, socket.options.reuse_port);
        if kind == SocketKind::Ping {
            let takes = socket.options.interface.is_some();
            self.echo_takers.retain(|key| *key != place);
            if takes {
                self.echo_takers.push(place);
            }
        }
        // As Linux: others may share a port whose owner says so after it has bound it.
        if let (Some(room), Some(local)) = (self.room(kind), local) {
            room.ports.set_reuse(local.port(), place, address, by_port);
        }
        Ok(())
    }

    pub(crate) fn option(
        &self,
        _core: &Core,
        place: Key,
        name: OptionName,
    ) -> Result<SocketOption, OptionError> {
        self.sockets.get(place).ok_or(OptionError::BadDescriptor)?.option(name)
    }

    pub(crate) fn readiness(&self, _core: &Core, place: Key) -> Ready {
        self.sockets.get(place).map_or(Ready::NONE, Socket::readiness)
    }

    /// Bytes of the longest datagram that `send` would take now.
    pub(crate) fn send_room(&self, _core: &Core, place: Key) -> usize {
        self.sockets.get(place).map_or(0, |socket| {
            let full = socket.queued_cost >= socket.options.send_buffer;
            if socket.write_shut || full { 0 } else { output::largest(socket.kind) }
        })
    }

    pub(crate) fn take_error(&mut self, _core: &mut Core, place: Key) -> Option<SocketFault> {
        self.sockets.get_mut(place)?.error.take()
    }

    pub(crate) fn control_info(&self, _core: &Core, place: Key) -> Option<ControlInfo> {
        self.sockets.get(place).map(Socket::control_info)
    }

    /// The control information that a datagram from `remote` to `local` would find.
    pub(crate) fn find(
        &self,
        _core: &Core,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<ControlInfo> {
        let any: Option<InterfaceId> = None;
        let key = self.udp.demux.find(&self.sockets, local, remote, any)?;
        self.sockets.get(key).map(Socket::control_info)
    }
}

#[cfg(test)]
mod tests;
