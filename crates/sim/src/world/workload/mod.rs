//! A random workload for a world, and the oracle that judges it: every byte arrives intact at its
//! place, or the right error does; memory stays under its limits and is given back.

mod content;
mod datagram;
mod endpoint;
mod judge;
mod plan;

use super::random::mix;
use super::{HostConfig, HostId, Programs, World};
use core::time::Duration;
use danja_stack::socket::{ConnectError, Domain, SocketKind, SocketOption};
use danja_stack::{Event, Ready, SocketId, Stack};
use danja_wire::Instant;
use endpoint::{End, Endpoint};
use judge::{Stream, check_leaks, check_memory};
use plan::{DatagramPlan, Ending, Plan, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where every host listens for streams, and waits for datagrams.
const PORT: u16 = 7000;
/// Where nobody does.
const CLOSED_PORT: u16 = 9;
/// An address of the LAN that no host has.
const ABSENT: Ipv4Addr = Ipv4Addr::new(10, 0, 200, 200);
/// A workload that is not done by then hangs.
const LIMIT: Instant = Instant::from_secs(4 * 3_600);
/// TIME-WAIT, orphans, half-open connections and neighbours are over after this.
const AFTERMATH: Duration = Duration::from_secs(1_200);

/// What a world did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// A hash of all frames and when they were sent.
    pub digest: u64,
    /// Frames sent.
    pub frames: u64,
    /// Hosts.
    pub hosts: usize,
    /// Streams that carried all their bytes.
    pub whole: usize,
    /// Streams that ended with an error, as they had to.
    pub failed: usize,
    /// Bytes that streams delivered.
    pub bytes: u64,
    /// Datagrams that arrived.
    pub datagrams: usize,
}

/// Runs the world of `seed` to its end. `hash_key` is the key of all stacks' tables, which must
/// not make a difference.
///
/// # Errors
/// The first thing that went wrong, and where.
pub fn run(seed: u64, hash_key: [u8; 16]) -> Result<Report, String> {
    let plan = Plan::new(seed);
    let mut world = World::new(mix(seed));
    for host in &plan.hosts {
        let mut stack = host.config.clone();
        stack.hash_key = Some(hash_key);
        let config = HostConfig {
            stack,
            seed: host.seed,
            mtu: plan.mtu,
            max_segmented: host.max_segmented,
            up: host.up,
            down: host.down,
        };
        world.add_host(config).ok_or("a stack takes no interface")?;
    }
    let mut workload = Workload::new(plan);
    for number in 0..world.len() {
        let host = HostId(number);
        let opened = world.with_stack(host, &mut workload, |stack, _, now| open(stack, host, now));
        let (listener, datagrams) = opened.ok_or("no such host")??;
        workload.listeners.insert((host, listener));
        workload.receivers.insert((host, datagrams));
    }
    let mut until = Instant::ZERO;
    while !workload.is_done() {
        until += Duration::from_secs(1);
        if until > LIMIT {
            return Err(format!("not done after {LIMIT:?}: {}", workload.unfinished()));
        }
        world.run_until(&mut workload, until);
        workload.verdict()?;
        check_memory(&world)?;
    }
    world.run_until(&mut workload, until + AFTERMATH);
    workload.verdict()?;
    workload.check_ends()?;
    check_leaks(&world)?;
    Ok(workload.report(&world))
}

/// The sockets every host has: a listener and a datagram socket.
fn open(stack: &mut Stack, host: HostId, now: Instant) -> Result<(SocketId, SocketId), String> {
    let local = SocketAddr::new(IpAddr::V4(World::address(host)), PORT);
    let text = |error: &dyn core::fmt::Display| format!("opening a host's sockets: {error}");
    let listener = stack.socket(Domain::Ipv4, SocketKind::Stream, now).map_err(|e| text(&e))?;
    stack.bind(listener, local, now).map_err(|e| text(&e))?;
    stack.listen(listener, 128, now).map_err(|e| text(&e))?;
    let datagrams = stack.socket(Domain::Ipv4, SocketKind::Datagram, now).map_err(|e| text(&e))?;
    stack.bind(datagrams, local, now).map_err(|e| text(&e))?;
    Ok((listener, datagrams))
}

