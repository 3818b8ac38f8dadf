//! Datagram sockets: UDP (RFC 768), ping (ICMP echo) and raw. No connection, no retransmission.

use crate::core_state::Core;
use crate::discard::Discard;
use crate::packet::{Claim, Outgoing, Packet, Path, TransportError};
use crate::slab::Key;
use crate::socket::{
    BindError, ConnectError, Domain, OptionError, OptionName, Received, RecvError, RecvFlags,
    SendError, SendFlags, Shutdown, ShutdownError, SocketFault, SocketId, SocketKind, SocketOption,
};
use crate::views::ControlInfo;
use crate::{Ready, Room};
use alloc::vec::Vec;
use core::net::SocketAddr;
use danja_wire::Payload;

/// All datagram sockets and the tables that find them.
pub(crate) struct Datagrams {}

#[allow(unused_variables, clippy::todo, clippy::needless_pass_by_ref_mut, clippy::unused_self)]
impl Datagrams {
    pub(crate) fn new(core: &mut Core) -> Self {
        Self {}
    }
    pub(crate) fn create(
        &mut self,
        core: &mut Core,
        id: SocketId,
        kind: SocketKind,
        domain: Domain,
    ) -> Option<Key> {
        todo!()
    }
    pub(crate) fn bind(
        &mut self,
        core: &mut Core,
        place: Key,
        local: SocketAddr,
    ) -> Result<(), BindError> {
        todo!()
    }
    pub(crate) fn connect(
        &mut self,
        core: &mut Core,
        place: Key,
        remote: Option<SocketAddr>,
    ) -> Result<(), ConnectError> {
        todo!()
    }
    /// Queues one datagram (all of `data` or nothing).
    pub(crate) fn send(
        &mut self,
        core: &mut Core,
        place: Key,
        data: &Payload,
        flags: SendFlags,
    ) -> Result<usize, SendError> {
        todo!()
    }
    pub(crate) fn recv(
        &mut self,
        core: &mut Core,
        place: Key,
        max: usize,
        flags: RecvFlags,
        into: &mut Vec<Payload>,
    ) -> Result<Received, RecvError> {
        todo!()
    }
    pub(crate) fn shutdown(
        &mut self,
        core: &mut Core,
        place: Key,
        how: Shutdown,
    ) -> Result<(), ShutdownError> {
        todo!()
    }
    pub(crate) fn close(&mut self, core: &mut Core, place: Key) {
        todo!()
    }
    pub(crate) fn set_option(
        &mut self,
        core: &mut Core,
        place: Key,
        option: SocketOption,
    ) -> Result<(), OptionError> {
        todo!()
    }
    pub(crate) fn option(
        &self,
        core: &Core,
        place: Key,
        name: OptionName,
    ) -> Result<SocketOption, OptionError> {
        todo!()
    }
    pub(crate) fn readiness(&self, core: &Core, place: Key) -> Ready {
        todo!()
    }
    pub(crate) fn send_room(&self, core: &Core, place: Key) -> usize {
        todo!()
    }
    pub(crate) fn take_error(&mut self, core: &mut Core, place: Key) -> Option<SocketFault> {
        todo!()
    }
    pub(crate) fn control_info(&self, core: &Core, place: Key) -> Option<ControlInfo> {
        todo!()
    }
    pub(crate) fn find(
        &self,
        core: &Core,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<ControlInfo> {
        todo!()
    }
    /// A UDP datagram, an echo reply, or (for raw sockets) any other packet for this host.
    pub(crate) fn input(&mut self, core: &mut Core, packet: Packet) -> Claim {
        todo!()
    }
    pub(crate) fn on_error(
        &mut self,
        core: &mut Core,
        error: &TransportError,
    ) -> Result<(), Discard> {
        todo!()
    }
    /// The next datagram of a socket whose turn it is.
    pub(crate) fn poll_transmit(
        &mut self,
        core: &mut Core,
        place: Key,
        room: Room,
    ) -> Option<(Path, Outgoing)> {
        todo!()
    }
}
