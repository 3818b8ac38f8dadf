//! Two stacks joined over IP interfaces, moving frames by hand in virtual time.

use crate::config::Config;
use crate::event::{Event, Ready};
use crate::interface::{InterfaceId, Medium, Room};
use crate::socket::{
    ConnectError, Domain, RecvError, RecvFlags, SendError, SendFlags, SocketId, SocketKind,
};
use crate::views::TcpState;
use crate::{InterfaceConfig, Seeds, Stack};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use danja_wire::ip::Cidr;
use danja_wire::tcp::{Flags, Header};
use danja_wire::{Frame, Instant, Payload};
use std::collections::{BTreeMap, BinaryHeap};
use std::vec::Vec;

pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;
pub(super) const PORT: u16 = 80;

/// What a link does to a frame: delays after which copies arrive (none: lost).
pub(super) type Fate = std::boxed::Box<dyn FnMut(usize, &Frame, u64) -> Vec<Duration>>;

struct Flying {
    at: Instant,
    number: u64,
    to: usize,
    frame: Frame,
}

impl PartialEq for Flying {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Flying {}
impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Flying {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// A segment that was seen on the link.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) from: usize,
    pub(super) header: Header,
    pub(super) data: Vec<u8>,
}

/// Two hosts and what flies between them.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) stacks: [Stack; 2],
    pub(super) interface: InterfaceId,
    flying: BinaryHeap<Flying>,
    number: u64,
    fate: Fate,
    pub(super) seen: Vec<Seen>,
    pub(super) ready: [BTreeMap<SocketId, Ready>; 2],
    pub(super) events: [Vec<Event>; 2],
}

pub(super) const fn address(side: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + side as u8))
}

impl Pair {
    pub(super) fn new() -> Self {
        Self::with(Config::default(), Config::default(), 1_500)
    }

    pub(super) fn with(client: Config, server: Config, mtu: usize) -> Self {
        Self::with_interfaces([client, server], |side| {
            InterfaceConfig::new("lan0", Medium::Ip, mtu)
                .address(Cidr::new(address(side), 24).unwrap())
        })
    }

    pub(super) fn with_interfaces(
        configs: [Config; 2],
        interface: impl Fn(usize) -> InterfaceConfig,
    ) -> Self {
        Self::at(Instant::from_secs(1_000), configs, interface)
    }

    pub(super) fn at(
        now: Instant,
        configs: [Config; 2],
        interface: impl Fn(usize) -> InterfaceConfig,
    ) -> Self {
        let mut id = InterfaceId::LOOPBACK;
        let mut side = 0;
        let stacks = configs.map(|config| {
            let mut stack = Stack::new(config, Seeds::from_u64(side as u64 + 7));
            id = stack.add_interface(interface(side), now).unwrap();
            side += 1;
            stack
        });
        Self {
            now,
            stacks,
            interface: id,
            flying: BinaryHeap::new(),
            number: 0,
            fate: std::boxed::Box::new(|_, _, _| std::vec![Duration::from_millis(5)]),
            seen: Vec::new(),
            ready: Default::default(),
            events: Default::default(),
        }
    }

    /// What happens to frames from now on.
    pub(super) fn link(&mut self, fate: impl FnMut(usize, &Frame, u64) -> Vec<Duration> + 'static) {
        self.fate = std::boxed::Box::new(fate);
    }

    /// Polls everything that is ready now.
    pub(super) fn poll(&mut self) {
        for side in [CLIENT, SERVER] {
            while let Some(frame) =
                self.stacks[side].poll_transmit(self.interface, Room::UNLIMITED, self.now)
            {
                self.note(side, &frame);
                self.number += 1;
                for delay in (self.fate)(side, &frame, self.number) {
                    self.number += 1;
                    self.flying.push(Flying {
                        at: self.now + delay,
                        number: self.number,
                        to: 1 - side,
                        frame: frame.clone(),
                    });
                }
            }
            while let Some(event) = self.stacks[side].poll_event() {
                if let Event::Socket { socket, ready } = event {
                    let bits = self.ready[side].entry(socket).or_default();
                    *bits = bits.with(ready);
                }
                self.events[side].push(event);
            }
        }
    }

    fn note(&mut self, from: usize, frame: &Frame) {
        let bytes = frame.to_vec();
        if bytes.get(9) != Some(&6) {
            return;
        }
        let ip_len = usize::from(bytes[0] & 15) * 4;
        let (header, len) = Header::parse(&bytes[ip_len..]).unwrap();
        let data = bytes[ip_len + len..].to_vec();
        self.seen.push(Seen { at: self.now, from, header, data });
    }

    /// When something happens next.
    fn next(&mut self) -> Option<Instant> {
        let flying = self.flying.peek().map(|flying| flying.at);
        let timers = self.stacks.iter().filter_map(|stack| stack.poll_timeout());
        timers.chain(flying).min()
    }

