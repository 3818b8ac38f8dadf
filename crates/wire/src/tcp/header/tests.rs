use super::*;
use crate::strategies;
use core::net::Ipv4Addr;
use proptest::prelude::*;
use std::string::ToString;
use std::vec;

/// Ripple20, INFRA:HALT: every data offset against every segment length.
#[test]
fn data_offset_against_length() {
    for offset in 0..16u8 {
        for length in 0..=80usize {
            let mut segment = [1u8; 80];
            segment[12] = offset << 4;
            let parsed = Header::parse(&segment[..length]);
            let header_len = usize::from(offset) * 4;
            let whole = header_len >= 20 && header_len <= length;
            assert_eq!(parsed.is_ok(), whole, "offset {offset} length {length}: {parsed:?}");
            assert_eq!(Header::parse_fixed(&segment[..length]).is_ok(), whole);
            if let Ok((_, parsed_len)) = parsed {
                assert_eq!(parsed_len, header_len);
            } else if length >= 20 {
                let expected = if header_len < 20 { Error::Length } else { Error::Truncated };
                assert_eq!(parsed.unwrap_err(), expected);
            }
        }
    }
}

#[test]
fn every_combination_of_flags() {
    for bits in 0..4096u16 {
        let mut segment = [0u8; 20];
        segment[12..14].copy_from_slice(&(0x5000 | bits).to_be_bytes());
        let (header, _) = Header::parse(&segment).unwrap();
        assert_eq!(header.flags.bits(), bits & 0x1ff);
        let mut emitted = [0xaa; 20];
        header.emit(&mut emitted).unwrap();
        // RFC 9293 §3.1: reserved bits are ignored when received and zero when sent.
        assert_eq!(emitted[12..14], (0x5000 | bits & 0x1ff).to_be_bytes());
        let length = u32::from(bits & 1 != 0) + u32::from(bits & 2 != 0);
        assert_eq!(header.segment_len(10), 10 + length);
    }
}

#[test]
fn flags_are_sets() {
    let mut flags = Flags::SYN | Flags::ACK;
    assert_eq!(flags.to_string(), "S.");
    assert!(flags.contains(Flags::SYN) && !flags.contains(Flags::SYN | Flags::FIN));
    assert!(flags.intersects(Flags::SYN | Flags::FIN) && !flags.intersects(Flags::FIN));
    flags.remove(Flags::SYN);
    flags.insert(Flags::PSH);
    assert_eq!(flags.to_string(), "P.");
    assert_eq!(flags & Flags::ACK, Flags::ACK);
    assert_eq!(Flags::NONE.to_string(), "none");
    assert_eq!(Flags::from_bits(u16::MAX).to_string(), "FSRP.UEWe");
    assert!(flags.without(flags).is_empty());
}

proptest! {
    #[test]
    fn parse_is_total(mut bytes in strategies::bytes(80), likely: bool) {
        if likely && bytes.len() > 20 {
            bytes[12] |= 0x60;
        }
        if let Ok((header, header_len)) = Header::parse(&bytes) {
            prop_assert!((20..=bytes.len()).contains(&header_len));
            prop_assert!(header.flags.bits() < 512);
        }
    }

    #[test]
    fn emit_then_parse(header in strategies::tcp_header()) {
        let mut room = [0xaa; MAX_HEADER_LEN];
        let length = header.emit(&mut room).unwrap();
        prop_assert_eq!(length, header.header_len());
        prop_assert_eq!(Header::parse(&room[..length]), Ok((header, length)));
        prop_assert_eq!(&room[16..18], &[0, 0]);
        prop_assert_eq!(header.emit(&mut room[..length - 1]), Err(Error::Room));
    }

    #[test]
    fn one_wrong_bit_is_seen(header in strategies::tcp_header(), data in strategies::bytes(40), flip: u32, v4: (u32, u32)) {
        let (source, destination): (IpAddr, IpAddr) = (Ipv4Addr::from(v4.0).into(), Ipv4Addr::from(v4.1).into());
        let mut segment = vec![0; header.header_len()];
        header.emit(&mut segment).unwrap();
        segment.extend(&data);
        let mut sum = pseudo_header(source, destination, 6, segment.len() as u32);
        sum.add_bytes(&segment);
        set_checksum(&mut segment, sum.finish()).unwrap();
        prop_assert!(verify(source, destination, &segment));
        let bit = flip as usize % (segment.len() * 8);
        segment[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify(source, destination, &segment));
    }
}
