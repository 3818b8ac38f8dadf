//! One worker for TCP. A client is admitted only when the machine's own connection stands; until
//! then it has heard nothing, and then it hears what the machine heard. Looks at no byte.

use super::Shared;
use super::dial::{Verdict, dial, verdict};
use super::reactor::{Bell, Happened, Reactor};
use super::splice::{Ended, Machine, Moved, Splice, reset_machine};
use super::streams::{Ends, FRONT, Front, Message};
use crate::flows::{Entry, FlowKind};
use crate::reach::Refusal;
use danja::Host;
use danja::net::{Domain, Socket, SocketKind, SocketOption};
use danja::stack::event::{Incoming, IncomingId};
use danja::wire::icmpv4::Unreachable;
use rustix::event::epoll::EventFlags;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, sockopt};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How long a client that was admitted may take to finish its handshake (as pending records live).
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
    Admitted(Ends, OwnedFd, Entry),
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

struct Port {
    listener: TcpListener,
    to: SocketAddr,
    /// There was no descriptor for a client; it is looked for again.
    again: bool,
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
    /// Clients without a verdict, and clients without a finished handshake.
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
            Message::Withdrawn(id) => {
                if let Some(number) = self.asking.remove(&id) {
                    self.shared.counting.tcp_withdrawn.add();
                    self.flows.remove(&number);
                }
            }
            Message::Accepted(ends, socket) => self.on_accepted(ends, socket),
            Message::Publish(name, listener, to) => {
                let number = self.number();
                if self.reactor.watch(&listener, number, EventFlags::IN).is_ok() {
                    self.ports.insert(number, Port { listener, to, again: false });
                    self.published.insert(name, number);
                }
            }
            Message::Unpublish(name, done) => {
                if let Some(number) = self.published.remove(&name) {
                    self.ports.remove(&number);
                }
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

    /// A SYN: the machine begins to connect, or the client hears why it does not.
    fn on_arrived(&mut self, incoming: Incoming) {
        let (to, client) = (incoming.local, incoming.remote);
        let counting = &self.shared.counting;
        let target = match self.shared.rules.resolve(to.ip(), Some(to.port())) {
            Ok(address) => SocketAddr::new(address, to.port()),
            Err(refusal) => {
                let verdict = match refusal {
                    Refusal::Nobody => Verdict::Reset,
                    Refusal::Prohibited => {
                        Verdict::Unreachable(Unreachable::AdministrativelyProhibited)
                    }
                    Refusal::Unreachable => Verdict::Unreachable(Unreachable::Host),
                };
                match refusal {
                    Refusal::Prohibited => counting.tcp_prohibited.add(),
                    _ => counting.tcp_refused.add(),
                }
                return self.tell(incoming.id, verdict);
            }
        };
        let number = self.number();
        let dialled = dial(target).and_then(|machine| {
            let watched = self.reactor.watch(&machine, number, WATCHED);
            watched.map_err(|_| Errno::NOMEM)?;
            Ok(machine)
        });
        match dialled {
            Ok(machine) => {
                let entry = self.shared.flows.enter(FlowKind::Tcp, client, to);
                self.asking.insert(incoming.id, number);
                self.add(number, Stage::Dialling(incoming, machine, entry));
            }
            Err(error) => self.refuse(incoming.id, error),
        }
    }

    /// The machine's connection failed.
    fn refuse(&self, id: IncomingId, error: Errno) {
        let verdict = verdict(error);
        if verdict == Verdict::Silence {
            self.shared.counting.tcp_no_descriptors.add();
            let text = format_args!(
                "the machine gives no more sockets ({error}): new connections out of the LAN wait"
            );
            self.shared.say_once(&self.shared.said_no_descriptors, text);
        } else {
            self.shared.counting.tcp_refused.add();
        }
        self.tell(id, verdict);
    }

    fn tell(&self, id: IncomingId, verdict: Verdict) {
        let Some(listener) = &self.listener else { return };
        // An error says that the client has gone meanwhile.
        let _ = match verdict {
            Verdict::Reset => listener.refuse(id, None),
            Verdict::Unreachable(code) => listener.refuse(id, Some(code.code())),
            Verdict::Silence => listener.drop_incoming(id),
        };
    }

    fn on_accepted(&mut self, ends: Ends, socket: Socket) {
        let found = self.admitted.remove(&ends);
        let flow = found.and_then(|number| self.flows.remove(&number).map(|flow| (number, flow)));
        let Some((number, flow)) = flow else {
            // Its machine's side is gone: it ends with a reset.
            let _ = socket.set_option(SocketOption::Linger(Some(Duration::ZERO)));
            return;
        };
        let Stage::Admitted(_, machine, entry) = flow.stage else { return };
        if let Ok(splice) = Splice::new(socket, machine, flow.state, entry) {
            self.flows.insert(number, Flow { stage: Stage::Spliced(splice), ..flow });
            self.busy.push(number);
        }
    }

    /// Clients of the machine at a published port.
    fn accept(&mut self, port: u64) {
        loop {
            let Some(Port { listener, to, .. }) = self.ports.get(&port) else { return };
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let (accepted, to) = (acceptfrom_with(listener, flags), *to);
            match accepted {
                Ok((machine, client)) => {
                    let client = client.and_then(|client| SocketAddr::try_from(client).ok());
                    self.join(machine, client, to);
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(_) => {
                    return self.ports.get_mut(&port).into_iter().for_each(|it| it.again = true);
                }
            }
        }
    }

    fn join(&mut self, machine: OwnedFd, client: Option<SocketAddr>, to: SocketAddr) {
        self.shared.counting.published.add();
        let client = client.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let number = self.number();
        let begun =
            sockopt::set_tcp_nodelay(&machine, true).map_err(io::Error::from).and_then(|()| {
                let lan = Socket::new(&self.host, Domain::Ipv4, SocketKind::Stream)?;
                lan.start_connect(to)?;
                self.reactor.watch(&machine, number, WATCHED)?;
                Ok(lan)
            });
        let Ok(lan) = begun else {
            // The machine's program sees a reset, which is all it can be told.
            return reset_machine(&machine);
        };
        let entry = self.shared.flows.enter(FlowKind::PublishedTcp, client, to);
        self.add(number, Stage::Joining(lan, to, machine, entry));
        self.busy.push(number);
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

    /// The machine's connection may have an outcome: then the client gets its verdict.
    fn on_dialled(
        &mut self,
        number: u64,
        state: Machine,
        incoming: Incoming,
        machine: OwnedFd,
        entry: Entry,
    ) -> Option<Stage> {
        if !state.has_news() {
            return Some(Stage::Dialling(incoming, machine, entry));
        }
        self.asking.remove(&incoming.id);
        match sockopt::socket_error(&machine).and_then(|outcome| outcome) {
            Ok(()) => {
                let listener = self.listener.as_ref()?;
                if listener.admit(incoming.id).is_err() {
                    self.shared.counting.tcp_withdrawn.add();
                    let _ = listener.drop_incoming(incoming.id);
                    return None;
                }
                self.shared.counting.tcp_admitted.add();
                let ends = (incoming.remote, incoming.local);
                self.admitted.insert(ends, number);
                Some(Stage::Admitted(ends, machine, entry))
            }
            Err(error) => {
                self.refuse(incoming.id, error);
                None
            }
        }
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
            if let Stage::Admitted(ends, ..) = &flow.stage {
                self.admitted.remove(ends);
            }
            give_up(flow);
        }
        let ports: Vec<u64> =
            self.ports.iter().filter(|(_, port)| port.again).map(|(number, _)| *number).collect();
        for number in ports {
            self.ports.get_mut(&number).into_iter().for_each(|port| port.again = false);
            self.accept(number);
        }
    }
}

/// A published connection, whose LAN side may stand by now.
fn on_joining(
    context: &Context<'_>,
    state: Machine,
    lan: Socket,
    to: SocketAddr,
    machine: OwnedFd,
    entry: Entry,
) -> Option<Stage> {
    let joined = match lan.poll_connect(context, to) {
        Poll::Pending => return Some(Stage::Joining(lan, to, machine, entry)),
        Poll::Ready(joined) => joined,
    };
    if joined.is_err() {
        reset_machine(&machine);
        return None;
    }
    Splice::new(lan, machine, state, entry).ok().map(Stage::Spliced)
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
