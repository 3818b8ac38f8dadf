//! The TCP connections of a world: listeners, connects, accepts, and their outcome.

mod attempt;

use super::grounds::{Grounds, Other};
use super::plan::{Listening, Plan, StreamPlan, Target};
use super::side::{End, Peer, Side};
use super::witness::Witness;
use crate::world::HostId;
use danja_stack::socket::{Domain, SocketKind, SocketOption};
use danja_stack::{SocketId, Stack};
use danja_wire::Instant;
use danja_wire::tcp::SeqNumber;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// Where listeners listen.
const PORT: u16 = 80;
/// Where nobody does.
const CLOSED_PORT: u16 = 81;
/// The first of the ports of crossing calls.
const CROSSING_PORT: u16 = 1_000;
/// Nobody has it.
const ABSENT: Ipv4Addr = Ipv4Addr::new(10, 0, 255, 1);

/// What a plan and the time say about hosts.
#[derive(Clone, Debug)]
pub(super) struct Outlook<'a> {
    pub(super) plan: &'a Plan,
    /// When the world began, and the time.
    pub(super) start: Instant,
    pub(super) now: Instant,
    /// What was seen on the wire.
    pub(super) witness: Arc<Mutex<Witness>>,
}

impl Outlook<'_> {
    /// Asks the witness.
    pub(super) fn ask<R>(&self, question: impl FnOnce(&Witness) -> R) -> R {
        question(&self.witness.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a host's cable has been pulled for good.
    fn has_vanished(&self, host: HostId) -> bool {
        let vanishing = self.plan.vanishing.filter(|it| it.host == host);
        vanishing.is_some_and(|it| self.start + it.start <= self.now)
    }
}

/// What one end of a connection is doing.
#[derive(Debug)]
enum Half {
    /// Nothing yet, or waiting for the next attempt.
    Idle,
    Connecting(SocketId),
    Connected(Side),
    /// The connection could not be made, as planned.
    Refused,
}

/// A connection.
#[derive(Debug)]
struct Stream {
    plan: StreamPlan,
    halves: [Half; 2],
    attempts: u32,
    /// The client's end, at its latest attempt.
    local: Option<SocketAddr>,
    /// And its initial sequence number.
    call: Option<SeqNumber>,
    /// When each half called.
    called: [Instant; 2],
}

/// A wish to be called again for one half of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Again {
    pub(super) at: Instant,
    pub(super) half: HalfId,
}

/// One half of a stream: its number, and 0 for the client, 1 for the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct HalfId {
    pub(super) stream: usize,
    pub(super) side: usize,
}

impl Stream {
    /// On which host a half is; `None` for that of a host that is not there.
    fn host(&self, side: usize) -> Option<HostId> {
        match (side, self.plan.target) {
            (0, _) => Some(self.plan.client),
            (_, Target::Listener(host) | Target::Crossing(host)) => Some(host),
            _ => None,
        }
    }

    /// What the half across from `side` is up to.
    fn peer<'a>(&self, side: usize, world: &'a Outlook<'a>, wants: Wants) -> Peer<'a> {
        let plan = &self.plan.sides[1 - side];
        let half = match &self.halves[1 - side] {
            Half::Connected(side) => Some(side),
            _ => None,
        };
        Peer {
            bytes: plan.bytes,
            written: half.map_or(0, |side| side.written),
            finished: half.is_some_and(Side::finished),
            broken_off: self.other(side, world) == Other::Broken,
            grounds: Grounds {
                pressed: self.pressed(side, world, wants),
                ..self.grounds(side, world)
            },
        }
    }

    /// How far the half across from `side` is.
    fn other(&self, side: usize, world: &Outlook<'_>) -> Other {
        match &self.halves[1 - side] {
            Half::Connected(other) => match other.end {
                None => Other::Open,
                Some(End::Whole) => Other::Closed,
                Some(End::BrokenOff | End::Fault(_)) => Other::Broken,
            },
            _ if side == 0 && self.hosts().iter().any(|host| world.plan.restarts(*host)) => {
                Other::Unborn
            }
            _ => Other::Unaccepted,
        }
    }

    /// What the errors of a side are judged by.
    fn grounds<'a>(&self, side: usize, world: &'a Outlook<'a>) -> Grounds<'a> {
        let (_, to, _) = self.endpoints(HalfId { stream: 0, side: 0 });
        let from = self.local.unwrap_or(to);
        let ([client, server], mut ends) = (self.hosts(), [from, to]);
        let mut hosts = [client, server];
        if side == 1 {
            hosts.reverse();
            ends.reverse();
        }
        let other = self.other(side, world);
        Grounds { world, hosts, ends, call: self.call, other, pressed: false }
    }

