//! `socket`, `bind`, `listen`, `connect`, `accept`, and verdicts.

use crate::core_state::Core;
use crate::event::IncomingId;
use crate::slab::Key;
use crate::socket::ports::Binding;
use crate::socket::{
    AcceptError, BindError, ConnectError, Domain, ListenError, SocketId, VerdictError,
};
use crate::tcp::Tcp;
use crate::tcp::record::Record;
use crate::tcp::socket::{Listener, Role, StreamSocket};
use crate::tcp::tcb::State;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest accept queue that may be asked for (Linux: net.core.somaxconn).
const MAX_BACKLOG: usize = 4_096;

impl Tcp {
    /// A socket in CLOSED; `id` is its descriptor.
    pub(crate) fn create(&mut self, core: &mut Core, id: SocketId, domain: Domain) -> Option<Key> {
        self.sockets.insert(StreamSocket::new(core, Some(id), domain))
    }

    pub(crate) fn bind(
        &mut self,
        core: &mut Core,
        place: Key,
        local: SocketAddr,
    ) -> Result<(), BindError> {
        let socket = self.sockets.get(place).ok_or(BindError::BadDescriptor)?;
        if !matches!(socket.role, Role::Fresh) || socket.claimed {
            return Err(BindError::AlreadyBound);
        }
        if local.is_ipv4() != (socket.domain == Domain::Ipv4) {
            return Err(BindError::WrongFamily);
        }
        let ip = local.ip();
        if !ip.is_unspecified() && !core.ip.may_bind(ip) {
            return Err(BindError::AddressNotAvailable);
        }
        let options = socket.options.get();
        let reuses = options.reuse_address || options.reuse_port;
        let binding = Binding {
            owner: place,
            address: Some(ip).filter(|ip| !ip.is_unspecified()),
            reuse_address: options.reuse_address,
            reuse_port: options.reuse_port,
            listening: false,
        };
        let port = match local.port() {
            // Port 0 itself: where the table of listeners keeps those of any port.
            0 if options.any_port => 0,
            0 => self.any_port(core, ip).ok_or(BindError::AddressInUse)?,
            port => port,
        };
        // As Linux: connections that linger on the port (TIME-WAIT too) keep it, unless both
        // they and this socket said SO_REUSEADDR.
        if self.demux.port_taken(SocketAddr::new(ip, port), reuses)
            || !self.ports.bind(port, binding)
        {
            return Err(BindError::AddressInUse);
        }
        if let Some(socket) = self.sockets.get_mut(place) {
            socket.local = Some(SocketAddr::new(ip, port));
            socket.claimed = true;
        }
        Ok(())
    }

    /// A port that nobody uses in any way.
    fn any_port(&mut self, core: &Core, ip: IpAddr) -> Option<u16> {
        let demux = &self.demux;
        let nobody = SocketAddr::new(ip, 0);
        self.ports.choose(core.config.ip.ephemeral_ports, ip, nobody, |ports, port| {
            !ports.is_bound(port) && !demux.port_in_use(port)
        })
    }

