//! Joining consecutive TCP data frames of one flow into one large frame, so that the layers
//! above take their turn once. Never joins what a receiver could tell apart.

use super::layout::{Layout, sum_from};
use crate::bytes;
use crate::frame::{ChecksumState, Frame, MAX_SLICES, Offload};
use crate::ip::Version;
use crate::ipv4;
use crate::tcp::{CHECKSUM_OFFSET, Flags, SeqNumber};

/// Joins frames as they come. It holds at most one frame back, which [`Joiner::flush`] gives
/// out: a driver flushes at the end of each batch, so that nothing waits for a later one.
///
/// Two frames are joined if the second continues the first: the same addresses, ports, TOS
/// (with ECN), TTL, acknowledgment, window, options and flags but PSH, no other flag than ACK,
/// PSH and ECE, right checksums, and data of the same length (the last one may be shorter).
#[derive(Debug)]
pub struct Joiner {
    l2_len: usize,
    max_len: usize,
    held: Option<Held>,
}

struct Held {
    frame: Frame,
    layout: Layout,
    segment_size: usize,
    segments: usize,
    data_len: usize,
    next: SeqNumber,
    last_identification: u16,
    push: bool,
}

impl core::fmt::Debug for Held {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Held({} segments, {} bytes)", self.segments, self.data_len)
    }
}

impl Joiner {
    /// A joiner for frames with link headers of `l2_len` bytes (14 on Ethernet, 0 without),
    /// that makes packets of at most `max_len` bytes (never more than 65,535).
    pub const fn new(l2_len: usize, max_len: usize) -> Self {
        Self { l2_len, max_len, held: None }
    }

    /// Takes the next frame; gives out what will grow no more, in order.
    pub fn push(&mut self, mut frame: Frame, mut each: impl FnMut(Frame)) {
        let Some(layout) = joinable(&mut frame, self.l2_len) else {
            self.flush(&mut each);
            each(frame);
            return;
        };
        if let Some(held) = &mut self.held
            && held.continues(&frame, &layout, self.max_len)
        {
            held.append(&frame, &layout);
        } else {
            self.flush(&mut each);
            self.held = Some(Held::new(frame, layout));
        }
        if self.held.as_ref().is_some_and(Held::is_complete) {
            self.flush(each);
        }
    }

    /// Gives out the frame that is held back, if one is.
    pub fn flush(&mut self, mut each: impl FnMut(Frame)) {
        if let Some(held) = self.held.take() {
            each(held.finish());
        }
    }
}

/// The layout of a frame that may be part of a larger one; its headers then lie together.
fn joinable(frame: &mut Frame, l2_len: usize) -> Option<Layout> {
    if frame.offload.segment_size != 0 {
        return None;
    }
    let layout = Layout::of(frame, l2_len).ok()?;
    let plain = Flags::ACK | Flags::PSH | Flags::ECE;
    let flags = layout.flags;
    if layout.data_len() == 0 || !flags.contains(Flags::ACK) || !flags.without(plain).is_empty() {
        return None;
    }
    let front = frame.ensure_front(layout.data_at);
    if layout.version == Version::V4 {
        // Options, or a wrong header checksum, are for the IP layer to see.
        let ip = front.get(layout.ip_at..layout.tcp_at)?;
        if ip.len() != ipv4::HEADER_LEN || crate::checksum::checksum(ip) != 0 {
            return None;
        }
    }
    if frame.offload.checksum == ChecksumState::Complete {
        let mut sum = layout.pseudo(layout.data_len());
        sum.add_sum(sum_from(frame, layout.tcp_at, layout.end));
        if !sum.is_valid() {
            return None;
        }
    }
    Some(layout)
}

impl Held {
    fn new(frame: Frame, layout: Layout) -> Self {
        Self {
            segment_size: layout.data_len(),
            segments: 1,
            data_len: layout.data_len(),
            next: layout.sequence.after(layout.data_len()),
            last_identification: layout.identification,
            push: layout.flags.contains(Flags::PSH),
            frame,
            layout,
        }
    }

    /// Whether nothing may follow: data was pushed, or the last segment was a short one.
    const fn is_complete(&self) -> bool {
        self.push || self.data_len < self.segment_size.saturating_mul(self.segments)
    }

