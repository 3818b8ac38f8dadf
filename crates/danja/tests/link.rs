//! Links that go down and come back, in virtual time.

use danja::clock::VirtualClock;
use danja::lan::{MacAddress, cable::Switch};
use danja::net::{Domain, Socket, SocketKind, TcpListener, TcpStream, UdpSocket};
use danja::stack::{Instant, InterfaceId};
use danja::{Driver, Host, HostEvent};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

struct Lan {
    switch: Switch,
    clock: VirtualClock,
    hosts: Vec<(Host, Driver)>,
}

const fn mac(number: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, number])
}

impl Lan {
    /// Hosts 1 and 2.
    fn new() -> Self {
        let (switch, clock) = (Switch::new(), VirtualClock::new());
        let make = |number: u8| {
            Host::builder()
                .adapter(switch.port(mac(number)))
                .address(format!("10.0.0.{number}/24").parse().unwrap())
                .clock(Arc::new(clock.clone()))
                .build_driven()
                .unwrap()
        };
        let hosts = vec![make(1), make(2)];
        Self { switch, clock, hosts }
    }

    fn host(&self, number: usize) -> &Host {
        &self.hosts[number - 1].0
    }

    fn pass(&mut self, time: Duration) {
        let end = self.host(1).now() + time;
        loop {
            let now = self.host(1).now();
            let mut next = self.hosts.iter_mut().filter_map(|(_, driver)| driver.turn()).min();
            // What one sent, the other has not seen yet.
            next = next.min(self.hosts.iter_mut().filter_map(|(_, driver)| driver.turn()).min());
            if now >= end && next.is_none_or(|next| next > now) {
                return;
            }
            let next = next.unwrap_or(Instant::MAX).min(end);
            self.clock.advance(next.saturating_since(now));
        }
    }

    /// A connection from host 1 to host 2.
    fn connected(&mut self) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(self.host(2), "10.0.0.2:7").unwrap();
        listener.set_nonblocking(true).unwrap();
        let socket = Socket::new(self.host(1), Domain::Ipv4, SocketKind::Stream).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect("10.0.0.2:7".parse().unwrap());
        self.pass(SECOND);
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        (TcpStream::from_socket(socket), accepted)
    }

    fn events(&self, number: usize) -> Vec<(InterfaceId, bool)> {
        let events = std::iter::from_fn(|| self.host(number).next_event());
        let link = |event| match event {
            HostEvent::Link { interface, up } => Some((interface, up)),
            _ => None,
        };
        events.filter_map(link).collect()
    }
}

#[test]
fn a_connection_waits_for_its_link() {
    let mut lan = Lan::new();
    let (mut near, mut far) = lan.connected();
    lan.pass(5 * SECOND);
    assert!(lan.switch.set_link(mac(1), false));
    lan.pass(SECOND);
    let link = |lan: &Lan| (lan.host(1).interfaces()[1].up, lan.host(1).interfaces()[1].link);
    assert_eq!(link(&lan), (true, false));
    assert!(lan.host(1).neighbours().is_empty());
    // As Linux's: the connection takes data, and waits.
    near.write_all(b"through").unwrap();
    lan.pass(20 * SECOND);
    assert_eq!(far.read(&mut [0; 16]).unwrap_err().kind(), ErrorKind::WouldBlock);
    // SO_ERROR tells of what is no end yet, as Linux's does when the route is gone.
    let soft = near.take_error().unwrap().map(|error| error.kind());
    assert_eq!(soft, Some(ErrorKind::NetworkUnreachable));

    assert!(lan.switch.set_link(mac(1), true));
    lan.pass(30 * SECOND);
    let mut heard = [0; 16];
    assert_eq!(far.read(&mut heard).unwrap(), 7);
    assert_eq!(link(&lan), (true, true));
    let interface = lan.host(1).interfaces()[1].id;
    assert_eq!(lan.events(1), [(interface, false), (interface, true)]);
    assert_eq!(lan.events(2), []);
}

#[test]
fn nothing_leads_through_a_link_that_is_down() {
    let mut lan = Lan::new();
    lan.pass(5 * SECOND);
    let socket = UdpSocket::bind(lan.host(1), "0.0.0.0:9").unwrap();
    let to: SocketAddr = "10.0.0.2:9".parse().unwrap();
    socket.send_to(b"x", to).unwrap();
    lan.switch.set_link(mac(1), false);
    lan.pass(SECOND);
    // ENETUNREACH, as Linux's for a device that is down.
    let error = socket.send_to(b"x", to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
    let before = lan.host(2).interfaces()[1].received.0;
    lan.pass(100 * SECOND);
    assert_eq!(lan.host(2).interfaces()[1].received.0, before);

    // It comes back: the address is announced (RFC 5227 §2.3: twice).
    lan.switch.set_link(mac(1), true);
    lan.pass(5 * SECOND);
    assert_eq!(lan.host(2).interfaces()[1].received.0, before + 2);
    socket.send_to(b"x", to).unwrap();
}

#[test]
fn a_host_on_a_cable_that_is_not_plugged_in_waits_for_it() {
    let (switch, clock) = (Switch::new(), VirtualClock::new());
    let port = switch.port(mac(1));
    switch.set_link(mac(1), false);
    let (host, mut driver) =
        Host::builder().adapter(port).clock(Arc::new(clock)).build_driven().unwrap();
    assert!(!host.interfaces()[1].link);
    switch.set_link(mac(1), true);
    driver.turn();
    assert!(host.interfaces()[1].link);
    assert!(!switch.set_link(mac(9), false), "there is no such port");
}
