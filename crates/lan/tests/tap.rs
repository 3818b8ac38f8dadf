//! The Linux kernel at the other end, in a network namespace of each test's own.

mod common;

use common::frames::{Flow, Packet};
use common::{in_namespace, run, skip};
use danja_lan::tap::{Builder, OpenError, Tap};
use danja_lan::{Adapter, MacAddress, Medium, Readiness, Room};
use danja_wire::ethernet::EtherType;
use danja_wire::ip::Protocol;
use danja_wire::tcp::{self, Flags};
use danja_wire::{ChecksumState, Frame, Instant, Payload};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

const NOW: Instant = Instant::ZERO;
const OURS: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// Whether `/dev/net/tun` can be opened; says so if not.
fn permitted(test: &str) -> bool {
    match File::options().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => true,
        Err(error) => {
            skip(test, &format!("/dev/net/tun: {error}"));
            false
        }
    }
}

/// Makes `t0`, where the kernel is 10.0.0.1 and knows that 10.0.0.2 is ours.
fn kernel_side(mode: &str) {
    run(&format!("ip tuntap add dev t0 mode {mode}"));
    std::fs::write("/proc/sys/net/ipv6/conf/t0/disable_ipv6", "1").unwrap();
    run("ip addr add 10.0.0.1/24 dev t0");
    run("ip link set t0 up");
    if mode.starts_with("tap") {
        run(&format!("ip neigh add 10.0.0.2 lladdr {OURS} dev t0"));
    }
}

/// Runs `body` in a namespace with `t0`.
fn with_kernel(test: &str, mode: &str, body: impl FnOnce()) {
    in_namespace(test, || {
        if permitted(test) {
            kernel_side(mode);
            body();
        }
    });
}

/// The next IPv4 frame from the kernel.
fn next(tap: &mut Tap) -> Frame {
    let link = tap.capabilities().medium.header_len();
    let mut frames = Vec::new();
    for _ in 0..2_000 {
        tap.receive(NOW, &mut frames, 1).unwrap();
        if let Some(frame) = frames.pop()
            && (link == 0 || frame.range(12, 14).as_slice() == EtherType::IPV4.0.to_be_bytes())
        {
            return frame;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("nothing came from the kernel");
}

/// Whether the device can be read now, as a poll of its descriptor says.
fn readable(tap: &Tap) -> bool {
    let Readiness::Descriptor(descriptor) = tap.readiness() else { panic!("a descriptor") };
    let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN | PollFlags::OUT)];
    poll(&mut polled, Some(&Timespec::default())).unwrap();
    assert!(polled[0].revents().contains(PollFlags::OUT), "there is always room");
    polled[0].revents().contains(PollFlags::IN)
}

fn send(tap: &mut Tap, frame: Frame) {
    assert_eq!(tap.room(NOW), Room::UNLIMITED);
    let mut frames = vec![frame];
    tap.transmit(NOW, &mut frames).unwrap();
    assert!(frames.is_empty());
}

/// The frame as a wire would carry it.
fn completed(frame: Frame, medium: Medium) -> Vec<u8> {
    let mut all = Vec::new();
    assert!(danja_lan::on_the_wire(frame, medium, |part| all.push(part)));
    assert_eq!(all.len(), 1);
    all.remove(0).to_vec()
}

/// The kernel's hardware address at `t0`.
fn theirs() -> MacAddress {
    let text = std::str::from_utf8(&run("ip -o link show t0").stdout).unwrap().to_owned();
    let mut words = text.split_whitespace().skip_while(|word| *word != "link/ether").skip(1);
    let mut octets =
        words.next().unwrap().split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap());
    MacAddress(std::array::from_fn(|_| octets.next().unwrap()))
}

/// A flow from us to the kernel.
fn flow(medium: Medium, from: u16, to: u16) -> Flow {
    let ethernet = matches!(medium, Medium::Ethernet(_)).then(|| (theirs(), OURS));
    let address = |last, port| std::net::SocketAddrV4::new([10, 0, 0, last].into(), port);
    Flow { ethernet, from: address(2, from), to: address(1, to) }
}

/// A datagram each way, as large as the MTU takes.
fn datagrams(builder: Builder) {
    let mut tap = builder.open().unwrap();
    let medium = tap.capabilities().medium;
    let link = medium.header_len();
    let socket = UdpSocket::bind("10.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for length in [1, 100, 1472] {
        let question = vec![length as u8; length];
        socket.send_to(&question, "10.0.0.2:5353").unwrap();
        let frame = next(&mut tap);
        assert_eq!(frame.slices().len(), 1);
        assert_eq!(frame.slices()[0].cost(), 2048);
        let packet = Packet::parse(&completed(frame, medium), link).expect("right checksums");
        assert_eq!(packet.ip.protocol, Protocol::UDP);
        assert_eq!(packet.segment[8..], question);
        let port = u16::from_be_bytes([packet.segment[0], packet.segment[1]]);
        send(&mut tap, flow(medium, 5353, port).udp(&vec![0xee; length]));
        let mut answer = [0; 2000];
        let (count, from) = socket.recv_from(&mut answer).unwrap();
        assert_eq!((count, from), (length, SocketAddr::from(([10, 0, 0, 2], 5353))));
        assert!(answer[..count].iter().all(|byte| *byte == 0xee));
    }
    let counters = tap.counters();
    assert_eq!((counters.received_frames, counters.transmitted_frames), (3, 3));
    assert_eq!((counters.received_dropped, counters.transmitted_dropped), (0, 0));
}

