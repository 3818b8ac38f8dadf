//! A recorded host's stack, to which everything happens again. Knows no file, and no host but its
//! own.

use super::replay::{Heard, ReplayedFrame};
use crate::host::observe::{LookupEvent, Observed, Observer};
use crate::host::observed;
use crate::host::shared::{Core, Line};
use danja_lan::Medium;
use danja_stack::record::{Input, Output, Recorded, Tape};
use danja_stack::{Config, Frame, Instant, InterfaceId, Seeds, SocketId};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What came of the latest input.
#[derive(Clone, Default)]
struct Latest(Arc<Mutex<Option<Output>>>);

impl Latest {
    fn put(&self, output: Option<Output>) -> Option<Output> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), output)
    }
}

impl Tape for Latest {
    fn input(&mut self, _: Instant, _: &Input) {}

    fn output(&mut self, output: &Output) {
        self.put(Some(*output));
    }
}

/// An interface, as it was added.
struct OwnLine {
    id: InterfaceId,
    name: String,
    medium: Medium,
}

/// See the module.
pub(super) struct Player {
    pub(super) name: String,
    zero: Duration,
    observer: Option<Arc<dyn Observer>>,
    core: Option<Core>,
    lines: Vec<OwnLine>,
    latest: Latest,
    /// The next input is an application's call, of this socket if it has one already.
    pub(super) caller: Option<Option<SocketId>>,
}

impl Player {
    pub(super) fn new(name: String, zero: Duration, observer: Option<Arc<dyn Observer>>) -> Self {
        let latest = Latest::default();
        Self { name, zero, observer, core: None, lines: Vec::new(), latest, caller: None }
    }

    /// Does again what was done; says what came of it. `None` if the stack was never made.
    pub(super) fn play(
        &mut self,
        now: Instant,
        input: Input,
        hear: &mut dyn FnMut(Heard<'_>),
    ) -> Option<Output> {
        self.latest.put(None);
        match input {
            Input::New { config, seeds } => self.begin(*config, *seeds),
            input => self.input(now, input, hear)?,
        }
        self.latest.put(None)
    }

    fn begin(&mut self, config: Config, seeds: Seeds) {
        let tape = Box::new(self.latest.clone());
        let stack = Recorded::new(config, seeds, Some(tape));
        self.core = Some(Core::new(stack, self.observer.clone(), None));
        self.lines.clear();
    }

    fn input(&mut self, now: Instant, input: Input, hear: &mut dyn FnMut(Heard<'_>)) -> Option<()> {
        let core = self.core.as_mut()?;
        let none = OwnLine { id: InterfaceId::LOOPBACK, name: String::new(), medium: Medium::Ip };
        let line = |id| self.lines.iter().find(|line| line.id == id).unwrap_or(&none).line(id);
        let mut tell = |line: Line<'_>, outbound: bool, frame: &Frame| {
            let (host, interface) = (&*self.name, line.name);
            let zero = self.zero;
            let medium = line.medium;
            hear(Heard::Frame(ReplayedFrame {
                host,
                interface,
                medium,
                zero,
                now,
                outbound,
                frame,
            }));
        };
        match input {
            Input::AddInterface { .. } => {
                core.stack.apply(now, input);
                self.lines = core.stack.interfaces().into_iter().map(OwnLine::from).collect();
            }
            Input::Receive { interface, mut frames } => {
                let line = line(interface);
                frames.iter().for_each(|frame| tell(line, false, frame));
                observed::receive(core, &self.name, &line, &mut frames, now);
            }
            Input::HandleTimeout => observed::handle_timeout(core, &self.name, now),
            Input::PollTransmit { interface, room } => {
                let line = line(interface);
                let frame = observed::poll_transmit(core, &self.name, &line, room, now);
                frame.iter().for_each(|frame| tell(line, true, frame));
            }
            input => match self.caller.take() {
                Some(socket) => super::call::play(core, (&self.name, now, socket), input),
                None => drop(core.stack.apply(now, input)),
            },
        }
        Some(())
    }

    /// What the resolver was told.
    pub(super) fn lookup(&self, now: Instant, event: LookupEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer.observe(&self.name, now, &Observed::Lookup(event));
        }
    }
}

impl OwnLine {
    fn line(&self, id: InterfaceId) -> Line<'_> {
        Line { id, name: &self.name, medium: self.medium }
    }
}

impl From<danja_stack::views::InterfaceView> for OwnLine {
    fn from(view: danja_stack::views::InterfaceView) -> Self {
        let medium = match view.medium {
            danja_stack::Medium::Ethernet(address) => Medium::Ethernet(address),
            danja_stack::Medium::Ip => Medium::Ip,
        };
        Self { id: view.id, name: view.name, medium }
    }
}
