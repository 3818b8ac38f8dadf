//! The Internet checksum (RFC 1071), incremental (RFC 1624) and fused with a copy. Knows no
//! format: where the field is and what it covers is said by each format's module.

use core::net::IpAddr;

/// A running one's-complement sum of 16-bit big-endian words.
///
/// Pieces may have odd lengths: the next piece continues in the second half of the word.
#[derive(Clone, Copy, Default, Debug)]
pub struct Sum {
    // Words are added as they lie in memory and swapped once at the end: the sum does not
    // depend on byte order (RFC 1071 §2 (B)).
    sum: u64,
    odd: bool,
}

/// Bytes that one round of the inner loop takes.
const ROUND: usize = 64;

/// Folds to 16 bits, in memory order. Zero only if all words were zero.
#[inline]
const fn fold_native(mut sum: u64) -> u16 {
    sum = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
    sum = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
    sum = (sum & 0xffff).wrapping_add(sum >> 16);
    sum = (sum & 0xffff).wrapping_add(sum >> 16);
    sum = (sum & 0xffff).wrapping_add(sum >> 16);
    sum as u16
}

/// The sum of the words of `bytes` in memory order; an odd last byte is padded with zero.
#[inline]
fn sum_native(bytes: &[u8]) -> u64 {
    // Two sums of 64-bit words that do not wait for each other, each with room for its carries:
    // an addition and one with carry for eight bytes, whatever the processor's vectors are.
    let (mut even, mut odd) = (0u128, 0u128);
    let (rounds, rest) = bytes.as_chunks::<ROUND>();
    for round in rounds {
        let (pairs, _) = round.as_chunks::<16>();
        for pair in pairs {
            let (words, _) = pair.as_chunks::<8>();
            if let [one, two] = words {
                even = even.wrapping_add(u128::from(u64::from_ne_bytes(*one)));
                odd = odd.wrapping_add(u128::from(u64::from_ne_bytes(*two)));
            }
        }
    }
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        even = even.wrapping_add(u128::from(u64::from_ne_bytes(*word)));
    }
    let both = even.wrapping_add(odd);
    let (low, carries) = (both as u64, (both >> 64) as u64);
    let mut sum = (low & 0xffff_ffff).wrapping_add(low >> 32).wrapping_add(carries);
    let (halves, last) = rest.as_chunks::<2>();
    for half in halves {
        sum = sum.wrapping_add(u64::from(u16::from_ne_bytes(*half)));
    }
    if let [last] = last {
        sum = sum.wrapping_add(u64::from(u16::from_ne_bytes([*last, 0])));
    }
    sum
}

impl Sum {
    /// The sum of nothing.
    pub const fn new() -> Self {
        Self { sum: 0, odd: false }
    }

    /// Adds a piece of any length, as the continuation of the pieces before it.
    #[inline]
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        let sum = sum_native(bytes);
        // RFC 1071 §2 (B): a sum of swapped bytes is the swapped sum.
        let aligned = if self.odd { u64::from(fold_native(sum).swap_bytes()) } else { sum };
        self.add(aligned);
        self.odd ^= bytes.len() & 1 == 1;
    }

    /// Adds a few 32-bit words, such as a header's, independent of the pieces.
    #[inline]
    pub fn add_words(&mut self, words: &[[u8; 4]]) {
        for word in words {
            self.sum = self.sum.wrapping_add(u64::from(u32::from_ne_bytes(*word)));
        }
    }

    /// Adds the sum of a piece that was summed on its own, as the continuation of the pieces
    /// before it.
    #[inline]
    pub const fn add_sum(&mut self, piece: Self) {
        let folded = fold_native(piece.sum);
        let aligned = if self.odd { folded.swap_bytes() } else { folded };
        self.add(aligned as u64);
        self.odd ^= piece.odd;
    }

    /// With the carry of the highest bit, should it ever come to that.
    #[inline]
    const fn add(&mut self, value: u64) {
        let (sum, carry) = self.sum.overflowing_add(value);
        self.sum = sum.wrapping_add(carry as u64);
    }

    /// Adds a 16-bit field, independent of the pieces: it does not change where the next piece
    /// continues.
    #[inline]
    pub const fn add_u16(&mut self, value: u16) {
        self.add(value.to_be() as u64);
    }

    /// Adds a 32-bit field, independent of the pieces.
    #[inline]
    pub const fn add_u32(&mut self, value: u32) {
        self.add(value.to_be() as u64);
    }

    /// The sum, not complemented: 0xffff over bytes that hold their own right checksum.
    #[inline]
    pub const fn fold(self) -> u16 {
        u16::from_be(fold_native(self.sum))
    }

    /// The complemented sum: what a checksum field holds.
    #[inline]
    pub const fn finish(self) -> u16 {
        !self.fold()
    }

    /// Whether bytes that hold their checksum are intact.
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }
}

/// The checksum field for `bytes` (whose own field is zero).
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = Sum::new();
    sum.add_bytes(bytes);
    sum.finish()
}

/// Copies `source` to the front of `destination` and sums it on the way. What does not fit is
/// neither copied nor summed.
pub fn copy_and_sum(destination: &mut [u8], source: &[u8]) -> Sum {
    // A block is summed while the first-level cache still holds it.
    const BLOCK: usize = 4096;
    let mut sum = Sum::new();
    for (to, from) in destination.chunks_mut(BLOCK).zip(source.chunks(BLOCK)) {
        let count = to.len().min(from.len());
        if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
            to.copy_from_slice(from);
            sum.add_bytes(from);
        }
    }
    sum
}

/// The sum of the pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 §3.1, RFC 768, RFC 8200 §8.1);
/// `length` is that of the transport header and data, in bytes.
pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: u32) -> Sum {
    let mut sum = Sum::new();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => sum.add_u32(address.to_bits()),
            IpAddr::V6(address) => sum.add_bytes(&address.octets()),
        }
    }
    sum.add_u32(length);
    sum.add_u16(u16::from(protocol));
    sum
}

/// The checksum field after one 16-bit word that it covers changed from `old` to `new`.
// RFC 1624 §3 (eqn. 3): HC' = ~(~HC + ~m + m')
pub const fn update(field: u16, old: u16, new: u16) -> u16 {
    let mut sum = Sum::new();
    sum.add_u16(!field);
    sum.add_u16(!old);
    sum.add_u16(new);
    sum.finish()
}

#[cfg(test)]
mod tests;
