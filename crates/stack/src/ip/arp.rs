//! ARP (RFC 826): requests and replies, and what is learnt from them. Whom to believe is the
//! neighbour cache's; probes and defence are `conflict`'s.

use super::output::{framed, push_control, transmit};
use super::{conflict, gateways, source, with_neighbours};
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::interface::{InterfaceId, Medium};
use crate::link::ethernet;
use crate::link::neighbour::{Action, Claim};
use alloc::collections::VecDeque;
use core::net::{IpAddr, Ipv4Addr};
use danja_wire::arp::{LEN, Operation, Packet};
use danja_wire::ethernet::{EtherType, HEADER_LEN, Header, MacAddress};
use danja_wire::{Frame, bytes, ipv4};

/// An ARP packet came.
pub(super) fn input(
    core: &mut Core,
    interface: InterfaceId,
    frame: &mut Frame,
) -> Result<(), Discard> {
    count(&mut core.counters.arp_received);
    let front = frame.ensure_front(HEADER_LEN.saturating_add(LEN));
    let packet = bytes::from(front, HEADER_LEN).ok_or(Discard::ArpMalformed)?;
    let packet = Packet::parse(packet).map_err(|_| Discard::ArpMalformed)?;
    let claim = match packet.operation {
        Operation::Request => Claim::Request,
        Operation::Reply => Claim::Answer,
        // RARP and the like.
        _ => return Err(Discard::ArpMalformed),
    };
    // A sender that speaks for a group is not believed. The frame's source may be another: some
    // bridges and balancers send for their stations, and who forges one forges both.
    if !packet.sender_mac.is_unicast() {
        return Err(Discard::ArpMalformed);
    }
    let it = core.ip.interface(interface).ok_or(Discard::NoSuchInterface)?;
    let Medium::Ethernet(ours) = it.config.medium else { return Err(Discard::ArpMalformed) };
    if packet.sender_mac == ours {
        return Err(Discard::ArpNotForUs);
    }
    let sender = packet.sender_ip;
    let nobody = sender.is_unspecified();
    let no_host = sender.is_multicast() || sender.is_broadcast() || sender.is_loopback();
    if no_host || it.is_broadcast(sender) {
        return Err(Discard::ArpMalformed);
    }
    conflict::check(core, interface, &packet)?;
    let it = core.ip.interface(interface).ok_or(Discard::NoSuchInterface)?;
    let for_us = it.has_address(packet.target_ip.into());
    if !nobody {
        gateways::on_heard(core, interface, sender.into());
        let claim = if for_us { claim } else { Claim::Overheard };
        let action = with_neighbours(core, |all, context| {
            all.learn(context, interface, sender.into(), packet.sender_mac, claim)
        })?;
        act(core, action);
    }
    if !for_us {
        return Err(Discard::ArpNotForUs);
    }
    if packet.operation == Operation::Request {
        reply(core, interface, ours, &packet);
    }
    Ok(())
}

fn reply(core: &mut Core, interface: InterfaceId, ours: MacAddress, request: &Packet) {
    count(&mut core.counters.arp_replies_sent);
    let packet = Packet {
        operation: Operation::Reply,
        sender_mac: ours,
        sender_ip: request.target_ip,
        target_mac: request.sender_mac,
        target_ip: request.sender_ip,
    };
    send(core, interface, &packet, request.sender_mac);
}

/// Puts an ARP packet into the interface's queue.
pub(super) fn send(core: &mut Core, interface: InterfaceId, packet: &Packet, to: MacAddress) {
    let mut frame = Frame::new();
    let emitted = frame.prepend(LEN).is_some_and(|room| packet.emit(room).is_ok());
    // RFC 3927 §2.5: what tells of a link-local sender is said to everybody, so that a conflict
    // is noticed.
    let to = if packet.sender_ip.is_link_local() { MacAddress::BROADCAST } else { to };
    let header = Header { destination: to, source: packet.sender_mac, ether_type: EtherType::ARP };
    let framed = emitted && ethernet::output(&mut frame, header).is_some();
    if framed && core.ip.is_up(interface) {
        push_control(core, interface, frame);
    }
}

/// Asks who has an address.
fn solicit(
    core: &mut Core,
    interface: InterfaceId,
    address: Ipv4Addr,
    known_at: Option<MacAddress>,
) {
    let Some(it) = core.ip.interface(interface) else { return };
    let Medium::Ethernet(ours) = it.config.medium else { return };
    let sender = match source::select(it.usable(), address.into(), address.into()) {
        Some(IpAddr::V4(sender)) => sender,
        _ => Ipv4Addr::UNSPECIFIED,
    };
    count(&mut core.counters.arp_requests_sent);
    let packet = Packet {
        operation: Operation::Request,
        sender_mac: ours,
        sender_ip: sender,
        target_mac: MacAddress::ZERO,
        target_ip: address,
    };
    send(core, interface, &packet, known_at.unwrap_or(MacAddress::BROADCAST));
}

/// Does what the neighbour cache asks for.
pub(super) fn act(core: &mut Core, action: Option<Action>) {
    match action {
        Some(Action::Solicit { interface, address: IpAddr::V4(address), known_at }) => {
            solicit(core, interface, address, known_at);
        }
        Some(Action::Release { interface, mac, queue }) => release(core, interface, mac, queue),
        Some(Action::Failed { interface, address, queue }) => {
            gateways::on_silence(core, interface, address);
            queue.into_iter().for_each(|packet| failed(core, interface, address, packet));
        }
        Some(Action::Solicit { .. }) | None => {}
    }
}

/// A packet waited for a neighbour that stayed silent: it goes by another, or its sender is told.
fn failed(core: &mut Core, interface: InterfaceId, silent: IpAddr, mut packet: Frame) {
    let length = packet.len();
    let header = ipv4::Header::parse_front(packet.ensure_front(ipv4::MAX_HEADER_LEN), length);
    if let Ok(header) = header
        && let Ok(path) =
            core.ip.path(Some(header.source.into()), header.destination.into(), Some(interface))
        && path.next_hop != silent
    {
        if let Some(frame) = transmit(core, path.interface, path.next_hop, packet) {
            push_control(core, path.interface, frame);
        }
        return;
    }
    core.discard(Discard::NeighbourUnreachable);
    if let Some(error) = super::icmp::neighbour_error(packet, silent) {
        core.ip.errors.push_back(error);
    }
}

/// Asks for an address, whatever the neighbour cache has of it.
pub(super) fn ask_everybody(core: &mut Core, interface: InterfaceId, address: IpAddr) {
    if let IpAddr::V4(address) = address {
        solicit(core, interface, address, None);
    }
}

fn release(core: &mut Core, interface: InterfaceId, mac: MacAddress, queue: VecDeque<Frame>) {
    let Some(it) = core.ip.interface(interface) else { return };
    let Medium::Ethernet(ours) = it.config.medium else { return };
    for packet in queue {
        if let Some(frame) = framed(packet, ours, mac) {
            push_control(core, interface, frame);
        }
    }
}