#[test]
fn datagrams_over_tap_with_offload() {
    with_kernel("datagrams_over_tap_with_offload", "tap", || {
        let builder = Builder::tap("t0", OURS);
        let capabilities = builder.clone().open().unwrap().capabilities();
        assert_eq!((capabilities.mtu, capabilities.medium), (1500, Medium::Ethernet(OURS)));
        assert_eq!((capabilities.checksum, capabilities.max_segmented), (true, 65_535));
        datagrams(builder);
    });
}

#[test]
fn datagrams_over_tap_without_offload() {
    with_kernel("datagrams_over_tap_without_offload", "tap", || {
        // Left by another program with offloads on: they must not show here.
        drop(Tap::open("t0", OURS).unwrap());
        let builder = Builder::tap("t0", OURS).offload(false);
        let capabilities = builder.clone().open().unwrap().capabilities();
        assert_eq!((capabilities.checksum, capabilities.max_segmented), (false, 0));
        datagrams(builder);
    });
}

#[test]
fn datagrams_over_tun() {
    with_kernel("datagrams_over_tun", "tun", || datagrams(Builder::tun("t0")));
}

#[test]
fn datagrams_over_a_tap_of_several_queues() {
    let test = "datagrams_over_a_tap_of_several_queues";
    with_kernel(test, "tap multi_queue", || datagrams(Builder::tap("t0", OURS)));
}

/// A connection that the kernel opens to us, by hand.
struct Connection {
    flow: Flow,
    sequence: u32,
    acknowledgment: u32,
    stream: TcpStream,
}

impl Connection {
    fn accept(tap: &mut Tap) -> Self {
        let connect = std::thread::spawn(|| TcpStream::connect("10.0.0.2:80").unwrap());
        let medium = tap.capabilities().medium;
        let parse = |frame| Packet::parse(&completed(frame, medium), medium.header_len()).unwrap();
        let syn = parse(next(tap)).tcp().0;
        let mut connection_flow = flow(medium, 80, syn.source_port);
        connection_flow.from.set_port(80);
        let mut answer = tcp::Header {
            sequence: tcp::SeqNumber(1000),
            acknowledgment: syn.sequence.after(1),
            flags: Flags::SYN | Flags::ACK,
            window: 65_535,
            ..tcp::Header::default()
        };
        answer.options.mss = Some(1460);
        send(tap, connection_flow.tcp(answer, Payload::EMPTY, 0));
        let stream = connect.join().unwrap();
        let ack = parse(next(tap)).tcp().0;
        assert_eq!(ack.acknowledgment.0, 1001);
        Self {
            flow: connection_flow,
            sequence: 1001,
            acknowledgment: syn.sequence.after(1).0,
            stream,
        }
    }

    fn header(&self) -> tcp::Header {
        tcp::Header {
            sequence: tcp::SeqNumber(self.sequence),
            acknowledgment: tcp::SeqNumber(self.acknowledgment),
            flags: Flags::ACK,
            window: 65_535,
            ..tcp::Header::default()
        }
    }
}

/// Segments larger than the MTU, both ways, over whatever `t0` is.
fn segments(mut tap: Tap) {
    let medium = tap.capabilities().medium;
    let link = medium.header_len();
    let mut connection = Connection::accept(&mut tap);
    let data: Vec<u8> = (0..40_000u32).map(|n| (n % 249) as u8).collect();
    connection.stream.write_all(&data).unwrap();
    let mut got = Vec::new();
    let mut largest = 0;
    while got.len() < data.len() {
        let frame = next(&mut tap);
        let (total, cost) = (frame.len(), frame.slices().iter().map(Payload::cost).sum::<usize>());
        if frame.offload.segment_size > 0 {
            assert_eq!(frame.offload.segment_size, 1460);
            assert!(matches!(frame.offload.checksum, ChecksumState::Partial { start, offset: 16 }
                if usize::from(start) == link + 20));
        }
        assert!(cost >= total && cost <= 2048 + 2048.max(12 * total), "{cost} for {total}");
        largest = largest.max(total);
        assert!(danja_lan::on_the_wire(frame, medium, |part| {
            let packet = Packet::parse(&part.to_vec(), link).expect("right checksums");
            let (header, bytes) = packet.tcp();
            assert_eq!(header.sequence.0, connection.acknowledgment);
            connection.acknowledgment = header.sequence.after(bytes.len()).0;
            got.extend_from_slice(bytes);
        }));
        send(&mut tap, connection.flow.tcp(connection.header(), Payload::EMPTY, 0));
    }
    assert!(got == data);
    assert!(largest > 3_000, "the kernel sent nothing whole: {largest}");
    // Back in one frame of many slices.
    let whole = Payload::from(data.clone());
    let mut frame = Frame::new();
    for start in (0..data.len()).step_by(3_000) {
        frame.push(whole.slice(start, start + 3_000));
    }
    let plain = connection.flow.tcp(connection.header(), whole.clone(), 1460);
    frame.prepend(plain.header().len()).unwrap().copy_from_slice(plain.header());
    frame.offload = plain.offload;
    assert_eq!(frame.slices().len(), 14);
    send(&mut tap, frame);
    let mut back = vec![0; data.len()];
    connection.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    connection.stream.read_exact(&mut back).unwrap();
    assert!(back == data);
    assert_eq!(tap.counters().transmitted_dropped + tap.counters().received_dropped, 0);
}

