//! How a socket call is made: in the caller's thread, under the stack's lock, and followed at
//! once by what it has to send. Blocking is trying, registering under the same lock, and sleeping.

use super::observe::Call;
use super::observed::{self, Success};
use super::shared::{Shared, is_unfinished};
use super::{IncomingEvent, Interest, Parker};
use crate::error::{Failure, own};
use danja_stack::event::IncomingId;
use danja_stack::{ControlInfo, Instant, SocketId, Stack};
use danja_wire::ip::Protocol;
use rustix::io::Errno;
use std::io;
use std::task::{Context, Poll, Waker};

/// What is asked of which socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) call: Call,
    pub(crate) socket: Option<SocketId>,
}

impl Ask {
    /// A call of a socket that exists.
    pub(crate) const fn of(socket: SocketId, call: Call) -> Self {
        Self { call, socket: Some(socket) }
    }
}

impl Shared {
    /// Makes a call that waits for nothing.
    pub(crate) fn call<T: Success, E: Failure>(
        &self,
        ask: Ask,
        act: impl FnOnce(&mut Stack, Instant) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut core = self.lock();
        let now = self.clock.now();
        let result = observed::call(&mut core, &self.name, ask.call, ask.socket, now, act);
        self.settle(core, now);
        result
    }

    /// Makes a call; if it would have to wait, `waker` is called when it is worth trying again.
    pub(crate) fn call_or_register<T: Success, E: Failure>(
        &self,
        ask: Ask,
        interest: Interest,
        waker: &Waker,
        act: impl FnOnce(&mut Stack, Instant) -> Result<T, E>,
    ) -> io::Result<Result<T, E>> {
        let mut core = self.lock();
        let now = self.clock.now();
        let result = observed::call(&mut core, &self.name, ask.call, ask.socket, now, act);
        if let (Err(error), Some(socket)) = (&result, ask.socket)
            && error.would_block()
        {
            if core.ended {
                return Err(own(Errno::NETDOWN, "the host's thread has ended"));
            }
            core.waiters.add(socket, interest, waker);
        }
        self.settle(core, now);
        Ok(result)
    }

    /// Makes a call and waits until it succeeds, fails, or the clock says `until`.
    ///
    /// # Errors
    /// The call's own, or `EAGAIN` after the time-out.
    pub(crate) fn call_and_wait<T: Success, E: Failure>(
        &self,
        ask: Ask,
        interest: Interest,
        until: Option<Instant>,
        mut act: impl FnMut(&mut Stack, Instant) -> Result<T, E>,
    ) -> io::Result<T> {
        Parker::with(|parker, waker| {
            loop {
                match self.call_or_register(ask, interest, waker, &mut act)? {
                    Err(error) if error.would_block() => {}
                    result => return result.map_err(|error| error.to_io()),
                }
                if !parker.sleep(&*self.clock, until) {
                    return Err(Errno::AGAIN.into());
                }
            }
        })
    }

    /// Whether a socket is ready; if not, the task is woken when it may be.
    pub(crate) fn poll_ready(
        &self,
        socket: SocketId,
        interest: Interest,
        context: &Context<'_>,
    ) -> Poll<()> {
        let mut core = self.lock();
        if core.ended || core.stack.readiness(socket).intersects(interest.ready()) {
            return Poll::Ready(());
        }
        core.waiters.add(socket, interest, context.waker());
        Poll::Pending
    }

    /// Ends a descriptor. It cannot fail: sockets are closed in one place only, and once.
    pub(crate) fn close(&self, socket: SocketId) {
        let mut core = self.lock();
        let now = self.clock.now();
        let ask = Ask::of(socket, Call::Close);
        let _ = observed::call(&mut core, &self.name, ask.call, ask.socket, now, |stack, now| {
            stack.close(socket, now)
        });
        core.waiters.forget(socket);
        self.settle(core, now);
    }

    /// Waits until what a closed socket has sent is acknowledged, its FIN included (SO_LINGER).
    pub(crate) fn wait_delivered(&self, closed: &ControlInfo, until: Instant) {
        let (Some(local), Some(remote)) = (closed.local, closed.remote) else { return };
        Parker::with(|parker, waker| {
            loop {
                let mut core = self.lock();
                let found = core.stack.find(Protocol::TCP, local, remote);
                if core.ended || !found.is_some_and(|record| is_unfinished(&record)) {
                    return;
                }
                core.idle.push(waker.clone());
                drop(core);
                if !parker.sleep(&*self.clock, Some(until)) {
                    return;
                }
            }
        });
    }
}

/// Admitting listeners.
impl Shared {
    /// The next SYN or withdrawal, if one is there.
    pub(crate) fn try_incoming(&self, listener: SocketId) -> io::Result<IncomingEvent> {
        let next = self.lock().waiters.next_incoming(listener);
        next.ok_or_else(|| Errno::AGAIN.into())
    }

    /// The next SYN or withdrawal; the task is woken when there is one.
    pub(crate) fn poll_incoming(
        &self,
        listener: SocketId,
        context: &Context<'_>,
    ) -> Poll<io::Result<IncomingEvent>> {
        let mut core = self.lock();
        if let Some(event) = core.waiters.next_incoming(listener) {
            return Poll::Ready(Ok(event));
        }
        if core.ended {
            return Poll::Ready(Err(own(Errno::NETDOWN, "the host's thread has ended")));
        }
        core.waiters.add(listener, Interest::Read, context.waker());
        Poll::Pending
    }

    /// A verdict was given: a withdrawal will not be told any more.
    pub(crate) fn decided(&self, incoming: IncomingId) {
        self.lock().waiters.decided(incoming);
    }
}
