//! [`World`]: hosts, their cables, and one heap of what happens when. Calls the stacks in the
//! order of time; knows no protocol and no workload.

mod drive;

use super::digest::Digest;
use super::happening::{Happening, Livelock, Observer};
use super::host::{Host, HostConfig, HostCounters, HostId};
use super::link::LinkCounters;
use super::random::Random;
use super::segment::{Segment, Stations};
use danja_lan::impair::Impairment;
use danja_stack::Stack;
use danja_wire::{Frame, Instant};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::net::Ipv4Addr;

/// A clock that begins at 0 would hide mistakes about times before it.
const START: Instant = Instant::from_secs(1_000);

/// Steps at one moment after which the world counts as running in circles.
pub(super) const MOST_STEPS: u32 = 1_000_000;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Host(usize),
    Up(usize),
    Down(usize),
    Alarm(u64),
}

/// Hosts on one Ethernet, in virtual time.
pub struct World {
    now: Instant,
    start: Instant,
    random: Random,
    hosts: Vec<Host>,
    stations: Stations,
    /// Moment, then order of asking.
    heap: BinaryHeap<Reverse<(Instant, u64, Due)>>,
    asked: u64,
    happenings: VecDeque<Happening>,
    digest: Digest,
    observer: Option<Observer>,
    /// At this moment, and since the beginning.
    steps_now: u32,
    steps: u64,
    last: Option<HostId>,
    batch: Vec<Frame>,
}

