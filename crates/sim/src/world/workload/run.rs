//! Runs a plan: makes the world, plays every part, and hands what it sees to the judges. Decides
//! nothing by itself.

mod end;

use super::Report;
use super::content::Content;
use super::exchange::{Exchange, echo, open_echo};
use super::judge;
use super::plan::{Plan, Target, Trouble};
use super::streams::{Again, HalfId, Outlook, Streams, Wants};
use super::verdicts::Verdicts;
use super::witness::Witness;
use crate::world::{Happening, HostId, Observer, World};
use danja_stack::{Event, Ready, SocketId, Stack};
use danja_wire::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A world in which something still happens after this long does not end.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// A world that takes this many steps does not get on.
const MOST_STEPS: u64 = 20_000_000;

/// Something to be done later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Task {
    Connect(HalfId),
    Drive(HalfId),
    Accept(HostId),
    Close(HostId),
    Listen(HostId),
    Exchange(usize),
    OutageBegins(usize),
    OutageEnds(usize),
    Vanish(HostId),
    Verdict(usize),
}

/// A plan being run.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    pub(super) world: World,
    pub(super) streams: Streams,
    witness: Arc<Mutex<Witness>>,
    verdicts: Verdicts,
    exchanges: Vec<Exchange>,
    askers: BTreeMap<(HostId, SocketId), usize>,
    echoes: BTreeSet<(HostId, SocketId)>,
    tasks: Vec<Task>,
    /// When a task that may be asked for often is due; other alarms for it are old.
    due: BTreeMap<Task, Instant>,
    pub(super) limit: Instant,
}

impl<'a> Run<'a> {
    /// The world of a plan with its clock moved on by `shift`, before anything happens.
    pub(super) fn new(
        plan: &'a Plan,
        hash_key: Option<[u8; 16]>,
        shift: Duration,
    ) -> Result<Self, String> {
        let start = plan.start + shift;
        let mut world = World::with(plan.seed, plan.segment, start);
        for host in &plan.hosts {
            let mut host = host.clone();
            host.stack.hash_key = hash_key;
            world.host(host);
        }
        let exchanges = plan.exchanges.iter().enumerate().map(|(number, exchange)| {
            let key = plan.seed.wrapping_mul(1 << 20) + (1 << 19) + number as u64;
            Exchange::new(exchange.clone(), Content::new(key))
        });
        let mut run = Self {
            plan,
            world,
            streams: Streams::new(plan),
            witness: Arc::new(Mutex::new(Witness::new(plan.corrupting))),
            verdicts: Verdicts::default(),
            exchanges: exchanges.collect(),
            askers: BTreeMap::new(),
            echoes: BTreeSet::new(),
            tasks: Vec::new(),
            due: BTreeMap::new(),
            limit: start + LONGEST,
        };
        run.observe(Box::new(|_| {}));
        run.open_services()?;
        run.schedule();
        Ok(run)
    }

    /// The witness sees every frame, and `also` is told of it.
    pub(super) fn observe(&mut self, mut also: Observer) {
        let witness = Arc::clone(&self.witness);
        self.world.observe(Box::new(move |passing| {
            witness.lock().unwrap_or_else(PoisonError::into_inner).see(passing);
            also(passing);
        }));
    }

    fn open_services(&mut self) -> Result<(), String> {
        let listening = self.plan.listening;
        for host in self.world.hosts() {
            let streams = &mut self.streams;
            let socket = self.world.call(host, |stack, now| {
                streams.listen(host, listening, stack, now)?;
                open_echo(stack, now)
            });
            self.echoes.insert((host, socket?));
        }
        Ok(())
    }

    fn schedule(&mut self) {
        let start = self.world.now();
        for (number, stream) in self.plan.streams.iter().enumerate() {
            let crossing = matches!(stream.target, Target::Crossing(_));
            for side in 0..=usize::from(crossing) {
                let half = HalfId { stream: number, side };
                self.later(start + stream.start, Task::Connect(half));
            }
        }
        for (number, exchange) in self.plan.exchanges.iter().enumerate() {
            self.later(start + exchange.start, Task::Exchange(number));
        }
        for restart in &self.plan.restarts {
            self.later(start + restart.start, Task::Close(restart.host));
            self.later(start + restart.start + restart.length, Task::Listen(restart.host));
        }
        if let Some(vanishing) = self.plan.vanishing {
            self.later(start + vanishing.start, Task::Vanish(vanishing.host));
        }
        for (number, outage) in self.plan.outages.iter().enumerate() {
            self.later(start + outage.start, Task::OutageBegins(number));
            self.later(start + outage.start + outage.length, Task::OutageEnds(number));
        }
    }