    /// Whether the stack of the half across from `side` had no room for it.
    fn pressed(&self, side: usize, world: &Outlook<'_>, wants: Wants) -> bool {
        match self.other(side, world) {
            Other::Closed => wants.pressed,
            Other::Unaccepted => wants.forgotten > 0,
            _ => false,
        }
    }

    /// Whether a side may never hear that the other is gone, unless it probes.
    fn is_risky(&self, side: usize, plan: &Plan) -> bool {
        let hosts = self.hosts();
        let vanishes = plan.vanishing.is_some_and(|it| hosts.contains(&it.host));
        let restarts = hosts.iter().any(|host| plan.restarts(*host));
        self.plan.sides[1 - side].ending.is_abnormal() || vanishes || restarts || plan.lossy
    }

    /// The client's host, and that of whom it calls (or its own again).
    fn hosts(&self) -> [HostId; 2] {
        match self.plan.target {
            Target::Listener(host) | Target::Crossing(host) | Target::ClosedPort(host) => {
                [self.plan.client, host]
            }
            Target::Absent => [self.plan.client; 2],
        }
    }

    fn is_over(&self, world: &Outlook<'_>, wants: Wants) -> bool {
        let over = |half: &Half| match half {
            Half::Connected(side) => side.end.is_some(),
            Half::Refused => true,
            _ => false,
        };
        match self.plan.target {
            Target::ClosedPort(_) | Target::Absent => over(&self.halves[0]),
            _ => {
                let unaccepted = matches!(self.halves[1], Half::Idle) && self.is_left(world, wants);
                over(&self.halves[0]) && (over(&self.halves[1]) || unaccepted)
            }
        }
    }
}

