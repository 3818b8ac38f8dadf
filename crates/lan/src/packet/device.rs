//! The adapter: reads and writes of one packet socket.

use super::builder::Builder;
use super::error::OpenError;
use crate::adapter::{Adapter, Capabilities, Counters, MacAddress, Readiness, Room};
use crate::inlet::{self, Head, Inlet};
use crate::sys::packet::{self, Got};
use crate::tap::header::{self, LENGTH};
use crate::wire_form::on_the_wire;
use danja_wire::ethernet::{EtherType, HEADER_LEN, TAG_LEN};
use danja_wire::{ChecksumState, Frame, Instant, Offload, Payload, offload};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io;

/// Bytes of the two hardware addresses at a frame's front, behind which a VLAN tag has its place.
const ADDRESSES: usize = 12;
/// Unreadable messages in a row after which a read ends.
const PATIENCE: usize = 64;

/// Whether Ethernet headers pass to the stack.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// They do; the stack has this hardware address.
    Ethernet(MacAddress),
    /// They do not; packets are sent to this hardware address.
    Ip { peer: MacAddress },
}

/// Where the socket is.
pub(super) struct Place {
    /// The interface's name, as long as nobody renames it.
    pub(super) name: String,
    /// Its own hardware address.
    pub(super) own: MacAddress,
    /// Readable when an interface changes; without it the link counts as up.
    pub(super) events: Option<OwnedFd>,
}

/// An interface of the machine, heard and used through a packet socket, as an adapter.
///
/// The kernel's own stack on the same interface and this one do not hear each other: both only
/// hear what comes from the other end of the cable.
pub struct PacketSocket {
    socket: OwnedFd,
    /// Frames have a virtio-net header.
    header: bool,
    capabilities: Capabilities,
    form: Form,
    place: Place,
    inlet: Inlet,
    /// Frames that the kernel has not taken yet.
    waiting: VecDeque<Frame>,
    counters: Counters,
    /// What the kernel had no space for, as far as it was asked.
    overruns: Cell<u64>,
}

impl PacketSocket {
    /// Attaches to the interface `name`, where the stack's hardware address is `address`.
    /// [`Builder`] has the other ways.
    ///
    /// # Errors
    /// See [`OpenError`]; its message says what to do.
    pub fn open(name: &str, address: MacAddress) -> Result<Self, OpenError> {
        Builder::ethernet(name, address).open()
    }

    pub(super) fn new(
        socket: OwnedFd,
        header: bool,
        capabilities: Capabilities,
        form: Form,
        place: Place,
    ) -> Self {
        Self {
            socket,
            header,
            capabilities,
            form,
            place,
            inlet: Inlet::new(),
            waiting: VecDeque::new(),
            counters: Counters::default(),
            overruns: Cell::new(0),
        }
    }

    /// The hardware address of the interface itself.
    pub const fn interface_address(&self) -> MacAddress {
        self.place.own
    }

    /// Reads at most `wanted` frames and says how many messages there were; what cannot be told
    /// to a stack is counted.
    fn read(&mut self, wanted: usize, frames: &mut Vec<Frame>) -> Result<usize, Errno> {
        let head = if self.header { LENGTH } else { 0 };
        let (count, got) = self.inlet.read(&self.socket, wanted, head)?;
        for (index, got) in got.into_iter().take(count).enumerate() {
            match self.frame(index, got) {
                Some((frame, None)) => self.received(frame, frames),
                Some((frame, Some(size))) => {
                    let link = self.capabilities.medium.header_len();
                    let mut each = |piece| self.received(piece, frames);
                    if offload::cut_datagrams(&frame, link, size, &mut each).is_err() {
                        self.counters.received_dropped += 1;
                    }
                }
                None => self.counters.received_dropped += 1,
            }
        }
        Ok(count)
    }

    fn received(&mut self, frame: Frame, frames: &mut Vec<Frame>) {
        self.counters.received_frames += 1;
        self.counters.received_bytes += frame.len() as u64;
        frames.push(frame);
    }

