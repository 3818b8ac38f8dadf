//! Queues against a byte model.

use super::{ReceiveQueue, SendQueue, Spare};
use alloc::vec::Vec;
use danja_wire::Payload;
use proptest::prelude::*;

fn bytes(slices: &[Payload]) -> Vec<u8> {
    slices.iter().flat_map(|slice| slice.as_slice().to_vec()).collect()
}

/// The stream's content at an offset.
fn content(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

fn piece(start: usize, length: usize) -> Payload {
    Payload::from((start..start + length).map(content).collect::<Vec<u8>>())
}

#[test]
fn one_byte_pieces_are_gathered() {
    let mut queue = ReceiveQueue::new();
    for at in 0..100_000 {
        queue.insert(0, Payload::from_bytes(piece(at, 1).into_bytes(), 2_048), 16, 0);
    }
    assert_eq!(queue.len(), 100_000);
    assert!(queue.cost() < 250_000, "cost {}", queue.cost());
}

#[test]
fn an_emptied_queue_holds_nothing() {
    let mut queue = SendQueue::default();
    queue.push(piece(0, 5_000), true);
    queue.push(piece(5_000, 10), true);
    assert!(queue.slices(0, 5_010, |_| {}));
    queue.advance(5_010);
    assert_eq!((queue.len(), queue.cost()), (0, 0));
}

#[test]
fn handing_out_changes_no_cost() {
    let mut queue = SendQueue::default();
    (0..50).for_each(|at| queue.push(piece(at * 100, 100), true));
    let before = queue.cost();
    queue.slices(0, 5_000, |_| {});
    assert_eq!(queue.cost(), before);
}

#[test]
fn full_segments_are_not_copied() {
    let mut queue = ReceiveQueue::new();
    let (first, second) = (piece(0, 1_448), piece(1_448, 1_448));
    let place = second.as_slice().as_ptr();
    queue.insert(0, first, 16, 0);
    queue.insert(0, second, 16, 0);
    let mut read = Vec::new();
    queue.read(usize::MAX, &mut read);
    assert!(read.len() == 2 && read[1].as_slice().as_ptr() == place);
}

/// Slices of 1,000 bytes of one buffer, in order.
fn slices(count: usize) -> impl Iterator<Item = Payload> {
    let block = piece(0, count * 1_000);
    (0..count).map(move |at| block.slice(at * 1_000, (at + 1) * 1_000))
}

#[test]
fn a_buffer_that_comes_in_slices_stays_and_costs_once() {
    let mut queue = ReceiveQueue::new();
    let mut block = None;
    for slice in slices(60) {
        block.get_or_insert(slice.as_slice().as_ptr());
        queue.insert(0, slice, 16, 60_000);
    }
    assert!(queue.cost() < 66_000, "cost {}", queue.cost());
    let mut read = Vec::new();
    assert_eq!(queue.read(59_500, &mut read), 59_500);
    assert_eq!(Some(read[0].as_slice().as_ptr()), block);
    // What is left of it pins all of it.
    assert!(queue.cost() >= 60_000, "cost {}", queue.cost());
    assert_eq!(queue.read(500, &mut read), 500);
    assert_eq!((queue.cost(), bytes(&read)), (0, (0..60_000).map(content).collect()));
}

#[test]
fn what_pins_more_than_the_queue_may_cost_is_copied() {
    let mut queue = ReceiveQueue::new();
    for _ in 0..30 {
        for slice in slices(60).take(1) {
            queue.insert(0, slice, 16, 100_000);
        }
    }
    assert_eq!(queue.len(), 30_000);
    assert!(queue.cost() < 100_000, "cost {}", queue.cost());
}

#[test]
fn a_block_to_spare_is_as_if_new() {
    let mut spare = Spare::new();
    let mut queue = ReceiveQueue::new();
    for round in 0..3 {
        queue.prepare(&mut spare);
        (0..40).for_each(|at| {
            queue.insert(0, piece(at * 1_000, 1_000), 16, 0);
        });
        let mut read = Vec::new();
        assert_eq!(queue.read(usize::MAX, &mut read), 40_000, "round {round}");
        assert_eq!(bytes(&read), (0..40_000).map(content).collect::<Vec<u8>>());
        queue.settle(&mut spare);
        assert_eq!((queue.len(), queue.cost()), (0, 0));
    }
}

#[test]
fn a_write_ends_where_it_was_sent() {
    let mut queue = SendQueue::default();
    queue.push(piece(0, 10), true);
    assert!(queue.slices(0, 10, |_| {}));
    queue.push(piece(10, 10), false);
    assert!(!queue.slices(10, 10, |_| {}));
    assert!(!queue.slices(0, 9, |_| {}));
    queue.push(piece(20, 10), true);
    assert!(queue.slices(10, 20, |_| {}));
}

#[test]
fn the_latest_range_is_first_and_limits_hold() {
    let mut queue = ReceiveQueue::new();
    for at in [10, 30, 50, 70, 90] {
        assert!(queue.insert(at, piece(at as usize, 5), 5, 0).out_of_order);
    }
    let ranges: Vec<_> = queue.ranges().collect();
    assert_eq!(ranges, [(90, 95), (70, 75), (50, 55), (30, 35)]);
    assert!(queue.insert(200, piece(200, 5), 5, 0).refused);
    assert_eq!(queue.insert(32, piece(32, 3), 5, 0).duplicate, Some((32, 35)));
    assert_eq!(queue.insert(0, piece(0, 12), 5, 0).advanced, 15);
    assert_eq!(queue.ranges().collect::<Vec<_>>(), [(15, 20), (75, 80), (55, 60), (35, 40)]);
}

proptest! {
    #[test]
    fn a_send_queue_gives_back_what_it_took(
        steps in prop::collection::vec((0usize..5_000, 0usize..6_000, any::<bool>()), 1..60)
    ) {
        let (mut queue, mut start, mut end) = (SendQueue::default(), 0, 0);
        for (add, remove, look) in steps {
            queue.push(piece(end, add), true);
            end += add;
            if look {
                let mut all = Vec::new();
                queue.slices(add / 2, 3_000, |slice| all.push(slice));
                let from = (start + add / 2).min(end);
                let expected: Vec<u8> = (from..(from + 3_000).min(end)).map(content).collect();
                prop_assert_eq!(bytes(&all), expected);
            }
            queue.advance(remove);
            start = (start + remove).min(end);
            prop_assert_eq!(queue.len(), end - start);
        }
    }

    #[test]
    fn a_receive_queue_puts_any_order_together(
        pieces in prop::collection::vec((0usize..3_000, 1usize..800), 1..80), reads in any::<u64>()
    ) {
        let mut queue = ReceiveQueue::new();
        let mut seen = [false; 4_000];
        let (mut next, mut read) = (0, Vec::new());
        for (index, (start, length)) in pieces.into_iter().enumerate() {
            let from = start.max(next);
            if from >= start + length {
                continue;
            }
            let done = queue.insert((from - next) as u32, piece(from, start + length - from), usize::MAX, 0);
            let fresh = seen[from..start + length].iter().position(|have| *have);
            prop_assert_eq!(done.duplicate.map(|(at, _)| at as usize + next), fresh.map(|at| at + from));
            seen[from..start + length].fill(true);
            let now = seen.iter().position(|have| !have).unwrap_or(seen.len());
            prop_assert_eq!(done.advanced as usize, now - next);
            next = now;
            let beyond = seen[next..].iter().filter(|have| **have).count();
            prop_assert_eq!(queue.out_of_order_bytes(), beyond);
            if reads >> (index % 64) & 1 == 1 {
                queue.read(500, &mut read);
            }
        }
        queue.read(usize::MAX, &mut read);
        prop_assert_eq!(bytes(&read), (0..next).map(content).collect::<Vec<u8>>());
    }
}
