use super::*;
use crate::strategies;
use proptest::prelude::*;
use std::vec::Vec;

fn options(bytes: &[u8]) -> Options {
    Options::from_bytes(bytes).unwrap()
}

fn bad(pointer: u8) -> Result<(), BadOption> {
    Err(BadOption { pointer })
}

#[test]
fn every_kind_and_length_in_every_room() {
    for room in (4..=40usize).step_by(4) {
        for kind in 0..=255u8 {
            for length in 0..=255u8 {
                let mut bytes = [1u8; 40];
                bytes[0] = kind;
                bytes[1] = length;
                if length > 2 {
                    bytes[2] = 8;
                }
                let options = options(&bytes[..room]);
                assert!(options.iter().count() <= room);
                let checked = options.check();
                if kind > 1 {
                    let whole = length >= 2 && usize::from(length) <= room;
                    let shaped = match kind {
                        KIND_RECORD_ROUTE | KIND_LOOSE_SOURCE_ROUTE | KIND_STRICT_SOURCE_ROUTE => {
                            length % 4 == 3
                        }
                        KIND_TIMESTAMP => length >= 4,
                        _ => true,
                    };
                    assert_eq!(
                        checked.is_ok(),
                        whole && shaped,
                        "{kind} {length} in {room}: {checked:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_pointer_names_the_bad_octet() {
    assert_eq!(options(&[]).check(), Ok(()));
    assert_eq!(options(&[1, 1, 1, 0]).check(), Ok(()));
    // The length octet: too small, too large, or not there.
    assert_eq!(options(&[1, 148, 1, 0]).check(), bad(20 + 2));
    assert_eq!(options(&[1, 1, 148, 5]).check(), bad(20 + 3));
    assert_eq!(options(&[1, 1, 1, 148]).check(), bad(20 + 3));
    // The pointer octet of a route and of a timestamp.
    assert_eq!(options(&[7, 7, 3, 0, 0, 0, 0, 0]).check(), bad(20 + 2));
    assert_eq!(options(&[1, 68, 8, 4, 0, 0, 0, 0, 0]).check(), bad(20 + 3));
    // What follows End is padding, whatever it is.
    assert_eq!(options(&[0, 7, 0, 0]).check(), Ok(()));
}

#[test]
fn a_second_source_route_is_an_error() {
    let lsrr = [131, 7, 4, 192, 0, 2, 1];
    let ssrr = [137, 7, 4, 192, 0, 2, 2];
    let one = options(&lsrr);
    assert!(one.has_source_route());
    assert_eq!(one.check(), Ok(()));
    let mut both = lsrr.to_vec();
    both.push(1);
    both.extend(ssrr);
    assert_eq!(options(&both).check(), bad(20 + 8));
    assert!(!options(&[7, 7, 4, 0, 0, 0, 0]).has_source_route());
}

#[test]
fn known_options_are_recognised() {
    let options = options(&[1, 7, 7, 4, 192, 0, 2, 1, 68, 4, 5, 0x30, 148, 4, 0, 9, 0]);
    let found: Vec<_> = options.iter().map(Result::unwrap).collect();
    let expected = [
        IpOption::Nop,
        IpOption::RecordRoute { pointer: 4, addresses: &[192, 0, 2, 1] },
        IpOption::Timestamp { pointer: 5, overflow_flags: 0x30, data: &[] },
        IpOption::Unknown { kind: 148, data: &[0, 9] },
        IpOption::End,
    ];
    assert_eq!(found, expected);
    let IpOption::RecordRoute { addresses: data, .. } = found[1] else { unreachable!() };
    assert!(addresses(data).eq([Ipv4Addr::new(192, 0, 2, 1)]));
}

#[test]
fn more_than_forty_bytes_are_no_options() {
    assert_eq!(Options::from_bytes(&[1; 40]).map(|options| options.as_bytes().len()), Some(40));
    assert_eq!(Options::from_bytes(&[1; 41]), None);
    assert_eq!(Options::from_bytes(&[1; 37]).map(|options| options.as_bytes().len()), Some(40));
}

proptest! {
    #[test]
    fn the_iterator_ends(bytes in strategies::bytes(40)) {
        let options = options(&bytes);
        prop_assert_eq!(options.as_bytes().len() % 4, 0);
        prop_assert!(options.as_bytes().starts_with(&bytes));
        prop_assert!(options.iter().count() <= 40);
        if let Err(bad) = options.check() {
            prop_assert!((20..60).contains(&bad.pointer));
        }
    }
}