    /// Whether the frame, of this layout, follows.
    fn continues(&self, frame: &Frame, other: &Layout, max_len: usize) -> bool {
        let ours = &self.layout;
        // One more would be copied flat with all the others.
        let slices = self.frame.slices().len().saturating_add(frame.slices().len());
        let length = ours.data_at.saturating_sub(ours.ip_at).saturating_add(self.data_len);
        slices <= MAX_SLICES
            && other.data_len() <= self.segment_size
            && length.saturating_add(other.data_len()) <= max_len.min(usize::from(u16::MAX))
            && other.sequence == self.next
            && other.tcp_at == ours.tcp_at
            && other.data_at == ours.data_at
            && self.same_identity(other)
            && ours.flags.without(Flags::PSH) == other.flags.without(Flags::PSH)
            && same_headers(ours, self.frame.front(), frame.front()).unwrap_or(false)
    }

    /// The identification counts up by one, or stands still where it means nothing.
    fn same_identity(&self, other: &Layout) -> bool {
        let theirs = other.identification;
        if theirs == self.last_identification.wrapping_add(1) {
            return true;
        }
        // RFC 6864 §4.1: with DF and no fragmentation the field says nothing.
        theirs == self.last_identification && other.atomic
    }

    fn append(&mut self, frame: &Frame, layout: &Layout) {
        // All headers, and nothing else, in the header area.
        if self.segments == 1 && self.frame.header().len() != self.layout.data_at {
            let mut joined = Frame::new();
            if let Some(headers) = joined.prepend(self.layout.data_at) {
                self.frame.copy_front(headers);
            }
            self.frame
                .for_each_slice(self.layout.data_at, self.layout.end, |part| joined.push(part));
            self.frame = joined;
        }
        frame.for_each_slice(layout.data_at, layout.end, |part| self.frame.push(part));
        self.segments = self.segments.saturating_add(1);
        self.data_len = self.data_len.saturating_add(layout.data_len());
        self.next = layout.sequence.after(layout.data_len());
        self.last_identification = layout.identification;
        self.push |= layout.flags.contains(Flags::PSH);
    }

    /// The joined frame: its transport checksum is partial, for all of its parts were right.
    fn finish(mut self) -> Frame {
        if self.segments == 1 {
            return self.frame;
        }
        let layout = &self.layout;
        let headers = self.frame.header_mut();
        let _ = layout.set_ip(headers, self.data_len, layout.identification);
        let tcp = headers.get_mut(layout.tcp_at..).unwrap_or(&mut []);
        if self.push {
            let flags = bytes::be16(tcp, 12).unwrap_or(0) | Flags::PSH.bits();
            let _ = bytes::put16(tcp, 12, flags);
        }
        let _ = bytes::put16(tcp, CHECKSUM_OFFSET, layout.pseudo(self.data_len).fold());
        let start = u16::try_from(layout.tcp_at).unwrap_or(0);
        self.frame.offload = Offload {
            checksum: ChecksumState::Partial { start, offset: CHECKSUM_OFFSET as u16 },
            segment_size: u16::try_from(self.segment_size).unwrap_or(0),
        };
        self.frame
    }
}

/// Whether two frames' headers, which have one layout, differ only in lengths, identification,
/// sequence number, flags and checksums.
fn same_headers(layout: &Layout, ours: &[u8], theirs: &[u8]) -> Option<bool> {
    let same = |start: usize, end: usize| Some(ours.get(start..end)? == theirs.get(start..end)?);
    let ip = |offset: usize| layout.ip_at.saturating_add(offset);
    let tcp = |offset: usize| layout.tcp_at.saturating_add(offset);
    let same_ip = match layout.version {
        Version::V4 => same(0, ip(2))? && same(ip(6), ip(10))? && same(ip(12), layout.tcp_at)?,
        Version::V6 => same(0, ip(4))? && same(ip(6), layout.tcp_at)?,
    };
    Some(
        same_ip
            && same(tcp(0), tcp(4))?
            && same(tcp(8), tcp(13))?
            && same(tcp(14), tcp(16))?
            && same(tcp(18), layout.data_at)?,
    )
}
