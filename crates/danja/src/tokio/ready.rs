//! Waiting for a socket as tokio's types do: places in the host's list, the budget by which a
//! task that never waits lets others run, and readiness in tokio's words. Copies what is
//! received, and interprets nothing of it.

use crate::host::{Interest as Direction, Mode};
use crate::net::{Place, RecvFlags, Socket};
use ::tokio::io::{Interest, ReadBuf, Ready};
use ::tokio::task::coop;
use bytes::BufMut;
use danja_stack::Ready as Readiness;
use danja_stack::socket::Received;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

pub(super) const PLAIN: RecvFlags = RecvFlags { peek: false, urgent: false };
pub(super) const PEEK: RecvFlags = RecvFlags { peek: true, urgent: false };

/// One try, which costs the task some of its budget if it succeeds.
pub(super) fn attempt<T>(
    context: &mut Context<'_>,
    act: impl FnOnce(&Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let budget = ready!(coop::poll_proceed(context));
    let done = act(context);
    if done.is_ready() {
        budget.made_progress();
    }
    done
}

/// One try of a `poll_*` call, which has the socket's own place.
pub(super) fn poll_once<T>(
    context: &mut Context<'_>,
    act: impl FnOnce(Mode<'_>) -> Poll<T>,
) -> Poll<T> {
    attempt(context, |context| act(Mode::Task(context.waker(), None)))
}

/// Tries until it is done, with a place that is given up at the end or when cancelled.
pub(super) async fn wait_for<T>(
    socket: &Socket,
    direction: Direction,
    mut act: impl FnMut(Mode<'_>) -> Poll<T>,
) -> T {
    let place = Place::new(socket, direction);
    poll_fn(|context| attempt(context, |context| act(place.mode(context)))).await
}

/// Ready when a call of that direction would not wait; the socket's own place.
pub(super) fn poll_ready(
    socket: &Socket,
    context: &mut Context<'_>,
    direction: Direction,
) -> Poll<io::Result<()>> {
    attempt(context, |context| socket.poll_ready(direction, context).map(Ok))
}

/// As tokio's words have it. Where an error waits, both directions would tell it.
fn in_tokios_words(readiness: Readiness) -> Ready {
    let mut ready = Ready::EMPTY;
    let words = [
        (Readiness::READABLE.with(Readiness::ACCEPTABLE), Ready::READABLE),
        (Readiness::WRITABLE, Ready::WRITABLE),
        (Readiness::ERROR, Ready::ERROR | Ready::READABLE | Ready::WRITABLE),
        (Readiness::READ_CLOSED, Ready::READ_CLOSED | Ready::READABLE),
        (Readiness::HANG_UP, Ready::READ_CLOSED | Ready::WRITE_CLOSED),
        (Readiness::URGENT, Ready::PRIORITY),
    ];
    for (bits, word) in words {
        if readiness.intersects(bits) {
            ready |= word;
        }
    }
    ready
}

/// What of readiness an interest is about.
fn wanted(interest: Interest) -> Ready {
    let mut wanted = Ready::EMPTY;
    if interest.is_readable() {
        wanted |= Ready::READABLE | Ready::READ_CLOSED;
    }
    if interest.is_writable() {
        wanted |= Ready::WRITABLE | Ready::WRITE_CLOSED;
    }
    if interest.is_priority() {
        wanted |= Ready::PRIORITY | Ready::READ_CLOSED;
    }
    if interest.is_error() {
        wanted |= Ready::ERROR;
    }
    wanted
}

/// Places in the directions of an interest.
struct Watch<'a> {
    wanted: Ready,
    read: Option<Place<'a>>,
    write: Option<Place<'a>>,
    urgent: Option<Place<'a>>,
}

impl<'a> Watch<'a> {
    fn new(socket: &'a Socket, interest: Interest) -> Self {
        let (write, urgent) = (interest.is_writable(), interest.is_priority());
        // Errors are told in every direction.
        let read = interest.is_readable() || !(write || urgent);
        let place = |wanted: bool, direction| wanted.then(|| Place::new(socket, direction));
        Self {
            wanted: wanted(interest),
            read: place(read, Direction::Read),
            write: place(write, Direction::Write),
            urgent: place(urgent, Direction::Urgent),
        }
    }

    /// What it is ready for; the next event wakes the task, whatever the answer.
    fn look(&self, context: &Context<'_>) -> Ready {
        let mut readiness = Readiness::NONE;
        for place in self.read.iter().chain(&self.write).chain(&self.urgent) {
            readiness = readiness.with(place.watch(context));
        }
        in_tokios_words(readiness) & self.wanted
    }
}

/// Waits until the socket is ready for something of `interest`.
pub(super) async fn ready_for(socket: &Socket, interest: Interest) -> io::Result<Ready> {
    let watch = Watch::new(socket, interest);
    poll_fn(|context| {
        attempt(context, |context| {
            let ready = watch.look(context);
            if ready.is_empty() { Poll::Pending } else { Poll::Ready(Ok(ready)) }
        })
    })
    .await
}

/// Calls `act` if the socket is ready for something of `interest`.
pub(super) fn try_io<R>(
    socket: &Socket,
    interest: Interest,
    act: impl FnOnce() -> io::Result<R>,
) -> io::Result<R> {
    if (in_tokios_words(socket.readiness()) & wanted(interest)).is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    act()
}

/// Calls `act` whenever something happens, until it does not say `WouldBlock`.
pub(super) async fn async_io<R>(
    socket: &Socket,
    interest: Interest,
    mut act: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    let watch = Watch::new(socket, interest);
    poll_fn(|context| {
        attempt(context, |context| {
            if watch.look(context).is_empty() {
                return Poll::Pending;
            }
            match act() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                done => Poll::Ready(done),
            }
        })
    })
    .await
}

/// Receives into what is unfilled.
pub(super) fn recv_buf(
    socket: &Socket,
    mode: Mode<'_>,
    buffer: &mut ReadBuf<'_>,
    flags: RecvFlags,
) -> Poll<io::Result<Received>> {
    let max = buffer.remaining();
    socket.inner.recv_put(mode, max, flags, |piece| buffer.put_slice(piece))
}

/// Receives into the room that is there; a full `Vec` makes some.
pub(super) fn recv_buf_mut(
    socket: &Socket,
    mode: Mode<'_>,
    buffer: &mut impl BufMut,
    flags: RecvFlags,
) -> Poll<io::Result<Received>> {
    let max = buffer.chunk_mut().len();
    socket.inner.recv_put(mode, max, flags, |piece| buffer.put_slice(piece))
}
