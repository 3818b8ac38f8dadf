//! What happened: frames in, time passing, packets to inject.

use super::Stack;
use crate::config::Unclaimed;
use crate::discard::Discard;
use crate::entropy::{Entropy, Seeds};
use crate::interface::InterfaceId;
use crate::ip::{self, Upward};
use crate::packet::{Claim, Packet, TransportError};
use crate::timer::TimerKey;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use danja_wire::icmpv4::{Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::{Frame, Instant, Payload, offload};

/// Timers and looped packets handled in one `handle_timeout`; then it asks to be called again.
pub(super) const BOUND: usize = 256;

impl Stack {
    /// Frames from an interface, in the order they came; the vector is emptied. A frame larger
    /// than the MTU is what [`segment_size`](danja_wire::Offload::segment_size) says it is: several
    /// joined. All are processed before an acknowledgement is made (RFC 9293 MUST-59).
    pub fn receive(&mut self, interface: InterfaceId, frames: &mut Vec<Frame>, now: Instant) {
        self.core.set_now(now);
        for frame in frames.drain(..) {
            self.receive_one(interface, frame);
        }
        self.tcp.give_up_orphans(&mut self.core);
    }

    fn receive_one(&mut self, interface: InterfaceId, frame: Frame) {
        let upward = ip::input(&mut self.core, interface, frame);
        self.take(upward, true);
    }

    /// What IP made of a packet; what came from outside may be for others.
    fn take(&mut self, upward: Upward, from_outside: bool) {
        while let Some(copy) = self.core.ip.poll_copy() {
            self.datagrams.raw_input(&mut self.core, &copy);
        }
        match upward {
            Upward::Done => {}
            Upward::Packet(packet) => self.deliver(packet, from_outside),
            Upward::Error(error, packet) => {
                if let Err(reason) = self.deliver_error(&error) {
                    self.others(packet, reason);
                }
            }
            Upward::Others(packet, reason) if from_outside => self.others(packet, reason),
            Upward::Others(_, reason) => self.core.discard(reason),
        }
        self.deliver_inner_errors();
    }

    fn deliver(&mut self, packet: Packet, from_outside: bool) {
        match self.claim(&packet) {
            Claim::Taken => {}
            Claim::Shared => {
                if from_outside && self.hands_out(&packet) {
                    self.hand_out(packet);
                }
            }
            Claim::Unclaimed => self.unclaimed(packet, from_outside),
        }
    }

    fn claim(&mut self, packet: &Packet) -> Claim {
        match packet.protocol {
            Protocol::TCP => self.tcp.input(&mut self.core, packet),
            _ => self.datagrams.input(&mut self.core, packet),
        }
    }

    /// Whether a second stack behind the same address gets what is not ours.
    fn hands_out(&self, packet: &Packet) -> bool {
        self.core.ip.unclaimed(packet.interface) == Unclaimed::HandOut
    }

    /// What this stack has no use for.
    fn others(&mut self, packet: Packet, reason: Discard) {
        if self.hands_out(&packet) {
            self.hand_out(packet);
        } else {
            self.core.discard(reason);
        }
    }

    /// What no socket claims is answered, or handed out whole.
    fn unclaimed(&mut self, packet: Packet, from_outside: bool) {
        if from_outside && self.hands_out(&packet) {
            self.hand_out(packet);
            return;
        }
        match packet.protocol {
            Protocol::TCP => self.tcp.answer_unclaimed(&mut self.core, &packet),
            Protocol::ICMP => self.core.discard(Discard::IcmpNoSocket),
            Protocol::UDP => {
                // RFC 1122 §4.1.3.1: port unreachable for a datagram without a listener.
                self.core.discard(Discard::UdpNoSocket);
                ip::send_error(
                    &mut self.core,
                    &packet,
                    Message::DestinationUnreachable { code: Unreachable::Port, next_hop_mtu: 0 },
                );
            }
            _ => {
                // RFC 1122 §3.2.2.1: protocol unreachable.
                self.core.discard(Discard::IpUnknownProtocol);
                ip::send_error(
                    &mut self.core,
                    &packet,
                    Message::DestinationUnreachable {
                        code: Unreachable::Protocol,
                        next_hop_mtu: 0,
                    },
                );
            }
        }
    }

    /// As it would be on a wire: cut to size, with complete checksums.
    fn hand_out(&mut self, mut packet: Packet) {
        let mut pieces = Vec::new();
        if packet.frame.offload.segment_size == 0 {
            let completed = offload::complete_checksum(&mut packet.frame);
            pieces
                .extend(completed.is_ok().then(|| packet.frame.range(packet.network, packet.end)));
        } else {
            let finish = offload::Finish::Checksums;
            let cut = offload::cut(&packet.frame, packet.network, finish, |piece| {
                pieces.push(piece.range(packet.network, piece.len()));
            });
            if cut.is_err() {
                pieces.clear();
            }
        }
        if pieces.is_empty() {
            self.core.discard(Discard::IpMalformed);
        }
        let index = usize::from(packet.interface.0);
        while self.unclaimed.len() <= index {
            self.unclaimed.push(VecDeque::new());
        }
        let limit = self.core.config.limits.unclaimed_queue;
        for piece in pieces {
            match self.unclaimed.get_mut(index) {
                Some(queue) if queue.len() < limit => queue.push_back(piece),
                _ => self.core.discard(Discard::UnclaimedQueueFull),
            }
        }
    }

    fn deliver_error(&mut self, error: &TransportError) -> Result<(), Discard> {
        match error.protocol {
            Protocol::TCP => self.tcp.on_error(&mut self.core, error),
            _ => self.datagrams.on_error(&mut self.core, error),
        }
    }

    /// Errors that arose inside IP, such as a neighbour that stayed silent.
    fn deliver_inner_errors(&mut self) {
        while let Some(error) = self.core.ip.poll_error() {
            if let Err(reason) = self.deliver_error(&error) {
                self.core.discard(reason);
            }
        }
    }

    /// Time has passed: does a bounded amount of what is due; [`Self::poll_timeout`] then says
    /// when to call again, which may be at once.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.set_now(now);
        for _ in 0..BOUND {
            let Some((interface, frame)) = self.core.ip.poll_loopback() else { break };
            let upward = ip::input_looped(&mut self.core, interface, frame);
            self.take(upward, interface == InterfaceId::LOOPBACK);
        }
        for _ in 0..BOUND {
            match self.core.timers.pop(self.core.now) {
                Some(TimerKey::Tcp(record)) => self.tcp.on_timer(&mut self.core, record),
                Some(TimerKey::Ip(timer)) => ip::on_timer(&mut self.core, timer),
                None => break,
            }
            self.deliver_inner_errors();
        }
        self.tcp.give_up_orphans(&mut self.core);
        self.pump_loopback();
    }

    /// Sends a packet that has its own IP header, by `interface`: the answer of a second stack
    /// behind the same address, or a user's own packet.
    ///
    /// # Errors
    /// The packet is malformed, or the interface has no room or no way to the destination.
    pub fn inject(
        &mut self,
        interface: InterfaceId,
        packet: Payload,
        now: Instant,
    ) -> Result<(), Discard> {
        self.core.set_now(now);
        ip::inject(&mut self.core, interface, packet)
    }

    /// New seeds, for instance after a virtual machine was cloned. Connections keep their keys.
    pub fn reseed(&mut self, seeds: Seeds) {
        self.core.entropy = Entropy::new(seeds);
    }
}
