//! The wrapper: what meets the impairment is what a wire would carry.

use super::*;
use crate::cable::{Switch, pair};
use crate::test_frames::{Flow, Packet};
use core::time::Duration;
use danja_wire::{ChecksumState, Payload};

const ZERO: Instant = Instant::ZERO;

fn receive(adapter: &mut impl Adapter, now: Instant) -> Vec<Frame> {
    let mut frames = Vec::new();
    while adapter.receive(now, &mut frames, 16).unwrap() == 16 {}
    frames
}

fn none() -> Impairment {
    Impairment::default()
}

/// A cable whose first end is impaired like this in both directions.
fn impaired(
    transmit: Impairment,
    receive: Impairment,
) -> (Impaired<crate::cable::End>, crate::cable::End) {
    let (near, far) = pair();
    (Impaired::new(near, transmit, receive, 1), far)
}

#[test]
fn it_offers_no_offload() {
    let (near, _far) = impaired(none(), none());
    let capabilities = near.capabilities();
    assert_eq!(
        (capabilities.checksum, capabilities.max_segmented, capabilities.mtu),
        (false, 0, 1500)
    );
}

#[test]
fn large_frames_are_cut_and_summed_in_both_directions() {
    let flow = Flow::between(1, 2).ip();
    let data: Vec<u8> = (0..20_000u32).map(|n| (n % 251) as u8).collect();
    for inward in [false, true] {
        let (mut near, mut far) = impaired(none(), none());
        let mut frames = vec![flow.data(5, Payload::from(data.clone()), 1460)];
        let got = if inward {
            far.transmit(ZERO, &mut frames).unwrap();
            receive(&mut near, ZERO)
        } else {
            near.transmit(ZERO, &mut frames).unwrap();
            receive(&mut far, ZERO)
        };
        assert_eq!(got.len(), 14);
        let mut joined = Vec::new();
        for frame in &got {
            assert!(frame.len() <= 1500 && frame.offload == danja_wire::Offload::default());
            let packet = Packet::parse(&frame.to_vec(), 0).expect("right checksums");
            assert_eq!(packet.tcp().0.sequence.0, 5 + joined.len() as u32);
            joined.extend_from_slice(packet.tcp().1);
        }
        assert_eq!(joined, data);
    }
}

#[test]
fn corruption_is_always_caught() {
    let (mut near, mut far) = impaired(none().with_corrupt(1.0), none());
    let flow = Flow::between(1, 2).ip();
    let mut count = 0;
    for round in 0..20 {
        let mut frames = vec![flow.data(round, Payload::from(vec![round as u8; 30_000]), 1460)];
        near.transmit(ZERO, &mut frames).unwrap();
        for frame in receive(&mut far, ZERO) {
            assert_eq!(frame.offload.checksum, ChecksumState::Complete);
            assert!(Packet::parse(&frame.to_vec(), 0).is_none(), "one bit of IP or TCP is wrong");
            count += 1;
        }
    }
    assert_eq!(count, near.transmit_counters().corrupted);
    assert_eq!(count, 20 * 21);
}

#[test]
fn loss_counts_packets_as_large_as_the_mtu() {
    let (mut near, mut far) = impaired(none().with_loss(0.01), none());
    let flow = Flow::between(1, 2).ip();
    let mut got = 0;
    for round in 0..500 {
        near.transmit(ZERO, &mut vec![flow.data(round, Payload::from(vec![0; 29_200]), 1460)])
            .unwrap();
        got += receive(&mut far, ZERO).len() as u64;
    }
    let counters = near.transmit_counters();
    assert_eq!((counters.offered, counters.lost + got), (10_000, 10_000));
    assert!((50..150).contains(&counters.lost), "{counters:?}");
}

