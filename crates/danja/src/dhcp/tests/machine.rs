//! States, deadlines and discards.

use super::super::client::Action;
use super::super::message::emit;
use super::super::{Discards, Loss, State};
use super::{LENT, SERVER, actions, at, bound, client, granted, reply, xid};
use danja_stack::Instant;
use dhcproto::v4::{DhcpOption, MessageType};
use std::net::Ipv4Addr;
use std::time::Duration;

fn draw() -> u64 {
    5
}

#[test]
fn deadlines_of_a_lease() {
    // Seconds of the lease, T1 and T2 as sent, T1 and T2 as taken.
    let none = None::<(u32, u32)>;
    let table = [
        (1_000, none, 500, 875),
        (1_000, Some((300, 600)), 300, 600),
        // RFC 2131 §4.4.5: T1 MUST be earlier than T2, which MUST be earlier than the end.
        (1_000, Some((600, 300)), 500, 875),
        (1_000, Some((300, 1_000)), 500, 875),
        (1_000, Some((0, 600)), 500, 875),
        (4, none, 2, 3),
    ];
    for (seconds, sent, renews, rebinds) in table {
        let mut client = client(false);
        client.on_timeout(Instant::ZERO, &mut draw);
        let xid = xid(&actions(&mut client));
        let mut options = vec![DhcpOption::AddressLeaseTime(seconds)];
        if let Some((renewal, rebinding)) = sent {
            options.extend([DhcpOption::Renewal(renewal), DhcpOption::Rebinding(rebinding)]);
        }
        for kind in [MessageType::Offer, MessageType::Ack] {
            let message = emit(&reply(kind, xid, &options));
            // RFC 2131 §4.4.1: it runs from the moment the request was sent.
            let now = if kind == MessageType::Ack { at(1) } else { Instant::ZERO };
            client.on_message(&message, now, &mut draw);
        }
        let lease = client.lease().unwrap();
        let fuzz = Duration::from_secs(u64::from(seconds)) / 32;
        for (is, latest) in [(lease.renews, renews), (lease.rebinds, rebinds)] {
            // The defaults are spread, and those of short leases no whole seconds.
            let latest = at(latest) + Duration::from_millis(500);
            assert!(
                is <= latest && is + fuzz + Duration::from_secs(1) >= latest,
                "{sent:?} {is:?}"
            );
        }
        assert_eq!(lease.expires, at(u64::from(seconds)));
        assert_eq!(client.poll_timeout(), Some(lease.renews));
    }
}

#[test]
fn a_lease_for_ever_has_no_deadline() {
    let client = bound(u32::MAX);
    assert_eq!((client.state(), client.poll_timeout()), (State::Bound, None));
    assert_eq!(client.lease().unwrap().duration, None);
}

#[test]
fn what_does_not_fit_is_counted_and_changes_nothing() {
    type Change = fn(&mut Discards) -> &mut u64;
    let (malformed, not_ours): (Change, Change) = (|it| &mut it.malformed, |it| &mut it.not_ours);
    let (unexpected, unacceptable): (Change, Change) =
        (|it| &mut it.unexpected, |it| &mut it.unacceptable);
    let start = || {
        let mut client = client(false);
        client.on_timeout(Instant::ZERO, &mut draw);
        let xid = xid(&actions(&mut client));
        (client, xid)
    };
    let (_, known) = start();
    let lease = DhcpOption::AddressLeaseTime(100);
    let with = |options: &[DhcpOption]| reply(MessageType::Offer, known, options);
    let mut of_another = with(std::slice::from_ref(&lease));
    of_another.set_chaddr(&[2, 0, 0, 0, 0, 8]);
    let mut nameless = with(std::slice::from_ref(&lease));
    nameless.opts_mut().remove(dhcproto::v4::OptionCode::ServerIdentifier);
    let mut of_nobody = with(std::slice::from_ref(&lease));
    of_nobody.set_yiaddr(Ipv4Addr::new(224, 0, 0, 5));
    let mut all_of_it = with(&[lease.clone(), DhcpOption::SubnetMask([255, 255, 255, 0].into())]);
    all_of_it.set_yiaddr(Ipv4Addr::new(10, 0, 0, 255));
    let mut question = with(std::slice::from_ref(&lease));
    question.set_opcode(dhcproto::v4::Opcode::BootRequest);
    let mut bootp = with(std::slice::from_ref(&lease));
    bootp.opts_mut().remove(dhcproto::v4::OptionCode::MessageType);
    let table = [
        (b"no message".to_vec(), malformed),
        (emit(&bootp), malformed),
        (emit(&of_another), not_ours),
        (emit(&question), not_ours),
        (granted(MessageType::Offer, known ^ 1, 100), not_ours),
        (granted(MessageType::Ack, known, 100), unexpected),
        (granted(MessageType::Nak, known, 100), unexpected),
        (granted(MessageType::Offer, known, 3), unacceptable),
        (emit(&with(&[])), unacceptable),
        (emit(&nameless), unacceptable),
        (emit(&of_nobody), unacceptable),
        (emit(&all_of_it), unacceptable),
    ];
    for (message, reason) in table {
        let (mut client, _) = start();
        let before = client.poll_timeout();
        client.on_message(&message, at(1), &mut draw);
        let mut expected = Discards::default();
        *reason(&mut expected) = 1;
        assert_eq!(client.discards, expected);
        assert_eq!((client.state(), client.poll_timeout()), (State::Selecting, before));
        assert_eq!(actions(&mut client), []);
    }
}

