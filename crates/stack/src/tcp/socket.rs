//! A stream socket as its descriptor sees it: receive queue, errors, role. It lives until it is
//! closed, whatever becomes of the protocol record.

use super::RecordId;
use super::socket_options::OptionSet;
use crate::buffer::ReceiveQueue;
use crate::core_state::Core;
use crate::event::Ready;
use crate::slab::Key;
use crate::socket::{Domain, SocketFault, SocketId};
use crate::views::ControlInfo;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::net::SocketAddr;
use danja_wire::Instant;

/// What a socket is for.
pub(super) enum Role {
    /// Neither connected nor listening.
    Fresh,
    Listener(Box<Listener>),
    Connection(RecordId),
    /// The connection is over; its last control information.
    Ended(Box<ControlInfo>),
}

/// A listening socket's queues (as Linux: half-open connections in the SYN queue, established
/// ones in the accept queue; each longer than `backlog` counts as full).
pub(super) struct Listener {
    pub(super) backlog: usize,
    /// Sockets without a descriptor, oldest first.
    pub(super) accept: VecDeque<Key>,
    pub(super) half_open: usize,
}

impl Listener {
    pub(super) fn accept_full(&self) -> bool {
        self.accept.len() > self.backlog
    }

    pub(super) const fn half_open_full(&self) -> bool {
        self.half_open > self.backlog
    }
}

/// The urgent mark of what was received (RFC 9293 §3.8.5, RFC 6093).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Urgent {
    #[default]
    None,
    /// Announced; the byte has not come. Offset of the urgent byte in the stream.
    Announced(u64),
    /// The byte was taken out of the stream and waits for MSG_OOB; offset of the mark.
    Waiting(u64, u8),
    /// It was read, or stays in the stream; offset of the mark.
    Marked(u64),
}

impl Urgent {
    pub(super) const fn mark(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Announced(at) | Self::Waiting(at, _) | Self::Marked(at) => Some(at),
        }
    }
}

/// Growth of the receive buffer by what the application reads (Linux's dynamic right-sizing).
#[derive(Clone, Copy, Debug)]
pub(super) struct Appetite {
    pub(super) since: Instant,
    /// Bytes read since then.
    pub(super) read: u32,
    /// Bytes read in the round-trip time before.
    pub(super) before: u32,
}

/// A stream socket.
pub(super) struct StreamSocket {
    /// `None` until `accept` hands it out.
    pub(super) id: Option<SocketId>,
    pub(super) domain: Domain,
    pub(super) role: Role,
    /// The bound endpoint; an unspecified address is any.
    pub(super) local: Option<SocketAddr>,
    /// It holds a claim in the port table.
    pub(super) claimed: bool,
    pub(super) options: OptionSet,
    /// Pending errors: few sockets ever have one.
    pub(super) error: Option<Box<SocketFault>>,
    pub(super) soft_error: Option<Box<SocketFault>>,
    /// A connect was begun and its outcome was not told yet.
    pub(super) connecting: bool,
    pub(super) read_shut: bool,
    pub(super) write_shut: bool,
    /// The peer's FIN came in order.
    pub(super) peer_closed: bool,
    pub(super) receive: ReceiveQueue,
    /// What the receive queue holds of the stack's budget.
    pub(super) charged: usize,
    /// How many bytes the queues may hold now.
    pub(super) receive_limit: usize,
    pub(super) send_limit: usize,
    pub(super) appetite: Appetite,
    /// Bytes read in all: stream offset of the next byte to be read.
    pub(super) read_offset: u64,
    pub(super) urgent: Urgent,
}

impl StreamSocket {
    pub(super) fn new(core: &Core, id: Option<SocketId>, domain: Domain) -> Self {
        Self {
            id,
            domain,
            role: Role::Fresh,
            local: None,
            claimed: false,
            options: OptionSet::default(),
            error: None,
            soft_error: None,
            connecting: false,
            read_shut: false,
            write_shut: false,
            peer_closed: false,
            receive: ReceiveQueue::new(),
            charged: 0,
            receive_limit: core.config.tcp.receive_buffer.initial,
            send_limit: core.config.tcp.send_buffer.initial,
            appetite: Appetite { since: core.now, read: 0, before: 0 },
            read_offset: 0,
            urgent: Urgent::None,
        }
    }

    /// Stream offset of the next byte to be received in order.
    pub(super) fn stream_end(&self) -> u64 {
        self.read_offset.saturating_add(self.receive.len() as u64)
    }

    pub(super) fn raise(&self, core: &mut Core, ready: Ready) {
        if let Some(id) = self.id {
            core.events.raise(id, ready);
        }
    }

    /// Settles with the budget what the receive queue takes now.
    pub(super) fn charge(&mut self, core: &mut Core) {
        let cost = self.receive.cost();
        if cost > self.charged {
            core.budget.take(cost.saturating_sub(self.charged));
        } else {
            core.budget.give_back(self.charged.saturating_sub(cost));
        }
        self.charged = cost;
        self.receive.settle(&mut core.spare.received);
    }

    /// Bytes that may be announced: what the limit leaves, by length and by true cost.
    pub(super) fn receive_space(&self) -> usize {
        let by_length = self.receive_limit.saturating_sub(self.receive.len());
        // Small segments cost more than they carry: up to twice the limit, then the window
        // closes (as it does in Linux by tcp_adv_win_scale).
        let by_cost = self.receive_limit.saturating_mul(2).saturating_sub(self.charged);
        by_length.min(by_cost)
    }

    pub(super) fn receive_max(&self, core: &Core) -> usize {
        match self.options.get().receive_buffer {
            Some(bytes) => bytes,
            None => core.config.tcp.receive_buffer.max.max(self.receive_limit),
        }
    }

    pub(super) fn send_max(&self, core: &Core) -> usize {
        match self.options.get().send_buffer {
            Some(bytes) => bytes,
            None => core.config.tcp.send_buffer.max.max(self.send_limit),
        }
    }

    /// Whether there is enough to read for the application to be told: its low-water mark, but
    /// no more than what the buffer surely takes.
    pub(super) fn has_enough(&self, there: usize) -> bool {
        there >= self.options.get().receive_low_water.min(self.receive_limit / 2).max(1)
    }

    /// Records what ended the connection, if nothing was recorded before.
    pub(super) fn fail(&mut self, fault: Option<SocketFault>) {
        if self.error.is_none() {
            self.error = fault.map(Box::new);
        }
    }
}
