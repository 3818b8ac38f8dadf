//! IP input (RFC 791, RFC 1122 §3.2.1): from the link up to a whole, checked packet for us.
//! Never forwards.
//!
//! Nothing of the stack's state but counters is touched before [`accept`] has said that a packet
//! is for us: a stack with several shards answers "not mine, shard N" there, before fragments
//! (by address pair), ICMP errors (by the quoted tuple) or neighbours change anything. One
//! shard asks nothing.

use super::interface::Interface;
use super::{Upward, arp, icmp, path, reassemble};
use crate::config::Unclaimed;
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::interface::{InterfaceId, Medium};
use crate::link::{ethernet, vlan};
use crate::packet::{Cast, Packet};
use core::net::IpAddr;
use danja_wire::error::Error;
use danja_wire::ethernet::{EtherType, HEADER_LEN as ETHERNET_HEADER_LEN};
use danja_wire::icmpv4::Message;
use danja_wire::ip::{Protocol, Version};
use danja_wire::ipv4;
use danja_wire::{Frame, bytes, offload};

/// A frame from an interface, through link and IP (reassembly, ICMP, ARP included).
pub(crate) fn input(core: &mut Core, interface: InterfaceId, mut frame: Frame) -> Upward {
    match link(core, interface, &mut frame) {
        Ok(Network::Ip { at, cast }) => {
            let came = Came { interface, at, cast, looped: false };
            packet(core, frame, came).unwrap_or_else(|reason| discarded(core, reason))
        }
        Ok(Network::Consumed) => Upward::Done,
        Ok(Network::Tagged) => match tagged(core, interface, &mut frame) {
            Ok((interface, frame)) => input(core, interface, frame),
            Err(reason) => discarded(core, reason),
        },
        Err(reason) => discarded(core, reason),
    }
}

/// A packet of ours that looped back: by the loopback interface, or to everybody on a link.
pub(crate) fn input_looped(core: &mut Core, interface: InterfaceId, frame: Frame) -> Upward {
    if interface == InterfaceId::LOOPBACK {
        return input(core, interface, frame);
    }
    let came = Came { interface, at: 0, cast: Cast::Unicast, looped: true };
    packet(core, frame, came).unwrap_or_else(|reason| discarded(core, reason))
}

fn discarded(core: &mut Core, reason: Discard) -> Upward {
    match reason {
        Discard::IpMalformed | Discard::IpChecksum => count(&mut core.counters.ip_in_hdr_errors),
        Discard::IpNotForUs | Discard::IpBadDestination | Discard::IpBadSource => {
            count(&mut core.counters.ip_in_addr_errors);
        }
        _ => {}
    }
    core.discard(reason);
    Upward::Done
}

/// How an IP packet came.
struct Came {
    interface: InterfaceId,
    /// Where it begins in its frame.
    at: usize,
    /// To whom the frame was addressed.
    cast: Cast,
    /// It is our own.
    looped: bool,
}

/// What a frame carries.
enum Network {
    /// An IP packet that begins at this byte.
    Ip { at: usize, cast: Cast },
    /// A tag, and behind it something else.
    Tagged,
    /// Something that ended here.
    Consumed,
}

fn link(core: &mut Core, interface: InterfaceId, frame: &mut Frame) -> Result<Network, Discard> {
    let Some(it) = core.ip.interface_mut(interface) else { return Err(Discard::NoSuchInterface) };
    if !it.up {
        return Err(Discard::InterfaceDown);
    }
    it.count_received(frame);
    let Medium::Ethernet(ours) = it.config.medium else {
        return Ok(Network::Ip { at: 0, cast: Cast::Unicast });
    };
    let received = ethernet::input(frame, ours)?;
    match received.ether_type {
        EtherType::IPV4 => Ok(Network::Ip { at: ETHERNET_HEADER_LEN, cast: received.cast }),
        EtherType::ARP => {
            arp::input(core, interface, frame)?;
            Ok(Network::Consumed)
        }
        EtherType::VLAN => Ok(Network::Tagged),
        EtherType::QINQ => Err(Discard::VlanNested),
        EtherType::IPV6 => Err(Discard::IpVersion6),
        _ => Err(Discard::LinkUnknownType),
    }
}

