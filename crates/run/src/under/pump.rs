//! A thread that carries packets between the device and the program's host: what the host's own
//! sockets do not claim is the namespace's; and what the program's kernel sends is the host's to
//! send, unless an inner host reads the device.

use super::device::Device;
use super::split::{BATCH, Outward};
use danja::stack::Frame;
use danja::wire::ip::Protocol;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::io::{read, write};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};

/// The thread; it ends when this is dropped, or when the host does.
pub(super) struct Pump {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes a thread that sleeps in `poll`.
pub(super) struct Bell {
    counter: OwnedFd,
    stopped: AtomicBool,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { counter, stopped: AtomicBool::new(false) })
    }

    /// Readable when it was rung.
    pub(super) const fn counter(&self) -> &OwnedFd {
        &self.counter
    }

    /// Makes it ring anew.
    pub(super) fn quiet(&self) {
        let _ = read(&self.counter, &mut [0; 8]);
    }

    /// Tells the thread to end.
    pub(super) fn stop(self: &Arc<Self>) {
        self.stopped.store(true, Ordering::SeqCst);
        Arc::clone(self).wake();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // A counter that is full has been rung.
        let _ = write(&self.counter, &1_u64.to_ne_bytes());
    }
}

impl Pump {
    /// `reads`: whether to read the device; else TCP is not the namespace's either.
    pub(super) fn start(device: Device, outward: Outward, reads: bool) -> io::Result<Self> {
        let bell = Arc::new(Bell::new()?);
        let rung = Arc::clone(&bell);
        let thread = thread::Builder::new()
            .name("danja under".to_owned())
            .spawn(move || Work { device, outward, reads, bell: rung }.run())?;
        Ok(Self { bell, thread: Some(thread) })
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.bell.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    device: Device,
    outward: Outward,
    reads: bool,
    bell: Arc<Bell>,
}

impl Work {
    fn run(mut self) {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut frames = Vec::new();
        while !self.bell.is_stopped() {
            let given = self.give(&Context::from_waker(&waker));
            let taken = if self.reads { self.take(&mut frames) } else { Ok(false) };
            match (given, taken) {
                (Ok(false), Ok(false)) => self.sleep(),
                (Ok(_), Ok(_)) => {}
                // The host or the device has ended.
                _ => return,
            }
        }
    }

    /// Gives the namespace what is its own; says whether there may be more.
    fn give(&self, context: &Context<'_>) -> io::Result<bool> {
        for _ in 0..BATCH {
            match self.outward.host.poll_unclaimed(self.outward.interface, context) {
                Poll::Pending => return Ok(false),
                Poll::Ready(None) => return Err(io::ErrorKind::NotConnected.into()),
                Poll::Ready(Some(packet)) => {
                    if !self.reads && packet.as_slice().get(9) == Some(&Protocol::TCP.0) {
                        // All connections are the host's; this is of none.
                        self.outward.discarded.count("tcp_unknown");
                        continue;
                    }
                    self.device.give(self.outward.host.now(), packet)?;
                }
            }
        }
        Ok(true)
    }

    /// Takes what the program's kernel sent; says whether there may be more.
    fn take(&mut self, frames: &mut Vec<Frame>) -> io::Result<bool> {
        let now = self.outward.host.now();
        let count = self.device.lock().receive(now, frames, BATCH)?;
        frames.drain(..).for_each(|frame| self.outward.send(frame));
        Ok(count == BATCH)
    }

    fn sleep(&self) {
        let mut interest = PollFlags::IN;
        interest.set(PollFlags::OUT, self.reads && self.device.lock().is_blocked());
        let mut sources = [
            PollFd::new(&self.bell.counter, PollFlags::IN),
            PollFd::from_borrowed_fd(self.device.descriptor(), interest),
        ];
        let waited = if self.reads { &mut sources[..] } else { &mut sources[..1] };
        // A failure is a wake-up.
        let _ = poll(waited, None);
        self.bell.quiet();
    }
}
