//! IP output (RFC 791, RFC 1122 §3.2.1): header, fragments, link. Finds no path: that was asked
//! before.

use super::path::ALL_HOSTS;
use super::{arp, fragment, with_neighbours};
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::interface::{InterfaceId, Medium};
use crate::link::ethernet;
use crate::link::neighbour::Resolution;
use crate::packet::{Outgoing, Path};
use core::net::{IpAddr, Ipv4Addr};
use danja_wire::ethernet::{EtherType, Header, MacAddress};
use danja_wire::ipv4::{self, Options};
use danja_wire::{Frame, Payload};

/// Packets that may wait to be received again.
const LOOPBACK_LIMIT: usize = 1024;

/// Puts IP and link header before a transport's packet. `None`: it waits for a neighbour,
/// went to the loopback queue, was put into the control queue as fragments, or was
/// discarded and counted.
pub(crate) fn output(core: &mut Core, path: &Path, packet: Outgoing) -> Option<Frame> {
    let frame = prepare(core, path, packet, &Options::NONE)?;
    if let Some(it) = core.ip.interface_mut(path.interface) {
        it.count_sent(frame.len());
    }
    Some(frame)
}

/// As [`output`], but does not count the frame as sent yet.
fn prepare(core: &mut Core, path: &Path, packet: Outgoing, options: &Options) -> Option<Frame> {
    match with_header(core, path, packet, options) {
        Ok(Some(frame)) => depart(core, path, frame),
        Ok(None) => None,
        Err(reason) => {
            core.discard(reason);
            None
        }
    }
}

/// Finds a path for a packet of the stack's own (RST, ICMP) and puts it into the control queue.
pub(crate) fn send(core: &mut Core, interface: Option<InterfaceId>, packet: Outgoing) {
    send_with(core, interface, packet, &Options::NONE);
}

/// As [`send`], with options in the IP header.
pub(super) fn send_with(
    core: &mut Core,
    interface: Option<InterfaceId>,
    packet: Outgoing,
    options: &Options,
) {
    let path = core.ip.path(Some(packet.source), packet.destination, interface);
    let Ok(path) = path else {
        count(&mut core.counters.ip_out_no_routes);
        core.discard(Discard::NoRoute);
        return;
    };
    if let Some(frame) = prepare(core, &path, packet, options) {
        push_control(core, path.interface, frame);
    }
}

/// Queues a frame of the stack's own.
pub(crate) fn push_control(core: &mut Core, interface: InterfaceId, frame: Frame) {
    let limit = core.config.limits.control_queue;
    let queued = core.ip.interface_mut(interface).is_some_and(|it| it.push_control(frame, limit));
    if !queued {
        core.discard(Discard::ControlQueueFull);
    }
}

/// Writes the IP header. `None`: it was sent in fragments.
fn with_header(
    core: &mut Core,
    path: &Path,
    packet: Outgoing,
    options: &Options,
) -> Result<Option<Frame>, Discard> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (packet.source, packet.destination) else {
        return Err(Discard::NoRoute);
    };
    let mut frame = packet.frame;
    let mut header = ipv4::Header {
        source,
        destination,
        protocol: packet.protocol,
        // RFC 1122 §3.2.1.7: "A host MUST NOT send a datagram with a Time-to-Live (TTL) value
        // of zero."
        ttl: packet.ttl.max(1),
        tos: packet.tos,
        dont_fragment: packet.dont_fragment && !core.ip.path_mtus.must_fragment(packet.destination),
        // RFC 6864 §4.1: an atomic datagram's identification means nothing.
        identification: 0,
        options: *options,
        ..ipv4::Header::default()
    };
    header.set_payload_len(frame.len()).ok_or(Discard::TooBig)?;
    if frame.offload.segment_size == 0 && usize::from(header.total_len) > path.mtu {
        if header.dont_fragment {
            count(&mut core.counters.ip_frag_fails);
            return Err(Discard::TooBig);
        }
        fragment::send(core, path, &header, frame)?;
        return Ok(None);
    }
    if !header.dont_fragment {
        header.identification = core.ip.identification.next();
    }
    let room = frame.prepend(header.header_len()).ok_or(Discard::TooBig)?;
    header.emit(room).map_err(|_| Discard::TooBig)?;
    ethernet::shift_checksum(&mut frame, header.header_len());
    count(&mut core.counters.ip_out_requests);
    Ok(Some(frame))
}

