//! Frames through a socket that keeps messages apart, several in one system call: memory for
//! those that are read, and the pieces of those that are sent. Knows no link.

use crate::sys::packet::{self, BATCH, Got, PARTS};
use crate::tap::header::LENGTH;
use crate::tap::pool::Pool;
use bytes::BytesMut;
use danja_wire::ethernet::HEADER_LEN;
use danja_wire::frame::MAX_SLICES;
use danja_wire::{Frame, Offload, Payload};
use rustix::fd::AsFd;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};

/// Receive buffers: a frame fills the small one, then the middle one, then the large one.
/// Together they hold the largest packet (65,535 bytes) and its link header.
const SIZES: [usize; 3] = [2_048, 16_384, 48_128];
/// Buffers of each size that the pools remember, beside those of the next read.
const POOLED: [usize; 3] = [256, 16, 8];

/// What goes before a frame's own bytes, and how much of it.
pub(crate) type Head = ([u8; LENGTH + HEADER_LEN], usize);

/// Memory that one frame is read into.
struct Slot {
    metadata: [u8; LENGTH],
    buffers: [BytesMut; 3],
}

/// Memory for the next frames that are read.
pub(crate) struct Inlet {
    pools: [Pool; 3],
    slots: Box<[Slot; BATCH]>,
}

impl Inlet {
    pub(crate) fn new() -> Self {
        let mut pools = [0, 1, 2].map(|size: usize| Pool::new(SIZES[size], POOLED[size]));
        let slots = [(); BATCH]
            .map(|()| Slot { metadata: [0; LENGTH], buffers: pools.each_mut().map(Pool::take) });
        Self { pools, slots: Box::new(slots) }
    }

    /// Reads at most `wanted` messages, each after `head` bytes of metadata (at most
    /// [`LENGTH`]), and says how many came and what is known of each.
    pub(crate) fn read(
        &mut self,
        socket: impl AsFd,
        wanted: usize,
        head: usize,
    ) -> Result<(usize, [Got; BATCH]), Errno> {
        let mut got = [Got::default(); BATCH];
        let mut views: [[IoSliceMut<'_>; PARTS]; BATCH] = self.slots.each_mut().map(|slot| {
            let [small, middle, large] = &mut slot.buffers;
            [
                IoSliceMut::new(&mut slot.metadata[..head]),
                IoSliceMut::new(small),
                IoSliceMut::new(middle),
                IoSliceMut::new(large),
            ]
        });
        let count = packet::receive(socket, &mut views[..wanted.min(BATCH)], &mut got)?;
        Ok((count, got))
    }

    /// The metadata of a message that was just read.
    pub(crate) fn metadata(&self, index: usize) -> [u8; LENGTH] {
        self.slots[index].metadata
    }

    /// The first `length` bytes of a message that was just read; its buffers are replaced.
    pub(crate) fn lend(&mut self, index: usize, length: usize, offload: Offload) -> Frame {
        let mut frame = Frame::received(Payload::EMPTY, offload);
        let mut left = length;
        for (pool, next) in self.pools.iter_mut().zip(&mut self.slots[index].buffers) {
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
}

/// Hands the first frames that wait to the kernel, each behind its head, and says how many it
/// took.
pub(crate) fn send(
    socket: impl AsFd,
    waiting: &VecDeque<Frame>,
    head_of: impl Fn(&Frame) -> Option<Head>,
) -> Result<usize, Errno> {
    let mut heads: [Head; BATCH] = [([0; LENGTH + HEADER_LEN], 0); BATCH];
    for (head, frame) in heads.iter_mut().zip(waiting) {
        // Only what has a head waits.
        *head = head_of(frame).unwrap_or(*head);
    }
    let mut parts = [[IoSlice::new(&[]); MAX_SLICES + 2]; BATCH];
    let mut messages: [&[IoSlice<'_>]; BATCH] = [&[]; BATCH];
    let mut count = 0;
    let whole = parts.iter_mut().zip(&mut messages);
    for ((parts, message), ((head, used), frame)) in whole.zip(heads.iter().zip(waiting)) {
        let slices = frame.slices().iter().map(Payload::as_slice);
        let all = [&head[..*used], frame.header()].into_iter().chain(slices);
        let mut length = 0;
        for (part, bytes) in parts.iter_mut().zip(all) {
            *part = IoSlice::new(bytes);
            length += 1;
        }
        *message = &parts[..length];
        count += 1;
    }
    packet::send(socket, &messages[..count])
}
