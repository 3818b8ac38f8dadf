//! A datagram socket: its control information, queues and options. Knows no packet format.

use crate::config::Config;
use crate::event::Ready;
use crate::interface::InterfaceId;
use crate::packet::Path;
use crate::socket::{
    OptionError, OptionName, PathMtuDiscovery, SocketFault, SocketId, SocketKind, SocketOption,
};
use crate::views::ControlInfo;
use alloc::collections::VecDeque;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use danja_wire::Payload;

/// A received datagram that waits to be read.
pub(super) struct Datagram {
    pub(super) payload: Payload,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) interface: InterfaceId,
    pub(super) ttl: u8,
    pub(super) tos: u8,
}

impl Datagram {
    /// What keeping it costs: its buffer and its record.
    pub(super) const fn cost(&self) -> usize {
        self.payload.cost().saturating_add(size_of::<Self>())
    }
}

/// A datagram that waits for its turn to be sent.
pub(super) struct Queued {
    pub(super) path: Path,
    pub(super) to: SocketAddr,
    pub(super) payload: Payload,
    pub(super) dont_fragment: bool,
}

impl Queued {
    pub(super) const fn cost(&self) -> usize {
        self.payload.cost().saturating_add(size_of::<Self>())
    }
}

/// A UDP, ping or raw socket.
pub(super) struct Socket {
    /// `None` after `close`, while the last datagrams wait to be sent.
    pub(super) id: Option<SocketId>,
    pub(super) kind: SocketKind,
    /// What `bind` gave: survives a `disconnect`.
    pub(super) bound: Option<SocketAddr>,
    /// The endpoint in use: bound, or chosen by the stack.
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) options: Options,
    pub(super) received: VecDeque<Datagram>,
    pub(super) received_cost: usize,
    pub(super) queued: VecDeque<Queued>,
    pub(super) queued_cost: usize,
    /// It is in a list of those that want to send.
    pub(super) listed: bool,
    /// A `send` found no room, and waits to be told.
    pub(super) blocked: bool,
    pub(super) error: Option<SocketFault>,
    pub(super) soft_error: Option<SocketFault>,
    pub(super) read_shut: bool,
    pub(super) write_shut: bool,
}

/// Options of a datagram socket.
pub(super) struct Options {
    pub(super) reuse_address: bool,
    pub(super) reuse_port: bool,
    pub(super) broadcast: bool,
    pub(super) receive_buffer: usize,
    pub(super) send_buffer: usize,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) mtu_discover: PathMtuDiscovery,
    pub(super) interface: Option<InterfaceId>,
}

/// A buffer holds at least one datagram of the smallest link, with its record.
const SMALLEST_BUFFER: usize = 2_304;

impl Socket {
    pub(super) fn new(config: &Config, id: SocketId, kind: SocketKind) -> Self {
        Self {
            id: Some(id),
            kind,
            bound: None,
            local: None,
            remote: None,
            options: Options {
                reuse_address: false,
                reuse_port: false,
                broadcast: false,
                receive_buffer: config.udp.receive_buffer,
                send_buffer: config.udp.send_buffer,
                ttl: config.ip.ttl,
                tos: 0,
                mtu_discover: PathMtuDiscovery::Want,
                interface: None,
            },
            received: VecDeque::new(),
            received_cost: 0,
            queued: VecDeque::new(),
            queued_cost: 0,
            listed: false,
            blocked: false,
            error: None,
            soft_error: None,
            read_shut: false,
            write_shut: false,
        }
    }

    /// The local address, if it is a particular one.
    pub(super) fn local_ip(&self) -> Option<IpAddr> {
        self.local.map(|local| local.ip()).filter(|ip| !ip.is_unspecified())
    }

    /// Whether packets that come in by `interface` are for it.
    pub(super) fn listens_on(&self, interface: InterfaceId) -> bool {
        self.options.interface.is_none_or(|wanted| wanted == interface)
    }

