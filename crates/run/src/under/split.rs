//! What the program's kernel sends, sorted: TCP for the inner host that continues it, everything
//! else checked and given to the program's host to send. Answers nothing.

use super::device::Device;
use super::discarded::Discarded;
use super::reset::reset;
use danja::Host;
use danja::stack::{Frame, Instant, InterfaceId, Payload};
use danja::wire::ip::Protocol;
use danja::wire::offload;
use danja_lan::{Adapter, Capabilities, Readiness, Room};
use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// An IPv4 header without options.
const HEADER: usize = 20;
/// Packets read before others have a turn.
pub(super) const BATCH: usize = 64;

/// What is asked of a packet here.
struct Header {
    version: u8,
    protocol: Protocol,
    source: Ipv4Addr,
}

impl Header {
    fn of(frame: &mut Frame) -> Option<Self> {
        let front: &[u8; HEADER] = frame.ensure_front(HEADER).first_chunk()?;
        let [first, _, _, _, _, _, _, _, _, protocol, _, _, a, b, c, d, ..] = *front;
        let protocol = Protocol(protocol);
        Some(Self { version: first >> 4, protocol, source: Ipv4Addr::new(a, b, c, d) })
    }
}

/// Where packets of the namespace go out.
#[derive(Clone)]
pub(super) struct Outward {
    pub(super) host: Host,
    pub(super) interface: InterfaceId,
    pub(super) discarded: Discarded,
}

impl Outward {
    /// Has the host send a packet, if it may.
    pub(super) fn send(&self, frame: Frame) {
        if let Err(reason) = self.try_send(frame) {
            self.discarded.count(reason);
        }
    }

    fn try_send(&self, mut frame: Frame) -> Result<(), &'static str> {
        let header = Header::of(&mut frame).ok_or("malformed")?;
        if header.version != 4 {
            return Err("not_ipv4");
        }
        // The namespace shares the host's addresses, and has no others.
        if !self.host.has_address(IpAddr::V4(header.source)) {
            return Err("foreign_source");
        }
        if frame.offload.segment_size == 0 {
            offload::complete_checksum(&mut frame).map_err(|_| "malformed")?;
            return self.inject(&frame);
        }
        let mut sent = Ok(());
        let finish = offload::Finish::Checksums;
        offload::cut(&frame, 0, finish, |piece| {
            sent = sent.and_then(|()| self.inject(&piece));
        })
        .map_err(|_| "malformed")?;
        sent
    }

    /// Answers a segment of no connection.
    pub(super) fn refuse(&self, packet: &Payload) {
        let answer = reset(packet.as_slice()).ok_or("tcp_unknown");
        let inject = |answer| self.host.inject(self.interface, answer).map_err(|it| it.name());
        if let Err(reason) = answer.and_then(inject) {
            self.discarded.count(reason);
        }
    }

    fn inject(&self, frame: &Frame) -> Result<(), &'static str> {
        let packet = frame.range(0, frame.len());
        self.host.inject(self.interface, packet).map_err(|reason| reason.name())
    }
}

/// The adapter of the host that continues the program's TCP.
pub(super) struct Split {
    device: Device,
    outward: Outward,
    taken: Vec<Frame>,
}

impl Split {
    pub(super) const fn new(device: Device, outward: Outward) -> Self {
        Self { device, outward, taken: Vec::new() }
    }
}

impl Adapter for Split {
    fn capabilities(&self) -> Capabilities {
        self.device.capabilities()
    }

    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        // Packets of other protocols count, or those who ask "did you give all that I asked for"
        // would sleep beside a full device.
        let count = self.device.lock().receive(now, &mut self.taken, max)?;
        for mut frame in self.taken.drain(..) {
            let header = Header::of(&mut frame);
            if header.is_some_and(|it| it.version == 4 && it.protocol == Protocol::TCP) {
                frames.push(frame);
            } else {
                self.outward.send(frame);
            }
        }
        Ok(count)
    }

    fn room(&mut self, now: Instant) -> Room {
        self.device.lock().room(now)
    }

    fn transmit(&mut self, now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        self.device.lock().transmit(now, frames)
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.device.descriptor())
    }

    fn is_blocked(&self) -> bool {
        self.device.lock().is_blocked()
    }
}
