//! The timeline of one script: when each event happens, and the call that blocks meanwhile.

use super::application::{Answer, Application, Progress};
use super::clock::{Due, due};
use super::compare::Rules;
use super::machine::Machine;
use super::packets::Packets;
use super::snapshot::{sockstat_name, variable};
use super::{Options, Settings, Stop, settings, show};
use crate::packetdrill::ast::{Action, Call, Command, Direction, Event, Packet, Script};
use crate::packetdrill::command::{Request, understand};
use crate::packetdrill::evaluate::{self, Refused};
use danja_wire::Instant;

/// A call that has not returned.
struct Pending {
    call: Call,
    line: usize,
    due: Due,
    progress: Progress,
}

/// What the runner remembers of the event before.
#[derive(Clone, Copy)]
struct Previous {
    scheduled: Instant,
    finished: Instant,
    inbound: bool,
}

/// One script under way.
pub(super) struct Runner {
    machine: Machine,
    application: Application,
    packets: Packets,
    pending: Option<Pending>,
    settings: Settings,
    options: Options,
}

/// A stop, with the line it belongs to.
type Run = Result<(), (usize, Stop)>;

impl Runner {
    pub(super) fn new(machine: Machine, settings: Settings, options: Options) -> Self {
        Self {
            machine,
            application: Application::new(settings.personality),
            packets: Packets::new(
                Rules {
                    personality: settings.personality,
                    timestamp_tick: options.timestamp_tick,
                    strict: settings.strict,
                },
                options.strict_segments,
            ),
            pending: None,
            settings,
            options,
        }
    }