    /// One step: everything at the next moment. `false` when nothing will ever happen, or not
    /// before `until`.
    pub(super) fn step(&mut self, until: Instant) -> bool {
        self.poll();
        let Some(at) = self.next().filter(|at| *at <= until) else { return false };
        self.now = self.now.max(at);
        let mut batches: [Vec<Frame>; 2] = Default::default();
        while self.flying.peek().is_some_and(|flying| flying.at <= self.now) {
            let flying = self.flying.pop().unwrap();
            batches[flying.to].push(flying.frame);
        }
        for (side, mut batch) in batches.into_iter().enumerate() {
            if !batch.is_empty() {
                self.stacks[side].receive(self.interface, &mut batch, self.now);
            }
        }
        for stack in &mut self.stacks {
            if stack.poll_timeout().is_some_and(|at| at <= self.now) {
                stack.handle_timeout(self.now);
            }
        }
        self.poll();
        true
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.step(until) {}
        self.now = until;
        for stack in &mut self.stacks {
            stack.handle_timeout(until);
        }
        self.poll();
    }

    pub(super) fn run_ms(&mut self, milliseconds: u64) {
        self.run(Duration::from_millis(milliseconds));
    }

    // ---- calls ----

    pub(super) fn socket(&mut self, side: usize) -> SocketId {
        self.stacks[side].socket(Domain::Ipv4, SocketKind::Stream, self.now).unwrap()
    }

    pub(super) fn listen(&mut self, backlog: usize) -> SocketId {
        let listener = self.socket(SERVER);
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
        self.stacks[SERVER].bind(listener, local, self.now).unwrap();
        self.stacks[SERVER].listen(listener, backlog, self.now).unwrap();
        listener
    }

    pub(super) fn connect(&mut self) -> SocketId {
        let client = self.socket(CLIENT);
        let remote = SocketAddr::new(address(SERVER), PORT);
        let begun = self.stacks[CLIENT].connect(client, remote, self.now);
        assert_eq!(begun, Err(ConnectError::InProgress));
        client
    }

    /// A client's and a server's socket that are connected, and the listener.
    pub(super) fn connected(&mut self) -> (SocketId, SocketId, SocketId) {
        let listener = self.listen(5);
        let client = self.connect();
        self.run_ms(100);
        let (server, _) = self.stacks[SERVER].accept(listener, self.now).unwrap_or_else(|error| {
            panic!("{error:?}\n{}\n{:#?}", self.story(), self.stacks[SERVER].sockets())
        });
        assert_eq!(self.state(CLIENT, client), TcpState::Established);
        assert_eq!(self.state(SERVER, server), TcpState::Established);
        (client, server, listener)
    }

    pub(super) fn state(&self, side: usize, socket: SocketId) -> TcpState {
        self.stacks[side].control_info(socket).unwrap().state.unwrap()
    }

    pub(super) fn send(
        &mut self,
        side: usize,
        socket: SocketId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        let flags = SendFlags::default();
        self.stacks[side].send(socket, &Payload::copy_from_slice(data), flags, self.now)
    }

    pub(super) fn recv(
        &mut self,
        side: usize,
        socket: SocketId,
        max: usize,
    ) -> Result<Vec<u8>, RecvError> {
        let mut slices = Vec::new();
        let flags = RecvFlags::default();
        let got = self.stacks[side].recv(socket, max, flags, &mut slices, self.now)?;
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.as_slice().to_vec()).collect();
        assert_eq!(all.len(), got.bytes);
        Ok(all)
    }

    /// Sends `data` one way and reads it at the other, as long as it takes.
    pub(super) fn transfer(
        &mut self,
        from: (usize, SocketId),
        to: (usize, SocketId),
        data: &[u8],
        limit: Duration,
    ) -> Vec<u8> {
        let until = self.now + limit;
        let (mut sent, mut got) = (0, Vec::new());
        while got.len() < data.len() {
            while sent < data.len() {
                let end = data.len().min(sent + 20_000);
                match self.send(from.0, from.1, &data[sent..end]) {
                    Ok(count) => sent += count,
                    Err(SendError::WouldBlock) => break,
                    Err(other) => panic!("{other:?} after {sent}"),
                }
            }
            loop {
                match self.recv(to.0, to.1, 100_000) {
                    Ok(part) if part.is_empty() => return got,
                    Ok(part) => got.extend(part),
                    Err(RecvError::WouldBlock) => break,
                    Err(other) => panic!("{other:?} after {}", got.len()),
                }
            }
            if !self.step(until) {
                break;
            }
        }
        got
    }

    /// What was seen, for people.
    pub(super) fn story(&self) -> std::string::String {
        let line = |seen: &Seen| {
            let (at, len) = (seen.at.as_micros() % 1_000_000_000, seen.data.len());
            let h = &seen.header;
            std::format!(
                "{at:>9} {} {} {}:+{len} ack {} win {} <{}>\n",
                if seen.from == CLIENT { ">" } else { "<" },
                h.flags,
                h.sequence,
                h.acknowledgment,
                h.window,
                h.options
            )
        };
        let discards = self.stacks.iter().map(|stack| {
            let all = stack.counters().discards().filter(|(_, count)| *count > 0);
            std::format!("{:?}\n", all.collect::<Vec<_>>())
        });
        self.seen.iter().map(line).chain(discards).collect()
    }

    /// Segments seen from one side, with these flags at least.
    pub(super) fn seen_from(&self, from: usize, flags: Flags) -> Vec<&Seen> {
        let fits = |seen: &&Seen| seen.from == from && seen.header.flags.contains(flags);
        self.seen.iter().filter(fits).collect()
    }
}

/// Bytes that differ everywhere.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}