    /// The message in a slot as a frame, with the size of the datagrams that it is to be cut into
    /// if it is; `None` if it is none that a stack could take.
    fn frame(&mut self, index: usize, got: Got) -> Option<(Frame, Option<usize>)> {
        let head = if self.header { LENGTH } else { 0 };
        let length = got.length.checked_sub(head).filter(|length| *length >= HEADER_LEN)?;
        if got.cut_short {
            return None;
        }
        let mut datagrams = None;
        let mut offload = if self.header {
            let mut metadata = self.inlet.metadata(index);
            // A sender that reacts to congestion says so once; who cuts the frame knows of it.
            metadata[1] &= !header::GSO_ECN;
            datagrams = header::datagrams(&mut metadata);
            header::parse(metadata, length, HEADER_LEN).ok()?
        } else {
            Offload::default()
        };
        let raw = self.inlet.lend(index, length, offload);
        let frame = match (self.form, got.tag) {
            (Form::Ethernet(_), None) => Some(raw),
            (Form::Ethernet(_), Some(tag)) => {
                move_start(&mut offload, |start| start.checked_add(TAG_LEN as u16))?;
                tagged(&raw, tag, offload)
            }
            // A VLAN of a virtual cable is not ours.
            (Form::Ip { .. }, Some(_)) => None,
            (Form::Ip { .. }, None) => {
                move_start(&mut offload, |start| start.checked_sub(HEADER_LEN as u16))?;
                packet_of(&raw, offload)
            }
        };
        Some((frame?, datagrams))
    }

    /// What goes before the frame's own bytes; `None` if the kernel cannot do what it asks for.
    fn head(&self, frame: &Frame) -> Option<Head> {
        let mut head = [0; LENGTH + HEADER_LEN];
        let mut used = 0;
        if self.header {
            let link = self.capabilities.medium.header_len();
            let mut metadata = header::emit(frame, link)?;
            header::add_front(&mut metadata, HEADER_LEN - link)?;
            head[..LENGTH].copy_from_slice(&metadata);
            used = LENGTH;
        } else if frame.offload.segment_size > 0
            || matches!(frame.offload.checksum, ChecksumState::Partial { .. })
        {
            return None;
        }
        if let Form::Ip { peer } = self.form {
            let kind = match frame.front().first()? >> 4 {
                4 => EtherType::IPV4,
                6 => EtherType::IPV6,
                _ => return None,
            };
            let [to, rest @ ..] = [peer.0, self.place.own.0];
            let bytes =
                to.into_iter().chain(rest.into_iter().flatten()).chain(kind.0.to_be_bytes());
            head[used..].iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            used += HEADER_LEN;
        }
        Some((head, used))
    }

    /// Sends what waits; says whether all of it went.
    fn flush(&mut self) -> Result<bool, Errno> {
        while !self.waiting.is_empty() {
            match inlet::send(&self.socket, &self.waiting, |frame| self.head(frame)) {
                Ok(sent) => self.sent(sent),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(gone @ (Errno::NXIO | Errno::NODEV | Errno::BADF)) => return Err(gone),
                // The interface is down, memory is short, or the frame is none that it takes.
                Err(_) => {
                    self.waiting.pop_front();
                    self.counters.transmitted_dropped += 1;
                }
            }
        }
        Ok(true)
    }

    fn sent(&mut self, count: usize) {
        for frame in self.waiting.drain(..count.min(self.waiting.len())) {
            self.counters.transmitted_frames += 1;
            self.counters.transmitted_bytes += frame.len() as u64;
        }
    }
}

/// Moves where the transport header starts; `None` if it cannot be there.
fn move_start(offload: &mut Offload, by: impl FnOnce(u16) -> Option<u16>) -> Option<()> {
    if let ChecksumState::Partial { start, .. } = &mut offload.checksum {
        *start = by(*start)?;
    }
    Some(())
}

