use super::*;
use crate::strategies;
use proptest::prelude::*;

#[test]
fn a_frame_shorter_than_the_header_is_truncated() {
    let bytes = [0u8; 14];
    for length in 0..14 {
        assert_eq!(Header::parse(&bytes[..length]), Err(Error::Truncated), "{length}");
    }
    assert!(Header::parse(&bytes).is_ok());
}

#[test]
fn a_tag_is_a_type_of_its_own() {
    let mut frame = [0u8; 60];
    frame[12..14].copy_from_slice(&[0x81, 0x00]);
    assert_eq!(Header::parse(&frame).unwrap().ether_type, EtherType::VLAN);
}

#[test]
fn kinds_of_addresses() {
    let station = MacAddress([2, 0, 10, 0, 2, 15]);
    assert!(station.is_unicast() && !station.is_multicast() && !station.is_broadcast());
    assert!(MacAddress::BROADCAST.is_broadcast() && MacAddress::BROADCAST.is_multicast());
    assert!(!MacAddress::BROADCAST.is_unicast() && !MacAddress::ZERO.is_unicast());
    // RFC 1112 §6.4: only the low-order 23 bits count.
    assert_eq!(
        MacAddress::from_ipv4_multicast(Ipv4Addr::new(224, 0, 0, 1)),
        MacAddress([1, 0, 0x5e, 0, 0, 1])
    );
    assert_eq!(
        MacAddress::from_multicast(Ipv4Addr::new(239, 255, 1, 2).into()),
        MacAddress([1, 0, 0x5e, 0x7f, 1, 2])
    );
    let group: Ipv6Addr = "ff02::1:ff00:15".parse().unwrap();
    assert_eq!(
        MacAddress::from_multicast(group.into()),
        MacAddress([0x33, 0x33, 0xff, 0, 0, 0x15])
    );
}

#[test]
fn texts_that_are_no_address() {
    for text in [
        "",
        "02:00",
        "02:00:0a:00:02:0f:00",
        "2:0:a:0:2:f",
        "02:00:0a:00:02:0g",
        "+2:00:0a:00:02:0f",
        "02:00:0a-00:02:0f",
    ] {
        assert_eq!(text.parse::<MacAddress>(), Err(ParseMacError), "{text}");
    }
    assert_eq!("02-00-0A-00-02-0F".parse(), Ok(MacAddress([2, 0, 10, 0, 2, 15])));
}

proptest! {
    #[test]
    fn text_round_trip(mac in strategies::mac()) {
        use std::string::ToString;
        prop_assert_eq!(mac.to_string().parse(), Ok(mac));
    }

    #[test]
    fn emit_then_parse(destination in strategies::mac(), source in strategies::mac(), ether_type in strategies::ether_type()) {
        let header = Header { destination, source, ether_type };
        let mut frame = [0u8; HEADER_LEN];
        prop_assert_eq!(header.emit(&mut frame), Ok(HEADER_LEN));
        prop_assert_eq!(Header::parse(&frame), Ok(header));
        prop_assert_eq!(header.emit(&mut frame[..13]), Err(Error::Room));
    }
}

#[test]
fn tags_lengthen_the_link_header() {
    let table: [(&[u8], usize); 6] = [
        (&[0x08, 0x00], 14),
        (&[0x81, 0x00, 0x00, 0x07, 0x08, 0x00], 18),
        (&[0x88, 0xa8, 0x00, 0x07, 0x81, 0x00, 0x00, 0x09, 0x08, 0x06], 22),
        // No more than two are looked through.
        (&[0x81, 0, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 0x08, 0x00], 22),
        (&[0x81], 14),
        (&[], 14),
    ];
    for (types, length) in table {
        let frame = [&[0; 12], types].concat();
        assert_eq!(header_len(&frame), length, "{types:02x?}");
    }
}

proptest! {
    #[test]
    fn a_tag_is_read_as_it_was_written(control: u16) {
        let tag = Tag::parse(control);
        prop_assert_eq!(tag.emit(), control);
        prop_assert!(tag.priority < 8 && tag.id < 4096);
    }
}
