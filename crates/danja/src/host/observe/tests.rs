use super::*;
use crate::host::observed::{Side, flow_of};
use danja_wire::ethernet::MacAddress;
use danja_wire::{Payload, ipv4, udp};
use std::net::Ipv4Addr;

const MEDIUM: Medium = Medium::Ethernet(MacAddress([2, 0, 0, 0, 0, 1]));

/// A UDP packet on Ethernet, perhaps a later fragment.
fn frame(fragment_offset: u16) -> Frame {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00];
    let header = ipv4::Header {
        source: Ipv4Addr::new(10, 0, 0, 2),
        destination: Ipv4Addr::new(10, 0, 0, 1),
        protocol: Protocol::UDP,
        total_len: 28,
        fragment_offset,
        ..ipv4::Header::default()
    };
    let mut room = [0; 28];
    header.emit(&mut room).unwrap();
    udp::Header::new(1000, 53, 0).unwrap().emit(&mut room[20..]).unwrap();
    bytes.extend_from_slice(&room);
    Frame::received(Payload::from(bytes), danja_wire::Offload::default())
}

#[test]
fn the_flow_is_seen_from_this_host() {
    let flow = flow_of(&frame(0), MEDIUM, Side::Receiver).unwrap();
    assert_eq!(flow.local, "10.0.0.1:53".parse().unwrap());
    assert_eq!(flow.remote, "10.0.0.2:1000".parse().unwrap());
    let sent = flow_of(&frame(0), MEDIUM, Side::Sender).unwrap();
    assert_eq!((sent.local, sent.remote), (flow.remote, flow.local));
}

#[test]
fn what_names_no_endpoints_has_no_flow() {
    assert_eq!(flow_of(&frame(8), MEDIUM, Side::Receiver), None);
    // As if there were no link header: the bytes are no IP packet.
    assert_eq!(flow_of(&frame(0), Medium::Ip, Side::Receiver), None);
    assert_eq!(flow_of(&Frame::new(), MEDIUM, Side::Receiver), None);
}
