//! Facts in the words of a language. Decides nothing, prints nothing.

use super::fact::{
    Arp, ArpKind, Call, Change, Datagram, Direction, Fact, Found, Icmp, Layers, Lookup, Segment,
    SocketMade, Sum, TimedOut, What,
};
use super::language::{Catalog, Value};
use crate::quantity::{human_bytes, human_time};
use danja_gateway::page;
use danja_stack::SocketId;
use std::time::Duration;

/// A piece of the story: how far it is indented, and the sentence.
pub(crate) type Paragraph = (usize, String);

/// Calls that have a sentence of their own.
const CALLS: [&str; 10] = [
    "bind",
    "listen",
    "connect",
    "accept",
    "send",
    "recv",
    "shutdown",
    "shutdown-write",
    "shutdown-read",
    "close",
];

/// Told under the paragraph before.
const UNDER: usize = 2;

/// The chapter that a fact belongs to, as the key of its heading.
pub(crate) fn chapter(fact: &Fact) -> Option<&'static str> {
    match &fact.what {
        What::SocketMade(_) => Some("heading-socket"),
        What::Lookup(_) => Some("heading-name"),
        What::Datagram(datagram) if datagram.dns.is_some() => Some("heading-name"),
        What::Arp(arp) if arp.kind == ArpKind::Request => Some("heading-neighbour"),
        What::Icmp(_) => Some("heading-echo"),
        What::Layers(_) => Some("heading-data"),
        What::Sum(_) => Some("heading-sum"),
        // The resolver's question begins with this call; its ARP comes in between.
        What::Call(call) if !call.stream && call.asks_dns() => Some("heading-name"),
        What::Call(call) if call.stream && call.call == "connect" => Some("heading-connection"),
        What::Segment(segment) if segment.ends() => Some("heading-end"),
        What::Segment(_) => Some("heading-connection"),
        _ => None,
    }
}

/// The sentences of a fact.
pub(crate) fn paragraphs(fact: &Fact, catalog: &Catalog) -> Vec<Paragraph> {
    let text = Text { catalog };
    match &fact.what {
        What::SocketMade(made) => text.socket_made(made),
        What::Call(call) => text.call(call),
        What::Lookup(lookup) => text.lookup(lookup),
        What::Arp(arp) => text.arp(arp),
        What::Datagram(datagram) => text.datagram(datagram),
        What::Icmp(icmp) => text.icmp(icmp),
        What::Segment(segment) => text.segment(segment),
        What::ServerLearns { local, remote, .. } => {
            let values =
                [("local", local.to_string().into()), ("remote", remote.to_string().into())];
            vec![(0, catalog.say("server-learns", &values))]
        }
        What::Established { local, remote } => {
            let values =
                [("local", local.to_string().into()), ("remote", remote.to_string().into())];
            vec![(0, catalog.say("established", &values))]
        }
        What::TimedOut(timed_out) => text.timed_out(timed_out),
        What::Layers(layers) => text.layers(layers),
        What::Sum(sum) => text.sum(sum),
    }
}

impl Call {
    fn asks_dns(&self) -> bool {
        self.call == "connect" && self.endpoint.is_some_and(|server| server.port() == 53)
    }
}

fn descriptor(socket: u64) -> Value {
    page::descriptor(SocketId::from_bits(socket)).into()
}

impl Segment {
    const fn ends(&self) -> bool {
        self.fin || self.rst
    }
}

struct Text<'a> {
    catalog: &'a Catalog,
}

