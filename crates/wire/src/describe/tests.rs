use super::*;
use crate::checksum::Sum;
use crate::ethernet::{EtherType, MacAddress};
use crate::strategies;
use crate::tcp::{Options, SeqNumber, Timestamps};
use core::net::Ipv4Addr;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

fn packet(protocol: Protocol, payload: &[u8]) -> Vec<u8> {
    let mut header =
        ipv4::Header { source: HOST, destination: GATEWAY, protocol, ..ipv4::Header::default() };
    header.set_payload_len(payload.len()).unwrap();
    let mut bytes = vec![0; 20];
    header.emit(&mut bytes).unwrap();
    bytes.extend(payload);
    bytes
}

fn ethernet(ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = (MacAddress([2, 0, 0, 0, 0, 1]), MacAddress::BROADCAST);
    let mut bytes = vec![0; 14];
    ethernet::Header { destination, source, ether_type }.emit(&mut bytes).unwrap();
    bytes.extend(payload);
    bytes
}

fn line(bytes: &[u8], l2_len: usize) -> String {
    describe(bytes, l2_len).to_string()
}

#[test]
fn tcp() {
    let syn = tcp::Header {
        source_port: 49_152,
        destination_port: 80,
        sequence: SeqNumber(1),
        flags: Flags::SYN,
        window: 64_240,
        options: Options {
            mss: Some(1460),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 5, echo: 0 }),
            window_scale: Some(7),
            ..Options::NONE
        },
        ..tcp::Header::default()
    };
    let mut segment = vec![0; syn.header_len()];
    syn.emit(&mut segment).unwrap();
    let expected = "10.0.2.15:49152 > 10.0.2.2:80 tcp S seq 1 win 64240 <mss 1460,sackOK,TS val 5 ecr 0,wscale 7>";
    assert_eq!(line(&packet(Protocol::TCP, &segment), 0), expected);
    assert_eq!(line(&ethernet(EtherType::IPV4, &packet(Protocol::TCP, &segment)), 14), expected);

    let data = tcp::Header {
        flags: Flags::PSH | Flags::ACK,
        acknowledgment: SeqNumber(7),
        sequence: SeqNumber(u32::MAX),
        options: Options::NONE,
        ..syn
    };
    let mut segment = vec![0; 20];
    data.emit(&mut segment).unwrap();
    segment.extend([0; 10]);
    let expected = "10.0.2.15:49152 > 10.0.2.2:80 tcp P. seq 4294967295:9 ack 7 win 64240 len 10";
    assert_eq!(line(&packet(Protocol::TCP, &segment), 0), expected);
}

#[test]
fn a_frame_in_slices_is_described_without_its_payload() {
    let mut segment = vec![0; 20];
    let header = tcp::Header { flags: Flags::ACK, ..tcp::Header::default() };
    header.emit(&mut segment).unwrap();
    let mut ip = ipv4::Header {
        source: HOST,
        destination: GATEWAY,
        protocol: Protocol::TCP,
        ..Default::default()
    };
    ip.set_payload_len(20 + 30_000).unwrap();
    let mut frame = Frame::new();
    frame.push(crate::Payload::from(vec![0; 30_000]));
    frame.prepend(20).unwrap().copy_from_slice(&segment);
    ip.emit(frame.prepend(20).unwrap()).unwrap();
    assert_eq!(
        describe_frame(&frame, 0),
        "10.0.2.15:0 > 10.0.2.2:0 tcp . seq 0:30000 ack 0 win 0 len 30000"
    );
}

#[test]
fn arp_requests_replies_and_probes() {
    let mut arp = arp::Packet {
        operation: arp::Operation::Request,
        sender_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        sender_ip: HOST,
        target_mac: MacAddress::ZERO,
        target_ip: GATEWAY,
    };
    let text = |arp: &arp::Packet| {
        let mut bytes = [0; arp::LEN];
        arp.emit(&mut bytes).unwrap();
        line(&ethernet(EtherType::ARP, &bytes), 14)
    };
    assert_eq!(text(&arp), "arp who-has 10.0.2.2 tell 10.0.2.15");
    arp.sender_ip = Ipv4Addr::UNSPECIFIED;
    assert_eq!(text(&arp), "arp who-has 10.0.2.2 probe from 02:00:00:00:00:01");
    arp.operation = arp::Operation::Reply;
    arp.sender_ip = HOST;
    assert_eq!(text(&arp), "arp 10.0.2.15 is-at 02:00:00:00:00:01");
    arp.operation = arp::Operation::Other(9);
    assert_eq!(text(&arp), "arp operation 9");
}

