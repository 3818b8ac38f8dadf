//! Cables between processes: frames with their metadata, hosts that hang up, hosts that are slow.

mod common;

use common::frames::Flow;
use danja_lan::cable::Switch;
use danja_lan::uplink::{Station, Uplink};
use danja_lan::{Adapter, MacAddress, Room};
use danja_wire::{Frame, Instant, Payload};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::sync::mpsc;
use std::time::{Duration, Instant as Clock};

const NOW: Instant = Instant::ZERO;
const PATIENCE: Duration = Duration::from_secs(10);

fn mac(last: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, last])
}

/// A host on the switch; the receiver hears of its end.
fn plug(switch: &Switch, last: u8) -> (Uplink, Station, mpsc::Receiver<()>) {
    let flags = SocketFlags::CLOEXEC;
    let (near, far) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let (sender, ended) = mpsc::channel();
    let station =
        Station::start(switch, far, mac(last), 1500, move || sender.send(()).unwrap_or(()))
            .unwrap();
    (Uplink::new(near, mac(last), 1500).unwrap(), station, ended)
}

fn next(adapter: &mut impl Adapter) -> Frame {
    let until = Clock::now() + PATIENCE;
    let mut frames = Vec::new();
    while Clock::now() < until {
        if adapter.receive(NOW, &mut frames, 1).unwrap() == 1 {
            return frames.remove(0);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no frame came");
}

#[test]
fn large_segments_pass_whole_and_with_what_is_left_to_do() {
    let switch = Switch::new();
    let (mut first, one, _) = plug(&switch, 1);
    let (mut second, two, _) = plug(&switch, 2);
    assert_eq!(first.capabilities().max_segmented, 65_535);
    let data: Vec<u8> = (0..60_000u32).map(|n| (n % 251) as u8).collect();
    let sent = Flow::between(1, 2).data(1, Payload::from(data), 1460);
    first.transmit(NOW, &mut vec![sent.clone()]).unwrap();
    let got = next(&mut second);
    assert_eq!(got.offload, sent.offload);
    assert!(got.to_vec() == sent.to_vec());
    second.transmit(NOW, &mut vec![Flow::between(2, 1).udp(b"back")]).unwrap();
    assert!(next(&mut first).to_vec().ends_with(b"back"));
    let until = Clock::now() + PATIENCE;
    while (one.counters().received_frames, two.counters().transmitted_frames) != (1, 1) {
        assert!(Clock::now() < until, "{one:?} {two:?}");
    }
}

#[test]
fn who_hangs_up_leaves_its_port_and_whose_lan_ends_learns_of_it() {
    let switch = Switch::new();
    let (first, _one, ended) = plug(&switch, 1);
    let (mut second, two, _) = plug(&switch, 2);
    assert_eq!(switch.ports(), 2);
    drop(first);
    ended.recv_timeout(PATIENCE).unwrap();
    assert_eq!(switch.ports(), 1);
    drop(two);
    assert_eq!(switch.ports(), 0);
    assert!(second.receive(NOW, &mut Vec::new(), 1).is_err());
}

#[test]
fn a_slow_host_loses_its_frames_and_blocks_nobody() {
    let switch = Switch::new();
    let (mut first, _one, _) = plug(&switch, 1);
    let (_slow, held_up, _) = plug(&switch, 2);
    let (mut third, _three, _) = plug(&switch, 3);
    let flood = Flow::between(1, 2).data(1, Payload::from(vec![7; 60_000]), 1460);
    let until = Clock::now() + PATIENCE;
    while held_up.counters().received_dropped == 0 {
        assert!(Clock::now() < until, "nothing is dropped: {held_up:?}");
        if first.room(NOW) == Room::UNLIMITED {
            first.transmit(NOW, &mut vec![flood.clone()]).unwrap();
        }
    }
    // The others are not held up: what the sender's end still holds goes, whoever is slow.
    first.transmit(NOW, &mut vec![Flow::between(1, 3).udp(b"quick")]).unwrap();
    while first.room(NOW) != Room::UNLIMITED {
        assert!(Clock::now() < until, "the sender is blocked");
    }
    assert!(next(&mut third).to_vec().ends_with(b"quick"));
}

#[test]
fn what_is_no_frame_is_counted() {
    let flags = SocketFlags::CLOEXEC;
    let (near, far) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let mut uplink = Uplink::new(near, mac(1), 1500).unwrap();
    for lie in [&b"short"[..], &[0; 20], &[1, 1, 0, 0, 0, 0, 255, 255, 255, 255].repeat(8)] {
        rustix::io::write(&far, lie).unwrap();
    }
    assert_eq!(uplink.receive(NOW, &mut Vec::new(), 8).unwrap(), 0);
    assert_eq!(uplink.counters().received_dropped, 3);
}
