//! What passes between a stack and a driver: a small header area, payload slices that are
//! shared and not copied, and what the adapter may still have to do (checksum, cutting).

use crate::payload::Payload;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Room for the headers of one frame, in bytes: Ethernet with two tags (22), IP with options
/// (60), TCP with options (60), and some to spare.
pub const HEADER_ROOM: usize = 160;

/// What stands where no header was written. Not zero: allocators take longer to find memory that
/// is zero than we to fill it.
const UNWRITTEN: u8 = 0xff;

/// At most this many payload slices; beyond it the payload is copied flat.
pub const MAX_SLICES: usize = 17;

/// What is known, or still to be done, about the transport checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ChecksumState {
    /// The field is complete: correct when sent, to be verified when received.
    #[default]
    Complete,
    /// The field holds the sum of the pseudo-header only. Whoever puts the frame on a wire sums
    /// from `start` to the end and writes the complement at `start + offset` (both in bytes,
    /// `start` from the front of the frame). A receiver may trust it: it never was on a wire.
    Partial {
        /// Where summing starts: the first byte of the transport header.
        start: u16,
        /// Where the field is, from `start`.
        offset: u16,
    },
    /// Received, and the adapter has verified it.
    Verified,
}

/// What an adapter does, or has done, instead of the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Offload {
    /// The transport checksum.
    pub checksum: ChecksumState,
    /// Transport payload bytes in each frame after cutting; 0 if the frame is not to be cut.
    pub segment_size: u16,
}

#[derive(Clone)]
enum Slices {
    /// One slice, or none if it is empty.
    One(Payload),
    Many(Vec<Payload>),
}

/// One frame (or packet, on a medium without a link header), possibly larger than the MTU
/// when [`Offload::segment_size`] says how to cut it.
///
/// Bytes are the header area followed by the payload slices. A frame that comes from a device
/// has an empty header area and one slice. Headers are prepended, from the innermost out.
#[derive(Clone)]
pub struct Frame {
    /// Made with the first header: what a device has read needs none, and a frame is moved from
    /// hand to hand so often that it must be small.
    room: Option<Box<[u8; HEADER_ROOM]>>,
    start: u8,
    slices: Slices,
    payload_len: u32,
    /// Checksum and segmentation, done or left to the adapter.
    pub offload: Offload,
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

impl Frame {
    /// An empty frame.
    pub const fn new() -> Self {
        Self {
            room: None,
            start: HEADER_ROOM as u8,
            slices: Slices::One(Payload::EMPTY),
            payload_len: 0,
            offload: Offload { checksum: ChecksumState::Complete, segment_size: 0 },
        }
    }

    /// A frame as a driver read it: all bytes in one buffer.
    pub fn received(bytes: Payload, offload: Offload) -> Self {
        let mut frame = Self::new();
        frame.offload = offload;
        frame.push(bytes);
        frame
    }

    /// Appends a payload slice; empty ones are skipped. Beyond [`MAX_SLICES`] the payload is
    /// copied into one buffer.
    pub fn push(&mut self, payload: Payload) {
        if payload.is_empty() {
            return;
        }
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.payload_len = self.payload_len.saturating_add(length);
        match &mut self.slices {
            Slices::One(first) if first.is_empty() => *first = payload,
            Slices::One(first) => {
                let first = core::mem::take(first);
                let mut all = Vec::with_capacity(MAX_SLICES);
                all.extend([first, payload]);
                self.slices = Slices::Many(all);
            }
            Slices::Many(all) if all.len() < MAX_SLICES => all.push(payload),
            Slices::Many(all) => {
                let mut flat = Vec::with_capacity(self.payload_len as usize);
                all.iter()
                    .chain(core::iter::once(&payload))
                    .for_each(|part| flat.extend_from_slice(part.as_slice()));
                self.slices = Slices::One(Payload::from(flat));
            }
        }
    }

    /// Makes the header area `count` bytes longer at its front and returns the new bytes, all to
    /// be written. `None` if there is no room.
    #[inline]
    pub fn prepend(&mut self, count: usize) -> Option<&mut [u8]> {
        let start = usize::from(self.start).checked_sub(count)?;
        self.start = u8::try_from(start).ok()?;
        let room = self.room.get_or_insert_with(|| Box::new([UNWRITTEN; HEADER_ROOM]));
        room.get_mut(start..)?.get_mut(..count)
    }

    /// The header area.
    #[inline]
    pub fn header(&self) -> &[u8] {
        let room = self.room.as_ref();
        room.and_then(|room| room.get(usize::from(self.start)..)).unwrap_or(&[])
    }