#[test]
fn udp_and_icmp() {
    let mut datagram = [0; 18];
    udp::Header::new(5000, 53, 10).unwrap().emit(&mut datagram).unwrap();
    let quoted = packet(Protocol::UDP, &datagram);
    assert_eq!(line(&quoted, 0), "10.0.2.15:5000 > 10.0.2.2:53 udp len 10");

    let mut sum = Sum::new();
    sum.add_bytes(&quoted);
    let mut message = vec![0; 8];
    let error = Message::DestinationUnreachable { code: Unreachable::Port, next_hop_mtu: 0 };
    error.emit(&mut message, sum).unwrap();
    message.extend(&quoted);
    let expected =
        "10.0.2.15 > 10.0.2.2 icmp port unreachable (quotes 10.0.2.15:5000 > 10.0.2.2:53 udp)";
    assert_eq!(line(&packet(Protocol::ICMP, &message), 0), expected);

    let echo = Message::EchoRequest { ident: 1, sequence: 2 };
    echo.emit(&mut message, Sum::new()).unwrap();
    let expected = "10.0.2.15 > 10.0.2.2 icmp echo request id 1 seq 2 len 64";
    message.resize(64, 0);
    assert_eq!(line(&packet(Protocol::ICMP, &message), 0), expected);
}

#[test]
fn what_is_not_to_be_read() {
    assert_eq!(line(&[0; 5], 14), "short frame, 5 bytes");
    assert_eq!(line(&[], 0), "not ip, 0 bytes");
    assert_eq!(line(&[0x45; 10], 0), "ip4 (truncated)");
    assert_eq!(
        line(&ethernet(EtherType::ARP, &[0; 28]), 14),
        "arp (wrong version or address family)"
    );
    assert_eq!(
        line(&ethernet(EtherType(0x88cc), &[0; 46]), 14),
        "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff 0x88cc len 46"
    );
    assert_eq!(
        line(&packet(Protocol::TCP, &[0; 20]), 0),
        "10.0.2.15 > 10.0.2.2 tcp (contradictory length)"
    );
}

#[test]
fn what_is_damaged_is_told_as_far_as_it_can_be_read() {
    let mut datagram = [0; 18];
    udp::Header::new(5000, 53, 10).unwrap().emit(&mut datagram).unwrap();
    let whole = packet(Protocol::UDP, &datagram);
    let said = "10.0.2.15:5000 > 10.0.2.2:53 udp len 10";
    assert_eq!(line(&whole[..30], 0), std::format!("{said} (truncated)"));
    assert_eq!(line(&whole[..21], 0), "10.0.2.15 > 10.0.2.2 udp (truncated) (truncated)");
    let mut wrong = whole.clone();
    wrong[10] ^= 1;
    assert_eq!(line(&wrong, 0), std::format!("{said} (wrong header checksum)"));
    let mut long = datagram;
    long[5] = 19;
    let said = "10.0.2.15:5000 > 10.0.2.2:53 udp len 11 (contradictory length)";
    assert_eq!(line(&packet(Protocol::UDP, &long), 0), said);
    // A frame that is longer than what of it is looked at is not truncated.
    let mut frame = Frame::new();
    frame.push(crate::Payload::from(whole.clone()));
    assert_eq!(describe_frame(&frame, 0), line(&whole, 0));
}

#[test]
fn ipv6_by_addresses_and_next_header() {
    let mut packet = vec![0u8; 48];
    packet[0] = 0x60;
    packet[6] = 58;
    packet[23] = 1;
    packet[39] = 2;
    assert_eq!(line(&packet, 0), "::1 > ::2 icmp6 len 48");
    assert_eq!(line(&packet[..39], 0), "ip6 (truncated), 39 bytes");
}

#[test]
fn fragments() {
    let mut header = ipv4::Header {
        source: HOST,
        destination: GATEWAY,
        protocol: Protocol::UDP,
        ..Default::default()
    };
    header.identification = 7;
    header.fragment_offset = 1480;
    header.more_fragments = true;
    header.set_payload_len(8).unwrap();
    let mut bytes = vec![0; 28];
    header.emit(&mut bytes).unwrap();
    assert_eq!(line(&bytes, 0), "10.0.2.15 > 10.0.2.2 udp fragment (frag 7:8@1480+)");
}

proptest! {
    #[test]
    fn any_bytes_have_a_line(bytes in strategies::bytes(200), l2_len in 0usize..20) {
        prop_assert!(!line(&bytes, l2_len).is_empty());
    }

    #[test]
    fn any_payload_has_a_line(protocol in proptest::sample::select(vec![1u8, 2, 6, 17, 99]), payload in strategies::bytes(80)) {
        let text = line(&packet(Protocol(protocol), &payload), 0);
        prop_assert!(text.starts_with("10.0.2.15"), "{}", text);
        prop_assert!(!text.contains('\n'));
    }
}
