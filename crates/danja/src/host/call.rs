//! How a socket call is made: in the caller's thread, under the stack's lock, and followed at
//! once by what it has to send. Blocking is trying, registering under the same lock, and sleeping.

use super::lead::Leader;
use super::observe::Call;
use super::observed::{self, Success};
use super::shared::{Shared, is_unfinished};
use super::wake::Parker;
use super::{IncomingEvent, Interest, Waiter};
use crate::error::{Failure, own};
#[cfg(feature = "tokio")]
use danja_stack::Ready;
use danja_stack::record::Recorded;
use danja_stack::{ControlInfo, Instant, SocketId};
use danja_wire::ip::Protocol;
use rustix::io::Errno;
use std::io;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

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

/// How a call waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode<'a> {
    /// Not at all.
    Now,
    /// The thread sleeps, at most until this moment.
    Sleep(Option<Instant>),
    /// The task is woken; it has one place a direction among those who wait for the socket, or
    /// one of its own.
    Task(&'a Waker, Option<&'a Waiter>),
}

fn ended() -> io::Error {
    own(Errno::NETDOWN, "the host has ended")
}

impl Shared {
    /// Makes a call that waits for nothing.
    pub(crate) fn call<T: Success, E: Failure>(
        &self,
        ask: Ask,
        act: impl FnOnce(&mut Recorded, Instant) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut core = self.lock();
        let now = self.clock.now();
        let result = observed::call(&mut core, &self.name, ask.call, ask.socket, now, act);
        self.settle(core, now);
        result
    }

    /// As [`Self::call`], but a host that has ended makes none.
    ///
    /// # Errors
    /// The call's own, or the host has ended.
    pub(crate) fn try_call<T: Success, E: Failure>(
        &self,
        ask: Ask,
        act: impl FnOnce(&mut Recorded, Instant) -> Result<T, E>,
    ) -> io::Result<T> {
        let mut core = self.lock();
        if core.ended {
            return Err(ended());
        }
        let now = self.clock.now();
        let result = observed::call(&mut core, &self.name, ask.call, ask.socket, now, act);
        self.settle(core, now);
        result.map_err(|error| error.to_io())
    }

    /// Makes a call that waits as `mode` says.
    ///
    /// # Errors
    /// The call's own; where it would have to wait longer than `mode` allows, what the call
    /// itself says of that (EAGAIN, EINPROGRESS).
    pub(crate) fn call_as<T: Success, E: Failure>(
        &self,
        mode: Mode<'_>,
        ask: Ask,
        interest: Interest,
        mut act: impl FnMut(&mut Recorded, Instant) -> Result<T, E>,
    ) -> Poll<io::Result<T>> {
        match mode {
            Mode::Now => Poll::Ready(self.try_call(ask, act)),
            Mode::Task(waker, waiter) => {
                let result = self.call_or_register(ask, interest, waiter, waker, act)?;
                match result {
                    Err(error) if error.would_block() => Poll::Pending,
                    result => Poll::Ready(result.map_err(|error| error.to_io())),
                }
            }
            Mode::Sleep(until) => {
                let waiter = self.waiter();
                let mut leader = Leader::new(self);
                let mut latest = None;
                let result = Parker::block(&*self.clock, until, |parker, waker| {
                    leader.drive(parker);
                    match self.call_or_register(ask, interest, Some(&waiter), waker, &mut act)? {
                        Err(error) if error.would_block() => {
                            latest = Some(error);
                            leader.lead(parker);
                            Poll::Pending
                        }
                        result => Poll::Ready(result.map_err(|error| error.to_io())),
                    }
                });
                Poll::Ready(result.unwrap_or_else(|| {
                    self.leave(ask.socket, interest, &waiter);
                    Err(latest.map_or_else(|| Errno::AGAIN.into(), |error| error.to_io()))
                }))
            }
        }
    }

