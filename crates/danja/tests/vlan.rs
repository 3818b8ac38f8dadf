//! VLANs of one adapter, on a cable in virtual time.

use danja::clock::VirtualClock;
use danja::lan::{Adapter, MacAddress, cable::Port, cable::Switch};
use danja::net::UdpSocket;
use danja::stack::{Frame, Instant};
use danja::wire::describe::describe_frame;
use danja::{Builder, Driver, Host};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const fn mac(number: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, number])
}

struct Lan {
    clock: VirtualClock,
    hosts: Vec<(Host, Driver)>,
    /// Hears what goes to everybody.
    ear: Port,
    heard: Vec<Frame>,
    switch: Switch,
}

impl Lan {
    /// Hosts with an address on the wire itself and on VLANs 7 and 9 each.
    fn new() -> Self {
        let (switch, clock) = (Switch::new(), VirtualClock::new());
        let ear = switch.port(mac(200));
        let address = |vlan: u8, number: u8| format!("10.0.{vlan}.{number}/24").parse().unwrap();
        let make = |number: u8| {
            let builder: Builder = Host::builder()
                .adapter(switch.port(mac(number)))
                .address(address(0, number))
                .vlan(7)
                .address(address(7, number))
                .vlan(9)
                .address(address(9, number));
            builder.clock(Arc::new(clock.clone())).build_driven().unwrap()
        };
        let hosts = vec![make(1), make(2)];
        Self { clock, hosts, ear, heard: Vec::new(), switch }
    }

    fn pass(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / 10 {
            for _ in 0..20 {
                self.hosts.iter_mut().for_each(|(_, driver)| {
                    driver.turn();
                });
            }
            self.ear.receive(Instant::ZERO, &mut self.heard, usize::MAX).unwrap();
            self.clock.advance(Duration::from_millis(10));
        }
    }

    fn counted(&self, name: &str) -> u64 {
        let counters = self.hosts[0].0.counters();
        let reason = danja::stack::discard::Discard::ALL.iter().find(|it| it.name() == name);
        counters.discarded(*reason.unwrap())
    }
}

#[test]
fn each_vlan_is_a_network_of_its_own() {
    let mut lan = Lan::new();
    lan.pass(Duration::from_secs(3));
    for vlan in [0, 7, 9] {
        let here = UdpSocket::bind(&lan.hosts[0].0, format!("10.0.{vlan}.1:5")).unwrap();
        let there = UdpSocket::bind(&lan.hosts[1].0, format!("10.0.{vlan}.2:5")).unwrap();
        there.set_nonblocking(true).unwrap();
        // A whole MTU: the tag does not count.
        let data = vec![vlan; 1472];
        let to: SocketAddr = there.local_addr().unwrap();
        here.send_to(&data, to).unwrap();
        lan.pass(Duration::from_millis(100));
        let mut buffer = vec![0; 2000];
        assert_eq!(there.recv_from(&mut buffer).unwrap(), (1472, here.local_addr().unwrap()));
        assert_eq!(buffer[..1472], data);
    }
    let names: Vec<_> = lan.hosts[0].0.interfaces().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["lo", "lan0", "lan0.7", "lan0.9"]);
    // Questions of VLAN 7 were heard with its tag.
    let lines: Vec<_> = lan.heard.iter().map(|frame| describe_frame(frame, 14)).collect();
    let asked = |line: &&String| line.starts_with("vlan 7 arp who-has 10.0.7.2");
    assert!(lines.iter().any(|line| asked(&line)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("arp who-has 10.0.0.2")), "{lines:#?}");
}

#[test]
fn other_tags_are_counted_and_a_priority_alone_is_none() {
    let mut lan = Lan::new();
    lan.pass(Duration::from_secs(3));
    let question = lan.heard.iter().find(|frame| frame.to_vec()[12..14] == [8, 6]).unwrap();
    let bare = question.to_vec();
    let tagged = |tags: &[u8]| {
        let mut bytes = bare[..12].to_vec();
        bytes.extend(tags);
        bytes.extend(&bare[12..]);
        Frame::received(bytes.into(), danja::wire::Offload::default())
    };
    let before = lan.counted("vlan_unknown");
    for tags in [&[0x81, 0, 0, 8][..], &[0x88, 0xa8, 0, 7], &[0x81, 0, 0, 7, 0x81, 0, 0, 9]] {
        lan.ear.transmit(Instant::ZERO, &mut vec![tagged(tags)]).unwrap();
    }
    lan.pass(Duration::from_millis(100));
    assert_eq!(lan.counted("vlan_unknown"), before + 1);
    assert_eq!(lan.counted("vlan_nested"), 2);
    let received = lan.hosts[0].0.counters().arp_received;
    lan.ear.transmit(Instant::ZERO, &mut vec![tagged(&[0x81, 0, 0xe0, 0])]).unwrap();
    lan.pass(Duration::from_millis(100));
    assert_eq!(lan.hosts[0].0.counters().arp_received, received + 1);
}

#[test]
fn vlans_follow_the_link_of_their_adapter() {
    let mut lan = Lan::new();
    lan.pass(Duration::from_secs(3));
    let socket = UdpSocket::bind(&lan.hosts[0].0, "10.0.7.1:5").unwrap();
    lan.switch.set_link(mac(1), false);
    lan.pass(Duration::from_millis(20));
    assert!(socket.send_to(b"x", "10.0.7.2:5").is_err());
    lan.switch.set_link(mac(1), true);
    lan.pass(Duration::from_secs(3));
    socket.send_to(b"x", "10.0.7.2:5").unwrap();
}

#[test]
fn what_is_no_vlan_is_refused() {
    for ids in [&[0][..], &[4095], &[7, 7]] {
        let mut builder = Host::builder().adapter(Switch::new().port(mac(1)));
        for id in ids {
            builder = builder.vlan(*id);
        }
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
