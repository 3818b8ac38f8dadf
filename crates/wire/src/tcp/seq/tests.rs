use super::*;
use proptest::prelude::*;

const TURN: [u32; 8] = [0, 1, 2, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

#[test]
fn a_window_wraps() {
    for base in TURN {
        let start = SeqNumber(base);
        assert!(!start.in_window(start, 0));
        assert!(start.in_window(start, 1));
        assert!(!(start - 1).in_window(start, 10));
        assert!((start + 9).in_window(start, 10));
        assert!(!(start + 10).in_window(start, 10));
        assert!((start - 1).in_window(start, u32::MAX) || u32::MAX - 1 < (start - 1).since(start));
    }
}

#[test]
fn half_a_turn_away_is_before_and_after_at_once() {
    let (a, b) = (SeqNumber(0), SeqNumber(0x8000_0000));
    assert!(a.lt(b) && b.lt(a));
}

proptest! {
    #[test]
    fn comparison_is_that_of_small_distances(base: u32, distance in 1i32..) {
        let start = SeqNumber(base);
        let end = start + distance as u32;
        prop_assert!(start.lt(end) && start.le(end) && !start.gt(end) && !start.ge(end));
        prop_assert!(end.gt(start) && end.ge(start) && !end.lt(start) && !end.le(start));
        prop_assert_eq!(end - start, distance);
        prop_assert_eq!(start - end, -distance);
        prop_assert_eq!(end.since(start), distance as u32);
        prop_assert_eq!((start.max(end), start.min(end)), (end, start));
        prop_assert_eq!((end.max(start), end.min(start)), (end, start));
        prop_assert_eq!(start.after(distance as usize), end);
        prop_assert!(start.le(start) && start.ge(start) && !start.lt(start) && !start.gt(start));
    }

    #[test]
    fn sums_and_differences_are_inverse(base: u32, count: u32) {
        let mut number = SeqNumber(base);
        number += count;
        prop_assert_eq!(number - count, SeqNumber(base));
        number -= count;
        prop_assert_eq!(number, SeqNumber(base));
    }
}