    fn later(&mut self, at: Instant, task: Task) {
        if self.due.get(&task) == Some(&at) {
            return;
        }
        self.due.insert(task, at);
        self.world.alarm(at, self.tasks.len() as u64);
        self.tasks.push(task);
    }

    /// Lets the next thing happen. `false` if nothing is left to.
    pub(super) fn step(&mut self) -> Result<bool, String> {
        let step = self.world.step(self.limit).map_err(|livelock| livelock.to_string())?;
        let Some(happening) = step else { return Ok(false) };
        self.on(happening).map_err(|what| format!("at {:?}: {what}", self.since_start()))?;
        if self.world.steps() > MOST_STEPS {
            return Err(format!("{MOST_STEPS} steps were not enough"));
        }
        Ok(true)
    }

    fn since_start(&self) -> Duration {
        self.world.now().saturating_since(self.world.start())
    }

    /// Runs the world to its end, and judges it.
    pub(super) fn finish(mut self) -> Result<Report, String> {
        let hosts: Vec<HostId> = self.world.hosts().collect();
        // Now and then is enough: looking at all costs more than a step.
        let mut steps = 0_u32;
        while self.step()? {
            steps += 1;
            if steps.is_multiple_of(256) {
                hosts.iter().for_each(|host| self.note(*host));
                if self.is_over() {
                    break;
                }
            }
        }
        hosts.iter().for_each(|host| self.note(*host));
        self.judge_parts()?;
        // A listener that was to be opened later is not.
        self.due.clear();
        self.close_services()?;
        while self.step()? {}
        judge::judge_end(self.plan, &self.world, self.limit)?;
        Ok(self.report())
    }

    /// Whether every part has come to its end.
    pub(super) fn is_over(&self) -> bool {
        let streams = self.streams.are_over(&self.outlook());
        streams && self.exchanges.iter().all(Exchange::is_over)
    }

