//! Datagrams come in: checked, and put into the queues of the sockets they are for.

use super::Datagrams;
use super::socket::{Datagram, Socket};
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::event::Ready;
use crate::packet::{Cast, Claim, Packet};
use crate::slab::Key;
use core::net::SocketAddr;
use danja_wire::ip::Protocol;
use danja_wire::offload::sum_from;
use danja_wire::{ChecksumState, Payload, udp};

impl Datagrams {
    /// A UDP datagram, an echo reply, or (for raw sockets) any other packet for this host.
    pub(crate) fn input(&mut self, core: &mut Core, packet: &Packet) -> Claim {
        match packet.protocol {
            Protocol::UDP => self.udp_input(core, packet),
            Protocol::ICMP => self.ping_input(core, packet),
            // Raw sockets have had their copies.
            protocol if self.raw.contains_key(&protocol) => Claim::Taken,
            _ => Claim::Unclaimed,
        }
    }

    fn udp_input(&mut self, core: &mut Core, packet: &Packet) -> Claim {
        let Some(header) = checked(packet) else {
            count(&mut core.counters.udp_in_errors);
            core.discard(Discard::UdpMalformed);
            return Claim::Taken;
        };
        let from = SocketAddr::new(packet.source, header.source_port);
        let to = SocketAddr::new(packet.destination, header.destination_port);
        let start = packet.transport.saturating_add(udp::HEADER_LEN);
        let end = packet.transport.saturating_add(usize::from(header.length));
        if packet.cast == Cast::Unicast {
            let found = self.udp.demux.find(&self.sockets, to, from, Some(packet.interface));
            let Some(key) = found else {
                count(&mut core.counters.udp_no_ports);
                return Claim::Unclaimed;
            };
            let payload = packet.frame.range(start, end);
            self.udp_deliver(core, key, datagram(packet, payload, from, to));
            return Claim::Taken;
        }
        let all = self.udp.demux.all(&self.sockets, to, packet.interface);
        if all.is_empty() {
            count(&mut core.counters.udp_no_ports);
            return Claim::Unclaimed;
        }
        let payload = packet.frame.range(start, end);
        for key in all {
            self.udp_deliver(core, key, datagram(packet, payload.clone(), from, to));
        }
        Claim::Shared
    }

    fn udp_deliver(&mut self, core: &mut Core, key: Key, datagram: Datagram) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        if keep(core, socket, datagram) {
            count(&mut core.counters.udp_in_datagrams);
        } else {
            count(&mut core.counters.udp_rcvbuf_errors);
        }
    }

    /// A copy of every packet for this host, for the raw sockets of its protocol: the whole
    /// packet with its IP header.
    pub(crate) fn raw_input(&mut self, core: &mut Core, packet: &Packet) {
        let Some(keys) = self.raw.get(&packet.protocol) else { return };
        let from = SocketAddr::new(packet.source, 0);
        let to = SocketAddr::new(packet.destination, 0);
        for key in keys.clone() {
            let Some(socket) = self.sockets.get_mut(key) else { continue };
            let ours = socket.local_ip().is_none_or(|ip| ip == packet.destination);
            if ours && socket.hears(from) && socket.listens_on(packet.interface) {
                let payload = packet.frame.range(packet.network, packet.end);
                keep(core, socket, datagram(packet, payload, from, to));
            }
        }
    }
}

/// The header, if lengths and checksum are right (RFC 768, RFC 1122 §4.1.3.4).
fn checked(packet: &Packet) -> Option<udp::Header> {
    let header = udp::Header::parse_front(packet.transport_front()).ok()?;
    if usize::from(header.length) > packet.transport_len() {
        return None;
    }
    if packet.frame.offload.checksum != ChecksumState::Complete {
        return Some(header);
    }
    let start = packet.transport.saturating_add(udp::HEADER_LEN);
    let end = packet.transport.saturating_add(usize::from(header.length));
    let sum = sum_from(&packet.frame, start, end);
    header.verify(packet.source, packet.destination, sum).then_some(header)
}

pub(super) fn datagram(
    packet: &Packet,
    payload: Payload,
    from: SocketAddr,
    to: SocketAddr,
) -> Datagram {
    let interface = packet.interface;
    // A small datagram does not pin the large buffer it was read into.
    let payload = payload.compact();
    Datagram { payload, from, to, interface, ttl: packet.ttl, tos: packet.tos }
}

/// Puts a datagram into a socket's queue; `false` (and counted) if there is no room.
pub(super) fn keep(core: &mut Core, socket: &mut Socket, datagram: Datagram) -> bool {
    let cost = datagram.cost();
    let full = socket.received_cost.saturating_add(cost) > socket.options.receive_buffer;
    let no_room = full && !socket.received.is_empty();
    if socket.read_shut || no_room || !core.budget.try_take(cost) {
        core.discard(Discard::UdpQueueFull);
        return false;
    }
    socket.received_cost = socket.received_cost.saturating_add(cost);
    socket.received.push_back(datagram);
    if let Some(id) = socket.id {
        core.events.raise(id, Ready::READABLE);
    }
    true
}
