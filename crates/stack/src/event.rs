//! What the stack tells its host: which sockets became ready, what arrived for a decision.

use crate::interface::{InterfaceId, MacAddress};
use crate::socket::SocketId;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

#[cfg(test)]
mod tests;

/// What a socket is ready for; a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ready(pub u16);

impl Ready {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `recv` gives data, end of stream or an error.
    pub const READABLE: Self = Self(1);
    /// `send` takes data, or a connect has ended.
    pub const WRITABLE: Self = Self(2);
    /// `accept` gives a connection.
    pub const ACCEPTABLE: Self = Self(4);
    /// An error is pending.
    pub const ERROR: Self = Self(8);
    /// The peer will send no more.
    pub const READ_CLOSED: Self = Self(16);
    /// Both directions are closed.
    pub const HANG_UP: Self = Self(32);
    /// Urgent data is there or announced.
    pub const URGENT: Self = Self(64);
    /// All that was sent, FIN included, is acknowledged, or the connection has ended: what a
    /// lingering close waits for.
    pub const FINISHED: Self = Self(128);

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any bit of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl core::fmt::Debug for Ready {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const NAMES: [&str; 8] = [
            "readable",
            "writable",
            "acceptable",
            "error",
            "read-closed",
            "hang-up",
            "urgent",
            "finished",
        ];
        let set = NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & 1u16.wrapping_shl(*bit as u32) != 0);
        f.debug_set().entries(set.map(|(_, name)| name)).finish()
    }
}

/// A connection that waits for the application's verdict, at an admitting listener.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IncomingId(pub(crate) u64);

/// A SYN to an admitting listener: `admit`, `refuse` or `drop_incoming` it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Incoming {
    /// For the verdict.
    pub id: IncomingId,
    /// The listener.
    pub listener: SocketId,
    /// Where the client wants to go.
    pub local: SocketAddr,
    /// The client.
    pub remote: SocketAddr,
    /// Where the SYN came in.
    pub interface: InterfaceId,
    /// The client's announced segment size, in bytes.
    pub mss: u16,
}

/// Something that happened, from [`Stack::poll_event`](crate::Stack::poll_event).
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event {
    /// A socket became ready; at most one per socket waits in the list, bits are gathered.
    Socket {
        /// Which.
        socket: SocketId,
        /// For what, since the last such event.
        ready: Ready,
    },
    /// A SYN waits for a verdict.
    Incoming(Incoming),
    /// The client gave up (RST, another ISN, time-out): before a verdict, which would be a
    /// stale-id error, or after `admit` and before the handshake was over, so that `accept` will
    /// never give it.
    Withdrawn {
        /// Whose client it was.
        listener: SocketId,
        /// Which.
        id: IncomingId,
    },
    /// Another machine uses one of our addresses (RFC 5227).
    AddressConflict {
        /// Where.
        interface: InterfaceId,
        /// Which address.
        address: IpAddr,
        /// Who.
        by: MacAddress,
        /// Whether we have given the address up (else we defended it).
        given_up: bool,
    },
    /// An address passed its probes and is in use.
    AddressReady {
        /// Where.
        interface: InterfaceId,
        /// Which address.
        address: IpAddr,
    },
}

const PAGE: usize = 1024;

/// Bits gathered for the socket that has a descriptor slot, and which socket that is: a slot
/// may have a new one while an entry of the old one is still in the queue.
#[derive(Clone, Copy, Default)]
struct Gathered {
    generation: u32,
    bits: u16,
}

/// Events that wait, each socket at most once.
pub(crate) struct Events {
    queue: VecDeque<Event>,
    /// By descriptor slot; pages, so that growing moves nothing, each made when it is first
    /// needed, so that the first event of a late slot does not pay for all before it.
    pending: Vec<Option<Box<[Gathered]>>>,
}

impl Events {
    pub(crate) const fn new() -> Self {
        Self { queue: VecDeque::new(), pending: Vec::new() }
    }

    /// A socket became ready.
    pub(crate) fn raise(&mut self, socket: SocketId, ready: Ready) {
        let page = socket.slot() as usize / PAGE;
        if self.pending.len() <= page {
            self.pending.resize_with(page.saturating_add(1), || None);
        }
        if let Some(missing @ None) = self.pending.get_mut(page) {
            *missing = Some(alloc::vec![Gathered::default(); PAGE].into_boxed_slice());
        }
        let Some(gathered) = self.gathered(socket) else { return };
        if gathered.generation != socket.key().generation {
            *gathered = Gathered { generation: socket.key().generation, bits: 0 };
        }
        let first = gathered.bits == 0 && !ready.is_empty();
        gathered.bits |= ready.0;
        if first {
            self.queue.push_back(Event::Socket { socket, ready: Ready::NONE });
        }
    }

    /// Forgets what waits for a socket whose descriptor ends. Its entry in the queue stays and
    /// is skipped.
    pub(crate) fn forget(&mut self, socket: SocketId) {
        if let Some(gathered) = self.own(socket) {
            gathered.bits = 0;
        }
    }

    /// Something that is not about one socket.
    pub(crate) fn push(&mut self, event: Event) {
        self.queue.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        loop {
            match self.queue.pop_front()? {
                Event::Socket { socket, .. } => {
                    let bits = self.own(socket).map_or(0, |own| core::mem::take(&mut own.bits));
                    if bits != 0 {
                        return Some(Event::Socket { socket, ready: Ready(bits) });
                    }
                }
                other => return Some(other),
            }
        }
    }

    fn gathered(&mut self, socket: SocketId) -> Option<&mut Gathered> {
        let slot = socket.slot() as usize;
        self.pending.get_mut(slot / PAGE)?.as_mut()?.get_mut(slot % PAGE)
    }

    /// What was gathered for this very socket.
    fn own(&mut self, socket: SocketId) -> Option<&mut Gathered> {
        self.gathered(socket).filter(|own| own.generation == socket.key().generation)
    }
}
