use super::*;
use crate::strategies;
use crate::tcp::SeqNumber;
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

/// The lengths that a known kind may have; `None` for kinds that any length fits.
fn allowed(kind: u8) -> Option<Vec<u8>> {
    Some(match kind {
        MSS | USER_TIMEOUT => [4].into(),
        WINDOW_SCALE => [3].into(),
        SACK_PERMITTED => [2].into(),
        SACK => [10, 18, 26, 34].into(),
        TIMESTAMPS => [10].into(),
        MD5 => [18].into(),
        _ => return None,
    })
}

/// AMNESIA:33: every kind with every length, in rooms of every size.
#[test]
fn every_kind_and_length() {
    for kind in 0..=255u8 {
        for length in 0..=255u8 {
            for room in [2usize, 3, 4, 8, 12, 20, 39, 40] {
                let mut bytes = [NOP; 40];
                bytes[0] = kind;
                bytes[1] = length;
                let parsed = Options::parse(&bytes[..room]);
                assert!(iter(&bytes[..room]).count() <= room);
                if kind > NOP {
                    let whole = length >= 2 && usize::from(length) <= room;
                    let shaped = allowed(kind).is_none_or(|lengths| lengths.contains(&length));
                    assert_eq!(
                        parsed.is_ok(),
                        whole && shaped,
                        "{kind} {length} in {room}: {parsed:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn illegal_lengths() {
    for bytes in [
        &[MSS, 0][..],
        &[MSS, 1],
        &[WINDOW_SCALE],
        &[SACK, 11, 0],
        &[77, 0],
        &[77, 1],
        &[77],
        &[NOP, 77],
    ] {
        assert_eq!(Options::parse(bytes), Err(Error::Malformed), "{bytes:?}");
    }
}

#[test]
fn after_the_end_nothing_counts() {
    assert_eq!(Options::parse(&[END, MSS, 0, 0]), Ok(Options::NONE));
    assert_eq!(Options::parse(&[NOP, NOP, END, 2]), Ok(Options::NONE));
    assert_eq!(Options::parse(&[]), Ok(Options::NONE));
}

#[test]
fn any_alignment_and_order() {
    let expected = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 0x0102_0304, echo: 5 }),
        ..Options::NONE
    };
    let parts: [&[u8]; 5] = [
        &[8, 10, 1, 2, 3, 4, 0, 0, 0, 5],
        &[4, 2],
        &[2, 4, 5, 180],
        &[3, 3, 7],
        &[200, 5, 1, 2, 3],
    ];
    for shift in 0..5 {
        let mut bytes = Vec::new();
        for index in 0..5 {
            bytes.extend(parts[(index + shift) % 5]);
            bytes.push(NOP);
        }
        assert_eq!(Options::parse(&bytes), Ok(expected), "{shift}");
    }
}

#[test]
fn the_last_of_several_counts() {
    let options = Options::parse(&[2, 4, 5, 180, 2, 4, 2, 24]).unwrap();
    assert_eq!(options.mss, Some(536));
}

#[test]
fn a_syn_is_laid_out_as_linux_does() {
    let options = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1, echo: 2 }),
        ..Options::NONE
    };
    let mut room = [0xaa; 40];
    assert_eq!(options.emit(&mut room), Ok(20));
    assert_eq!(room[..20], [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7]);
    assert_eq!(options.to_string(), "mss 1460,sackOK,TS val 1 ecr 2,wscale 7");
    let options = Options { timestamps: None, ..options };
    assert_eq!(options.emit(&mut room), Ok(12));
    assert_eq!(room[..12], [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7]);
}

#[test]
fn an_acknowledgment_is_laid_out_as_linux_does() {
    let mut options =
        Options { timestamps: Some(Timestamps { value: 1, echo: 2 }), ..Options::NONE };
    options.sack.push(SeqNumber(16), SeqNumber(32)).unwrap();
    let mut room = [0xaa; 40];
    assert_eq!(options.emit(&mut room), Ok(24));
    let expected = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 10, 0, 0, 0, 16, 0, 0, 0, 32];
    assert_eq!(room[..24], expected);
    assert_eq!(options.to_string(), "TS val 1 ecr 2,sack 16:32");
}

#[test]
fn room_for_sack_blocks() {
    let none = Options::NONE;
    assert_eq!(none.sack_room(), 4);
    let timestamps = Options { timestamps: Some(Timestamps { value: 1, echo: 2 }), ..none };
    assert_eq!(timestamps.sack_room(), 3);
    assert_eq!(Options { md5: Some([0; 16]), ..timestamps }.sack_room(), 0);
    let mut blocks = SackBlocks::NONE;
    for _ in 0..4 {
        assert_eq!(blocks.push(SeqNumber(1), SeqNumber(2)), Some(()));
    }
    assert_eq!(blocks.push(SeqNumber(1), SeqNumber(2)), None);
    assert_eq!(Options { sack: blocks, ..timestamps }.emit(&mut [0; 60]), Err(Error::Room));
}

#[test]
fn cookies_of_every_length() {
    for length in 0..=38u8 {
        let mut bytes = [NOP; 40];
        bytes[0] = FAST_OPEN;
        bytes[1] = length + 2;
        let fast_open = Options::parse(&bytes).unwrap().fast_open;
        let valid = length == 0 || ((4..=16).contains(&length) && length % 2 == 0);
        assert_eq!(fast_open.is_some(), valid, "{length}");
        if let Some(fast_open) = fast_open {
            assert_eq!(fast_open.as_slice().len(), usize::from(length));
        }
    }
    let parsed =
        Options::parse(&[EXPERIMENT, 8, 0xf9, 0x89, 1, 2, 3, 4]).unwrap().fast_open.unwrap();
    assert!(parsed.is_experimental());
    assert_eq!(parsed.as_slice(), [1, 2, 3, 4]);
    assert_eq!(Options::parse(&[EXPERIMENT, 4, 1, 2]), Ok(Options::NONE));
}

proptest! {
    #[test]
    fn parse_is_total(bytes in strategies::bytes(48)) {
        prop_assert!(iter(&bytes).count() <= bytes.len());
        if let Ok(options) = Options::parse(&bytes) {
            let _ = options.to_string();
        }
    }

    #[test]
    fn the_quick_way_gives_what_the_long_way_gives(value: u32, echo: u32) {
        let mut bytes = [NOP, NOP, TIMESTAMPS, 10, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[4..8].copy_from_slice(&value.to_be_bytes());
        bytes[8..].copy_from_slice(&echo.to_be_bytes());
        prop_assert_eq!(Options::parse(&bytes), Options::parse_any(&bytes));
    }

    #[test]
    fn emit_then_parse(options in strategies::tcp_options()) {
        let mut room = [0xaa; 40];
        let length = options.emitted_len();
        prop_assert_eq!(length % 4, 0);
        match options.emit(&mut room) {
            Ok(written) => {
                prop_assert_eq!(written, length);
                prop_assert_eq!(Options::parse(&room[..length]), Ok(options));
                prop_assert!(room[length..].iter().all(|byte| *byte == 0xaa));
                if length > 0 {
                    prop_assert_eq!(options.emit(&mut room[..length - 1]), Err(Error::Room));
                }
            }
            Err(error) => {
                prop_assert_eq!(error, Error::Room);
                prop_assert!(length > MAX_LEN);
            }
        }
    }
}