/// Sends a packet of ours with its IP header to the next hop; what is for everybody on the link
/// is for our own sockets as well, as on Linux.
pub(super) fn depart(core: &mut Core, path: &Path, packet: Frame) -> Option<Frame> {
    leave(core, path.interface, path.next_hop, packet, true)
}

/// Queues a packet to be received again; `false` if there is no room.
fn loop_back(core: &mut Core, interface: InterfaceId, packet: Frame) -> bool {
    let room = core.ip.loopback.len() < LOOPBACK_LIMIT;
    if room {
        core.ip.loopback.push_back((interface, packet));
    } else {
        core.discard(Discard::LoopbackQueueFull);
    }
    room
}

/// Sends a packet with its IP header to the next hop: puts the link header before it, or keeps
/// it until the neighbour is known.
pub(super) fn transmit(
    core: &mut Core,
    interface: InterfaceId,
    next_hop: IpAddr,
    packet: Frame,
) -> Option<Frame> {
    leave(core, interface, next_hop, packet, false)
}

/// As [`transmit`]; with `loops`, what is for everybody on the link is received again as well.
fn leave(
    core: &mut Core,
    interface: InterfaceId,
    next_hop: IpAddr,
    packet: Frame,
    loops: bool,
) -> Option<Frame> {
    if interface == InterfaceId::LOOPBACK {
        let length = packet.len();
        if loop_back(core, interface, packet)
            && let Some(it) = core.ip.interface_mut(interface)
        {
            it.count_sent(length);
        }
        return None;
    }
    let Some(it) = core.ip.interface(interface) else {
        core.discard(Discard::NoSuchInterface);
        return None;
    };
    if !it.up {
        core.discard(Discard::InterfaceDown);
        return None;
    }
    let (medium, group) = (it.config.medium, group_address(it, next_hop));
    if loops && (group == Some(MacAddress::BROADCAST) || next_hop == ALL_HOSTS) {
        loop_back(core, interface, packet.clone());
    }
    let frame = match medium {
        Medium::Ip => packet,
        Medium::Ethernet(ours) => {
            let (mac, packet) = match group {
                Some(mac) => (mac, packet),
                None => resolve(core, interface, next_hop, packet)?,
            };
            framed(packet, ours, mac)?
        }
    };
    Some(frame)
}

fn resolve(
    core: &mut Core,
    interface: InterfaceId,
    next_hop: IpAddr,
    packet: Frame,
) -> Option<(MacAddress, Frame)> {
    let resolution =
        with_neighbours(core, |all, context| all.resolve(context, interface, next_hop, packet));
    match resolution {
        Resolution::Send(mac, packet) => Some((mac, packet)),
        Resolution::Waits(action) => {
            arp::act(core, action);
            None
        }
    }
}

/// Puts an Ethernet header before an IP packet.
pub(super) fn framed(mut packet: Frame, ours: MacAddress, to: MacAddress) -> Option<Frame> {
    let header = Header { destination: to, source: ours, ether_type: EtherType::IPV4 };
    ethernet::output(&mut packet, header)?;
    Some(packet)
}

/// The hardware address of "everybody" or of a group.
fn group_address(it: &super::Interface, next_hop: IpAddr) -> Option<MacAddress> {
    let IpAddr::V4(v4) = next_hop else { return None };
    if v4.is_broadcast() || it.is_broadcast(v4) {
        return Some(MacAddress::BROADCAST);
    }
    v4.is_multicast().then(|| MacAddress::from_ipv4_multicast(v4))
}

/// A packet with its own IP header, from `Stack::inject`.
pub(crate) fn inject(
    core: &mut Core,
    interface: InterfaceId,
    packet: Payload,
) -> Result<(), Discard> {
    let header = ipv4::Header::parse(packet.as_slice()).map_err(|_| Discard::IpMalformed)?;
    let it = core.ip.interface(interface).ok_or(Discard::NoSuchInterface)?;
    if !it.up {
        return Err(Discard::InterfaceDown);
    }
    if usize::from(header.total_len) > it.config.mtu {
        return Err(Discard::TooBig);
    }
    let destination: Ipv4Addr = header.destination;
    let next_hop = core.ip.injected_hop(destination, interface).ok_or(Discard::NoRoute)?;
    let mut packet = packet;
    packet.truncate(usize::from(header.total_len));
    let frame = Frame::received(packet, danja_wire::Offload::default());
    if let Some(frame) = transmit(core, interface, next_hop, frame) {
        push_control(core, interface, frame);
    }
    Ok(())
}
