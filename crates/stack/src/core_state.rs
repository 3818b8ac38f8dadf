//! What the layers share: configuration, clock, entropy, timers, events, counters, the memory
//! budget, and the lists of sockets that want to send. No protocol logic.

use crate::buffer::{Budget, InOrder, Spare};
use crate::config::Config;
use crate::counters::{Counters, count};
use crate::discard::Discard;
use crate::entropy::{Entropy, HashKey, Seeds};
use crate::event::Events;
use crate::interface::InterfaceId;
use crate::ip::Ip;
use crate::slab::Key;
use crate::tcp::Busy;
use crate::timer::Wheel;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use danja_wire::Instant;

/// Shared by all layers; handed down as `&mut Core`.
pub(crate) struct Core {
    /// The time of the call under way.
    pub(crate) now: Instant,
    pub(crate) config: Config,
    pub(crate) entropy: Entropy,
    /// Key of the connection and neighbour tables.
    pub(crate) table_key: HashKey,
    pub(crate) timers: Wheel,
    pub(crate) events: Events,
    pub(crate) counters: Counters,
    pub(crate) budget: Budget,
    pub(crate) spare: Spares,
    pub(crate) ready: ReadyLists,
    pub(crate) ip: Ip,
}

impl Core {
    pub(crate) fn new(config: Config, seeds: Seeds) -> Self {
        let mut entropy = Entropy::new(seeds);
        let drawn = entropy.key();
        let table_key = config.hash_key.map_or(drawn, HashKey::from_bytes);
        Self {
            now: Instant::ZERO,
            timers: Wheel::new(Instant::ZERO),
            events: Events::new(),
            counters: Counters::new(),
            budget: Budget::new(config.limits.buffer_bytes),
            spare: Spares { busy: Spare::new(), received: Spare::new() },
            ready: ReadyLists { lists: Vec::new() },
            ip: Ip::new(&config, &mut entropy),
            table_key,
            entropy,
            config,
        }
    }

    /// Takes the caller's clock; going back is clamped and counted.
    pub(crate) fn set_now(&mut self, now: Instant) {
        if now < self.now {
            count(&mut self.counters.clock_backwards);
        } else {
            self.now = now;
        }
    }

    /// Counts a discarded packet.
    pub(crate) fn discard(&mut self, reason: Discard) {
        self.counters.discard(reason);
    }
}

/// Blocks that connections have while they are busy, between one's and the next one's use.
pub(crate) struct Spares {
    /// For what is queued and in flight.
    pub(crate) busy: Spare<Busy>,
    /// For what was received and not read.
    pub(crate) received: Spare<InOrder>,
}

/// A socket (or record) that has something to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sender {
    /// A TCP record.
    Tcp(crate::tcp::RecordId),
    /// A socket of the datagram room (UDP, ping, raw).
    Datagram(Key),
}

/// Per interface, the senders that wait for their turn. Each keeps a flag of its own, so that
/// it is in a list at most once; an entry that became stale is skipped by its owner.
pub(crate) struct ReadyLists {
    lists: Vec<VecDeque<Sender>>,
}

impl ReadyLists {
    /// Puts a sender at the end of its interface's list.
    pub(crate) fn push(&mut self, interface: InterfaceId, sender: Sender) {
        let index = usize::from(interface.0);
        while self.lists.len() <= index {
            self.lists.push(VecDeque::new());
        }
        if let Some(list) = self.lists.get_mut(index) {
            list.push_back(sender);
        }
    }

    /// The sender whose turn it is.
    pub(crate) fn pop(&mut self, interface: InterfaceId) -> Option<Sender> {
        self.lists.get_mut(usize::from(interface.0))?.pop_front()
    }

    /// Puts a sender back at the front: its turn (a byte quantum) is not over.
    pub(crate) fn push_front(&mut self, interface: InterfaceId, sender: Sender) {
        if let Some(list) = self.lists.get_mut(usize::from(interface.0)) {
            list.push_front(sender);
        }
    }

    /// Whether anybody waits to send by this interface.
    pub(crate) fn is_empty(&self, interface: InterfaceId) -> bool {
        self.lists.get(usize::from(interface.0)).is_none_or(VecDeque::is_empty)
    }
}
