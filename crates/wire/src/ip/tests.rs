use super::*;
use crate::strategies;
use proptest::prelude::*;
use std::string::ToString;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

#[test]
fn networks_and_their_addresses() {
    let net = cidr("10.0.2.15/24");
    assert_eq!(net.network(), cidr("10.0.2.0/24"));
    assert_eq!(net.broadcast(), Some(Ipv4Addr::new(10, 0, 2, 255)));
    assert!(net.contains(Ipv4Addr::new(10, 0, 2, 200).into()));
    assert!(!net.contains(Ipv4Addr::new(10, 0, 3, 1).into()));
    assert!(!net.contains("fd00::1".parse().unwrap()));
    let net = cidr("fd00::15/64");
    assert_eq!(net.network(), cidr("fd00::/64"));
    assert_eq!(net.broadcast(), None);
    assert!(net.contains("fd00::ffff:1".parse().unwrap()));
    assert!(!net.contains("fd00:0:0:1::1".parse().unwrap()));
}

#[test]
fn shortest_and_longest_prefixes() {
    let any = Cidr::any(Version::V4);
    assert!(any.contains(Ipv4Addr::BROADCAST.into()) && any.contains(Ipv4Addr::UNSPECIFIED.into()));
    assert_eq!(any.network(), cidr("0.0.0.0/0"));
    let host = Cidr::host(Ipv4Addr::new(192, 0, 2, 1).into());
    assert_eq!(host.to_string(), "192.0.2.1/32");
    assert!(host.contains(host.address()) && !host.contains(Ipv4Addr::new(192, 0, 2, 0).into()));
    // RFC 3021: a link of two addresses has no broadcast address.
    assert_eq!(cidr("192.0.2.0/31").broadcast(), None);
    assert_eq!(host.broadcast(), None);
    assert_eq!(cidr("192.0.2.0/30").broadcast(), Some(Ipv4Addr::new(192, 0, 2, 3)));
    assert_eq!(Cidr::new(Ipv4Addr::LOCALHOST.into(), 33), None);
    assert_eq!(Cidr::new(Ipv6Addr::LOCALHOST.into(), 129), None);
    assert!(Cidr::any(Version::V6).contains(Ipv6Addr::LOCALHOST.into()));
}

#[test]
fn texts_that_are_no_prefix() {
    for (text, error) in [
        ("10.0.2.15", ParseCidrError::NoPrefix),
        ("10.0.2/24", ParseCidrError::Address),
        ("10.0.2.15/", ParseCidrError::Prefix),
        ("10.0.2.15/33", ParseCidrError::Prefix),
        ("10.0.2.15/+4", ParseCidrError::Prefix),
        ("10.0.2.15/256", ParseCidrError::Prefix),
        ("fd00::/129", ParseCidrError::Prefix),
    ] {
        assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
    }
}

#[test]
fn versions() {
    assert_eq!(Version::of_packet(&[0x45]), Some(Version::V4));
    assert_eq!(Version::of_packet(&[0x60]), Some(Version::V6));
    assert_eq!(Version::of_packet(&[0x50]), None);
    assert_eq!(Version::of_packet(&[]), None);
}

proptest! {
    #[test]
    fn text_round_trip(address in strategies::address(), length: u8) {
        let bits = Version::of(address).address_bits();
        let cidr = Cidr::new(address, length % (bits + 1)).unwrap();
        prop_assert_eq!(cidr.to_string().parse(), Ok(cidr));
        prop_assert!(cidr.contains(address) && cidr.contains(cidr.network().address()));
    }

    #[test]
    fn an_address_is_inside_if_its_leading_bits_are_the_network_s(a: u32, b: u32, length in 0u8..=32) {
        let inside = (0..u32::from(length)).all(|bit| (a ^ b) & (0x8000_0000 >> bit) == 0);
        let cidr = Cidr::new(Ipv4Addr::from_bits(a).into(), length).unwrap();
        prop_assert_eq!(cidr.contains(Ipv4Addr::from_bits(b).into()), inside);
    }
}
