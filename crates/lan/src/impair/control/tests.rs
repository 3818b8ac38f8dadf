//! A link that is changed while frames pass.

use super::*;
use crate::adapter::{Adapter, Readiness, Room};
use crate::cable::pair;
use crate::impair::Impaired;
use crate::test_frames::Flow;
use core::time::Duration;
use danja_wire::{Frame, Instant, Payload};
use std::sync::atomic::AtomicUsize;
use std::task::Wake;

const ZERO: Instant = Instant::ZERO;

fn receive(adapter: &mut impl Adapter, now: Instant) -> Vec<Frame> {
    let mut frames = Vec::new();
    while adapter.receive(now, &mut frames, 16).unwrap() == 16 {}
    frames
}

fn large() -> Frame {
    Flow::between(1, 2).ip().data(5, Payload::from(vec![7; 20_000]), 1460)
}

fn small() -> Frame {
    Flow::between(1, 2).ip().udp(b"x")
}

#[test]
fn an_unimpaired_link_passes_large_frames_and_cuts_them_once_it_is_impaired() {
    let control = LinkControl::new(LinkState::default());
    let (near, mut far) = pair();
    let offered = near.capabilities();
    let mut near = Impaired::controlled(near, &control, 1);
    assert_eq!(near.capabilities(), offered);
    assert_ne!(near.room(ZERO), Room::UNLIMITED);
    near.transmit(ZERO, &mut vec![large()]).unwrap();
    far.transmit(ZERO, &mut vec![large()]).unwrap();
    assert_eq!((receive(&mut far, ZERO).len(), receive(&mut near, ZERO).len()), (1, 1));

    control.change(|link| {
        link.transmit.impairment.delay = Duration::from_millis(10);
        link.receive.impairment = link.receive.impairment.with_loss(1.0);
    });
    assert_eq!(near.room(ZERO), Room::UNLIMITED);
    near.transmit(ZERO, &mut vec![large()]).unwrap();
    far.transmit(ZERO, &mut vec![large()]).unwrap();
    assert!(receive(&mut far, ZERO).is_empty() && receive(&mut near, ZERO).is_empty());
    assert_eq!(near.poll_timeout(), Some(Instant::from_millis(10)));

    // Plain again: what is under way keeps its time, and nothing overtakes it.
    control.change(|link| *link = LinkState::default());
    near.transmit(ZERO, &mut vec![small()]).unwrap();
    assert!(receive(&mut far, ZERO).is_empty());
    let later = Instant::from_millis(10);
    assert!(receive(&mut near, later).is_empty());
    let got = receive(&mut far, later);
    assert_eq!(got.len(), 15);
    assert_eq!(got.last().map(Frame::len), Some(small().len()));
    let (sent, received) = control.counters();
    assert_eq!((sent.offered, sent.delivered, received.lost), (15, 15, 14));
}

#[test]
fn a_pulled_cable_loses_everything_and_the_waker_is_called() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let slow =
        Way { impairment: Impairment::default().with_delay(Duration::from_millis(5)), trace: None };
    let control = LinkControl::new(LinkState { transmit: slow, ..LinkState::default() });
    let (near, mut far) = pair();
    let mut near = Impaired::controlled(near, &control, 1);
    assert!(!near.capabilities().checksum, "it began impaired");
    let woken = Arc::new(Count(AtomicUsize::new(0)));
    near.set_waker(Waker::from(Arc::clone(&woken)));
    assert!(matches!(near.readiness(), Readiness::Waker) && near.link());

    near.transmit(ZERO, &mut vec![small()]).unwrap();
    let state = control.change(|link| link.connected = false);
    assert!(!state.connected && woken.0.load(Ordering::SeqCst) == 1);
    assert!(!near.link(), "the host learns it");
    near.transmit(ZERO, &mut vec![small()]).unwrap();
    far.transmit(ZERO, &mut vec![small()]).unwrap();
    let later = Instant::from_millis(50);
    assert!(receive(&mut near, later).is_empty() && receive(&mut far, later).is_empty());
    let (sent, received) = control.counters();
    assert_eq!((sent.lost, received.lost), (2, 1));

    control.change(|link| link.connected = true);
    assert!(near.link());
    near.transmit(later, &mut vec![small()]).unwrap();
    near.room(Instant::from_millis(55));
    assert_eq!(receive(&mut far, Instant::from_millis(55)).len(), 1);
}

#[test]
fn a_trace_counts_packets_and_not_their_link_headers() {
    let trace = Arc::new("1\n2\n3\n".parse::<Trace>().unwrap());
    let way = Way { impairment: Impairment::default(), trace: Some(trace) };
    let control = LinkControl::new(LinkState { transmit: way, ..LinkState::default() });
    let lan = crate::cable::Switch::new();
    let mut far = lan.port(crate::MacAddress([2, 0, 0, 0, 0, 1]));
    let near = lan.port(crate::MacAddress([2, 0, 0, 0, 0, 2]));
    let mut near = Impaired::controlled(near, &control, 1);
    let full = Flow::between(2, 1).udp(&[0; 1472]);
    assert_eq!(full.len(), 1514);
    near.transmit(ZERO, &mut vec![full.clone(), full.clone(), full]).unwrap();
    let at = |millis| Instant::from_millis(millis);
    for moment in 1..=3 {
        near.room(at(moment));
        assert_eq!(receive(&mut far, at(moment)).len(), 1, "{moment}");
    }
}
