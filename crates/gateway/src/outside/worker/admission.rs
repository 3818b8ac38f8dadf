//! Connections out of the LAN until they stand: the rules, the machine's own attempt, and the verdict
//! that the client gets of it. Moves no byte.

use super::super::dial::{Verdict, dial, verdict};
use super::super::splice::{Machine, Splice};
use super::super::streams::Ends;
use super::{Flow, Stage, WATCHED, Worker, ends, give_up};
use crate::flows::{Entry, FlowKind};
use crate::reach::Refusal;
use danja::net::{Socket, SocketOption};
use danja::stack::event::{Incoming, IncomingId};
use danja::wire::icmpv4::Unreachable;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt;
use std::net::SocketAddr;
use std::time::Duration;

impl Worker {
    /// A SYN: the machine begins to connect, or the client hears why it does not.
    pub(super) fn on_arrived(&mut self, incoming: Incoming) {
        let (to, client) = (incoming.local, incoming.remote);
        let counting = &self.shared.counting;
        let target = match self.shared.rules.resolve(client.ip(), to.ip(), Some(to.port())) {
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

    /// A client went away before its handshake was over: the machine's connection ends too.
    pub(super) fn on_withdrawn(&mut self, id: IncomingId) {
        let gone = self.asking.remove(&id).and_then(|number| self.flows.remove(&number));
        let Some(flow) = gone else { return };
        self.shared.counting.tcp_withdrawn.add();
        if let Stage::Admitted(incoming, ..) = &flow.stage {
            self.admitted.remove(&ends(incoming));
        }
        give_up(flow);
    }

    pub(super) fn on_accepted(&mut self, ends: Ends, socket: Socket) {
        let found = self.admitted.remove(&ends);
        let flow = found.and_then(|number| self.flows.remove(&number).map(|flow| (number, flow)));
        let Some((number, flow)) = flow else {
            // Its machine's side is gone: it ends with a reset.
            let _ = socket.set_option(SocketOption::Linger(Some(Duration::ZERO)));
            return;
        };
        let Stage::Admitted(incoming, machine, entry) = flow.stage else { return };
        self.asking.remove(&incoming.id);
        if let Ok(splice) = Splice::new(socket, machine, flow.state, entry) {
            self.flows.insert(number, Flow { stage: Stage::Spliced(splice), ..flow });
            self.busy.push(number);
        }
    }

    /// The machine's connection may have an outcome: then the client gets its verdict.
    pub(super) fn on_dialled(
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
        match sockopt::socket_error(&machine).and_then(|outcome| outcome) {
            Ok(()) => {
                let listener = self.listener.as_ref()?;
                if listener.admit(incoming.id).is_err() {
                    self.asking.remove(&incoming.id);
                    self.shared.counting.tcp_withdrawn.add();
                    let _ = listener.drop_incoming(incoming.id);
                    return None;
                }
                self.shared.counting.tcp_admitted.add();
                self.admitted.insert(ends(&incoming), number);
                Some(Stage::Admitted(incoming, machine, entry))
            }
            Err(error) => {
                self.asking.remove(&incoming.id);
                self.refuse(incoming.id, error);
                None
            }
        }
    }
}
