//! What is for more than one: broadcasts of our own, and packets for a second stack behind the
//! same address.

use crate::config::{InterfaceConfig, Unclaimed};
use crate::discard::Discard;
use crate::interface::Medium;
use crate::ip::tests::frames::*;
use crate::ip::tests::world::*;
use crate::socket::{SocketId, SocketOption};
use core::net::Ipv4Addr;
use danja_wire::ethernet::{EtherType, MacAddress};
use danja_wire::icmpv4::{Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use std::vec::Vec;

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 255);

/// A host that shares its address with a second stack.
fn shared() -> Host {
    let mut config = InterfaceConfig::new("lan", Medium::Ethernet(MAC_A), 1500);
    config.unclaimed = Unclaimed::HandOut;
    let mut host = Host::on(config, "10.0.0.1/24", B);
    host.advance(core::time::Duration::from_secs(5));
    host.answer(&b_asks_for_a());
    host
}

fn handed_out(host: &mut Host) -> Vec<Vec<u8>> {
    let next = || host.stack.poll_unclaimed(LAN).map(|packet| packet.as_slice().to_vec());
    core::iter::from_fn(next).collect()
}

fn caller(host: &mut Host, port: u16) -> SocketId {
    let socket = host.udp(A, port);
    let on = SocketOption::Broadcast(true);
    host.stack.set_option(socket, on, host.now).unwrap();
    socket
}

#[test]
fn a_broadcast_of_our_own_reaches_our_own_sockets() {
    for to in [Ipv4Addr::BROADCAST, HERE] {
        let mut host = acquainted();
        let listener = host.udp(ANY, 9);
        let elsewhere = host.udp(ANY, 10);
        let sender = caller(&mut host, 5);
        host.send_to(sender, b"all", at(to, 9));
        let sent = host.drain();
        assert_eq!(sent.len(), 1, "once on the wire");
        assert_eq!(read_ip(&sent[0]).0.destination, to);
        assert_eq!(host.recv(listener), Some((b"all".to_vec(), at(A, 5))));
        assert_eq!(host.recv(listener), None, "once to each");
        assert_eq!(host.recv(elsewhere), None);
        // Nobody else's broadcasts come with our own source address.
        host.give(&ether(MacAddress::BROADCAST, MAC_B, EtherType::IPV4, &sent[0][14..]));
        assert_eq!(host.recv(listener), None);
        assert_eq!(host.discarded(Discard::IpBadSource), 1);
    }
}

#[test]
fn a_broadcast_in_fragments_loops_back_whole() {
    let mut host = acquainted();
    let listener = host.udp(ANY, 9);
    let sender = caller(&mut host, 5);
    let data = std::vec![7; 4000];
    host.send_to(sender, &data, at(HERE, 9));
    assert_eq!(host.drain().len(), 3);
    assert_eq!(host.recv(listener), Some((data, at(A, 5))));
}

#[test]
fn a_broadcast_to_nobody_here_is_not_complained_about_nor_handed_out() {
    let mut host = shared();
    let sender = caller(&mut host, 5);
    host.send_to(sender, b"all", at(HERE, 9));
    assert_eq!(host.drain().len(), 1);
    assert!(handed_out(&mut host).is_empty());
    assert_eq!(host.discarded(Discard::UdpNoSocket), 1);
}

#[test]
fn a_broadcast_goes_to_our_sockets_and_to_the_second_stack() {
    let mut host = shared();
    let listener = host.udp(ANY, 9);
    let packet = ip(
        ipv4::Header { destination: HERE, ..header(Protocol::UDP) },
        &udp((B, 5), (HERE, 9), b"all"),
    );
    host.give(&ether(MacAddress::BROADCAST, MAC_B, EtherType::IPV4, &packet));
    assert_eq!(host.recv(listener).unwrap().0, b"all");
    assert_eq!(handed_out(&mut host), [packet]);
}

#[test]
fn a_group_we_are_not_in_is_the_second_stacks() {
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let packet = ip(
        ipv4::Header { destination: group, ..header(Protocol::UDP) },
        &udp((B, 5), (group, 9), b"group"),
    );
    let frame = ether(MacAddress::from_ipv4_multicast(group), MAC_B, EtherType::IPV4, &packet);
    let mut host = shared();
    let listener = host.udp(ANY, 9);
    host.give(&frame);
    assert_eq!(host.recv(listener), None, "nobody here joined it");
    assert_eq!(handed_out(&mut host), [packet]);
    let mut alone = acquainted();
    alone.give(&frame);
    assert_eq!(alone.discarded(Discard::IpNotForUs), 1);
}

/// A port unreachable about a datagram from A's `port` to B's port 2.
fn refusal(port: u16) -> Vec<u8> {
    let quoted = ipv4::Header { source: A, destination: B, ..header(Protocol::UDP) };
    let quote = ip(quoted, &udp((A, port), (B, 2), b""));
    let code = Unreachable::Port;
    let message = Message::DestinationUnreachable { code, next_hop_mtu: 0 };
    ip(header(Protocol::ICMP), &icmp(message, &quote))
}

#[test]
fn an_error_goes_by_what_it_quotes() {
    let mut host = shared();
    let socket = host.udp(A, 1);
    host.stack.connect(socket, at(B, 2), host.now).unwrap();
    host.give(&from_b(&refusal(1)));
    assert!(host.stack.take_error(socket, host.now).is_some());
    assert!(handed_out(&mut host).is_empty());
    let theirs = refusal(7);
    host.give(&from_b(&theirs));
    assert_eq!(handed_out(&mut host), [theirs]);
    assert_eq!(host.discarded(Discard::IcmpUnvalidated), 0);
}

#[test]
fn what_we_do_not_know_of_icmp_the_second_stack_may() {
    // Type 13 (timestamp) is nothing to us; source quench is nothing to anybody (RFC 6633 §3).
    let mut host = shared();
    let message = |kind| icmp(Message::Unknown { kind, code: 0, rest: [0; 4] }, &[0; 12]);
    let question = ip(header(Protocol::ICMP), &message(13));
    host.give(&from_b(&question));
    host.give(&from_b(&ip(header(Protocol::ICMP), &message(4))));
    assert_eq!(handed_out(&mut host), [question]);
    assert_eq!(host.discarded(Discard::IcmpIgnored), 1);
}

#[test]
fn what_icmp_takes_counts_as_delivered() {
    let mut host = acquainted();
    host.answer(&echo_frame(b"x"));
    host.answer(&udp_frame(1, 2, b"x"));
    assert_eq!(host.stack.counters().ip_in_delivers, 2);
}
