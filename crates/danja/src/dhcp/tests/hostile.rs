//! Messages of a server that means no good: nothing panics, nothing grows, and what is granted is
//! something that a host can have.

use super::super::message::{Reply, decode, emit};
use super::{actions, at, bound, client, granted, identity, reply, xid};
use danja_stack::Instant;
use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use proptest::prelude::*;

const ALL: [u8; 12] = [1, 3, 6, 15, 26, 51, 53, 54, 56, 58, 59, 61];

/// A message with these bytes as its options.
fn with_options(options: &[u8]) -> Vec<u8> {
    let mut bytes = granted(MessageType::Offer, 5, 100);
    bytes.truncate(240);
    bytes.extend(options);
    bytes
}

#[test]
fn options_lie_in_three_fields_and_are_joined() {
    // RFC 2131 §4.1: 'file' next, then 'sname'; and the values of several instances together.
    let mut bytes = with_options(&[53, 1, 2, 52, 1, 3, 6, 4, 10, 0, 0, 1, 255]);
    bytes[108..115].copy_from_slice(&[6, 4, 10, 0, 0, 2, 255]);
    bytes[44..51].copy_from_slice(&[6, 4, 10, 0, 0, 3, 255]);
    let message = decode(&bytes, &ALL).unwrap();
    let servers = [[10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]].map(Into::into).to_vec();
    let found = message.opts().get(OptionCode::DomainNameServer);
    assert_eq!(found, Some(&DhcpOption::DomainNameServer(servers)));
}

#[test]
fn what_is_broken_is_refused() {
    let whole = granted(MessageType::Offer, 5, 100);
    assert!(decode(&whole, &ALL).is_some());
    for length in 0..240 {
        assert!(decode(&whole[..length], &ALL).is_none(), "{length}");
    }
    let mut long_hardware = whole.clone();
    long_hardware[2] = 17;
    assert!(decode(&long_hardware, &ALL).is_none());
    let mut no_cookie = whole.clone();
    no_cookie[236] = 0;
    assert!(decode(&no_cookie, &ALL).is_none());
    // An option that runs beyond its field.
    assert!(decode(&with_options(&[53, 1, 2, 51, 4, 0, 0]), &ALL).is_none());
    assert!(decode(&with_options(&[53, 1, 2, 51]), &ALL).is_none());
    // One of an impossible length is as if it were not there.
    let short = decode(&with_options(&[53, 1, 2, 51, 2, 0, 9, 255]), &ALL).unwrap();
    assert_eq!(short.opts().get(OptionCode::AddressLeaseTime), None);
    assert_eq!(short.opts().msg_type(), Some(MessageType::Offer));
}

#[test]
fn nonsense_parameters_are_not_taken() {
    let parse = |option: DhcpOption| {
        let lease = DhcpOption::AddressLeaseTime(100);
        let message = emit(&reply(MessageType::Ack, 5, &[lease, option]));
        Reply::parse(&message, &identity()).unwrap().terms.unwrap()
    };
    for mtu in [0, 68, 575] {
        assert_eq!(parse(DhcpOption::InterfaceMtu(mtu)).mtu, None);
    }
    for name in ["", "..", "a b", "a/b", "a..b", &"x".repeat(64)] {
        assert_eq!(parse(DhcpOption::DomainName(name.to_owned())).domain, None, "{name}");
    }
    let name = DhcpOption::DomainName("example.net\0".to_owned());
    assert_eq!(parse(name).domain.as_deref(), Some("example.net"));
    let routers =
        [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255], [10, 0, 0, 1]];
    let routers = DhcpOption::Router(routers.map(Into::into).to_vec());
    assert_eq!(parse(routers).routers, [super::SERVER]);
    // Not contiguous, or empty: the address's class tells.
    for mask in [[255, 0, 255, 0], [0, 0, 0, 0]] {
        assert_eq!(parse(DhcpOption::SubnetMask(mask.into())).address.prefix_len(), 8);
    }
    let servers = DhcpOption::DomainNameServer(vec![super::SERVER; 60]);
    assert_eq!(parse(servers).dns.len(), 8);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Reply::parse(&bytes, &identity());
        let _ = Reply::parse(&with_options(&bytes), &identity());
    }

    /// Any message in any state, and any time: the client stays bounded, and has a deadline
    /// unless its lease is for ever.
    #[test]
    fn any_messages_leave_the_client_sound(
        steps in proptest::collection::vec(
            (0..6usize, any::<u32>(), 0..5_000u64, proptest::collection::vec(any::<(u16, u8)>(), 0..4)),
            1..40,
        ),
        has_lease in any::<bool>(),
    ) {
        let mut client = if has_lease { bound(1_000) } else { client(true) };
        let mut draws = 0u64;
        let mut random = || { draws += 1; draws };
        let (mut now, mut latest) = (Instant::ZERO, 5);
        for (kind, seconds, wait, changes) in steps {
            now = now.max(at(now.as_millis() / 1000 + wait));
            client.on_timeout(now, &mut random);
            let done = actions(&mut client);
            if done.iter().any(|it| !matches!(it, super::Action::Configure { .. } | super::Action::Remove(..))) {
                latest = xid(&done);
            }
            let kinds = [MessageType::Offer, MessageType::Ack, MessageType::Nak];
            match kind {
                0..3 => {
                    let mut message = granted(kinds[kind], latest, seconds);
                    for (place, byte) in changes {
                        let length = message.len();
                        message[usize::from(place) % length] = byte;
                    }
                    client.on_message(&message, now, &mut random);
                }
                3 => client.on_link(seconds % 2 == 0, now, &mut random),
                4 => client.on_claimed(super::LENT.into()),
                _ => client.on_conflict(super::LENT.into(), now, &mut random),
            }
            prop_assert!(actions(&mut client).len() <= 4);
            if let Some(lease) = client.lease() {
                prop_assert!(lease.renews < lease.rebinds || lease.duration.is_none());
                prop_assert!(lease.rebinds < lease.expires || lease.duration.is_none());
                prop_assert!((1..=32).contains(&lease.address.prefix_len()));
            }
        }
        client.on_link(true, now, &mut random);
        prop_assert!(client.poll_timeout().is_some() || client.lease().is_none_or(|it| it.duration.is_none()));
    }
}
