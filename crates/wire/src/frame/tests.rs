use super::*;
use crate::strategies;
use proptest::prelude::*;
use std::vec;

fn frame(header: &[u8], parts: &[Vec<u8>]) -> Frame {
    let mut frame = Frame::new();
    frame.prepend(header.len()).unwrap().copy_from_slice(header);
    parts.iter().for_each(|part| frame.push(Payload::copy_from_slice(part)));
    frame
}

#[test]
fn a_frame_is_small_to_move() {
    assert!(size_of::<Frame>() <= 64, "{} bytes", size_of::<Frame>());
}

#[test]
fn the_header_area_has_an_end() {
    let mut frame = Frame::new();
    assert!(frame.prepend(HEADER_ROOM).is_some());
    assert!(frame.prepend(1).is_none());
    assert!(frame.prepend(usize::MAX).is_none());
    assert_eq!(frame.header().len(), HEADER_ROOM);
    frame.drop_header(14);
    assert_eq!(frame.header().len(), HEADER_ROOM - 14);
    frame.drop_header(usize::MAX);
    assert!(frame.is_empty());
}

#[test]
fn headers_go_in_front_of_headers() {
    let mut frame = Frame::new();
    frame.prepend(2).unwrap().copy_from_slice(&[3, 4]);
    frame.push(Payload::copy_from_slice(&[5]));
    frame.prepend(2).unwrap().copy_from_slice(&[1, 2]);
    assert_eq!(frame.to_vec(), [1, 2, 3, 4, 5]);
    assert_eq!(frame.front(), [1, 2, 3, 4]);
    assert_eq!(frame.ensure_front(5), [1, 2, 3, 4, 5]);
    assert_eq!(frame.header().len(), 0);
}

#[test]
fn too_many_slices_are_copied_flat() {
    let mut frame = Frame::new();
    for index in 0..100u8 {
        frame.push(Payload::copy_from_slice(&[index]));
        frame.push(Payload::EMPTY);
        assert!(frame.slices().len() <= MAX_SLICES);
        assert_eq!(frame.payload_len(), usize::from(index) + 1);
    }
    assert!(frame.to_vec().into_iter().eq(0..100));
}

#[test]
fn an_empty_range_has_no_slices() {
    let frame = frame(&[1, 2, 3], &[vec![4, 5], vec![6, 7]]);
    for (start, end) in [(2, 2), (3, 3), (4, 4), (5, 4), (5, 5), (7, 7), (8, 9), (6, 1)] {
        frame.for_each_slice(start, end, |part| panic!("{start}..{end}: {part:?}"));
        assert!(frame.range(start, end).is_empty());
    }
}

proptest! {
    #[test]
    fn ranges_are_those_of_the_bytes(
        header in strategies::bytes(40),
        parts in proptest::collection::vec(strategies::bytes(30), 0..20),
        start in 0usize..700,
        length in 0usize..700,
    ) {
        let frame = frame(&header, &parts);
        let mut all = header;
        all.extend(parts.concat());
        prop_assert_eq!(frame.len(), all.len());
        prop_assert_eq!(frame.to_vec(), all.clone());
        let end = (start + length).min(all.len());
        let expected = all.get(start.min(end)..end).unwrap_or(&[]);
        let range = frame.range(start, start + length);
        prop_assert_eq!(range.as_slice(), expected);
        frame.for_each_slice(start, start + length, |part| assert!(!part.is_empty()));
        let mut room = vec![0; length];
        let copied = frame.copy_front(&mut room);
        prop_assert_eq!(copied, length.min(all.len()));
        prop_assert_eq!(&room[..copied], &all[..copied]);
        let mut whole = frame.clone();
        prop_assert!(whole.ensure_front(length).len() >= length.min(all.len()));
        prop_assert_eq!(whole.to_vec(), all);
    }
}
