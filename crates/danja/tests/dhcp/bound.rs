//! From the first DHCPDISCOVER to a lease, and its renewal.

use crate::lan::{CLIENT_MAC, LENT, Lan, SERVER, at_once, option};
use danja::dhcp::{Change, Settings, State};
use danja::net::UdpSocket;
use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use std::net::Ipv4Addr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_address_is_lent_and_used() {
    let mut lan = Lan::new(Settings::default());
    lan.manners.extra = vec![
        DhcpOption::Router(vec![SERVER]),
        DhcpOption::DomainNameServer(vec![SERVER]),
        DhcpOption::DomainName("example".to_owned()),
        DhcpOption::InterfaceMtu(1400),
    ];
    lan.pass(SECOND / 10);
    assert_eq!(lan.kinds(), [MessageType::Discover, MessageType::Request]);
    assert_eq!(lan.view().state, State::Claiming);
    assert_eq!(lan.view().lease, None, "nobody may use it yet");

    // RFC 5227 §1.1: probes take from 4 to 7 seconds.
    lan.until(7 * SECOND, Lan::is_bound);
    assert!(lan.now().as_millis() >= 4_000);
    assert_eq!(lan.addresses(), ["10.0.0.77/24"]);
    let lease = lan.view().lease.unwrap();
    assert_eq!((lease.server, lease.mtu), (SERVER, Some(1400)));
    assert!(matches!(&lan.changes[..], [Change::Bound(bound)] if *bound == lease));
    assert_eq!(lan.client.interfaces()[1].mtu, 1400);
    assert!(lan.client.routes().iter().any(|route| route.gateway == Some(SERVER.into())));
    lan.client.configure_resolver(|resolver| {
        assert_eq!(resolver.servers, [(SERVER, 53).into()]);
        assert_eq!(resolver.search, ["example"]);
    });

    // It can be used.
    let here = UdpSocket::bind(&lan.client, (LENT, 9)).unwrap();
    let there = UdpSocket::bind(&lan.server, (SERVER, 9)).unwrap();
    there.set_nonblocking(true).unwrap();
    here.send_to(b"hello", (SERVER, 9)).unwrap();
    lan.pass(SECOND);
    assert_eq!(there.recv_from(&mut [0; 8]).unwrap(), (5, (LENT, 9).into()));
}

#[test]
fn messages_say_what_the_rfc_asks_for() {
    let mut lan = Lan::new(at_once());
    lan.manners.seconds = 1_000;
    lan.pass(SECOND);
    assert!(lan.is_bound());
    lan.pass(500 * SECOND);
    let heard: Vec<_> = lan.heard.iter().map(|(_, heard)| heard.clone()).collect();
    let [discover, request, renewal] = &heard[..] else { panic!("{:?}", lan.kinds()) };
    for one in &heard {
        assert_eq!(one.message.chaddr(), CLIENT_MAC.0);
        let id = option(&one.message, OptionCode::ClientIdentifier);
        assert_eq!(id, Some(DhcpOption::ClientIdentifier(vec![1, 2, 0, 0, 0, 0, 77])));
    }
    // RFC 2131 §4.1: messages before there is an address come from 0.0.0.0.
    assert_eq!(discover.from, (Ipv4Addr::UNSPECIFIED, 68).into());
    assert_eq!(option(&discover.message, OptionCode::ServerIdentifier), None);
    assert_eq!(request.from, (Ipv4Addr::UNSPECIFIED, 68).into());
    // RFC 2131 §4.3.2, Table 4.
    let asked = option(&request.message, OptionCode::RequestedIpAddress);
    assert_eq!(asked, Some(DhcpOption::RequestedIpAddress(LENT)));
    let server = option(&request.message, OptionCode::ServerIdentifier);
    assert_eq!(server, Some(DhcpOption::ServerIdentifier(SERVER)));
    assert_eq!(request.message.xid(), discover.message.xid());
    assert_eq!(renewal.from, (LENT, 68).into(), "by unicast");
    assert_eq!(renewal.message.ciaddr(), LENT);
    assert_eq!(option(&renewal.message, OptionCode::RequestedIpAddress), None);
    assert_eq!(option(&renewal.message, OptionCode::ServerIdentifier), None);
    assert!(matches!(lan.changes[..], [Change::Bound(_), Change::Renewed(_)]));
}

#[test]
fn unanswered_questions_come_ever_more_seldom() {
    let mut lan = Lan::new(at_once());
    lan.manners.answers = false;
    lan.pass(300 * SECOND);
    let times: Vec<_> = lan.heard.iter().map(|(at, _)| at.as_millis()).collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // RFC 2131 §4.1.
    for (gap, seconds) in gaps.iter().zip([4, 8, 16, 32, 64, 64, 64]) {
        assert!(gap.abs_diff(seconds * 1000) <= 1000, "{gaps:?}");
    }
    assert!((6..=8).contains(&times.len()), "{times:?}");
    // A client that got no answer asks for a broadcast.
    let flags: Vec<_> =
        lan.heard.iter().map(|(_, heard)| heard.message.flags().broadcast()).collect();
    assert_eq!(&flags[..3], [false, true, true]);
    lan.manners.answers = true;
    lan.until(70 * SECOND, Lan::is_bound);
}

#[test]
fn a_link_that_comes_back_is_asked_whether_the_address_is_still_right() {
    let mut lan = Lan::new(at_once());
    lan.pass(SECOND);
    assert!(lan.is_bound());
    lan.switch.set_link(CLIENT_MAC, false);
    lan.pass(10 * SECOND);
    assert_eq!(lan.addresses(), ["10.0.0.77/24"], "it is lent for longer than that");
    lan.heard.clear();
    lan.switch.set_link(CLIENT_MAC, true);
    lan.pass(SECOND);
    // RFC 2131 §4.3.2 (INIT-REBOOT).
    let (_, asked) = lan.heard.remove(0);
    let address = option(&asked.message, OptionCode::RequestedIpAddress);
    assert_eq!(address, Some(DhcpOption::RequestedIpAddress(LENT)));
    assert_eq!(option(&asked.message, OptionCode::ServerIdentifier), None);
    assert!(lan.is_bound());
    // Another network: the address is not right any more.
    lan.manners.refuses = true;
    lan.switch.set_link(CLIENT_MAC, false);
    lan.pass(SECOND);
    lan.switch.set_link(CLIENT_MAC, true);
    lan.pass(SECOND);
    assert!(lan.addresses().is_empty());
}
