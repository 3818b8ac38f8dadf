//! One end of the cable: reads and writes of one socket.

use crate::adapter::{Adapter, Capabilities, Counters, MacAddress, Medium, Readiness, Room};
use crate::inlet::{self, Head, Inlet};
use crate::sys::packet::Got;
use crate::tap::header::{self, LENGTH};
use crate::wire_form::on_the_wire;
use danja_wire::ethernet::HEADER_LEN;
use danja_wire::{Frame, Instant};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use std::collections::VecDeque;
use std::io;

/// The largest IP packet, in bytes.
const MAX_PACKET: usize = 65_535;
/// What may wait in the kernel, in bytes, if the system permits as much.
const KERNEL_BUFFER: usize = 1 << 20;
/// What may wait at the switch's end for a slow host, in bytes: beyond that, frames are dropped.
const QUEUE_BYTES: usize = 4 << 20;
/// … and in frames, since small ones pin more than they carry.
const QUEUE_FRAMES: usize = 4096;

/// The host's end of a cable to a LAN in another process, as an adapter.
///
/// When the other process ends, so does the device: [`Adapter::receive`] fails.
pub struct Uplink {
    socket: OwnedFd,
    capabilities: Capabilities,
    /// It drops what finds no room, instead of letting the sender wait.
    drops: bool,
    inlet: Inlet,
    /// Frames that the kernel has not taken yet, and their bytes.
    waiting: VecDeque<Frame>,
    waiting_bytes: usize,
    counters: Counters,
}

impl Uplink {
    /// The cable that `socket` is (connected, `SOCK_SEQPACKET`), for a host with this hardware
    /// address; `mtu` is the largest IP packet in an uncut frame, in bytes.
    ///
    /// # Errors
    /// The socket cannot be made non-blocking.
    pub fn new(socket: OwnedFd, address: MacAddress, mtu: usize) -> io::Result<Self> {
        Self::end(socket, address, mtu, false)
    }

    pub(super) fn end(
        socket: OwnedFd,
        address: MacAddress,
        mtu: usize,
        drops: bool,
    ) -> io::Result<Self> {
        fcntl_setfl(&socket, fcntl_getfl(&socket)? | OFlags::NONBLOCK)?;
        let _ = set_socket_send_buffer_size(&socket, KERNEL_BUFFER);
        let _ = set_socket_recv_buffer_size(&socket, KERNEL_BUFFER);
        let capabilities = Capabilities {
            medium: Medium::Ethernet(address),
            mtu,
            checksum: true,
            max_segmented: MAX_PACKET,
        };
        Ok(Self {
            socket,
            capabilities,
            drops,
            inlet: Inlet::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            counters: Counters::default(),
        })
    }

    /// The message that was read as a frame; `None` if its metadata was a lie.
    fn frame(&mut self, index: usize, got: Got) -> Option<Frame> {
        let length = got.length.checked_sub(LENGTH).filter(|length| *length >= HEADER_LEN)?;
        if got.cut_short {
            return None;
        }
        let offload = header::parse(self.inlet.metadata(index), length, HEADER_LEN).ok()?;
        Some(self.inlet.lend(index, length, offload))
    }

    /// Sends what waits; says whether all of it went.
    fn flush(&mut self) -> Result<bool, Errno> {
        while !self.waiting.is_empty() {
            match inlet::send(&self.socket, &self.waiting, head) {
                Ok(count) => {
                    for frame in self.waiting.drain(..count.min(self.waiting.len())) {
                        self.waiting_bytes -= frame.len();
                        self.counters.transmitted_frames += 1;
                        self.counters.transmitted_bytes += frame.len() as u64;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS) => return Ok(false),
                // Larger than the other end's buffer can ever be.
                Err(Errno::MSGSIZE) => {
                    let dropped = self.waiting.pop_front();
                    self.waiting_bytes -= dropped.map_or(0, |frame| frame.len());
                    self.counters.transmitted_dropped += 1;
                }
                Err(gone) => return Err(gone),
            }
        }
        Ok(true)
    }

    fn enqueue(&mut self, frame: Frame) {
        let full =
            self.waiting_bytes + frame.len() > QUEUE_BYTES || self.waiting.len() >= QUEUE_FRAMES;
        if self.drops && full {
            self.counters.transmitted_dropped += 1;
            return;
        }
        self.waiting_bytes += frame.len();
        self.waiting.push_back(frame);
    }
}

/// The metadata before a frame; `None` if it asks for what cannot be said.
fn head(frame: &Frame) -> Option<Head> {
    let mut head = [0; LENGTH + HEADER_LEN];
    head[..LENGTH].copy_from_slice(&header::emit(frame, HEADER_LEN)?);
    Some((head, LENGTH))
}

impl Adapter for Uplink {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn receive(&mut self, _now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        // Whoever waited for room comes here, too.
        self.flush()?;
        let before = frames.len();
        while frames.len() - before < max {
            let wanted = max - (frames.len() - before);
            let (count, got) = match self.inlet.read(&self.socket, wanted, LENGTH) {
                Ok(read) => read,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                // What was read is delivered first; the next call meets the error again.
                Err(_) if frames.len() > before => break,
                Err(errno) => return Err(errno.into()),
            };
            for (index, got) in got.into_iter().take(count).enumerate() {
                if got.length == 0 {
                    // No frame is empty: the other end is closed.
                    if frames.len() > before {
                        return Ok(frames.len() - before);
                    }
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                match self.frame(index, got) {
                    Some(frame) => {
                        self.counters.received_frames += 1;
                        self.counters.received_bytes += frame.len() as u64;
                        frames.push(frame);
                    }
                    None => self.counters.received_dropped += 1,
                }
            }
        }
        Ok(frames.len() - before)
    }

    fn room(&mut self, _now: Instant) -> Room {
        match self.flush() {
            Ok(false) if !self.drops => Room { frames: 0, bytes: 0 },
            // A failure shows in `transmit`.
            Ok(_) | Err(_) => Room::UNLIMITED,
        }
    }

    fn transmit(&mut self, _now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        for frame in frames.drain(..) {
            if head(&frame).is_some() {
                self.enqueue(frame);
                continue;
            }
            // From a stack that asks for what the metadata cannot say: cut and summed here.
            let mut parts = Vec::new();
            let cut = on_the_wire(frame, self.capabilities.medium, |part| parts.push(part));
            self.counters.transmitted_dropped += u64::from(!cut);
            parts.into_iter().for_each(|part| self.enqueue(part));
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

    fn counters(&self) -> Counters {
        self.counters
    }
}

impl std::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uplink")
            .field("medium", &self.capabilities.medium)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
