//! Routes, source addresses (RFC 6724), and which interface a packet leaves by.

use super::world::*;
use crate::config::{Config, InterfaceConfig, Route};
use crate::interface::{InterfaceId, Medium};
use crate::packet::Path;
use crate::socket::{Cause, Fault};
use core::net::{IpAddr, Ipv4Addr};
use danja_wire::ip::Cidr;
use std::vec::Vec;

const SECOND: InterfaceId = InterfaceId(2);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn route(destination: &str, gateway: Option<&str>, interface: InterfaceId, metric: u32) -> Route {
    let gateway = gateway.map(address);
    Route { destination: cidr(destination), gateway, interface, metric }
}

/// Two interfaces: 10.0.0.1/24 on Ethernet, 192.0.2.1/24 on a TUN with an MTU of 1,400.
fn two() -> Host {
    let mut host = Host::bare(Config::default());
    let lan = InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500);
    host.stack.add_interface(lan.address(cidr("10.0.0.1/24")), host.now);
    let tun = InterfaceConfig::new("tun", Medium::Ip, 1400);
    host.stack.add_interface(tun.address(cidr("192.0.2.1/24")), host.now);
    host
}

fn path(host: &Host, to: &str) -> Option<Path> {
    host.stack.core.ip.path(None, address(to), None).ok()
}

/// Interface, first hop and source of a path.
fn way(found: Option<Path>) -> Option<(u16, std::string::String, std::string::String)> {
    use std::string::ToString;
    found.map(|path| (path.interface.0, path.next_hop.to_string(), path.source.to_string()))
}

fn is_way(found: Option<Path>, interface: u16, next_hop: &str, source: &str) {
    assert_eq!(way(found), Some((interface, next_hop.into(), source.into())));
}

#[test]
fn the_longest_prefix_then_the_lowest_metric_wins() {
    let mut host = two();
    let now = host.now;
    assert!(path(&host, "203.0.113.9").is_none());
    assert!(host.stack.add_route(route("0.0.0.0/0", Some("10.0.0.254"), LAN, 10), now));
    assert!(host.stack.add_route(route("203.0.113.0/24", Some("192.0.2.9"), SECOND, 10), now));
    assert!(host.stack.add_route(route("203.0.113.0/24", Some("10.0.0.7"), LAN, 20), now));
    assert!(host.stack.add_route(route("203.0.113.128/25", None, LAN, 99), now));
    is_way(path(&host, "8.8.8.8"), 1, "10.0.0.254", "10.0.0.1");
    is_way(path(&host, "203.0.113.9"), 2, "192.0.2.9", "192.0.2.1");
    is_way(path(&host, "203.0.113.200"), 1, "203.0.113.200", "10.0.0.1");
    is_way(path(&host, "10.0.0.200"), 1, "10.0.0.200", "10.0.0.1");
    assert_eq!(path(&host, "203.0.113.9").unwrap().mtu, 1400);
    // Bits after the prefix do not matter; the same route is not added twice.
    assert!(!host.stack.add_route(route("203.0.113.77/24", Some("10.0.0.7"), LAN, 20), now));
    assert!(!host.stack.add_route(route("1.0.0.0/8", None, InterfaceId(9), 0), now));
    assert!(host.stack.remove_route(route("203.0.113.0/24", Some("192.0.2.9"), SECOND, 10), now));
    assert!(!host.stack.remove_route(route("203.0.113.0/24", Some("192.0.2.9"), SECOND, 10), now));
    is_way(path(&host, "203.0.113.9"), 1, "10.0.0.7", "10.0.0.1");
    let listed: Vec<Cidr> = host.stack.routes().iter().map(|route| route.destination).collect();
    let expected =
        ["203.0.113.128/25", "10.0.0.0/24", "192.0.2.0/24", "203.0.113.0/24", "0.0.0.0/0"];
    assert_eq!(listed, expected.map(cidr));
}

