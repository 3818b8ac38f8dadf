//! The TCP connections of a world: listeners, connects, accepts, and their outcome.

use super::content::Content;
use super::plan::{Plan, StreamPlan, Target};
use super::side::{Peer, Side};
use crate::world::{HostId, Random};
use danja_stack::socket::{ConnectError, Domain, Fault, SocketKind};
use danja_stack::{Ready, SocketId, Stack};
use danja_wire::Instant;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where listeners listen.
const PORT: u16 = 80;
/// Where nobody does.
const CLOSED_PORT: u16 = 81;
/// The first of the ports of crossing calls.
const CROSSING_PORT: u16 = 1_000;
/// Nobody has it.
const ABSENT: Ipv4Addr = Ipv4Addr::new(10, 0, 255, 1);
/// Between two attempts, and how many there are.
const RETRY: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 30;

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
    fn peer(&self, side: usize) -> Peer {
        let plan = &self.plan.sides[1 - side];
        let abnormal = plan.ending.is_abnormal();
        let side = match &self.halves[1 - side] {
            Half::Connected(side) => Some(side),
            _ => None,
        };
        Peer {
            bytes: plan.bytes,
            abnormal,
            written: side.map_or(0, |side| side.written),
            broken_off: abnormal && side.is_some_and(|side| side.end.is_some()),
            finished: side.is_some_and(Side::finished),
        }
    }

    fn is_over(&self) -> bool {
        let over = |half: &Half| match half {
            Half::Connected(side) => side.end.is_some(),
            Half::Refused => true,
            _ => false,
        };
        match self.plan.target {
            Target::ClosedPort(_) | Target::Absent => over(&self.halves[0]),
            _ => {
                // A server need not have accepted what its client broke off.
                let unaccepted =
                    matches!(self.halves[1], Half::Idle) && self.plan.sides[0].ending.is_abnormal();
                over(&self.halves[0]) && (over(&self.halves[1]) || unaccepted)
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
    /// By the client's endpoint.
    callers: BTreeMap<SocketAddr, usize>,
    pub(super) listeners: BTreeMap<(HostId, SocketId), ()>,
}

impl Streams {
    pub(super) fn new(plan: &Plan) -> Self {
        let all = plan.streams.iter().map(|plan| Stream {
            plan: plan.clone(),
            halves: [Half::Idle, Half::Idle],
            attempts: 0,
        });
        let (halves, callers) = (BTreeMap::new(), BTreeMap::new());
        Self { all: all.collect(), halves, callers, listeners: BTreeMap::new() }
    }

    /// Makes a host's listener.
    pub(super) fn listen(
        &mut self,
        host: HostId,
        backlog: usize,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<(), String> {
        let socket = stack
            .socket(Domain::Ipv4, SocketKind::Stream, now)
            .map_err(|error| format!("socket: {error}"))?;
        stack
            .bind(socket, SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)), now)
            .map_err(|error| format!("bind: {error}"))?;
        stack.listen(socket, backlog, now).map_err(|error| format!("listen: {error}"))?;
        self.listeners.insert((host, socket), ());
        Ok(())
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

    /// Begins the connection, again if an attempt failed for want of a way.
    pub(super) fn connect(
        &mut self,
        half: HalfId,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<(), String> {
        let stream = &mut self.all[half.stream];
        let (host, to, from) = stream.endpoints(half);
        let socket = stack
            .socket(Domain::Ipv4, SocketKind::Stream, now)
            .map_err(|error| format!("socket: {error}"))?;
        if let Some(from) = from {
            stack.bind(socket, from, now).map_err(|error| format!("bind: {error}"))?;
        }
        stream.attempts += 1;
        stream.halves[half.side] = Half::Connecting(socket);
        self.halves.insert((host, socket), half);
        match stack.connect(socket, to, now) {
            Err(ConnectError::InProgress) => {}
            // With the interface down there is no route; the outcome is looked at below.
            Err(ConnectError::Fault(fault)) if fault.kind == Fault::NetworkUnreachable => {}
            other => return Err(format!("connect: {other:?}")),
        }
        let local = stack.control_info(socket).and_then(|info| info.local);
        if let Some(local) = local {
            self.callers.insert(local, half.stream);
        }
        Ok(())
    }

    /// A connecting socket became ready: how did it go?
    fn connected(
        &mut self,
        half: HalfId,
        socket: SocketId,
        plan: &Plan,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<Option<Instant>, String> {
        let stream = &mut self.all[half.stream];
        let (host, to, _) = stream.endpoints(half);
        let fault = match stack.connect(socket, to, now) {
            Ok(()) | Err(ConnectError::AlreadyConnected) => None,
            Err(ConnectError::InProgress | ConnectError::AlreadyConnecting) => return Ok(None),
            Err(ConnectError::Fault(fault)) => Some(fault.kind),
            Err(error) => return Err(format!("connect: {error}")),
        };
        let Some(fault) = fault else {
            if matches!(stream.plan.target, Target::ClosedPort(_) | Target::Absent) {
                return Err("a connection with nobody was made".to_owned());
            }
            self.begin(half, socket, plan, stack, now)?;
            return Ok(None);
        };
        stack.close(socket, now).map_err(|error| format!("close: {error}"))?;
        self.halves.remove(&(host, socket));
        let expected = match stream.plan.target {
            Target::ClosedPort(_) => fault == Fault::ConnectionRefused,
            Target::Absent => fault == Fault::HostUnreachable,
            // The other side has called, been answered and broken off.
            _ => fault == Fault::ConnectionReset && stream.peer(half.side).broken_off,
        };
        if expected {
            stream.halves[half.side] = Half::Refused;
            return Ok(None);
        }
        let other = stream.host(1).or(match stream.plan.target {
            Target::ClosedPort(host) => Some(host),
            _ => None,
        });
        let missed = matches!(fault, Fault::HostUnreachable | Fault::NetworkUnreachable);
        if missed && plan.may_miss(host, other.unwrap_or(host)) && stream.attempts < ATTEMPTS {
            stream.halves[half.side] = Half::Idle;
            return Ok(Some(now + RETRY));
        }
        Err(format!("connecting to {to} failed: {fault:?}"))
    }

    /// A connection is made at this half.
    fn begin(
        &mut self,
        half: HalfId,
        socket: SocketId,
        plan: &Plan,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<(), String> {
        let stream = &mut self.all[half.stream];
        let key = plan.seed.wrapping_mul(1 << 20) + half.stream as u64 * 2;
        let says = Content::new(key + half.side as u64);
        let hears = Content::new(key + 1 - half.side as u64);
        let random = Random::new(key ^ (half.side as u64) << 63);
        let side = stream.plan.sides[half.side].clone();
        let side = Side::new(socket, side, [says, hears], random, now);
        side.prepare(stack, stream.peer(half.side).abnormal, now)?;
        stream.halves[half.side] = Half::Connected(side);
        Ok(())
    }

    /// Takes one connection off a listener; `None` if none waits.
    pub(super) fn accept(
        &mut self,
        host: HostId,
        listener: SocketId,
        plan: &Plan,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<Option<HalfId>, String> {
        let (socket, peer) = match stack.accept(listener, now) {
            Ok(accepted) => accepted,
            Err(danja_stack::socket::AcceptError::WouldBlock) => return Ok(None),
            Err(error) => return Err(format!("accept: {error}")),
        };
        let number =
            *self.callers.get(&peer).ok_or_else(|| format!("nobody called from {peer}"))?;
        let stream = &self.all[number];
        let half = HalfId { stream: number, side: 1 };
        if stream.plan.target != Target::Listener(host) {
            return Err(format!("{host:?} accepted {peer}, which called another"));
        }
        if !matches!(stream.halves[1], Half::Idle) {
            return Err(format!("{host:?} accepted {peer} twice"));
        }
        self.halves.insert((host, socket), half);
        self.begin(half, socket, plan, stack, now)?;
        Ok(Some(half))
    }

    /// Lets one half act: because of an event (`ready`), or because it wished to.
    pub(super) fn drive(
        &mut self,
        half: HalfId,
        ready: Ready,
        plan: &Plan,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<Option<Again>, String> {
        let mut again = None;
        if let Half::Connecting(socket) = self.all[half.stream].halves[half.side] {
            if ready.is_empty() {
                return Ok(None);
            }
            again = self.connected(half, socket, plan, stack, now)?;
        }
        let stream = &mut self.all[half.stream];
        let peer = stream.peer(half.side);
        if let Half::Connected(side) = &mut stream.halves[half.side] {
            side.on_ready(ready);
            again = side.drive(stack, &peer, now)?;
        }
        Ok(again.map(|at| Again { at, half }))
    }

    /// Whether nothing is left to be done.
    pub(super) fn are_over(&self) -> bool {
        self.all.iter().all(Stream::is_over)
    }

    /// Whether this half waits for an attempt to connect.
    pub(super) fn is_idle(&self, half: HalfId) -> bool {
        matches!(self.all[half.stream].halves[half.side], Half::Idle)
    }

    /// Streams that are not over, for people.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (usize, String)> {
        let open = self.all.iter().enumerate().filter(|(_, stream)| !stream.is_over());
        open.map(|(number, stream)| (number, format!("{stream:#?}")))
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
