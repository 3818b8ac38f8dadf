//! ICMP errors about TCP segments: believed only if they quote what is in flight (RFC 5927).

use super::pair::Seen;
use super::solo::{Solo, in_ip, local_ip, packet, plain_options, remote_ip};
use crate::config::Config;
use crate::socket::{Cause, Fault};
use crate::views::TcpState;
use core::time::Duration;
use danja_wire::checksum::Sum;
use danja_wire::icmpv4::{Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::tcp::{Flags, Header, SeqNumber};

/// An ICMP error that quotes a segment of ours with this sequence number.
fn unreachable(solo: &mut Solo, code: Unreachable, mtu: u16, seq: SeqNumber) {
    let header = Header {
        source_port: solo.local_port,
        destination_port: solo.remote_port,
        sequence: seq,
        ..Header::default()
    };
    let quoted = packet(local_ip(), remote_ip(), &header, &[]);
    let quoted = &quoted[..28];
    let mut body = Sum::new();
    body.add_bytes(quoted);
    let message = Message::DestinationUnreachable { code, next_hop_mtu: mtu };
    let mut icmp = std::vec![0; 8];
    message.emit(&mut icmp, body).unwrap();
    icmp.extend_from_slice(quoted);
    let bytes = in_ip(remote_ip(), local_ip(), Protocol::ICMP, &icmp);
    solo.receive(bytes);
}

#[test]
fn a_hard_error_refuses_an_attempt() {
    let mut solo = Solo::new(Config::default());
    let socket = solo.syn_sent();
    let iss = solo.iss;
    unreachable(&mut solo, Unreachable::Port, 0, iss + 1);
    assert_eq!(solo.state(socket), TcpState::SynSent, "not the sequence number of the SYN");
    unreachable(&mut solo, Unreachable::Port, 0, iss);
    assert_eq!(solo.state(socket), TcpState::Closed);
    let fault = solo.error(socket).unwrap();
    assert_eq!(fault.kind, Fault::ConnectionRefused);
    assert!(matches!(fault.cause, Some(Cause::Icmp { message_type: 3, code: 3, .. })));
}

#[test]
fn a_soft_error_is_told_when_the_attempt_fails() {
    let mut solo = Solo::new(Config::default());
    let socket = solo.syn_sent();
    let iss = solo.iss;
    unreachable(&mut solo, Unreachable::Host, 0, iss);
    assert_eq!(solo.state(socket), TcpState::SynSent);
    solo.wait(Duration::from_secs(400));
    assert_eq!(solo.error(socket).unwrap().kind, Fault::HostUnreachable);
}

#[test]
fn a_soft_error_ends_an_attempt_where_that_was_asked_for() {
    let mut config = Config::default();
    config.tcp.soft_errors_end_opening = true;
    let mut solo = Solo::new(config);
    let socket = solo.syn_sent();
    let iss = solo.iss;
    unreachable(&mut solo, Unreachable::Host, 0, iss);
    assert_eq!(solo.state(socket), TcpState::Closed);
    assert_eq!(solo.error(socket).unwrap().kind, Fault::HostUnreachable);
}

#[test]
fn what_is_prohibited_is_final() {
    let mut solo = Solo::new(Config::default());
    let socket = solo.syn_sent();
    let iss = solo.iss;
    unreachable(&mut solo, Unreachable::AdministrativelyProhibited, 0, iss);
    assert_eq!(solo.state(socket), TcpState::Closed);
    assert_eq!(solo.error(socket).unwrap().kind, Fault::Prohibited);
}

/// Vulnerability class 54.
#[test]
fn no_error_ends_an_established_connection() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, b"in flight").unwrap();
    solo.poll();
    let iss = solo.iss;
    for code in (0..16).map(Unreachable::from_code) {
        if code == Unreachable::FragmentationNeeded {
            continue;
        }
        unreachable(&mut solo, code, 0, iss + 1);
        assert_eq!(solo.state(socket), TcpState::Established, "{code:?}");
    }
    assert!(solo.info(socket).soft_error.is_some());
    assert!(solo.info(socket).error.is_none());
}

