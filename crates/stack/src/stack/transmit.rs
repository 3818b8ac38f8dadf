//! What to do: frames to send. Sending is asked for, per interface, and only for what its
//! adapter has room for.

use super::Stack;
use crate::core_state::Sender;
use crate::interface::{InterfaceId, Room};
use crate::ip;
use danja_wire::{Frame, Instant};

impl Stack {
    /// The next frame to send by `interface`, if its adapter has `room`. A frame handed out is
    /// never handed back. Ready sockets take turns.
    pub fn poll_transmit(
        &mut self,
        interface: InterfaceId,
        room: Room,
        now: Instant,
    ) -> Option<Frame> {
        self.core.set_now(now);
        if room.is_empty() {
            return None;
        }
        loop {
            if let Some(frame) = self.core.ip.poll_control(interface) {
                return Some(frame);
            }
            let sender = self.core.ready.pop(interface)?;
            let made = match sender {
                Sender::Tcp(record) => {
                    self.tcp.poll_transmit(&mut self.core, record, interface, room)
                }
                Sender::Datagram(place) => {
                    self.datagrams.poll_transmit(&mut self.core, place, room)
                }
            };
            // A sender that found nothing to send, or whose packet waits for a neighbour, gives
            // its turn to the next.
            if let Some((path, packet)) = made
                && let Some(frame) = ip::output(&mut self.core, &path, packet)
            {
                if path.interface == interface {
                    return Some(frame);
                }
                // Its route changed since it was listed here.
                ip::push_control(&mut self.core, path.interface, frame);
            }
        }
    }

    /// Whether [`Self::poll_transmit`] may have something for this interface.
    pub fn wants_transmit(&self, interface: InterfaceId) -> bool {
        self.core.ip.has_control(interface) || !self.core.ready.is_empty(interface)
    }

    /// Lets the loopback interface's senders fill its queue, a bounded amount.
    pub(super) fn pump_loopback(&mut self) {
        let now = self.core.now;
        for _ in 0..super::receive::BOUND {
            // `output` puts loopback packets into the queue of IP and gives no frame.
            if !self.wants_transmit(InterfaceId::LOOPBACK) {
                return;
            }
            let frame = self.poll_transmit(InterfaceId::LOOPBACK, Room::UNLIMITED, now);
            debug_assert!(frame.is_none(), "a loopback packet left the stack");
        }
    }
}