/// A frame without its tag, and whose it is. Behind the tag is no other, so it is tagged no more.
fn tagged(
    core: &Core,
    interface: InterfaceId,
    frame: &mut Frame,
) -> Result<(InterfaceId, Frame), Discard> {
    let (tag, frame) = vlan::untag(frame)?;
    if tag.id == 0 {
        // A priority, and no VLAN: it is the parent's.
        return Ok((interface, frame));
    }
    let it = core.ip.interface(interface).ok_or(Discard::NoSuchInterface)?;
    let found = it.vlans.iter().find(|(id, _)| *id == tag.id).ok_or(Discard::VlanUnknown)?;
    Ok((found.1, frame))
}

fn packet(core: &mut Core, mut frame: Frame, came: Came) -> Result<Upward, Discard> {
    let Came { interface, at: network, cast: link_cast, looped } = came;
    count(&mut core.counters.ip_in_receives);
    let header = parse(&mut frame, network)?;
    let it = core.ip.interface(interface).ok_or(Discard::NoSuchInterface)?;
    if !looped {
        check_source(core, it, &header)?;
    }
    let cast = accept(core, it, &header, link_cast)?;
    let transport = network.saturating_add(header.header_len());
    let end = network.saturating_add(usize::from(header.total_len));
    let mut packet = Packet {
        interface,
        source: header.source.into(),
        destination: header.destination.into(),
        protocol: header.protocol,
        ttl: header.ttl,
        tos: header.tos,
        cast,
        frame,
        network,
        transport,
        end,
    };
    check_options(core, &packet, &header)?;
    if header.is_fragment() {
        match reassemble::input(core, packet, &header)? {
            Some(whole) => packet = whole,
            None => return Ok(Upward::Done),
        }
    }
    gather_transport(&mut packet);
    Ok(deliver(core, packet))
}

/// To ICMP, which is part of IP, or up.
fn deliver(core: &mut Core, packet: Packet) -> Upward {
    if packet.cast == Cast::Multicast && packet.destination != path::ALL_HOSTS {
        return Upward::Others(packet, Discard::IpNotForUs);
    }
    count(&mut core.counters.ip_in_delivers);
    if !core.ip.watched.is_empty() && core.ip.watched.contains_key(&packet.protocol) {
        let mut copy = packet.clone();
        // What never was on a wire may have its checksum still to be completed.
        let _ = offload::complete_checksum(&mut copy.frame);
        core.ip.copies.push_back(copy);
    }
    match packet.protocol {
        Protocol::ICMP => icmp::input(core, packet),
        _ => Upward::Packet(packet),
    }
}

/// Version, lengths and checksum (RFC 1122 §3.2.1.1, §3.2.1.2).
fn parse(frame: &mut Frame, network: usize) -> Result<ipv4::Header, Discard> {
    let available = frame.len().saturating_sub(network);
    let fixed = network.saturating_add(ipv4::HEADER_LEN);
    let front = frame.ensure_front(fixed);
    let first = bytes::byte(front, network).ok_or(Discard::IpMalformed)?;
    if Version::of_packet(&[first]) == Some(Version::V6) {
        return Err(Discard::IpVersion6);
    }
    let header_len = usize::from(first & 0xf) << 2;
    let front = frame.ensure_front(network.saturating_add(header_len.max(ipv4::HEADER_LEN)));
    let packet = bytes::from(front, network).ok_or(Discard::IpMalformed)?;
    ipv4::Header::parse_front(packet, available).map_err(|error| match error {
        Error::Checksum => Discard::IpChecksum,
        _ => Discard::IpMalformed,
    })
}

