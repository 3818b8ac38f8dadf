//! What IP input takes and what it discards (RFC 791, RFC 1122 §3.2.1; rows 1 to 12 of the
//! requirement table; the vulnerability classes of lengths, options and martians).

use super::frames::*;
use super::world::*;
use crate::config::InterfaceConfig;
use crate::discard::Discard;
use crate::interface::{MacAddress, Medium};
use core::net::Ipv4Addr;
use danja_wire::ethernet::EtherType;
use danja_wire::icmpv4::Message;
use danja_wire::ip::Protocol;
use danja_wire::ipv4::{self, options::Options};
use std::vec::Vec;

const PORT: u16 = 9;

/// A host that listens on a port; whether a frame reached it, and why not.
fn verdict(frame: &[u8]) -> Result<(), Vec<Discard>> {
    let mut host = acquainted();
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, PORT);
    let answers = host.answer(frame);
    let reasons: Vec<_> = host
        .stack
        .counters()
        .discards()
        .filter(|(reason, count)| *count > 0 && *reason != Discard::ArpNotForUs)
        .map(|(reason, _)| reason)
        .collect();
    match host.recv(socket) {
        Some(_) => Ok(()),
        None => {
            assert!(answers.is_empty(), "{reasons:?} was answered");
            Err(reasons)
        }
    }
}

fn datagram(change: impl FnOnce(&mut ipv4::Header)) -> Vec<u8> {
    let mut header = header(Protocol::UDP);
    change(&mut header);
    let data = udp((header.source, 5), (header.destination, PORT), b"data");
    ip(header, &data)
}

#[test]
fn lengths_version_and_checksum_are_checked() {
    let good = datagram(|_| {});
    assert_eq!(verdict(&from_b(&good)), Ok(()));
    let spoiled = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        packet[10..12].fill(0);
        let sum = danja_wire::checksum::checksum(&packet[..20]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        from_b(&packet)
    };
    let malformed = Err(std::vec![Discard::IpMalformed]);
    // RFC 1122 §3.2.1.1: another version is silently discarded.
    for version in [0u8, 1, 5, 7, 15] {
        assert_eq!(verdict(&spoiled(0, version << 4 | 5)), malformed, "version {version}");
    }
    assert_eq!(verdict(&spoiled(0, 0x65)), Err(std::vec![Discard::IpVersion6]));
    // IHL below 5, or beyond the total length; the total length below the header, or beyond
    // the frame.
    for ihl in [0u8, 1, 4, 9, 15] {
        assert!(verdict(&spoiled(0, 0x40 | ihl)).is_err(), "IHL {ihl}");
    }
    for total in [0u8, 19, 33, 255] {
        assert_eq!(verdict(&spoiled(3, total)), malformed, "total length {total}");
    }
    // RFC 1122 §3.2.1.2: every byte of the header is covered.
    for at in 0..20 {
        let mut packet = from_b(&good);
        packet[14 + at] ^= 0x10;
        assert!(verdict(&packet).is_err(), "byte {at}");
    }
    // What follows the total length is padding.
    let mut padded = from_b(&good);
    padded.extend_from_slice(&[0xee; 20]);
    assert_eq!(verdict(&padded), Ok(()));
}

#[test]
fn lengths_that_contradict_each_other_are_survived() {
    // Vulnerability row 5, LTP's broken_ip: every IHL with many total lengths and frame lengths.
    let good = datagram(|_| {});
    let mut host = acquainted();
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, PORT);
    let mut taken = 0;
    for ihl in 0..16u8 {
        for total in (0..=good.len() as u16 + 4).chain([1000, 65_535]) {
            for length in [1, 19, 20, 28, good.len(), good.len() + 20] {
                let mut packet = good.clone();
                packet.resize(length.max(20), 0);
                packet[0] = 0x40 | ihl;
                packet[2..4].copy_from_slice(&total.to_be_bytes());
                packet[10..12].fill(0);
                let end = packet.len().min(usize::from(ihl) * 4);
                let sum = danja_wire::checksum::checksum(&packet[..end]);
                packet[10..12].copy_from_slice(&sum.to_be_bytes());
                packet.truncate(length);
                host.give(&from_b(&packet));
                taken += usize::from(host.recv(socket).is_some());
                // Options in the place of ports may be complained about; nothing else leaves.
                for frame in host.drain() {
                    read_icmp(&frame);
                }
            }
        }
    }
    // Whole; with padding behind it; and with up to four bytes that UDP's length leaves out.
    assert_eq!(taken, 6);
}