#[test]
fn a_soft_error_is_forgotten_when_the_peer_is_heard() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, b"in flight").unwrap();
    solo.poll();
    let iss = solo.iss;
    unreachable(&mut solo, Unreachable::Host, 0, iss + 1);
    assert!(solo.info(socket).soft_error.is_some());
    solo.say(Flags::ACK, 1, 10, &[]);
    assert!(solo.info(socket).soft_error.is_none());
    solo.write(socket, b"again").unwrap();
    solo.wait(Duration::from_secs(1_200));
    assert_eq!(solo.error(socket).unwrap().kind, Fault::TimedOut);
}

fn lengths(sent: &[Seen]) -> std::vec::Vec<usize> {
    sent.iter().map(|seen| seen.data.len()).collect()
}

#[test]
fn a_smaller_mtu_sends_again_in_smaller_segments() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, &[5; 4_000]).unwrap();
    assert_eq!(lengths(&solo.poll()), [1_460, 1_460, 1_080]);
    let before = solo.info(socket).tcp.unwrap();
    let iss = solo.iss;
    // Vulnerability class 56: a quote of nothing in flight changes nothing.
    unreachable(&mut solo, Unreachable::FragmentationNeeded, 600, iss + 5_000);
    assert!(solo.poll().is_empty());
    unreachable(&mut solo, Unreachable::FragmentationNeeded, 1_000, iss + 1);
    let again = solo.poll();
    assert_eq!(lengths(&again), [960, 960, 960, 960, 160]);
    let after = solo.info(socket).tcp.unwrap();
    assert_eq!((after.path_mtu, after.snd_mss), (1_000, 960));
    assert_eq!(after.cwnd, before.cwnd, "no congestion is meant");
    // Vulnerability class 44: never below the floor.
    unreachable(&mut solo, Unreachable::FragmentationNeeded, 68, iss + 1);
    assert_eq!(solo.info(socket).tcp.unwrap().path_mtu, 552);
}

#[test]
fn a_silent_neighbour_fails_an_attempt() {
    use crate::{InterfaceConfig, Medium};
    use danja_wire::ethernet::MacAddress;
    let mut solo = Solo::new(Config::default());
    let mac = MacAddress([2, 0, 0, 0, 0, 9]);
    let lan = InterfaceConfig::new("eth0", Medium::Ethernet(mac), 1_500)
        .address("10.9.0.1/24".parse().unwrap());
    let interface = solo.stack.add_interface(lan, solo.now).unwrap();
    let socket = solo.socket();
    let remote = "10.9.0.2:80".parse().unwrap();
    solo.stack.connect(socket, remote, solo.now).unwrap_err();
    let until = solo.now + Duration::from_secs(10);
    loop {
        let room = crate::Room::UNLIMITED;
        while solo.stack.poll_transmit(interface, room, solo.now).is_some() {}
        let Some(at) = solo.stack.poll_timeout().filter(|at| *at < until) else { break };
        solo.now = at;
        solo.stack.handle_timeout(at);
    }
    let fault = solo.error(socket).expect("no answer to ARP");
    assert_eq!(fault.kind, Fault::HostUnreachable);
    assert!(matches!(fault.cause, Some(Cause::NeighbourSilent(_))));
}

/// The route changed while the connection waited for its turn: what it sends leaves by the new
/// interface, and by no other.
#[test]
fn a_turn_at_the_old_interface_sends_nothing() {
    use crate::config::Route;
    use crate::{InterfaceConfig, Medium, Room};
    use danja_wire::ip::Cidr;
    let mut solo = Solo::new(Config::default());
    let socket = solo.established();
    solo.write(socket, b"before the change").unwrap();
    let other = InterfaceConfig::new("lan1", Medium::Ip, 1_500);
    let other = solo.stack.add_interface(other, solo.now).unwrap();
    let destination = Cidr::new(remote_ip().into(), 32).unwrap();
    let route = Route { destination, gateway: None, interface: other, metric: 0 };
    assert!(solo.stack.add_route(route, solo.now));
    let link = Cidr::new(local_ip().into(), 24).unwrap();
    let link = Route { destination: link, gateway: None, interface: solo.interface, metric: 0 };
    assert!(solo.stack.remove_route(link, solo.now));
    solo.write(socket, b", and after").unwrap();
    let now = solo.now;
    assert!(solo.stack.poll_transmit(solo.interface, Room::UNLIMITED, now).is_none());
    assert!(!solo.stack.core.ip.has_control(other), "made at another interface's turn");
    assert!(solo.stack.poll_transmit(other, Room::UNLIMITED, now).is_some());
}
