//! What a kernel that is slow does, played by the other end of a socket pair: it, too, takes and
//! gives whole frames.

use super::*;
use crate::adapter::Medium;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt};

const NOW: Instant = Instant::ZERO;

fn pair() -> (Tap, OwnedFd) {
    let (near, far) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    sockopt::set_socket_send_buffer_size(&near, 4096).unwrap();
    let capabilities =
        Capabilities { medium: Medium::Ip, mtu: 1500, checksum: false, max_segmented: 0 };
    let link = Link { name: String::new(), events: None };
    (Tap::new(near, false, capabilities, link), far)
}

fn frame(number: u16) -> Frame {
    let mut bytes = vec![0x45; 1000];
    bytes[1..3].copy_from_slice(&number.to_be_bytes());
    Frame::received(Payload::from(bytes), Offload::default())
}

fn take(far: &OwnedFd) -> Option<u16> {
    let mut bytes = [0; 2000];
    let count = rustix::io::read(far, &mut bytes).ok()?;
    assert_eq!(count, 1000);
    Some(u16::from_be_bytes([bytes[1], bytes[2]]))
}

#[test]
fn what_the_kernel_does_not_take_waits_and_goes_out_in_order() {
    let (mut tap, far) = pair();
    assert!(!tap.is_blocked());
    let mut frames: Vec<Frame> = (0..50).map(frame).collect();
    tap.transmit(NOW, &mut frames).unwrap();
    assert!(frames.is_empty() && tap.is_blocked());
    assert_eq!(tap.room(NOW), Room { frames: 0, bytes: 0 });
    let mut got = Vec::new();
    // A host that has nothing more to send only receives, when the descriptor is writable again.
    while tap.is_blocked() {
        let before = got.len();
        got.extend(std::iter::from_fn(|| take(&far)));
        assert!(got.len() > before, "what waits is sent");
        assert_eq!(tap.receive(NOW, &mut frames, 8).unwrap(), 0);
    }
    got.extend(std::iter::from_fn(|| take(&far)));
    assert!(got.into_iter().eq(0..50));
    assert_eq!((tap.counters().transmitted_frames, tap.counters().transmitted_dropped), (50, 0));
    assert_eq!(tap.room(NOW), Room::UNLIMITED);
}

#[test]
fn frames_come_in_as_they_are_as_many_as_asked_for() {
    let (mut tap, far) = pair();
    for number in 0..10 {
        rustix::io::write(&far, &frame(number).to_vec()).unwrap();
    }
    let mut frames = Vec::new();
    assert_eq!(tap.receive(NOW, &mut frames, 4).unwrap(), 4);
    assert_eq!(tap.receive(NOW, &mut frames, 64).unwrap(), 6);
    assert_eq!(tap.receive(NOW, &mut frames, 64).unwrap(), 0);
    assert!(frames.iter().map(Frame::to_vec).eq((0..10).map(|number| frame(number).to_vec())));
}
