//! `send`, `recv` and `shutdown`.

use super::socket::{Datagram, Queued, Socket, or_this_host};
use super::{Datagrams, output, ping};
use crate::core_state::Core;
use crate::packet::Path;
use crate::slab::Key;
use crate::socket::{
    PathMtuDiscovery, Received, RecvError, RecvFlags, SendError, SendFlags, Shutdown,
    ShutdownError, SocketKind,
};
use alloc::vec::Vec;
use core::net::SocketAddr;
use danja_wire::Payload;

impl Datagrams {
    /// Queues one datagram (all of `data` or nothing).
    pub(crate) fn send(
        &mut self,
        core: &mut Core,
        place: Key,
        data: &Payload,
        flags: SendFlags,
    ) -> Result<usize, SendError> {
        let socket = self.sockets.get_mut(place).ok_or(SendError::BadDescriptor)?;
        if socket.write_shut {
            return Err(SendError::BrokenPipe);
        }
        if let Some(fault) = socket.error.take() {
            return Err(SendError::Fault(fault));
        }
        if data.len() > output::largest(socket.kind) {
            return Err(SendError::MessageTooLong);
        }
        let to = destination(core, socket, flags)?;
        let wanted = flags.from.or_else(|| socket.local_ip());
        let interface = socket.options.interface;
        let path = core.ip.path(wanted, to.ip(), interface).map_err(SendError::Fault)?;
        let dont_fragment = fits(core, socket, &path, data.len())?;
        self.claim_unbound(core, place).ok_or(SendError::PortsExhausted)?;
        let socket = self.sockets.get_mut(place).ok_or(SendError::BadDescriptor)?;
        let payload = match socket.kind {
            SocketKind::Ping => {
                let ident = socket.local.map_or(0, |local| local.port());
                ping::message(data, ident).ok_or(SendError::InvalidAddress)?
            }
            _ => data.clone(),
        };
        enqueue(core, place, socket, Queued { path, to, payload, dont_fragment })?;
        Ok(data.len())
    }

    /// Takes the oldest datagram; what does not fit `max` is lost (its length is told).
    pub(crate) fn recv(
        &mut self,
        core: &mut Core,
        place: Key,
        max: usize,
        flags: RecvFlags,
        into: &mut Vec<Payload>,
    ) -> Result<Received, RecvError> {
        let socket = self.sockets.get_mut(place).ok_or(RecvError::BadDescriptor)?;
        if let Some(fault) = socket.error.take() {
            return Err(RecvError::Fault(fault));
        }
        let Some(first) = socket.received.front() else {
            let ended = socket.read_shut;
            return if ended { Ok(Received::default()) } else { Err(RecvError::WouldBlock) };
        };
        let received = hand_over(first, max, into);
        if !flags.peek
            && let Some(datagram) = socket.received.pop_front()
        {
            let cost = datagram.cost();
            socket.received_cost = socket.received_cost.saturating_sub(cost);
            core.budget.give_back(cost);
        }
        Ok(received)
    }

    pub(crate) fn shutdown(
        &mut self,
        core: &mut Core,
        place: Key,
        how: Shutdown,
    ) -> Result<(), ShutdownError> {
        let socket = self.sockets.get_mut(place).ok_or(ShutdownError::BadDescriptor)?;
        if socket.remote.is_none() {
            return Err(ShutdownError::NotConnected);
        }
        socket.read_shut |= matches!(how, Shutdown::Read | Shutdown::Both);
        socket.write_shut |= matches!(how, Shutdown::Write | Shutdown::Both);
        if let Some(id) = socket.id {
            core.events.raise(id, socket.readiness());
        }
        Ok(())
    }
}

/// Where a datagram goes, if the socket may send there.
fn destination(core: &Core, socket: &Socket, flags: SendFlags) -> Result<SocketAddr, SendError> {
    let to = flags.to.or(socket.remote).ok_or(SendError::DestinationRequired)?;
    let to = or_this_host(to);
    if !to.is_ipv4() {
        return Err(SendError::WrongFamily);
    }
    if to.port() == 0 && socket.kind == SocketKind::Datagram {
        return Err(SendError::InvalidAddress);
    }
    if flags.from.is_some_and(|from| !from.is_unspecified() && !core.ip.may_bind(from)) {
        return Err(SendError::InvalidAddress);
    }
    if core.ip.is_broadcast(to.ip()) && !socket.options.broadcast {
        return Err(SendError::BroadcastNotAllowed);
    }
    Ok(to)
}

/// Whether DF is to be set, or an error if the datagram may not be fragmented and does not fit
/// (Linux's IP_MTU_DISCOVER).
fn fits(core: &Core, socket: &Socket, path: &Path, data_len: usize) -> Result<bool, SendError> {
    let length = data_len.saturating_add(output::headers(socket.kind));
    match socket.options.mtu_discover {
        PathMtuDiscovery::Never => Ok(false),
        PathMtuDiscovery::Want => Ok(length <= path.mtu),
        PathMtuDiscovery::Always if length > path.mtu => Err(SendError::MessageTooLong),
        PathMtuDiscovery::Probe if length > core.ip.mtu(path.interface) => {
            Err(SendError::MessageTooLong)
        }
        PathMtuDiscovery::Always | PathMtuDiscovery::Probe => Ok(true),
    }
}

fn enqueue(
    core: &mut Core,
    place: Key,
    socket: &mut Socket,
    queued: Queued,
) -> Result<(), SendError> {
    if socket.queued.front().is_some_and(|head| !core.ip.is_up(head.path.interface)) {
        // Nobody polls an interface that is down: what waits there goes another way, or nowhere.
        match output::refresh_head(core, socket) {
            Some(interface) => {
                core.ready.push(interface, crate::core_state::Sender::Datagram(place));
            }
            None => socket.listed = false,
        }
    }
    let cost = queued.cost();
    // As Linux, and as readiness says: a full queue is one that has reached its limit.
    let full = socket.queued_cost >= socket.options.send_buffer;
    if socket.queued.is_empty() {
        // Nothing of its own would ever wake it: one datagram may always wait.
        core.budget.take(cost);
    } else if full || !core.budget.try_take(cost) {
        socket.blocked = true;
        return Err(SendError::WouldBlock);
    }
    socket.queued_cost = socket.queued_cost.saturating_add(cost);
    let interface = queued.path.interface;
    socket.queued.push_back(queued);
    if !socket.listed {
        socket.listed = true;
        core.ready.push(interface, crate::core_state::Sender::Datagram(place));
    }
    Ok(())
}

fn hand_over(datagram: &Datagram, max: usize, into: &mut Vec<Payload>) -> Received {
    let payload = datagram.payload.slice(0, max);
    let bytes = payload.len();
    if bytes > 0 {
        into.push(payload);
    }
    Received {
        bytes,
        full_len: datagram.payload.len(),
        from: Some(datagram.from),
        to: Some(datagram.to),
        interface: Some(datagram.interface),
        ttl: datagram.ttl,
        tos: datagram.tos,
    }
}
