//! Two stacks on one wire, in virtual time.

use crate::config::{Config, InterfaceConfig, Route};
use crate::interface::{InterfaceId, MacAddress, Medium, Room};
use crate::socket::{Domain, RecvFlags, SendFlags, SocketId, SocketKind};
use crate::{Event, Seeds, Stack};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use danja_wire::ip::{Cidr, Version};
use danja_wire::{Frame, Instant, Payload};

pub(crate) const LAN: InterfaceId = InterfaceId(1);
pub(crate) const MAC_A: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
pub(crate) const MAC_B: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
pub(crate) const MAC_C: MacAddress = MacAddress([2, 0, 0, 0, 0, 3]);
pub(crate) const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const C: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

pub(crate) fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

pub(crate) fn at(ip: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.into(), port)
}

/// One host whose frames are taken and given by hand.
pub(crate) struct Host {
    pub(crate) stack: Stack,
    pub(crate) now: Instant,
}

impl Host {
    /// With loopback only.
    pub(crate) fn bare(config: Config) -> Self {
        let stack = Stack::new(config, Seeds::from_u64(7));
        Self { stack, now: Instant::from_secs(1) }
    }

    /// 10.0.0.1/24 on Ethernet, the default route by 10.0.0.2.
    pub(crate) fn a() -> Self {
        Self::on(InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500), "10.0.0.1/24", B)
    }

    /// 10.0.0.2/24, the default route by 10.0.0.1.
    pub(crate) fn b() -> Self {
        Self::on(InterfaceConfig::new("lan", Medium::Ethernet(MAC_B), 1500), "10.0.0.2/24", A)
    }

    pub(crate) fn on(config: InterfaceConfig, address: &str, gateway: Ipv4Addr) -> Self {
        let mut host = Self::bare(Config::default());
        let config = config.address(cidr(address));
        assert_eq!(host.stack.add_interface(config, host.now), Some(LAN));
        let destination = Cidr::any(Version::V4);
        let gateway = Some(IpAddr::V4(gateway));
        let route = Route { destination, gateway, interface: LAN, metric: 0 };
        assert!(host.stack.add_route(route, host.now));
        host.drain();
        host
    }

    /// All frames that want to leave now.
    pub(crate) fn drain(&mut self) -> Vec<Vec<u8>> {
        self.frames(LAN).into_iter().map(|frame| finished(frame).to_vec()).collect()
    }

    pub(crate) fn frames(&mut self, interface: InterfaceId) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            while let Some(frame) = self.stack.poll_transmit(interface, Room::UNLIMITED, self.now) {
                frames.push(frame);
            }
            // Loopback runs in `handle_timeout`, which asks for it.
            if self.stack.poll_timeout().is_none_or(|at| at > self.now) {
                return frames;
            }
            self.stack.handle_timeout(self.now);
        }
    }

    pub(crate) fn give(&mut self, frame: &[u8]) {
        let frame = Frame::received(Payload::copy_from_slice(frame), Default::default());
        self.stack.receive(LAN, &mut Vec::from([frame]), self.now);
    }

    /// Gives a frame and takes what it causes at once.
    pub(crate) fn answer(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        self.give(frame);
        self.drain()
    }

    /// Lets time pass, stopping at every deadline; all frames that left meanwhile.
    pub(crate) fn advance(&mut self, by: Duration) -> Vec<(Instant, Vec<u8>)> {
        let end = self.now + by;
        let mut sent = Vec::new();
        loop {
            let now = self.now;
            sent.extend(self.drain().into_iter().map(|frame| (now, frame)));
            match self.stack.poll_timeout().filter(|at| *at <= end) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
            self.stack.handle_timeout(self.now);
        }
        self.now = end;
        // So that the stack, too, knows how late it is.
        let late = self.drain();
        assert!(late.is_empty());
        sent
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.stack.poll_event()).collect()
    }

    pub(crate) fn socket(&mut self, kind: SocketKind) -> SocketId {
        self.stack.socket(Domain::Ipv4, kind, self.now).unwrap()
    }

    pub(crate) fn udp(&mut self, ip: Ipv4Addr, port: u16) -> SocketId {
        let socket = self.socket(SocketKind::Datagram);
        self.stack.bind(socket, at(ip, port), self.now).unwrap();
        socket
    }

    pub(crate) fn send_to(&mut self, socket: SocketId, data: &[u8], to: SocketAddr) {
        let flags = SendFlags { to: Some(to), ..SendFlags::default() };
        let sent = self.stack.send(socket, &Payload::copy_from_slice(data), flags, self.now);
        assert_eq!(sent, Ok(data.len()));
    }

    /// The next datagram and who sent it.
    pub(crate) fn recv(&mut self, socket: SocketId) -> Option<(Vec<u8>, SocketAddr)> {
        let mut parts = Vec::new();
        let flags = RecvFlags::default();
        let received = self.stack.recv(socket, usize::MAX, flags, &mut parts, self.now).ok()?;
        let bytes = parts.iter().flat_map(|part| part.as_slice().to_vec()).collect();
        Some((bytes, received.from.unwrap()))
    }

    pub(crate) fn discarded(&self, reason: crate::discard::Discard) -> u64 {
        self.stack.counters().discarded(reason)
    }
}

/// The frame as on a wire.
pub(crate) fn finished(mut frame: Frame) -> Frame {
    danja_wire::offload::complete_checksum(&mut frame).unwrap();
    frame
}

/// Two hosts on one wire.
pub(crate) struct Pair {
    pub(crate) a: Host,
    pub(crate) b: Host,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self { a: Host::a(), b: Host::b() }
    }

    /// Carries frames until none is left.
    pub(crate) fn run(&mut self) {
        loop {
            let (from_a, from_b) = (self.a.drain(), self.b.drain());
            if from_a.is_empty() && from_b.is_empty() {
                return;
            }
            from_a.iter().for_each(|frame| self.b.give(frame));
            from_b.iter().for_each(|frame| self.a.give(frame));
        }
    }
}