    fn on(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Socket { host, socket, ready } => self.on_socket(host, socket, ready),
            Happening::Stack { host, event: Event::Incoming(incoming) } => {
                let wait = self.plan.listening.admits.unwrap_or_default();
                let number = self.verdicts.ask(host, incoming);
                self.later(self.world.now() + wait, Task::Verdict(number));
                Ok(())
            }
            Happening::Stack { host, event: Event::Withdrawn { id, .. } } => {
                self.verdicts.withdraw(host, id);
                Ok(())
            }
            Happening::Stack { .. } => Ok(()),
            Happening::Alarm(number) => {
                let Some(task) = self.tasks.get(number as usize).copied() else { return Ok(()) };
                if self.due.get(&task) != Some(&self.world.now()) {
                    return Ok(());
                }
                self.due.remove(&task);
                self.on_task(task)
            }
        }
    }

    fn on_socket(&mut self, host: HostId, socket: SocketId, ready: Ready) -> Result<(), String> {
        if self.streams.is_listener(host, socket) {
            let task = Task::Accept(host);
            if !self.due.contains_key(&task) {
                self.later(self.world.now() + self.plan.listening.delay, task);
            }
            return Ok(());
        }
        if self.echoes.contains(&(host, socket)) {
            return self.world.call(host, |stack, now| echo(socket, stack, now));
        }
        if let Some(number) = self.askers.get(&(host, socket)).copied() {
            return self.drive_exchange(number);
        }
        match self.streams.half(host, socket) {
            Some(half) => self.drive(half, ready),
            None => Ok(()),
        }
    }

    fn on_task(&mut self, task: Task) -> Result<(), String> {
        match task {
            Task::Connect(half) => {
                let again = self
                    .on_stack(half, |streams, world, stack| streams.connect(half, world, stack));
                self.again(half, again)
            }
            Task::Drive(half) if self.streams.is_idle(half) => self.on_task(Task::Connect(half)),
            Task::Drive(half) => self.drive(half, Ready::NONE),
            Task::Accept(host) => self.accept(host),
            Task::Close(host) => {
                let streams = &mut self.streams;
                self.world.call(host, |stack, now| streams.stop_listening(host, stack, now))
            }
            Task::Listen(host) => {
                let (streams, listening) = (&mut self.streams, self.plan.listening);
                self.world.call(host, |stack, now| streams.listen(host, listening, stack, now))
            }
            Task::Vanish(host) => {
                self.world.plug(host, false);
                Ok(())
            }
            Task::Verdict(number) => {
                let host = self.verdicts.host(number);
                let (verdicts, closed) = (&mut self.verdicts, self.plan.restarts(host));
                let streams = &mut self.streams;
                self.world.call(host, |stack, now| {
                    let client = verdicts.give(number, closed, stack, now)?;
                    streams.refused.extend(client);
                    Ok(())
                })
            }
            Task::Exchange(number) => self.drive_exchange(number),
            Task::OutageBegins(number) => {
                self.trouble(number, false);
                Ok(())
            }
            Task::OutageEnds(number) => {
                self.trouble(number, true);
                Ok(())
            }
        }
    }

    fn outlook(&self) -> Outlook<'a> {
        let witness = Arc::clone(&self.witness);
        Outlook { plan: self.plan, start: self.world.start(), now: self.world.now(), witness }
    }

    fn on_stack<R>(
        &mut self,
        half: HalfId,
        act: impl FnOnce(&mut Streams, &Outlook<'_>, &mut Stack) -> R,
    ) -> R {
        let host = self.streams.host(half).unwrap_or(HostId(0));
        let outlook = self.outlook();
        let streams = &mut self.streams;
        self.world.call(host, |stack, _| act(streams, &outlook, stack))
    }

    /// Notes what a host's stack had to do without so far.
    fn note(&mut self, host: HostId) {
        let stack = self.world.stack(host);
        let counters = stack.counters();
        let forgotten = counters.tcp_listen_overflows;
        let dropped = counters.tcp_listen_drops;
        // Beyond three quarters of what it may use, a stack gives up orphans.
        let limit = stack.config().limits.buffer_bytes;
        let pressed = self.world.counters(host).most_buffered > limit - limit / 4;
        self.streams.note(host, Wants { dropped, forgotten, pressed });
    }

    fn drive(&mut self, half: HalfId, ready: Ready) -> Result<(), String> {
        if let Some(host) = self.streams.host(HalfId { side: 1 - half.side, ..half }) {
            self.note(host);
        }
        let again =
            self.on_stack(half, |streams, world, stack| streams.drive(half, ready, world, stack));
        self.again(half, again)
    }

    /// Calls a half again when it wishes.
    fn again(&mut self, half: HalfId, again: Result<Option<Again>, String>) -> Result<(), String> {
        let again = again.map_err(|what| self.explain(half, &what))?;
        if let Some(Again { at, half }) = again {
            self.later(at, Task::Drive(half));
        }
        Ok(())
    }

    fn accept(&mut self, host: HostId) -> Result<(), String> {
        loop {
            let outlook = self.outlook();
            let streams = &mut self.streams;
            let accepted =
                self.world.call(host, |stack, _| streams.accept(host, &outlook, stack))?;
            match accepted {
                Some(half) => self.drive(half, Ready::NONE)?,
                None => return Ok(()),
            }
        }
    }

    fn drive_exchange(&mut self, number: usize) -> Result<(), String> {
        let exchange = &mut self.exchanges[number];
        let host = exchange.plan.asker;
        let before = exchange.socket;
        let again = self
            .world
            .call(host, |stack, now| exchange.drive(stack, now))
            .map_err(|what| format!("exchange {number}: {what}: {:?}", exchange.plan))?;
        let after = exchange.socket;
        if let (Some(socket), true) = (before, before != after) {
            self.askers.remove(&(host, socket));
        }
        if let Some(socket) = after {
            self.askers.insert((host, socket), number);
        }
        if let Some(at) = again {
            self.later(at, Task::Exchange(number));
        }
        Ok(())
    }

    fn trouble(&mut self, number: usize, over: bool) {
        let outage = self.plan.outages[number];
        match outage.trouble {
            Trouble::Pulled => {
                let gone = self.plan.vanishing.filter(|it| it.host == outage.host);
                let gone = gone.is_some_and(|it| self.since_start() >= it.start);
                self.world.plug(outage.host, over && !gone);
            }
            Trouble::Down => {
                let (witness, now) = (self.witness.lock(), self.world.now());
                witness.unwrap_or_else(PoisonError::into_inner).set_deaf(outage.host, !over, now);
                let interface = self.world.interface(outage.host);
                self.world.call(outage.host, |stack, now| stack.set_up(interface, over, now));
            }
        }
    }
}
