//! What all sockets are made of: a descriptor on a host, the modes that POSIX keeps beside it
//! (blocking or not, time-outs), and the copies, which happen outside the host's lock.

use crate::error::Failure;
use crate::host::observe::Call;
use crate::host::{Ask, Host, Interest, Success};
use danja_stack::socket::{OptionName, Received, RecvFlags, SendFlags, SocketOption};
use danja_stack::{Instant, Payload, SocketId, Stack};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

/// The largest piece that a stream's write copies at once, in bytes.
const CHUNK: usize = 65_536;

/// What a non-blocking write offers to a full socket, in bytes, lest it copies much in vain.
const PROBE: usize = 2_048;

/// How a call waits.
#[derive(Clone, Copy)]
pub(crate) enum Mode<'a> {
    /// Not at all.
    Now,
    /// The thread sleeps, at most until this moment.
    Sleep(Option<Instant>),
    /// The task is woken.
    Task(&'a Waker),
}

/// An open socket; it is closed when the last of its clones is dropped.
pub(crate) struct Inner {
    pub(crate) host: Host,
    pub(crate) id: SocketId,
    nonblocking: AtomicBool,
    /// In nanoseconds; 0 for none.
    read_timeout: AtomicU64,
    write_timeout: AtomicU64,
    /// What a write met after it had already taken some bytes.
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
    pub(crate) fn new(host: Host, id: SocketId) -> Self {
        Self {
            host,
            id,
            nonblocking: AtomicBool::new(false),
            read_timeout: AtomicU64::new(0),
            write_timeout: AtomicU64::new(0),
            deferred: Mutex::new(None),
            slices: Mutex::new(Vec::new()),
        }
    }

    /// A call that waits for nothing.
    pub(crate) fn call<T: Success, E: Failure>(
        &self,
        call: Call,
        act: impl FnOnce(&mut Stack, Instant) -> Result<T, E>,
    ) -> io::Result<T> {
        let made = self.host.shared().call(Ask::of(self.id, call), act);
        made.map_err(|error| error.to_io())
    }

    /// A call that waits as `mode` says.
    pub(crate) fn make<T: Success, E: Failure>(
        &self,
        mode: Mode<'_>,
        interest: Interest,
        call: Call,
        act: impl FnMut(&mut Stack, Instant) -> Result<T, E>,
    ) -> Poll<io::Result<T>> {
        let shared = self.host.shared();
        let ask = Ask::of(self.id, call);
        match mode {
            Mode::Now => Poll::Ready(shared.call(ask, act).map_err(|error| error.to_io())),
            Mode::Sleep(until) => Poll::Ready(shared.call_and_wait(ask, interest, until, act)),
            Mode::Task(waker) => match shared.call_or_register(ask, interest, waker, act)? {
                Err(error) if error.would_block() => Poll::Pending,
                result => Poll::Ready(result.map_err(|error| error.to_io())),
            },
        }
    }

