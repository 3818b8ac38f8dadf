//! Attempts to connect, what comes of them, and accepting.

use super::{Again, Half, HalfId, Outlook, Stream, Streams};
use crate::world::workload::content::Content;
use crate::world::workload::grounds::{Other, patience};
use crate::world::workload::plan::Target;
use crate::world::workload::side::{End, Side};
use crate::world::{HostId, Random};
use danja_stack::socket::{
    AcceptError, Cause, ConnectError, Domain, Fault, SocketFault, SocketKind,
};
use danja_stack::{Ready, SocketId, Stack};
use std::time::Duration;

/// Between two attempts, and how many there are: as many seconds as ports may be in TIME-WAIT,
/// and then some.
const RETRY: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 1_000;

/// What an attempt has come to.
enum Outcome {
    Pending,
    Made,
    /// As the plan has it: there is nobody, or no longer.
    Refused,
    Again,
    Wrong(String),
}

impl Streams {
    /// Begins the connection, perhaps again.
    pub(in super::super) fn connect(
        &mut self,
        half: HalfId,
        world: &Outlook<'_>,
        stack: &mut Stack,
    ) -> Result<Option<Again>, String> {
        let now = world.now;
        let stream = &mut self.all[half.stream];
        let (host, to, from) = stream.endpoints(half);
        let socket = stack
            .socket(Domain::Ipv4, SocketKind::Stream, now)
            .map_err(|error| format!("socket: {error}"))?;
        if let Some(from) = from {
            stack.bind(socket, from, now).map_err(|error| format!("bind: {error}"))?;
        }
        stream.attempts += 1;
        stream.called[half.side] = now;
        stream.halves[half.side] = Half::Connecting(socket);
        self.halves.insert((host, socket), half);
        match stack.connect(socket, to, now) {
            Err(ConnectError::InProgress) => {}
            other => return self.came_of(half, socket, other, world, stack),
        }
        let info = stack.control_info(socket);
        let local = info.as_ref().and_then(|info| info.local);
        let tcp = info.and_then(|info| info.tcp);
        let (Some(local), Some(tcp)) = (local, tcp) else {
            return Err("a connecting socket has no endpoint or no sequence number".to_owned());
        };
        if half.side == 0 {
            (stream.local, stream.call) = (Some(local), Some(tcp.iss));
        }
        self.callers.insert((local, tcp.iss.0), half.stream);
        Ok(None)
    }

    /// What `connect` said: of a new attempt, or of one that is under way.
    fn came_of(
        &mut self,
        half: HalfId,
        socket: SocketId,
        said: Result<(), ConnectError>,
        world: &Outlook<'_>,
        stack: &mut Stack,
    ) -> Result<Option<Again>, String> {
        let stream = &mut self.all[half.stream];
        let outcome = match said {
            Ok(()) | Err(ConnectError::AlreadyConnected) => stream.on_made(),
            Err(ConnectError::InProgress | ConnectError::AlreadyConnecting) => Outcome::Pending,
            // All are in use, or in TIME-WAIT.
            Err(ConnectError::PortsExhausted) => Outcome::Again,
            Err(ConnectError::Fault(fault)) => {
                let server = stream.hosts()[1];
                let refused = stream.local.is_some_and(|local| self.refused.remove(&local));
                let dropped = self.wants.get(&server).map_or(0, |wants| wants.dropped);
                let explained = self.explained.entry(server).or_default();
                match stream.on_fault(half.side, fault, world, (dropped, explained)) {
                    // It was told no, or nothing, and calls again.
                    Outcome::Wrong(_)
                        if refused
                            && matches!(fault.kind, Fault::ConnectionRefused | Fault::TimedOut) =>
                    {
                        Outcome::Again
                    }
                    outcome => outcome,
                }
            }
            Err(error) => Outcome::Wrong(format!("connect: {error}")),
        };
        match outcome {
            Outcome::Pending => return Ok(None),
            Outcome::Made => {
                self.begin(half, socket, world, stack)?;
                return Ok(None);
            }
            Outcome::Wrong(what) => return Err(what),
            Outcome::Again if stream.attempts >= ATTEMPTS => {
                return Err(format!("{ATTEMPTS} attempts were not enough: {said:?}"));
            }
            Outcome::Again => stream.halves[half.side] = Half::Idle,
            Outcome::Refused => stream.halves[half.side] = Half::Refused,
        }
        let again = matches!(outcome, Outcome::Again).then(|| world.now + RETRY);
        self.halves.retain(|_, of| *of != half);
        stack.close(socket, world.now).map_err(|error| format!("close: {error}"))?;
        Ok(again.map(|at| Again { at, half }))
    }

