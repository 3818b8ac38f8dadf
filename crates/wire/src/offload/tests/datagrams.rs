//! Cutting of large UDP datagrams.

use super::*;
use crate::udp;

/// A frame of one datagram with so many bytes of data.
fn frame(data_len: usize) -> (Frame, Vec<u8>) {
    let data: Vec<u8> = (0..data_len).map(|index| (index * 31 % 251) as u8).collect();
    let header = udp::Header::new(5000, 53, data_len).unwrap();
    let mut ip = Plan::new(0, 0).ip;
    ip.protocol = Protocol::UDP;
    ip.set_payload_len(usize::from(header.length)).unwrap();
    let mut bytes = vec![9; 14 + ip.header_len() + udp::HEADER_LEN];
    ip.emit(&mut bytes[14..]).unwrap();
    header.emit(&mut bytes[34..]).unwrap();
    bytes.extend(&data);
    (Frame::received(Payload::from(bytes), Offload::default()), data)
}

#[test]
fn a_large_datagram_is_cut_into_those_that_it_stands_for() {
    let (frame, data) = frame(2500);
    let mut pieces = Vec::new();
    assert_eq!(cut_datagrams(&frame, 14, 1000, |piece| pieces.push(piece)), Ok(3));
    let mut together = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let bytes = piece.to_vec();
        assert_eq!(bytes[..14], [9; 14]);
        let ip = ipv4::Header::parse(&bytes[14..]).unwrap();
        assert_eq!(ip.identification, 0xfffe_u16.wrapping_add(number as u16));
        assert_eq!(usize::from(ip.total_len), bytes.len() - 14);
        assert!(udp::verify(SOURCE.into(), DESTINATION.into(), &bytes[34..]));
        let header = udp::Header::parse(&bytes[34..]).unwrap();
        assert_eq!((header.source_port, header.destination_port), (5000, 53));
        assert_ne!(header.checksum, 0);
        together.push(bytes[42..].to_vec());
    }
    assert_eq!(together.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1000, 500]);
    assert_eq!(together.concat(), data);
}

#[test]
fn what_is_no_datagram_is_not_cut() {
    let (datagram, _) = frame(100);
    let never = |_| panic!("given");
    assert!(cut_datagrams(&datagram, 14, 0, never).is_err());
    assert!(cut_datagrams(&frame(0).0, 14, 10, never).is_err());
    assert!(cut_datagrams(&Plan::new(100, 0).frame(), 14, 10, never).is_err());
    let short = Frame::received(datagram.range(0, 60), Offload::default());
    assert!(cut_datagrams(&short, 14, 10, never).is_err());
    let mut fragment = datagram.to_vec();
    fragment[20] |= 0x20;
    let fragment = Frame::received(Payload::from(fragment), Offload::default());
    assert!(cut_datagrams(&fragment, 14, 10, never).is_err());
}
