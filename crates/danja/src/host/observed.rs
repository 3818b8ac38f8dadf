//! The stack's doors as an observer sees them: the same calls, with the control information
//! taken before and after. Without an observer each is the plain call.

use super::observe::{Call, CallEvent, ChangeEvent, Flow, FrameEvent, Observed, Outcome, link_len};
use super::shared::{Core, Line};
use crate::error::Failure;
use danja_lan::Medium;
use danja_stack::record::Recorded;
use danja_stack::socket::{Received, SocketFault, SocketKind, SocketOption};
use danja_stack::{ControlInfo, Frame, Instant, Room, SocketId, Stack};
use danja_wire::frame::HEADER_ROOM;
use danja_wire::ip::Protocol;
use danja_wire::{ethernet, ipv4};
use std::net::{IpAddr, SocketAddr};

/// What a successful call gave, for the observer.
pub(crate) trait Success {
    /// As an outcome.
    fn outcome(&self) -> Outcome;
}

impl Success for () {
    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}

impl Success for usize {
    fn outcome(&self) -> Outcome {
        Outcome::Bytes(*self)
    }
}

impl Success for Received {
    fn outcome(&self) -> Outcome {
        Outcome::Bytes(self.bytes)
    }
}

impl Success for SocketId {
    fn outcome(&self) -> Outcome {
        Outcome::Socket(*self)
    }
}

impl Success for (SocketId, SocketAddr) {
    fn outcome(&self) -> Outcome {
        Outcome::Accepted(self.0, self.1)
    }
}

impl Success for SocketOption {
    fn outcome(&self) -> Outcome {
        Outcome::Value(*self)
    }
}

impl Success for Option<SocketFault> {
    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}

/// A socket call.
pub(crate) fn call<T: Success, E: Failure>(
    core: &mut Core,
    host: &str,
    call: Call,
    socket: Option<SocketId>,
    now: Instant,
    act: impl FnOnce(&mut Recorded, Instant) -> Result<T, E>,
) -> Result<T, E> {
    let ledger = core.ledger.clone();
    let _turn = ledger.as_ref().filter(|_| core.observer.is_some()).map(|(it, _)| it.turn());
    // Asking for an option's value changes nothing.
    if let Some((ledger, number)) = &ledger
        && !matches!(call, Call::Option(_))
    {
        ledger.call(*number, socket);
    }
    let Some(observer) = core.observer.clone() else { return act(&mut core.stack, now) };
    let before = socket.and_then(|socket| core.stack.control_info(socket));
    let result = act(&mut core.stack, now);
    let outcome = match &result {
        Ok(value) => value.outcome(),
        Err(error) if error.would_block() => Outcome::Waits,
        Err(error) => Outcome::Failed(error.to_io()),
    };
    let (made, accepted) = match &outcome {
        Outcome::Socket(made) => (Some(*made), None),
        Outcome::Accepted(made, _) => (None, core.stack.control_info(*made)),
        _ => (None, None),
    };
    let socket = socket.or(made);
    let after = socket
        .and_then(|socket| core.stack.control_info(socket))
        .or_else(|| before.as_ref().and_then(|before| record_of(&core.stack, before)));
    let event = CallEvent {
        call,
        socket,
        before: before.as_ref(),
        after: after.as_ref(),
        accepted: accepted.as_ref(),
        outcome: &outcome,
    };
    observer.observe(host, now, &Observed::Call(event));
    result
}

/// What the protocol keeps of a socket whose descriptor has ended.
fn record_of(stack: &Stack, before: &ControlInfo) -> Option<ControlInfo> {
    let found = stack.find(Protocol::TCP, before.local?, before.remote?)?;
    (before.kind == SocketKind::Stream && found.remote == before.remote).then_some(found)
}

/// Frames came in. With an observer they are received one at a time.
pub(crate) fn receive(
    core: &mut Core,
    host: &str,
    line: &Line<'_>,
    frames: &mut Vec<Frame>,
    now: Instant,
) {
    let Some(observer) = core.observer.clone() else {
        core.stack.receive(line.id, frames, now);
        return;
    };
    let ledger = core.ledger.clone();
    let _turn = ledger.as_ref().map(|(ledger, _)| ledger.turn());
    for frame in frames.drain(..) {
        let flow = flow_of(&frame, line.medium, Side::Receiver);
        let sockets = core.stack.sockets();
        let before = flow.and_then(|flow| find(&core.stack, flow));
        core.stack.receive(line.id, &mut vec![frame.clone()], now);
        let after = flow.and_then(|flow| find(&core.stack, flow));
        let event = FrameEvent {
            interface: line.id,
            interface_name: line.name,
            medium: line.medium,
            frame: &frame,
            flow,
            before: before.as_ref(),
            after: after.as_ref(),
        };
        observer.observe(host, now, &Observed::Received(event));
        let tell = |change: ChangeEvent<'_>| {
            if !change.is_of(flow) {
                observer.observe(host, now, &Observed::Changed(change));
            }
        };
        each_change(&sockets, &core.stack.sockets(), tell);
    }
}