    /// A connection is made at this half.
    fn begin(
        &mut self,
        half: HalfId,
        socket: SocketId,
        world: &Outlook<'_>,
        stack: &mut Stack,
    ) -> Result<(), String> {
        let stream = &mut self.all[half.stream];
        let key = world.plan.seed.wrapping_mul(1 << 20) + half.stream as u64 * 2;
        let says = Content::new(key + half.side as u64);
        let hears = Content::new(key + 1 - half.side as u64);
        let random = Random::new(key ^ (half.side as u64) << 63);
        let side = stream.plan.sides[half.side].clone();
        let mut side = Side::new(socket, side, [says, hears], random, world.now);
        let (probe, urgent) = (stream.is_risky(half.side, world.plan), world.plan.urgent);
        side.prepare(stack, [probe, urgent], world.now)?;
        stream.halves[half.side] = Half::Connected(side);
        Ok(())
    }

    /// Takes one connection off a listener; `None` if none waits.
    pub(in super::super) fn accept(
        &mut self,
        host: HostId,
        world: &Outlook<'_>,
        stack: &mut Stack,
    ) -> Result<Option<HalfId>, String> {
        let Some(listener) = self.listeners.get(&host).copied() else { return Ok(None) };
        let (socket, peer) = match stack.accept(listener, world.now) {
            Ok(accepted) => accepted,
            Err(AcceptError::WouldBlock) => {
                if stack.readiness(listener).intersects(Ready::ACCEPTABLE) {
                    return Err("accept gives WouldBlock on a ready listener".to_owned());
                }
                return Ok(None);
            }
            Err(error) => return Err(format!("accept: {error}")),
        };
        let info = stack.control_info(socket).ok_or("an accepted socket is not there")?;
        if info.remote != Some(peer) {
            return Err(format!("accept says {peer}, control information {:?}", info.remote));
        }
        let irs = info.tcp.ok_or("an accepted socket has no connection")?.irs.0;
        let Some(number) = self.callers.get(&(peer, irs)).copied() else {
            return Err(format!("nobody called from {peer} with {irs}"));
        };
        let stream = &self.all[number];
        let half = HalfId { stream: number, side: 1 };
        if stream.plan.target != Target::Listener(host) {
            return Err(format!("{host:?} accepted {peer}, which called another"));
        }
        if !matches!(stream.halves[1], Half::Idle) {
            return Err(format!("{host:?} accepted {peer} twice"));
        }
        self.halves.insert((host, socket), half);
        self.begin(half, socket, world, stack)?;
        Ok(Some(half))
    }

    /// Lets one half act: because of an event (`ready`), or because it wished to.
    pub(in super::super) fn drive(
        &mut self,
        half: HalfId,
        ready: Ready,
        world: &Outlook<'_>,
        stack: &mut Stack,
    ) -> Result<Option<Again>, String> {
        let mut again = None;
        if let Half::Connecting(socket) = self.all[half.stream].halves[half.side] {
            if ready.is_empty() {
                return Ok(None);
            }
            let (_, to, _) = self.all[half.stream].endpoints(half);
            let said = stack.connect(socket, to, world.now);
            again = self.came_of(half, socket, said, world, stack)?;
        }
        let stream = &mut self.all[half.stream];
        let across = stream.hosts()[1 - half.side];
        let wants = self.wants.get(&across).copied().unwrap_or_default();
        let peer = stream.peer(half.side, world, wants);
        if let Half::Connected(side) = &mut stream.halves[half.side] {
            side.on_ready(ready);
            let at = side.drive(stack, &peer, world.now)?;
            again = at.map(|at| Again { at, half });
            if matches!(side.end, Some(End::Fault(_))) && peer.grounds.other == Other::Unborn {
                // Its listener was closed before anybody took it: it calls once more.
                stream.halves[half.side] = Half::Idle;
                again = Some(Again { at: world.now + RETRY, half });
            }
        }
        Ok(again)
    }
}

