//! Identifications of datagrams that may be fragmented: a keyed permutation of 2^15 numbers, with
//! new secrets each round and alternating halves of the number space, so that none comes again
//! within 2^15 datagrams (RFC 6864 §4.2) and none can be guessed (RFC 7739 §5).

use crate::entropy::HashKey;
use alloc::boxed::Box;
use core::hash::Hasher;
use danja_wire::Instant;

/// Numbers in a round.
const HALF: u32 = 1 << 15;

/// Rounds of the Feistel network.
const STEPS: usize = 6;

/// A random function of a byte for each step of the network.
type Functions = [[u8; 256]; STEPS];

pub(super) struct Identification {
    key: HashKey,
    next: u32,
    /// Of the present round; made with the first number of each, so that a number costs a few
    /// look-ups and no hash.
    functions: Option<Box<Functions>>,
}

impl Identification {
    pub(super) const fn new(key: HashKey) -> Self {
        Self { key, next: 0, functions: None }
    }

    pub(super) fn next(&mut self) -> u16 {
        let (round, place) = (self.next / HALF, self.next % HALF);
        self.next = self.next.wrapping_add(1);
        let functions = match &mut self.functions {
            Some(functions) if place != 0 => functions,
            functions => functions.insert(draw(self.key, round)),
        };
        // The network permutes 16 bits; walking on until 15 are enough permutes 15.
        let mut value = permute(functions, place);
        while value >= HALF {
            value = permute(functions, value);
        }
        let half = (round & 1) << 15;
        u16::try_from(value | half).unwrap_or(0)
    }

    /// Milliseconds since a moment that nobody knows: the time of the stack alone would tell how
    /// long it runs.
    pub(super) fn clock(&self, now: Instant) -> u32 {
        let mut hasher = self.key.secret_hasher();
        hasher.write(b"timestamp option");
        let since = now.saturating_since(Instant::ZERO).as_millis();
        (hasher.finish() as u32).wrapping_add(since as u32)
    }
}

/// The functions of a round.
fn draw(key: HashKey, round: u32) -> Box<Functions> {
    let mut functions = Box::new([[0; 256]; STEPS]);
    let eights = functions.as_flattened_mut().as_chunks_mut::<8>().0;
    for (place, eight) in (0u32..).zip(eights) {
        let mut hasher = key.secret_hasher();
        hasher.write_u32(round);
        hasher.write_u32(place);
        *eight = hasher.finish().to_le_bytes();
    }
    functions
}

fn permute(functions: &Functions, value: u32) -> u32 {
    let halves = ((value >> 8) as u8, value as u8);
    let (left, right) = functions.iter().fold(halves, |(left, right), function| {
        let mixed = function.get(usize::from(right)).copied().unwrap_or(0);
        (right, left ^ mixed)
    });
    u32::from(left) << 8 | u32::from(right)
}
