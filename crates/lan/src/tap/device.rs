//! The adapter: reads and writes of one attached descriptor.

use super::builder::Builder;
use super::error::OpenError;
use super::header::{self, LENGTH};
use super::pool::Pool;
use crate::adapter::{Adapter, Capabilities, Counters, MacAddress, Readiness, Room};
use crate::sys::tun;
use crate::wire_form::on_the_wire;
use bytes::BytesMut;
use danja_wire::frame::MAX_SLICES;
use danja_wire::{ChecksumState, Frame, Instant, Offload, Payload};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, readv, writev};
use rustix::net::{RecvFlags, recv};
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};

/// Receive buffers: a frame fills the small one, then the middle one, then the large one, so
/// that it costs little more than its length. Together they hold the largest packet (65,535
/// bytes) and its link header.
const SIZES: [usize; 3] = [2_048, 16_384, 48_128];
/// Buffers of each size that the pools remember: at most 512 KiB, 256 KiB and 376 KiB.
const POOLED: [usize; 3] = [256, 16, 8];

/// A TAP or TUN interface of the kernel as an adapter.
pub struct Tap {
    descriptor: OwnedFd,
    /// Frames have a virtio-net header.
    header: bool,
    capabilities: Capabilities,
    pools: [Pool; 3],
    /// The buffers of the next read.
    next: [BytesMut; 3],
    /// Frames that the kernel would not take yet.
    waiting: VecDeque<Frame>,
    counters: Counters,
    link: Link,
}

/// What is known of the interface's state.
pub(super) struct Link {
    /// The interface's name, as long as nobody renames it.
    pub(super) name: String,
    /// Readable when an interface changes; without it the link counts as up.
    pub(super) events: Option<OwnedFd>,
}

impl Link {
    /// Looks whether the kernel has its end up; what came of events until now is answered by that.
    fn is_up(&self) -> bool {
        let Some(events) = &self.events else { return true };
        let mut message = [0; 4096];
        // An overrun tells no more than a message: something has changed.
        while recv(events, &mut message, RecvFlags::DONTWAIT)
            .map_or_else(|errno| errno == Errno::NOBUFS, |_| true)
        {}
        // What cannot be looked at will show as a failure of the device itself.
        tun::interface(&self.name).map_or(true, |interface| interface.up)
    }
}

impl Tap {
    /// Attaches to the TAP interface `name`, where the stack's hardware address is `address`.
    /// [`Builder`] has the other ways.
    ///
    /// # Errors
    /// See [`OpenError`]; its message says what to do.
    pub fn open(name: &str, address: MacAddress) -> Result<Self, OpenError> {
        Builder::tap(name, address).open()
    }

    /// For an attached descriptor, whose frames have a virtio-net header or not.
    pub(super) fn new(
        descriptor: OwnedFd,
        header: bool,
        capabilities: Capabilities,
        link: Link,
    ) -> Self {
        let mut pools = [0, 1, 2].map(|size: usize| Pool::new(SIZES[size], POOLED[size]));
        let next = pools.each_mut().map(Pool::take);
        Self {
            descriptor,
            header,
            capabilities,
            pools,
            next,
            waiting: VecDeque::new(),
            counters: Counters::default(),
            link,
        }
    }

    /// Reads one frame; `None` if its metadata was a lie (counted).
    fn read(&mut self) -> Result<Option<Frame>, Errno> {
        let mut metadata = [0; LENGTH];
        let [small, middle, large] = &mut self.next;
        let parts = &mut [
            IoSliceMut::new(&mut metadata),
            IoSliceMut::new(small),
            IoSliceMut::new(middle),
            IoSliceMut::new(large),
        ];
        let count = if self.header {
            readv(&self.descriptor, parts)?.saturating_sub(LENGTH)
        } else {
            readv(&self.descriptor, &mut parts[1..])?
        };
        let offload = if self.header {
            header::parse(metadata, count, self.capabilities.medium.header_len())
        } else {
            Ok(Offload::default())
        };
        let Some(offload) = offload.ok().filter(|_| count > 0) else {
            self.counters.received_dropped += 1;
            return Ok(None);
        };
        self.counters.received_frames += 1;
        self.counters.received_bytes += count as u64;
        Ok(Some(self.frame(count, offload)))
    }

