//! The one trait between a stack and whatever moves its frames.

use danja_wire::{Frame, Instant};
use std::io;
use std::os::fd::BorrowedFd;
use std::task::Waker;

/// A 48-bit hardware address.
pub use danja_wire::ethernet::MacAddress;

/// What a link carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    /// Ethernet II frames; the stack uses this hardware address.
    Ethernet(MacAddress),
    /// IP packets without a link header (TUN).
    Ip,
}

/// What an adapter can do for the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// What the link carries.
    pub medium: Medium,
    /// Largest IP packet on the link, in bytes.
    pub mtu: usize,
    /// The adapter completes transport checksums
    /// ([`ChecksumState::Partial`](danja_wire::ChecksumState::Partial)).
    pub checksum: bool,
    /// Largest TCP/IPv4 packet that the adapter cuts into frames itself, in bytes; 0 if none.
    pub max_segmented: usize,
}

/// How much an adapter takes now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Frames.
    pub frames: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Room {
    /// No limit.
    pub const UNLIMITED: Self = Self { frames: usize::MAX, bytes: usize::MAX };
}

/// What an adapter has moved and dropped since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Frames handed to the stack.
    pub received_frames: u64,
    /// Their bytes, link headers included.
    pub received_bytes: u64,
    /// Frames meant for the stack that were dropped: no space to wait, or metadata that lied.
    pub received_dropped: u64,
    /// Frames taken from the stack and sent.
    pub transmitted_frames: u64,
    /// Their bytes, link headers included.
    pub transmitted_bytes: u64,
    /// Frames taken from the stack and dropped.
    pub transmitted_dropped: u64,
}

/// How to wait for an adapter.
#[derive(Clone, Copy, Debug)]
pub enum Readiness<'a> {
    /// Poll this descriptor: readable when frames wait, writable when there is room.
    Descriptor(BorrowedFd<'a>),
    /// The waker given to [`Adapter::set_waker`] is called.
    Waker,
}

/// A LAN driver: moves frames between a stack and an adapter, and interprets none.
///
/// No method blocks. `now` is the host's clock; only wrappers that delay frames look at it.
pub trait Adapter: Send {
    /// What the link is and what the adapter does for the stack. Constant.
    fn capabilities(&self) -> Capabilities;

    /// Appends up to `max` waiting frames to `frames` and returns how many.
    ///
    /// If it returns `max`, more may wait: ask again before waiting for [`Self::readiness`].
    ///
    /// # Errors
    /// The device failed; it will not be asked again.
    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize>;

    /// How much can be sent now.
    fn room(&mut self, now: Instant) -> Room;

    /// Sends `frames` in order, emptying the vector. Never more than [`Adapter::room`] said.
    ///
    /// # Errors
    /// The device failed; it will not be asked again.
    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()>;

    /// How to wait for frames and room. Constant.
    fn readiness(&self) -> Readiness<'_>;

    /// Whom to wake when frames wait or room returns; replaces the one before.
    ///
    /// It is called from whatever thread sends to this adapter, perhaps inside a call of another
    /// adapter, so it must not wait for a lock that is held while an adapter is called.
    fn set_waker(&mut self, _waker: Waker) {}

    /// When the adapter wants [`Adapter::receive`] or [`Adapter::room`] called without being
    /// woken: a wrapper that delays frames says here when the next one is due.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// What was moved and dropped so far. A wrapper answers for the adapter inside.
    fn counters(&self) -> Counters {
        Counters::default()
    }
}

impl<A: Adapter + ?Sized> Adapter for Box<A> {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }
    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        (**self).receive(now, frames, max)
    }
    fn room(&mut self, now: Instant) -> Room {
        (**self).room(now)
    }
    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        (**self).transmit(now, frames)
    }
    fn readiness(&self) -> Readiness<'_> {
        (**self).readiness()
    }
    fn set_waker(&mut self, waker: Waker) {
        (**self).set_waker(waker);
    }
    fn poll_timeout(&self) -> Option<Instant> {
        (**self).poll_timeout()
    }
    fn counters(&self) -> Counters {
        (**self).counters()
    }
}