/// The programs of all hosts, and their judge.
struct Workload {
    lossy: bool,
    streams: Vec<Stream>,
    datagrams: Vec<DatagramPlan>,
    listeners: BTreeSet<(HostId, SocketId)>,
    receivers: BTreeSet<(HostId, SocketId)>,
    /// Which stream a socket is a side of, and whether it is the server's.
    sides: BTreeMap<(HostId, SocketId), (usize, bool)>,
    /// Which stream a client's endpoint belongs to.
    clients: BTreeMap<SocketAddr, usize>,
    /// What each host does by itself next: moments with streams or datagrams to begin, or to read.
    timers: BTreeMap<HostId, BTreeSet<(Instant, Task)>>,
    arrived: usize,
    wrong: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Connect(usize),
    Datagrams(usize),
    Read(SocketId),
}

impl Workload {
    fn new(plan: Plan) -> Self {
        let mut timers: BTreeMap<HostId, BTreeSet<(Instant, Task)>> = BTreeMap::new();
        for (number, stream) in plan.streams.iter().enumerate() {
            timers.entry(stream.client).or_default().insert((stream.start, Task::Connect(number)));
        }
        for (number, datagrams) in plan.datagrams.iter().enumerate() {
            timers
                .entry(datagrams.from)
                .or_default()
                .insert((datagrams.start, Task::Datagrams(number)));
        }
        let streams =
            plan.streams.into_iter().map(|plan| Stream { plan, client: None, server: None });
        Self {
            lossy: plan.lossy,
            streams: streams.collect(),
            datagrams: plan.datagrams,
            listeners: BTreeSet::new(),
            receivers: BTreeSet::new(),
            sides: BTreeMap::new(),
            clients: BTreeMap::new(),
            timers,
            arrived: 0,
            wrong: None,
        }
    }

    fn verdict(&self) -> Result<(), String> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// Every client has ended, and so has every server that had accepted.
    fn is_done(&self) -> bool {
        self.wrong.is_some() || self.streams.iter().all(Stream::is_done)
    }

    fn unfinished(&self) -> String {
        let open = self.streams.iter().enumerate().filter(|(_, stream)| !stream.is_done());
        open.map(|(number, stream)| {
            format!(
                "\nstream {number}: {:?}\n  client {:?}\n  server {:?}",
                stream.plan, stream.client, stream.server
            )
        })
        .collect()
    }

    fn report(&self, world: &World) -> Report {
        let ends = |stream: &&Stream| {
            stream.client.as_ref().is_some_and(|client| client.end == Some(End::Whole))
        };
        let whole = self.streams.iter().filter(ends).count();
        let sides =
            self.streams.iter().flat_map(|stream| [&stream.client, &stream.server]).flatten();
        Report {
            digest: world.digest(),
            frames: world.frames(),
            hosts: world.len(),
            whole,
            failed: self.streams.len() - whole,
            bytes: sides.map(|side| side.received).sum(),
            datagrams: self.arrived,
        }
    }

    /// How every stream had to end.
    fn check_ends(&self) -> Result<(), String> {
        for (number, stream) in self.streams.iter().enumerate() {
            stream.check_end(self.lossy).map_err(|what| {
                let (client, server) = (&stream.client, &stream.server);
                format!(
                    "stream {number}: {what}\n  {:?}\n  client {client:?}\n  server {server:?}",
                    stream.plan
                )
            })?;
        }
        Ok(())
    }

    fn connect(&mut self, number: usize, stack: &mut Stack, now: Instant) -> Result<(), String> {
        let plan = &self.streams[number].plan;
        let (address, port) = match plan.target {
            Target::Listener(host) => (World::address(host), PORT),
            Target::ClosedPort(host) => (World::address(host), CLOSED_PORT),
            Target::AbsentHost => (ABSENT, PORT),
        };
        let socket = stack
            .socket(Domain::Ipv4, SocketKind::Stream, now)
            .map_err(|e| format!("socket: {e}"))?;
        let begun = stack.connect(socket, SocketAddr::new(IpAddr::V4(address), port), now);
        if begun != Err(ConnectError::InProgress) {
            return Err(format!("connect gave {begun:?}"));
        }
        let local =
            stack.control_info(socket).and_then(|info| info.local).ok_or("no local endpoint")?;
        self.clients.insert(local, number);
        self.sides.insert((plan.client, socket), (number, false));
        let contents = [number as u64 * 2, number as u64 * 2 + 1];
        let mut client = Endpoint::new(socket, contents, plan.bytes, plan.pace[0]);
        if let Ending::Abort(after) = plan.ending {
            client.abort_after = Some(after);
        }
        self.streams[number].client = Some(client);
        Ok(())
    }

