//! The bytes that streams and datagrams carry: decided by who sends them and where they stand,
//! so that every byte that arrives can be checked alone.

use crate::world::random::mix;

/// Fills `bytes` with the content of stream `stream` from `offset` on.
pub(super) fn fill(stream: u64, offset: u64, bytes: &mut [u8]) {
    for (at, byte) in (offset..).zip(bytes) {
        *byte = content(stream, at);
    }
}

/// Where `bytes` differ from the content of `stream` from `offset` on.
pub(super) fn difference(stream: u64, offset: u64, bytes: &[u8]) -> Option<u64> {
    (offset..).zip(bytes).find(|(at, byte)| **byte != content(stream, *at)).map(|(at, _)| at)
}

fn content(stream: u64, at: u64) -> u8 {
    // A word at a time would be quicker and would not notice bytes that moved by eight.
    (mix(stream ^ (at / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> (at % 8 * 8)) as u8
}

#[cfg(test)]
mod tests {
    use super::{difference, fill};

    #[test]
    fn content_is_checked_at_its_place() {
        let mut bytes = [0; 100];
        fill(7, 50, &mut bytes);
        assert_eq!(difference(7, 50, &bytes), None);
        assert_eq!(difference(7, 60, &bytes[10..]), None);
        assert!(difference(7, 58, &bytes).is_some() && difference(8, 50, &bytes).is_some());
        bytes[33] ^= 1;
        assert_eq!(difference(7, 50, &bytes), Some(83));
    }
}
