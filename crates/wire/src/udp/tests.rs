use super::*;
use crate::strategies;
use core::net::Ipv4Addr;
use proptest::prelude::*;
use std::vec;

#[test]
fn lengths_that_lie() {
    // A frame with ten bytes of IP payload; every claim about its length.
    for claimed in 0..=u16::MAX {
        let mut datagram = [0u8; 10];
        datagram[4..6].copy_from_slice(&claimed.to_be_bytes());
        let parsed = Header::parse(&datagram);
        if (8..=10).contains(&claimed) {
            assert_eq!(parsed.unwrap().length, claimed);
        } else {
            assert_eq!(parsed, Err(Error::Length), "{claimed}");
        }
    }
    for length in 0..8 {
        assert_eq!(Header::parse(&[0; 8][..length]), Err(Error::Truncated));
    }
}

#[test]
fn no_checksum_is_a_matter_of_the_ip_version() {
    let header = Header::new(1, 2, 0).unwrap();
    let v4 = Ipv4Addr::LOCALHOST.into();
    let v6 = core::net::Ipv6Addr::LOCALHOST.into();
    assert!(header.verify(v4, v4, Sum::new()));
    assert!(!header.verify(v6, v6, Sum::new()));
}

#[test]
fn a_computed_zero_is_sent_as_all_ones() {
    // With all else zero the ports decide: find the one that sums to zero.
    let address = Ipv4Addr::UNSPECIFIED.into();
    let mut header = Header::new(0, 0, 0).unwrap();
    let fields = (0..=u16::MAX).map(|port| {
        header.source_port = port;
        header.checksum_for(address, address, Sum::new())
    });
    let fields: vec::Vec<u16> = fields.collect();
    assert!(!fields.contains(&0));
    assert_eq!(fields.iter().filter(|field| **field == 0xffff).count(), 1);
}

#[test]
fn data_that_is_too_long() {
    assert!(Header::new(1, 2, 65_527).is_some());
    assert_eq!(Header::new(1, 2, 65_528), None);
    assert_eq!(Header::new(1, 2, usize::MAX), None);
}

proptest! {
    #[test]
    fn parse_is_total(bytes in strategies::bytes(64)) {
        let _ = Header::parse(&bytes);
        let _ = Header::parse_front(&bytes);
        let _ = verify(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into(), &bytes);
    }

    #[test]
    fn emit_then_parse_then_verify(
        ports: (u16, u16),
        (source, destination) in strategies::address_pair(),
        data in strategies::bytes(100),
        flip in any::<usize>(),
    ) {
        let mut header = Header::new(ports.0, ports.1, data.len()).unwrap();
        let mut sum = Sum::new();
        sum.add_bytes(&data);
        header.checksum = header.checksum_for(source, destination, sum);
        let mut datagram = vec![0; HEADER_LEN];
        prop_assert_eq!(header.emit(&mut datagram), Ok(HEADER_LEN));
        datagram.extend(&data);
        prop_assert_eq!(Header::parse(&datagram), Ok(header));
        prop_assert!(verify(source, destination, &datagram));
        // One wrong bit is seen, wherever it is; but in the length field it changes what the
        // datagram is, and a field of zero says that there is no checksum.
        let bit = flip % (datagram.len() * 8);
        let bit = if (4..6).contains(&(bit / 8)) { bit - 32 } else { bit };
        datagram[bit / 8] ^= 1 << (bit % 8);
        prop_assume!(datagram[6..8] != [0, 0]);
        prop_assert!(!verify(source, destination, &datagram));
    }
}
