//! Our two ends: the pure stack, frames handed over by reference as the built-in cable does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use danja_stack::config::BufferLimits;
use danja_stack::socket::{Domain, RecvFlags, SendFlags, SocketKind, SocketOption};
use danja_stack::{Config, Frame, Instant, InterfaceConfig, InterfaceId, Medium, Payload};
use danja_stack::{Room, Seeds, SocketId, Stack};
use danja_wire::ip::Cidr;
use danja_wire::offload::{Finish, Joiner, cut};

use super::{LONGEST_ACK, MOMENT, Peer, Seen, Settings, Side, shake_hands};

/// The only link of each stack.
const LINK: InterfaceId = InterfaceId(1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// What the driver takes and makes at most, where it cuts and joins: an IP packet's limit.
const LARGEST: usize = 65_535;
/// Addresses that `cycle` comes from.
const ADDRESSES: u32 = 1_024;

/// Two of our stacks.
pub struct Danja {
    /// Client and server.
    stacks: [Stack; 2],
    /// What flies to the client and to the server.
    flying: [Vec<Frame>; 2],
    /// The driver cuts and joins; what it has joined.
    cut: bool,
    joined: Vec<Frame>,
    now: Instant,
    listener: SocketId,
    opened: u32,
    cycled: u32,
    /// TIME-WAIT records that the server keeps.
    time_wait: u32,
    seen: Seen,
    corrupt: bool,
    keep: bool,
    kept: Option<Vec<u8>>,
    slices: Vec<Payload>,
}

impl Danja {
    /// Opens a connection from an address and port of the client's.
    fn connect(&mut self, local: SocketAddr) -> [SocketId; 2] {
        let stack = &mut self.stacks[Side::Client as usize];
        let client = stack.socket(Domain::Ipv4, SocketKind::Stream, self.now).expect("a socket");
        stack.bind(client, local, self.now).expect("the port is free");
        // It is under way: that is an error by name only.
        let _ = stack.connect(client, SocketAddr::from((SERVER, 80)), self.now);
        shake_hands(self);
        let stack = &mut self.stacks[Side::Server as usize];
        let (server, peer) = stack.accept(self.listener, self.now).expect("a connection");
        assert_eq!(peer, local, "a connection from someone else");
        [client, server]
    }

    /// Queues a payload without a copy; returns the bytes taken.
    pub fn send(&mut self, side: Side, socket: SocketId, data: &Payload) -> usize {
        let flags = SendFlags::default();
        self.stacks[side as usize].send(socket, data, flags, self.now).unwrap_or(0)
    }

    /// Takes what has come without a copy, and drops it; returns the bytes.
    pub fn receive(&mut self, side: Side, socket: SocketId) -> usize {
        let stack = &mut self.stacks[side as usize];
        let flags = RecvFlags::default();
        let got = stack.recv(socket, usize::MAX, flags, &mut self.slices, self.now);
        self.slices.clear();
        got.map_or(0, |got| got.bytes)
    }

    /// One of the stacks, to look at its counters.
    #[must_use]
    pub const fn stack(&self, side: Side) -> &Stack {
        &self.stacks[side as usize]
    }

    /// Puts a frame on the link.
    fn put(&mut self, side: Side, mut frame: Frame) {
        if self.corrupt || self.keep {
            frame = self.tamper(frame);
        }
        self.seen.note(frame.len());
        self.flying[1 - side as usize].push(frame);
    }

    /// A frame with payload as it was asked for: kept, corrupted, or just itself.
    #[cold]
    fn tamper(&mut self, frame: Frame) -> Frame {
        if frame.len() <= LONGEST_ACK {
            return frame;
        }
        let mut bytes = frame.to_vec();
        if std::mem::take(&mut self.keep) {
            self.kept = Some(bytes.clone());
        }
        if std::mem::take(&mut self.corrupt) {
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            return Frame::received(Payload::from(bytes), frame.offload);
        }
        frame
    }
}

impl Peer for Danja {
    const NAME: &'static str = "danja";
    type Socket = SocketId;

    fn new(settings: Settings) -> Self {
        let now = Instant::from_secs(1);
        let mut config = Config::default();
        let limits = BufferLimits { initial: settings.buffer, max: settings.buffer };
        config.tcp.receive_buffer = limits;
        config.tcp.send_buffer = limits;
        let mut interface = InterfaceConfig::new("link", Medium::Ip, settings.mtu);
        interface.checksum_offload = !settings.checksums || settings.cut;
        interface.max_segmented = if settings.cut { LARGEST } else { 0 };
        // Clients come from any address, as they would behind a tunnel.
        let mut ours = interface.clone();
        ours.any_address = true;
        let ours = ours.address(Cidr::new(CLIENT.into(), 8).expect("a network"));
        let theirs = interface.address(Cidr::new(SERVER.into(), 8).expect("a network"));
        let mut client = Stack::new(config.clone(), Seeds::from_u64(1));
        let mut server = Stack::new(config, Seeds::from_u64(2));
        assert_eq!(client.add_interface(ours, now), Some(LINK));
        assert_eq!(server.add_interface(theirs, now), Some(LINK));
        let listener = server.socket(Domain::Ipv4, SocketKind::Stream, now).expect("a socket");
        server.bind(listener, SocketAddr::from((SERVER, 80)), now).expect("a port");
        server.listen(listener, 128, now).expect("a listener");
        Self {
            stacks: [client, server],
            flying: [Vec::new(), Vec::new()],
            cut: settings.cut,
            joined: Vec::new(),
            now,
            listener,
            opened: 0,
            cycled: 0,
            time_wait: 262_144,
            seen: Seen::default(),
            corrupt: false,
            keep: false,
            kept: None,
            slices: Vec::new(),
        }
    }

    fn open(&mut self) -> [SocketId; 2] {
        // From 10.1.0.1 on; `cycle` has addresses of its own.
        let address = u32::from(CLIENT) + self.opened / 60_000;
        let port = 1_024 + u16::try_from(self.opened % 60_000).expect("below 60,000");
        self.opened += 1;
        let sockets = self.connect(SocketAddr::new(Ipv4Addr::from(address).into(), port));
        for (stack, socket) in self.stacks.iter_mut().zip(sockets) {
            stack.set_option(socket, SocketOption::NoDelay(true), self.now).expect("an option");
        }
        sockets
    }

    fn open_idle(&mut self, count: usize) {
        for _ in 0..count {
            self.open();
        }
    }

    fn write(&mut self, side: Side, socket: SocketId, data: &[u8]) -> usize {
        let stack = &mut self.stacks[side as usize];
        let room = stack.send_room(socket).min(data.len());
        if room == 0 {
            return 0;
        }
        let payload = Payload::copy_from_slice(&data[..room]);
        stack.send(socket, &payload, SendFlags::default(), self.now).unwrap_or(0)
    }

    fn read(&mut self, side: Side, socket: SocketId, into: &mut [u8]) -> usize {
        let stack = &mut self.stacks[side as usize];
        let flags = RecvFlags::default();
        if stack.recv(socket, into.len(), flags, &mut self.slices, self.now).is_err() {
            return 0;
        }
        let mut at = 0;
        for slice in self.slices.drain(..) {
            into[at..at + slice.len()].copy_from_slice(slice.as_slice());
            at += slice.len();
        }
        at
    }

    fn output(&mut self, side: Side, frames: usize) {
        let enough = self.seen.frames.saturating_add(frames as u64);
        while self.seen.frames < enough {
            let stack = &mut self.stacks[side as usize];
            let Some(frame) = stack.poll_transmit(LINK, Room::UNLIMITED, self.now) else {
                break;
            };
            if self.cut {
                let put = |piece| self.put(side, piece);
                cut(&frame, 0, Finish::Checksums, put).expect("a frame that can be cut");
            } else {
                self.put(side, frame);
            }
        }
        let stack = &mut self.stacks[side as usize];
        while stack.poll_timeout().is_some_and(|due| due <= self.now) {
            stack.handle_timeout(self.now);
        }
    }

    fn input(&mut self, side: Side) {
        self.now += MOMENT;
        let stack = &mut self.stacks[side as usize];
        let flying = &mut self.flying[side as usize];
        if self.cut {
            let mut joiner = Joiner::new(0, LARGEST);
            for frame in flying.drain(..) {
                joiner.push(frame, |frame| self.joined.push(frame));
            }
            joiner.flush(|frame| self.joined.push(frame));
            stack.receive(LINK, &mut self.joined, self.now);
        } else {
            stack.receive(LINK, flying, self.now);
        }
        while stack.poll_event().is_some() {}
    }

    fn poll(&mut self, side: Side) {
        let stack = &mut self.stacks[side as usize];
        stack.handle_timeout(self.now);
        let frame = stack.poll_transmit(LINK, Room::UNLIMITED, self.now);
        assert!(frame.is_none() && stack.poll_event().is_none(), "something happened");
    }

    fn deadline(&mut self, side: Side) -> Option<u64> {
        self.stacks[side as usize].poll_timeout().map(|due| due.as_micros() * 1_000)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn cycle(&mut self) {
        // By turns an endpoint of a few, which is back while its TIME-WAIT is kept and reuses
        // it, and one of so many that its TIME-WAIT was given up for others before it is back.
        let (turn, few) = (self.cycled / 2, self.time_wait / 4);
        let many = self.time_wait;
        let endpoint = if self.cycled.is_multiple_of(2) { turn % few } else { few + turn % many };
        self.cycled = self.cycled.wrapping_add(1);
        let first = u32::from(Ipv4Addr::new(10, 2, 0, 0));
        let address = Ipv4Addr::from(first + endpoint % ADDRESSES);
        let port = 1_024 + u16::try_from(endpoint / ADDRESSES).expect("few ports");
        let [client, server] = self.connect(SocketAddr::new(IpAddr::V4(address), port));
        self.stacks[Side::Server as usize].close(server, self.now).expect("our descriptor");
        self.output(Side::Server, 1);
        self.input(Side::Client);
        self.output(Side::Client, 1);
        self.stacks[Side::Client as usize].close(client, self.now).expect("our descriptor");
        self.output(Side::Client, 1);
        self.input(Side::Server);
        self.output(Side::Server, 1);
        self.input(Side::Client);
    }

    fn limit_time_wait(&mut self, limit: u32) {
        let limits = &mut self.stacks[Side::Server as usize].config_mut().limits;
        limits.time_wait = limit as usize;
        self.time_wait = limit;
    }

    fn seen(&self) -> Seen {
        self.seen
    }

    fn corrupt_next(&mut self) {
        self.corrupt = true;
    }

    fn keep_next(&mut self) {
        self.keep = true;
    }

    fn kept(&mut self) -> Option<Vec<u8>> {
        self.kept.take()
    }
}
