use super::*;
use danja_wire::{Frame, Payload, ethernet, ip, ipv4, tcp};

const NOW: Instant = Instant::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(3);

fn end(host: HostId, port: u16) -> SocketAddr {
    SocketAddr::from((host.address(), port))
}

const A: HostId = HostId(0);
const B: HostId = HostId(1);

fn ends() -> (SocketAddr, SocketAddr) {
    (end(A, 1_000), end(B, 80))
}

/// A segment between the two hosts, as a frame.
fn segment(from: HostId, seq: u32, ack: Option<u32>, flags: Flags, data: &[u8]) -> Frame {
    let to = if from == A { B } else { A };
    let ports = if from == A { (1_000, 80) } else { (80, 1_000) };
    let header = tcp::Header {
        source_port: ports.0,
        destination_port: ports.1,
        sequence: SeqNumber(seq),
        acknowledgment: SeqNumber(ack.unwrap_or(0)),
        flags: if ack.is_some() { flags.union(Flags::ACK) } else { flags },
        ..tcp::Header::default()
    };
    let mut bytes = vec![0; 54];
    bytes.extend_from_slice(data);
    let link = ethernet::Header {
        destination: to.mac(),
        source: from.mac(),
        ether_type: ethernet::EtherType::IPV4,
    };
    link.emit(&mut bytes).unwrap();
    let packet = ipv4::Header {
        source: from.address(),
        destination: to.address(),
        protocol: ip::Protocol::TCP,
        total_len: (40 + data.len()) as u16,
        ..ipv4::Header::default()
    };
    packet.emit(&mut bytes[14..]).unwrap();
    header.emit(&mut bytes[34..]).unwrap();
    Frame::received(Payload::from(bytes), danja_wire::Offload::default())
}

/// A witness, and a clock.
struct Scene(Witness, Instant);

impl Scene {
    fn new() -> Self {
        let mut scene = Self(Witness::new(false), NOW);
        scene.pass(&segment(A, 99, None, Flags::SYN, &[]), A, Some(B));
        scene.pass(&segment(B, 499, Some(100), Flags::SYN, &[]), B, Some(A));
        scene.pass(&segment(A, 100, Some(500), Flags::default(), &[]), A, Some(B));
        scene
    }

    fn pass(&mut self, frame: &Frame, from: HostId, to: Option<HostId>) {
        let now = self.1;
        let sent = Passing { now, host: from, direction: Direction::Sent, frame };
        self.0.see(&sent);
        if let Some(host) = to {
            self.0.see(&Passing { now, host, direction: Direction::Received, frame });
        }
    }

    fn data(&mut self, arrives: bool) {
        let frame = segment(A, 100, Some(500), Flags::default(), b"data");
        self.pass(&frame, A, arrives.then_some(B));
    }

    fn wait(&mut self) {
        self.1 += Duration::from_secs(1);
    }

    fn judge(&self) -> Result<(), String> {
        self.0.unheard([A, B], ends().into(), None, PATIENCE, self.1)
    }
}

#[test]
fn whoever_was_lost_on_the_way_may_give_up_and_not_too_soon() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        assert!(scene.judge().is_err());
        scene.data(false);
        scene.wait();
    }
    assert_eq!(scene.judge(), Ok(()));
}

#[test]
fn whoever_arrived_must_have_been_acknowledged() {
    let mut scene = Scene::new();
    for _ in 0..3 {
        scene.data(true);
        scene.wait();
    }
    let why = scene.judge().unwrap_err();
    assert!(why.contains("was not acknowledged"), "{why}");

    // The acknowledgement is lost on its way: nobody's fault.
    let mut scene = Scene::new();
    for _ in 0..3 {
        scene.data(true);
        scene.pass(&segment(B, 500, Some(104), Flags::default(), &[]), B, None);
        scene.wait();
    }
    assert_eq!(scene.judge(), Ok(()));
    // It arrives.
    scene.pass(&segment(B, 500, Some(104), Flags::default(), &[]), B, Some(A));
    for _ in 0..3 {
        scene.wait();
    }
    let why = scene.judge().unwrap_err();
    assert!(why.contains("all that it sent"), "{why}");
}

