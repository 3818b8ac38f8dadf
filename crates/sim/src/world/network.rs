//! The LAN of a world: hosts, their links, and a learning switch between them.

use super::Programs;
use super::agenda::Agenda;
use super::random::mix;
use danja_lan::impair::{Impairment, Model};
use danja_lan::{Medium, on_the_wire};
use danja_stack::config::{Config, InterfaceConfig};
use danja_stack::{InterfaceId, Room, Seeds, Stack};
use danja_wire::ethernet::MacAddress;
use danja_wire::ip::Cidr;
use danja_wire::{Frame, Instant};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// A host of one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// What a host is made with.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The stack's configuration.
    pub stack: Config,
    /// The stack's seed.
    pub seed: u64,
    /// Largest IP packet on its link, in bytes.
    pub mtu: usize,
    /// Its adapter completes checksums and cuts packets of at most this many bytes; 0 for an
    /// adapter that does neither.
    pub max_segmented: usize,
    /// What is wrong with its link, from the host to the switch.
    pub up: Impairment,
    /// The same, from the switch to the host.
    pub down: Impairment,
}

/// Frames of one size class that went into one direction of a link, and came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Frames that went in.
    pub offered: u64,
    /// Of these, frames whose IP packet fills the MTU.
    pub offered_full: u64,
    /// Full frames that came out.
    pub delivered_full: u64,
}

struct Host {
    stack: Stack,
    interface: InterfaceId,
    medium: Medium,
    mtu: usize,
    up: Model,
    down: Model,
    up_counters: LinkCounters,
}

/// Steps at one moment after which the world counts as running in circles.
const MOST_STEPS: u32 = 1_000_000;

/// Hosts on a switched LAN.
pub struct World {
    now: Instant,
    hosts: Vec<Host>,
    agenda: Agenda,
    /// Which host's port each hardware address was last seen at.
    learnt: BTreeMap<MacAddress, usize>,
    seed: u64,
    digest: u64,
    frames: u64,
    steps: u32,
}

/// Actors of the agenda: three for each host.
const HOST: usize = 0;
const UP: usize = 1;
const DOWN: usize = 2;

