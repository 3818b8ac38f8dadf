use super::*;
use danja_stack::socket::{Domain, SendFlags, SocketKind};
use danja_stack::{Payload, Ready};
use std::net::SocketAddr;
use std::time::Duration;

/// Sends `count` datagrams of `size` bytes between two hosts, and says how many came.
fn datagrams(world: &mut World, count: usize, size: usize) -> usize {
    let hosts: Vec<HostId> = world.hosts().collect();
    let to = SocketAddr::from((world.address(hosts[1]), 9));
    let receiver = world.call(hosts[1], |stack, now| {
        let socket = stack.socket(Domain::Ipv4, SocketKind::Datagram, now).unwrap();
        stack.bind(socket, to, now).unwrap();
        socket
    });
    let sender = world.call(hosts[0], |stack, now| {
        stack.socket(Domain::Ipv4, SocketKind::Datagram, now).unwrap()
    });
    let mut came = 0;
    for number in 0..count {
        world.call(hosts[0], |stack, now| {
            let flags = SendFlags { to: Some(to), ..SendFlags::default() };
            let data = Payload::from(vec![number as u8; size]);
            assert_eq!(stack.send(sender, &data, flags, now), Ok(size));
        });
        let until = world.now() + Duration::from_millis(20);
        world
            .run_until(until, |world, happening| {
                let Happening::Socket { host, socket, ready } = happening else { return };
                if host != hosts[1] || !ready.intersects(Ready::READABLE) {
                    return;
                }
                assert_eq!(socket, receiver);
                let mut slices = Vec::new();
                let received = world.call(host, |stack, now| {
                    stack.recv(socket, 65_535, Default::default(), &mut slices, now)
                });
                assert_eq!(received.unwrap().bytes, size);
                let bytes: Vec<u8> = slices.iter().flat_map(Payload::as_slice).copied().collect();
                // Perhaps an earlier one, which waited for ARP.
                assert!(bytes[0] <= number as u8 && bytes.iter().all(|byte| *byte == bytes[0]));
                came += 1;
            })
            .unwrap();
    }
    came
}

fn pair(seed: u64, link: Impairment) -> World {
    let mut world = World::new(seed);
    world.host(HostConfig::new("a").link(link));
    world.host(HostConfig::new("b"));
    world
}

#[test]
fn a_perfect_cable_delivers_everything_and_the_world_falls_idle() {
    let mut world = pair(1, Impairment::default());
    assert_eq!(datagrams(&mut world, 100, 3000), 100);
    let limit = world.now() + Duration::from_secs(3600);
    assert_eq!(world.run_until_idle(limit, |_, _| {}), Ok(true));
}

#[test]
fn a_pulled_cable_delivers_nothing_until_it_is_plugged_in() {
    let mut world = pair(2, Impairment::default());
    world.plug(HostId(0), false);
    assert_eq!(datagrams(&mut world, 5, 10), 0);
    assert!(world.link_counters(HostId(0)).0.unplugged > 0);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let digest = |seed| {
        let link = Impairment::default().with_loss(0.2).with_jitter(Duration::from_millis(1));
        let mut world = pair(seed, link);
        let came = datagrams(&mut world, 200, 100);
        assert!((100..180).contains(&came), "{came}");
        world.digest()
    };
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3), digest(4));
}

#[test]
fn a_hub_gives_every_frame_to_every_host() {
    for (segment, extra) in [(Segment::Switch, 0), (Segment::Hub, 50)] {
        let mut world = World::with(5, segment, danja_wire::Instant::ZERO);
        for name in ["a", "b", "c"] {
            world.host(HostConfig::new(name));
        }
        assert_eq!(datagrams(&mut world, 50, 100), 50);
        let overheard = world.counters(HostId(2)).received;
        assert!(overheard >= extra && overheard < extra + 10, "{segment:?}: {overheard}");
    }
}

#[test]
fn a_slow_adapter_delays_and_loses_nothing() {
    let mut world = World::new(6);
    let mut slow = HostConfig::new("a");
    slow.burst = Some(Burst { frames: 2, pause: Duration::from_millis(1) });
    world.host(slow);
    world.host(HostConfig::new("b"));
    // Seven fragments each: they take three pauses.
    assert_eq!(datagrams(&mut world, 20, 10_000), 20);
}

#[test]
fn alarms_ring_in_the_order_of_time() {
    let mut world = World::new(7);
    let start = world.now();
    for number in [3, 1, 2] {
        world.alarm(start + Duration::from_secs(number), number);
    }
    let mut rung = Vec::new();
    world
        .run_until(start + Duration::from_secs(2), |world, happening| {
            rung.push((happening, world.now()));
        })
        .unwrap();
    let at = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(rung, [(Happening::Alarm(1), at(1)), (Happening::Alarm(2), at(2))]);
    assert!(!world.is_idle());
}
