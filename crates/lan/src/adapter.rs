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
/// Five methods make an adapter, such as this Ethernet cable made of UDP datagrams:
///
/// ```
/// use danja_lan::{Adapter, Capabilities, MacAddress, Medium, Readiness, Room};
/// use danja_wire::{Frame, Instant, Offload, Payload};
/// use std::{io, net::UdpSocket, os::fd::AsFd};
///
/// struct Tunnel {
///     socket: UdpSocket, // connected to the other end, non-blocking
///     address: MacAddress,
/// }
///
/// impl Adapter for Tunnel {
///     fn capabilities(&self) -> Capabilities {
///         // All frames are complete, and none is larger than the MTU.
///         let medium = Medium::Ethernet(self.address);
///         Capabilities { medium, mtu: 1400, checksum: false, max_segmented: 0 }
///     }
///     fn receive(&mut self, _: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
///         let mut buffer = [0; 2048];
///         for count in 0..max {
///             // Nothing waits, or the other end is not there yet: neither is a failure.
///             let Ok(length) = self.socket.recv(&mut buffer) else { return Ok(count) };
///             let bytes = Payload::copy_from_slice(&buffer[..length]);
///             frames.push(Frame::received(bytes, Offload::default()));
///         }
///         Ok(max)
///     }
///     fn room(&mut self, _: Instant) -> Room {
///         Room::UNLIMITED
///     }
///     fn transmit(&mut self, _: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
///         for frame in frames.drain(..) {
///             // What cannot be sent now is lost, as on any wire.
///             let _ = self.socket.send(&frame.to_vec());
///         }
///         Ok(())
///     }
///     fn readiness(&self) -> Readiness<'_> {
///         Readiness::Descriptor(self.socket.as_fd())
///     }
/// }
/// #
/// # let ends = [UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?];
/// # ends[0].connect(ends[1].local_addr()?)?;
/// # ends[1].connect(ends[0].local_addr()?)?;
/// # let [mut near, mut far] = ends.map(|socket| {
/// #     socket.set_nonblocking(true).unwrap();
/// #     Tunnel { socket, address: MacAddress([2, 0, 0, 0, 0, 1]) }
/// # });
/// # let frame = Frame::received(Payload::from_static(b"a frame"), Offload::default());
/// # near.transmit(Instant::ZERO, &mut vec![frame])?;
/// # let mut frames = Vec::new();
/// # while far.receive(Instant::ZERO, &mut frames, 8)? == 0 {}
/// # assert_eq!(frames[0].to_vec(), b"a frame");
/// # Ok::<(), io::Error>(())
/// ```
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

    /// Whether frames that were taken still wait for room in the device: then the host waits for
    /// its descriptor to become writable even if the stack has nothing more to send, and calls
    /// [`Adapter::receive`], which sends them first.
    fn is_blocked(&self) -> bool {
        false
    }

    /// Whether the link carries frames now: a cable is plugged in, somebody is at the other end.
    ///
    /// When it changes, the waker is called, or [`Adapter::link_events`] becomes readable; asking
    /// makes that unreadable again.
    fn link(&mut self) -> bool {
        true
    }

    /// For an adapter that is waited for by a descriptor: another one, readable when
    /// [`Adapter::link`] may have changed. Constant.
    fn link_events(&self) -> Option<BorrowedFd<'_>> {
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
    fn is_blocked(&self) -> bool {
        (**self).is_blocked()
    }
    fn link(&mut self) -> bool {
        (**self).link()
    }
    fn link_events(&self) -> Option<BorrowedFd<'_>> {
        (**self).link_events()
    }
    fn counters(&self) -> Counters {
        (**self).counters()
    }
}