    /// All events in order; then what is left over.
    pub(super) fn run(&mut self, script: &Script) -> Run {
        let start = Machine::start();
        if let Some(initial) = &script.initial {
            self.command(initial).map_err(|stop| (initial.line, stop))?;
        }
        let mut previous = Previous { scheduled: start, finished: start, inbound: false };
        for event in &script.events {
            let inbound = matches!(&event.action, Action::Packet(packet) if packet.direction == Direction::In);
            let base =
                if inbound && previous.inbound { previous.scheduled } else { previous.finished };
            let due = due(event.time, start, base, self.options.tolerance);
            self.event(event, due)?;
            previous = Previous { scheduled: due.from, finished: self.machine.now, inbound };
        }
        self.settle()?;
        let last = script.events.last().map_or(0, |event| event.line);
        if self.settings.strict
            && let Some(extra) = self.packets.left_over(&mut self.machine)?
        {
            return Err((
                last,
                Stop::Differ("a packet that the script does not expect".to_owned(), extra),
            ));
        }
        if let Some(command) = &script.last {
            self.command(command).map_err(|stop| (command.line, stop))?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, due: Due) -> Run {
        let here = |stop| (event.line, stop);
        if let Action::Packet(packet) = &event.action
            && packet.direction == Direction::Out
        {
            return self.expect(event, packet, due);
        }
        if matches!(event.action, Action::Call(_)) {
            self.settle()?;
        }
        while self.machine.step(due.from).map_err(|reason| here(reason.into()))? {
            self.go_on()?;
        }
        if !due.allows(self.machine.now) {
            let now = show::time(self.machine.now.saturating_since(Machine::start()));
            return Err(here(Stop::Fail(format!(
                "the event before ended at {now}, too late for this one"
            ))));
        }
        match &event.action {
            Action::Packet(packet) => {
                self.packets.give(&mut self.machine, packet).map_err(here)?;
                self.go_on()
            }
            Action::Call(call) => {
                let progress = Progress::default();
                self.pending =
                    Some(Pending { call: call.clone(), line: event.line, due, progress });
                self.go_on()
            }
            Action::Command(command) => self.command(command).map_err(here),
            Action::Code(code) => self.code(code).map_err(here),
        }
    }

    /// Lets time pass until the stack sends the packet, or is late.
    fn expect(&mut self, event: &Event, packet: &Packet, due: Due) -> Run {
        let here = |stop| (event.line, stop);
        loop {
            if self.packets.expect(&mut self.machine, packet, due, true).map_err(here)? {
                return Ok(());
            }
            let waiting = due.to.is_some() || self.machine.is_waiting();
            if waiting && self.machine.step(due.latest()).map_err(|reason| here(reason.into()))? {
                self.go_on()?;
                continue;
            }
            if self.packets.expect(&mut self.machine, packet, due, false).map_err(here)? {
                return Ok(());
            }
            let reason = if waiting {
                let latest = show::time(due.latest().saturating_since(Machine::start()));
                format!("the stack sent nothing of this connection by {latest}")
            } else {
                "the stack sends nothing, and waits for nothing".to_owned()
            };
            return Err(here(Stop::Fail(reason)));
        }
    }

    /// Asks the call that blocks again, and checks it if it ends now.
    fn go_on(&mut self) -> Run {
        let Some(mut pending) = self.pending.take() else { return Ok(()) };
        let line = pending.line;
        let here = |stop| (line, stop);
        let answer = self
            .application
            .attempt(&mut self.machine, &pending.call, &mut pending.progress)
            .map_err(here)?;
        if let Some(subject) = self.application.subject.take() {
            self.packets.begin(subject);
        }
        if matches!(answer, Answer::Blocked) {
            self.pending = Some(pending);
            return Ok(());
        }
        let end = pending.due.end.unwrap_or(pending.due.from);
        let end = Due { from: end, to: Some(end), ..pending.due };
        self.application.finish(&pending.call, &answer).map_err(here)?;
        if !end.allows(self.machine.now) {
            let time = |at: Instant| show::time(at.saturating_since(Machine::start()));
            let (ended, wanted) = (time(self.machine.now), time(end.from));
            let reason = format!("{} returned at {ended}, expected at {wanted}", pending.call.name);
            return Err(here(Stop::Fail(reason)));
        }
        Ok(())
    }

    /// Lets time pass until the call that blocks has ended, or is late.
    fn settle(&mut self) -> Run {
        while let Some(pending) = &self.pending {
            let line = pending.line;
            let latest = pending.due.end.unwrap_or(pending.due.from) + pending.due.slack;
            let name = pending.call.name.clone();
            let stepped = self.machine.step(latest).map_err(|reason| (line, reason.into()))?;
            self.go_on()?;
            if !stepped && self.pending.is_some() {
                let latest = show::time(latest.saturating_since(Machine::start()));
                return Err((line, Stop::Fail(format!("{name} still blocks at {latest}"))));
            }
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> Result<(), Stop> {
        for request in understand(&command.text).map_err(Stop::Skip)? {
            match request {
                Request::Set(name, value) => {
                    settings::apply(self.machine.stack.config_mut(), &name, &value)
                        .map_err(Stop::Skip)?;
                }
                Request::Count { state, count, owned } => self.count(&state, count, owned)?,
                Request::Drop(state) => self.drop_connections(&state),
            }
        }
        Ok(())
    }

    /// How many connections are in a state, as `sockstat` would list them.
    fn count(&self, state: &str, wanted: usize, owned: bool) -> Result<(), Stop> {
        let sockets = self.machine.stack.sockets();
        let listed = sockets.iter().filter(|info| !owned || info.socket.is_some());
        let states: Vec<&str> = listed.filter_map(|info| info.state.map(sockstat_name)).collect();
        let count = states.iter().filter(|name| **name == state).count();
        if count == wanted {
            return Ok(());
        }
        let all = states.join(", ");
        Err(Stop::Fail(format!("{count} sockets are in {state}, expected {wanted} (all: {all})")))
    }

    /// `tcpdrop -s STATE`.
    fn drop_connections(&mut self, state: &str) {
        for info in self.machine.stack.sockets() {
            if let (Some(local), Some(remote)) = (info.local, info.remote)
                && info.state.map(sockstat_name) == Some(state)
            {
                self.machine.stack.drop_connection(local, remote, self.machine.now);
            }
        }
        self.machine.collect();
    }

    fn code(&self, code: &Command) -> Result<(), Stop> {
        let socket = self
            .application
            .newest
            .ok_or_else(|| Stop::Fail("no socket is under test".to_owned()))?;
        let info = self.machine.stack.control_info(socket);
        let info = info.ok_or_else(|| Stop::Fail("the socket under test is closed".to_owned()))?;
        evaluate::run(&code.text, &|name| variable(&info, name)).map_err(|refused| match refused {
            Refused::False(reason) => Stop::Fail(reason),
            Refused::Unknown(reason) => Stop::Skip(reason),
        })
    }
}
