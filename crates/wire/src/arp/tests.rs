use super::*;
use crate::strategies;
use proptest::prelude::*;

fn request() -> Packet {
    Packet {
        operation: Operation::Request,
        sender_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        sender_ip: Ipv4Addr::new(10, 0, 2, 15),
        target_mac: MacAddress::ZERO,
        target_ip: Ipv4Addr::new(10, 0, 2, 2),
    }
}

#[test]
fn bytes_of_a_request() {
    let mut bytes = [0; LEN];
    assert_eq!(request().emit(&mut bytes), Ok(LEN));
    let expected: [u8; LEN] =
        [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2];
    assert_eq!(bytes, expected);
}

#[test]
fn only_exact_lengths_are_arp_for_ethernet_and_ipv4() {
    let mut bytes = [0; 60];
    request().emit(&mut bytes).unwrap();
    for hlen in 0..=255 {
        for plen in 0..=255 {
            bytes[4] = hlen;
            bytes[5] = plen;
            assert_eq!(Packet::parse(&bytes).is_ok(), hlen == 6 && plen == 4, "{hlen} {plen}");
        }
    }
}

#[test]
fn other_hardware_and_protocols_are_refused() {
    let mut bytes = [0; LEN];
    request().emit(&mut bytes).unwrap();
    for (at, value) in [(0, 1), (1, 6), (2, 0x86), (3, 1)] {
        let mut other = bytes;
        other[at] = value;
        assert_eq!(Packet::parse(&other), Err(Error::Version), "{at}");
    }
    for length in 0..LEN {
        assert_eq!(Packet::parse(&bytes[..length]), Err(Error::Truncated), "{length}");
    }
}

#[test]
fn reverse_arp_is_neither_request_nor_reply() {
    let mut bytes = [0; LEN];
    request().emit(&mut bytes).unwrap();
    for operation in [0u8, 3, 4, 8, 255] {
        bytes[7] = operation;
        assert_eq!(
            Packet::parse(&bytes).unwrap().operation,
            Operation::Other(u16::from(operation))
        );
    }
}

proptest! {
    #[test]
    fn parse_is_total(bytes in strategies::bytes(64)) {
        let _ = Packet::parse(&bytes);
    }

    #[test]
    fn emit_then_parse(bits: u16, macs in (strategies::mac(), strategies::mac()), ips in (strategies::v4(), strategies::v4())) {
        let packet = Packet {
            operation: Operation::from_bits(bits),
            sender_mac: macs.0,
            sender_ip: ips.0,
            target_mac: macs.1,
            target_ip: ips.1,
        };
        let mut room = [0; LEN];
        packet.emit(&mut room).unwrap();
        prop_assert_eq!(Packet::parse(&room), Ok(packet));
        prop_assert_eq!(packet.emit(&mut room[..LEN - 1]), Err(Error::Room));
    }
}
