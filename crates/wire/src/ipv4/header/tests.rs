use super::*;
use crate::strategies;
use proptest::prelude::*;
use std::vec;

fn fix_checksum(packet: &mut [u8]) {
    let header_len = usize::from(packet[0] & 15) * 4;
    packet[10..12].fill(0);
    let field = crate::checksum::checksum(&packet[..header_len]);
    packet[10..12].copy_from_slice(&field.to_be_bytes());
}

#[test]
fn bytes_of_a_header() {
    let header = Header {
        source: Ipv4Addr::new(192, 168, 0, 1),
        destination: Ipv4Addr::new(192, 168, 0, 199),
        protocol: Protocol::UDP,
        dont_fragment: true,
        total_len: 115,
        ..Header::default()
    };
    let mut bytes = [0; HEADER_LEN];
    assert_eq!(header.emit(&mut bytes), Ok(HEADER_LEN));
    let expected: [u8; 20] = [
        0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,
        0xc7,
    ];
    assert_eq!(bytes, expected);
}

/// Ripple20, `broken_ip`: every header length, against total lengths around it, against frames
/// that are shorter, longer and equal.
#[test]
fn header_length_against_total_length_against_frame() {
    for ihl in 0u8..16 {
        for total_len in (0u16..200).chain([1500, 65_535]) {
            for available in [0usize, 1, 19, 20, 21, 40, 59, 60, 61, 100, 199, 200] {
                let mut frame = vec![0u8; available.max(60)];
                frame[0] = 0x40 | ihl;
                frame[2..4].copy_from_slice(&total_len.to_be_bytes());
                fix_checksum(&mut frame);
                frame.truncate(available);
                let header_len = usize::from(ihl) * 4;
                let total = usize::from(total_len);
                let whole = header_len >= 20 && header_len <= total && total <= available;
                let parsed = Header::parse(&frame);
                assert_eq!(
                    parsed.is_ok(),
                    whole,
                    "ihl {ihl} total {total_len} of {available}: {parsed:?}"
                );
                if let Ok(header) = parsed {
                    assert_eq!((header.header_len(), header.total_len), (header_len, total_len));
                    assert_eq!(header.header_len() + header.payload_len(), total);
                }
                // A quotation may be cut short behind its header, and nowhere else.
                let quoted = header_len >= 20 && header_len <= total && header_len <= available;
                assert_eq!(
                    Header::parse_quoted(&frame).is_ok(),
                    quoted,
                    "quoted ihl {ihl} total {total_len}"
                );
            }
        }
    }
}

#[test]
fn lengths_are_refused_by_name() {
    let header = Header { total_len: 28, ..Header::default() };
    let mut packet = [0u8; 28];
    header.emit(&mut packet).unwrap();
    assert_eq!(Header::parse(&packet[..27]), Err(Error::Truncated));
    packet[0] = 0x44;
    assert_eq!(Header::parse(&packet), Err(Error::Length));
    packet[0] = 0x65;
    assert_eq!(Header::parse(&packet), Err(Error::Version));
    packet[0] = 0x45;
    packet[8] ^= 1;
    assert_eq!(Header::parse(&packet), Err(Error::Checksum));
    assert_eq!(Header::parse_quoted(&packet).map(|header| header.ttl), Ok(65));
}

#[test]
fn fragments() {
    let plain = Header::default();
    assert!(!plain.is_fragment());
    assert!(Header { more_fragments: true, ..plain }.is_fragment());
    assert!(Header { fragment_offset: 8, ..plain }.is_fragment());
    let last = Header { fragment_offset: 65_528, ..plain };
    let mut bytes = [0; 20];
    last.emit(&mut bytes).unwrap();
    assert_eq!(Header::parse(&bytes), Ok(last));
}

#[test]
fn a_packet_cannot_be_longer_than_its_length_field() {
    let mut header = Header::default();
    assert_eq!(header.set_payload_len(65_515), Some(()));
    assert_eq!(header.total_len, 65_535);
    assert_eq!(header.set_payload_len(65_516), None);
    assert_eq!(header.set_payload_len(usize::MAX), None);
    assert_eq!(header.total_len, 65_535);
}

proptest! {
    #[test]
    fn parse_is_total(mut bytes in strategies::bytes(100), likely: bool) {
        if likely && bytes.len() >= 60 {
            bytes[0] = 0x40 | (bytes[0] & 15);
            bytes[2] = 0;
            fix_checksum(&mut bytes);
        }
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert!(header.header_len() <= usize::from(header.total_len));
            prop_assert!(usize::from(header.total_len) <= bytes.len());
            let _ = header.options.check();
        }
        let _ = Header::parse_quoted(&bytes);
    }

    #[test]
    fn emit_then_parse(header in strategies::ipv4_header(), bit in 0usize..160) {
        let mut packet = vec![0; usize::from(header.total_len)];
        prop_assert_eq!(header.emit(&mut packet), Ok(header.header_len()));
        prop_assert_eq!(Header::parse(&packet), Ok(header));
        prop_assert_eq!(header.emit(&mut packet[..header.header_len() - 1]), Err(Error::Room));
        // One wrong bit in the header never passes.
        packet[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Header::parse(&packet).is_err());
    }
}