#[test]
fn a_route_by_an_interface_that_is_down_is_passed_over() {
    let mut host = two();
    let now = host.now;
    host.stack.add_route(route("203.0.113.0/24", Some("192.0.2.9"), SECOND, 0), now);
    host.stack.add_route(route("0.0.0.0/0", Some("10.0.0.254"), LAN, 0), now);
    let before = path(&host, "203.0.113.9").unwrap();
    host.stack.set_up(SECOND, false, now);
    assert_ne!(host.stack.core.ip.generation(), before.generation);
    is_way(path(&host, "203.0.113.9"), 1, "10.0.0.254", "10.0.0.1");
    host.stack.set_up(LAN, false, now);
    let error = host.stack.core.ip.path(None, address("203.0.113.9"), None).unwrap_err();
    assert_eq!((error.kind, error.cause), (Fault::NetworkUnreachable, Some(Cause::NoRoute)));
}

#[test]
fn a_source_leaves_by_its_own_interface() {
    // RFC 1122 §3.3.4.2: the strong model.
    let mut host = two();
    let now = host.now;
    host.stack.add_route(route("0.0.0.0/0", Some("10.0.0.254"), LAN, 0), now);
    host.stack.add_route(route("0.0.0.0/0", Some("192.0.2.9"), SECOND, 5), now);
    let from = |source: &str, interface| {
        let source = Some(address(source));
        host.stack.core.ip.path(source, address("8.8.8.8"), interface).ok()
    };
    is_way(from("192.0.2.1", None), 2, "192.0.2.9", "192.0.2.1");
    is_way(from("10.0.0.1", None), 1, "10.0.0.254", "10.0.0.1");
    is_way(from("0.0.0.0", None), 1, "10.0.0.254", "10.0.0.1");
    is_way(from("10.0.0.1", Some(SECOND)), 2, "192.0.2.9", "10.0.0.1");
    // Not an address of ours; not one that may be on a wire.
    assert!(from("10.0.0.2", None).is_none());
    assert!(from("127.0.0.1", None).is_none());
    assert!(from("10.0.0.1", Some(InterfaceId(9))).is_none());
}

#[test]
fn rfc_6724_chooses_among_the_interfaces_addresses() {
    let mut host = two();
    let now = host.now;
    for text in ["10.7.0.1/16", "169.254.3.3/16", "10.7.7.1/24"] {
        assert!(host.stack.add_address(LAN, cidr(text), now));
    }
    assert!(!host.stack.add_address(LAN, cidr("10.7.7.1/16"), now), "it is there already");
    host.stack.add_route(route("0.0.0.0/0", Some("10.0.0.254"), LAN, 0), now);
    host.stack.add_route(route("9.0.0.0/8", Some("10.7.0.254"), LAN, 0), now);
    let cases = [
        // Rule 5.5: of the network of the next hop.
        ("9.9.9.9", "10.7.0.1"),
        // Rule 8: the longest matching prefix.
        ("10.0.0.9", "10.0.0.1"),
        ("10.7.9.9", "10.7.0.1"),
        ("10.7.7.9", "10.7.7.1"),
        // Rule 2: a link-local source does not reach a global destination, and is nearest to a
        // link-local one.
        ("169.200.1.1", "10.0.0.1"),
        ("169.254.9.9", "169.254.3.3"),
        // The first of equals.
        ("8.8.8.8", "10.0.0.1"),
    ];
    for (to, expected) in cases {
        assert_eq!(path(&host, to).unwrap().source, address(expected), "{to}");
    }
    // With an address goes its route.
    assert!(host.stack.remove_address(LAN, address("10.7.7.1"), now));
    assert!(!host.stack.remove_address(LAN, address("10.7.7.1"), now));
    assert_eq!(path(&host, "10.7.7.9").unwrap().source, address("10.7.0.1"));
    assert!(!host.stack.has_address(address("10.7.7.1")));
}