    /// Whether packets from `remote` are for it.
    pub(super) fn hears(&self, remote: SocketAddr) -> bool {
        self.remote.is_none_or(|peer| peer == remote)
    }

    pub(super) fn readiness(&self) -> Ready {
        let mut ready = Ready::NONE;
        let failed = self.error.is_some();
        if !self.received.is_empty() || failed || self.read_shut {
            ready = ready.with(Ready::READABLE);
        }
        let takes = !self.blocked && self.queued_cost < self.options.send_buffer;
        if takes || self.queued.is_empty() || failed || self.write_shut {
            ready = ready.with(Ready::WRITABLE);
        }
        if failed {
            ready = ready.with(Ready::ERROR);
        }
        if self.read_shut {
            ready = ready.with(Ready::READ_CLOSED);
        }
        if self.read_shut && self.write_shut {
            ready = ready.with(Ready::HANG_UP);
        }
        ready
    }

    pub(super) fn set_option(&mut self, option: SocketOption) -> Result<(), OptionError> {
        let options = &mut self.options;
        match option {
            SocketOption::ReuseAddress(on) => options.reuse_address = on,
            SocketOption::ReusePort(on) => options.reuse_port = on,
            SocketOption::Broadcast(on) => options.broadcast = on,
            SocketOption::ReceiveBuffer(bytes) => {
                options.receive_buffer = bytes.max(SMALLEST_BUFFER);
            }
            SocketOption::SendBuffer(bytes) => options.send_buffer = bytes.max(SMALLEST_BUFFER),
            SocketOption::Ttl(0) => return Err(OptionError::InvalidValue),
            SocketOption::Ttl(ttl) => options.ttl = ttl,
            // The ECN bits are the stack's own.
            SocketOption::Tos(tos) => options.tos = tos & 0xfc,
            SocketOption::MtuDiscover(how) => options.mtu_discover = how,
            SocketOption::BindToInterface(interface) => options.interface = interface,
            _ => return Err(OptionError::NotSupported),
        }
        Ok(())
    }

    pub(super) fn option(&self, name: OptionName) -> Result<SocketOption, OptionError> {
        let options = &self.options;
        Ok(match name {
            OptionName::ReuseAddress => SocketOption::ReuseAddress(options.reuse_address),
            OptionName::ReusePort => SocketOption::ReusePort(options.reuse_port),
            OptionName::Broadcast => SocketOption::Broadcast(options.broadcast),
            OptionName::ReceiveBuffer => SocketOption::ReceiveBuffer(options.receive_buffer),
            OptionName::SendBuffer => SocketOption::SendBuffer(options.send_buffer),
            OptionName::Ttl => SocketOption::Ttl(options.ttl),
            OptionName::Tos => SocketOption::Tos(options.tos),
            OptionName::MtuDiscover => SocketOption::MtuDiscover(options.mtu_discover),
            OptionName::BindToInterface => SocketOption::BindToInterface(options.interface),
            _ => return Err(OptionError::NotSupported),
        })
    }

    pub(super) fn control_info(&self) -> ControlInfo {
        let queues = self.received_cost.saturating_add(self.queued_cost);
        ControlInfo {
            socket: self.id,
            listener: None,
            kind: self.kind,
            state: None,
            local: self.local,
            remote: self.remote,
            interface: self.options.interface,
            memory: queues.saturating_add(size_of::<Self>()),
            send_queue: self.queued.iter().map(|queued| queued.payload.len()).sum(),
            send_buffer: self.options.send_buffer,
            send_buffer_max: self.options.send_buffer,
            receive_queue: self.received.iter().map(|datagram| datagram.payload.len()).sum(),
            receive_buffer: self.options.receive_buffer,
            receive_buffer_max: self.options.receive_buffer,
            half_open: 0,
            error: self.error,
            soft_error: self.soft_error,
            tcp: None,
        }
    }
}

/// Where an unspecified destination leads, as everywhere in BSD's sockets: to this host.
pub(super) fn or_this_host(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), v4.port())
        }
        _ => address,
    }
}
