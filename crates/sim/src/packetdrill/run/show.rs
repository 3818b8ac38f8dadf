//! Packets in the language's own notation, for the side-by-side of a difference.

use super::flow::Flow;
use super::observe::{Seen, SeenBody};
use crate::packetdrill::ast::{EcnCounter, Flags, TcpOption};
use core::fmt::Write;
use core::time::Duration;

/// A packet of the stack, in the script's numbers when it belongs to `flow`; `start` is time 0.
pub(super) fn seen(packet: &Seen, flow: Option<&Flow>, start: danja_wire::Instant) -> String {
    let mut text = format!("{} > ", time(packet.at.saturating_since(start)));
    match &packet.body {
        SeenBody::Tcp(segment) => {
            let raw = (segment.sequence, segment.ack, segment.options.clone());
            let (sequence, ack, options) = flow.map_or(raw, |flow| flow.in_script_numbers(segment));
            let length = segment.payload.len();
            let end = sequence.wrapping_add(length as u32);
            let _ = write!(text, "{} {sequence}:{end}({length})", flags(segment.flags));
            if segment.flags.ack {
                let _ = write!(text, " ack {ack}");
            }
            let _ = write!(text, " win {}", segment.window);
            if segment.flags.urg {
                let _ = write!(text, " urg {}", segment.urgent);
            }
            if !options.is_empty() {
                let _ = write!(text, " {}", option_list(&options));
            }
        }
        SeenBody::Udp { payload, .. } => {
            let _ = write!(text, "udp ({})", payload.len());
        }
        SeenBody::Icmp { kind, code, .. } => {
            let _ = write!(text, "icmp type {kind} code {code}");
        }
    }
    text
}

/// Seconds and microseconds.
pub(super) fn time(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

fn flags(flags: Flags) -> String {
    let letters = [
        (flags.fin, 'F'),
        (flags.syn, 'S'),
        (flags.rst, 'R'),
        (flags.psh, 'P'),
        (flags.ace & 1 != 0, 'E'),
        (flags.ace & 2 != 0, 'W'),
        (flags.ace & 4 != 0, 'A'),
        (flags.urg, 'U'),
        (flags.ack, '.'),
    ];
    let text: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| letter).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

/// Options between `<` and `>`.
pub(super) fn option_list(options: &[TcpOption]) -> String {
    let all: Vec<String> = options.iter().map(option).collect();
    format!("<{}>", all.join(","))
}

/// One option.
pub(super) fn option(option: &TcpOption) -> String {
    let hexadecimal =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match option {
        TcpOption::Eol => "eol".to_owned(),
        TcpOption::Nop => "nop".to_owned(),
        TcpOption::Mss(size) => format!("mss {size}"),
        TcpOption::WindowScale(shift) => format!("wscale {shift}"),
        TcpOption::SackPermitted => "sackOK".to_owned(),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<String> =
                blocks.iter().map(|(left, right)| format!("{left}:{right}")).collect();
            format!("sack {}", blocks.join(" "))
        }
        TcpOption::Timestamps { value, echo } => format!("TS val {value} ecr {echo}"),
        TcpOption::Md5(digest) => {
            format!("md5 {}", hexadecimal(digest.as_deref().unwrap_or_default()))
        }
        TcpOption::FastOpen(cookie) => format!("FO {}", hexadecimal(cookie)),
        TcpOption::FastOpenExperimental(cookie) => format!("FOEXP {}", hexadecimal(cookie)),
        TcpOption::AccEcn(counters) => {
            let counters: Vec<String> = counters
                .iter()
                .map(|(counter, count)| match counter {
                    EcnCounter::E0b => format!("e0b {count}"),
                    EcnCounter::E1b => format!("e1b {count}"),
                    EcnCounter::Ceb => format!("ceb {count}"),
                })
                .collect();
            format!("ECN {}", counters.join(" "))
        }
    }
}
