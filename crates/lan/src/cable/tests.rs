//! Learning, flooding, queues, wakers.

use super::*;
use crate::adapter::{Adapter, MacAddress, Medium, Room};
use danja_wire::{ChecksumState, Frame, Instant, Offload, Payload};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

const NOW: Instant = Instant::ZERO;

fn mac(last: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, last])
}

fn frame(destination: MacAddress, source: MacAddress, data: &'static [u8]) -> Frame {
    let mut frame = Frame::new();
    frame.push(Payload::from_static(data));
    let header = frame.prepend(14).unwrap();
    header[..6].copy_from_slice(&destination.0);
    header[6..12].copy_from_slice(&source.0);
    frame
}

fn send(port: &mut impl Adapter, frame: Frame) {
    port.transmit(NOW, &mut vec![frame]).unwrap();
}

fn drain(port: &mut impl Adapter) -> Vec<Frame> {
    let mut frames = Vec::new();
    let count = port.receive(NOW, &mut frames, usize::MAX).unwrap();
    assert_eq!(count, frames.len());
    frames
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn known_addresses_get_a_frame_alone() {
    let switch = Switch::new();
    let (mut a, mut b, mut c) = (switch.port(mac(1)), switch.port(mac(2)), switch.port(mac(3)));
    send(&mut a, frame(mac(2), mac(1), b"hello"));
    assert_eq!(drain(&mut b).len(), 1);
    assert!(drain(&mut c).is_empty());
    assert!(drain(&mut a).is_empty());
}

#[test]
fn groups_and_unknown_addresses_are_flooded_to_all_others() {
    let switch = Switch::new();
    let (mut a, mut b, mut c) = (switch.port(mac(1)), switch.port(mac(2)), switch.port(mac(3)));
    for destination in [MacAddress::BROADCAST, MacAddress([0x01, 0, 0x5e, 0, 0, 1]), mac(77)] {
        send(&mut a, frame(destination, mac(1), b"all"));
        assert_eq!(
            (drain(&mut a).len(), drain(&mut b).len(), drain(&mut c).len()),
            (0, 1, 1),
            "{destination}"
        );
    }
}

#[test]
fn stations_behind_a_port_are_learned_moved_and_forgotten() {
    let switch = Switch::new();
    let (mut a, mut b, mut c) = (switch.port(mac(1)), switch.port(mac(2)), switch.port(mac(3)));
    send(&mut b, frame(mac(1), mac(50), b"from behind b"));
    send(&mut a, frame(mac(50), mac(1), b"to 50"));
    assert_eq!((drain(&mut b).len(), drain(&mut c).len()), (1, 0));
    send(&mut c, frame(mac(1), mac(50), b"now behind c"));
    send(&mut a, frame(mac(50), mac(1), b"to 50"));
    assert_eq!((drain(&mut b).len(), drain(&mut c).len()), (0, 1));
    // A frame to a station behind the sender's own port goes nowhere.
    send(&mut c, frame(mac(50), mac(3), b"local"));
    assert_eq!((drain(&mut b).len(), drain(&mut c).len()), (0, 0));
    drop(c);
    send(&mut a, frame(mac(50), mac(1), b"flooded again"));
    assert_eq!(drain(&mut b).len(), 1);
    assert_eq!(switch.ports(), 2);
    assert_eq!(switch.addresses(), 2);
}

#[test]
fn a_port_cannot_take_anothers_own_address() {
    let switch = Switch::new();
    let (mut a, mut b, mut thief) = (switch.port(mac(1)), switch.port(mac(2)), switch.port(mac(3)));
    send(&mut thief, frame(mac(1), mac(2), b"I am 2"));
    drain(&mut a);
    send(&mut a, frame(mac(2), mac(1), b"for 2"));
    assert_eq!((drain(&mut b).len(), drain(&mut thief).len()), (1, 0));
}

#[test]
fn the_table_is_bounded_and_gives_way_only_to_who_filled_it() {
    let switch = Switch::with_config(SwitchConfig::default().with_addresses(8));
    let (mut a, mut flooder, mut late) =
        (switch.port(mac(1)), switch.port(mac(2)), switch.port(mac(3)));
    send(&mut late, frame(mac(1), mac(100), b"early"));
    for last in 0..100 {
        send(&mut flooder, frame(mac(1), MacAddress([2, 9, 9, 9, 9, last]), b"x"));
    }
    assert_eq!(switch.addresses(), 3 + 8);
    drain(&mut flooder);
    drain(&mut late);
    // What `late` had learned is still known; the flooder lost its own oldest ones.
    send(&mut a, frame(mac(100), mac(1), b"x"));
    assert_eq!((drain(&mut flooder).len(), drain(&mut late).len()), (0, 1));
    send(&mut a, frame(MacAddress([2, 9, 9, 9, 9, 99]), mac(1), b"x"));
    assert_eq!((drain(&mut flooder).len(), drain(&mut late).len()), (1, 0));
    send(&mut a, frame(MacAddress([2, 9, 9, 9, 9, 0]), mac(1), b"x"));
    assert_eq!((drain(&mut flooder).len(), drain(&mut late).len()), (1, 1));
    // Groups and zero are never learned.
    let before = switch.addresses();
    send(&mut late, frame(mac(1), MacAddress::BROADCAST, b"x"));
    send(&mut late, frame(mac(1), MacAddress::default(), b"x"));
    assert_eq!(switch.addresses(), before);
}

#[test]
fn a_slow_port_drops_and_blocks_nobody() {
    let switch = Switch::with_config(SwitchConfig::default().with_queue(3));
    let (mut a, mut slow, mut quick) =
        (switch.port(mac(1)), switch.port(mac(2)), switch.port(mac(3)));
    for _ in 0..10 {
        send(&mut a, frame(mac(2), mac(1), b"for the slow one"));
        assert_eq!(a.room(NOW), Room::UNLIMITED);
        send(&mut a, frame(mac(3), mac(1), b"for the quick one"));
        assert_eq!(drain(&mut quick).len(), 1);
    }
    assert_eq!(slow.counters().received_dropped, 7);
    assert_eq!(drain(&mut slow).len(), 3);
    assert_eq!(slow.counters().received_frames, 3);
    assert_eq!(slow.counters().received_bytes, 3 * (14 + 16));
    assert_eq!(a.counters().transmitted_frames, 20);
}

#[test]
fn frames_pass_by_reference_with_their_metadata() {
    let switch = Switch::new();
    let (mut a, mut b) = (switch.port(mac(1)), switch.port(mac(2)));
    let payload = Payload::from(vec![7; 60_000]);
    let mut large = frame(mac(2), mac(1), b"");
    large.push(payload.clone());
    large.push(payload.clone());
    large.offload =
        Offload { checksum: ChecksumState::Partial { start: 34, offset: 16 }, segment_size: 1460 };
    // 120,000 bytes are more than any IP packet: not even to be cut.
    send(&mut a, large);
    assert_eq!(a.counters().transmitted_dropped, 1);
    let mut large = frame(mac(2), mac(1), b"");
    large.push(payload.slice(0, 30_000));
    large.push(payload.slice(30_000, 60_000));
    large.offload =
        Offload { checksum: ChecksumState::Partial { start: 34, offset: 16 }, segment_size: 1460 };
    let metadata = large.offload;
    send(&mut a, large);
    let got = drain(&mut b).remove(0);
    assert_eq!(got.offload, metadata);
    assert_eq!(got.slices().len(), 2);
    assert!(std::ptr::eq(got.slices()[0].as_slice().as_ptr(), payload.as_slice().as_ptr()));
}

#[test]
fn what_no_wire_carries_is_dropped_and_counted() {
    let switch = Switch::new();
    let (mut a, mut b) = (switch.port(mac(1)), switch.port(mac(2)));
    let mut oversize = frame(mac(2), mac(1), b"");
    oversize.push(Payload::from(vec![0; 1505]));
    send(&mut a, oversize);
    send(&mut a, Frame::received(Payload::from_static(b"runt"), Offload::default()));
    send(&mut a, Frame::new());
    assert_eq!(a.counters().transmitted_dropped, 3);
    assert!(drain(&mut b).is_empty());
    // Addresses that do not lie together are found all the same.
    let whole = frame(mac(2), mac(1), b"split").to_vec();
    let mut split = Frame::new();
    split.push(Payload::copy_from_slice(&whole[..5]));
    split.push(Payload::copy_from_slice(&whole[5..]));
    send(&mut a, split);
    assert_eq!(drain(&mut b)[0].to_vec(), whole);
}

#[test]
fn a_waker_is_called_when_frames_begin_to_wait() {
    let switch = Switch::new();
    let (mut a, mut b) = (switch.port(mac(1)), switch.port(mac(2)));
    send(&mut a, frame(mac(2), mac(1), b"before the waker"));
    let count = Arc::new(Count::default());
    let woken = || count.0.load(Ordering::SeqCst);
    b.set_waker(Waker::from(Arc::clone(&count)));
    assert_eq!(woken(), 1, "frames waited already");
    send(&mut a, frame(mac(2), mac(1), b"second"));
    assert_eq!(woken(), 1, "once until drained");
    assert_eq!(drain(&mut b).len(), 2);
    a.transmit(NOW, &mut vec![frame(mac(2), mac(1), b"1"), frame(mac(2), mac(1), b"2")]).unwrap();
    assert_eq!(woken(), 2);
    let mut some = Vec::new();
    assert_eq!(b.receive(NOW, &mut some, 1).unwrap(), 1);
    assert_eq!(b.receive(NOW, &mut some, 5).unwrap(), 1);
    assert_eq!(some[0].to_vec()[14..], *b"1");
}

#[test]
fn a_pair_carries_packets_with_back_pressure() {
    let (mut a, mut b) = pair();
    assert_eq!(a.capabilities().medium, Medium::Ip);
    let packet = || Frame::received(Payload::from_static(b"\x45packet"), Offload::default());
    let count = Arc::new(Count::default());
    a.set_waker(Waker::from(Arc::clone(&count)));
    let room = a.room(NOW).frames;
    let mut all: Vec<Frame> = (0..=room).map(|_| packet()).collect();
    a.transmit(NOW, &mut all).unwrap();
    assert!(all.is_empty());
    assert_eq!((a.room(NOW).frames, a.counters().transmitted_dropped), (0, 1));
    assert_eq!(drain(&mut b).len(), room);
    assert_eq!(count.0.load(Ordering::SeqCst), 1, "room came back");
    assert_eq!(a.room(NOW).frames, room);
    send(&mut b, packet());
    assert_eq!(drain(&mut a).len(), 1);
    drop(b);
    send(&mut a, packet());
    assert_eq!(a.counters().transmitted_dropped, 2);
}

#[test]
fn many_threads_lose_nothing() {
    let switch = Switch::new();
    let mut sink = switch.port(mac(200));
    let senders: Vec<_> = (1..=4)
        .map(|last| {
            let mut port = switch.port(mac(last));
            std::thread::spawn(move || {
                for _ in 0..500 {
                    send(&mut port, frame(mac(200), mac(last), b"x"));
                }
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(drain(&mut sink).len(), 2000);
    assert_eq!(switch.ports(), 1);
}

proptest! {
    /// Against the simplest switch that is right: a map without limits.
    #[test]
    fn every_frame_goes_where_a_switch_sends_it(
        sends in proptest::collection::vec((0..4usize, 0..8u8, 0..8u8, any::<bool>()), 1..80),
    ) {
        let switch = Switch::new();
        let mut ports: Vec<_> = (0..4).map(|last| switch.port(mac(last))).collect();
        let mut known: HashMap<u8, usize> = (0..4u8).map(|last| (last, usize::from(last))).collect();
        for (from, destination, source, group) in sends {
            let to = if group { MacAddress([1, 0, 0, 0, 0, destination]) } else { mac(destination) };
            send(&mut ports[from], frame(to, mac(source), b"x"));
            if source >= 4 {
                known.insert(source, from);
            }
            let expected: Vec<usize> = match known.get(&destination).filter(|_| !group) {
                Some(port) if *port == from => vec![],
                Some(port) => vec![*port],
                None => (0..4).filter(|port| *port != from).collect(),
            };
            let got: Vec<usize> =
                (0..4).filter(|port| !drain(&mut ports[*port]).is_empty()).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
