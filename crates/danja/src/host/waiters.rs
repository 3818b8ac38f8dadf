//! Who waits for which socket. Wakers are gathered here under the host's lock, and called by
//! whoever released it.

use danja_stack::event::{Incoming, IncomingId};
use danja_stack::{Ready, SocketId};
use std::collections::{HashMap, VecDeque};
use std::task::Waker;

/// What somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Data, end of stream, a connection to accept, an error.
    Read,
    /// Room to send, the end of a connect, an error.
    Write,
}

impl Interest {
    /// What of a socket's readiness is of interest.
    pub(crate) const fn ready(self) -> Ready {
        match self {
            Self::Read => Ready::READABLE
                .with(Ready::ACCEPTABLE)
                .with(Ready::READ_CLOSED)
                .with(Ready::HANG_UP)
                .with(Ready::ERROR),
            Self::Write => Ready::WRITABLE.with(Ready::HANG_UP).with(Ready::ERROR),
        }
    }
}

/// Wakers of one direction; almost always at most one.
#[derive(Default)]
struct Wakers {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Wakers {
    fn add(&mut self, waker: &Waker) {
        let mut known = self.first.iter().chain(&self.rest);
        if known.any(|known| known.will_wake(waker)) {
            return;
        }
        match &mut self.first {
            None => self.first = Some(waker.clone()),
            Some(_) => self.rest.push(waker.clone()),
        }
    }

    fn take(&mut self, into: &mut Vec<Waker>) {
        into.extend(self.first.take());
        into.append(&mut self.rest);
    }
}

#[derive(Default)]
struct Waiting {
    read: Wakers,
    write: Wakers,
    /// SYNs at an admitting listener that nobody has asked about yet.
    incoming: VecDeque<IncomingEvent>,
}

/// A client at an admitting listener, before the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IncomingEvent {
    /// A SYN came: admit, refuse or drop it.
    Arrived(Incoming),
    /// The client of an earlier [`IncomingEvent::Arrived`] gave up; a verdict would fail.
    Withdrawn(IncomingId),
}

/// All who wait on one host.
#[derive(Default)]
pub(super) struct Waiters {
    sockets: HashMap<SocketId, Waiting>,
    /// Which listener has been told of a SYN; for its withdrawal.
    told: HashMap<IncomingId, SocketId>,
    /// Who waits for a packet that no socket claims.
    unclaimed: Wakers,
}

impl Waiters {
    /// Somebody waits for a socket.
    pub(super) fn add(&mut self, socket: SocketId, interest: Interest, waker: &Waker) {
        let waiting = self.sockets.entry(socket).or_default();
        match interest {
            Interest::Read => waiting.read.add(waker),
            Interest::Write => waiting.write.add(waker),
        }
    }

    /// A socket became ready: whom to wake.
    pub(super) fn on_ready(&mut self, socket: SocketId, ready: Ready, into: &mut Vec<Waker>) {
        let Some(waiting) = self.sockets.get_mut(&socket) else { return };
        if ready.intersects(Interest::Read.ready()) {
            waiting.read.take(into);
        }
        if ready.intersects(Interest::Write.ready()) {
            waiting.write.take(into);
        }
    }

    /// A SYN waits for a verdict.
    pub(super) fn on_incoming(&mut self, incoming: Incoming, into: &mut Vec<Waker>) {
        self.told.insert(incoming.id, incoming.listener);
        let waiting = self.sockets.entry(incoming.listener).or_default();
        waiting.incoming.push_back(IncomingEvent::Arrived(incoming));
        waiting.read.take(into);
    }

    /// A SYN was withdrawn: it is taken out of the queue, or the application is told.
    pub(super) fn on_withdrawn(&mut self, id: IncomingId, into: &mut Vec<Waker>) {
        let Some(listener) = self.told.remove(&id) else { return };
        let Some(waiting) = self.sockets.get_mut(&listener) else { return };
        let before = waiting.incoming.len();
        waiting.incoming.retain(
            |event| !matches!(event, IncomingEvent::Arrived(incoming) if incoming.id == id),
        );
        if waiting.incoming.len() == before {
            waiting.incoming.push_back(IncomingEvent::Withdrawn(id));
            waiting.read.take(into);
        }
    }

    /// The next SYN or withdrawal for a listener.
    pub(super) fn next_incoming(&mut self, listener: SocketId) -> Option<IncomingEvent> {
        self.sockets.get_mut(&listener)?.incoming.pop_front()
    }

    /// A verdict was given.
    pub(super) fn decided(&mut self, id: IncomingId) {
        self.told.remove(&id);
    }

    /// Somebody waits for a packet that no socket claims.
    pub(super) fn add_unclaimed(&mut self, waker: &Waker) {
        self.unclaimed.add(waker);
    }

    /// Packets that no socket claims may be there.
    pub(super) fn wake_unclaimed(&mut self, into: &mut Vec<Waker>) {
        self.unclaimed.take(into);
    }

    /// The socket has gone.
    pub(super) fn forget(&mut self, socket: SocketId) {
        if let Some(gone) = self.sockets.remove(&socket)
            && !gone.incoming.is_empty()
        {
            self.told.retain(|_, listener| *listener != socket);
        }
    }

    /// Everybody: the clock jumped, or the host has ended.
    pub(super) fn take_all(&mut self, into: &mut Vec<Waker>) {
        for waiting in self.sockets.values_mut() {
            waiting.read.take(into);
            waiting.write.take(into);
        }
        self.unclaimed.take(into);
    }
}
