//! Steady traffic allocates nothing for a frame.

mod common;

use common::frames::Flow;
use common::{in_namespace, run, skip};
use danja_lan::cable::Switch;
use danja_lan::tap::Tap;
use danja_lan::{Adapter, MacAddress};
use danja_wire::{Frame, Instant};
use std::net::UdpSocket;

const NOW: Instant = Instant::ZERO;

#[test]
fn frames_over_the_cable() {
    let switch = Switch::new();
    let station = |last| MacAddress([2, 0, 0, 0, 0, last]);
    let (mut near, mut far) = (switch.port(station(1)), switch.port(station(2)));
    let mut frames: Vec<Frame> = (0..32).map(|_| Flow::between(1, 2).udp(b"x")).collect();
    let mut round = || {
        near.transmit(NOW, &mut frames).unwrap();
        assert_eq!(far.receive(NOW, &mut frames, 64).unwrap(), 32);
    };
    round();
    let counted = allocation_counter::measure(|| (0..100).for_each(|_| round()));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn frames_from_the_kernel() {
    let test = "frames_from_the_kernel";
    in_namespace(test, || {
        if let Err(error) = std::fs::File::options().read(true).write(true).open("/dev/net/tun") {
            skip(test, &format!("/dev/net/tun: {error}"));
            return;
        }
        run("ip tuntap add dev t0 mode tap");
        run("ip addr add 10.0.0.1/24 dev t0");
        // No frames of the kernel's own account.
        std::fs::write("/proc/sys/net/ipv6/conf/t0/disable_ipv6", "1").unwrap();
        run("ip link set t0 multicast off");
        run("ip link set t0 up");
        run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev t0");
        let mut tap = Tap::open("t0", MacAddress([2, 0, 0, 0, 0, 2])).unwrap();
        let socket = UdpSocket::bind("10.0.0.1:0").unwrap();
        let mut frames = Vec::with_capacity(64);
        let mut counted = 0;
        for round in 0..50 {
            for _ in 0..32 {
                socket.send_to(&[0; 1000], "10.0.0.2:9").unwrap();
            }
            let info = allocation_counter::measure(|| {
                assert!(tap.receive(NOW, &mut frames, 64).unwrap() >= 32);
                // The application has copied out what it wanted.
                frames.clear();
            });
            // The first rounds fill the pool.
            counted += if round < 5 { 0 } else { info.count_total };
        }
        // What is asserted: none for each frame. A burst of a stray frame more than ever before
        // may make the pool deeper by a buffer, once.
        assert!(counted <= 8, "{counted} allocations for 1,440 frames");
    });
}
