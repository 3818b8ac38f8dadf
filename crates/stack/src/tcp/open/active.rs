//! Active open (RFC 9293 §3.10.1): checks the destination, chooses the local endpoint, and
//! begins SYN-SENT.

use crate::core_state::Core;
use crate::counters::count;
use crate::packet::Path;
use crate::slab::Key;
use crate::socket::{ConnectError, Domain};
use crate::tcp::Tcp;
use crate::tcp::open::{initial_window, offer};
use crate::tcp::record::Record;
use crate::tcp::socket::{Role, StreamSocket};
use crate::tcp::tcb::{Origin, State, Tcb};
use alloc::boxed::Box;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use danja_wire::tcp::SeqNumber;

impl Tcp {
    /// Begins a connection of a socket that is neither connected nor listening.
    pub(in crate::tcp) fn open_active(
        &mut self,
        core: &mut Core,
        place: Key,
        remote: SocketAddr,
    ) -> Result<(), ConnectError> {
        let socket = self.sockets.get(place).ok_or(ConnectError::BadDescriptor)?;
        let remote = destination(core, socket.domain, remote)?;
        let bound = socket.local;
        let options = socket.options.clone();
        let from = bound.map(|local| local.ip()).filter(|address| !address.is_unspecified());
        // RFC 9293 §3.9.1.1 (MUST-44): without a local address IP chooses one.
        let path = core
            .ip
            .path(from, remote.ip(), options.get().interface)
            .map_err(ConnectError::Fault)?;
        let local = match bound {
            Some(bound) => SocketAddr::new(path.source, bound.port()),
            None => self.choose_local(core, path.source, remote)?,
        };
        // `local == remote` is a simultaneous open with itself (RFC 9293 §3.5, MUST-10).
        if self.demux.look_up(core, &self.records, local, remote).is_some() {
            return Err(ConnectError::AddressInUse);
        }
        let iss = self.isn.generate(core.now, local, remote);
        let ts_offset = self.isn.timestamp_offset(local, remote);
        let socket = self.sockets.get_mut(place).ok_or(ConnectError::BadDescriptor)?;
        let mut tcb = Tcb::new((local, remote), path, Origin::Active, iss, core.now);
        tcb.socket = Some(place);
        tcb.ts_offset = ts_offset;
        tcb.options = options;
        tcb.syn_due = true;
        prepare(core, socket, &mut tcb, &path);
        socket.local = Some(local);
        let reuse = tcb.options.get().reuse_address;
        let id = self
            .insert_record(core, Record::Connection(Box::new(tcb)), reuse)
            .ok_or(ConnectError::AddressInUse)?;
        if let Some(socket) = self.sockets.get_mut(place) {
            socket.role = Role::Connection(id);
            socket.connecting = true;
            (socket.peer_closed, socket.write_shut, socket.read_shut) = (false, false, false);
        }
        count(&mut core.counters.tcp_active_opens);
        self.with_conn(core, id, |_| ());
        Err(ConnectError::InProgress)
    }

    /// An ephemeral port that no claim and no connection to this peer has.
    fn choose_local(
        &mut self,
        core: &Core,
        source: IpAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, ConnectError> {
        let (demux, records) = (&self.demux, &self.records);
        let range = core.config.ip.ephemeral_ports;
        let port = self.ports.choose(range, source, remote, |ports, port| {
            let local = SocketAddr::new(source, port);
            !ports.is_bound(port)
                && local != remote
                && demux.look_up(core, records, local, remote).is_none()
        });
        let port = port.ok_or(ConnectError::PortsExhausted)?;
        Ok(SocketAddr::new(source, port))
    }
}

// RFC 9293 §3.9.2.3 (MUST-46): an open towards a broadcast or multicast address fails.
fn destination(
    core: &Core,
    domain: Domain,
    remote: SocketAddr,
) -> Result<SocketAddr, ConnectError> {
    let wrong = matches!(
        (domain, remote),
        (Domain::Ipv4, SocketAddr::V6(_)) | (Domain::Ipv6, SocketAddr::V4(_))
    );
    if wrong {
        return Err(ConnectError::WrongFamily);
    }
    let ip = remote.ip();
    if ip.is_multicast() || core.ip.is_broadcast(ip) || remote.port() == 0 {
        return Err(ConnectError::InvalidAddress);
    }
    if ip.is_unspecified() {
        // As Linux: this host.
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), remote.port()));
    }
    Ok(remote)
}

/// What our SYN offers.
fn prepare(core: &Core, socket: &StreamSocket, tcb: &mut Tcb, path: &Path) {
    let buffer = socket.receive_max(core);
    tcb.agreed = offer(&core.config.tcp, tcb.options.get(), path, buffer);
    tcb.rcv_adv = SeqNumber(0) + initial_window(socket.receive_limit);
    tcb.state = State::SynSent;
}
