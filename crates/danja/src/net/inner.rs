//! What all sockets are made of: a descriptor on a host, the modes that POSIX keeps beside it
//! (blocking or not, time-outs), and the copies, which happen outside the host's lock.

use crate::error::{Error, Failure};
use crate::host::observe::Call;
use crate::host::{Ask, Host, Interest, Mode, Success};
use danja_stack::record::Recorded;
use danja_stack::socket::{OptionName, Received, RecvFlags, SendFlags, SocketKind, SocketOption};
use danja_stack::{Instant, Payload, SocketId};
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// The largest piece that a stream's write copies at once, in bytes.
const CHUNK: usize = 65_536;

/// What a non-blocking write offers to a full socket, in bytes, lest it copies much in vain.
const PROBE: usize = 2_048;

/// An open socket; it is closed when the last of its clones is dropped.
pub(crate) struct Inner {
    pub(crate) host: Host,
    pub(crate) id: SocketId,
    pub(crate) kind: SocketKind,
    nonblocking: AtomicBool,
    pub(crate) read_timeout: Timeout,
    pub(crate) write_timeout: Timeout,
    /// What a write met after it had already taken some bytes, for the next call.
    deferred: Mutex<Option<io::Error>>,
    /// The slices of a read, kept for its memory.
    slices: Mutex<Vec<Payload>>,
}

/// The result of a call that did not return `Pending` (only tasks do).
pub(crate) fn settled<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Inner {
    pub(crate) const fn new(host: Host, id: SocketId, kind: SocketKind) -> Self {
        Self {
            host,
            id,
            kind,
            nonblocking: AtomicBool::new(false),
            read_timeout: Timeout::none(),
            write_timeout: Timeout::none(),
            deferred: Mutex::new(None),
            slices: Mutex::new(Vec::new()),
        }
    }

    /// A call that waits for nothing.
    pub(crate) fn call<T: Success, E: Failure>(
        &self,
        call: Call,
        act: impl FnOnce(&mut Recorded, Instant) -> Result<T, E>,
    ) -> io::Result<T> {
        self.host.shared().try_call(Ask::of(self.id, call), act)
    }

    /// A call that waits as `mode` says.
    pub(crate) fn call_as<T: Success, E: Failure>(
        &self,
        mode: Mode<'_>,
        interest: Interest,
        call: Call,
        act: impl FnMut(&mut Recorded, Instant) -> Result<T, E>,
    ) -> Poll<io::Result<T>> {
        self.host.shared().call_as(mode, Ask::of(self.id, call), interest, act)
    }

    /// How a call of this direction waits when the application says nothing else.
    pub(crate) fn mode(&self, interest: Interest) -> Mode<'static> {
        if self.nonblocking.load(Ordering::Relaxed) {
            return Mode::Now;
        }
        let timeout = match interest {
            Interest::Read | Interest::Urgent => self.read_timeout.get(),
            Interest::Write => self.write_timeout.get(),
        };
        Mode::Sleep(timeout.map(|timeout| self.host.now() + timeout))
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// Receives slices: nothing is copied.
    pub(crate) fn recv_slices(
        &self,
        mode: Mode<'_>,
        max: usize,
        flags: RecvFlags,
        into: &mut Vec<Payload>,
    ) -> Poll<io::Result<Received>> {
        let id = self.id;
        let call = Call::Receive { max, peek: flags.peek };
        let received = self.call_as(mode, Interest::Read, call, |stack, now| {
            stack.recv(id, max, flags, into, now)
        });
        match received {
            // Where nothing is left to read, what a write met is told.
            Poll::Ready(Ok(Received { bytes: 0, .. })) if max > 0 => {
                Poll::Ready(self.take_deferred().map_or_else(|| settled(received), Err))
            }
            received => received,
        }
    }

    /// Receives into `buffers`, filled one after the other; the copy happens outside the lock.
    pub(crate) fn recv(
        &self,
        mode: Mode<'_>,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Poll<io::Result<Received>> {
        let mut own = Vec::new();
        let mut kept = self.slices.try_lock();
        let slices = kept.as_deref_mut().unwrap_or(&mut own);
        let max = buffers.iter().map(|buffer| buffer.len()).sum();
        let received = self.recv_slices(mode, max, flags, slices);
        let mut places = buffers.iter_mut().map(|buffer| &mut **buffer);
        let mut place: &mut [u8] = &mut [];
        for mut slice in slices.drain(..) {
            while !slice.is_empty() {
                if place.is_empty() {
                    let Some(next) = places.next() else { break };
                    place = next;
                }
                let count = slice.len().min(place.len());
                let (to, after) = place.split_at_mut(count);
                to.copy_from_slice(&slice.as_slice()[..count]);
                slice.advance(count);
                place = after;
            }
        }
        received
    }

    /// Receives at most `max` bytes and gives them to `put`, piece by piece, outside the lock.
    #[cfg(feature = "tokio")]
    pub(crate) fn recv_put(
        &self,
        mode: Mode<'_>,
        max: usize,
        flags: RecvFlags,
        mut put: impl FnMut(&[u8]),
    ) -> Poll<io::Result<Received>> {
        let mut own = Vec::new();
        let mut kept = self.slices.try_lock();
        let slices = kept.as_deref_mut().unwrap_or(&mut own);
        let received = self.recv_slices(mode, max, flags, slices);
        let mut left = max;
        for slice in slices.drain(..) {
            let piece = slice.as_slice();
            let count = piece.len().min(left);
            put(&piece[..count]);
            left -= count;
        }
        received
    }

    /// Sends `data`: a datagram whole; of a stream all of it if the call sleeps, else what fits.
    pub(crate) fn send(
        &self,
        mode: Mode<'_>,
        data: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        let length = data.iter().map(|part| part.len()).sum();
        let mut rest = Parts::new(data);
        if self.kind == SocketKind::Stream {
            self.write(mode, &mut rest, length, flags)
        } else {
            self.send_payload(mode, &rest.take(length), flags)
        }
    }

    /// Sends a ready payload: of a stream as much as there is room for.
    pub(crate) fn send_payload(
        &self,
        mode: Mode<'_>,
        data: &Payload,
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        let id = self.id;
        let call = Call::Send { bytes: data.len(), to: flags.to };
        self.call_as(mode, Interest::Write, call, |stack, now| stack.send(id, data, flags, now))
    }

    /// As Linux's write: it returns when all is queued (or all that fits, if it may not sleep),
    /// or with what was queued before an error or the time-out.
    fn write(
        &self,
        mode: Mode<'_>,
        rest: &mut Parts<'_>,
        length: usize,
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.take_deferred() {
            return Poll::Ready(Err(error));
        }
        let sleeps = matches!(mode, Mode::Sleep(_));
        let end = if sleeps { length } else { length.min(self.room()) };
        let mut done = 0;
        loop {
            let mut piece = rest.take(CHUNK.min(end - done));
            let last = done + piece.len() == end;
            let flags = SendFlags { more: flags.more || !last, ..flags };
            loop {
                // What was queued is told at once, also by a call that could wait for the rest.
                let mode = if sleeps || done == 0 { mode } else { Mode::Now };
                match self.send_payload(mode, &piece, flags) {
                    Poll::Ready(Ok(sent)) => {
                        piece.advance(sent);
                        done += sent;
                    }
                    Poll::Ready(Err(error)) if done > 0 => {
                        // The stack tells of what happened on the network once; of the rest it
                        // will tell the next call.
                        if Error::of(&error).is_some_and(|error| error.fault().is_some()) {
                            *self.deferred() = Some(error);
                        }
                        return Poll::Ready(Ok(done));
                    }
                    other => return other,
                }
                if piece.is_empty() {
                    break;
                }
            }
            if last {
                return Poll::Ready(Ok(done));
            }
        }
    }

    /// How much a write that may not sleep offers.
    fn room(&self) -> usize {
        match self.host.shared().lock().stack.send_room(self.id) {
            0 => PROBE,
            room => room,
        }
    }

    pub(crate) fn take_deferred(&self) -> Option<io::Error> {
        self.deferred().take()
    }

    fn deferred(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.deferred.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn option(&self, name: OptionName) -> io::Result<SocketOption> {
        self.call(Call::Option(name), |stack, _| stack.option(self.id, name))
    }

    pub(crate) fn set_option(&self, option: SocketOption) -> io::Result<()> {
        self.call(Call::SetOption(option), |stack, now| stack.set_option(self.id, option, now))
    }

    /// Whether the last close has to wait (SO_LINGER), and how long.
    fn linger(&self) -> Option<Duration> {
        let core = self.host.shared().lock();
        match core.stack.option(self.id, OptionName::Linger) {
            Ok(SocketOption::Linger(linger)) => linger.filter(|time| !time.is_zero()),
            _ => None,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let linger = if *self.nonblocking.get_mut() { None } else { self.linger() };
        let shared = self.host.shared();
        let info = linger.and_then(|_| self.host.control_info(self.id));
        shared.close(self.id);
        if let (Some(linger), Some(info)) = (linger, info) {
            shared.wait_delivered(&info, self.host.now() + linger);
        }
    }
}

/// What is left of several buffers.
struct Parts<'a> {
    rest: &'a [IoSlice<'a>],
    /// Bytes of the first that are done.
    done: usize,
}