    /// The header area, to be changed.
    #[inline]
    pub fn header_mut(&mut self) -> &mut [u8] {
        let room = self.room.as_mut();
        room.and_then(|room| room.get_mut(usize::from(self.start)..)).unwrap_or(&mut [])
    }

    /// Drops the first `count` bytes of the header area (clamped): the way to give one frame
    /// to a medium without the outermost header.
    pub fn drop_header(&mut self, count: usize) {
        let start = usize::from(self.start).saturating_add(count).min(HEADER_ROOM);
        self.start = u8::try_from(start).unwrap_or(HEADER_ROOM as u8);
    }

    /// The payload slices.
    #[inline]
    pub fn slices(&self) -> &[Payload] {
        match &self.slices {
            Slices::One(none) if none.is_empty() => &[],
            Slices::One(one) => core::slice::from_ref(one),
            Slices::Many(all) => all,
        }
    }

    /// Bytes in the payload slices.
    pub const fn payload_len(&self) -> usize {
        self.payload_len as usize
    }

    /// All bytes.
    #[inline]
    pub fn len(&self) -> usize {
        HEADER_ROOM.saturating_sub(usize::from(self.start)).saturating_add(self.payload_len())
    }

    /// Whether there are no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes that lie together: the header area, or the first slice if it is empty.
    #[inline]
    pub fn front(&self) -> &[u8] {
        let header = self.header();
        if header.is_empty() {
            self.slices().first().map_or(&[], Payload::as_slice)
        } else {
            header
        }
    }

    /// Makes sure that the first `count` bytes (or all, if there are fewer) lie together, by
    /// copying the frame flat if they do not. Returns [`Self::front`].
    #[inline]
    pub fn ensure_front(&mut self, count: usize) -> &[u8] {
        if self.front().len() < count {
            self.gather_front(count);
        }
        self.front()
    }

    #[cold]
    fn gather_front(&mut self, count: usize) {
        if self.front().len() < count.min(self.len()) {
            let flat = Payload::from(self.to_vec());
            let offload = self.offload;
            *self = Self::received(flat, offload);
        }
    }

    /// Calls `each` with the slices that make up bytes `start..end` of the frame (clamped).
    /// Bytes of the header area are copied, payload is shared.
    pub fn for_each_slice(&self, start: usize, end: usize, mut each: impl FnMut(Payload)) {
        let header = self.header();
        if start < header.len() {
            let part = header.get(start..end.min(header.len())).unwrap_or(&[]);
            if !part.is_empty() {
                each(Payload::copy_from_slice(part));
            }
        }
        let mut at = header.len();
        for slice in self.slices() {
            let next = at.saturating_add(slice.len());
            if start.max(at) < end.min(next) {
                each(slice.slice(start.saturating_sub(at), end.saturating_sub(at)));
            }
            at = next;
        }
    }

    /// Bytes `start..end` (clamped) as one payload; copied only if they do not lie together.
    pub fn range(&self, start: usize, end: usize) -> Payload {
        let mut found = Payload::EMPTY;
        let mut flat: Option<Vec<u8>> = None;
        self.for_each_slice(start, end, |part| {
            if let Some(flat) = &mut flat {
                flat.extend_from_slice(part.as_slice());
            } else if found.is_empty() {
                found = part;
            } else {
                let mut both = Vec::with_capacity(end.saturating_sub(start).min(self.len()));
                both.extend_from_slice(found.as_slice());
                both.extend_from_slice(part.as_slice());
                flat = Some(both);
            }
        });
        flat.map_or(found, Payload::from)
    }

    /// Copies the first bytes into `room`, as many as there are or fit, and says how many.
    pub fn copy_front(&self, room: &mut [u8]) -> usize {
        let mut copied = 0usize;
        let parts =
            core::iter::once(self.header()).chain(self.slices().iter().map(Payload::as_slice));
        for part in parts {
            let rest = room.get_mut(copied..).unwrap_or(&mut []);
            let count = part.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..count), part.get(..count)) {
                to.copy_from_slice(from);
            }
            copied = copied.saturating_add(count);
            if copied == room.len() {
                break;
            }
        }
        copied
    }

    /// All bytes, copied into one buffer.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        all.extend_from_slice(self.header());
        self.slices().iter().for_each(|slice| all.extend_from_slice(slice.as_slice()));
        all
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Frame({}+{} bytes, {:?})", self.header().len(), self.payload_len(), self.offload)
    }
}

#[cfg(feature = "serde")]
mod coded;
#[cfg(test)]
mod tests;
