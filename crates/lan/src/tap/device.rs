//! The adapter: reads and writes of one attached descriptor.

use super::Kind;
use super::error::OpenError;
use super::header::{self, LENGTH};
use super::pool::Pool;
use crate::adapter::{Adapter, Capabilities, Counters, MacAddress, Medium, Readiness, Room};
use crate::sys::tun;
use crate::wire_form::on_the_wire;
use bytes::BytesMut;
use danja_wire::frame::MAX_SLICES;
use danja_wire::{ChecksumState, Frame, Instant, Offload, Payload};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::{Errno, readv, writev};
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::time::Duration;

/// Receive buffers: a frame fills the small one, then the middle one, then the large one, so
/// that it costs little more than its length. Together they hold the largest packet (65,535
/// bytes) and its link header.
const SIZES: [usize; 3] = [2_048, 16_384, 48_128];
/// Buffers of each size that the pools remember: at most 512 KiB, 256 KiB and 376 KiB.
const POOLED: [usize; 3] = [256, 16, 8];

/// Milliseconds to wait for an interface to be running; it works without, after a loss or two.
const RUNNING_TRIES: usize = 1_000;

/// The largest IP packet, in bytes.
const MAX_PACKET: usize = 65_535;

/// What [`Tap`] opens.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    kind: Kind,
    medium: Medium,
    offload: bool,
}

impl Builder {
    /// The TAP interface `name`; the stack's own hardware address there is `address`. It must
    /// differ from the kernel's own; a random locally administered one is right.
    pub fn tap(name: impl Into<String>, address: MacAddress) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Tap,
            medium: Medium::Ethernet(address),
            offload: true,
        }
    }

    /// The TUN interface `name`, which carries IP packets.
    pub fn tun(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: Kind::Tun, medium: Medium::Ip, offload: true }
    }

    /// Whether to leave checksums and segmentation to the kernel where it offers that. It is
    /// asked to unless this says no.
    #[must_use]
    pub fn offload(self, offload: bool) -> Self {
        Self { offload, ..self }
    }

    /// Attaches to the interface, which must exist and be up.
    ///
    /// # Errors
    /// See [`OpenError`]; its message says what to do.
    pub fn open(self) -> Result<Tap, OpenError> {
        let name = self.name.as_str();
        let bad = |byte: u8| byte == b'/' || byte == 0 || byte.is_ascii_whitespace();
        if name.is_empty() || name.len() > tun::NAME_MAX || name.bytes().any(bad) {
            return Err(OpenError::Name { name: self.name });
        }
        // First of all, for to whom the device is missing its commands help most.
        let interface = tun::interface(name).map_err(|errno| match errno {
            Errno::NODEV => OpenError::missing(name, self.kind),
            other => OpenError::system("looking up the network interface", other),
        })?;
        let descriptor = tun::open().map_err(|errno| match errno {
            Errno::ACCESS | Errno::PERM => OpenError::DriverDenied,
            Errno::NOENT | Errno::NODEV | Errno::NXIO => OpenError::NoDriver,
            other => OpenError::system("opening /dev/net/tun", other),
        })?;
        let header = self.attach(&descriptor)?;
        if !interface.up {
            return Err(OpenError::Down { name: self.name });
        }
        wait_until_running(name);
        // Each of these waits for the kernel's lock of all interfaces, so that after it the
        // interface has not only been declared running, but is.
        set_offloads(&descriptor, header);
        let capabilities = Capabilities {
            medium: self.medium,
            mtu: interface.mtu,
            // With the header the kernel takes all this; what it hands out was agreed on above.
            checksum: header,
            max_segmented: if header { MAX_PACKET } else { 0 },
        };
        Ok(Tap::new(descriptor, header, capabilities))
    }

    /// Attaches, and says whether frames have a virtio-net header.
    fn attach(&self, descriptor: &OwnedFd) -> Result<bool, OpenError> {
        let headers = self.offload
            && tun::features(descriptor)
                .is_ok_and(|known| known & u32::from(tun::IFF_VNET_HDR) != 0);
        let mut flags = tun::IFF_NO_PI
            | match self.kind {
                Kind::Tap => tun::IFF_TAP,
                Kind::Tun => tun::IFF_TUN,
            };
        if headers {
            flags |= tun::IFF_VNET_HDR;
        }
        let name = self.name.as_str();
        // An interface made for several queues is attached to only by saying so.
        let attached = tun::attach(descriptor, name, flags).or_else(|errno| match errno {
            Errno::INVAL => tun::attach(descriptor, name, flags | tun::IFF_MULTI_QUEUE),
            other => Err(other),
        });
        attached.map_err(|errno| match errno {
            Errno::PERM | Errno::ACCESS => {
                OpenError::Denied { name: name.to_owned(), mode: self.kind.mode() }
            }
            Errno::BUSY => OpenError::Busy { name: name.to_owned() },
            Errno::INVAL => OpenError::Kind { name: name.to_owned(), mode: self.kind.mode() },
            other => OpenError::system("attaching to the network interface", other),
        })?;
        if headers {
            // 10 is what a new interface has; one that lives on may have been left otherwise.
            tun::set_header_size(descriptor, LENGTH as i32).map_err(|errno| {
                OpenError::system("setting the virtio-net header's size", errno)
            })?;
        }
        Ok(headers)
    }
}

/// Waits until the kernel sends through the interface, which it begins a moment after somebody
/// has attached: what it sends before that (an answer to a first ARP request) would be lost.
fn wait_until_running(name: &str) {
    for _ in 0..RUNNING_TRIES {
        if !matches!(tun::interface(name), Ok(interface) if !interface.running) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Agrees on what the kernel may leave undone in what it hands us: as much as it knows of, and
/// nothing where no header would tell of it (an interface that lives on may still be set so).
fn set_offloads(descriptor: &OwnedFd, header: bool) {
    let sums = if header { tun::TUN_F_CSUM } else { 0 };
    let all = if header { sums | tun::TUN_F_TSO4 | tun::TUN_F_TSO6 } else { 0 };
    let _ = tun::set_offload(descriptor, all)
        .or_else(|_| tun::set_offload(descriptor, sums))
        .or_else(|_| tun::set_offload(descriptor, 0));
}

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

    fn new(descriptor: OwnedFd, header: bool, capabilities: Capabilities) -> Self {
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
