//! Captures read back: what, when, from where, and each frame once.

use super::*;
use crate::adapter::{Adapter, MacAddress};
use crate::cable::{Switch, pair};
use crate::test_frames::{Flow, Packet};
use danja_wire::{Frame, Instant, Payload};
use pcap_file::DataLink;
use pcap_file::pcapng::Block;
use pcap_file::pcapng::PcapNgReader;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A file in memory that a test can look at while it is written.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Interface = (String, DataLink, u8);

impl Memory {
    /// All interfaces and packets in the file as it is now.
    fn read(&self) -> (Vec<Interface>, Vec<EnhancedPacketBlock<'static>>) {
        let bytes = self.0.lock().unwrap().clone();
        let mut reader = PcapNgReader::new(bytes.as_slice()).unwrap();
        let (mut interfaces, mut packets) = (Vec::new(), Vec::new());
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::InterfaceDescription(interface) => {
                    let mut found = (String::new(), interface.linktype, 0);
                    for option in &interface.options {
                        match option {
                            InterfaceDescriptionOption::IfName(name) => found.0 = name.to_string(),
                            InterfaceDescriptionOption::IfTsResol(unit) => found.2 = *unit,
                            _ => {}
                        }
                    }
                    interfaces.push(found);
                }
                Block::EnhancedPacket(packet) => packets.push(packet.into_owned()),
                other => panic!("{other:?}"),
            }
        }
        (interfaces, packets)
    }

    fn capture(&self, zero: Duration) -> Capture {
        Capture::to_writer(self.clone(), CaptureOptions::new(zero).with_comment("a test")).unwrap()
    }
}

fn station(last: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, last])
}

fn send(adapter: &mut impl Adapter, now: Instant, frame: Frame) {
    adapter.transmit(now, &mut vec![frame]).unwrap();
}

fn receive(adapter: &mut impl Adapter, now: Instant) -> Vec<Frame> {
    let mut frames = Vec::new();
    adapter.receive(now, &mut frames, usize::MAX).unwrap();
    frames
}

#[test]
fn both_directions_with_names_times_and_comments() {
    let memory = Memory::default();
    let capture = memory.capture(Duration::new(1_700_000_000, 5));
    let switch = Switch::new();
    let mut near = Captured::new(switch.port(station(1)), &capture, "client").with_comment("curl");
    let mut far = switch.port(station(2));
    send(&mut near, Instant::from_nanos(123_456_789), Flow::between(1, 2).udp(b"question"));
    assert_eq!(memory.read().1.len(), 1, "readable at any time");
    assert_eq!(receive(&mut far, Instant::ZERO).len(), 1);
    send(&mut far, Instant::ZERO, Flow::between(2, 1).udp(b"answer"));
    assert_eq!(receive(&mut near, Instant::from_secs(2)).len(), 1);
    let (interfaces, packets) = memory.read();
    assert_eq!(interfaces, [("client".to_owned(), DataLink::ETHERNET, 9)]);
    assert_eq!(packets.len(), 2);
    assert_eq!(capture.packets(), 2);
    assert_eq!(packets[0].timestamp, Duration::new(1_700_000_000, 123_456_794));
    assert_eq!(packets[1].timestamp, Duration::new(1_700_000_002, 5));
    assert_eq!(*packets[0].data, Flow::between(1, 2).udp(b"question").to_vec());
    let comment = EnhancedPacketOption::Comment("curl".into());
    assert_eq!(packets[0].options, [EnhancedPacketOption::Flags(2), comment.clone()]);
    assert_eq!(packets[1].options, [EnhancedPacketOption::Flags(1), comment]);
    capture.finish().unwrap();
}

#[test]
fn what_a_wire_would_carry_while_the_frame_passes_whole() {
    let memory = Memory::default();
    let capture = memory.capture(Duration::ZERO);
    let (near, mut far) = pair();
    let mut near = Captured::new(near, &capture, "tun0");
    let frame = Flow::between(1, 2).ip().data(9, Payload::from(vec![3; 10_000]), 1000);
    let original = frame.to_vec();
    send(&mut near, Instant::ZERO, frame);
    let passed = receive(&mut far, Instant::ZERO).remove(0);
    assert_eq!((passed.to_vec(), passed.offload.segment_size), (original, 1000));
    let (interfaces, packets) = memory.read();
    assert_eq!(interfaces[0].1, DataLink::RAW);
    assert_eq!(packets.len(), 10);
    for (index, packet) in packets.iter().enumerate() {
        let parsed = Packet::parse(&packet.data, 0).expect("right checksums");
        assert_eq!(parsed.tcp().0.sequence.0, 9 + index as u32 * 1000);
        assert_eq!(parsed.tcp().1.len(), 1000);
        assert_eq!(packet.original_len as usize, packet.data.len());
    }
}

