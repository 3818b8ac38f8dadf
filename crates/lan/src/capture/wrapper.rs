//! The adapter whose frames are captured.

use super::file::{Capture, Packet, short};
use crate::adapter::{Adapter, Capabilities, Counters, Medium, Readiness, Room};
use crate::wire_form::on_the_wire;
use danja_wire::{Frame, Instant};
use std::io;
use std::os::fd::BorrowedFd;
use std::task::Waker;

/// Which frames of an adapter are captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Direction {
    /// All.
    #[default]
    Both,
    /// Those the stack sends: right where both ends of a cable are captured in one file.
    Transmitted,
    /// Those the stack receives.
    Received,
}

/// An adapter whose frames are written to a [`Capture`] as they pass.
pub struct Captured<A> {
    inner: A,
    capture: Capture,
    interface: u32,
    medium: Medium,
    direction: Direction,
    raw: bool,
    comment: Option<String>,
}

impl<A: Adapter> Captured<A> {
    /// Writes the frames of `inner` to `capture`, in both directions, as those of the interface
    /// `name`.
    pub fn new(inner: A, capture: &Capture, name: &str) -> Self {
        let medium = inner.capabilities().medium;
        let interface = capture.interface(name, medium);
        let capture = capture.clone();
        Self {
            inner,
            capture,
            interface,
            medium,
            direction: Direction::Both,
            raw: false,
            comment: None,
        }
    }

    /// The same with only the frames of this direction.
    #[must_use]
    pub fn with_direction(self, direction: Direction) -> Self {
        Self { direction, ..self }
    }

    /// The same with frames as they pass between stack and adapter: up to 64 KiB, with partial
    /// checksums.
    #[must_use]
    pub fn with_raw(self, raw: bool) -> Self {
        Self { raw, ..self }
    }

    /// The same with this comment at each packet, such as a program's name.
    #[must_use]
    pub fn with_comment(self, comment: impl AsRef<str>) -> Self {
        Self { comment: Some(short(comment.as_ref())), ..self }
    }

    /// The adapter inside.
    pub const fn inner(&self) -> &A {
        &self.inner
    }

    /// The adapter inside, to be changed.
    pub const fn inner_mut(&mut self) -> &mut A {
        &mut self.inner
    }

    fn record(&self, now: Instant, frames: &[Frame], outbound: bool) {
        let wanted = match self.direction {
            Direction::Both => true,
            Direction::Transmitted => outbound,
            Direction::Received => !outbound,
        };
        if !wanted || frames.is_empty() {
            return;
        }
        let comment = self.comment.as_deref();
        let interface = self.interface;
        self.capture.record(|write| {
            // One buffer for all frames of the call.
            let mut bytes = Vec::new();
            let mut one = |frame: &Frame| {
                bytes.resize(frame.len(), 0);
                frame.copy_front(&mut bytes);
                write(&Packet { interface, now, outbound, bytes: &bytes, comment });
            };
            for frame in frames {
                // What cannot be cut is shown as it is: the reason will be seen there.
                if self.raw || !on_the_wire(frame.clone(), self.medium, |part| one(&part)) {
                    one(frame);
                }
            }
        });
    }
}

impl<A: Adapter> Adapter for Captured<A> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let before = frames.len();
        let count = self.inner.receive(now, frames, max)?;
        self.record(now, frames.get(before..).unwrap_or(&[]), false);
        Ok(count)
    }

    fn room(&mut self, now: Instant) -> Room {
        self.inner.room(now)
    }

    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        self.record(now, frames, true);
        self.inner.transmit(now, frames)
    }

    fn readiness(&self) -> Readiness<'_> {
        self.inner.readiness()
    }

    fn set_waker(&mut self, waker: Waker) {
        self.inner.set_waker(waker);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn is_blocked(&self) -> bool {
        self.inner.is_blocked()
    }

    fn link(&mut self) -> bool {
        self.inner.link()
    }

    fn link_events(&self) -> Option<BorrowedFd<'_>> {
        self.inner.link_events()
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}

impl<A> std::fmt::Debug for Captured<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Captured")
            .field("capture", &self.capture)
            .field("direction", &self.direction)
            .field("raw", &self.raw)
            .finish_non_exhaustive()
    }
}