impl World {
    /// An empty LAN at time 0; `seed` decides what the links do.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            hosts: Vec::new(),
            agenda: Agenda::default(),
            learnt: BTreeMap::new(),
            seed,
            digest: 0,
            frames: 0,
            steps: 0,
        }
    }

    /// Adds a host. Its address is [`World::address`]. `None` if its stack takes no interface.
    pub fn add_host(&mut self, config: HostConfig) -> Option<HostId> {
        let number = self.hosts.len();
        let id = HostId(number);
        let [_, _, high, low] = (number as u32 + 1).to_be_bytes();
        let medium = danja_stack::Medium::Ethernet(MacAddress([2, 0, 0, 0, high, low]));
        let mut stack = Stack::new(config.stack, Seeds::from_u64(config.seed));
        let address = Cidr::new(IpAddr::V4(Self::address(id)), 16)?;
        let mut interface = InterfaceConfig::new("lan0", medium, config.mtu).address(address);
        interface.checksum_offload = config.max_segmented > 0;
        interface.max_segmented = config.max_segmented;
        let interface = stack.add_interface(interface, self.now)?;
        let link = |direction: u64| mix(self.seed ^ mix(number as u64 * 2 + direction + 1));
        self.hosts.push(Host {
            stack,
            interface,
            medium: Medium::Ethernet(MacAddress([2, 0, 0, 0, high, low])),
            mtu: config.mtu,
            up: Model::new(config.up, link(0)),
            down: Model::new(config.down, link(1)),
            up_counters: LinkCounters::default(),
        });
        // The first appointment: addresses are announced.
        self.agenda.set(number * 3 + HOST, Some(self.now));
        Some(id)
    }

    /// A host's address, in 10.0.0.0/16.
    pub fn address(host: HostId) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x0a00_0001 + host.0 as u32)
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there is no host.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// A host's stack; `None` for a host of another world.
    pub fn stack(&self, host: HostId) -> Option<&Stack> {
        self.hosts.get(host.0).map(|host| &host.stack)
    }

    /// A hash of every frame that any host sent so far, and of when it was sent.
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// Frames that went into links, by all hosts.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// What went through a host's link towards the switch.
    pub fn up_counters(&self, host: HostId) -> LinkCounters {
        self.hosts.get(host.0).map_or_else(LinkCounters::default, |host| host.up_counters)
    }

    /// Changes what is wrong with a host's link, from the host and to it.
    pub fn set_impairment(&mut self, host: HostId, up: Impairment, down: Impairment) {
        if let Some(host) = self.hosts.get_mut(host.0) {
            host.up.set_impairment(up);
            host.down.set_impairment(down);
        }
    }

    /// Lets a program of a host act now, on its own.
    pub fn with_stack<T>(
        &mut self,
        host: HostId,
        programs: &mut dyn Programs,
        act: impl FnOnce(&mut Stack, &mut dyn Programs, Instant) -> T,
    ) -> Option<T> {
        let now = self.now;
        let done = self.hosts.get_mut(host.0).map(|host| act(&mut host.stack, programs, now));
        self.service(host.0, programs);
        done
    }

    /// Runs until `until`, or until nothing is due by then. `false` in the second case.
    ///
    /// # Panics
    /// When things go on happening at one moment without end.
    pub fn run_until(&mut self, programs: &mut dyn Programs, until: Instant) -> bool {
        for number in 0..self.hosts.len() {
            self.service(number, programs);
        }
        while let Some((when, actor)) = self.agenda.next(until) {
            self.steps = if when > self.now { 0 } else { self.steps + 1 };
            assert!(self.steps < MOST_STEPS, "things happen without end at {:?}", self.now);
            self.now = self.now.max(when);
            self.act(actor, programs);
        }
        self.now = until;
        self.hosts.iter().any(|host| host.stack.poll_timeout().is_some())
    }

    fn act(&mut self, actor: usize, programs: &mut dyn Programs) {
        let number = actor / 3;
        match actor % 3 {
            HOST => {
                let host = &mut self.hosts[number];
                if host.stack.poll_timeout().is_some_and(|due| due <= self.now) {
                    host.stack.handle_timeout(self.now);
                }
                if programs.next_timer(HostId(number)).is_some_and(|due| due <= self.now) {
                    programs.on_timer(HostId(number), &mut host.stack, self.now);
                }
                self.service(number, programs);
            }
            UP => {
                while let Some(frame) = self.hosts[number].up.poll(self.now) {
                    if is_full(&frame, self.hosts[number].mtu) {
                        self.hosts[number].up_counters.delivered_full += 1;
                    }
                    self.forward(number, &frame);
                }
                let due = self.hosts[number].up.poll_timeout();
                self.agenda.set(actor, due);
            }
            _ => {
                let host = &mut self.hosts[number];
                let mut frames = Vec::new();
                while let Some(frame) = host.down.poll(self.now) {
                    frames.push(frame);
                }
                let interface = host.interface;
                host.stack.receive(interface, &mut frames, self.now);
                let due = host.down.poll_timeout();
                self.agenda.set(actor, due);
                self.service(number, programs);
            }
        }
    }

    /// The switch: a frame from a host's link goes to where its destination was last seen, or to
    /// everybody else.
    fn forward(&mut self, from: usize, frame: &Frame) {
        let bytes = frame.range(0, 12);
        let Some((destination, source)) = bytes.as_slice().split_first_chunk::<6>() else { return };
        if let Some(source) = source.first_chunk::<6>().map(|bytes| MacAddress(*bytes))
            && source.is_unicast()
        {
            self.learnt.insert(source, from);
        }
        match self.learnt.get(&MacAddress(*destination)) {
            Some(to) if *to == from => {}
            Some(to) => self.deliver(*to, frame.clone()),
            None => {
                for to in (0..self.hosts.len()).filter(|to| *to != from) {
                    self.deliver(to, frame.clone());
                }
            }
        }
    }

    fn deliver(&mut self, to: usize, frame: Frame) {
        self.hosts[to].down.offer(self.now, frame);
        let due = self.hosts[to].down.poll_timeout();
        self.agenda.set(to * 3 + DOWN, due);
    }

    /// Sends what a host has to send and tells its programs what happened, until neither has
    /// anything left; then notes when it wants to be called.
    fn service(&mut self, number: usize, programs: &mut dyn Programs) {
        loop {
            self.transmit(number);
            let host = &mut self.hosts[number];
            let Some(event) = host.stack.poll_event() else { break };
            programs.on_event(HostId(number), &mut host.stack, event, self.now);
        }
        let host = &self.hosts[number];
        let due = host.stack.poll_timeout();
        let timer = programs.next_timer(HostId(number));
        let next = due.into_iter().chain(timer).min().map(|due| due.max(self.now));
        self.agenda.set(number * 3 + HOST, next);
        let up = host.up.poll_timeout();
        self.agenda.set(number * 3 + UP, up);
    }

    fn transmit(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        while let Some(frame) = host.stack.poll_transmit(host.interface, Room::UNLIMITED, self.now)
        {
            let (up, counters, mtu) = (&mut host.up, &mut host.up_counters, host.mtu);
            let (digest, frames, now) = (&mut self.digest, &mut self.frames, self.now);
            let cut = on_the_wire(frame, host.medium, |frame| {
                *frames += 1;
                counters.offered += 1;
                counters.offered_full += u64::from(is_full(&frame, mtu));
                *digest = mix(*digest ^ now.as_nanos() ^ mix(number as u64));
                for slice in
                    core::iter::once(frame.header()).chain(frame.slices().iter().map(AsRef::as_ref))
                {
                    *digest = hash(*digest, slice);
                }
                up.offer(now, frame);
            });
            assert!(cut, "host {number} sent a frame whose metadata contradicts its bytes");
        }
    }
}

/// Whether the IP packet in a frame fills the MTU.
fn is_full(frame: &Frame, mtu: usize) -> bool {
    frame.len() == mtu + danja_wire::ethernet::HEADER_LEN
}

/// Continues a hash with some bytes; cutting them elsewhere may give another hash.
fn hash(mut state: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(state ^ u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56)
}