#[test]
fn only_the_server_that_was_asked_is_heard() {
    let mut client = client(false);
    client.on_timeout(Instant::ZERO, &mut draw);
    let xid = xid(&actions(&mut client));
    client.on_message(&granted(MessageType::Offer, xid, 100), at(1), &mut draw);
    assert_eq!(client.state(), State::Requesting);
    for kind in [MessageType::Ack, MessageType::Nak] {
        let mut other = reply(kind, xid, &[DhcpOption::AddressLeaseTime(100)]);
        other.opts_mut().insert(DhcpOption::ServerIdentifier([10, 0, 0, 2].into()));
        client.on_message(&emit(&other), at(1), &mut draw);
    }
    assert_eq!((client.state(), client.discards.not_ours), (State::Requesting, 2));
    // Another address than was asked for is no lease.
    let mut other = reply(MessageType::Ack, xid, &[DhcpOption::AddressLeaseTime(100)]);
    other.set_yiaddr(Ipv4Addr::new(10, 0, 0, 78));
    client.on_message(&emit(&other), at(1), &mut draw);
    assert_eq!((client.state(), client.discards.unacceptable), (State::Requesting, 1));
    // RFC 2131 §3.1 (5): after four requests it begins anew.
    for _ in 0..4 {
        let due = client.poll_timeout().unwrap();
        client.on_timeout(due, &mut draw);
    }
    assert_eq!(client.state(), State::Selecting);
}

#[test]
fn after_the_link_was_down_the_address_is_verified() {
    let mut client = bound(1_000);
    client.on_link(false, at(10), &mut draw);
    assert_eq!(client.poll_timeout(), Some(at(1_000)), "nothing is asked, but it ends");
    client.on_link(true, at(600), &mut draw);
    assert_eq!(client.state(), State::Rebooting);
    let asked = xid(&actions(&mut client));
    client.on_message(&granted(MessageType::Ack, asked, 1_000), at(601), &mut draw);
    assert_eq!(client.state(), State::Bound);
    assert_eq!(client.lease().unwrap().expires, at(1_600));

    // Nobody answers: what was lent stays ours until it ends.
    client.on_link(false, at(700), &mut draw);
    client.on_link(true, at(701), &mut draw);
    for _ in 0..2 {
        let due = client.poll_timeout().unwrap();
        client.on_timeout(due, &mut draw);
    }
    assert_eq!((client.state(), client.lease().is_some()), (State::Bound, true));

    // Another network: the server says so.
    client.on_link(false, at(800), &mut draw);
    client.on_link(true, at(801), &mut draw);
    let asked = xid(&actions(&mut client));
    client.on_message(&granted(MessageType::Nak, asked, 0), at(802), &mut draw);
    let done = actions(&mut client);
    assert!(matches!(&done[..], [Action::Remove(_, Loss::Refused)]), "{done:?}");
    assert_eq!(client.state(), State::Init);
}

#[test]
fn an_address_of_before_is_asked_for_first() {
    let make = || {
        let who = super::identity();
        let mut client = super::Client::new(who, false, Some(LENT), Instant::ZERO, &mut draw);
        let asked = xid(&actions(&mut client));
        (client, asked)
    };
    let (mut client, asked) = make();
    assert_eq!(client.state(), State::Rebooting);
    client.on_message(&granted(MessageType::Ack, asked, 100), at(1), &mut draw);
    assert_eq!(client.lease().unwrap().server, SERVER);
    let (mut client, _) = make();
    for _ in 0..2 {
        let due = client.poll_timeout().unwrap();
        client.on_timeout(due, &mut draw);
    }
    let due = client.poll_timeout().unwrap();
    client.on_timeout(due, &mut draw);
    assert_eq!(client.state(), State::Selecting, "nobody knows of it");
}