impl<'a> Parts<'a> {
    const fn new(rest: &'a [IoSlice<'a>]) -> Self {
        Self { rest, done: 0 }
    }

    /// The next bytes, copied: this is the one copy on their way out.
    fn take(&mut self, count: usize) -> Payload {
        if let [first, ..] = self.rest
            && first.len() - self.done >= count
        {
            let piece = Payload::copy_from_slice(&first[self.done..self.done + count]);
            self.done += count;
            return piece;
        }
        let mut bytes = Vec::with_capacity(count);
        while let [first, rest @ ..] = self.rest {
            let wanted = count - bytes.len();
            let from = &first[self.done..];
            if wanted < from.len() {
                bytes.extend_from_slice(&from[..wanted]);
                self.done += wanted;
                break;
            }
            bytes.extend_from_slice(from);
            self.rest = rest;
            self.done = 0;
        }
        Payload::from(bytes)
    }
}

/// How long a direction's calls wait; changed and read without a lock.
pub(crate) struct Timeout {
    /// 0 for ever.
    nanoseconds: AtomicU64,
}

impl Timeout {
    const fn none() -> Self {
        Self { nanoseconds: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        match self.nanoseconds.load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// As std: a time-out of zero is an error, since the kernel would take it for "none".
    pub(crate) fn set(&self, timeout: Option<Duration>) -> io::Result<()> {
        let nanoseconds = match timeout {
            None => 0,
            Some(Duration::ZERO) => {
                let text = "cannot set a 0 duration timeout";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            Some(timeout) => u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
        };
        self.nanoseconds.store(nanoseconds, Ordering::Relaxed);
        Ok(())
    }
}
