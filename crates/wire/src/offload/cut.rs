//! Cutting a large TCP frame into frames of a wire, and completing checksums.

use super::layout::{Layout, sum_from};
use crate::bytes;
use crate::error::Error;
use crate::frame::{ChecksumState, Frame, HEADER_ROOM, Offload};
use crate::tcp::{CHECKSUM_OFFSET, Flags};

/// In which state frames leave [`cut`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finish {
    /// Transport checksums are complete, as on a wire.
    Checksums,
    /// Transport checksums hold the pseudo-header's sum; the adapter completes them.
    Partial,
}

/// Gives `each` the frames that `frame` is on a wire, in order, and says how many: one TCP
/// segment with at most [`Offload::segment_size`] bytes of data each, the payload shared.
///
/// A frame that needs no cutting is given whole. `l2_len` is the length of the link header: 14
/// on Ethernet, 0 where there is none. Identifications count up from the frame's, sequence
/// numbers by the data before; PSH and FIN stay on the last segment, CWR on the first.
/// Checksums are made anew, so a frame from a wire must have been verified before.
///
/// An error (nothing is given) says that the frame claims to be cut but is not plain TCP.
pub fn cut(
    frame: &Frame,
    l2_len: usize,
    finish: Finish,
    mut each: impl FnMut(Frame),
) -> Result<usize, Error> {
    let segment_size = usize::from(frame.offload.segment_size);
    if segment_size == 0 {
        let mut whole = frame.clone();
        if finish == Finish::Checksums {
            complete_checksum(&mut whole)?;
        }
        each(whole);
        return Ok(1);
    }
    let layout = Layout::of(frame, l2_len)?;
    let mut offset = 0usize;
    let mut count = 0usize;
    loop {
        let length = layout.data_len().saturating_sub(offset).min(segment_size);
        let segment = Segment { offset, length, index: count };
        each(segment.make(frame, &layout, finish).ok_or(Error::Room)?);
        offset = offset.saturating_add(length);
        count = count.saturating_add(1);
        if offset >= layout.data_len() {
            return Ok(count);
        }
    }
}

/// Which part of the data one frame takes.
struct Segment {
    offset: usize,
    length: usize,
    index: usize,
}

impl Segment {
    fn make(&self, whole: &Frame, layout: &Layout, finish: Finish) -> Option<Frame> {
        let mut frame = Frame::new();
        let headers = frame.prepend(layout.data_at)?;
        whole.copy_front(headers);
        let identification = layout.identification.wrapping_add(self.index as u16);
        layout.set_ip(headers, self.length, identification)?;
        let tcp = headers.get_mut(layout.tcp_at..)?;
        self.set_tcp(tcp, layout)?;
        let mut sum = layout.pseudo(self.length);
        match finish {
            Finish::Partial => {
                bytes::put16(tcp, CHECKSUM_OFFSET, sum.fold())?;
                let start = u16::try_from(layout.tcp_at).ok()?;
                let checksum = ChecksumState::Partial { start, offset: CHECKSUM_OFFSET as u16 };
                frame.offload = Offload { checksum, segment_size: 0 };
            }
            Finish::Checksums => {
                let start = layout.data_at.saturating_add(self.offset);
                sum.add_words(tcp.as_chunks().0);
                sum.add_sum(sum_from(whole, start, start.saturating_add(self.length)));
                bytes::put16(tcp, CHECKSUM_OFFSET, sum.finish())?;
            }
        }
        let start = layout.data_at.saturating_add(self.offset);
        whole.for_each_slice(start, start.saturating_add(self.length), |part| frame.push(part));
        Some(frame)
    }

    /// Sequence number, flags and urgent pointer; a zero checksum.
    fn set_tcp(&self, tcp: &mut [u8], layout: &Layout) -> Option<()> {
        let mut flags = layout.flags;
        if self.offset.saturating_add(self.length) < layout.data_len() {
            flags.remove(Flags::FIN | Flags::PSH);
        }
        if self.index > 0 {
            // RFC 3168 §6.1.2: CWR is on the first new packet after the reduction.
            flags.remove(Flags::CWR);
        }
        // The pointer counts from the segment's own sequence number (RFC 9293 §3.1).
        let urgent = usize::from(layout.urgent).saturating_sub(self.offset);
        if urgent == 0 && self.offset > 0 {
            flags.remove(Flags::URG);
        }
        let offset_flags = bytes::be16(tcp, 12)?;
        bytes::put32(tcp, 4, layout.sequence.after(self.offset).0)?;
        bytes::put16(tcp, 12, (offset_flags & 0xf000) | flags.bits())?;
        bytes::put16(tcp, CHECKSUM_OFFSET, 0)?;
        bytes::put16(tcp, 18, u16::try_from(urgent).ok()?)
    }
}

/// Completes the transport checksum of a [`ChecksumState::Partial`] frame; any other frame
/// stays as it is. The payload is summed where it lies and not copied, unless the field itself
/// lies in the payload.
///
/// [`Error::Length`] (and no change) if the frame has no such field.
pub fn complete_checksum(frame: &mut Frame) -> Result<(), Error> {
    let ChecksumState::Partial { start, offset } = frame.offload.checksum else { return Ok(()) };
    let field_at = usize::from(start).saturating_add(usize::from(offset));
    if field_at.saturating_add(2) > frame.len() {
        return Err(Error::Length);
    }
    let sum = sum_from(frame, usize::from(start), usize::MAX);
    // Only UDP has a zero that means "none" (RFC 768); its field is at 6.
    let field = if usize::from(offset) == crate::udp::CHECKSUM_OFFSET {
        crate::udp::field(sum)
    } else {
        sum.finish()
    };
    if bytes::put16(frame.header_mut(), field_at, field).is_none() {
        own_front(frame, field_at.saturating_add(2))?;
        bytes::put16(frame.header_mut(), field_at, field).ok_or(Error::Length)?;
    }
    frame.offload.checksum = ChecksumState::Complete;
    Ok(())
}

/// Moves the first `count` bytes of a frame into its header area, so that they can be written.
fn own_front(frame: &mut Frame, count: usize) -> Result<(), Error> {
    let mut front = [0; HEADER_ROOM];
    let front = front.get_mut(..count).ok_or(Error::Room)?;
    frame.copy_front(front);
    let mut owned = Frame::new();
    owned.prepend(count).ok_or(Error::Room)?.copy_from_slice(front);
    frame.for_each_slice(count, frame.len(), |part| owned.push(part));
    owned.offload = frame.offload;
    *frame = owned;
    Ok(())
}
