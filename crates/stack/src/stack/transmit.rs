//! What to do: frames to send. Sending is asked for, per interface, and only for what its
//! adapter has room for.

use super::Stack;
use crate::core_state::Sender;
use crate::discard::Discard;
use crate::interface::{InterfaceId, Room};
use crate::ip;
use crate::link::vlan;
use danja_wire::ethernet::Tag;
use danja_wire::{Frame, Instant};

impl Stack {
    /// The next frame to send by `interface`, if its adapter has `room`. A frame handed out is
    /// never handed back. Ready sockets take turns. The frames of its VLANs' interfaces are among
    /// them, with their tags; these give none themselves.
    pub fn poll_transmit(
        &mut self,
        interface: InterfaceId,
        room: Room,
        now: Instant,
    ) -> Option<Frame> {
        self.core.set_now(now);
        if room.is_empty() || self.core.ip.is_vlan(interface) {
            return None;
        }
        if self.core.ip.vlan(interface, 0).is_none() {
            return self.next_frame(interface, room);
        }
        self.shared_frame(interface, room)
    }

    /// The next frame of an interface or of one of its VLANs, which take turns.
    fn shared_frame(&mut self, parent: InterfaceId, room: Room) -> Option<Frame> {
        for _ in 0..self.core.ip.turns(parent) {
            let Some((id, interface)) = self.core.ip.next_turn(parent) else {
                if let Some(frame) = self.next_frame(parent, room) {
                    return Some(frame);
                }
                continue;
            };
            if let Some(mut frame) = self.next_frame(interface, room) {
                if vlan::tag(&mut frame, Tag::of(id)).is_some() {
                    return Some(frame);
                }
                self.core.discard(Discard::TooBig);
            }
        }
        None
    }

    /// The next frame of an interface, without a tag.
    fn next_frame(&mut self, interface: InterfaceId, room: Room) -> Option<Frame> {
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
        if self.core.ip.has_control(interface) || !self.core.ready.is_empty(interface) {
            return !self.core.ip.is_vlan(interface);
        }
        let vlans = (0..).map_while(|at| self.core.ip.vlan(interface, at));
        let mut vlans = vlans.map(|(_, vlan)| vlan);
        vlans.any(|vlan| self.core.ip.has_control(vlan) || !self.core.ready.is_empty(vlan))
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
