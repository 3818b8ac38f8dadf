//! ICMPv4 messages of a script: names to numbers, the quoted packet, comparison.

use super::Stop;
use super::build;
use super::flow::Flow;
use super::observe::{Seen, SeenBody};
use crate::packetdrill::ast::{Icmp, IcmpPayload, IpInfo};

/// Names of types (RFC 792) with their numbers.
const TYPES: &[(&str, u8)] = &[
    ("echo_reply", 0),
    ("unreachable", 3),
    ("source_quench", 4),
    ("redirect", 5),
    ("echo_request", 8),
    ("time_exceeded", 11),
    ("parameter_problem", 12),
];

/// Names of codes of "unreachable" (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
const UNREACHABLE: &[&str] = &[
    "net_unreachable",
    "host_unreachable",
    "protocol_unreachable",
    "port_unreachable",
    "frag_needed",
    "source_route_failed",
    "net_unknown",
    "host_unknown",
    "source_host_isolated",
    "net_prohibited",
    "host_prohibited",
    "net_unreachable_for_tos",
    "host_unreachable_for_tos",
    "packet_filtered",
    "precedence_violation",
    "precedence_cutoff",
];

fn numbers(message: &Icmp) -> Result<(u8, u8), Stop> {
    let unknown = |what: &str| Stop::Skip(format!("the ICMP message {what} is not known"));
    let kind = TYPES.iter().find(|(name, _)| *name == message.kind).map(|(_, number)| *number);
    let kind = kind.ok_or_else(|| unknown(&message.kind))?;
    let code = match message.code.as_deref() {
        None => 0,
        Some("ttl_exceeded" | "exceeded_hop_limit") if kind == 11 => 0,
        Some("reassembly_exceeded") if kind == 11 => 1,
        Some(name) if kind == 3 => {
            let at =
                UNREACHABLE.iter().position(|known| *known == name).ok_or_else(|| unknown(name))?;
            at as u8
        }
        Some(name) => return Err(unknown(name)),
    };
    Ok((kind, code))
}

/// Whether the message quotes a packet, rather than being a question or its answer.
const fn quotes(kind: u8) -> bool {
    !matches!(kind, 0 | 8)
}

/// The message that a script gives to the stack.
pub(super) fn bytes(message: &Icmp, flow: &Flow) -> Result<Vec<u8>, Stop> {
    let (kind, code) = numbers(message)?;
    if !quotes(kind) {
        let length = match message.payload {
            None => 0,
            Some(IcmpPayload::Raw(length)) => usize::from(length),
            Some(_) => return Err(Stop::Skip("an echo message carries raw bytes".to_owned())),
        };
        return Ok(build::icmp(
            kind,
            code,
            u32::from(message.id.unwrap_or(0)) << 16,
            &vec![0; length],
        ));
    }
    let (source, destination) = (*flow.local.ip(), *flow.remote.ip());
    let ports = [flow.local.port().to_be_bytes(), flow.remote.port().to_be_bytes()].concat();
    let (protocol, transport) = match message.payload {
        Some(IcmpPayload::Segment { sequence, length }) => {
            let mut header = ports;
            header.extend_from_slice(&flow.local_number(sequence).to_be_bytes());
            header.resize(20 + usize::try_from(length).unwrap_or(0), 0);
            (6, header)
        }
        Some(IcmpPayload::Udp(length)) => {
            let total = 8 + usize::from(length);
            let mut header = ports;
            header.extend_from_slice(&(total as u16).to_be_bytes());
            header.resize(total, 0);
            (17, header)
        }
        Some(IcmpPayload::Raw(length)) => (1, vec![0; usize::from(length)]),
        None => return Err(Stop::Skip("this ICMP message needs the packet it quotes".to_owned())),
    };
    let mut quoted = build::ipv4(&IpInfo::default(), source, destination, protocol, &transport);
    // RFC 792: the header and the first 64 bits of the data.
    quoted.truncate(28);
    Ok(build::icmp(kind, code, message.mtu.unwrap_or(0) & 0xffff, &quoted))
}

/// Names of the fields in which the stack's message differs from the script's.
pub(super) fn differences(message: &Icmp, seen: &Seen) -> Result<Vec<String>, Stop> {
    let wanted = numbers(message)?;
    let SeenBody::Icmp { kind, code, rest, body } = &seen.body else {
        return Ok(vec!["protocol".to_owned()]);
    };
    let mut differing = Vec::new();
    if wanted != (*kind, *code) {
        differing.push("type or code".to_owned());
    }
    if message.mtu.is_some_and(|mtu| mtu != rest & 0xffff) {
        differing.push("mtu".to_owned());
    }
    if message.id.is_some_and(|id| u32::from(id) != rest >> 16) {
        differing.push("id".to_owned());
    }
    if let (false, Some(IcmpPayload::Raw(length))) = (quotes(*kind), message.payload)
        && body.len() != usize::from(length)
    {
        differing.push("length".to_owned());
    }
    Ok(differing)
}
