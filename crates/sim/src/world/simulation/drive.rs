//! How a [`World`] gets on: wakes stacks, moves frames along cables, and asks each stack what to
//! do after every call. Knows no protocol.

use super::{Due, World};
use crate::world::happening::{Direction, Happening, Passing};
use crate::world::host::{Host, HostId};
use crate::world::segment::Route;
use danja_lan::on_the_wire;
use danja_stack::{Event, Room};
use danja_wire::{Frame, Instant, Payload};
use std::cmp::Reverse;
use std::time::Duration;

impl World {
    pub(super) fn push(&mut self, at: Instant, due: Due) {
        self.asked += 1;
        self.heap.push(Reverse((at, self.asked, due)));
    }

    /// The stack asked to be called now, or its adapter's pause is over.
    pub(super) fn wake(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if host.scheduled != Some(self.now) {
            return;
        }
        host.scheduled = None;
        self.last = Some(HostId(index));
        if host.stack.poll_timeout().is_some_and(|due| due <= self.now) {
            host.stack.handle_timeout(self.now);
        }
        self.pump(index);
    }

    /// Frames have come up a cable to the segment.
    pub(super) fn forward(&mut self, index: usize) {
        if self.hosts[index].up.scheduled != Some(self.now) {
            return;
        }
        self.hosts[index].up.scheduled = None;
        while let Some(frame) = self.hosts[index].up.poll(self.now) {
            match self.stations.route(&frame, index) {
                Some(Route::One(place)) => self.lower(place, frame),
                Some(Route::Others) => {
                    for place in (0..self.hosts.len()).filter(|place| *place != index) {
                        self.lower(place, frame.clone());
                    }
                }
                None => {}
            }
        }
        if let Some(at) = self.hosts[index].up.reschedule(self.now, Duration::ZERO) {
            self.push(at, Due::Up(index));
        }
    }

    /// Sends a frame from the segment down a cable.
    fn lower(&mut self, index: usize, frame: Frame) {
        let host = &mut self.hosts[index];
        host.down.offer(self.now, frame);
        if let Some(at) = host.down.reschedule(self.now, host.coalesce) {
            self.push(at, Due::Down(index));
        }
    }

    /// Frames have come down a cable to a host.
    pub(super) fn arrive(&mut self, index: usize) {
        let now = self.now;
        let host = &mut self.hosts[index];
        if host.down.scheduled != Some(now) {
            return;
        }
        host.down.scheduled = None;
        self.last = Some(HostId(index));
        let largest = danja_wire::ethernet::HEADER_LEN + host.mtu;
        while let Some(frame) = host.down.poll(now) {
            if frame.len() > largest {
                host.counters.giants += 1;
                continue;
            }
            host.counters.received += 1;
            if let Some(observer) = &mut self.observer {
                let direction = Direction::Received;
                observer(&Passing { now, host: HostId(index), direction, frame: &frame });
            }
            let frame = match host.driver_buffer {
                0 => frame,
                size => read_into(&frame, size),
            };
            match &mut host.joiner {
                Some(joiner) => joiner.push(frame, |joined| self.batch.push(joined)),
                None => self.batch.push(frame),
            }
        }
        if let Some(joiner) = &mut host.joiner {
            joiner.flush(|joined| self.batch.push(joined));
        }
        if !self.batch.is_empty() {
            host.stack.receive(host.interface, &mut self.batch, now);
            self.batch.clear();
        }
        if let Some(at) = host.down.reschedule(now, host.coalesce) {
            self.push(at, Due::Down(index));
        }
        self.pump(index);
    }

    /// Asks a stack what to do, as its four doors say: frames, events, the next deadline.
    pub(super) fn pump(&mut self, index: usize) {
        let now = self.now;
        let host = &mut self.hosts[index];
        host.counters.most_buffered = host.counters.most_buffered.max(host.stack.buffered());
        loop {
            let room = host.room(now);
            let Some(frame) = host.stack.poll_transmit(host.interface, room, now) else { break };
            host.taken += 1;
            host.counters.handed_out += 1;
            host.counters.largest_handed_out = host.counters.largest_handed_out.max(frame.len());
            let (digest, observer) = (&mut self.digest, &mut self.observer);
            let (up, counters) = (&mut host.up, &mut host.counters);
            let largest = danja_wire::ethernet::HEADER_LEN + host.mtu;
            let medium = danja_lan::Medium::Ethernet(host.mac);
            let cut = on_the_wire(frame, medium, |frame| {
                counters.sent += 1;
                counters.oversized += u64::from(frame.len() > largest);
                digest.frame(now, index, &frame);
                if let Some(observer) = observer {
                    let direction = Direction::Sent;
                    observer(&Passing { now, host: HostId(index), direction, frame: &frame });
                }
                up.offer(now, frame);
            });
            host.counters.contradictory += u64::from(!cut);
        }
        while let Some(event) = host.stack.poll_event() {
            let host = HostId(index);
            self.happenings.push_back(match event {
                Event::Socket { socket, ready } => Happening::Socket { host, socket, ready },
                event => Happening::Stack { host, event },
            });
        }
        let up = host.up.reschedule(now, Duration::ZERO);
        let wake = host.reschedule(now);
        if let Some(at) = up {
            self.push(at, Due::Up(index));
        }
        if let Some(at) = wake {
            self.push(at, Due::Host(index));
        }
    }
}

/// The frame as a driver reads it into a buffer of `size` bytes.
fn read_into(frame: &Frame, size: usize) -> Frame {
    let bytes = Payload::from(frame.to_vec()).into_bytes();
    Frame::received(Payload::from_bytes(bytes, size), frame.offload)
}

impl Host {
    /// How much the adapter takes now.
    fn room(&mut self, now: Instant) -> Room {
        let Some(burst) = self.burst else { return Room::UNLIMITED };
        if now >= self.paused_until {
            self.taken = 0;
            self.paused_until = now + burst.pause;
        }
        Room { frames: burst.frames.max(1).saturating_sub(self.taken), ..Room::UNLIMITED }
    }

    /// When to call the stack next, if that is earlier than what is scheduled.
    fn reschedule(&mut self, now: Instant) -> Option<Instant> {
        let waits = self.burst.is_some() && self.stack.wants_transmit(self.interface);
        let resumes = waits.then_some(self.paused_until);
        let asked = self.stack.poll_timeout().map(|at| at.max(now) + self.lateness);
        let due = asked.into_iter().chain(resumes).min()?.max(now);
        if self.scheduled.is_some_and(|at| at <= due) {
            return None;
        }
        self.scheduled = Some(due);
        Some(due)
    }
}