/// The next frame to send.
pub(crate) fn poll_transmit(
    core: &mut Core,
    host: &str,
    line: &Line<'_>,
    room: Room,
    now: Instant,
) -> Option<Frame> {
    let Some(observer) = core.observer.clone() else {
        return core.stack.poll_transmit(line.id, room, now);
    };
    let ledger = core.ledger.clone();
    let _turn = ledger.as_ref().map(|(ledger, _)| ledger.turn());
    let sockets = core.stack.sockets();
    let frame = core.stack.poll_transmit(line.id, room, now);
    let flow = frame.as_ref().and_then(|frame| flow_of(frame, line.medium, Side::Sender));
    // Packets that wait for a neighbour were made before the frame that was given.
    let tell = |change: ChangeEvent<'_>| {
        if !change.is_of(flow) {
            observer.observe(host, now, &Observed::Held(change));
        }
    };
    each_change(&sockets, &core.stack.sockets(), tell);
    let frame = frame?;
    let after = flow.and_then(|flow| find(&core.stack, flow));
    let event = FrameEvent {
        interface: line.id,
        interface_name: line.name,
        medium: line.medium,
        frame: &frame,
        flow,
        before: flow.and_then(|flow| find_in(&sockets, flow)),
        after: after.as_ref(),
    };
    observer.observe(host, now, &Observed::Transmitted(event));
    Some(frame)
}

/// A deadline has come.
pub(crate) fn handle_timeout(core: &mut Core, host: &str, now: Instant) {
    let Some(observer) = core.observer.clone() else {
        core.stack.handle_timeout(now);
        return;
    };
    let ledger = core.ledger.clone();
    let _turn = ledger.as_ref().map(|(ledger, _)| ledger.turn());
    let before = core.stack.sockets();
    core.stack.handle_timeout(now);
    each_change(&before, &core.stack.sockets(), |change| {
        observer.observe(host, now, &Observed::TimedOut(change));
    });
}

impl ChangeEvent<'_> {
    /// Whether it is the socket of a frame, about which the frame's own event tells.
    fn is_of(&self, flow: Option<Flow>) -> bool {
        let info = self.after.or(self.before);
        flow.is_some() && info.and_then(endpoints) == flow.map(|flow| (flow.local, flow.remote))
    }
}

fn endpoints(info: &ControlInfo) -> Option<(SocketAddr, SocketAddr)> {
    Some((info.local?, info.remote?))
}

/// Gives `each` the sockets and records that differ between two snapshots. A record is the same
/// if its endpoints are (it may have lost its descriptor), a socket without a peer if its
/// descriptor is.
fn each_change(
    before: &[ControlInfo],
    after: &[ControlInfo],
    mut each: impl FnMut(ChangeEvent<'_>),
) {
    let same = |one: &ControlInfo, other: &ControlInfo| match (endpoints(one), endpoints(other)) {
        (Some(one_ends), Some(other_ends)) => one.kind == other.kind && one_ends == other_ends,
        _ => one.socket.is_some() && one.socket == other.socket,
    };
    for old in before {
        let new = after.iter().find(|new| same(old, new));
        if new != Some(old) {
            each(ChangeEvent { before: Some(old), after: new });
        }
    }
    for new in after.iter().filter(|new| !before.iter().any(|old| same(old, new))) {
        each(ChangeEvent { before: None, after: Some(new) });
    }
}

fn find(stack: &Stack, flow: Flow) -> Option<ControlInfo> {
    stack.find(flow.protocol, flow.local, flow.remote)
}

/// As [`find`], in a snapshot.
fn find_in(sockets: &[ControlInfo], flow: Flow) -> Option<&ControlInfo> {
    let kind = match flow.protocol {
        Protocol::TCP => SocketKind::Stream,
        _ => SocketKind::Datagram,
    };
    let bound = |info: &&ControlInfo| {
        info.kind == kind
            && info.local.is_some_and(|local| {
                local == flow.local
                    || local.ip().is_unspecified() && local.port() == flow.local.port()
            })
    };
    let bound_ones = || sockets.iter().filter(bound);
    bound_ones()
        .find(|info| info.remote == Some(flow.remote))
        .or_else(|| bound_ones().find(|info| info.remote.is_none()))
}

/// Which end of the frame this host is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Sender,
    Receiver,
}

/// The endpoints of a TCP or UDP packet; none of a later fragment, which does not name them.
pub(super) fn flow_of(frame: &Frame, medium: Medium, side: Side) -> Option<Flow> {
    let mut front = [0; HEADER_ROOM];
    let copied = frame.copy_front(&mut front);
    let bytes = front.get(..copied)?;
    let l2_len = link_len(medium);
    if l2_len > 0 {
        let header = ethernet::Header::parse(bytes).ok()?;
        if header.ether_type != ethernet::EtherType::IPV4 {
            return None;
        }
    }
    let packet = bytes.get(l2_len..)?;
    let header = ipv4::Header::parse_front(packet, frame.len().saturating_sub(l2_len)).ok()?;
    let known = matches!(header.protocol, Protocol::TCP | Protocol::UDP);
    if !known || header.fragment_offset > 0 {
        return None;
    }
    let header_len = usize::from(*packet.first()? & 0x0f) * 4;
    let ports = packet.get(header_len..header_len + 4)?;
    let source = u16::from_be_bytes([ports[0], ports[1]]);
    let destination = u16::from_be_bytes([ports[2], ports[3]]);
    let source = SocketAddr::new(IpAddr::V4(header.source), source);
    let destination = SocketAddr::new(IpAddr::V4(header.destination), destination);
    let (local, remote) = match side {
        Side::Sender => (source, destination),
        Side::Receiver => (destination, source),
    };
    Some(Flow { protocol: header.protocol, local, remote })
}