#[test]
fn each_direction_has_its_own_impairment_and_time_is_told() {
    let slow = |millis| none().with_delay(Duration::from_millis(millis));
    let (mut near, mut far) = impaired(slow(20), slow(30));
    let flow = Flow::between(1, 2).ip();
    near.transmit(ZERO, &mut vec![flow.udp(b"out")]).unwrap();
    far.transmit(ZERO, &mut vec![flow.udp(b"in")]).unwrap();
    assert!(receive(&mut near, ZERO).is_empty() && receive(&mut far, ZERO).is_empty());
    assert_eq!(near.poll_timeout(), Some(Instant::from_millis(20)));
    assert!(receive(&mut near, Instant::from_millis(20)).is_empty());
    assert_eq!(receive(&mut far, Instant::from_millis(20)).len(), 1);
    assert_eq!(near.poll_timeout(), Some(Instant::from_millis(30)));
    assert_eq!(receive(&mut near, Instant::from_millis(30)).len(), 1);
    assert_eq!(near.poll_timeout(), None);
    // Both directions lose, but not the same frames.
    let half = none().with_loss(0.5);
    let (mut near, mut far) = impaired(half, half);
    let mut outcome = [Vec::new(), Vec::new()];
    for _ in 0..64 {
        near.transmit(ZERO, &mut vec![flow.udp(b"x")]).unwrap();
        far.transmit(ZERO, &mut vec![flow.udp(b"x")]).unwrap();
        outcome[0].push(receive(&mut far, ZERO).len());
        outcome[1].push(receive(&mut near, ZERO).len());
    }
    assert_ne!(outcome[0], outcome[1]);
}

#[test]
fn it_waits_for_room_inside_without_spinning() {
    let (mut near, mut far) = impaired(none(), none());
    let flow = Flow::between(1, 2).ip();
    let mut frames: Vec<Frame> = (0..1500).map(|_| flow.udp(b"many")).collect();
    near.transmit(ZERO, &mut frames).unwrap();
    assert_eq!(near.inner().counters().transmitted_frames, 1024, "what the cable holds");
    assert_eq!(near.poll_timeout(), None, "the waker will tell");
    assert!(near.is_blocked());
    assert_eq!(receive(&mut far, ZERO).len(), 1024);
    assert_eq!(near.room(ZERO), Room::UNLIMITED);
    assert_eq!(receive(&mut far, ZERO).len(), 1500 - 1024);
    assert!(!near.is_blocked());
}

#[test]
fn nothing_inside_is_forgotten_when_more_comes_than_one_call_takes() {
    let switch = Switch::new();
    let mut far = switch.port(crate::MacAddress([2, 0, 0, 0, 0, 1]));
    let near = switch.port(crate::MacAddress([2, 0, 0, 0, 0, 2]));
    let mut near = Impaired::new(near, none(), none(), 3);
    let flow = Flow::between(1, 2);
    let mut frames: Vec<Frame> = (0..3000).map(|_| flow.udp(b"x")).collect();
    far.transmit(ZERO, &mut frames).unwrap();
    let mut got = Vec::new();
    assert_eq!(near.receive(ZERO, &mut got, 10).unwrap(), 10);
    while near.poll_timeout().is_some_and(|due| due <= ZERO) {
        near.receive(ZERO, &mut got, 100).unwrap();
    }
    assert_eq!(got.len(), 3000);
}

#[test]
fn a_frame_that_contradicts_itself_is_dropped_and_counted() {
    let (mut near, mut far) = impaired(none(), none());
    let mut liar = Flow::between(1, 2).ip().udp(b"short");
    liar.offload.checksum = ChecksumState::Partial { start: 1000, offset: 16 };
    let mut fragment = Flow::between(1, 2).ip().udp(b"not tcp");
    fragment.offload.segment_size = 1;
    near.transmit(ZERO, &mut vec![liar.clone(), fragment]).unwrap();
    far.transmit(ZERO, &mut vec![liar]).unwrap();
    assert!(receive(&mut near, ZERO).is_empty() && receive(&mut far, ZERO).is_empty());
    assert_eq!((near.counters().transmitted_dropped, near.counters().received_dropped), (2, 1));
}