    fn accept(
        &mut self,
        host: HostId,
        listener: SocketId,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<(), String> {
        while let Ok((socket, peer)) = stack.accept(listener, now) {
            let number =
                *self.clients.get(&peer).ok_or_else(|| format!("nobody connected from {peer}"))?;
            let stream = &mut self.streams[number];
            if stream.plan.target != Target::Listener(host) || stream.server.is_some() {
                return Err(format!(
                    "{host:?} accepted {peer}, which called {:?}",
                    stream.plan.target
                ));
            }
            let [up, down] = stream.plan.bytes;
            let contents = [number as u64 * 2 + 1, number as u64 * 2];
            let mut server = Endpoint::new(socket, contents, [down, up], stream.plan.pace[1]);
            server.waits = stream.plan.ending == Ending::Request;
            if matches!(stream.plan.ending, Ending::Abort(_)) {
                // The client's reset may be lost; then only probing finds out.
                for option in [
                    SocketOption::KeepAlive(true),
                    SocketOption::KeepIdle(Duration::from_secs(10)),
                    SocketOption::KeepInterval(Duration::from_secs(5)),
                ] {
                    stack
                        .set_option(socket, option, now)
                        .map_err(|error| format!("keep-alive: {error}"))?;
                }
            }
            stream.server = Some(server);
            self.sides.insert((host, socket), (number, true));
            self.side(host, socket, stack, now)?;
        }
        Ok(())
    }

    /// Lets one side of a stream act.
    fn side(
        &mut self,
        host: HostId,
        socket: SocketId,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<(), String> {
        let Some((number, server)) = self.sides.get(&(host, socket)).copied() else {
            return Ok(());
        };
        let stream = &mut self.streams[number];
        let side = if server { &mut stream.server } else { &mut stream.client };
        let Some(side) = side else { return Ok(()) };
        let who = if server { "server" } else { "client" };
        side.act(stack, now)
            .map_err(|what| format!("stream {number}, {who} at {now:?}: {what}"))?;
        if let (Some(at), None) = (side.next_read.filter(|at| *at > now), side.end) {
            self.timers.entry(host).or_default().insert((at, Task::Read(socket)));
        }
        Ok(())
    }
}

impl Programs for Workload {
    fn on_event(&mut self, host: HostId, stack: &mut Stack, event: Event, now: Instant) {
        let Event::Socket { socket, ready } = event else { return };
        let done = if self.listeners.contains(&(host, socket)) {
            if ready.intersects(Ready::ACCEPTABLE) {
                self.accept(host, socket, stack, now)
            } else {
                Ok(())
            }
        } else if self.receivers.contains(&(host, socket)) {
            datagram::receive(socket, stack, now).map(|arrived| self.arrived += arrived)
        } else {
            self.side(host, socket, stack, now)
        };
        if let Err(what) = done {
            self.blame(format!("{host:?}: {what}"));
        }
    }

    fn on_timer(&mut self, host: HostId, stack: &mut Stack, now: Instant) {
        while let Some((at, task)) = self.timers.get(&host).and_then(|tasks| tasks.first().copied())
        {
            if at > now {
                return;
            }
            self.timers.entry(host).or_default().remove(&(at, task));
            let done = match task {
                Task::Connect(number) => self.connect(number, stack, now),
                Task::Datagrams(number) => {
                    let own = self.receivers.iter().find(|(of, _)| *of == host);
                    if let Some((_, socket)) = own {
                        datagram::send(number, &self.datagrams[number], *socket, stack, now);
                    }
                    Ok(())
                }
                Task::Read(socket) => self.side(host, socket, stack, now),
            };
            if let Err(what) = done {
                self.blame(format!("{host:?}: {what}"));
            }
        }
    }

    fn next_timer(&self, host: HostId) -> Option<Instant> {
        self.timers.get(&host).and_then(|tasks| tasks.first()).map(|(at, _)| *at)
    }
}