#[test]
fn an_acknowledgement_on_an_old_segment_is_not_heard() {
    let mut scene = Scene::new();
    scene.data(true);
    scene.pass(&segment(B, 499, Some(104), Flags::default(), &[]), B, Some(A));
    for _ in 0..3 {
        scene.wait();
    }
    assert_eq!(scene.judge(), Ok(()));
}

#[test]
fn probes_must_be_answered_when_they_arrive() {
    let mut scene = Scene::new();
    for _ in 0..4 {
        scene.wait();
    }
    assert_eq!(scene.0.unanswered(ends().0, ends().1, None, PATIENCE, scene.1), Ok(()));
    for _ in 0..2 {
        scene.data(true);
        scene.wait();
    }
    scene.0.unanswered(ends().0, ends().1, None, PATIENCE, scene.1).unwrap_err();
}

#[test]
fn a_neighbour_is_silent_when_three_requests_went_unanswered() {
    let (a, b) = ends();
    let mut scene = Scene::new();
    let ask = |scene: &mut Scene, from: HostId, to: HostId, reply: bool| {
        let packet = danja_wire::arp::Packet {
            operation: if reply {
                danja_wire::arp::Operation::Reply
            } else {
                danja_wire::arp::Operation::Request
            },
            sender_mac: from.mac(),
            sender_ip: from.address(),
            target_mac: to.mac(),
            target_ip: to.address(),
        };
        let mut bytes = vec![0; 42];
        let link = ethernet::Header {
            destination: to.mac(),
            source: from.mac(),
            ether_type: ethernet::EtherType::ARP,
        };
        link.emit(&mut bytes).unwrap();
        packet.emit(&mut bytes[14..]).unwrap();
        let frame = Frame::received(Payload::from(bytes), danja_wire::Offload::default());
        scene.pass(&frame, from, reply.then_some(to));
    };
    for _ in 0..3 {
        scene.0.not_found(a, b).unwrap_err();
        ask(&mut scene, A, B, false);
    }
    assert_eq!(scene.0.not_found(a, b), Ok(()));
    // What reaches it meanwhile is not answered, and that is not its fault.
    let frame = segment(B, 500, Some(100), Flags::default(), b"data");
    for _ in 0..3 {
        scene.pass(&frame, B, Some(A));
        scene.wait();
    }
    assert_eq!(scene.0.unanswered(b, a, None, PATIENCE, scene.1), Ok(()));
    ask(&mut scene, B, A, true);
    scene.0.not_found(a, b).unwrap_err();
    // The connection, which was told before, has heard something since.
    scene.0.was_not_found(a, b, None).unwrap_err();
    // An answer in time to the third request is no silence; after that the connection is told,
    // even if a fourth is answered, until it hears something.
    for (requests, told) in [(3, false), (4, true)] {
        for _ in 0..requests {
            scene.wait();
            ask(&mut scene, A, B, false);
        }
        ask(&mut scene, B, A, true);
        assert_eq!(scene.0.was_not_found(a, b, None).is_ok(), told);
    }
    scene.wait();
    scene.pass(&frame, B, Some(A));
    scene.0.was_not_found(a, b, None).unwrap_err();
}

#[test]
fn a_connection_is_remembered_when_its_ports_are_used_again() {
    let (a, b) = ends();
    let call = Some(SeqNumber(99));
    let mut scene = Scene::new();
    scene.data(false);
    for _ in 0..3 {
        scene.wait();
    }
    scene.pass(&segment(A, 104, Some(500), Flags::RST, &[]), A, None);
    scene.pass(&segment(A, 9_000, None, Flags::SYN, &[]), A, Some(B));
    assert!(scene.judge().is_err(), "the new one has just begun");
    assert!(!scene.0.was_reset(a, b, None));
    assert!(scene.0.was_reset(a, b, call));
    let then = scene.0.unheard([A, B], [a, b], call, PATIENCE, scene.1);
    assert_eq!(then, Ok(()));
    // Time passes for the new one alone.
    scene.wait();
    assert!(!scene.0.waited(a, b, call, PATIENCE + Duration::from_secs(1), scene.1));
}