fn shown(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

/// `key` with the ending of the direction.
fn directed(key: &str, direction: Direction) -> String {
    match direction {
        Direction::Sent => format!("{key}-sent"),
        Direction::Received => format!("{key}-received"),
    }
}

impl Text<'_> {
    fn say(&self, key: &str, values: &[(&'static str, Value)]) -> String {
        self.catalog.say(key, values)
    }

    /// An amount, in words where it is small.
    fn amount(&self, count: usize) -> Value {
        if count < 1024 {
            return self.say("amount-bytes", &[("bytes", count.into())]).into();
        }
        human_bytes(count as u64).into()
    }

    fn socket_made(&self, made: &SocketMade) -> Vec<Paragraph> {
        let mut values = vec![
            ("protocol", shown(&made.protocol)),
            ("memory", made.memory.into()),
            ("socket", descriptor(made.socket)),
        ];
        let key = match made.state {
            Some(state) => {
                values.push(("state", state.into()));
                "socket-made"
            }
            None => "socket-made-stateless",
        };
        let buffers = [
            ("sent", self.amount(made.send_queue)),
            ("sendmax", self.amount(made.send_buffer_max)),
            ("received", self.amount(made.receive_queue)),
            ("receivemax", self.amount(made.receive_buffer_max)),
        ];
        vec![(0, self.say(key, &values)), (UNDER, self.say("socket-buffers", &buffers))]
    }

    fn call(&self, call: &Call) -> Vec<Paragraph> {
        let key = match (call.call, call.stream) {
            (name @ ("connect" | "close"), false) => format!("call-{name}-datagram"),
            (name, _) if CALLS.contains(&name) => format!("call-{name}"),
            _ => "call-other".to_owned(),
        };
        let values = [
            ("call", call.call.into()),
            ("socket", descriptor(call.socket)),
            ("endpoint", call.endpoint.map_or_else(|| "".into(), shown)),
            ("bytes", call.bytes.into()),
        ];
        let mut all = vec![(0, self.say(&key, &values))];
        if let Some(error) = &call.error {
            all.push((UNDER, self.say("call-failed", &[("error", shown(error))])));
        }
        self.changes(&call.changes, &mut all);
        all
    }

    fn lookup(&self, lookup: &Lookup) -> Vec<Paragraph> {
        let addresses: Vec<String> = lookup.addresses.iter().map(ToString::to_string).collect();
        let key = if lookup.error.is_none() { "lookup-found" } else { "lookup-failed" };
        let values = [
            ("name", shown(&lookup.name)),
            ("server", shown(lookup.server)),
            ("protocol", if lookup.over_tcp { "TCP" } else { "UDP" }.into()),
            ("addresses", shown(addresses.join(", "))),
            ("error", shown(lookup.error.as_deref().unwrap_or_default())),
        ];
        vec![(0, self.say(key, &values))]
    }

    fn arp(&self, arp: &Arp) -> Vec<Paragraph> {
        let key = match arp.kind {
            ArpKind::Request => "arp-request",
            ArpKind::Reply => "arp-reply",
            ArpKind::Announcement => "arp-announcement",
            ArpKind::Probe => "arp-probe",
        };
        let values = [
            ("sender", shown(arp.sender)),
            ("sendermac", shown(&arp.sender_mac)),
            ("target", shown(arp.target)),
            ("targetmac", shown(&arp.target_mac)),
        ];
        vec![(0, self.say(&directed(key, arp.direction), &values))]
    }

    fn datagram(&self, datagram: &Datagram) -> Vec<Paragraph> {
        let key = directed("datagram", datagram.direction);
        let sentence = self.say(&key, &[("bytes", datagram.bytes.into())]);
        let mut all = vec![
            (0, sentence),
            (UNDER, format!("UDP {} > {} len {}", datagram.from, datagram.to, datagram.bytes)),
        ];
        if let Some(dns) = &datagram.dns {
            all.push((UNDER, self.say("dns-message", &[("dns", shown(dns))])));
        }
        all.push((UNDER, self.found(datagram.direction, &datagram.found)));
        self.changes(&datagram.changes, &mut all);
        all
    }

    fn icmp(&self, icmp: &Icmp) -> Vec<Paragraph> {
        let values =
            [("from", shown(icmp.from)), ("to", shown(icmp.to)), ("message", shown(&icmp.message))];
        vec![(0, self.say(&directed("icmp", icmp.direction), &values))]
    }

    fn segment(&self, segment: &Segment) -> Vec<Paragraph> {
        let kind = match segment {
            _ if segment.rst => "segment-rst",
            _ if segment.syn && segment.ack.is_some() => "segment-synack",
            _ if segment.syn => "segment-syn",
            _ if segment.fin => "segment-fin",
            _ if segment.bytes > 0 => "segment-data",
            _ => "segment-ack",
        };
        let values = [
            ("from", shown(segment.from)),
            ("seq", shown(segment.seq)),
            ("ack", segment.ack.map_or_else(|| "".into(), shown)),
            ("bytes", segment.bytes.into()),
        ];
        let mut all = vec![
            (0, self.say(&directed(kind, segment.direction), &values)),
            (UNDER, segment_words(segment)),
            (UNDER, self.found(segment.direction, &segment.found)),
        ];
        self.changes(&segment.changes, &mut all);
        all
    }

    fn found(&self, direction: Direction, found: &Found) -> String {
        let (key, socket, state) = match (direction, found) {
            (Direction::Received, Found::Connection { socket: Some(socket), state }) => {
                ("found-connection", Some(*socket), *state)
            }
            (Direction::Received, Found::Connection { socket: None, state }) => {
                ("found-record", None, *state)
            }
            (Direction::Received, Found::Socket { socket, state: Some("LISTEN") }) => {
                ("found-listener", *socket, None)
            }
            (Direction::Received, Found::Socket { socket, .. }) => ("found-socket", *socket, None),
            (Direction::Received, Found::Nobody) => ("found-nobody", None, None),
            (Direction::Sent, Found::Connection { socket: Some(socket), state }) => {
                ("sent-by", Some(*socket), *state)
            }
            (Direction::Sent, Found::Connection { socket: None, state }) => {
                ("sent-by-record", None, *state)
            }
            (Direction::Sent, Found::Socket { socket, .. }) => ("sent-by-socket", *socket, None),
            (Direction::Sent, Found::Nobody) => ("sent-by-nobody", None, None),
        };
        let values = [
            ("socket", socket.map_or_else(|| "?".into(), descriptor)),
            ("state", state.unwrap_or("?").into()),
        ];
        self.say(key, &values)
    }

    fn timed_out(&self, timed_out: &TimedOut) -> Vec<Paragraph> {
        let values = [("local", shown(timed_out.local)), ("remote", shown(timed_out.remote))];
        let mut all = vec![(0, self.say("timed-out", &values))];
        self.changes(&timed_out.changes, &mut all);
        all
    }

    fn changes(&self, changes: &[Change], all: &mut Vec<Paragraph>) {
        if changes.is_empty() {
            return;
        }
        let nothing = self.say("nothing", &[]);
        let list: Vec<String> = changes
            .iter()
            .map(|Change { name, before, after }| {
                let before = before.as_deref().unwrap_or(&nothing);
                let after = after.as_deref().unwrap_or(&nothing);
                // Kept together on one line.
                format!("{name}:\u{a0}{before}\u{a0}→\u{a0}{after}").replace(' ', "\u{a0}")
            })
            .collect();
        all.push((UNDER, format!("{} {}", self.say("changes", &[]), list.join(" · "))));
    }

    fn layers(&self, layers: &Layers) -> Vec<Paragraph> {
        let (title, ending) = match layers.direction {
            Direction::Sent => ("layers-down", "down"),
            Direction::Received => ("layers-up", "up"),
        };
        // Before `accept`, and after `close`, a connection has none.
        let queue = if layers.socket.is_some() { "socket" } else { "record" };
        let layer = |name: &str, header: usize, words: String| {
            let values = [
                ("socket", layers.socket.map_or_else(|| "".into(), descriptor)),
                ("data", layers.data.into()),
                ("header", header.into()),
                ("words", Value::Text(words)),
                ("driver", shown(&layers.driver)),
                ("interface", shown(&layers.interface)),
                ("total", layers.total.into()),
            ];
            (UNDER, self.say(&format!("layer-{name}-{ending}"), &values))
        };
        let tcp = format!(
            "port {} > {} {} seq {} ack {} win {} <{}>",
            layers.from.port(),
            layers.to.port(),
            layers.flags,
            layers.seq,
            layers.ack,
            layers.window,
            layers.options
        );
        let ip = format!(
            "{} > {} ttl {} id {} protocol 6 (TCP)",
            layers.from.ip(),
            layers.to.ip(),
            layers.ttl,
            layers.identification
        );
        let mut steps = vec![
            layer(queue, 0, String::new()),
            layer("tcp", layers.tcp_header, tcp),
            layer("ip", layers.ip_header, ip),
        ];
        if let (Some(from), Some(to)) = (&layers.source_mac, &layers.destination_mac) {
            steps.push(layer(
                "frame",
                layers.frame_header,
                format!("{from} > {to} type 0x0800 (IPv4)"),
            ));
        }
        steps.push(layer("driver", 0, String::new()));
        if layers.cut_to > 0 {
            steps.push((UNDER + 2, self.say("layer-cut", &[("size", layers.cut_to.into())])));
        }
        if layers.checksum_left {
            steps.push((UNDER + 2, self.say("layer-checksum", &[])));
        }
        steps.push(layer("adapter", 0, String::new()));
        if layers.direction == Direction::Received {
            // Remarks stay under the driver's line.
            steps.retain(|(indent, _)| *indent == UNDER);
            steps.reverse();
        }
        let mut all = vec![(0, self.say(title, &[]))];
        all.extend(steps);
        self.changes(&layers.changes, &mut all);
        all
    }

    fn sum(&self, sum: &Sum) -> Vec<Paragraph> {
        let time = |nanoseconds: u64| human_time(Duration::from_nanos(nanoseconds));
        let values = [
            ("local", shown(sum.local)),
            ("remote", shown(sum.remote)),
            ("sent", sum.bytes_sent.into()),
            ("acked", sum.bytes_acked.into()),
            ("received", sum.bytes_received.into()),
            ("out", sum.segments_sent.into()),
            ("in", sum.segments_received.into()),
            ("again", sum.retransmissions.into()),
            ("time", time(sum.nanoseconds).into()),
            ("rtt", sum.srtt.map_or_else(|| "?".to_owned(), time).into()),
            ("state", sum.state.unwrap_or("?").into()),
        ];
        let state = if sum.state == Some("TIME-WAIT") { "sum-time-wait" } else { "sum-state" };
        vec![
            (0, self.say("sum-bytes", &values)),
            (UNDER, self.say("sum-segments", &values)),
            (UNDER, self.say(state, &values)),
        ]
    }
}

/// A segment as a line, the same in every language.
fn segment_words(segment: &Segment) -> String {
    let mut line =
        format!("TCP {} > {} {} seq {}", segment.from, segment.to, segment.flags, segment.seq);
    if let Some(ack) = segment.ack {
        line.push_str(&format!(" ack {ack}"));
    }
    line.push_str(&format!(" win {} len {}", segment.window, segment.bytes));
    if !segment.options.is_empty() {
        line.push_str(&format!(" <{}>", segment.options));
    }
    line
}
