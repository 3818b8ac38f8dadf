use super::*;
use crate::strategies;
use proptest::prelude::*;
use std::vec;

fn with_checksum(mut bytes: vec::Vec<u8>) -> vec::Vec<u8> {
    bytes[2..4].fill(0);
    let field = crate::checksum::checksum(&bytes);
    bytes[2..4].copy_from_slice(&field.to_be_bytes());
    bytes
}

/// URGENT/11: a query that claims more sources than it has bytes for.
#[test]
fn sources_are_counted_by_bytes() {
    for claimed in [0u16, 1, 2, 3, 4, 1000, 16_384, 65_535] {
        for present in [0usize, 1, 2, 3] {
            let mut bytes = vec![0x11, 0, 0, 0, 224, 0, 0, 1, 0x0a, 125];
            bytes.extend(claimed.to_be_bytes());
            bytes.extend(vec![9; present * 4]);
            let bytes = with_checksum(bytes);
            let parsed = Message::parse(&bytes);
            if usize::from(claimed) > present {
                assert_eq!(parsed, Err(Error::Truncated), "{claimed} in {present}");
            } else {
                let Ok(Message::Query { v3: Some(v3), .. }) = parsed else { panic!("{parsed:?}") };
                assert_eq!(v3.sources().count(), usize::from(claimed));
                assert!(v3.suppress);
                assert_eq!((v3.robustness, v3.interval), (2, 125));
            }
        }
    }
}

#[test]
fn the_length_tells_the_version() {
    for length in 8..16 {
        let mut bytes = vec![0u8; length];
        bytes[0] = 0x11;
        let parsed = Message::parse(&with_checksum(bytes)).map(|message| message.is_v3());
        let expected = match length {
            8 => Ok(false),
            9..12 => Err(Error::Length),
            _ => Ok(true),
        };
        assert_eq!(parsed, expected, "{length}");
    }
}

impl Message<'_> {
    fn is_v3(&self) -> bool {
        matches!(self, Message::Query { v3: Some(_), .. })
    }
}

#[test]
fn the_checksum_comes_first() {
    let mut bytes = with_checksum(vec![0x99, 0, 0, 0, 224, 0, 0, 1]);
    assert_eq!(Message::parse(&bytes), Err(Error::Malformed));
    bytes[7] ^= 1;
    assert_eq!(Message::parse(&bytes), Err(Error::Checksum));
    assert_eq!(Message::parse(&bytes[..7]), Err(Error::Truncated));
}

proptest! {
    #[test]
    fn parse_is_total(bytes in strategies::bytes(64), right: bool) {
        let bytes = if right && bytes.len() >= 8 { with_checksum(bytes) } else { bytes };
        if let Ok(Message::Query { v3: Some(v3), .. }) = Message::parse(&bytes) {
            prop_assert!(v3.sources().count() * 4 <= bytes.len());
        }
    }

    #[test]
    fn emit_then_parse(kind in 0..5, max_response: u8, group in strategies::v4(), count in 0usize..10, bits: (bool, u8, u8)) {
        let sources = vec![7; count * 4];
        let v3 = QueryV3 { suppress: bits.0, robustness: bits.1 & 7, interval: bits.2, sources: &sources };
        let message = match kind {
            0 => Message::Query { max_response, group, v3: None },
            1 => Message::Query { max_response, group, v3: Some(v3) },
            2 => Message::ReportV1 { group },
            3 => Message::ReportV2 { group },
            _ => Message::Leave { group },
        };
        let mut room = [0xaa; 64];
        let length = message.emit(&mut room).unwrap();
        prop_assert_eq!(Message::parse(&room[..length]), Ok(message));
        prop_assert_eq!(message.emit(&mut room[..length - 1]), Err(Error::Room));
    }
}
