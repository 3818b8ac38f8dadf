use super::*;
use crate::frame::{ChecksumState, Frame, Offload};
use crate::ip::Protocol;
use crate::tcp::{Flags, Options, SeqNumber, Timestamps};
use crate::{Payload, ethernet, ipv4, tcp};
use core::net::Ipv4Addr;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

mod datagrams;
mod joining;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const DESTINATION: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// What a test's frame is made of.
#[derive(Clone, Debug)]
struct Plan {
    l2_len: usize,
    ip: ipv4::Header,
    tcp: tcp::Header,
    data: Vec<u8>,
    slice: usize,
    segment_size: u16,
}

impl Plan {
    fn new(data_len: usize, segment_size: u16) -> Self {
        let ip = ipv4::Header {
            source: SOURCE,
            destination: DESTINATION,
            protocol: Protocol::TCP,
            identification: 0xfffe,
            ..ipv4::Header::default()
        };
        let tcp = tcp::Header {
            source_port: 49_152,
            destination_port: 80,
            sequence: SeqNumber(u32::MAX - 1000),
            acknowledgment: SeqNumber(77),
            flags: Flags::ACK | Flags::PSH,
            window: 500,
            options: Options {
                timestamps: Some(Timestamps { value: 1, echo: 2 }),
                ..Options::NONE
            },
            ..tcp::Header::default()
        };
        let data = (0..data_len).map(|index| (index * 31 % 251) as u8).collect();
        Self { l2_len: 14, ip, tcp, data, slice: 700, segment_size }
    }

    fn headers_len(&self) -> usize {
        self.l2_len + self.ip.header_len() + self.tcp.header_len()
    }

    /// As the stack makes it: headers in the header area, payload in slices, partial checksum.
    fn frame(&self) -> Frame {
        let mut frame = Frame::new();
        self.data.chunks(self.slice).for_each(|part| frame.push(Payload::copy_from_slice(part)));
        let tcp_len = self.tcp.header_len();
        let pseudo = crate::checksum::pseudo_header(
            SOURCE.into(),
            DESTINATION.into(),
            Protocol::TCP.0,
            (tcp_len + self.data.len()) as u32,
        );
        let room = frame.prepend(tcp_len).unwrap();
        self.tcp.emit(room).unwrap();
        tcp::set_checksum(room, pseudo.fold()).unwrap();
        let mut ip = self.ip;
        ip.set_payload_len(tcp_len + self.data.len()).unwrap();
        ip.emit(frame.prepend(ip.header_len()).unwrap()).unwrap();
        if self.l2_len == ethernet::HEADER_LEN {
            let header = ethernet::Header {
                destination: ethernet::MacAddress([2; 6]),
                source: ethernet::MacAddress([4; 6]),
                ether_type: ethernet::EtherType::IPV4,
            };
            header.emit(frame.prepend(ethernet::HEADER_LEN).unwrap()).unwrap();
        }
        let start = (self.l2_len + ip.header_len()) as u16;
        frame.offload = Offload {
            checksum: ChecksumState::Partial { start, offset: 16 },
            segment_size: self.segment_size,
        };
        frame
    }

    /// The same bytes as a device would hand them over: in one slice.
    fn received(&self) -> Frame {
        let frame = self.frame();
        Frame::received(Payload::from(frame.to_vec()), frame.offload)
    }
}

fn cut_all(frame: &Frame, l2_len: usize, finish: Finish) -> Vec<Frame> {
    let mut frames = Vec::new();
    let count = cut(frame, l2_len, finish, |frame| frames.push(frame)).unwrap();
    assert_eq!(count, frames.len());
    frames
}

/// The parts of a frame on a wire, with every checksum verified.
fn parts(frame: &Frame, l2_len: usize) -> (ipv4::Header, tcp::Header, Vec<u8>) {
    let bytes = frame.to_vec();
    let ip = ipv4::Header::parse(&bytes[l2_len..]).unwrap();
    assert_eq!(usize::from(ip.total_len), bytes.len() - l2_len);
    let segment = &bytes[l2_len + ip.header_len()..];
    assert!(tcp::verify(ip.source.into(), ip.destination.into(), segment), "checksum of {frame:?}");
    let (tcp, tcp_len) = tcp::Header::parse(segment).unwrap();
    (ip, tcp, segment[tcp_len..].to_vec())
}