impl Stream {
    fn on_made(&self) -> Outcome {
        match self.plan.target {
            Target::ClosedPort(_) | Target::Absent => {
                Outcome::Wrong("a connection with nobody was made".to_owned())
            }
            _ => Outcome::Made,
        }
    }

    fn on_fault(
        &self,
        side: usize,
        fault: SocketFault,
        world: &Outlook<'_>,
        drops: (u64, &mut u64),
    ) -> Outcome {
        let missed = matches!(fault.kind, Fault::HostUnreachable | Fault::NetworkUnreachable);
        let hosts = self.hosts();
        let refused = fault.kind == Fault::ConnectionRefused;
        let reset = fault.kind == Fault::ConnectionReset;
        let outcome = match self.plan.target {
            Target::ClosedPort(_) if refused => return Outcome::Refused,
            Target::Absent if missed => {
                let (_, to, _) = self.endpoints(HalfId { stream: 0, side });
                return match fault.cause {
                    Some(Cause::NeighbourSilent(who)) if who == to.ip() => Outcome::Refused,
                    _ if world.plan.has_outage(hosts[0]) => Outcome::Again,
                    cause => Outcome::Wrong(format!("{to} is unreachable because of {cause:?}")),
                };
            }
            // The other side has called, been answered and broken off.
            _ if reset && self.other(side, world) == Other::Broken => return Outcome::Refused,
            // The listener is being opened again.
            Target::Listener(host) if (refused || reset) && world.plan.restarts(host) => {
                return Outcome::Again;
            }
            _ if fault.kind == Fault::TimedOut => self.may_time_out(side, fault, world, drops),
            _ if missed => self.may_miss(side, fault, world),
            _ => Err("nothing excuses it".to_owned()),
        };
        match outcome {
            Ok(()) if hosts.iter().any(|host| world.has_vanished(*host)) => Outcome::Refused,
            Ok(()) => Outcome::Again,
            Err(why) => {
                let target = self.plan.target;
                Outcome::Wrong(format!("connecting to {target:?} failed: {fault:?}: {why}"))
            }
        }
    }

    /// Whether a SYN was rightly sent for the last time: all were lost, or their answers were,
    /// or a full listener dropped them.
    fn may_time_out(
        &self,
        side: usize,
        fault: SocketFault,
        world: &Outlook<'_>,
        drops: (u64, &mut u64),
    ) -> Result<(), String> {
        let grounds = self.grounds(side, world);
        let tcp = &world.plan.hosts[grounds.hosts[0].0].stack.tcp;
        if fault.cause != Some(Cause::Retransmissions(tcp.syn_retries)) {
            return Err(format!("{} retransmissions are due", tcp.syn_retries));
        }
        let patience = patience(tcp.initial_rto, tcp.syn_retries, tcp.max_rto);
        let waited = world.now.saturating_since(self.called[side]);
        if waited < patience {
            return Err(format!("it gave up after {waited:?}, {patience:?} are due"));
        }
        let ([own, other], now) = (grounds.ends, world.now);
        let (hosts, ends, zero) = (grounds.hosts, grounds.ends, Duration::ZERO);
        let unheard = world.ask(|witness| witness.unheard(hosts, ends, None, zero, now));
        let Err(why) = unheard else { return Ok(()) };
        let arrived = match self.plan.target {
            // What passes no adapter is not seen, and never lost.
            Target::Listener(host) if host == self.plan.client => u32::from(tcp.syn_retries) + 1,
            _ => world.ask(|witness| witness.arrivals(own, other)),
        };
        let (dropped, explained) = drops;
        if *explained + u64::from(arrived) > dropped {
            return Err(why);
        }
        *explained += u64::from(arrived);
        Ok(())
    }

    /// Whether the other host was rightly not found.
    fn may_miss(&self, side: usize, fault: SocketFault, world: &Outlook<'_>) -> Result<(), String> {
        let grounds = self.grounds(side, world);
        if grounds.hosts.iter().any(|host| world.plan.has_outage(*host)) {
            return Ok(());
        }
        let [own, other] = grounds.ends;
        if fault.cause != Some(Cause::NeighbourSilent(other.ip())) {
            return Err("no neighbour was silent".to_owned());
        }
        world.ask(|witness| witness.not_found(own, other))
    }
}
