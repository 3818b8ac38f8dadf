//! TCP (RFC 9293). Knows no frame layout below its own header, no MAC address, no clock.

use crate::core_state::Core;
use crate::discard::Discard;
use crate::event::IncomingId;
use crate::packet::{Claim, Outgoing, Packet, Path, TransportError};
use crate::slab::Key;
use crate::socket::{
    AcceptError, BindError, ConnectError, Domain, ListenError, OptionError, OptionName, Received,
    RecvError, RecvFlags, SendError, SendFlags, Shutdown, ShutdownError, SocketId, SocketOption,
    VerdictError,
};
use crate::views::ControlInfo;
use crate::{Ready, Room};
use alloc::vec::Vec;
use core::net::SocketAddr;
use danja_wire::Payload;

/// A protocol record: a control block, a half-open connection, or a TIME-WAIT record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordId(pub(crate) Key);

/// All of TCP: sockets, records, and the tables that find them.
pub(crate) struct Tcp {}

#[allow(unused_variables, clippy::todo, clippy::needless_pass_by_ref_mut, clippy::unused_self)]
impl Tcp {
    pub(crate) fn new(core: &mut Core) -> Self {
        Self {}
    }

    // ---- socket calls: `place` is what `create` returned ----

    /// A socket in CLOSED; `id` is its descriptor.
    pub(crate) fn create(&mut self, core: &mut Core, id: SocketId, domain: Domain) -> Option<Key> {
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
    pub(crate) fn listen(
        &mut self,
        core: &mut Core,
        place: Key,
        backlog: usize,
    ) -> Result<(), ListenError> {
        todo!()
    }
    /// `Err(InProgress)` for a handshake that has begun; later calls give its outcome.
    pub(crate) fn connect(
        &mut self,
        core: &mut Core,
        place: Key,
        remote: SocketAddr,
    ) -> Result<(), ConnectError> {
        todo!()
    }
    /// Takes the oldest established connection off the listener's queue; its descriptor will be
    /// `id`. Returns its place and the peer.
    pub(crate) fn accept(
        &mut self,
        core: &mut Core,
        place: Key,
        id: SocketId,
    ) -> Result<(Key, SocketAddr), AcceptError> {
        todo!()
    }
    pub(crate) fn admit(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
    ) -> Result<(), VerdictError> {
        todo!()
    }
    /// `error`: answer by this ICMP error (type 3 code), else by RST.
    pub(crate) fn refuse(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
        unreachable: Option<u8>,
    ) -> Result<(), VerdictError> {
        todo!()
    }
    pub(crate) fn drop_incoming(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
    ) -> Result<(), VerdictError> {
        todo!()
    }
    /// Takes as many bytes of `data` as there is room for; returns how many.
    pub(crate) fn send(
        &mut self,
        core: &mut Core,
        place: Key,
        data: &Payload,
        flags: SendFlags,
    ) -> Result<usize, SendError> {
        todo!()
    }
    /// Appends up to `max` bytes of slices to `into`.
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
    /// The descriptor ends here; what the protocol still has to do goes on without it.
    /// True if a record is left that will raise [`Ready::FINISHED`] (linger).
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
    /// Level-triggered readiness, as `poll` would report it.
    pub(crate) fn readiness(&self, core: &Core, place: Key) -> Ready {
        todo!()
    }
    /// Free bytes in the send buffer (what `send` would take now).
    pub(crate) fn send_room(&self, core: &Core, place: Key) -> usize {
        todo!()
    }
    /// Takes the pending error (SO_ERROR).
    pub(crate) fn take_error(
        &mut self,
        core: &mut Core,
        place: Key,
    ) -> Option<crate::socket::SocketFault> {
        todo!()
    }

    // ---- views ----

    pub(crate) fn control_info(&self, core: &Core, place: Key) -> Option<ControlInfo> {
        todo!()
    }
    /// Records that no descriptor leads to: half-open, TIME-WAIT, orphans; not yet accepted.
    pub(crate) fn unowned(&self, core: &Core) -> Vec<ControlInfo> {
        todo!()
    }
    /// The control information that a segment between these endpoints would find: connection,
    /// half-open, TIME-WAIT, or listener.
    pub(crate) fn find(
        &self,
        core: &Core,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<ControlInfo> {
        todo!()
    }

    // ---- network and time ----

    /// A TCP segment for this host. Replies go out by [`crate::ip::send`].
    pub(crate) fn input(&mut self, core: &mut Core, packet: Packet) -> Claim {
        todo!()
    }
    /// Answers an unclaimed segment with RST (RFC 9293 §3.10.7.1).
    pub(crate) fn answer_unclaimed(&mut self, core: &mut Core, packet: &Packet) {
        todo!()
    }
    pub(crate) fn on_error(
        &mut self,
        core: &mut Core,
        error: &TransportError,
    ) -> Result<(), Discard> {
        todo!()
    }
    pub(crate) fn on_timer(&mut self, core: &mut Core, record: RecordId) {
        todo!()
    }
    /// The next segment of a record whose turn it is, at most `room`; `None` if it has nothing
    /// (more) to send now. `more` is said by putting itself on the ready list again.
    pub(crate) fn poll_transmit(
        &mut self,
        core: &mut Core,
        record: RecordId,
        room: Room,
    ) -> Option<(Path, Outgoing)> {
        todo!()
    }
    /// Routes or addresses changed, or an interface went down or up.
    pub(crate) fn on_path_change(&mut self, core: &mut Core) {
        todo!()
    }
}
