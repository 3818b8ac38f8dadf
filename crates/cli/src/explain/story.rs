//! The storyteller: turns what happens at the hosts into facts worth telling, each once. Prints
//! nothing, knows no language.

use super::changes::changes;
use super::dns;
use super::fact::{Call, Datagram, Direction, Fact, Icmp, Lookup, Segment, TimedOut, What};
use super::made::{
    Lengths, arp_fact, found, gone, is_small, layers_fact, small_record, socket_made, sum,
};
use super::memory::{End, Memory};
use super::packet::{Body, Packet, endpoints};
use danja::observe::{self, CallEvent, ChangeEvent, FrameEvent, Observed, Outcome};
use danja_stack::socket::{Shutdown, SocketKind};
use danja_stack::views::{ControlInfo, TcpState};
use danja_wire::tcp::Flags;
use danja_wire::{Instant, ipv4, tcp};
use std::net::SocketAddr;

/// What has been seen and told so far.
#[derive(Default)]
pub(crate) struct Story {
    memory: Memory,
    /// The data segment that went down, and up, through the layers: its sender and number.
    down: Option<(SocketAddr, u32)>,
    up: bool,
}

impl Story {
    /// Takes note of what happened at a host and hands each fact worth telling to `tell`.
    /// `driver` says what carries the frames of an interface, such as `cable`.
    pub(crate) fn on(
        &mut self,
        host: &str,
        now: Instant,
        event: &Observed<'_>,
        driver: &dyn Fn(&str) -> String,
        tell: &mut dyn FnMut(Fact),
    ) {
        let mut tell = |what| tell(Fact { host: host.to_owned(), at: now.as_nanos(), what });
        let frame = |direction, frame| Seen { host, now, direction, driver, frame };
        match event {
            Observed::Call(call) => self.on_call(host, now, call, &mut tell),
            Observed::Received(event) => {
                self.on_frame(&frame(Direction::Received, event), &mut tell);
            }
            Observed::Transmitted(event) => {
                self.on_frame(&frame(Direction::Sent, event), &mut tell)
            }
            Observed::TimedOut(change) => self.on_timeout(host, now, change, &mut tell),
            Observed::Lookup(lookup) => tell(What::Lookup(Lookup {
                name: lookup.name.to_owned(),
                server: lookup.server,
                over_tcp: lookup.over_tcp,
                addresses: lookup.answer.unwrap_or_default().to_vec(),
                error: lookup.answer.err().map(str::to_owned),
            })),
            _ => {}
        }
    }

    fn on_call(
        &mut self,
        host: &str,
        now: Instant,
        event: &CallEvent<'_>,
        tell: &mut dyn FnMut(What),
    ) {
        let Some(socket) = event.socket.map(|socket| socket.to_bits()) else { return };
        let (endpoint, bytes) = match (event.call, event.outcome) {
            (observe::Call::Socket(..), _) => {
                event.after.iter().for_each(|info| tell(socket_made(socket, info)));
                return;
            }
            (observe::Call::Accept, Outcome::Accepted(new, peer)) => {
                let call =
                    Told { name: "accept", socket: new.to_bits(), endpoint: Some(*peer), bytes: 0 };
                return self.tell_call(host, now, &call, event.accepted, event, tell);
            }
            // Only waiting: it found nothing, and changed nothing.
            (observe::Call::Accept | observe::Call::Option(_) | observe::Call::TakeError, _)
            | (_, Outcome::Waits)
                if !matches!(event.call, observe::Call::Connect(_)) =>
            {
                return;
            }
            // The port is the stack's to choose where none was asked for.
            (observe::Call::Bind(local), _) => {
                (event.after.and_then(|info| info.local).or(Some(local)), 0)
            }
            (observe::Call::Connect(remote), _) => (Some(remote), 0),
            (observe::Call::Send { to, .. }, Outcome::Bytes(bytes)) if *bytes > 0 => (to, *bytes),
            (observe::Call::Receive { peek: false, .. }, Outcome::Bytes(bytes)) if *bytes > 0 => {
                (None, *bytes)
            }
            (observe::Call::Send { .. } | observe::Call::Receive { .. }, _) => return,
            _ => (None, 0),
        };
        let name = match event.call {
            observe::Call::Shutdown(Shutdown::Write) => "shutdown-write",
            observe::Call::Shutdown(Shutdown::Read) => "shutdown-read",
            call => call.name(),
        };
        let call = Told { name, socket, endpoint, bytes };
        self.tell_call(host, now, &call, event.after, event, tell);
    }

