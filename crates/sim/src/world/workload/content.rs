//! What streams and datagrams carry: bytes that their key and offset decide, so that whoever
//! receives them knows what they must be. Keeps nothing.

use crate::world::random::mix;
use danja_wire::Payload;

/// An endless sequence of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Content(u64);

impl Content {
    /// The sequence of this key; sequences of different keys have nothing in common.
    pub(super) const fn new(key: u64) -> Self {
        Self(mix(key ^ 0x5851_f42d_4c95_7f2d))
    }

    const fn word(self, number: u64) -> [u8; 8] {
        mix(self.0.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).to_le_bytes()
    }

    /// `length` bytes from `offset` on.
    pub(super) fn bytes(self, offset: u64, length: usize) -> Vec<u8> {
        let skip = (offset % 8) as usize;
        let mut bytes = Vec::with_capacity(length + 16);
        let mut number = offset / 8;
        while bytes.len() < skip + length {
            bytes.extend_from_slice(&self.word(number));
            number += 1;
        }
        bytes.drain(..skip);
        bytes.truncate(length);
        bytes
    }

    /// The same as a payload.
    pub(super) fn payload(self, offset: u64, length: usize) -> Payload {
        Payload::from(self.bytes(offset, length))
    }

    /// The first place at which the slices differ from what is there from `offset` on.
    pub(super) fn difference(self, mut offset: u64, slices: &[Payload]) -> Option<u64> {
        for slice in slices {
            let right = self.bytes(offset, slice.len());
            if let Some(at) = slice.as_slice().iter().zip(&right).position(|(a, b)| a != b) {
                return Some(offset + at as u64);
            }
            offset += slice.len() as u64;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_parts_of_the_whole_and_a_changed_byte_is_found() {
        let content = Content::new(9);
        let whole = content.bytes(0, 100);
        for offset in 0..20 {
            assert_eq!(content.bytes(offset, 50), whole[offset as usize..][..50]);
        }
        let mut parts = [content.payload(3, 10), content.payload(13, 30)];
        assert_eq!(content.difference(3, &parts), None);
        assert_eq!(content.difference(4, &parts), Some(4));
        let mut changed = parts[1].as_slice().to_vec();
        changed[7] ^= 1;
        parts[1] = Payload::from(changed);
        assert_eq!(content.difference(3, &parts), Some(20));
    }
}