#[test]
fn every_frame_length_is_survived() {
    let frame = from_b(&datagram(|_| {}));
    for length in 0..frame.len() {
        assert!(verdict(&frame[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_time_to_live_of_zero_or_one_is_no_reason() {
    // RFC 1122 §3.2.1.7: a host must not discard a datagram because its TTL was less than 2.
    for ttl in [0, 1] {
        assert_eq!(verdict(&from_b(&datagram(|header| header.ttl = ttl))), Ok(()));
    }
}

#[test]
fn martian_sources_are_discarded_in_silence() {
    let bad = Err(std::vec![Discard::IpBadSource]);
    let sources = [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [127, 255, 255, 255],
        [224, 0, 0, 1],
        [239, 1, 1, 1],
        [240, 0, 0, 1],
        [255, 255, 255, 255],
        // The broadcast address of the network, and our own.
        [10, 0, 0, 255],
        [10, 0, 0, 1],
    ];
    for source in sources {
        let packet = datagram(|header| header.source = Ipv4Addr::from(source));
        assert_eq!(verdict(&from_b(&packet)), bad, "{source:?}");
    }
    let packet = datagram(|header| header.source = Ipv4Addr::new(10, 0, 0, 254));
    assert_eq!(verdict(&from_b(&packet)), Ok(()));
}

#[test]
fn only_our_destinations_are_taken() {
    let to = |address: [u8; 4]| datagram(|header| header.destination = Ipv4Addr::from(address));
    let unicast = |address| verdict(&from_b(&to(address)));
    assert_eq!(unicast([10, 0, 0, 9]), Err(std::vec![Discard::IpNotForUs]));
    assert_eq!(unicast([224, 0, 0, 251]), Err(std::vec![Discard::IpNotForUs]));
    for address in [[127, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 1], [240, 0, 0, 1]] {
        assert_eq!(unicast(address), Err(std::vec![Discard::IpBadDestination]), "{address:?}");
    }
    for address in [[10, 0, 0, 255], [255, 255, 255, 255], [224, 0, 0, 1]] {
        let frame = ether(MacAddress::BROADCAST, MAC_B, EtherType::IPV4, &to(address));
        assert_eq!(verdict(&frame), Ok(()), "{address:?}");
    }
    // RFC 1122 §3.3.6: one host's packet in everybody's frame.
    let frame = ether(MacAddress::BROADCAST, MAC_B, EtherType::IPV4, &to([10, 0, 0, 1]));
    assert_eq!(verdict(&frame), Err(std::vec![Discard::IpLinkBroadcast]));
}

#[test]
fn a_nameless_source_speaks_to_everybody_only() {
    // RFC 1122 §3.2.1.3 (a): as DHCP's first packets do.
    let packet = datagram(|header| {
        header.source = Ipv4Addr::UNSPECIFIED;
        header.destination = Ipv4Addr::BROADCAST;
    });
    let frame = ether(MacAddress::BROADCAST, MAC_B, EtherType::IPV4, &packet);
    assert_eq!(verdict(&frame), Ok(()));
}

#[test]
fn frames_to_others_and_of_unknown_types_are_left() {
    let packet = datagram(|_| {});
    let other = ether(MAC_C, MAC_B, EtherType::IPV4, &packet);
    assert_eq!(verdict(&other), Err(std::vec![Discard::LinkOtherHost]));
    let unknown = ether(MAC_A, MAC_B, EtherType(0x88b5), &packet);
    assert_eq!(verdict(&unknown), Err(std::vec![Discard::LinkUnknownType]));
    let tagged = ether(MAC_A, MAC_B, EtherType::VLAN, &packet);
    assert_eq!(verdict(&tagged), Err(std::vec![Discard::VlanUnknown]));
    let nested = ether(MAC_A, MAC_B, EtherType::QINQ, &packet);
    assert_eq!(verdict(&nested), Err(std::vec![Discard::VlanNested]));
}

#[test]
fn unknown_options_are_passed_over_and_source_routes_refused() {
    let with = |bytes: &[u8]| {
        let options = Options::from_bytes(bytes).unwrap();
        verdict(&from_b(&datagram(|header| header.options = options)))
    };
    assert_eq!(with(&[1, 1, 1, 0]), Ok(()));
    assert_eq!(with(&[0x94, 4, 0, 0]), Ok(()));
    assert_eq!(with(&[7, 7, 4, 0, 0, 0, 0, 0]), Ok(()));
    // RFC 7126 §4.3, §4.4.
    for kind in [131, 137] {
        let route = with(&[kind, 7, 4, 10, 0, 0, 7, 0]);
        assert_eq!(route, Err(std::vec![Discard::IpSourceRoute]));
    }
}

#[test]
fn a_malformed_option_is_complained_about() {
    // RFC 1122 §3.2.1.8, row 5; every kind with every length is survived (CVE-2019-12256's class).
    let mut complaints = 0;
    for kind in 0..=255u8 {
        for length in [0u8, 1, 2, 3, 7, 8, 9, 40, 41, 255] {
            let mut host = acquainted();
            let options = Options::from_bytes(&[kind, length, 4, 0, 0, 0, 0, 0]).unwrap();
            let frame = from_b(&datagram(|header| header.options = options));
            for answer in host.answer(&frame) {
                let (header, message, quote) = read_icmp(&answer);
                assert_eq!(header.destination, B);
                match message {
                    Message::ParameterProblem { code: 0, pointer } => {
                        assert!((20..28).contains(&pointer), "pointer {pointer}");
                        assert_eq!(quote[..28], frame[14..42]);
                        complaints += 1;
                    }
                    Message::DestinationUnreachable { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    assert!(complaints > 1000, "{complaints}");
}

#[test]
fn an_address_is_answered_on_its_own_interface_only() {
    // RFC 1122 §3.3.4.2: the strong model.
    let mut host = acquainted();
    let second = InterfaceConfig::new("second", Medium::Ip, 1500);
    host.stack.add_interface(second.address(cidr("192.0.2.1/24")), host.now).unwrap();
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, PORT);
    let packet = datagram(|header| header.destination = Ipv4Addr::new(192, 0, 2, 1));
    host.give(&from_b(&packet));
    assert_eq!(host.recv(socket), None);
    assert_eq!(host.discarded(Discard::IpNotForUs), 1);
}

#[test]
fn an_interface_that_is_down_takes_and_gives_nothing() {
    let mut host = acquainted();
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, PORT);
    assert!(host.stack.set_up(LAN, false, host.now));
    host.give(&udp_frame(5, PORT, b"down"));
    assert_eq!(host.recv(socket), None);
    assert_eq!(host.discarded(Discard::InterfaceDown), 1);
    let now = host.now;
    let data = danja_wire::Payload::from_static(b"x");
    let flags = crate::socket::SendFlags { to: Some(at(B, 1)), ..Default::default() };
    assert!(host.stack.send(socket, &data, flags, now).is_err());
    assert!(host.stack.set_up(LAN, true, now));
    host.give(&udp_frame(5, PORT, b"up"));
    assert_eq!(host.recv(socket).unwrap().0, b"up");
    assert!(host.stack.interfaces()[1].up);
}

#[test]
fn unknown_protocols_are_complained_about() {
    // RFC 1122 §3.2.2.1: protocol unreachable; tunnels are unknown unless configured.
    for protocol in [4, 41, 47, 132, 255] {
        let mut host = acquainted();
        let frame = from_b(&ip(header(Protocol(protocol)), &[0x45; 40]));
        let answers = host.answer(&frame);
        assert_eq!(answers.len(), 1, "protocol {protocol}");
        let (_, message, _) = read_icmp(&answers[0]);
        let expected = danja_wire::icmpv4::Unreachable::Protocol;
        assert!(
            matches!(message, Message::DestinationUnreachable { code, .. } if code == expected)
        );
    }
}