impl Stream {
    /// Whether the server need not accept what its client has done with.
    fn is_left(&self, world: &Outlook<'_>, wants: Wants) -> bool {
        let Half::Connected(client) = &self.halves[0] else {
            return matches!(self.halves[0], Half::Refused);
        };
        match client.end {
            None => false,
            Some(End::BrokenOff | End::Fault(_)) => true,
            // It went before its FIN was acknowledged, and will not hear what became of that.
            Some(End::Whole) => {
                let pressed = wants.forgotten > 0;
                let grounds = Grounds { pressed, ..self.grounds(0, world) };
                let ([client, server], call) = (grounds.ends, grounds.call);
                let vanished = self.hosts().iter().any(|host| world.has_vanished(*host));
                vanished
                    || world.ask(|witness| witness.was_reset(server, client, call))
                    || grounds.gave_up().is_ok()
            }
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Streams {
    all: Vec<Stream>,
    /// By host and descriptor.
    halves: BTreeMap<(HostId, SocketId), HalfId>,
    /// By the client's endpoint and its initial sequence number: ports are used again.
    callers: BTreeMap<(SocketAddr, u32), usize>,
    listeners: BTreeMap<HostId, SocketId>,
    /// What each host's stack had to do without.
    wants: BTreeMap<HostId, Wants>,
    /// Clients that were not let in by verdict.
    pub(super) refused: BTreeSet<SocketAddr>,
    /// Dropped SYNs that a time-out is put down to.
    explained: BTreeMap<HostId, u64>,
}

/// What a host's stack had no room for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wants {
    /// SYNs that listeners dropped because a queue was full.
    pub(super) dropped: u64,
    /// Segments of handshakes that were dropped because the accept queue was.
    pub(super) forgotten: u64,
    /// Its memory was under pressure.
    pub(super) pressed: bool,
}

impl Streams {
    pub(super) fn new(plan: &Plan) -> Self {
        let all = plan.streams.iter().map(|plan| Stream {
            plan: plan.clone(),
            halves: [Half::Idle, Half::Idle],
            attempts: 0,
            local: None,
            call: None,
            called: [Instant::ZERO; 2],
        });
        let (halves, callers) = (BTreeMap::new(), BTreeMap::new());
        let (wants, explained) = (BTreeMap::new(), BTreeMap::new());
        let listeners = BTreeMap::new();
        Self {
            all: all.collect(),
            halves,
            callers,
            listeners,
            wants,
            refused: BTreeSet::new(),
            explained,
        }
    }

    /// Makes a host's listener.
    pub(super) fn listen(
        &mut self,
        host: HostId,
        listening: Listening,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<(), String> {
        let socket = stack
            .socket(Domain::Ipv4, SocketKind::Stream, now)
            .map_err(|error| format!("socket: {error}"))?;
        // There may be connections of an earlier listener.
        stack
            .set_option(socket, SocketOption::ReuseAddress(true), now)
            .map_err(|error| format!("reuse: {error}"))?;
        stack
            .set_option(socket, SocketOption::Admitting(listening.admits.is_some()), now)
            .map_err(|error| format!("admitting: {error}"))?;
        stack
            .bind(socket, SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)), now)
            .map_err(|error| format!("bind: {error}"))?;
        stack.listen(socket, listening.backlog, now).map_err(|error| format!("listen: {error}"))?;
        self.listeners.insert(host, socket);
        Ok(())
    }

    /// Closes a host's listener.
    pub(super) fn stop_listening(
        &mut self,
        host: HostId,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<(), String> {
        match self.listeners.remove(&host) {
            Some(socket) => stack.close(socket, now).map_err(|error| format!("close: {error}")),
            None => Ok(()),
        }
    }

    /// Notes what a host's stack had no room for so far.
    pub(super) fn note(&mut self, host: HostId, wants: Wants) {
        self.wants.insert(host, wants);
    }

    /// Whether this is the host's listener.
    pub(super) fn is_listener(&self, host: HostId, socket: SocketId) -> bool {
        self.listeners.get(&host) == Some(&socket)
    }

    /// Which half a descriptor is of.
    pub(super) fn half(&self, host: HostId, socket: SocketId) -> Option<HalfId> {
        self.halves.get(&(host, socket)).copied()
    }

    /// The host of a half.
    pub(super) fn host(&self, half: HalfId) -> Option<HostId> {
        self.all[half.stream].host(half.side)
    }

    /// The connected socket of a half.
    pub(super) fn socket(&self, half: HalfId) -> Option<SocketId> {
        match &self.all[half.stream].halves[half.side] {
            Half::Connected(side) => Some(side.socket),
            _ => None,
        }
    }

    /// Whether nothing is left to be done.
    pub(super) fn are_over(&self, world: &Outlook<'_>) -> bool {
        self.all.iter().all(|stream| stream.is_over(world, self.wants(stream)))
    }

    /// What the host that a stream's client calls had to do without.
    fn wants(&self, stream: &Stream) -> Wants {
        self.wants.get(&stream.hosts()[1]).copied().unwrap_or_default()
    }

    /// Whether this half waits for an attempt to connect.
    pub(super) fn is_idle(&self, half: HalfId) -> bool {
        matches!(self.all[half.stream].halves[half.side], Half::Idle)
    }

    /// Streams that are not over, for people.
    pub(super) fn unfinished(&self, world: &Outlook<'_>) -> impl Iterator<Item = (usize, String)> {
        let open = self.all.iter().enumerate();
        let open = open.filter(|(_, stream)| !stream.is_over(world, self.wants(stream)));
        open.map(|(number, stream)| (number, format!("{stream:#?}")))
    }

    /// A stream, for people.
    pub(super) fn describe(&self, number: usize) -> String {
        format!("{:#?}", self.all[number])
    }

    /// Bytes read by all.
    pub(super) fn bytes(&self) -> u64 {
        let halves = self.all.iter().flat_map(|stream| &stream.halves);
        halves.map(|half| if let Half::Connected(side) = half { side.read } else { 0 }).sum()
    }
}

impl Stream {
    /// A half's host, whom it calls, and from where if that matters.
    fn endpoints(&self, half: HalfId) -> (HostId, SocketAddr, Option<SocketAddr>) {
        let client = self.plan.client;
        match self.plan.target {
            Target::Listener(host) => (client, SocketAddr::from((host.address(), PORT)), None),
            Target::ClosedPort(host) => {
                (client, SocketAddr::from((host.address(), CLOSED_PORT)), None)
            }
            Target::Absent => (client, SocketAddr::from((ABSENT, PORT)), None),
            Target::Crossing(host) => {
                let port = CROSSING_PORT + half.stream as u16;
                let ends = [client, host];
                let (own, other) = (ends[half.side], ends[1 - half.side]);
                let from = SocketAddr::from((own.address(), port));
                (own, SocketAddr::from((other.address(), port)), Some(from))
            }
        }
    }
}
