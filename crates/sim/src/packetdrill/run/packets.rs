//! Packets of a script: which connection they belong to, giving them to the stack, and finding
//! the one the stack sent.

use super::application::Subject;
use super::build::{self, Numbers};
use super::clock::Due;
use super::compare::{self, Rules};
use super::flow::Flow;
use super::machine::{LOCAL, Machine, PORT, REMOTE};
use super::observe::{Seen, SeenBody, SeenSegment, observe};
use super::{Stop, icmp, show};
use crate::packetdrill::ast::{Body, Packet, Segment, TcpOption};
use std::collections::VecDeque;
use std::net::SocketAddrV4;

/// Ports that the script's side of passive connections gets.
const FIRST_REMOTE_PORT: u16 = 50_001;

/// The connections of a script, and what the stack sent.
pub(super) struct Packets {
    rules: Rules,
    strict_segments: bool,
    /// Connections whose ports the script writes, source as the script's side sends.
    named: Vec<((u16, u16), Flow)>,
    /// The connection under test, for packets without ports.
    current: Option<Flow>,
    /// The next SYN begins a passive connection.
    fresh: bool,
    next_port: u16,
    /// Read from the machine and not asked for yet.
    waiting: VecDeque<Seen>,
    /// Passed over because they belong to nothing the script asked for.
    stray: Vec<Seen>,
}

impl Packets {
    pub(super) const fn new(rules: Rules, strict_segments: bool) -> Self {
        Self {
            rules,
            strict_segments,
            named: Vec::new(),
            current: None,
            fresh: false,
            next_port: FIRST_REMOTE_PORT,
            waiting: VecDeque::new(),
            stray: Vec::new(),
        }
    }

    /// Another connection is under test from now on.
    pub(super) fn begin(&mut self, subject: Subject) {
        match subject {
            Subject::Active(local, remote) => self.current = Some(Flow::new(local, remote)),
            Subject::Passive => self.fresh = true,
        }
    }

    /// The connection of a packet of the script; `ports` are the stack's and the script's.
    fn flow(&mut self, ports: Option<(u16, u16)>, begins: bool) -> &mut Flow {
        if let Some(key) = ports {
            let at = self.named.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                let (local, remote) = key;
                let flow =
                    Flow::new(SocketAddrV4::new(LOCAL, local), SocketAddrV4::new(REMOTE, remote));
                self.named.push((key, flow));
                self.named.len() - 1
            });
            return &mut self.named[at].1;
        }
        if begins && self.fresh {
            self.fresh = false;
            self.current = None;
        }
        let port = &mut self.next_port;
        self.current.get_or_insert_with(|| {
            let remote = SocketAddrV4::new(REMOTE, *port);
            *port = port.wrapping_add(1);
            Flow::new(SocketAddrV4::new(LOCAL, PORT), remote)
        })
    }

    /// Gives the stack a packet of the script.
    pub(super) fn give(&mut self, machine: &mut Machine, packet: &Packet) -> Result<(), Stop> {
        simulated(packet)?;
        let (source, destination, protocol, bytes) = match &packet.body {
            Body::Tcp(segment) => {
                let begins = segment.flags.syn && !segment.flags.ack;
                let flow = self
                    .flow(segment.ports.map(|(source, destination)| (destination, source)), begins);
                (flow.remote, flow.local, 6, segment_bytes(flow, segment)?)
            }
            Body::Udp { ports, length } => {
                fits(usize::from(*length) + 8)?;
                let flow =
                    self.flow(ports.map(|(source, destination)| (destination, source)), false);
                (
                    flow.remote,
                    flow.local,
                    17,
                    build::udp(flow.remote, flow.local, usize::from(*length)),
                )
            }
            Body::Icmp(message) => {
                let flow = self.flow(None, false);
                let bytes = icmp::bytes(message, flow)?;
                fits(bytes.len())?;
                (flow.remote, flow.local, 1, bytes)
            }
        };
        machine.receive(build::ipv4(&packet.ip, *source.ip(), *destination.ip(), protocol, &bytes));
        Ok(())
    }

    /// Looks for the packet that the script expects among what the stack has sent; `false` if
    /// nothing of its connection has come yet, or (with `whole`) only pieces of it.
    pub(super) fn expect(
        &mut self,
        machine: &mut Machine,
        packet: &Packet,
        due: Due,
        whole: bool,
    ) -> Result<bool, Stop> {
        simulated(packet)?;
        self.read(machine)?;
        let (seen, flow, differing) = match &packet.body {
            Body::Tcp(segment) => {
                let Some(seen) = self.take_segment(segment, whole) else { return Ok(false) };
                let rules = self.rules;
                let flow = self.flow(segment.ports, false);
                let SeenBody::Tcp(found) = &seen.body else { return Ok(false) };
                let differing = compare::segment(rules, flow, &packet.ip, segment, &seen, found);
                if differing.is_empty() {
                    flow.matched(segment, found);
                }
                (seen, Some(flow.clone()), differing)
            }
            Body::Udp { ports, length } => {
                let flow = self.flow(*ports, false).clone();
                let Some(seen) = self.take(|seen| is_of_udp(seen, &flow)) else { return Ok(false) };
                let differs = matches!(&seen.body, SeenBody::Udp { payload, .. } if payload.len() != usize::from(*length));
                (seen, None, if differs { vec!["length".to_owned()] } else { Vec::new() })
            }
            Body::Icmp(message) => {
                let Some(seen) = self.take(|seen| matches!(seen.body, SeenBody::Icmp { .. }))
                else {
                    return Ok(false);
                };
                let differing = icmp::differences(message, &seen)?;
                (seen, None, differing)
            }
        };
        let shown = show::seen(&seen, flow.as_ref(), Machine::start());
        if !differing.is_empty() {
            return Err(Stop::Differ(
                format!("the packet differs: {}", differing.join(", ")),
                shown,
            ));
        }
        if !due.allows(seen.at) {
            let at = |at: danja_wire::Instant| show::time(at.saturating_since(Machine::start()));
            let reason =
                format!("the packet left at {}, expected at {}", at(seen.at), at(due.from));
            return Err(Stop::Differ(reason, shown));
        }
        Ok(true)
    }

    /// The first packet that the script never asked for.
    pub(super) fn left_over(
        &mut self,
        machine: &mut Machine,
    ) -> Result<Option<String>, (usize, Stop)> {
        self.read(machine).map_err(|stop| (0, stop))?;
        let first = self.stray.first().or_else(|| self.waiting.front());
        Ok(first.map(|seen| show::seen(seen, self.current.as_ref(), Machine::start())))
    }

    /// Reads what the machine sent; a malformed packet is a failure whether expected or not.
    fn read(&mut self, machine: &mut Machine) -> Result<(), Stop> {
        while let Some((at, bytes)) = machine.sent.pop_front() {
            let seen = observe(at, &bytes)
                .map_err(|what| Stop::Fail(format!("the stack sent a bad packet: {what}")))?;
            self.waiting.push_back(seen);
        }
        Ok(())
    }

    /// The next waiting packet that `belongs`; those before it are passed over.
    fn take(&mut self, belongs: impl Fn(&Seen) -> bool) -> Option<Seen> {
        let at = self.waiting.iter().position(belongs)?;
        self.stray.extend(self.waiting.drain(..at));
        self.waiting.pop_front()
    }

    /// The next segment of the connection; if it is shorter than expected, segments that go on
    /// where it ends are joined to it, as an adapter that cuts large segments would show them.
    /// With `whole`, none as long as further pieces may come.
    fn take_segment(&mut self, expected: &Segment, whole: bool) -> Option<Seen> {
        let flow = self.flow(expected.ports, false).clone();
        let wanted = usize::try_from(expected.length).unwrap_or(usize::MAX);
        let mut pieces = self.waiting.iter().filter(|seen| segment_of(seen, &flow).is_some());
        let mut joined = pieces.next()?.clone();
        let SeenBody::Tcp(segment) = &mut joined.body else { return None };
        let size = segment.payload.len();
        let mut count = 1;
        let mut last = if self.strict_segments { 0 } else { size };
        while size > 0 && last == size && segment.payload.len() < wanted {
            let Some(next) = pieces.next().and_then(|seen| segment_of(seen, &flow)) else {
                if whole {
                    return None;
                }
                break;
            };
            let end = segment.sequence.wrapping_add(segment.payload.len() as u32);
            last = next.payload.len();
            if next.sequence != end || last == 0 || last > size {
                break;
            }
            segment.payload.extend_from_slice(&next.payload);
            segment.flags.psh |= next.flags.psh;
            segment.flags.fin |= next.flags.fin;
            count += 1;
        }
        for _ in 0..count {
            self.take(|seen| segment_of(seen, &flow).is_some());
        }
        Some(joined)
    }
}