#[test]
fn raw_is_what_passes() {
    let memory = Memory::default();
    let (near, _far) = pair();
    let mut near = Captured::new(near, &memory.capture(Duration::ZERO), "x").with_raw(true);
    let frame = Flow::between(1, 2).ip().data(9, Payload::from(vec![3; 10_000]), 1000);
    send(&mut near, Instant::ZERO, frame.clone());
    let (_, packets) = memory.read();
    assert_eq!(packets.len(), 1);
    assert_eq!(*packets[0].data, frame.to_vec());
}

#[test]
fn each_frame_once_when_every_sender_is_captured() {
    let memory = Memory::default();
    let capture = memory.capture(Duration::ZERO);
    let switch = Switch::new();
    let mut ports: Vec<_> = (1..=3)
        .map(|last| {
            Captured::new(switch.port(station(last)), &capture, &format!("host{last}"))
                .with_direction(Direction::Transmitted)
        })
        .collect();
    for (from, to) in [(1, 2), (2, 3), (3, 1), (1, 3)] {
        let text = format!("{from} to {to}");
        send(
            &mut ports[from - 1],
            Instant::ZERO,
            Flow::between(from as u8, to as u8).udp(text.as_bytes()),
        );
    }
    // To a station that nobody knows: flooded to two ports, and still sent once.
    send(&mut ports[0], Instant::ZERO, Flow::between(1, 99).udp(b"anybody?"));
    assert_eq!(ports.iter_mut().map(|port| receive(port, Instant::ZERO).len()).sum::<usize>(), 6);
    let (interfaces, packets) = memory.read();
    assert_eq!(interfaces.len(), 3);
    assert_eq!(packets.len(), 5);
    assert_eq!(
        packets.iter().map(|packet| packet.interface_id).collect::<Vec<_>>(),
        [0, 1, 2, 0, 0]
    );
    let mut bytes: Vec<_> = packets.iter().map(|packet| packet.data.clone()).collect();
    bytes.dedup();
    assert_eq!(bytes.len(), 5);
}

#[test]
fn only_what_is_received() {
    let memory = Memory::default();
    let (near, mut far) = pair();
    let mut near = Captured::new(near, &memory.capture(Duration::ZERO), "x")
        .with_direction(Direction::Received);
    send(&mut near, Instant::ZERO, Flow::between(1, 2).ip().udp(b"out"));
    send(&mut far, Instant::ZERO, Flow::between(2, 1).ip().udp(b"in"));
    receive(&mut near, Instant::ZERO);
    let (_, packets) = memory.read();
    assert_eq!(packets.len(), 1);
    assert!(packets[0].data.ends_with(b"in"));
}

#[test]
fn a_frame_that_contradicts_itself_is_shown_as_it_is() {
    let memory = Memory::default();
    let (near, _far) = pair();
    let mut near = Captured::new(near, &memory.capture(Duration::ZERO), "x");
    let mut liar = Flow::between(1, 2).ip().udp(b"not tcp");
    liar.offload.segment_size = 3;
    send(&mut near, Instant::ZERO, liar.clone());
    assert_eq!(*memory.read().1[0].data, liar.to_vec());
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_capture_and_not_the_traffic() {
    let capture = Capture::to_writer(Full(400), CaptureOptions::default()).unwrap();
    let (near, mut far) = pair();
    let mut near = Captured::new(near, &capture, "x");
    for _ in 0..20 {
        send(&mut near, Instant::ZERO, Flow::between(1, 2).ip().udp(&[0; 50]));
    }
    assert_eq!(receive(&mut far, Instant::ZERO).len(), 20);
    assert_eq!(capture.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    capture.finish().unwrap();
    assert!(Capture::to_writer(Full(0), CaptureOptions::default()).is_err());
}

#[test]
fn long_texts_are_shortened() {
    let memory = Memory::default();
    let options = CaptureOptions::default().with_comment("c".repeat(100_000));
    let capture = Capture::to_writer(memory.clone(), options).unwrap();
    let (near, _far) = pair();
    let mut near =
        Captured::new(near, &capture, &"n".repeat(100_000)).with_comment("단자".repeat(50_000));
    send(&mut near, Instant::ZERO, Flow::between(1, 2).ip().udp(b"x"));
    let (interfaces, packets) = memory.read();
    assert_eq!((interfaces[0].0.len(), packets.len()), (1000, 1));
}
