//! What to do: events, unclaimed packets, and the next deadline.

use super::Stack;
use crate::event::Event;
use crate::interface::InterfaceId;
use danja_wire::{Instant, Payload};

impl Stack {
    /// What happened to sockets since it was asked last; a socket is in the list at most once.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.core.events.pop() {
            return Some(event);
        }
        // Whatever gave memory back: who waited for it is told now.
        self.tcp.wake_writers(&mut self.core);
        self.core.events.pop()
    }

    /// A whole IP packet that no socket claimed, from an interface that hands them out
    /// ([`Unclaimed::HandOut`](crate::config::Unclaimed::HandOut)).
    pub fn poll_unclaimed(&mut self, interface: InterfaceId) -> Option<Payload> {
        self.unclaimed.get_mut(usize::from(interface.0))?.pop_front()
    }

    /// Whether [`Self::poll_unclaimed`] would give a packet.
    pub fn has_unclaimed(&self, interface: InterfaceId) -> bool {
        self.unclaimed.get(usize::from(interface.0)).is_some_and(|queue| !queue.is_empty())
    }

    /// When [`Self::handle_timeout`] is to be called; a moment in the past means at once.
    /// `None` if nothing is awaited.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.core.ip.has_loopback() || self.wants_transmit(InterfaceId::LOOPBACK) {
            return Some(self.core.now);
        }
        self.core.timers.next_deadline()
    }
}
