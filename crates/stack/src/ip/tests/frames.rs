//! Frames made and read by hand.

use super::world::*;
use core::net::{IpAddr, Ipv4Addr};
use danja_wire::arp::{Operation, Packet};
use danja_wire::checksum::{Sum, checksum};
use danja_wire::ethernet::{EtherType, Header as Ethernet, MacAddress};
use danja_wire::icmpv4::Message;
use danja_wire::ip::Protocol;
use danja_wire::{ipv4, udp};
use std::vec::Vec;

/// An Ethernet frame.
pub(crate) fn ether(
    to: MacAddress,
    from: MacAddress,
    ether_type: EtherType,
    body: &[u8],
) -> Vec<u8> {
    let mut frame = std::vec![0; 14];
    Ethernet { destination: to, source: from, ether_type }.emit(&mut frame).unwrap();
    frame.extend_from_slice(body);
    frame
}

/// An IP packet from B to A in a frame from B to A.
pub(crate) fn from_b(packet: &[u8]) -> Vec<u8> {
    ether(MAC_A, MAC_B, EtherType::IPV4, packet)
}

/// An IP packet with the header as it is (but its length).
pub(crate) fn ip(mut header: ipv4::Header, payload: &[u8]) -> Vec<u8> {
    header.set_payload_len(payload.len()).unwrap();
    let mut packet = std::vec![0; header.header_len()];
    header.emit(&mut packet).unwrap();
    packet.extend_from_slice(payload);
    packet
}

/// A header from B to A.
pub(crate) fn header(protocol: Protocol) -> ipv4::Header {
    ipv4::Header { source: B, destination: A, protocol, ..ipv4::Header::default() }
}

/// A UDP datagram with its checksum.
pub(crate) fn udp(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), data: &[u8]) -> Vec<u8> {
    let mut header = udp::Header::new(from.1, to.1, data.len()).unwrap();
    let mut sum = Sum::new();
    sum.add_bytes(data);
    header.checksum = header.checksum_for(IpAddr::V4(from.0), IpAddr::V4(to.0), sum);
    let mut datagram = std::vec![0; 8];
    header.emit(&mut datagram).unwrap();
    datagram.extend_from_slice(data);
    datagram
}

/// A whole frame with a datagram from B to A.
pub(crate) fn udp_frame(from_port: u16, to_port: u16, data: &[u8]) -> Vec<u8> {
    from_b(&ip(header(Protocol::UDP), &udp((B, from_port), (A, to_port), data)))
}

/// An ICMP message.
pub(crate) fn icmp(message: Message, body: &[u8]) -> Vec<u8> {
    let mut sum = Sum::new();
    sum.add_bytes(body);
    let mut bytes = std::vec![0; 8];
    message.emit(&mut bytes, sum).unwrap();
    bytes.extend_from_slice(body);
    bytes
}

/// An echo request from B to A in a frame.
pub(crate) fn echo_frame(data: &[u8]) -> Vec<u8> {
    let request = icmp(Message::EchoRequest { ident: 7, sequence: 1 }, data);
    from_b(&ip(header(Protocol::ICMP), &request))
}

/// An ARP packet in a frame from its sender.
pub(crate) fn arp_frame(to: MacAddress, packet: Packet) -> Vec<u8> {
    let mut bytes = [0; 28];
    packet.emit(&mut bytes).unwrap();
    ether(to, packet.sender_mac, EtherType::ARP, &bytes)
}

pub(crate) fn arp(
    operation: Operation,
    sender: (MacAddress, Ipv4Addr),
    target: (MacAddress, Ipv4Addr),
) -> Packet {
    Packet {
        operation,
        sender_mac: sender.0,
        sender_ip: sender.1,
        target_mac: target.0,
        target_ip: target.1,
    }
}

/// "B asks who has A."
pub(crate) fn b_asks_for_a() -> Vec<u8> {
    let request = arp(Operation::Request, (MAC_B, B), (MacAddress::ZERO, A));
    arp_frame(MacAddress::BROADCAST, request)
}

/// "B is at MAC_B", to A.
pub(crate) fn b_answers_a() -> Vec<u8> {
    arp_frame(MAC_A, arp(Operation::Reply, (MAC_B, B), (MAC_A, A)))
}

/// The ARP packet of a frame.
pub(crate) fn read_arp(frame: &[u8]) -> Option<(Ethernet, Packet)> {
    let ethernet = Ethernet::parse(frame).ok()?;
    let is_arp = ethernet.ether_type == EtherType::ARP;
    is_arp.then(|| (ethernet, Packet::parse(&frame[14..]).unwrap()))
}

/// The IP header and payload of a frame.
pub(crate) fn read_ip(frame: &[u8]) -> (ipv4::Header, Vec<u8>) {
    let header = ipv4::Header::parse(&frame[14..]).unwrap();
    let start = 14 + header.header_len();
    (header, frame[start..14 + usize::from(header.total_len)].to_vec())
}

/// The ICMP message and its body, the checksum verified.
pub(crate) fn read_icmp(frame: &[u8]) -> (ipv4::Header, Message, Vec<u8>) {
    let (header, payload) = read_ip(frame);
    assert_eq!(header.protocol, Protocol::ICMP);
    assert_eq!(checksum(&payload), 0, "a wrong checksum left the stack");
    (header, Message::parse(&payload).unwrap(), payload[8..].to_vec())
}

/// A host that has B in its cache, and nothing to say.
pub(crate) fn acquainted() -> Host {
    let mut host = Host::a();
    host.advance(core::time::Duration::from_secs(5));
    host.answer(&b_asks_for_a());
    host
}
