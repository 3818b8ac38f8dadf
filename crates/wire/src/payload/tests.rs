use super::*;
use std::vec;

#[test]
fn a_slice_costs_what_it_pins() {
    let mut buffer = Vec::with_capacity(2048);
    buffer.extend_from_slice(b"header+data");
    let mut payload = Payload::from(buffer);
    assert_eq!((payload.len(), payload.cost()), (11, 2048));
    let header = payload.split_to(7);
    assert_eq!((header.as_slice(), header.cost()), (&b"header+"[..], 2048));
    assert_eq!((payload.as_slice(), payload.cost()), (&b"data"[..], 2048));
    let compact = payload.clone().compact();
    assert_eq!((compact.as_slice(), compact.cost()), (&b"data"[..], 4));
    assert_eq!(compact, payload);
}

#[test]
fn a_slice_that_fills_its_buffer_is_not_copied() {
    let payload = Payload::copy_from_slice(&[1; 100]);
    let before = payload.as_slice().as_ptr();
    assert_eq!(payload.compact().as_slice().as_ptr(), before);
}

#[test]
fn bounds_are_clamped() {
    let mut payload = Payload::copy_from_slice(&[1, 2, 3]);
    assert!(payload.slice(2, 1).is_empty());
    assert!(payload.slice(9, 12).is_empty());
    assert_eq!(payload.slice(1, 9).as_slice(), [2, 3]);
    payload.truncate(9);
    payload.advance(1);
    assert_eq!(payload.as_slice(), [2, 3]);
    payload.advance(9);
    assert!(payload.is_empty());
    assert_eq!(Payload::from_static(b"static").cost(), 0);
    assert_eq!(Payload::from_bytes(Bytes::from(vec![0; 8]), 0).cost(), 8);
}

#[test]
fn a_detached_payload_precedes_none() {
    let mut rest = Payload::copy_from_slice(b"header+data");
    let front = rest.split_to(7);
    assert!(front.precedes(&rest));
    let (one, other) = (front.detached(), rest.detached());
    assert!(!one.precedes(&other) && !front.precedes(&other) && !one.precedes(&rest));
    assert_eq!((one.as_slice(), one.cost()), (&b"header+"[..], 11));
    assert_eq!((other.as_slice(), other.cost()), (&b"data"[..], 11));
}
