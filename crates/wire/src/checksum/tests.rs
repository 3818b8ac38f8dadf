use super::*;
use crate::strategies;
use core::net::{Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// RFC 1071 word by word, with nothing clever.
fn model(bytes: &[u8]) -> u16 {
    let mut sum = 0u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn sum_of(bytes: &[u8]) -> Sum {
    let mut sum = Sum::new();
    sum.add_bytes(bytes);
    sum
}

#[test]
fn example_of_rfc_1071() {
    let sum = sum_of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
    assert_eq!(sum.fold(), 0xddf2);
    assert_eq!(sum.finish(), 0x220d);
}

#[test]
fn every_length_and_every_alignment() {
    let bytes: Vec<u8> = (0..400u32).map(|i| (i * 167 + 13) as u8).collect();
    for start in 0..9 {
        for end in start..bytes.len() {
            let part = &bytes[start..end];
            assert_eq!(sum_of(part).fold(), model(part), "{start}..{end}");
        }
    }
}

#[test]
fn no_carry_is_lost() {
    for length in [0, 1, 2, 63, 64, 65, 65_535, 65_536, 1 << 20] {
        let ones = vec![0xff; length];
        assert_eq!(sum_of(&ones).fold(), model(&ones), "{length}");
    }
}

#[test]
fn zero_sums_to_zero_and_all_ones_to_all_ones() {
    assert_eq!(sum_of(&[0; 20]).fold(), 0);
    assert_eq!(sum_of(&[0xff; 20]).fold(), 0xffff);
    assert!(!sum_of(&[]).is_valid());
}

#[test]
fn update_never_makes_minus_zero_of_a_right_field() {
    // RFC 1624 §4: the example where the equation of RFC 1141 gives 0xffff instead of 0x0000.
    assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

#[test]
fn pseudo_headers_are_those_of_the_rfcs() {
    let (a, b) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 255));
    let mut bytes = Vec::new();
    bytes.extend(a.octets());
    bytes.extend(b.octets());
    bytes.extend([0, 6, 0x12, 0x34]);
    assert_eq!(pseudo_header(a.into(), b.into(), 6, 0x1234).fold(), model(&bytes));

    let (a, b): (Ipv6Addr, Ipv6Addr) =
        ("2001:db8::1".parse().unwrap(), "fd00::15".parse().unwrap());
    let mut bytes = Vec::new();
    bytes.extend(a.octets());
    bytes.extend(b.octets());
    bytes.extend([0, 1, 0x12, 0x34, 0, 0, 0, 58]);
    assert_eq!(pseudo_header(a.into(), b.into(), 58, 0x1_1234).fold(), model(&bytes));
}

proptest! {
    #[test]
    fn pieces_of_any_length_sum_as_the_whole(bytes in strategies::bytes(3000), cuts in proptest::collection::vec(any::<usize>(), 0..8)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let (mut by_bytes, mut by_sums, mut start) = (Sum::new(), Sum::new(), 0);
        for end in cuts {
            by_bytes.add_bytes(&bytes[start..end]);
            by_sums.add_sum(sum_of(&bytes[start..end]));
            start = end;
        }
        prop_assert_eq!(by_bytes.fold(), model(&bytes));
        prop_assert_eq!(by_sums.fold(), model(&bytes));
    }

    #[test]
    fn fields_may_come_between_odd_pieces(bytes in strategies::bytes(99), cut in any::<usize>(), small: u16, large: u32) {
        let (front, back) = bytes.split_at(cut % (bytes.len() + 1));
        let mut sum = sum_of(front);
        sum.add_u16(small);
        sum.add_u32(large);
        sum.add_bytes(back);
        let mut all = Vec::new();
        all.extend(small.to_be_bytes());
        all.extend(large.to_be_bytes());
        all.extend(&bytes);
        prop_assert_eq!(sum.fold(), model(&all));
    }

    #[test]
    fn a_copy_is_a_copy_and_a_sum(source in strategies::bytes(9000), room in 0usize..9000) {
        let mut destination = vec![0xaa; room];
        let sum = copy_and_sum(&mut destination, &source);
        let count = room.min(source.len());
        prop_assert_eq!(&destination[..count], &source[..count]);
        prop_assert!(destination[count..].iter().all(|byte| *byte == 0xaa));
        prop_assert_eq!(sum.fold(), model(&source[..count]));
    }

    #[test]
    fn an_update_equals_a_new_sum(mut bytes in proptest::collection::vec(any::<u8>(), 20..21), at in 0usize..9, new: u16) {
        bytes[10..12].fill(0);
        let field = checksum(&bytes);
        // Any word but the field itself.
        let at = if at < 5 { at * 2 } else { at * 2 + 2 };
        let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
        let updated = update(field, old, new);
        // Equal modulo 0xffff; RFC 1624 §3 chooses the representation only where the rest is not all zero.
        bytes[10..12].copy_from_slice(&updated.to_be_bytes());
        if bytes.iter().any(|byte| *byte != 0) {
            prop_assert!(sum_of(&bytes).is_valid());
        }
    }
}