    fn mode(&self, timeout: &AtomicU64) -> Mode<'static> {
        if self.nonblocking.load(Ordering::Relaxed) {
            return Mode::Now;
        }
        match timeout.load(Ordering::Relaxed) {
            0 => Mode::Sleep(None),
            nanoseconds => Mode::Sleep(Some(self.host.now() + Duration::from_nanos(nanoseconds))),
        }
    }

    /// How a read waits when the application says nothing else.
    pub(crate) fn read_mode(&self) -> Mode<'static> {
        self.mode(&self.read_timeout)
    }

    /// How a write waits when the application says nothing else.
    pub(crate) fn write_mode(&self) -> Mode<'static> {
        self.mode(&self.write_timeout)
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    pub(crate) fn read_timeout(&self) -> Option<Duration> {
        get_timeout(&self.read_timeout)
    }

    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        set_timeout(&self.read_timeout, timeout)
    }

    pub(crate) fn write_timeout(&self) -> Option<Duration> {
        get_timeout(&self.write_timeout)
    }

    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        set_timeout(&self.write_timeout, timeout)
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
        self.make(mode, Interest::Read, call, |stack, now| stack.recv(id, max, flags, into, now))
    }

    /// Receives into `buffer`; the copy happens outside the lock.
    pub(crate) fn recv(
        &self,
        mode: Mode<'_>,
        buffer: &mut [u8],
        flags: RecvFlags,
    ) -> Poll<io::Result<Received>> {
        let mut own = Vec::new();
        let mut kept = self.slices.try_lock();
        let slices = kept.as_deref_mut().unwrap_or(&mut own);
        let received = self.recv_slices(mode, buffer.len(), flags, slices);
        let mut rest = buffer;
        for slice in slices.drain(..) {
            let count = slice.len().min(rest.len());
            let (to, after) = rest.split_at_mut(count);
            to.copy_from_slice(&slice.as_slice()[..count]);
            rest = after;
        }
        received
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
        self.make(mode, Interest::Write, call, |stack, now| stack.send(id, data, flags, now))
    }

    /// Writes to a stream: all of it if the call sleeps, else what fits now.
    pub(crate) fn write(
        &self,
        mode: Mode<'_>,
        buffer: &[u8],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.lock_deferred().take() {
            return Poll::Ready(Err(error));
        }
        if matches!(mode, Mode::Sleep(_)) {
            return Poll::Ready(self.write_all(mode, buffer, flags));
        }
        let room = self.host.shared().lock().stack.send_room(self.id);
        let count = buffer.len().min(CHUNK).min(if room == 0 { PROBE } else { room });
        let more = flags.more || (count < buffer.len() && count < room);
        let payload = Payload::copy_from_slice(&buffer[..count]);
        self.send_payload(mode, &payload, SendFlags { more, ..flags })
    }

    /// As Linux's blocking write: it returns when all is queued, or with what was queued before
    /// an error or the time-out.
    fn write_all(&self, mode: Mode<'_>, buffer: &[u8], flags: SendFlags) -> io::Result<usize> {
        let mut done = 0;
        loop {
            let count = CHUNK.min(buffer.len() - done);
            let mut payload = Payload::copy_from_slice(&buffer[done..done + count]);
            let last = done + count == buffer.len();
            let flags = SendFlags { more: flags.more || !last, ..flags };
            loop {
                match settled(self.send_payload(mode, &payload, flags)) {
                    Ok(sent) => {
                        payload.advance(sent);
                        done += sent;
                    }
                    Err(error) if done > 0 => {
                        if error.kind() != io::ErrorKind::WouldBlock {
                            *self.lock_deferred() = Some(error);
                        }
                        return Ok(done);
                    }
                    Err(error) => return Err(error),
                }
                if payload.is_empty() {
                    break;
                }
            }
            if last {
                return Ok(done);
            }
        }
    }

    fn lock_deferred(&self) -> std::sync::MutexGuard<'_, Option<io::Error>> {
        self.deferred.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        let linger = if self.is_nonblocking() { None } else { self.linger() };
        let shared = self.host.shared();
        let info = linger.and_then(|_| self.host.control_info(self.id));
        shared.close(self.id);
        if let (Some(linger), Some(info)) = (linger, info) {
            shared.wait_delivered(&info, self.host.now() + linger);
        }
    }
}

fn get_timeout(place: &AtomicU64) -> Option<Duration> {
    match place.load(Ordering::Relaxed) {
        0 => None,
        nanoseconds => Some(Duration::from_nanos(nanoseconds)),
    }
}

/// As std: a time-out of zero is an error, since the kernel would take it for "none".
fn set_timeout(place: &AtomicU64, timeout: Option<Duration>) -> io::Result<()> {
    let nanoseconds = match timeout {
        None => 0,
        Some(Duration::ZERO) => {
            let text = "cannot set a 0 duration timeout";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Some(timeout) => u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
    };
    place.store(nanoseconds, Ordering::Relaxed);
    Ok(())
}