impl World {
    /// An empty world with a switch, whose randomness all comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Segment::Switch, START)
    }

    /// The same with a segment of choice and the clock at `start`.
    pub fn with(seed: u64, segment: Segment, start: Instant) -> Self {
        Self {
            now: start,
            start,
            random: Random::new(seed),
            hosts: Vec::new(),
            stations: Stations::new(segment),
            heap: BinaryHeap::new(),
            asked: 0,
            happenings: VecDeque::new(),
            digest: Digest::new(),
            observer: None,
            steps_now: 0,
            steps: 0,
            last: None,
            batch: Vec::new(),
        }
    }

    /// Adds a host and plugs it in. Its address is [`HostId::address`], in 10.0.0.0/16.
    ///
    /// # Panics
    /// There are more than 60,000 hosts.
    pub fn host(&mut self, config: HostConfig) -> HostId {
        let id = HostId(self.hosts.len());
        assert!(id.0 < 60_000, "too many hosts for one Ethernet");
        let mut random = self.random.fork();
        let host = Host::new(id, config, &mut random, self.now);
        let host = host.expect("a new stack takes an interface");
        self.stations.add(host.mac, id.0);
        self.hosts.push(host);
        self.pump(id.0);
        id
    }

    /// The hosts in their order.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.hosts.len()).map(HostId)
    }

    /// A host's address.
    pub const fn address(&self, host: HostId) -> Ipv4Addr {
        host.address()
    }

    /// A host's name.
    pub fn name(&self, host: HostId) -> &str {
        &self.hosts[host.0].name
    }

    /// The time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// When the world began.
    pub const fn start(&self) -> Instant {
        self.start
    }

    /// A host's stack, to look at.
    pub fn stack(&self, host: HostId) -> &Stack {
        &self.hosts[host.0].stack
    }

    /// A host's Ethernet interface.
    pub fn interface(&self, host: HostId) -> danja_stack::InterfaceId {
        self.hosts[host.0].interface
    }

    /// Does something with a host's stack, now; what it sends then goes out.
    pub fn call<R>(&mut self, host: HostId, call: impl FnOnce(&mut Stack, Instant) -> R) -> R {
        let result = call(&mut self.hosts[host.0].stack, self.now);
        self.pump(host.0);
        result
    }

    /// Changes what the cable does to frames from now on: from the host up, and down to it.
    pub fn impair(&mut self, host: HostId, up: Impairment, down: Impairment) {
        let host = &mut self.hosts[host.0];
        host.up.impair(up);
        host.down.impair(down);
    }

    /// Pulls the cable, or plugs it in again. What is on a pulled cable is lost, and the stack is
    /// not told.
    pub fn plug(&mut self, host: HostId, plugged: bool) {
        let host = &mut self.hosts[host.0];
        host.up.plug(plugged);
        host.down.plug(plugged);
    }

    /// Asks for [`Happening::Alarm`] with this number at this moment (at once if it is past).
    pub fn alarm(&mut self, at: Instant, number: u64) {
        self.push(at.max(self.now), Due::Alarm(number));
    }

    /// Calls `observer` for every frame that passes an adapter from now on.
    pub fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// What a host's adapter saw.
    pub fn counters(&self, host: HostId) -> HostCounters {
        self.hosts[host.0].counters
    }

    /// What passed a host's cable, up and down.
    pub fn link_counters(&self, host: HostId) -> (LinkCounters, LinkCounters) {
        let host = &self.hosts[host.0];
        (host.up.counters(), host.down.counters())
    }

    /// A hash of all frames that were sent, and when and by whom.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// Steps made since the beginning: the work that the world was.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether nothing will ever happen again without a call.
    pub fn is_idle(&self) -> bool {
        self.happenings.is_empty() && self.heap.is_empty()
    }

    /// When the next thing is due, and at which host if it is about one.
    pub fn due(&self) -> Option<(Instant, Option<HostId>)> {
        let Reverse((at, _, due)) = self.heap.peek()?;
        let host = match due {
            Due::Host(host) | Due::Up(host) | Due::Down(host) => Some(HostId(*host)),
            Due::Alarm(_) => None,
        };
        Some((*at, host))
    }

    /// The next thing that happens by `until`. With `None` the time is `until`, or nothing is left
    /// to happen at all ([`Self::is_idle`]; the time is that of the last step then).
    ///
    /// # Errors
    /// See [`Livelock`].
    pub fn step(&mut self, until: Instant) -> Result<Option<Happening>, Livelock> {
        loop {
            if let Some(happening) = self.happenings.pop_front() {
                return Ok(Some(happening));
            }
            let Some(Reverse((at, _, _))) = self.heap.peek() else { return Ok(None) };
            if *at > until {
                self.now = self.now.max(until);
                self.steps_now = 0;
                return Ok(None);
            }
            let Some(Reverse((at, _, due))) = self.heap.pop() else { return Ok(None) };
            self.steps += 1;
            self.steps_now = if at > self.now { 0 } else { self.steps_now + 1 };
            self.now = at;
            if self.steps_now > MOST_STEPS {
                return Err(Livelock { now: self.now, host: self.last });
            }
            match due {
                Due::Host(host) => self.wake(host),
                Due::Up(host) => self.forward(host),
                Due::Down(host) => self.arrive(host),
                Due::Alarm(number) => return Ok(Some(Happening::Alarm(number))),
            }
        }
    }

    /// Lets the time pass until `until`, and tells `each` what happens.
    ///
    /// # Errors
    /// See [`Livelock`].
    pub fn run_until(
        &mut self,
        until: Instant,
        mut each: impl FnMut(&mut Self, Happening),
    ) -> Result<(), Livelock> {
        while let Some(happening) = self.step(until)? {
            each(self, happening);
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// Lets the time pass until nothing is left to happen, at most until `limit`; `true` if that
    /// was reached in time.
    ///
    /// # Errors
    /// See [`Livelock`].
    pub fn run_until_idle(
        &mut self,
        limit: Instant,
        mut each: impl FnMut(&mut Self, Happening),
    ) -> Result<bool, Livelock> {
        while let Some(happening) = self.step(limit)? {
            each(self, happening);
        }
        Ok(self.is_idle())
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now)
            .field("hosts", &self.hosts.len())
            .field("due", &self.heap.len())
            .finish_non_exhaustive()
    }
}
