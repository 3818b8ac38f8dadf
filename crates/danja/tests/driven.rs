//! Hosts without a thread.

use danja::clock::VirtualClock;
use danja::lan::{Adapter, Capabilities, MacAddress, Medium, Readiness, Room, cable::Switch};
use danja::net::UdpSocket;
use danja::stack::{Frame, Instant};
use danja::{Driver, Host};
use std::io;
use std::net::UdpSocket as Descriptor;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn host(lan: &Switch, clock: &VirtualClock, number: u8) -> (Host, Driver) {
    let builder = Host::builder().adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])));
    let address = format!("10.0.0.{number}/24").parse().unwrap();
    builder.address(address).clock(Arc::new(clock.clone())).build_driven().unwrap()
}

/// Turns until there is nothing to do at this moment.
fn settle(drivers: &mut [&mut Driver], now: Instant) {
    for _ in 0..100 {
        let due: Vec<_> = drivers.iter_mut().map(|driver| driver.turn()).collect();
        if due.iter().flatten().all(|due| *due > now) {
            return;
        }
    }
    panic!("the hosts never settle");
}

#[test]
fn a_host_works_when_it_is_told_to() {
    let (lan, clock) = (Switch::new(), VirtualClock::new());
    let (first, mut one) = host(&lan, &clock, 1);
    let (second, mut two) = host(&lan, &clock, 2);
    settle(&mut [&mut one, &mut two], first.now());
    let here = UdpSocket::bind(&first, "10.0.0.1:9").unwrap();
    here.set_nonblocking(true).unwrap();
    let there = UdpSocket::bind(&second, "10.0.0.2:9").unwrap();
    let count = Arc::new(Count::default());
    one.set_waker(Waker::from(Arc::clone(&count)));

    there.send_to(b"word", "10.0.0.1:9").unwrap();
    assert!(count.0.load(Ordering::Relaxed) > 0, "a frame waits for the first");
    let mut buffer = [0; 8];
    assert!(here.recv_from(&mut buffer).is_err(), "nobody has turned it yet");
    for _ in 0..3 {
        settle(&mut [&mut one, &mut two], first.now());
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(here.recv_from(&mut buffer).unwrap().0, 4);

    // The plug is pulled.
    drop(one);
    assert_eq!(lan.ports(), 1);
    let error = here.recv_from(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NetworkDown);
    assert_eq!(UdpSocket::bind(&first, "10.0.0.1:10").unwrap_err().kind(), error.kind());

    // The last handle goes: the driver has nothing to do any more.
    drop((there, second));
    assert_eq!(two.turn(), None);
    assert!(two.has_ended());
    assert_eq!(lan.ports(), 0);
}

struct Polled(Descriptor);

impl Adapter for Polled {
    fn capabilities(&self) -> Capabilities {
        Capabilities { medium: Medium::Ip, mtu: 1500, checksum: false, max_segmented: 0 }
    }
    fn receive(&mut self, _: Instant, _: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
        Ok(0)
    }
    fn room(&mut self, _: Instant) -> Room {
        Room::UNLIMITED
    }
    fn transmit(&mut self, _: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        frames.clear();
        Ok(())
    }
    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.0.as_fd())
    }
}

#[test]
fn an_adapter_with_a_descriptor_needs_the_thread() {
    let adapter = Polled(Descriptor::bind("127.0.0.1:0").unwrap());
    let error = Host::builder().adapter(adapter).build_driven().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

/// Takes nothing until it is told to.
#[derive(Clone, Default)]
struct Gate {
    room: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Adapter for Gate {
    fn capabilities(&self) -> Capabilities {
        Capabilities { medium: Medium::Ip, mtu: 1500, checksum: false, max_segmented: 0 }
    }
    fn receive(&mut self, _: Instant, _: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
        Ok(0)
    }
    fn room(&mut self, _: Instant) -> Room {
        Room { frames: self.room.load(Ordering::Relaxed), bytes: usize::MAX }
    }
    fn transmit(&mut self, _: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        self.sent.fetch_add(frames.drain(..).count(), Ordering::Relaxed);
        Ok(())
    }
    fn readiness(&self) -> Readiness<'_> {
        Readiness::Waker
    }
}

#[test]
fn every_adapter_that_has_room_again_is_used_at_once() {
    let clock = VirtualClock::new();
    let gates = [Gate::default(), Gate::default(), Gate::default()];
    let mut builder = Host::builder().clock(Arc::new(clock.clone()));
    for (gate, number) in gates.iter().zip(1..) {
        builder = builder.adapter(gate.clone());
        builder = builder.address(format!("10.0.{number}.1/24").parse().unwrap());
    }
    let (host, mut driver) = builder.build_driven().unwrap();
    settle(&mut [&mut driver], host.now());
    let sockets = [1, 2, 3].map(|number| {
        let socket = UdpSocket::bind(&host, "0.0.0.0:0").unwrap();
        socket.send_to(b"wait", format!("10.0.{number}.2:9")).unwrap();
        socket
    });
    settle(&mut [&mut driver], host.now());
    assert!(gates.iter().all(|gate| gate.sent.load(Ordering::Relaxed) == 0));
    gates.iter().for_each(|gate| gate.room.store(8, Ordering::Relaxed));
    settle(&mut [&mut driver], host.now());
    let sent = gates.map(|gate| gate.sent.load(Ordering::Relaxed));
    assert_eq!(sent, [1, 1, 1]);
    drop(sockets);
}