/// RFC 1122 §3.2.1.3: addresses that no single host can have, and ours from outside.
fn check_source(core: &Core, it: &Interface, header: &ipv4::Header) -> Result<(), Discard> {
    let source = header.source;
    let looped = it.is_loopback();
    if source.is_unspecified() {
        // RFC 1122 §3.2.1.3 (a): only while a host learns its address, and so to everybody.
        let to = header.destination;
        let initial = to.is_broadcast() || to.is_multicast();
        return if initial && !looped { Ok(()) } else { Err(Discard::IpBadSource) };
    }
    let no_host = source.is_multicast()
        || source.is_broadcast()
        || path::is_reserved(source)
        || it.is_broadcast(source);
    let foreign = core.ip.is_local(source.into()) != looped;
    if no_host || foreign { Err(Discard::IpBadSource) } else { Ok(()) }
}

/// Whether the packet is for us, and how wide it was addressed.
///
/// The strong model (RFC 1122 §3.3.4.2): an address is answered on its own interface only. An
/// any-address interface takes every unicast destination.
fn accept(
    core: &Core,
    it: &Interface,
    header: &ipv4::Header,
    link_cast: Cast,
) -> Result<Cast, Discard> {
    let to = header.destination;
    if it.is_loopback() {
        let ours = core.ip.is_local(to.into());
        return if ours { Ok(Cast::Unicast) } else { Err(Discard::IpNotForUs) };
    }
    // Nearly every packet.
    if link_cast == Cast::Unicast && it.has_address(IpAddr::V4(to)) {
        return Ok(Cast::Unicast);
    }
    if to.is_loopback() || path::is_reserved(to) {
        return Err(Discard::IpBadDestination);
    }
    if to.is_broadcast() || it.is_broadcast(to) {
        return Ok(Cast::Broadcast);
    }
    if to.is_multicast() {
        // All hosts on this link (RFC 1112 §4) are the only group we are in; who shares our
        // address may be in others.
        let wanted = to == path::ALL_HOSTS || it.config.unclaimed == Unclaimed::HandOut;
        return if wanted { Ok(Cast::Multicast) } else { Err(Discard::IpNotForUs) };
    }
    if !it.has_address(IpAddr::V4(to)) && !it.config.any_address {
        // RFC 2131 §2: the client's software should accept and forward to the IP layer any
        // packets delivered to its hardware address before its IP address is configured.
        let unconfigured = it.config.learns_address && it.usable().next().is_none();
        let datagram = header.protocol == Protocol::UDP && link_cast == Cast::Unicast;
        if unconfigured && datagram && it.is_ethernet() {
            // As one to everybody: found by its port alone, and answered with no error.
            return Ok(Cast::Broadcast);
        }
        return Err(Discard::IpNotForUs);
    }
    // RFC 1122 §3.3.6: a frame to everybody with a packet for one host is nobody's.
    if link_cast == Cast::Unicast { Ok(Cast::Unicast) } else { Err(Discard::IpLinkBroadcast) }
}

/// RFC 1122 §3.2.1.8: options we do not know are passed over, malformed ones complained about,
/// source routes refused (RFC 7126 §4.3, §4.4).
fn check_options(core: &mut Core, packet: &Packet, header: &ipv4::Header) -> Result<(), Discard> {
    if header.options.is_empty() {
        return Ok(());
    }
    if let Err(bad) = header.options.check() {
        // RFC 1122 §3.2.2: no error about a fragment but the first.
        if header.fragment_offset == 0 {
            let message = Message::ParameterProblem { code: 0, pointer: bad.pointer };
            icmp::send_error(core, packet, message);
        }
        return Err(Discard::IpMalformed);
    }
    if header.options.has_source_route() {
        return Err(Discard::IpSourceRoute);
    }
    Ok(())
}

/// Makes sure that the transport's header lies in the front of the frame; payload slices behind
/// it are left where they are.
pub(super) fn gather_transport(packet: &mut Packet) {
    const FIXED: usize = 20;
    let fixed = if packet.protocol == Protocol::TCP { FIXED } else { 8 };
    let front = packet.frame.ensure_front(packet.transport.saturating_add(fixed));
    if packet.protocol == Protocol::TCP {
        let data_offset = packet.transport.saturating_add(12);
        let words = bytes::byte(front, data_offset).unwrap_or(0) >> 4;
        let header_len = usize::from(words) << 2;
        packet.frame.ensure_front(packet.transport.saturating_add(header_len));
    }
}
