//! Errors about datagrams that were sent: to the socket that caused them, as Linux reports them.

use super::Datagrams;
use crate::core_state::Core;
use crate::discard::Discard;
use crate::event::Ready;
use crate::ip;
use crate::packet::{ErrorKind, TransportError};
use crate::slab::Key;
use crate::socket::{Cause, PathMtuDiscovery, SocketKind};
use core::net::SocketAddr;
use danja_wire::ip::Protocol;

impl Datagrams {
    pub(crate) fn on_error(
        &mut self,
        core: &mut Core,
        error: &TransportError,
    ) -> Result<(), Discard> {
        let key = self.sender(error).ok_or(Discard::IcmpUnvalidated)?;
        if let ErrorKind::TooBig { mtu } = error.what {
            ip::lower_path_mtu(core, error.remote.ip(), mtu);
        }
        let Some(socket) = self.sockets.get_mut(key) else { return Ok(()) };
        // Linux: an unconnected UDP socket hears of nothing, a connected one of what is final. A
        // ping socket hears of everything: that is what it asks for.
        let told = match socket.kind {
            SocketKind::Ping => true,
            _ if socket.remote.is_none() => return Ok(()),
            _ => match error.what {
                ErrorKind::Hard => true,
                ErrorKind::Soft if is_final(error) => true,
                ErrorKind::TooBig { .. } => socket.options.mtu_discover != PathMtuDiscovery::Never,
                ErrorKind::Soft | ErrorKind::Neighbour => false,
            },
        };
        if !told {
            socket.soft_error = Some(error.fault);
            return Ok(());
        }
        socket.error = Some(error.fault);
        if let Some(id) = socket.id {
            core.events.raise(id, Ready::ERROR.with(Ready::READABLE).with(Ready::WRITABLE));
        }
        Ok(())
    }

    /// The socket that sent the packet an error is about.
    fn sender(&self, error: &TransportError) -> Option<Key> {
        let any = None;
        match error.protocol {
            Protocol::UDP => self.udp.demux.find(&self.sockets, error.local, error.remote, any),
            Protocol::ICMP => {
                let remote = SocketAddr::new(error.remote.ip(), 0);
                self.ping.demux.find(&self.sockets, error.local, remote, any)
            }
            protocol => self.raw.get(&protocol)?.iter().copied().find(|key| {
                let socket = self.sockets.get(*key);
                socket.is_some_and(|it| it.remote.is_some_and(|to| to.ip() == error.remote.ip()))
            }),
        }
    }
}

/// What Linux tells a connected datagram socket beside closed ports: that nobody is there or
/// that somebody forbids it, rather than that the way is not there now.
fn is_final(error: &TransportError) -> bool {
    const UNREACHABLE: u8 = 3;
    const PARAMETER_PROBLEM: u8 = 12;
    match error.fault.cause {
        Some(Cause::Icmp { message_type: UNREACHABLE, code, .. }) => {
            matches!(code, 6..=10 | 13..=15)
        }
        Some(Cause::Icmp { message_type: PARAMETER_PROBLEM, .. }) => true,
        _ => false,
    }
}