#[test]
fn segments_pass_whole_over_tap() {
    with_kernel("segments_pass_whole_over_tap", "tap", || segments(Tap::open("t0", OURS).unwrap()));
}

#[test]
fn segments_pass_whole_over_tun() {
    with_kernel("segments_pass_whole_over_tun", "tun", || {
        segments(Builder::tun("t0").open().unwrap())
    });
}

#[test]
fn a_frame_that_asks_too_much_is_cut_here() {
    with_kernel("a_frame_that_asks_too_much_is_cut_here", "tap", || {
        let mut tap = Builder::tap("t0", OURS).offload(false).open().unwrap();
        let mut connection = Connection::accept(&mut tap);
        let frame = connection.flow.tcp(connection.header(), Payload::from(vec![9; 20_000]), 1460);
        send(&mut tap, frame);
        let mut got = vec![0; 20_000];
        connection.stream.read_exact(&mut got).unwrap();
        assert!(got.iter().all(|byte| *byte == 9));
        assert_eq!(tap.counters().transmitted_frames, 1 + 14);
    });
}

#[test]
fn several_frames_are_read_per_wake() {
    with_kernel("several_frames_are_read_per_wake", "tap", || {
        let mut tap = Tap::open("t0", OURS).unwrap();
        let socket = UdpSocket::bind("10.0.0.1:0").unwrap();
        for n in 0..100u8 {
            socket.send_to(&[n], "10.0.0.2:9").unwrap();
        }
        let mut frames = Vec::new();
        assert_eq!(tap.receive(NOW, &mut frames, 64).unwrap(), 64);
        assert!(readable(&tap), "more wait");
        while tap.receive(NOW, &mut frames, 64).unwrap() == 64 {}
        assert!(!readable(&tap));
        let datagrams = frames.iter().filter(|frame| frame.len() == 43);
        let last: Vec<u8> = datagrams.map(|frame| frame.to_vec()[42]).collect();
        assert!(last.into_iter().eq(0..100), "all of them, in order");
    });
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let test = "what_cannot_be_opened_says_what_to_do";
    with_kernel(test, "tap", || {
        let error = |name: &str| Tap::open(name, OURS).unwrap_err();
        assert!(matches!(error("tap7"), OpenError::Missing { .. }));
        assert!(
            error("tap7").to_string().contains("sudo ip tuntap add dev tap7 mode tap user $USER")
        );
        for name in ["", "much-too-long-a-name", "a/b", "a b"] {
            assert!(matches!(error(name), OpenError::Name { .. }), "{name}");
        }
        assert!(matches!(error("lo"), OpenError::Kind { .. }));
        assert!(matches!(Builder::tun("t0").open().unwrap_err(), OpenError::Kind { .. }));
        let first = Tap::open("t0", OURS).unwrap();
        assert!(matches!(error("t0"), OpenError::Busy { .. }));
        drop(first);
        run("ip link set t0 down");
        assert!(matches!(error("t0"), OpenError::Down { .. }));
        run("ip link set t0 up");
        Tap::open("t0", OURS).unwrap();
    });
}

#[test]
fn a_device_that_goes_down_drops_and_one_that_vanishes_fails() {
    let test = "a_device_that_goes_down_drops_and_one_that_vanishes_fails";
    with_kernel(test, "tap", || {
        let mut tap = Tap::open("t0", OURS).unwrap();
        let medium = tap.capabilities().medium;
        let datagram = flow(medium, 1, 2).udp(b"x");
        run("ip link set t0 down");
        send(&mut tap, datagram.clone());
        assert_eq!((tap.counters().transmitted_frames, tap.counters().transmitted_dropped), (0, 1));
        run("ip link set t0 up");
        send(&mut tap, datagram.clone());
        assert_eq!(tap.counters().transmitted_frames, 1);
        run("ip link del t0");
        let mut frames = Vec::new();
        while tap.receive(NOW, &mut frames, 64).is_ok_and(|count| count > 0) {}
        assert_ne!(tap.receive(NOW, &mut frames, 64).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(tap.transmit(NOW, &mut vec![datagram]).is_err());
    });
}
