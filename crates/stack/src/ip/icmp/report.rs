//! Errors we send about packets we received (RFC 1122 §3.2.2, RFC 1812 §4.3.2). Decides whether
//! one may be sent; which one is the caller's knowledge.

use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::interface::InterfaceId;
use crate::ip::output;
use crate::packet::{Cast, Outgoing, Packet};
use core::net::IpAddr;
use danja_wire::checksum::Sum;
use danja_wire::icmpv4::{HEADER_LEN, Message};
use danja_wire::ip::Protocol;
use danja_wire::{Frame, ipv4};

// RFC 1812 §4.3.2.3: "as much of the original datagram as possible without the length of the
// ICMP datagram exceeding 576 bytes".
const QUOTED: usize = 576 - ipv4::HEADER_LEN - HEADER_LEN;

/// RFC 1812 §4.3.2.5: errors are sent with precedence 6 (INTERNETWORK CONTROL).
const TOS: u8 = 0xc0;

/// An ICMP error about a received packet, in its destination's name (validated, and
/// rate-limited where it leaves the host).
pub(crate) fn send_error(core: &mut Core, about: &Packet, message: Message) {
    if !may_complain(about) {
        return;
    }
    let rate = core.config.ip.icmp_errors_per_second;
    // As Linux: what stays on this host is not limited.
    let leaves = about.interface != InterfaceId::LOOPBACK;
    if leaves && !core.ip.error_limits.allow(about.source, rate, core.now) {
        core.discard(Discard::IcmpRateLimited);
        return;
    }
    let mut frame = Frame::new();
    let end = about.end.min(about.network.saturating_add(QUOTED));
    let mut sum = Sum::new();
    about.frame.for_each_slice(about.network, end, |part| {
        sum.add_bytes(part.as_slice());
        frame.push(part);
    });
    let Some(room) = frame.prepend(HEADER_LEN) else { return };
    if message.emit(room, sum).is_err() {
        return;
    }
    let counters = &mut core.counters;
    count(&mut counters.icmp_out_msgs);
    match message {
        Message::DestinationUnreachable { .. } => count(&mut counters.icmp_out_dest_unreachs),
        Message::TimeExceeded { .. } => count(&mut counters.icmp_out_time_excds),
        Message::ParameterProblem { .. } => count(&mut counters.icmp_out_parm_probs),
        _ => {}
    }
    let outgoing = Outgoing {
        source: about.destination,
        destination: about.source,
        protocol: Protocol::ICMP,
        ttl: core.config.ip.ttl,
        tos: TOS,
        dont_fragment: false,
        frame,
    };
    output::send(core, Some(about.interface).filter(|id| id.0 != 0), outgoing);
}

/// RFC 1122 §3.2.2: no error about an ICMP error, a packet to many, or a packet whose source is
/// not a single host. (Fragments come here put together, or first.)
fn may_complain(about: &Packet) -> bool {
    let single = match about.source {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    single && about.cast == Cast::Unicast && !is_icmp_error(about)
}

fn is_icmp_error(about: &Packet) -> bool {
    if about.protocol != Protocol::ICMP {
        return false;
    }
    // What cannot be read, or is unknown, may be an error: silence is safe.
    match Message::parse_unverified(about.transport_front()) {
        Ok(Message::EchoRequest { .. } | Message::EchoReply { .. }) => false,
        Ok(_) | Err(_) => true,
    }
}