/// The frame with a tag of VLAN 7.
fn tagged(frame: &Frame) -> Frame {
    let mut bytes = frame.to_vec();
    bytes.splice(12..12, [0x81, 0x00, 0x60, 0x07]);
    let mut offload = frame.offload;
    if let ChecksumState::Partial { start, .. } = &mut offload.checksum {
        *start += 4;
    }
    Frame::received(Payload::from(bytes), offload)
}

#[test]
fn tags_stay_on_what_is_cut_and_joined() {
    let plan = Plan::new(3000, 1448);
    let frames = cut_all(&tagged(&plan.frame()), 14, Finish::Checksums);
    assert_eq!(frames.len(), 3);
    for frame in &frames {
        assert_eq!(frame.to_vec()[12..18], [0x81, 0x00, 0x60, 0x07, 0x08, 0x00]);
        parts(frame, 18);
    }
    // Frames of another VLAN are another flow.
    let mut joiner = Joiner::new(14, 65_535);
    let mut joined = Vec::new();
    for frame in frames {
        joiner.push(frame, |frame| joined.push(frame));
    }
    joiner.flush(|frame| joined.push(frame));
    let [whole] = &joined[..] else { panic!("{} frames", joined.len()) };
    assert_eq!(whole.len(), plan.headers_len() + 4 + 3000);
    assert_eq!(whole.to_vec()[12..18], [0x81, 0x00, 0x60, 0x07, 0x08, 0x00]);
    let mut joiner = Joiner::new(14, 65_535);
    let mut apart = 0;
    for (frame, vlan) in cut_all(&tagged(&plan.frame()), 14, Finish::Checksums).iter().zip(7..) {
        let mut bytes = frame.to_vec();
        bytes[15] = vlan;
        joiner.push(Frame::received(Payload::from(bytes), Offload::default()), |_| apart += 1);
    }
    joiner.flush(|_| apart += 1);
    assert_eq!(apart, 3);
}

#[test]
fn a_large_frame_becomes_frames_of_a_wire() {
    let mut plan = Plan::new(3500, 1448);
    plan.tcp.flags = Flags::ACK | Flags::PSH | Flags::FIN | Flags::CWR | Flags::ECE;
    for frame in [plan.frame(), plan.received()] {
        let frames = cut_all(&frame, 14, Finish::Checksums);
        let wire: Vec<_> = frames.iter().map(|frame| parts(frame, 14)).collect();
        let lengths: Vec<_> = wire.iter().map(|(_, _, data)| data.len()).collect();
        assert_eq!(lengths, [1448, 1448, 604]);
        let flags: Vec<_> = wire.iter().map(|(_, tcp, _)| tcp.flags).collect();
        let ece = Flags::ACK | Flags::ECE;
        assert_eq!(flags, [ece | Flags::CWR, ece, ece | Flags::PSH | Flags::FIN]);
        let identifications: Vec<_> = wire.iter().map(|(ip, _, _)| ip.identification).collect();
        assert_eq!(identifications, [0xfffe, 0xffff, 0]);
        let mut next = plan.tcp.sequence;
        for (ip, tcp, data) in &wire {
            assert_eq!(tcp.sequence, next);
            assert_eq!(
                (tcp.acknowledgment, tcp.window, tcp.options),
                (plan.tcp.acknowledgment, 500, plan.tcp.options)
            );
            assert_eq!((ip.source, ip.destination, ip.ttl, ip.tos), (SOURCE, DESTINATION, 64, 0));
            next += data.len() as u32;
        }
        assert_eq!(
            wire.iter().flat_map(|(_, _, data)| data.clone()).collect::<Vec<_>>(),
            plan.data
        );
        assert!(frames.iter().all(|frame| frame.offload == Offload::default()));
    }
}