    /// Makes a call; if it would have to wait, `waker` is called when it is worth trying again.
    fn call_or_register<T: Success, E: Failure>(
        &self,
        ask: Ask,
        interest: Interest,
        waiter: Option<&Waiter>,
        waker: &Waker,
        act: impl FnOnce(&mut Recorded, Instant) -> Result<T, E>,
    ) -> io::Result<Result<T, E>> {
        let mut core = self.lock();
        if core.ended {
            return Err(ended());
        }
        let now = self.clock.now();
        let result = observed::call(&mut core, &self.name, ask.call, ask.socket, now, act);
        let waits = matches!(&result, Err(error) if error.would_block());
        if let Some(socket) = ask.socket {
            core.waiters.wait(waits, socket, interest, waiter, waker);
        }
        self.settle(core, now);
        Ok(result)
    }

    /// Somebody new, who may wait.
    pub(crate) fn waiter(&self) -> Waiter {
        Waiter::new(self.waiters.fetch_add(1, Ordering::Relaxed))
    }

    /// Somebody gives up waiting.
    pub(crate) fn leave(&self, socket: Option<SocketId>, interest: Interest, waiter: &Waiter) {
        if let (Some(socket), true) = (socket, waiter.is_registered()) {
            self.lock().waiters.remove(socket, interest, waiter);
        }
    }

    /// What a socket is ready for; the task is woken at the next event of this direction, even
    /// if it is ready already.
    #[cfg(feature = "tokio")]
    pub(crate) fn watch(
        &self,
        socket: SocketId,
        interest: Interest,
        waiter: &Waiter,
        waker: &Waker,
    ) -> Ready {
        let mut core = self.lock();
        if core.ended {
            return Ready::ERROR.with(Ready::HANG_UP);
        }
        core.waiters.wait(true, socket, interest, Some(waiter), waker);
        core.stack.readiness(socket)
    }

    /// Whether a socket is ready; if not, the task is woken when it may be.
    pub(crate) fn poll_ready(
        &self,
        socket: SocketId,
        interest: Interest,
        waiter: Option<&Waiter>,
        waker: &Waker,
    ) -> Poll<()> {
        let mut core = self.lock();
        let ready = core.ended
            || core.stack.readiness(socket).intersects(interest.ready())
            || (interest == Interest::Read && core.waiters.has_incoming(socket));
        core.waiters.wait(!ready, socket, interest, waiter, waker);
        if ready { Poll::Ready(()) } else { Poll::Pending }
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
        if self.notifier.is_driven() {
            // Whoever drives the host may be this very thread.
            return;
        }
        let _ = Parker::block_on(&*self.clock, Some(until), |waker| {
            let mut core = self.lock();
            let found = core.stack.find(Protocol::TCP, local, remote);
            if core.ended || !found.is_some_and(|record| is_unfinished(&record)) {
                return Poll::Ready(());
            }
            core.idle.push(waker.clone());
            Poll::Pending
        });
    }
}

/// Admitting listeners.
impl Shared {
    /// The next SYN or withdrawal; waits for it as `mode` says.
    pub(crate) fn incoming_as(
        &self,
        mode: Mode<'_>,
        listener: SocketId,
    ) -> Poll<io::Result<IncomingEvent>> {
        let next = |waiter: Option<&Waiter>, waker: &Waker| {
            let mut core = self.lock();
            let event = core.waiters.next_incoming(listener);
            core.waiters.wait(event.is_none(), listener, Interest::Read, waiter, waker);
            match event {
                Some(event) => Poll::Ready(Ok(event)),
                None if core.ended => Poll::Ready(Err(ended())),
                None => Poll::Pending,
            }
        };
        let ready = match mode {
            Mode::Now => self.lock().waiters.next_incoming(listener).map(Ok),
            Mode::Task(waker, waiter) => return next(waiter, waker),
            Mode::Sleep(until) => {
                let waiter = self.waiter();
                let slept =
                    Parker::block_on(&*self.clock, until, |waker| next(Some(&waiter), waker));
                self.leave(Some(listener), Interest::Read, &waiter);
                slept
            }
        };
        Poll::Ready(ready.unwrap_or_else(|| Err(Errno::AGAIN.into())))
    }
}
