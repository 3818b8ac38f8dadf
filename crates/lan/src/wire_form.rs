//! What a wire would carry for a frame: cut to its segments, every checksum complete.

use crate::adapter::Medium;
use danja_wire::offload::{Finish, complete_checksum, cut};
use danja_wire::{ChecksumState, Frame};

impl Medium {
    /// Bytes of the link header before each packet.
    pub const fn header_len(self) -> usize {
        match self {
            Self::Ethernet(_) => 14,
            Self::Ip => 0,
        }
    }
}

/// Gives `each` the frames that a wire would carry for `frame`, in order, and says whether that
/// could be done: `false` (and nothing is given) if the frame's metadata contradicts its bytes.
///
/// All come out with their checksums complete, to be verified by whoever receives them, and share
/// the payload of the frame.
#[must_use]
pub fn on_the_wire(mut frame: Frame, medium: Medium, mut each: impl FnMut(Frame)) -> bool {
    if frame.offload.segment_size == 0 {
        if complete_checksum(&mut frame).is_err() {
            return false;
        }
        frame.offload.checksum = ChecksumState::Complete;
        each(frame);
        return true;
    }
    cut(&frame, medium.header_len(), Finish::Checksums, each).is_ok()
}