#[test]
fn payload_is_shared_and_not_copied() {
    let frame = Plan::new(2896, 1448).frame();
    let whole: Vec<_> =
        frame.slices().iter().map(|slice| slice.as_slice().as_ptr_range()).collect();
    for part in cut_all(&frame, 14, Finish::Partial) {
        assert!(!part.slices().is_empty());
        for slice in part.slices() {
            let range = slice.as_slice().as_ptr_range();
            assert!(whole.iter().any(|whole| whole.start <= range.start && range.end <= whole.end));
        }
    }
}

#[test]
fn partial_checksums_become_right_ones() {
    let frame = Plan::new(3000, 1000).frame();
    let finished = cut_all(&frame, 14, Finish::Checksums);
    let mut partial = cut_all(&frame, 14, Finish::Partial);
    for (partial, finished) in partial.iter_mut().zip(&finished) {
        assert_eq!(partial.offload.checksum, ChecksumState::Partial { start: 34, offset: 16 });
        complete_checksum(partial).unwrap();
        assert_eq!(partial.to_vec(), finished.to_vec());
        assert_eq!(partial.offload, Offload::default());
    }
}

#[test]
fn the_urgent_pointer_keeps_pointing_at_its_byte() {
    let mut plan = Plan::new(3000, 1000);
    plan.tcp.flags.insert(Flags::URG);
    plan.tcp.urgent = 1500;
    let wire: Vec<_> = cut_all(&plan.frame(), 14, Finish::Checksums)
        .iter()
        .map(|frame| parts(frame, 14).1)
        .collect();
    let urgent: Vec<_> =
        wire.iter().map(|tcp| (tcp.flags.contains(Flags::URG), tcp.urgent)).collect();
    assert_eq!(urgent, [(true, 1500), (true, 500), (false, 0)]);
}

#[test]
fn a_frame_that_needs_no_cutting_is_given_whole() {
    let plan = Plan::new(100, 0);
    let frames = cut_all(&plan.frame(), 14, Finish::Checksums);
    assert_eq!(frames.len(), 1);
    assert_eq!(parts(&frames[0], 14).2, plan.data);
    let frames = cut_all(&plan.frame(), 14, Finish::Partial);
    assert_eq!(frames[0].offload.checksum, ChecksumState::Partial { start: 34, offset: 16 });
    // Also when it is small enough for one segment, or has no data at all.
    assert_eq!(cut_all(&Plan::new(100, 1448).frame(), 14, Finish::Checksums).len(), 1);
    assert_eq!(cut_all(&Plan::new(0, 1448).frame(), 14, Finish::Checksums).len(), 1);
}

#[test]
fn what_cannot_be_cut_is_an_error() {
    let never = |_| panic!("nothing is to be given");
    let mut udp = Plan::new(3000, 1000);
    udp.ip.protocol = Protocol::UDP;
    assert!(cut(&udp.frame(), 14, Finish::Checksums, never).is_err());
    let mut fragment = Plan::new(3000, 1000);
    fragment.ip.more_fragments = true;
    assert!(cut(&fragment.frame(), 14, Finish::Checksums, never).is_err());
    let offload = Offload { segment_size: 9, ..Offload::default() };
    assert!(
        cut(
            &Frame::received(Payload::copy_from_slice(&[1, 2, 3]), offload),
            14,
            Finish::Checksums,
            never
        )
        .is_err()
    );
}

