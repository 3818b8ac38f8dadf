//! One number for all that passed on the wire, and when. Knows no format.

use danja_wire::{Frame, Instant};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// A running hash; two runs that differ in one bit or one nanosecond differ in it.
#[derive(Clone)]
pub(super) struct Digest(SipHasher13);

impl Digest {
    pub(super) fn new() -> Self {
        Self(SipHasher13::new())
    }

    /// A frame that a host sent at this moment.
    pub(super) fn frame(&mut self, now: Instant, host: usize, frame: &Frame) {
        self.0.write_u64(now.as_nanos());
        self.0.write_usize(host);
        self.0.write_usize(frame.len());
        self.0.write(frame.header());
        for slice in frame.slices() {
            self.0.write(slice.as_slice());
        }
    }

    /// The hash of all so far.
    pub(super) fn value(&self) -> u64 {
        self.0.finish()
    }
}
