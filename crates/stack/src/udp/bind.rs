//! `bind` and `connect`: which endpoint a socket has, and which peer.

use super::Datagrams;
use super::socket::{Socket, or_this_host};
use crate::core_state::Core;
use crate::slab::Key;
use crate::socket::ports::Binding;
use crate::socket::{BindError, ConnectError, Fault, SocketFault, SocketKind};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

impl Datagrams {
    pub(crate) fn bind(
        &mut self,
        core: &mut Core,
        place: Key,
        local: SocketAddr,
    ) -> Result<(), BindError> {
        let socket = self.sockets.get(place).ok_or(BindError::BadDescriptor)?;
        if socket.local.is_some() {
            return Err(BindError::AlreadyBound);
        }
        let IpAddr::V4(ip) = local.ip() else { return Err(BindError::WrongFamily) };
        let group = ip.is_multicast() || core.ip.is_broadcast(local.ip());
        if !ip.is_unspecified() && !group && !core.ip.may_bind(local.ip()) {
            return Err(BindError::AddressNotAvailable);
        }
        let local = self.claim(core, place, local).ok_or(BindError::AddressInUse)?;
        if let Some(socket) = self.sockets.get_mut(place) {
            socket.bound = Some(local);
        }
        Ok(())
    }

    /// Claims a port (any free one for 0) and makes the socket findable by it.
    pub(super) fn claim(
        &mut self,
        core: &mut Core,
        place: Key,
        wanted: SocketAddr,
    ) -> Option<SocketAddr> {
        let socket = self.sockets.get(place)?;
        let kind = socket.kind;
        let binding = Binding {
            owner: place,
            address: Some(wanted.ip()).filter(|ip| !ip.is_unspecified()),
            reuse_address: socket.options.reuse_address,
            reuse_port: socket.options.reuse_port,
            listening: false,
        };
        let mut local = wanted;
        if let Some(room) = self.room(kind) {
            local.set_port(match wanted.port() {
                0 => room.claim_any(core, kind, binding)?,
                port => room.ports.bind(port, binding).then_some(port)?,
            });
            room.demux.insert(place, local, None);
        } else {
            local.set_port(0);
        }
        self.sockets.get_mut(place)?.local = Some(local);
        Some(local)
    }

    /// Gives an unbound socket an endpoint before it sends.
    pub(super) fn claim_unbound(&mut self, core: &mut Core, place: Key) -> Option<()> {
        if self.sockets.get(place)?.local.is_none() {
            self.claim(core, place, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0))?;
        }
        Some(())
    }

    /// Sets the peer; `None` dissolves the connection.
    pub(crate) fn connect(
        &mut self,
        core: &mut Core,
        place: Key,
        remote: Option<SocketAddr>,
    ) -> Result<(), ConnectError> {
        let Some(remote) = remote else {
            self.disconnect(place);
            return Ok(());
        };
        let remote = or_this_host(remote);
        let socket = self.sockets.get(place).ok_or(ConnectError::BadDescriptor)?;
        let remote = peer(socket, remote)?;
        if core.ip.is_broadcast(remote.ip()) && !socket.options.broadcast {
            let fault = SocketFault { kind: Fault::Prohibited, cause: None };
            return Err(ConnectError::Fault(fault));
        }
        let (bound, interface) = (socket.bound, socket.options.interface);
        let path = core
            .ip
            .path(bound.map(|bound| bound.ip()), remote.ip(), interface)
            .map_err(ConnectError::Fault)?;
        self.claim_unbound(core, place).ok_or(ConnectError::PortsExhausted)?;
        let Some(socket) = self.sockets.get_mut(place) else {
            return Err(ConnectError::BadDescriptor);
        };
        let before = socket.local.unwrap_or(remote);
        let local = SocketAddr::new(path.source, before.port());
        let peer_before = socket.remote.replace(remote);
        socket.local = Some(local);
        socket.error = None;
        socket.soft_error = None;
        let kind = socket.kind;
        if let Some(room) = self.room(kind) {
            room.demux.remove(place, before, peer_before);
            room.demux.insert(place, local, Some(remote));
        }
        Ok(())
    }

    fn disconnect(&mut self, place: Key) {
        let Some(socket) = self.sockets.get_mut(place) else { return };
        let Some(remote) = socket.remote.take() else { return };
        let Some(local) = socket.local.take() else { return };
        socket.local = socket.bound;
        let (kind, bound) = (socket.kind, socket.bound);
        if let Some(room) = self.room(kind) {
            room.demux.remove(place, local, Some(remote));
            match bound {
                Some(bound) => room.demux.insert(place, bound, None),
                None => room.ports.release(local.port(), place),
            }
        }
    }
}

impl super::Room {
    /// A free port, chosen at random (RFC 6056 §3.3.1: a datagram socket may talk to anybody,
    /// so nothing of the peer can be mixed in).
    fn claim_any(&mut self, core: &mut Core, kind: SocketKind, binding: Binding) -> Option<u16> {
        let (first, last) = match kind {
            SocketKind::Ping => (1, u16::MAX),
            _ => core.config.ip.ephemeral_ports,
        };
        let (first, last) = (first.min(last), first.max(last));
        let count = u64::from(last.saturating_sub(first)).saturating_add(1);
        let start = core.entropy.secret_below(count);
        (0..count).find_map(|step| {
            let offset = start.saturating_add(step).checked_rem(count)?;
            let port = first.saturating_add(u16::try_from(offset).ok()?);
            // A port the stack chooses is nobody else's, whatever they would share.
            let free = !self.ports.is_bound(port);
            (free && self.ports.bind(port, binding)).then_some(port)
        })
    }
}

/// The peer's endpoint as it is compared: ports mean nothing but to UDP.
fn peer(socket: &Socket, remote: SocketAddr) -> Result<SocketAddr, ConnectError> {
    if !remote.is_ipv4() {
        return Err(ConnectError::WrongFamily);
    }
    match socket.kind {
        SocketKind::Datagram if remote.port() == 0 => Err(ConnectError::InvalidAddress),
        SocketKind::Datagram => Ok(remote),
        _ => Ok(SocketAddr::new(remote.ip(), 0)),
    }
}
