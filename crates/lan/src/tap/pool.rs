//! Receive buffers that come back: no allocation for a frame once the traffic is steady.
//!
//! A buffer is lent out as a [`Payload`] of its true cost while the pool keeps a handle to it;
//! when that handle is the only one left, the buffer is free again. The last one freed is used
//! first, so that a quiet adapter stays within a few warm buffers. Bounded: what does not fit is
//! left to the allocator.

use bytes::{Bytes, BytesMut};
use danja_wire::Payload;

/// Handles looked at for each buffer asked for when none is free.
const SWEEP: usize = 16;

/// Buffers of one size.
pub(crate) struct Pool {
    size: usize,
    free: Vec<BytesMut>,
    lent: Vec<Bytes>,
    /// Where the next sweep begins.
    cursor: usize,
    limit: usize,
}

impl Pool {
    /// An empty pool of buffers of `size` bytes; it remembers at most `limit` free ones and as
    /// many lent ones.
    pub(crate) fn new(size: usize, limit: usize) -> Self {
        Self {
            size,
            free: Vec::with_capacity(limit),
            lent: Vec::with_capacity(limit),
            cursor: 0,
            limit,
        }
    }

    /// A buffer of the pool's size.
    pub(crate) fn take(&mut self) -> BytesMut {
        if self.free.is_empty() {
            self.sweep();
        }
        self.free.pop().unwrap_or_else(|| {
            let mut fresh = BytesMut::zeroed(self.size);
            // Splitting makes it a shared buffer for good: freezing and unfreezing it then
            // allocates nothing.
            drop(fresh.split_off(self.size));
            fresh
        })
    }

    /// The first `length` bytes of a buffer, to be passed on.
    pub(crate) fn lend(&mut self, buffer: BytesMut, length: usize) -> Payload {
        let whole = buffer.freeze();
        let part = whole.slice(..length.min(whole.len()));
        if self.lent.len() < self.limit {
            self.lent.push(whole);
        }
        Payload::from_bytes(part, self.size)
    }

    /// Takes back lent buffers that nobody else holds any more, a few at a time.
    fn sweep(&mut self) {
        // The newest are the likeliest to be in the cache, and are looked at first.
        for _ in 0..SWEEP.min(self.lent.len()) {
            self.cursor = self.cursor.min(self.lent.len());
            if self.cursor == 0 {
                self.cursor = self.lent.len();
            }
            self.cursor = self.cursor.saturating_sub(1);
            if !self.lent.get(self.cursor).is_some_and(Bytes::is_unique) {
                continue;
            }
            // A lent buffer never shrinks, so that it has its full size again.
            if let Ok(buffer) = self.lent.swap_remove(self.cursor).try_into_mut()
                && buffer.len() == self.size
                && self.free.len() < self.limit
            {
                self.free.push(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_to_the_same_memory() {
        let mut pool = Pool::new(2048, 8);
        let mut seen = std::collections::HashSet::new();
        for round in 0..100 {
            let mut buffer = pool.take();
            assert_eq!(buffer.len(), 2048);
            buffer[0] = round;
            let payload = pool.lend(buffer, 60);
            assert_eq!((payload.len(), payload.cost(), payload.as_slice()[0]), (60, 2048, round));
            seen.insert(payload.as_slice().as_ptr().addr());
        }
        assert_eq!(seen.len(), 1, "one buffer did for all");
    }

    #[test]
    fn a_held_buffer_is_never_lent_twice() {
        let mut pool = Pool::new(64, 4);
        let mut held = Vec::new();
        for mark in 0..40u8 {
            let mut buffer = pool.take();
            buffer[..].fill(mark);
            held.push((mark, pool.lend(buffer, 64)));
            if mark % 3 == 0 {
                held.remove(0);
            }
            for (mark, payload) in &held {
                assert!(payload.as_slice().iter().all(|byte| byte == mark));
            }
        }
        assert!(pool.lent.len() <= 4 && pool.free.len() <= 4);
        held.clear();
        pool.sweep();
        assert_eq!(pool.lent.len(), 0);
    }
}
