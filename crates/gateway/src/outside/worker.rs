//! One worker for TCP. A client is admitted only when the machine's own connection stands; until
//! then it has heard nothing, and then it hears what the machine heard. Looks at no byte.

mod admission;
mod ports;

use super::Shared;
use super::reactor::{Bell, Happened, Reactor};
use super::splice::{Ended, Machine, Moved, Splice, reset_machine};
use super::streams::{Ends, FRONT, Front, Message};
use crate::flows::Entry;
use danja::Host;
use danja::net::Socket;
use danja::stack::event::{Incoming, IncomingId};
use ports::{Port, on_joining};
use rustix::event::epoll::EventFlags;
use rustix::fd::OwnedFd;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// How long a client that was admitted may take to finish its handshake, if nobody tells that it
/// has gone.
const FORGET: Duration = Duration::from_secs(130);
/// How long the LAN's side of a published connection may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at what nobody tells of.
const ROUNDS: Duration = Duration::from_millis(500);
/// What the machine's sockets are watched for: every change, once.
const WATCHED: EventFlags =
    EventFlags::IN.union(EventFlags::OUT).union(EventFlags::RDHUP).union(EventFlags::ET);

/// How far a connection is.
enum Stage {
    /// The machine connects, for a client that has heard nothing yet.
    Dialling(Incoming, OwnedFd, Entry),
    /// The client was admitted.
    Admitted(Incoming, OwnedFd, Entry),
    /// The LAN's side connects, for a client of the machine.
    Joining(Socket, SocketAddr, OwnedFd, Entry),
    /// Bytes are moved.
    Spliced(Splice),
}

struct Flow {
    bell: Arc<Bell<Message>>,
    waker: Waker,
    since: Instant,
    state: Machine,
    stage: Stage,
}

/// One worker.
pub(super) struct Worker {
    reactor: Reactor<Message>,
    host: Host,
    shared: Arc<Shared>,
    /// Where verdicts are given.
    listener: Option<Socket>,
    front: Option<Front>,
    next: u64,
    flows: HashMap<u64, Flow>,
    /// Clients without a finished handshake; and those of them that were admitted.
    asking: HashMap<IncomingId, u64>,
    admitted: HashMap<Ends, u64>,
    /// Published ports, by the numbers of their watches; and those by their own numbers.
    ports: HashMap<u64, Port>,
    published: HashMap<u64, u64>,
    /// Flows that had their turns and have more to do.
    busy: Vec<u64>,
    chunk: Vec<u8>,
}

impl Worker {
    pub(super) fn new(
        reactor: Reactor<Message>,
        host: Host,
        shared: Arc<Shared>,
        listener: Option<Socket>,
        front: Option<Front>,
    ) -> Self {
        Self {
            reactor,
            host,
            shared,
            listener,
            front,
            next: FRONT + 1,
            flows: HashMap::new(),
            asking: HashMap::new(),
            admitted: HashMap::new(),
            ports: HashMap::new(),
            published: HashMap::new(),
            busy: Vec::new(),
            chunk: Vec::new(),
        }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        let mut happened = Happened::new();
        let mut round = Instant::now() + ROUNDS;
        if let Some(front) = &self.front {
            front.run();
        }
        loop {
            let left = round.saturating_duration_since(Instant::now());
            let patience = if self.busy.is_empty() { left } else { Duration::ZERO };
            self.reactor.wait(&mut happened, patience);
            for message in std::mem::take(happened.messages()) {
                if matches!(message, Message::Stop) {
                    return self.flows.into_values().for_each(give_up);
                }
                self.on_message(message);
            }
            let mut due = std::mem::take(&mut self.busy);
            due.append(happened.woken());
            for event in &happened.events {
                if let Some(flow) = self.flows.get_mut(&event.number) {
                    flow.state.on_event(event.flags);
                    if let Stage::Spliced(splice) = &mut flow.stage {
                        splice.on_event(event.flags);
                    }
                    due.push(event.number);
                } else if self.ports.contains_key(&event.number) {
                    self.accept(event.number);
                }
            }
            // In order, each once.
            due.sort_unstable();
            due.dedup();
            for number in due {
                self.advance(number);
            }
            if Instant::now() >= round {
                self.go_round();
                round = Instant::now() + ROUNDS;
            }
        }
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Arrived(incoming) => self.on_arrived(incoming),
            Message::Withdrawn(id) => self.on_withdrawn(id),
            Message::Accepted(ends, socket) => self.on_accepted(ends, socket),
            Message::Publish(name, listener, to) => self.publish(name, listener, to),
            Message::Unpublish(name, done) => {
                self.unpublish(name);
                let _ = done.try_send(());
            }
            Message::Stop => {}
        }
    }

    const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn add(&mut self, number: u64, stage: Stage) {
        let bell = Bell::new(self.reactor.inbox(), number);
        let waker = bell.waker();
        let (since, state) = (Instant::now(), Machine::new());
        self.flows.insert(number, Flow { bell, waker, since, state, stage });
    }
}

/// What flows do next.
impl Worker {
    /// Something happened to a flow.
    fn advance(&mut self, number: u64) {
        if number == FRONT {
            return self.front.iter().for_each(Front::run);
        }
        let Some(flow) = self.flows.remove(&number) else { return };
        flow.bell.answered();
        let context = Context::from_waker(&flow.waker);
        let next = match flow.stage {
            Stage::Dialling(incoming, machine, entry) => {
                self.on_dialled(number, flow.state, incoming, machine, entry)
            }
            Stage::Joining(lan, to, machine, entry) => {
                on_joining(&context, flow.state, lan, to, machine, entry)
            }
            other => Some(other),
        };
        let next = match next {
            Some(Stage::Spliced(splice)) => self.splice(number, &context, splice),
            other => other,
        };
        if let Some(stage) = next {
            self.flows.insert(number, Flow { stage, ..flow });
        }
    }

    /// Moves bytes.
    fn splice(&mut self, number: u64, context: &Context<'_>, mut splice: Splice) -> Option<Stage> {
        match splice.run(context, &mut self.chunk) {
            Moved::Waits => {}
            Moved::More => self.busy.push(number),
            Moved::Ended(ended) => {
                if ended == Ended::Reset {
                    self.shared.counting.tcp_reset.add();
                }
                return None;
            }
        }
        Some(Stage::Spliced(splice))
    }

    /// What nobody tells of: time that has passed, and a reset behind bytes that are not taken.
    fn go_round(&mut self) {
        let mut late = Vec::new();
        for (number, flow) in &self.flows {
            let age = flow.since.elapsed();
            match &flow.stage {
                Stage::Admitted(..) if age > FORGET => late.push(*number),
                Stage::Joining(..) if age > PATIENCE => late.push(*number),
                Stage::Spliced(splice) if splice.is_stalled() => self.busy.push(*number),
                _ => {}
            }
        }
        for number in late {
            let Some(flow) = self.flows.remove(&number) else { continue };
            if let Stage::Admitted(incoming, ..) = &flow.stage {
                self.asking.remove(&incoming.id);
                self.admitted.remove(&ends(incoming));
            }
            give_up(flow);
        }
        self.accept_again();
    }
}

const fn ends(incoming: &Incoming) -> Ends {
    (incoming.remote, incoming.local)
}

/// A flow that ends before its time: whoever is connected hears a reset.
fn give_up(flow: Flow) {
    match flow.stage {
        Stage::Dialling(_, machine, _)
        | Stage::Admitted(_, machine, _)
        | Stage::Joining(_, _, machine, _) => reset_machine(&machine),
        Stage::Spliced(splice) => splice.reset(),
    }
}
