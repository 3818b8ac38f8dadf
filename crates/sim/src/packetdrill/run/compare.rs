//! Compares a packet of the stack with the one a script expects. Says which fields differ.

use super::Personality;
use super::flow::Flow;
use super::observe::{Seen, SeenSegment};
use super::show::option;
use crate::packetdrill::ast::{Ecn, Flags, IpInfo, Segment, TcpOption};

/// What is not compared, or compared loosely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) personality: Personality,
    /// Microseconds of one timestamp tick; 0: TSval is not compared.
    pub(super) timestamp_tick: u32,
    /// TSecr is compared: it is a TSval of the script's own.
    pub(super) strict: bool,
}

/// Names of the fields that differ; empty if the packet is the expected one.
pub(super) fn segment(
    rules: Rules,
    flow: &mut Flow,
    ip: &IpInfo,
    expected: &Segment,
    packet: &Seen,
    seen: &SeenSegment,
) -> Vec<String> {
    let mut differing = ip_fields(ip, packet);
    let wanted = flow.outward(expected, seen);
    let closing = is_closing_answer(rules.personality, expected, wanted.sequence, seen);
    let mut differ = |name: &str, differs: bool| {
        if differs {
            differing.push(name.to_owned());
        }
    };
    differ("flags", !closing && expected.flags != seen.flags);
    let moved = wanted.sequence.is_some_and(|sequence| sequence != seen.sequence);
    differ("seq", !closing && moved);
    differ("length", usize::try_from(expected.length) != Ok(seen.payload.len()));
    differ("ack", expected.flags.ack && wanted.ack != seen.ack);
    // FreeBSD's windows are its buffer sizes, which RFC 9293 leaves to the host.
    let windows = rules.personality == Personality::Linux;
    differ("win", windows && expected.window.is_some_and(|window| window != seen.window));
    differ("urg", expected.urgent.unwrap_or(0) != seen.urgent);
    differ("payload", seen.payload.iter().any(|byte| *byte != 0));
    if expected.options.is_some() {
        option_fields(rules, flow, &wanted.options, &seen.options, &mut differing);
    }
    differing
}

fn ip_fields(ip: &IpInfo, packet: &Seen) -> Vec<String> {
    let mut differing = Vec::new();
    let bits = packet.tos & 3;
    let ecn_fits = match ip.ecn {
        None => true,
        Some(Ecn::None) => bits == 0,
        Some(Ecn::Ect1) => bits == 1,
        Some(Ecn::Ect0) => bits == 2,
        Some(Ecn::Ce) => bits == 3,
        Some(Ecn::Ect01) => bits == 1 || bits == 2,
    };
    if !ecn_fits {
        differing.push(format!("ecn (is {bits})"));
    }
    if ip.tos.is_some_and(|tos| tos != packet.tos) {
        differing.push(format!("tos (is {:#x})", packet.tos));
    }
    if ip.ttl.is_some_and(|ttl| ttl != packet.ttl) {
        differing.push(format!("ttl (is {})", packet.ttl));
    }
    differing
}

/// In CLOSING, FreeBSD answers with its FIN again where a plain ACK after the FIN does as well.
fn is_closing_answer(
    personality: Personality,
    expected: &Segment,
    sequence: Option<u32>,
    seen: &SeenSegment,
) -> bool {
    let ack = Flags { ack: true, ..Flags::default() };
    personality == Personality::FreeBsd
        && expected.length == 0
        && expected.flags == Flags { fin: true, ..ack }
        && seen.flags == ack
        && seen.payload.is_empty()
        && sequence.is_some_and(|sequence| sequence.wrapping_add(1) == seen.sequence)
}

fn option_fields(
    rules: Rules,
    flow: &Flow,
    wanted: &[TcpOption],
    seen: &[TcpOption],
    differing: &mut Vec<String>,
) {
    let same = |wanted: &TcpOption, seen: &TcpOption| match (wanted, seen) {
        (
            TcpOption::Timestamps { value: wanted, echo: wanted_echo },
            TcpOption::Timestamps { value: seen, echo },
        ) => {
            (rules.timestamp_tick == 0 || ticks_fit(flow, *wanted, *seen))
                && (!rules.strict || wanted_echo == echo)
        }
        (TcpOption::WindowScale(_), TcpOption::WindowScale(_))
            if rules.personality == Personality::FreeBsd =>
        {
            true
        }
        _ => wanted == seen,
    };
    match rules.personality {
        Personality::Linux => {
            if wanted.len() != seen.len()
                || wanted.iter().zip(seen).any(|(wanted, seen)| !same(wanted, seen))
            {
                differing.push("options".to_owned());
            }
        }
        Personality::FreeBsd => {
            // Order and padding are each stack's own.
            let real = |option: &&TcpOption| !matches!(option, TcpOption::Eol | TcpOption::Nop);
            let mut left: Vec<&TcpOption> = seen.iter().filter(real).collect();
            for wanted in wanted.iter().filter(real) {
                match left.iter().position(|seen| same(wanted, seen)) {
                    Some(at) => {
                        left.swap_remove(at);
                    }
                    None => differing.push(format!("option {} is missing", option(wanted))),
                }
            }
            differing.extend(
                left.iter().map(|extra| format!("option {} is not expected", option(extra))),
            );
        }
    }
}

/// Timestamps advance together: what the script's did since the first, the wire's did too.
fn ticks_fit(flow: &Flow, wanted: u32, seen: u32) -> bool {
    flow.first_timestamp()
        .is_none_or(|(script, live)| wanted.wrapping_sub(script) == seen.wrapping_sub(live))
}