#[test]
fn our_own_addresses_lead_to_ourselves() {
    let host = two();
    is_way(path(&host, "10.0.0.1"), 0, "10.0.0.1", "10.0.0.1");
    is_way(path(&host, "127.9.9.9"), 0, "127.9.9.9", "127.0.0.1");
    let from = host.stack.core.ip.path(Some(address("192.0.2.1")), address("10.0.0.1"), None);
    is_way(from.ok(), 0, "10.0.0.1", "192.0.2.1");
    let foreign = host.stack.core.ip.path(Some(address("8.8.8.8")), address("10.0.0.1"), None);
    assert!(foreign.is_err());
}

#[test]
fn groups_are_on_the_link() {
    let mut host = two();
    let now = host.now;
    host.stack.add_route(route("0.0.0.0/0", Some("10.0.0.254"), LAN, 0), now);
    is_way(path(&host, "224.0.0.251"), 1, "224.0.0.251", "10.0.0.1");
    is_way(path(&host, "255.255.255.255"), 1, "255.255.255.255", "10.0.0.1");
    is_way(path(&host, "10.0.0.255"), 1, "10.0.0.255", "10.0.0.1");
    let by = host.stack.core.ip.path(None, address("255.255.255.255"), Some(SECOND));
    is_way(by.ok(), 2, "255.255.255.255", "192.0.2.1");
    for reserved in ["0.0.0.0", "0.1.2.3", "240.0.0.1"] {
        assert!(path(&host, reserved).is_none(), "{reserved}");
    }
}

#[test]
fn a_link_local_destination_is_on_the_link() {
    // RFC 3927 §2.6.2: whatever address we have ourselves.
    let mut host = two();
    let now = host.now;
    is_way(path(&host, "169.254.7.7"), 1, "169.254.7.7", "10.0.0.1");
    host.stack.add_route(route("0.0.0.0/0", Some("192.0.2.9"), SECOND, 0), now);
    is_way(path(&host, "169.254.7.7"), 2, "169.254.7.7", "192.0.2.1");
    // Who makes a route for just that means it (as clouds do for their metadata).
    host.stack.add_route(route("169.254.169.254/32", Some("10.0.0.9"), LAN, 0), now);
    is_way(path(&host, "169.254.169.254"), 1, "10.0.0.9", "10.0.0.1");
}

#[test]
fn a_host_without_an_address_can_ask_for_one() {
    // DHCP's first packet: from nobody to everybody.
    let mut host = Host::bare(Config::default());
    let lan = InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500);
    host.stack.add_interface(lan, host.now);
    is_way(path(&host, "255.255.255.255"), 1, "255.255.255.255", "0.0.0.0");
    assert!(path(&host, "10.0.0.2").is_none());
}

#[test]
fn an_any_address_interface_needs_no_route() {
    let mut host = Host::bare(Config::default());
    let mut tun = InterfaceConfig::new("tun", Medium::Ip, 1500);
    tun.any_address = true;
    host.stack.add_interface(tun, host.now);
    let source = Some(Ipv4Addr::new(93, 184, 216, 34).into());
    let by = host.stack.core.ip.path(source, address("10.0.0.2"), Some(LAN));
    is_way(by.ok(), 1, "10.0.0.2", "93.184.216.34");
    assert!(host.stack.core.ip.path(source, address("10.0.0.2"), None).is_err());
    assert!(host.stack.core.ip.may_bind(address("93.184.216.34")));
    assert!(!host.stack.core.ip.may_bind(address("224.0.0.1")));
}

#[test]
fn addresses_no_host_can_have_are_refused() {
    let mut host = two();
    for text in ["224.0.0.1/4", "0.0.0.0/0", "255.255.255.255/32", "240.0.0.1/4", "fd00::1/64"] {
        assert!(!host.stack.add_address(LAN, cidr(text), host.now), "{text}");
    }
}