fn segment_of<'a>(seen: &'a Seen, flow: &Flow) -> Option<&'a SeenSegment> {
    let SeenBody::Tcp(segment) = &seen.body else { return None };
    let ours = (
        SocketAddrV4::new(seen.source, segment.ports.0),
        SocketAddrV4::new(seen.destination, segment.ports.1),
    );
    (ours == (flow.local, flow.remote)).then_some(segment)
}

fn is_of_udp(seen: &Seen, flow: &Flow) -> bool {
    matches!(&seen.body, SeenBody::Udp { ports, .. }
        if (SocketAddrV4::new(seen.source, ports.0), SocketAddrV4::new(seen.destination, ports.1))
            == (flow.local, flow.remote))
}

/// What this runner does not build or read.
fn simulated(packet: &Packet) -> Result<(), Stop> {
    if !packet.outer.is_empty() {
        return Err(Stop::Skip("packets in packets are not simulated".to_owned()));
    }
    if packet.in_udp.is_some() {
        return Err(Stop::Skip("TCP in UDP is not simulated".to_owned()));
    }
    if packet.ip.flow_label.is_some() {
        return Err(Stop::Skip("flow labels are IPv6's".to_owned()));
    }
    if let Body::Tcp(segment) = &packet.body
        && segment.options.iter().flatten().any(|option| matches!(option, TcpOption::Md5(None)))
    {
        return Err(Stop::Skip("MD5 signatures are not simulated".to_owned()));
    }
    Ok(())
}

fn segment_bytes(flow: &mut Flow, segment: &Segment) -> Result<Vec<u8>, Stop> {
    let translated = flow.inward(segment)?;
    let numbers = Numbers {
        sequence: translated.sequence.unwrap_or(0),
        ack: translated.ack,
        flags: segment.flags,
        window: segment.window.unwrap_or(0),
        urgent: segment.urgent.unwrap_or(0),
    };
    let length = usize::try_from(segment.length).unwrap_or(usize::MAX);
    fits(length.saturating_add(60))?;
    Ok(build::tcp(flow.remote, flow.local, &numbers, &translated.options, length))
}

/// Whether so many bytes fit behind an IPv4 header.
fn fits(bytes: usize) -> Result<(), Stop> {
    if bytes <= usize::from(u16::MAX) - 20 {
        return Ok(());
    }
    Err(Stop::Skip(format!("{bytes} bytes do not fit into an IPv4 packet")))
}
