//! Datagrams go out: the header before the payload, when it is the socket's turn.

use super::Datagrams;
use super::socket::{Queued, Socket};
use crate::Room;
use crate::core_state::{Core, Sender};
use crate::counters::count;
use crate::discard::Discard;
use crate::event::Ready;
use crate::interface::InterfaceId;
use crate::packet::{Outgoing, Path};
use crate::slab::Key;
use crate::socket::{PathMtuDiscovery, SocketKind};
use core::net::{IpAddr, SocketAddr};
use danja_wire::checksum::pseudo_header;
use danja_wire::ip::Protocol;
use danja_wire::offload::sum_from;
use danja_wire::{ChecksumState, Frame, ipv4, udp};

/// Bytes of headers before the payload.
pub(super) const fn headers(kind: SocketKind) -> usize {
    match kind {
        SocketKind::Datagram => ipv4::HEADER_LEN + udp::HEADER_LEN,
        _ => ipv4::HEADER_LEN,
    }
}

/// Bytes of the longest payload: what IPv4's total length can say.
pub(super) const fn largest(kind: SocketKind) -> usize {
    65_535usize.saturating_sub(headers(kind))
}

impl Datagrams {
    /// The next datagram of a socket whose turn it is.
    pub(crate) fn poll_transmit(
        &mut self,
        core: &mut Core,
        place: Key,
        _room: Room,
    ) -> Option<(Path, Outgoing)> {
        let socket = self.sockets.get_mut(place)?;
        let listed_at = socket.queued.front()?.path.interface;
        let mut made = None;
        // If the route changed, it waits for its turn at the other interface.
        if refresh_head(core, socket) == Some(listed_at)
            && let Some(queued) = take(core, socket)
        {
            made = outgoing(core, socket, queued);
        }
        self.after_turn(core, place);
        made
    }

    /// Lists the socket again if more waits, and wakes a sender.
    fn after_turn(&mut self, core: &mut Core, place: Key) {
        let Some(socket) = self.sockets.get_mut(place) else { return };
        match (refresh_head(core, socket), socket.id) {
            (Some(interface), _) => core.ready.push(interface, Sender::Datagram(place)),
            (None, Some(_)) => socket.listed = false,
            (None, None) => {
                self.sockets.remove(place);
                return;
            }
        }
        let room = socket.queued_cost <= socket.options.send_buffer / 2;
        if let Some(id) = socket.id
            && socket.blocked
            && room
        {
            socket.blocked = false;
            core.events.raise(id, Ready::WRITABLE);
        }
    }
}

/// Takes the oldest datagram out of the queue.
fn take(core: &mut Core, socket: &mut Socket) -> Option<Queued> {
    let queued = socket.queued.pop_front()?;
    let cost = queued.cost();
    socket.queued_cost = socket.queued_cost.saturating_sub(cost);
    core.budget.give_back(cost);
    Some(queued)
}

/// Looks the path of the oldest datagram up again if anything changed since, and throws away
/// what leads nowhere any more. Says by which interface it leaves.
pub(super) fn refresh_head(core: &mut Core, socket: &mut Socket) -> Option<InterfaceId> {
    loop {
        let interface = socket.options.interface;
        let head = socket.queued.front_mut()?;
        if head.path.generation == core.ip.generation() {
            return Some(head.path.interface);
        }
        if let Ok(path) = core.ip.path(Some(head.path.source), head.to.ip(), interface) {
            head.path = path;
            return Some(path.interface);
        }
        core.discard(Discard::NoRoute);
        take(core, socket);
    }
}

fn outgoing(core: &mut Core, socket: &Socket, queued: Queued) -> Option<(Path, Outgoing)> {
    let mut path = queued.path;
    if socket.options.mtu_discover == PathMtuDiscovery::Probe {
        // IP_PMTUDISC_PROBE: what is known of the path is what is being asked.
        path.mtu = core.ip.mtu(path.interface);
    }
    let mut frame = Frame::new();
    frame.push(queued.payload);
    let protocol = match socket.kind {
        SocketKind::Datagram => {
            let whole = frame.len().saturating_add(headers(socket.kind)) <= path.mtu;
            let partial = whole && core.ip.checksum_offload(path.interface);
            let from = SocketAddr::new(path.source, socket.local?.port());
            udp_header(&mut frame, from, queued.to, partial)?;
            count(&mut core.counters.udp_out_datagrams);
            Protocol::UDP
        }
        SocketKind::Ping => {
            count(&mut core.counters.icmp_out_msgs);
            Protocol::ICMP
        }
        SocketKind::Raw(protocol) => protocol,
        SocketKind::Stream => return None,
    };
    let packet = Outgoing {
        source: path.source,
        destination: queued.to.ip(),
        protocol,
        ttl: ttl(socket, queued.to.ip()),
        tos: socket.options.tos,
        dont_fragment: queued.dont_fragment,
        frame,
    };
    Some((path, packet))
}

// RFC 1112 §6.1: "it should default to 1 for all multicast IP datagrams".
fn ttl(socket: &Socket, to: IpAddr) -> u8 {
    if to.is_multicast() { 1 } else { socket.options.ttl }
}

fn udp_header(frame: &mut Frame, from: SocketAddr, to: SocketAddr, partial: bool) -> Option<()> {
    let mut header = udp::Header::new(from.port(), to.port(), frame.len())?;
    if partial {
        let length = u32::from(header.length);
        header.checksum = pseudo_header(from.ip(), to.ip(), Protocol::UDP.0, length).fold();
        frame.offload.checksum =
            ChecksumState::Partial { start: 0, offset: udp::CHECKSUM_OFFSET as u16 };
    } else {
        header.checksum = header.checksum_for(from.ip(), to.ip(), sum_from(frame, 0, usize::MAX));
    }
    header.emit(frame.prepend(udp::HEADER_LEN)?).ok()?;
    Some(())
}
