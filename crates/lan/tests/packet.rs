//! Packet sockets on one end of a veth pair, the kernel or another packet socket at the other, in
//! a network namespace of each test's own.

mod common;

use common::frames::{Flow, Packet};
use common::{in_namespace, run};
use danja_lan::packet::{Builder, OpenError, PacketSocket};
use danja_lan::{Adapter, MacAddress, Medium, Room};
use danja_wire::ethernet::EtherType;
use danja_wire::ip::Protocol;
use danja_wire::tcp::{self, Flags};
use danja_wire::{ChecksumState, Frame, Instant, Payload};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

const NOW: Instant = Instant::ZERO;
const OURS: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// Runs `body` in a namespace with a cable from `v0`, where the kernel is 10.0.0.1 and knows that
/// 10.0.0.2 is ours, to `v1`.
fn with_cable(test: &str, body: impl FnOnce()) {
    in_namespace(test, || {
        run("ip link add v0 type veth peer name v1");
        for end in ["v0", "v1"] {
            std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6"), "1").unwrap();
            run(&format!("ip link set {end} up"));
        }
        run("ip addr add 10.0.0.1/24 dev v0");
        run(&format!("ip neigh add 10.0.0.2 lladdr {OURS} dev v0"));
        body();
    });
}

/// The next IPv4 frame.
fn next(adapter: &mut impl Adapter) -> Frame {
    let link = adapter.capabilities().medium.header_len();
    let mut frames = Vec::new();
    for _ in 0..2_000 {
        adapter.receive(NOW, &mut frames, 1).unwrap();
        if let Some(frame) = frames.pop()
            && (link == 0 || frame.range(12, 14).as_slice() == EtherType::IPV4.0.to_be_bytes())
        {
            return frame;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("nothing came");
}

fn send(adapter: &mut impl Adapter, frame: Frame) {
    assert_eq!(adapter.room(NOW), Room::UNLIMITED);
    let mut frames = vec![frame];
    adapter.transmit(NOW, &mut frames).unwrap();
    assert!(frames.is_empty());
}

/// The kernel's hardware address at `v0`.
fn theirs() -> MacAddress {
    let text = std::fs::read_to_string("/sys/class/net/v0/address");
    // In a namespace of our own /sys may show another's: the kernel's tool asks the right one.
    let shown = String::from_utf8(run("ip -o link show v0").stdout).unwrap();
    let mut words = shown.split_whitespace().skip_while(|word| *word != "link/ether").skip(1);
    words.next().map_or_else(|| text.unwrap(), str::to_owned).trim().parse().unwrap()
}

fn flow(medium: Medium, from: u16, to: u16) -> Flow {
    let ethernet = matches!(medium, Medium::Ethernet(_)).then(|| (theirs(), OURS));
    let address = |last, port| std::net::SocketAddrV4::new([10, 0, 0, last].into(), port);
    Flow { ethernet, from: address(2, from), to: address(1, to) }
}

fn parse(frame: Frame, medium: Medium) -> Packet {
    let mut all = Vec::new();
    assert!(danja_lan::on_the_wire(frame, medium, |part| all.push(part)));
    assert_eq!(all.len(), 1);
    Packet::parse(&all.remove(0).to_vec(), medium.header_len()).expect("right checksums")
}

/// A datagram each way, as large as the MTU takes.
fn datagrams(mut adapter: PacketSocket) {
    let medium = adapter.capabilities().medium;
    let socket = UdpSocket::bind("10.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for length in [1, 100, 1472] {
        let question = vec![length as u8; length];
        socket.send_to(&question, "10.0.0.2:5353").unwrap();
        let packet = parse(next(&mut adapter), medium);
        assert_eq!(packet.ip.protocol, Protocol::UDP);
        assert_eq!(packet.segment[8..], question);
        let port = u16::from_be_bytes([packet.segment[0], packet.segment[1]]);
        send(&mut adapter, flow(medium, 5353, port).udp(&vec![0xee; length]));
        let mut answer = [0; 2000];
        let (count, from) = socket.recv_from(&mut answer).unwrap();
        assert_eq!((count, from), (length, SocketAddr::from(([10, 0, 0, 2], 5353))));
        assert!(answer[..count].iter().all(|byte| *byte == 0xee));
    }
    let counters = adapter.counters();
    assert_eq!((counters.received_frames, counters.transmitted_frames), (3, 3));
    assert_eq!((counters.received_dropped, counters.transmitted_dropped), (0, 0));
}

#[test]
fn datagrams_over_ethernet() {
    with_cable("datagrams_over_ethernet", || {
        let adapter = PacketSocket::open("v1", OURS).unwrap();
        let can = adapter.capabilities();
        assert_eq!((can.mtu, can.medium), (1500, Medium::Ethernet(OURS)));
        assert_eq!((can.checksum, can.max_segmented), (true, 65_535));
        datagrams(adapter);
    });
}

#[test]
fn datagrams_as_from_a_tun_device() {
    with_cable("datagrams_as_from_a_tun_device", || {
        run("ip link set v0 arp off");
        let flags = SocketFlags::CLOEXEC;
        let given = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None).unwrap();
        let adapter = Builder::ip("v1", theirs()).descriptor(given).open().unwrap();
        assert_eq!(adapter.capabilities().medium, Medium::Ip);
        datagrams(adapter);
    });
}

#[test]
fn datagrams_without_offload() {
    with_cable("datagrams_without_offload", || {
        // Datagrams are summed in software only if the interface does not promise to do it.
        let off = std::process::Command::new("ethtool").args(["-K", "v0", "tx", "off"]).status();
        if !off.is_ok_and(|status| status.success()) {
            return common::skip("datagrams_without_offload", "there is no ethtool");
        }
        let adapter = Builder::ethernet("v1", OURS).offload(false).open().unwrap();
        assert_eq!(adapter.capabilities().max_segmented, 0);
        datagrams(adapter);
    });
}

/// A connection that the kernel opens to us, by hand; segments larger than the MTU both ways.
fn segments(mut adapter: PacketSocket) {
    let medium = adapter.capabilities().medium;
    let link = medium.header_len();
    let connect = std::thread::spawn(|| TcpStream::connect("10.0.0.2:80").unwrap());
    let syn = parse(next(&mut adapter), medium).tcp().0;
    let back = flow(medium, 80, syn.source_port);
    let mut header = tcp::Header {
        sequence: tcp::SeqNumber(1000),
        acknowledgment: syn.sequence.after(1),
        flags: Flags::SYN | Flags::ACK,
        window: 65_535,
        ..tcp::Header::default()
    };
    header.options.mss = Some(1460);
    send(&mut adapter, back.tcp(header, Payload::EMPTY, 0));
    let mut stream = connect.join().unwrap();
    assert_eq!(parse(next(&mut adapter), medium).tcp().0.acknowledgment.0, 1001);
    let mut header = tcp::Header {
        sequence: tcp::SeqNumber(1001),
        flags: Flags::ACK,
        options: tcp::Header::default().options,
        ..header
    };
    let data: Vec<u8> = (0..40_000u32).map(|n| (n % 249) as u8).collect();
    stream.write_all(&data).unwrap();
    let (mut got, mut largest) = (Vec::new(), 0);
    while got.len() < data.len() {
        let frame = next(&mut adapter);
        largest = largest.max(frame.len());
        assert!(matches!(frame.offload.checksum, ChecksumState::Partial { start, offset: 16 }
            if usize::from(start) == link + 20));
        assert!(danja_lan::on_the_wire(frame, medium, |part| {
            let packet = Packet::parse(&part.to_vec(), link).expect("right checksums");
            let (segment, bytes) = packet.tcp();
            assert_eq!(segment.sequence, header.acknowledgment);
            header.acknowledgment = segment.sequence.after(bytes.len());
            got.extend_from_slice(bytes);
        }));
        send(&mut adapter, back.tcp(header, Payload::EMPTY, 0));
    }
    assert!(got == data);
    assert!(largest > 3_000, "the kernel sent nothing whole: {largest}");
    send(&mut adapter, back.tcp(header, Payload::from(data.clone()), 1460));
    let mut back = vec![0; data.len()];
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.read_exact(&mut back).unwrap();
    assert!(back == data);
    assert_eq!(adapter.counters().transmitted_dropped + adapter.counters().received_dropped, 0);
}

#[test]
fn segments_pass_whole_over_ethernet() {
    with_cable("segments_pass_whole_over_ethernet", || {
        segments(PacketSocket::open("v1", OURS).unwrap());
    });
}

#[test]
fn segments_pass_whole_as_from_a_tun_device() {
    with_cable("segments_pass_whole_as_from_a_tun_device", || {
        run("ip link set v0 arp off");
        segments(Builder::ip("v1", theirs()).open().unwrap());
    });
}

/// A frame without meaning.
fn marked(to: MacAddress, kind: &[u8], mark: u8) -> Frame {
    let mut frame = Frame::new();
    frame.push(Payload::from(vec![mark; 46]));
    let header = frame.prepend(12 + kind.len()).unwrap();
    header[..6].copy_from_slice(&to.0);
    header[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    header[12..].copy_from_slice(kind);
    frame
}

#[test]
fn a_batch_passes_in_order_and_only_to_whom_it_is_for() {
    with_cable("a_batch_passes_in_order_and_only_to_whom_it_is_for", || {
        let mut near = PacketSocket::open("v0", MacAddress([2, 0, 0, 0, 0, 1])).unwrap();
        let mut far = PacketSocket::open("v1", OURS).unwrap();
        let local = [0x88, 0xb5];
        let mut all: Vec<Frame> = (0..100).map(|mark| marked(OURS, &local, mark)).collect();
        all.insert(50, marked(MacAddress([2, 0, 0, 0, 0, 3]), &local, 200));
        all.push(marked(MacAddress([0xff; 6]), &local, 100));
        near.transmit(NOW, &mut all).unwrap();
        assert_eq!(near.counters().transmitted_frames, 102);
        let mut frames = Vec::new();
        assert_eq!(far.receive(NOW, &mut frames, 64).unwrap(), 64);
        while far.receive(NOW, &mut frames, 64).unwrap() == 64 {}
        let ours = frames.iter().filter(|frame| frame.range(12, 14).as_slice() == local);
        assert!(ours.map(|frame| frame.to_vec()[14]).eq(0..=100));
        // What one sends oneself is not heard.
        frames.clear();
        near.receive(NOW, &mut frames, 64).unwrap();
        assert!(frames.iter().all(|frame| frame.range(12, 14).as_slice() != local));
    });
}

#[test]
fn a_vlan_tag_comes_back() {
    with_cable("a_vlan_tag_comes_back", || {
        let mut near = PacketSocket::open("v0", MacAddress([2, 0, 0, 0, 0, 1])).unwrap();
        let mut far = PacketSocket::open("v1", OURS).unwrap();
        let sent = marked(OURS, &[0x81, 0, 0x60, 5, 0x88, 0xb5], 7);
        send(&mut near, sent.clone());
        let mut frames = Vec::new();
        far.receive(NOW, &mut frames, 64).unwrap();
        let got = frames.iter().find(|frame| frame.range(12, 14).as_slice() == [0x81, 0]);
        assert_eq!(got.expect("it came with its tag").to_vec(), sent.to_vec());
    });
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    with_cable("what_cannot_be_opened_says_what_to_do", || {
        let error = |name: &str| PacketSocket::open(name, OURS).unwrap_err();
        assert!(matches!(error("v7"), OpenError::Missing { .. }));
        for name in ["", "much-too-long-a-name", "a/b", "a b"] {
            assert!(matches!(error(name), OpenError::Name { .. }), "{name}");
        }
        assert!(matches!(error("lo"), OpenError::Kind { .. }));
        run("ip link set v1 down");
        assert!(error("v1").to_string().contains("sudo ip link set v1 up"));
    });
}

/// The kernel tells of a carrier a moment after there is one.
fn until_link(adapter: &mut PacketSocket, up: bool) {
    for _ in 0..2_000 {
        if adapter.link() == up {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the link is not {up}");
}

#[test]
fn an_interface_that_goes_down_drops_and_one_that_vanishes_fails() {
    with_cable("an_interface_that_goes_down_drops_and_one_that_vanishes_fails", || {
        let mut adapter = PacketSocket::open("v1", OURS).unwrap();
        let datagram = flow(adapter.capabilities().medium, 1, 2).udp(b"x");
        until_link(&mut adapter, true);
        run("ip link set v1 down");
        until_link(&mut adapter, false);
        send(&mut adapter, datagram.clone());
        assert_eq!(adapter.counters().transmitted_dropped, 1);
        let mut frames = Vec::new();
        adapter.receive(NOW, &mut frames, 64).unwrap();
        run("ip link set v1 up");
        until_link(&mut adapter, true);
        send(&mut adapter, datagram.clone());
        assert_eq!(adapter.counters().transmitted_frames, 1);
        run("ip link del v1");
        while adapter.receive(NOW, &mut frames, 64).is_ok_and(|count| count > 0) {}
        assert!(adapter.transmit(NOW, &mut vec![datagram]).is_err());
    });
}