    fn tell_call(
        &mut self,
        host: &str,
        now: Instant,
        call: &Told,
        after: Option<&ControlInfo>,
        event: &CallEvent<'_>,
        tell: &mut dyn FnMut(What),
    ) {
        let known = after.or(event.before);
        let stream = known.is_some_and(|info| info.kind == SocketKind::Stream);
        let end = known.filter(|_| stream).and_then(|info| Some((info.local?, info.remote?)));
        let mut before = event.before.cloned();
        if let Some((local, remote)) = end {
            let connection = self.memory.connection(host, local, remote, now);
            if call.name == "accept" {
                before = connection.last.clone();
            }
            if after.is_some() {
                connection.remember(after);
            }
            // Data calls are told once, and all together in the sum.
            let repeats = matches!(call.name, "send" | "recv" | "connect");
            if !connection.is_told() || (repeats && connection.calls.contains(&call.name)) {
                return;
            }
            connection.calls.push(call.name);
        }
        let error = match event.outcome {
            Outcome::Failed(error) => Some(error.to_string()),
            _ => None,
        };
        // An option that leaves the control information as it is, is no part of the story.
        if call.name == "setsockopt" && event.before == after {
            return;
        }
        tell(What::Call(Call {
            call: call.name,
            socket: call.socket,
            stream,
            endpoint: call.endpoint,
            bytes: call.bytes,
            error,
            changes: if after.is_some() || before.is_none() {
                changes(before.as_ref(), after, now)
            } else {
                gone(before.as_ref())
            },
        }));
    }

    /// Timers that only move data along are left to the sum; what changes a state, sends again
    /// or ends a connection is told.
    fn on_timeout(
        &mut self,
        host: &str,
        now: Instant,
        event: &ChangeEvent<'_>,
        tell: &mut dyn FnMut(What),
    ) {
        let Some(known) = event.after.or(event.before) else { return };
        let (Some(local), Some(remote)) = (known.local, known.remote) else { return };
        let weight = |info: &ControlInfo| {
            let again = info.tcp.as_ref().map(|tcp| (tcp.backoff, tcp.total_retransmissions));
            (info.state, again, info.error)
        };
        if event.before.map(weight) == event.after.map(weight) {
            return;
        }
        let connection = self.memory.connection(host, local, remote, now);
        connection.remember(event.after);
        if connection.is_told() {
            let changes = match event.after {
                Some(_) => changes(event.before, event.after, now),
                None => gone(event.before),
            };
            tell(What::TimedOut(TimedOut { local, remote, changes }));
        }
    }

    fn on_frame(&mut self, seen: &Seen<'_>, tell: &mut dyn FnMut(What)) {
        let packet = Packet::read(seen.frame.frame, seen.frame.medium);
        match &packet.body {
            Body::Arp(arp) => tell(What::Arp(arp_fact(seen.direction, arp))),
            Body::Icmp { ip, text } => tell(What::Icmp(Icmp {
                direction: seen.direction,
                from: ip.source.into(),
                to: ip.destination.into(),
                message: text.clone(),
            })),
            Body::Udp { ip, udp, data } => {
                let (from, to) = endpoints(ip, udp.source_port, udp.destination_port);
                let of_dns = from.port() == 53 || to.port() == 53;
                tell(What::Datagram(Datagram {
                    direction: seen.direction,
                    from,
                    to,
                    bytes: data.len(),
                    dns: of_dns.then(|| dns::words(data)).flatten(),
                    found: found(seen.frame.before, None),
                    changes: changes(seen.frame.before, seen.frame.after, seen.now),
                }));
            }
            Body::Tcp { ip, tcp, header_len, data } => {
                let layers = Lengths { tcp: *header_len, data: *data };
                self.on_segment(seen, &packet, (ip, tcp, layers), tell);
            }
            Body::Other => {}
        }
    }