#[test]
fn a_checksum_field_outside_the_frame() {
    let checksum = ChecksumState::Partial { start: 100, offset: 16 };
    let mut frame =
        Frame::received(Payload::copy_from_slice(&[1; 117]), Offload { checksum, segment_size: 0 });
    assert_eq!(complete_checksum(&mut frame), Err(crate::Error::Length));
    let mut frame =
        Frame::received(Payload::copy_from_slice(&[1; 400]), Offload { checksum, segment_size: 0 });
    assert_eq!(complete_checksum(&mut frame), Ok(()));
    assert_eq!((frame.len(), frame.offload.checksum), (400, ChecksumState::Complete));
    let checksum = ChecksumState::Partial { start: u16::MAX, offset: u16::MAX };
    let mut frame =
        Frame::received(Payload::copy_from_slice(&[1; 400]), Offload { checksum, segment_size: 0 });
    assert_eq!(complete_checksum(&mut frame), Err(crate::Error::Length));
}

#[test]
fn ipv6_frames_are_cut_too() {
    let mut plan = Plan::new(2500, 1000);
    plan.l2_len = 0;
    let v4 = plan.frame();
    let addresses = [[0xfd; 16], [0xfc; 16]];
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(((plan.tcp.header_len() + plan.data.len()) as u16).to_be_bytes());
    bytes.extend([6, 64]);
    bytes.extend(addresses.concat());
    bytes.extend(&v4.to_vec()[20..]);
    let offload = Offload { checksum: ChecksumState::Verified, segment_size: 1000 };
    let frames = cut_all(&Frame::received(Payload::from(bytes), offload), 0, Finish::Checksums);
    let mut data = Vec::<u8>::new();
    for frame in &frames {
        let bytes = frame.to_vec();
        assert_eq!(usize::from(u16::from_be_bytes([bytes[4], bytes[5]])), bytes.len() - 40);
        assert!(tcp::verify(addresses[0].into(), addresses[1].into(), &bytes[40..]));
        data.extend(&bytes[40 + plan.tcp.header_len()..]);
    }
    assert_eq!(frames.len(), 3);
    assert_eq!(data, plan.data);
}

proptest! {
    #[test]
    fn a_damaged_frame_is_cut_or_joined_without_harm(
        damage in proptest::collection::vec((0usize..140, any::<u8>()), 0..6),
        keep in 0usize..260,
        (state, size) in (0..3, prop_oneof![0u16..90, any::<u16>()]),
        slices in proptest::collection::vec(1usize..90, 1..4),
    ) {
        let plan = Plan::new(150, size);
        let mut bytes = plan.frame().to_vec();
        for (at, value) in damage {
            bytes[at] = value;
        }
        bytes.truncate(keep);
        let mut frame = Frame::new();
        for part in bytes.chunks(slices[0]) {
            frame.push(Payload::copy_from_slice(part));
        }
        frame.offload = plan.frame().offload;
        match state {
            0 => frame.offload.checksum = ChecksumState::Complete,
            1 => frame.offload.checksum = ChecksumState::Verified,
            _ => {}
        }
        let mut carried = 0;
        let count = cut(&frame, 14, Finish::Checksums, |part| {
            carried += 1;
            let _ = crate::describe::describe_frame(&part, 14);
        });
        prop_assert_eq!(count.unwrap_or(0), carried);
        // Joining neither loses a frame nor changes one that stands alone.
        frame.offload.segment_size = 0;
        let mut out = Vec::new();
        let mut joiner = Joiner::new(14, 65_535);
        joiner.push(frame.clone(), |frame| out.push(frame));
        joiner.flush(|frame| out.push(frame));
        prop_assert_eq!(out.len(), 1);
        prop_assert_eq!(out[0].to_vec(), bytes);
    }

    #[test]
    fn offload_is_total(bytes in crate::strategies::bytes(120), state in 0..3, start: u16, offset: u16, size: u16, l2_len in 0usize..20) {
        let checksum = match state {
            0 => ChecksumState::Complete,
            1 => ChecksumState::Verified,
            _ => ChecksumState::Partial { start: start % 130, offset: offset % 30 },
        };
        let frame = Frame::received(Payload::from(bytes), Offload { checksum, segment_size: size });
        let _ = cut(&frame, l2_len, Finish::Checksums, |_| ());
        let mut joiner = Joiner::new(l2_len, 65_535);
        joiner.push(frame, |_| ());
        joiner.flush(|_| ());
    }
}
