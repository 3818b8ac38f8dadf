//! A thread that carries packets between the device and the program's host: what the host's own
//! sockets do not claim is the namespace's; and what the program's kernel sends is the host's to
//! send, unless an inner host reads the device.

use super::device::Device;
use super::split::{BATCH, Outward};
use super::worker::{Bell, Worker};
use danja::stack::Frame;
use danja::wire::ip::Protocol;
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Starts the thread. `reads`: whether to read the device; else TCP is not the namespace's either.
///
/// # Errors
/// No thread or no descriptor is to be had.
pub(super) fn start(device: Device, outward: Outward, reads: bool) -> io::Result<Worker> {
    Worker::start("danja under", move |bell| Work { device, outward, reads, bell }.run())
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
                        self.outward.refuse(&packet);
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
            PollFd::new(&self.bell, PollFlags::IN),
            PollFd::from_borrowed_fd(self.device.descriptor(), interest),
        ];
        let waited = if self.reads { &mut sources[..] } else { &mut sources[..1] };
        // A failure is a wake-up.
        let _ = poll(waited, None);
        self.bell.quiet();
    }
}