    fn on_segment(
        &mut self,
        seen: &Seen<'_>,
        packet: &Packet,
        (ip, tcp, lengths): (&ipv4::Header, &tcp::Header, Lengths),
        tell: &mut dyn FnMut(What),
    ) {
        let (from, to) = endpoints(ip, tcp.source_port, tcp.destination_port);
        let (local, remote) = match seen.direction {
            Direction::Sent => (from, to),
            Direction::Received => (to, from),
        };
        let ours = |info: &&ControlInfo| info.local == Some(local) && info.remote == Some(remote);
        let peer_is_ours = self.memory.knows(remote, local);
        let connection = self.memory.connection(seen.host, local, remote, seen.now);
        let before = seen.frame.before.filter(ours);
        let after = seen.frame.after.filter(ours);
        connection.latest = seen.now;
        let setup = !connection.opened;
        connection.opened |= !tcp.flags.contains(Flags::SYN);
        connection.ending |= tcp.flags.intersects(Flags::FIN.union(Flags::RST));
        let told = (setup
            || (connection.ending && lengths.data == 0)
            || tcp.flags.intersects(Flags::FIN.union(Flags::RST)))
            && connection.is_told();
        let changed = match (before, after) {
            (Some(_), None) => gone(before),
            (Some(_), Some(info)) if is_small(info) => {
                small_record(changes(before, after, seen.now))
            }
            _ => changes(before, after, seen.now),
        };
        connection.count(seen.direction, packet.segment_size, lengths.data);
        connection.remember(after);
        let found = found(before.or(seen.frame.before), Some((local, remote)));
        let layers = lengths.data > 0
            && match seen.direction {
                Direction::Sent => self.down.is_none(),
                // One and the same segment goes down here and up there, if both ends are ours.
                Direction::Received => {
                    !self.up && (!peer_is_ours || self.down == Some((from, tcp.sequence.0)))
                }
            };
        if layers {
            match seen.direction {
                Direction::Sent => self.down = Some((from, tcp.sequence.0)),
                Direction::Received => self.up = true,
            }
            tell(What::Layers(layers_fact(seen, packet, (ip, tcp, lengths), changed)));
        } else if told {
            tell(What::Segment(Segment {
                direction: seen.direction,
                from,
                to,
                flags: tcp.flags.to_string(),
                syn: tcp.flags.contains(Flags::SYN),
                fin: tcp.flags.contains(Flags::FIN),
                rst: tcp.flags.contains(Flags::RST),
                seq: tcp.sequence.0,
                ack: tcp.flags.contains(Flags::ACK).then_some(tcp.acknowledgment.0),
                window: tcp.window,
                bytes: lengths.data,
                options: tcp.options.to_string(),
                found,
                changes: changed,
            }));
        }
        let state = |info: Option<&ControlInfo>| info.and_then(|info| info.state);
        let (old, new) = (state(before), state(after));
        if told && seen.direction == Direction::Received && before.is_none() {
            let listener = seen.frame.before.filter(|info| info.state == Some(TcpState::Listen));
            if let (Some(listener), Some(_)) = (listener, after) {
                let listener = listener.socket.map(|socket| socket.to_bits());
                tell(What::ServerLearns { listener, local, remote });
            }
        }
        let opening = matches!(old, Some(TcpState::SynSent | TcpState::SynReceived));
        if told && opening && new == Some(TcpState::Established) {
            tell(What::Established { local, remote });
        }
        if before.is_some() && after.is_none() {
            self.finish(&(seen.host.to_owned(), local, remote), tell);
        }
    }

    /// Tells a connection in sum and forgets it.
    fn finish(&mut self, end: &End, tell: &mut dyn FnMut(What)) {
        if let Some(connection) = self.memory.forget(end)
            && let Some(sum) = sum(end, &connection)
        {
            tell(What::Sum(sum));
        }
    }

    /// The story ends: what is left is told in sum, in the order it began.
    pub(crate) fn end(&mut self, tell: &mut dyn FnMut(Fact)) {
        for (end, latest) in self.memory.ends() {
            let at = latest.as_nanos();
            self.finish(&end, &mut |what| tell(Fact { host: end.0.clone(), at, what }));
        }
    }
}

/// A frame and where it was seen.
pub(super) struct Seen<'a> {
    pub(super) host: &'a str,
    pub(super) now: Instant,
    pub(super) direction: Direction,
    pub(super) driver: &'a dyn Fn(&str) -> String,
    pub(super) frame: &'a FrameEvent<'a>,
}

/// A call that is worth telling.
struct Told {
    name: &'static str,
    socket: u64,
    endpoint: Option<SocketAddr>,
    bytes: usize,
}