    pub(crate) fn listen(
        &mut self,
        core: &mut Core,
        place: Key,
        backlog: usize,
    ) -> Result<(), ListenError> {
        let backlog = backlog.min(MAX_BACKLOG);
        if let Some(listener) = self.listener_mut(place) {
            listener.backlog = backlog;
            return Ok(());
        }
        let socket = self.sockets.get(place).ok_or(ListenError::BadDescriptor)?;
        if !matches!(socket.role, Role::Fresh) {
            return Err(ListenError::InvalidState);
        }
        if !socket.claimed {
            let any = match socket.domain {
                Domain::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                Domain::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            self.bind(core, place, SocketAddr::new(any, 0))
                .map_err(|_| ListenError::AddressInUse)?;
        }
        let socket = self.sockets.get_mut(place).ok_or(ListenError::BadDescriptor)?;
        let local = socket.local.ok_or(ListenError::AddressInUse)?;
        let interface = socket.options.get().interface;
        if !self.ports.set_listening(local.port(), place, true) {
            return Err(ListenError::AddressInUse);
        }
        let listener = Listener { backlog, accept: VecDeque::new(), half_open: 0 };
        socket.role = Role::Listener(Box::new(listener));
        self.demux.add_listener(local, interface, place);
        Ok(())
    }

    /// `Err(InProgress)` for a handshake that has begun; later calls give its outcome.
    pub(crate) fn connect(
        &mut self,
        core: &mut Core,
        place: Key,
        remote: SocketAddr,
    ) -> Result<(), ConnectError> {
        let socket = self.sockets.get_mut(place).ok_or(ConnectError::BadDescriptor)?;
        match &socket.role {
            // Bound for any port, it can listen only.
            Role::Fresh if socket.local.is_some_and(|local| local.port() == 0) => {
                Err(ConnectError::InvalidState)
            }
            Role::Fresh => self.open_active(core, place, remote),
            Role::Listener(_) => Err(ConnectError::InvalidState),
            Role::Connection(id) => {
                let opening = match self.records.get(id.0) {
                    Some(Record::Connection(tcb)) => !matches!(tcb.state, State::Synchronized(_)),
                    _ => false,
                };
                if opening {
                    return Err(ConnectError::AlreadyConnecting);
                }
                // The outcome of a handshake is told once.
                if core::mem::take(&mut socket.connecting) {
                    return Ok(());
                }
                Err(ConnectError::AlreadyConnected)
            }
            Role::Ended(_) => {
                let told = core::mem::take(&mut socket.connecting);
                if let Some(fault) = socket.error.take() {
                    return Err(ConnectError::Fault(*fault));
                }
                // As Linux: a socket whose attempt failed may try again; one whose connection
                // has ended may not.
                if !told && !socket.receive.is_empty() || socket.peer_closed {
                    return Err(ConnectError::AlreadyConnected);
                }
                if !socket.claimed {
                    socket.local = None;
                }
                socket.role = Role::Fresh;
                socket.soft_error = None;
                self.open_active(core, place, remote)
            }
        }
    }

    /// Whether `accept` would find a connection.
    pub(crate) fn acceptable(&self, place: Key) -> Result<(), AcceptError> {
        if self.sockets.get(place).is_none() {
            return Err(AcceptError::BadDescriptor);
        }
        let listener = self.listener(place).ok_or(AcceptError::NotListening)?;
        if listener.accept.is_empty() { Err(AcceptError::WouldBlock) } else { Ok(()) }
    }

    /// Takes the oldest established connection off the listener's queue; its descriptor will be
    /// `id`. Returns its place and the peer.
    pub(crate) fn accept(
        &mut self,
        _core: &mut Core,
        place: Key,
        id: SocketId,
    ) -> Result<(Key, SocketAddr), AcceptError> {
        let listener = self.listener_mut(place).ok_or(AcceptError::NotListening)?;
        let key = listener.accept.pop_front().ok_or(AcceptError::WouldBlock)?;
        let socket = self.sockets.get_mut(key).ok_or(AcceptError::WouldBlock)?;
        socket.id = Some(id);
        let remote = match &socket.role {
            Role::Connection(record) => {
                self.records.get(record.0).map(|record| record.endpoints().1)
            }
            Role::Ended(last) => last.remote,
            Role::Fresh | Role::Listener(_) => None,
        };
        remote.map(|remote| (key, remote)).ok_or(AcceptError::WouldBlock)
    }

    pub(crate) fn admit(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
    ) -> Result<(), VerdictError> {
        self.verdict_admit(core, incoming)
    }

    /// `error`: answer by this ICMP error (type 3 code), else by RST.
    pub(crate) fn refuse(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
        unreachable: Option<u8>,
    ) -> Result<(), VerdictError> {
        self.verdict_refuse(core, incoming, unreachable)
    }

    pub(crate) fn drop_incoming(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
    ) -> Result<(), VerdictError> {
        self.verdict_drop(core, incoming)
    }
}