/// The frame with its VLAN tag back in its place.
fn tagged(raw: &Frame, tag: [u16; 2], offload: Offload) -> Option<Frame> {
    let mut frame = Frame::received(Payload::EMPTY, offload);
    let front = frame.prepend(ADDRESSES + TAG_LEN)?;
    raw.copy_front(&mut front[..ADDRESSES]);
    for (to, from) in front[ADDRESSES..].iter_mut().zip(tag.into_iter().flat_map(u16::to_be_bytes))
    {
        *to = from;
    }
    raw.for_each_slice(ADDRESSES, raw.len(), |part| frame.push(part));
    Some(frame)
}

/// The IP packet in an Ethernet frame; `None` if there is another protocol's.
fn packet_of(raw: &Frame, offload: Offload) -> Option<Frame> {
    let kind = raw.range(ADDRESSES, HEADER_LEN);
    let ip = [EtherType::IPV4, EtherType::IPV6];
    if !ip.iter().any(|ip| kind.as_slice() == ip.0.to_be_bytes()) {
        return None;
    }
    let mut packet = Frame::received(Payload::EMPTY, offload);
    raw.for_each_slice(HEADER_LEN, raw.len(), |part| packet.push(part));
    Some(packet)
}

impl Adapter for PacketSocket {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn receive(&mut self, _now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        // Whoever waited for room comes here, too.
        self.flush()?;
        let before = frames.len();
        let mut patience = PATIENCE;
        while frames.len() - before < max && patience > 0 {
            match self.read(max - (frames.len() - before), frames) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // A frame whose metadata this kernel cannot tell; it is gone.
                Err(Errno::INVAL) => {
                    self.counters.received_dropped += 1;
                    patience -= 1;
                }
                // Told once when the interface goes down, and when it goes away.
                Err(Errno::NETDOWN) => {
                    if packet::interface(&self.socket, &self.place.name).is_err()
                        && frames.len() == before
                    {
                        return Err(Errno::NODEV.into());
                    }
                    break;
                }
                // What was read is delivered first; the next call meets the error again.
                Err(_) if frames.len() > before => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(frames.len() - before)
    }

    fn room(&mut self, _now: Instant) -> Room {
        match self.flush() {
            Ok(false) => Room { frames: 0, bytes: 0 },
            // A failure shows in `transmit`.
            Ok(true) | Err(_) => Room::UNLIMITED,
        }
    }

    fn transmit(&mut self, _now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        for frame in frames.drain(..) {
            if self.head(&frame).is_some() {
                self.waiting.push_back(frame);
                continue;
            }
            // From a stack that did not read the capabilities: cut and summed here.
            let mut parts = Vec::new();
            let cut = on_the_wire(frame, self.capabilities.medium, |part| parts.push(part));
            parts.retain(|part| self.head(part).is_some());
            self.counters.transmitted_dropped += u64::from(!cut || parts.is_empty());
            self.waiting.extend(parts);
        }
        self.flush()?;
        Ok(())
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.socket.as_fd())
    }

    fn is_blocked(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn link(&mut self) -> bool {
        let Some(events) = &self.place.events else { return true };
        let mut message = [0; 4096];
        // An overrun tells no more than a message: something has changed.
        while recv(events, &mut message, RecvFlags::DONTWAIT)
            .map_or_else(|errno| errno == Errno::NOBUFS, |_| true)
        {}
        // What cannot be looked at will show as a failure of the device itself.
        packet::interface(&self.socket, &self.place.name)
            .map_or(true, |interface| interface.up && interface.running)
    }

    fn link_events(&self) -> Option<BorrowedFd<'_>> {
        self.place.events.as_ref().map(AsFd::as_fd)
    }

    fn counters(&self) -> Counters {
        let more = u64::from(packet::dropped(&self.socket));
        self.overruns.set(self.overruns.get() + more);
        let received_dropped = self.counters.received_dropped + self.overruns.get();
        Counters { received_dropped, ..self.counters }
    }
}

impl std::fmt::Debug for PacketSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PacketSocket")
            .field("interface", &self.place.name)
            .field("medium", &self.capabilities.medium)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
