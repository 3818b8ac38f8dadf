//! ICMP (RFC 792, RFC 1122 §3.2.2) as part of IP: echo answers, errors about packets of ours,
//! errors we send. Delivers to no socket.

mod limit;
mod quote;
mod record;
mod redirect;
mod report;

pub(super) use limit::ErrorLimits;
pub(super) use quote::neighbour_error;
pub(super) use redirect::Redirects;
pub(crate) use report::send_error;

use super::{Upward, output};
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::packet::{Cast, Outgoing, Packet};
use core::net::IpAddr;
use danja_wire::icmpv4::{HEADER_LEN, Message};
use danja_wire::ip::Protocol;
use danja_wire::ipv4::{self, Options};
use danja_wire::offload::sum_from;
use danja_wire::{ChecksumState, Frame};

/// An ICMP message for us.
pub(super) fn input(core: &mut Core, packet: Packet) -> Upward {
    count(&mut core.counters.icmp_in_msgs);
    match message(core, packet) {
        Ok(upward) => upward,
        Err(reason) => {
            if reason == Discard::IcmpMalformed {
                count(&mut core.counters.icmp_in_errors);
            }
            core.discard(reason);
            Upward::Done
        }
    }
}

fn message(core: &mut Core, mut packet: Packet) -> Result<Upward, Discard> {
    if packet.transport_len() < HEADER_LEN || !packet.checksum_ok() {
        return Err(Discard::IcmpMalformed);
    }
    let message =
        Message::parse_unverified(packet.transport_front()).map_err(|_| Discard::IcmpMalformed)?;
    count_received(core, &message);
    match message {
        Message::EchoRequest { ident, sequence } => echo(core, packet, ident, sequence),
        Message::EchoReply { .. } => Ok(Upward::Packet(packet)),
        // RFC 6633 §3: "A host MUST silently discard" source quench.
        Message::SourceQuench => Err(Discard::IcmpIgnored),
        // RFC 1122 §3.2.2: unknown types too.
        Message::Unknown { .. } => Ok(Upward::Others(packet, Discard::IcmpIgnored)),
        Message::Redirect { gateway, .. } => {
            redirect::input(core, packet, gateway).map(|()| Upward::Done)
        }
        error => {
            let about = quote::error(core, &mut packet, error)?;
            Ok(Upward::Error(about, packet))
        }
    }
}

fn count_received(core: &mut Core, message: &Message) {
    let counters = &mut core.counters;
    match message {
        Message::EchoRequest { .. } => count(&mut counters.icmp_in_echos),
        Message::EchoReply { .. } => count(&mut counters.icmp_in_echo_reps),
        Message::DestinationUnreachable { .. } => count(&mut counters.icmp_in_dest_unreachs),
        Message::SourceQuench => count(&mut counters.icmp_in_src_quenchs),
        Message::Redirect { .. } => count(&mut counters.icmp_in_redirects),
        Message::TimeExceeded { .. } => count(&mut counters.icmp_in_time_excds),
        Message::ParameterProblem { .. } => count(&mut counters.icmp_in_parm_probs),
        _ => {}
    }
}

/// RFC 1122 §3.2.2.6: every host answers, with the same data, from the address that was asked.
fn echo(core: &mut Core, packet: Packet, ident: u16, sequence: u16) -> Result<Upward, Discard> {
    let asked_ours = core.ip.is_local(packet.destination);
    let to_application = core
        .ip
        .interface(packet.interface)
        .is_some_and(|it| it.config.any_address && it.config.echo_to_application);
    if packet.cast == Cast::Unicast && !asked_ours && to_application {
        return Ok(Upward::Packet(packet));
    }
    let answered = match packet.cast {
        Cast::Unicast => core.config.ip.answer_echo,
        // A request to everybody makes amplifiers of us all (RFC 1122 §3.2.2.6: MAY be
        // discarded).
        Cast::Broadcast | Cast::Multicast => core.config.ip.answer_broadcast_echo,
    };
    if !answered || packet.source.is_unspecified() {
        return Err(Discard::IcmpIgnored);
    }
    let source = match packet.cast {
        Cast::Unicast => packet.destination,
        _ => core
            .ip
            .interface(packet.interface)
            .and_then(|it| core.ip.source_for(it, packet.source, packet.source))
            .ok_or(Discard::NoRoute)?,
    };
    let options = options(core, &packet, source);
    let mut frame = Frame::new();
    let body = packet.transport.saturating_add(HEADER_LEN);
    packet.frame.for_each_slice(body, packet.end, |part| frame.push(part));
    let room = frame.prepend(HEADER_LEN).ok_or(Discard::TooBig)?;
    let sum = sum_from(&packet.frame, body, packet.end);
    let reply = Message::EchoReply { ident, sequence };
    reply.emit(room, sum).map_err(|_| Discard::TooBig)?;
    frame.offload.checksum = ChecksumState::Complete;
    count(&mut core.counters.icmp_out_msgs);
    count(&mut core.counters.icmp_out_echo_reps);
    let outgoing = Outgoing {
        source,
        destination: packet.source,
        protocol: Protocol::ICMP,
        ttl: core.config.ip.ttl,
        // RFC 1349 §5.1 (and RFC 1812 §4.3.3.6 for routers): the same type of service; ECN is a
        // packet's own.
        tos: packet.tos & 0xfc,
        dont_fragment: false,
        frame,
    };
    output::send_with(core, Some(packet.interface).filter(|id| id.0 != 0), outgoing, &options);
    Ok(Upward::Done)
}

/// The options of an echo reply from `source`.
fn options(core: &Core, packet: &Packet, source: IpAddr) -> Options {
    let from = packet.network.saturating_add(ipv4::HEADER_LEN);
    let asked = packet.frame.front().get(from..packet.transport).and_then(Options::from_bytes);
    match (asked, source) {
        (Some(asked), IpAddr::V4(source)) if !asked.is_empty() => {
            record::reflect(&asked, source, core.ip.identification.clock(core.now))
        }
        _ => Options::NONE,
    }
}
