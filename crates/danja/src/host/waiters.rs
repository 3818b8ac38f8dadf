//! Who waits for which socket. Wakers are gathered here under the host's lock, and called by
//! whoever released it.

use danja_stack::event::{Incoming, IncomingId};
use danja_stack::{InterfaceId, Ready, SocketId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

#[cfg(test)]
mod tests;

/// What somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Interest {
    /// Data, end of stream, a connection to accept, an error.
    Read,
    /// Room to send, the end of a connect, an error.
    Write,
    /// Urgent data that can be received apart, end of stream, an error.
    Urgent,
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
            Self::Urgent => {
                Ready::URGENT.with(Ready::READ_CLOSED).with(Ready::HANG_UP).with(Ready::ERROR)
            }
        }
    }
}

/// Somebody who waits for a socket, known again when it asks again: however often that is, it
/// has one waker in the list. Without one (`poll_*` calls) there is one place a direction.
#[derive(Debug)]
pub(crate) struct Waiter {
    number: u64,
    /// Its waker is in the list, or was until it was called.
    registered: AtomicBool,
}

impl Waiter {
    /// `number` is its own on its host, and not 0.
    pub(crate) const fn new(number: u64) -> Self {
        Self { number, registered: AtomicBool::new(false) }
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.registered.load(Ordering::Relaxed)
    }
}

/// Wakers of one direction, almost always at most one, with the numbers of their waiters.
#[derive(Default)]
struct Wakers(Vec<(u64, Waker)>);

impl Wakers {
    /// The latest waker of a waiter counts.
    fn add(&mut self, number: u64, waker: &Waker) {
        match self.0.iter_mut().find(|(known, _)| *known == number) {
            Some((_, known)) => known.clone_from(waker),
            None => self.0.push((number, waker.clone())),
        }
    }

    fn remove(&mut self, number: u64) {
        self.0.retain(|(known, _)| *known != number);
    }

    fn take(&mut self, into: &mut Vec<Waker>) {
        into.extend(self.0.drain(..).map(|(_, waker)| waker));
    }
}

#[derive(Default)]
struct Waiting {
    read: Wakers,
    write: Wakers,
    urgent: Wakers,
    /// SYNs at an admitting listener that nobody has asked about yet.
    incoming: VecDeque<IncomingEvent>,
}

impl Waiting {
    const fn wakers(&mut self, interest: Interest) -> &mut Wakers {
        match interest {
            Interest::Read => &mut self.read,
            Interest::Write => &mut self.write,
            Interest::Urgent => &mut self.urgent,
        }
    }
}

/// A client at an admitting listener, before the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IncomingEvent {
    /// A SYN came: admit, refuse or drop it.
    Arrived(Incoming),
    /// The client of an earlier [`IncomingEvent::Arrived`] gave up: a verdict would fail, or, where
    /// it was admitted already, `accept` will never give it.
    Withdrawn(IncomingId),
}

/// All who wait on one host.
#[derive(Default)]
pub(super) struct Waiters {
    /// In order, so that wakers are called in the same order in each run.
    sockets: BTreeMap<SocketId, Waiting>,
    /// Who waits for packets that no socket claims; its number is the interface's.
    unclaimed: Wakers,
}

impl Waiters {
    /// Somebody waits for a socket, or does so no more.
    pub(super) fn wait(
        &mut self,
        waits: bool,
        socket: SocketId,
        interest: Interest,
        waiter: Option<&Waiter>,
        waker: &Waker,
    ) {
        match waiter {
            _ if waits => self.add(socket, interest, waiter, waker),
            Some(waiter) => self.remove(socket, interest, waiter),
            None => {}
        }
    }

    fn add(
        &mut self,
        socket: SocketId,
        interest: Interest,
        waiter: Option<&Waiter>,
        waker: &Waker,
    ) {
        let number = waiter.map_or(0, |waiter| waiter.number);
        self.sockets.entry(socket).or_default().wakers(interest).add(number, waker);
        if let Some(waiter) = waiter {
            waiter.registered.store(true, Ordering::Relaxed);
        }
    }

    /// Somebody does not wait any more.
    pub(super) fn remove(&mut self, socket: SocketId, interest: Interest, waiter: &Waiter) {
        if waiter.registered.swap(false, Ordering::Relaxed)
            && let Some(waiting) = self.sockets.get_mut(&socket)
        {
            waiting.wakers(interest).remove(waiter.number);
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
        if ready.intersects(Interest::Urgent.ready()) {
            waiting.urgent.take(into);
        }
    }

    /// A SYN waits for a verdict.
    pub(super) fn on_incoming(&mut self, incoming: Incoming, into: &mut Vec<Waker>) {
        let waiting = self.sockets.entry(incoming.listener).or_default();
        waiting.incoming.push_back(IncomingEvent::Arrived(incoming));
        waiting.read.take(into);
    }

    /// A SYN was withdrawn: it is taken out of the queue, or the application is told.
    pub(super) fn on_withdrawn(
        &mut self,
        listener: SocketId,
        id: IncomingId,
        into: &mut Vec<Waker>,
    ) {
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

    /// Whether a SYN or a withdrawal waits to be told.
    pub(super) fn has_incoming(&self, listener: SocketId) -> bool {
        self.sockets.get(&listener).is_some_and(|waiting| !waiting.incoming.is_empty())
    }

    /// Somebody waits for a packet of this interface that no socket claims.
    pub(super) fn add_unclaimed(&mut self, interface: InterfaceId, waker: &Waker) {
        self.unclaimed.add(u64::from(interface.0), waker);
    }

    /// There are packets of this interface that no socket claims.
    pub(super) fn wake_unclaimed(&mut self, interface: InterfaceId, into: &mut Vec<Waker>) {
        let waiting = self.unclaimed.0.extract_if(.., |(of, _)| *of == u64::from(interface.0));
        into.extend(waiting.map(|(_, waker)| waker));
    }

    /// The socket has gone.
    pub(super) fn forget(&mut self, socket: SocketId) {
        self.sockets.remove(&socket);
    }

    /// Everybody: the host has ended.
    pub(super) fn take_all(&mut self, into: &mut Vec<Waker>) {
        for waiting in self.sockets.values_mut() {
            waiting.read.take(into);
            waiting.write.take(into);
            waiting.urgent.take(into);
        }
        self.unclaimed.take(into);
    }
}
