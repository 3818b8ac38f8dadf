//! How an address is lost, and what becomes of the rest.

use crate::lan::{LENT, Lan, SERVER, at_once};
use danja::dhcp::{Change, Loss, Settings, State};
use danja::net::UdpSocket;
use dhcproto::v4::{DhcpOption, MessageType};
use std::net::Ipv4Addr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn losses(lan: &Lan) -> Vec<Loss> {
    let loss = |change: &Change| match change {
        Change::Lost(_, why) => Some(*why),
        _ => None,
    };
    lan.changes.iter().filter_map(loss).collect()
}

#[test]
fn a_lease_that_nobody_extends_ends() {
    let mut lan = Lan::new(at_once());
    lan.manners.extra =
        vec![DhcpOption::Router(vec![SERVER]), DhcpOption::DomainNameServer(vec![SERVER])];
    lan.manners.seconds = 1_000;
    lan.pass(SECOND);
    let socket = UdpSocket::bind(&lan.client, (LENT, 9)).unwrap();
    lan.manners.answers = false;
    lan.until(520 * SECOND, |lan| lan.view().state == State::Renewing);
    lan.until(380 * SECOND, |lan| lan.view().state == State::Rebinding);
    assert!(lan.now().as_millis() < 876_000);
    lan.pass(90 * SECOND);
    assert_eq!(lan.addresses(), ["10.0.0.77/24"], "until it expires");
    lan.until(50 * SECOND, |lan| lan.addresses().is_empty());
    assert_eq!(lan.now().as_millis() / 1000, 1_000);
    assert_eq!(losses(&lan), [Loss::Expired]);
    assert!(lan.client.routes().iter().all(|route| route.gateway.is_none()));
    lan.client.configure_resolver(|resolver| assert!(resolver.servers.is_empty()));
    // As Linux (ENETUNREACH): there is no way to send from where it is bound.
    let error = socket.send_to(b"x", (SERVER, 9)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NetworkUnreachable);

    // Renewals were asked of the server, rebinding of everybody, and not too often.
    let asked = lan.kinds().iter().filter(|kind| **kind == MessageType::Request).count();
    assert!((6..=10).contains(&asked), "{asked}");
    lan.manners.answers = true;
    lan.until(70 * SECOND, Lan::is_bound);
    socket.send_to(b"x", (SERVER, 9)).unwrap();
}

#[test]
fn a_server_that_refuses_takes_the_address_away_and_another_is_asked_for() {
    let mut lan = Lan::new(at_once());
    lan.manners.seconds = 100;
    lan.pass(SECOND);
    assert!(lan.is_bound());
    lan.manners.refuses = true;
    lan.until(55 * SECOND, |lan| lan.addresses().is_empty());
    assert_eq!(losses(&lan), [Loss::Refused]);
    // It offers and refuses: the client goes round, but ever more slowly.
    let before = lan.heard.len();
    lan.pass(120 * SECOND);
    assert!(lan.heard.len() - before <= 16, "{:?}", lan.kinds());
    lan.manners.refuses = false;
    lan.manners.lends = Ipv4Addr::new(10, 0, 0, 78);
    lan.until(70 * SECOND, Lan::is_bound);
    assert_eq!(lan.addresses(), ["10.0.0.78/24"]);
}

#[test]
fn an_address_that_somebody_has_is_declined() {
    let mut lan = Lan::new(Settings::default());
    let _holder = lan.join(9, LENT);
    lan.until(5 * SECOND, |lan| lan.kinds().contains(&MessageType::Decline));
    assert_eq!(losses(&lan), [Loss::Conflict]);
    let (declined, last) = lan.heard.last().cloned().unwrap();
    assert_eq!(last.from.ip(), Ipv4Addr::UNSPECIFIED);
    lan.manners.lends = Ipv4Addr::new(10, 0, 0, 78);
    lan.until(30 * SECOND, Lan::is_bound);
    assert_eq!(lan.addresses(), ["10.0.0.78/24"]);
    // RFC 2131 §3.1 (5): a minimum of ten seconds.
    let again = lan.heard.iter().find(|(at, _)| *at > declined).unwrap();
    assert!(again.0.saturating_since(declined) >= 10 * SECOND);
}

#[test]
fn an_address_is_given_back() {
    let mut lan = Lan::new(at_once());
    lan.pass(SECOND);
    let interface = lan.view().interface;
    assert!(lan.client.release_lease(interface));
    lan.pass(SECOND);
    let (_, last) = lan.heard.last().unwrap();
    assert_eq!((last.kind(), last.message.ciaddr()), (MessageType::Release, LENT));
    assert_eq!(last.from, (LENT, 68).into());
    assert!(lan.addresses().is_empty());
    assert_eq!(losses(&lan), [Loss::Released]);
    let before = lan.heard.len();
    lan.pass(1_000 * SECOND);
    assert_eq!(lan.heard.len(), before, "no other is asked for");
    assert!(!lan.client.release_lease(interface));
}
