//! What impaired links do to a bulk transfer: they lose frames as a wire carries them, and no
//! flipped bit ever reaches an application.

use danja_sim::world::{HostConfig, HostId, Impairment, World};
use danja_stack::socket::{Domain, RecvError, SendError, SendFlags, SocketKind};
use danja_stack::{Payload, SocketId};
use std::net::SocketAddr;
use std::time::Duration;

const MTU: usize = 1500;

fn byte(at: usize) -> u8 {
    ((at * 31) >> 3) as u8 ^ (at >> 11) as u8
}

/// Sends `length` bytes from the first host to the second; every byte must arrive as it was sent.
fn transfer(world: &mut World, length: usize) {
    let (client, server) = (HostId(0), HostId(1));
    let to = SocketAddr::from((world.address(server), 80));
    let listener = world.call(server, |stack, now| {
        let socket = stack.socket(Domain::Ipv4, SocketKind::Stream, now).unwrap();
        stack.bind(socket, to, now).unwrap();
        stack.listen(socket, 5, now).unwrap();
        socket
    });
    let sender = world.call(client, |stack, now| {
        let socket = stack.socket(Domain::Ipv4, SocketKind::Stream, now).unwrap();
        stack.connect(socket, to, now).unwrap_err();
        socket
    });
    let (mut sent, mut received) = (0, 0);
    let mut receiver: Option<SocketId> = None;
    let limit = world.now() + Duration::from_secs(3_600);
    while received < length {
        let happened = world.step(limit).unwrap();
        assert!(happened.is_some(), "{sent} bytes sent, {received} received, and nothing happens");
        world.call(client, |stack, now| {
            while sent < length {
                let end = length.min(sent + 65_536);
                let data: Vec<u8> = (sent..end).map(byte).collect();
                match stack.send(sender, &Payload::from(data), SendFlags::default(), now) {
                    Ok(taken) => sent += taken,
                    Err(SendError::WouldBlock) => return,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        world.call(server, |stack, now| {
            receiver = receiver.or_else(|| stack.accept(listener, now).ok().map(|it| it.0));
            let Some(socket) = receiver else { return };
            let mut slices = Vec::new();
            match stack.recv(socket, 1 << 20, Default::default(), &mut slices, now) {
                Ok(_) | Err(RecvError::WouldBlock) => {}
                Err(error) => panic!("{error}"),
            }
            for got in slices.iter().flat_map(Payload::as_slice) {
                assert_eq!(*got, byte(received), "byte {received}");
                received += 1;
            }
        });
    }
}

#[test]
fn one_percent_loss_drops_one_percent_of_frames_that_fill_the_mtu() {
    let mut world = World::new(11);
    let mut sender = HostConfig::new("sender").mtu(MTU).offload(true);
    sender.up = Impairment::default().with_delay(Duration::from_millis(2)).with_loss(0.01);
    world.host(sender);
    world.host(HostConfig::new("receiver").mtu(MTU).offload(true));
    transfer(&mut world, 24 << 20);

    // The stack hands out large segments; what the link sees was cut.
    let counters = world.counters(HostId(0));
    assert!(counters.largest_handed_out > 10 * MTU, "{counters:?}");
    assert_eq!((counters.oversized, counters.contradictory), (0, 0));
    let (up, _) = world.link_counters(HostId(0));
    let (offered, lost) = (up.impaired.offered as f64, up.impaired.lost as f64);
    assert!(offered > 15_000.0, "{up:?}");
    // 99 of 100 times a binomial number is within 2.58 standard deviations of its mean.
    let deviation = (offered * 0.01 * 0.99).sqrt();
    assert!((lost - offered * 0.01).abs() < 2.58 * deviation, "{lost} of {offered}");
    // Nearly all of these frames fill the MTU.
    let full = (24 << 20) as f64 / (MTU - 52) as f64;
    assert!(full / offered > 0.9, "{full} of {offered}");
}

#[test]
fn corruption_never_changes_a_delivered_byte() {
    for seed in 0..4 {
        let mut world = World::new(seed);
        let delay = Impairment::default().with_delay(Duration::from_millis(1));
        for name in ["sender", "receiver"] {
            let mut host = HostConfig::new(name).mtu(MTU).offload(seed % 2 == 0);
            // One flipped bit a trip: a second one might hide the first from a checksum.
            (host.up, host.down) = (delay.with_corrupt(0.03), delay);
            world.host(host);
        }
        transfer(&mut world, 2 << 20);
        let corrupted: u64 =
            world.hosts().map(|host| world.link_counters(host).0.impaired.corrupted).sum();
        assert!(corrupted > 30, "{corrupted}");
    }
}