    /// The first `count` bytes of the buffers as a frame; used buffers are replaced.
    fn frame(&mut self, count: usize, offload: Offload) -> Frame {
        let mut frame = Frame::received(Payload::EMPTY, offload);
        let mut left = count;
        for (pool, next) in self.pools.iter_mut().zip(&mut self.next) {
            if left == 0 {
                break;
            }
            let part = left.min(next.len());
            left -= part;
            let used = std::mem::replace(next, pool.take());
            frame.push(pool.lend(used, part));
        }
        frame
    }

    /// Whether the kernel does all that the frame asks for.
    fn takes(&self, frame: &Frame) -> bool {
        if self.header {
            return header::emit(frame, self.capabilities.medium.header_len()).is_some();
        }
        frame.offload.segment_size == 0
            && !matches!(frame.offload.checksum, ChecksumState::Partial { .. })
    }

    /// Sends one frame that the kernel takes, or lets it wait behind those that do already.
    fn send(&mut self, frame: Frame) -> Result<(), Errno> {
        if !self.waiting.is_empty() || !self.write(&frame)? {
            self.waiting.push_back(frame);
        }
        Ok(())
    }

    /// Writes one frame that the kernel takes. `Ok(false)`: not now.
    fn write(&mut self, frame: &Frame) -> Result<bool, Errno> {
        let metadata =
            header::emit(frame, self.capabilities.medium.header_len()).unwrap_or_default();
        let head: &[u8] = if self.header { &metadata } else { &[] };
        let mut parts = [IoSlice::new(&[]); MAX_SLICES + 2];
        let mut used = 0;
        let slices = frame.slices().iter().map(Payload::as_slice);
        for (part, bytes) in parts.iter_mut().zip([head, frame.header()].into_iter().chain(slices))
        {
            *part = IoSlice::new(bytes);
            used += 1;
        }
        loop {
            match writev(&self.descriptor, &parts[..used]) {
                Ok(_) => {
                    self.counters.transmitted_frames += 1;
                    self.counters.transmitted_bytes += frame.len() as u64;
                    return Ok(true);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(gone @ (Errno::BADFD | Errno::BADF | Errno::NODEV | Errno::NXIO)) => {
                    return Err(gone);
                }
                // The interface is down, memory is short, or the frame is none that it takes.
                Err(_) => {
                    self.counters.transmitted_dropped += 1;
                    return Ok(true);
                }
            }
        }
    }

    /// Writes what waits; says whether all of it went.
    fn flush(&mut self) -> Result<bool, Errno> {
        while let Some(frame) = self.waiting.pop_front() {
            if !self.write(&frame)? {
                self.waiting.push_front(frame);
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Adapter for Tap {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn receive(&mut self, _now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        // Whoever waited for room comes here, too.
        self.flush()?;
        let mut count = 0;
        while count < max {
            match self.read() {
                Ok(Some(frame)) => {
                    frames.push(frame);
                    count += 1;
                }
                Ok(None) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // What was read is delivered first; the next call meets the error again.
                Err(_) if count > 0 => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(count)
    }

    fn room(&mut self, _now: Instant) -> Room {
        match self.flush() {
            Ok(false) => Room { frames: 0, bytes: 0 },
            // A failure shows in `transmit`.
            Ok(true) | Err(_) => Room::UNLIMITED,
        }
    }

    fn transmit(&mut self, _now: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        self.flush()?;
        let mut sent = Ok(());
        for frame in frames.drain(..) {
            if sent.is_err() {
                break;
            }
            if self.takes(&frame) {
                sent = self.send(frame);
                continue;
            }
            // From a stack that did not read the capabilities: cut and summed here.
            let cut = on_the_wire(frame, self.capabilities.medium, |part| {
                sent = sent.and_then(|()| self.send(part));
            });
            self.counters.transmitted_dropped += u64::from(!cut);
        }
        Ok(sent?)
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.descriptor.as_fd())
    }

    fn is_blocked(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn link(&mut self) -> bool {
        self.link.is_up()
    }

    fn link_events(&self) -> Option<BorrowedFd<'_>> {
        self.link.events.as_ref().map(AsFd::as_fd)
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // The interface may live on, and its next user may read frames without headers.
        let _ = tun::set_offload(&self.descriptor, 0);
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap")
            .field("capabilities", &self.capabilities)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
