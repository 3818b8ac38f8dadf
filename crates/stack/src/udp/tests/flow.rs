//! Sending and receiving: lengths, checksums, queues, options (RFC 768, RFC 1122 §4.1).

use crate::config::InterfaceConfig;
use crate::discard::Discard;
use crate::event::{Event, Ready};
use crate::interface::{InterfaceId, Medium};
use crate::ip::tests::frames::*;
use crate::ip::tests::world::*;
use crate::socket::{
    OptionError, OptionName, PathMtuDiscovery, Received, RecvError, RecvFlags, SendError,
    SendFlags, Shutdown, ShutdownError, SocketId, SocketKind, SocketOption,
};
use core::net::Ipv4Addr;
use danja_wire::ip::Protocol;
use danja_wire::{ChecksumState, Payload, ipv4};
use std::vec::Vec;

fn send(
    host: &mut Host,
    socket: SocketId,
    length: usize,
    flags: SendFlags,
) -> Result<usize, SendError> {
    host.stack.send(socket, &Payload::from(std::vec![7; length]), flags, host.now)
}

fn to(address: core::net::SocketAddr) -> SendFlags {
    SendFlags { to: Some(address), ..SendFlags::default() }
}

fn recv(
    host: &mut Host,
    socket: SocketId,
    max: usize,
    peek: bool,
) -> Result<(Received, Vec<u8>), RecvError> {
    let mut parts = Vec::new();
    let flags = RecvFlags { peek, ..RecvFlags::default() };
    let received = host.stack.recv(socket, max, flags, &mut parts, host.now)?;
    Ok((received, parts.iter().flat_map(|part| part.as_slice().to_vec()).collect()))
}

#[test]
fn the_length_field_is_checked() {
    // Row 31; vulnerability row 14.
    for claimed in [0u16, 1, 7, 13, 100, 65_535] {
        let mut host = acquainted();
        let socket = host.udp(A, 9);
        let mut datagram = udp((B, 5), (A, 9), b"data");
        datagram[4..6].copy_from_slice(&claimed.to_be_bytes());
        host.give(&from_b(&ip(header(Protocol::UDP), &datagram)));
        assert_eq!(host.recv(socket), None, "{claimed}");
        assert_eq!(host.discarded(Discard::UdpMalformed), 1);
        assert!(host.drain().is_empty());
    }
    // The IP payload may be longer; the rest is nobody's.
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let mut datagram = udp((B, 5), (A, 9), b"data");
    datagram.extend_from_slice(b"rest");
    host.give(&from_b(&ip(header(Protocol::UDP), &datagram)));
    assert_eq!(host.recv(socket).unwrap().0, b"data");
}

#[test]
fn the_checksum_is_verified_and_zero_means_none() {
    // Row 27.
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let mut datagram = udp((B, 5), (A, 9), b"data");
    datagram[11] ^= 1;
    host.give(&from_b(&ip(header(Protocol::UDP), &datagram)));
    assert_eq!(host.recv(socket), None);
    datagram[6..8].fill(0);
    host.give(&from_b(&ip(header(Protocol::UDP), &datagram)));
    assert!(host.recv(socket).is_some());
}

#[test]
fn an_empty_datagram_is_a_datagram() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    host.give(&udp_frame(5, 9, b""));
    let (received, _) = recv(&mut host, socket, 100, false).unwrap();
    assert_eq!((received.bytes, received.from), (0, Some(at(B, 5))));
    assert_eq!(recv(&mut host, socket, 100, false), Err(RecvError::WouldBlock));
}

#[test]
fn what_was_received_is_told() {
    // RFC 1122 §4.1.3.5: the specific destination is handed up.
    let mut host = acquainted();
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, 9);
    let header = ipv4::Header { ttl: 3, tos: 0xb9, ..header(Protocol::UDP) };
    host.give(&from_b(&ip(header, &udp((B, 5), (A, 9), b"0123456789"))));
    let (peeked, bytes) = recv(&mut host, socket, 4, true).unwrap();
    assert_eq!(bytes, b"0123");
    let (received, bytes) = recv(&mut host, socket, 4, false).unwrap();
    assert_eq!((received, bytes.as_slice()), (peeked, &b"0123"[..]));
    let expected = Received {
        bytes: 4,
        full_len: 10,
        from: Some(at(B, 5)),
        to: Some(at(A, 9)),
        interface: Some(LAN),
        ttl: 3,
        tos: 0xb9,
    };
    assert_eq!(received, expected);
    // The rest of it is lost.
    assert_eq!(recv(&mut host, socket, 4, false), Err(RecvError::WouldBlock));
}

#[test]
fn send_says_what_is_wrong() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let flags = SendFlags::default();
    assert_eq!(send(&mut host, socket, 1, flags), Err(SendError::DestinationRequired));
    assert_eq!(send(&mut host, socket, 65_508, to(at(B, 1))), Err(SendError::MessageTooLong));
    assert_eq!(send(&mut host, socket, 1, to(at(B, 0))), Err(SendError::InvalidAddress));
    let broadcast = to(at(Ipv4Addr::new(10, 0, 0, 255), 1));
    assert_eq!(send(&mut host, socket, 1, broadcast), Err(SendError::BroadcastNotAllowed));
    let on = SocketOption::Broadcast(true);
    host.stack.set_option(socket, on, host.now).unwrap();
    assert_eq!(send(&mut host, socket, 1, broadcast), Ok(1));
    let foreign = SendFlags { from: Some(C.into()), ..to(at(B, 1)) };
    assert_eq!(send(&mut host, socket, 1, foreign), Err(SendError::InvalidAddress));
    host.stack.close(socket, host.now).unwrap();
    assert_eq!(send(&mut host, socket, 1, flags), Err(SendError::BadDescriptor));
    let mut lonely = Host::bare(crate::Config::default());
    let socket = lonely.socket(SocketKind::Datagram);
    assert!(matches!(send(&mut lonely, socket, 1, to(at(B, 1))), Err(SendError::Fault(_))));
}

#[test]
fn path_mtu_discovery_has_linuxs_modes() {
    let modes = [
        (PathMtuDiscovery::Never, 1472, Ok(false)),
        (PathMtuDiscovery::Never, 1473, Ok(false)),
        (PathMtuDiscovery::Want, 1472, Ok(true)),
        (PathMtuDiscovery::Want, 1473, Ok(false)),
        (PathMtuDiscovery::Always, 1472, Ok(true)),
        (PathMtuDiscovery::Always, 1473, Err(SendError::MessageTooLong)),
        (PathMtuDiscovery::Probe, 1472, Ok(true)),
        (PathMtuDiscovery::Probe, 1473, Err(SendError::MessageTooLong)),
    ];
    for (mode, length, expected) in modes {
        let mut host = acquainted();
        let socket = host.udp(A, 9);
        host.stack.set_option(socket, SocketOption::MtuDiscover(mode), host.now).unwrap();
        let sent = send(&mut host, socket, length, to(at(B, 1)));
        let found = sent.map(|_| read_ip(&host.drain()[0]).0.dont_fragment);
        assert_eq!(found, expected, "{mode:?} {length}");
    }
}

#[test]
fn options_reach_the_wire_and_are_read_back() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let mut set = |option| host.stack.set_option(socket, option, host.now);
    assert_eq!(set(SocketOption::Ttl(0)), Err(OptionError::InvalidValue));
    assert_eq!(set(SocketOption::NoDelay(true)), Err(OptionError::NotSupported));
    set(SocketOption::Ttl(9)).unwrap();
    // The ECN bits are not the application's.
    set(SocketOption::Tos(0xbb)).unwrap();
    assert_eq!(host.stack.option(socket, OptionName::Ttl), Ok(SocketOption::Ttl(9)));
    assert_eq!(host.stack.option(socket, OptionName::Tos), Ok(SocketOption::Tos(0xb8)));
    send(&mut host, socket, 1, to(at(B, 1))).unwrap();
    let (header, _) = read_ip(&host.drain()[0]);
    assert_eq!((header.ttl, header.tos), (9, 0xb8));
}

#[test]
fn the_receive_queue_is_bounded_at_true_cost() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let small = SocketOption::ReceiveBuffer(10_000);
    host.stack.set_option(socket, small, host.now).unwrap();
    for _ in 0..10_000 {
        host.give(&udp_frame(5, 9, b"x"));
    }
    assert!(host.stack.buffered() <= 10_000);
    let lost = host.stack.counters().udp_rcvbuf_errors;
    assert_eq!(host.discarded(Discard::UdpQueueFull), lost);
    let mut kept = 0;
    while host.recv(socket).is_some() {
        kept += 1;
    }
    assert_eq!(kept + lost, 10_000);
    assert!((20..200).contains(&kept), "{kept}");
    assert_eq!(host.stack.buffered(), 0);
    // A single one larger than the buffer is taken all the same.
    host.give(&udp_frame(5, 9, b"x"));
    host.stack.close(socket, host.now).unwrap();
    assert_eq!(host.stack.buffered(), 0);
}

#[test]
fn the_send_queue_is_bounded_and_says_when_there_is_room() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let small = SocketOption::SendBuffer(10_000);
    host.stack.set_option(socket, small, host.now).unwrap();
    host.events();
    let mut taken = 0;
    while send(&mut host, socket, 1000, to(at(B, 1))) != Err(SendError::WouldBlock) {
        taken += 1;
    }
    assert!((5..=10).contains(&taken), "{taken}");
    assert!(!host.stack.readiness(socket).intersects(Ready::WRITABLE));
    assert_eq!(host.drain().len(), taken);
    assert_eq!(host.events(), [Event::Socket { socket, ready: Ready::WRITABLE }]);
    assert_eq!(host.stack.buffered(), 0);
}

#[test]
fn who_is_called_writable_can_send_whatever_the_length() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    host.stack.set_option(socket, SocketOption::SendBuffer(10_000), host.now).unwrap();
    let writable = |host: &Host| host.stack.readiness(socket).intersects(Ready::WRITABLE);
    send(&mut host, socket, 6_000, to(at(B, 1))).unwrap();
    assert!(writable(&host));
    assert!(host.stack.send_room(socket) > 8_000);
    assert_eq!(send(&mut host, socket, 8_000, to(at(B, 1))), Ok(8_000));
    assert_eq!((writable(&host), host.stack.send_room(socket)), (false, 0));
    assert_eq!(send(&mut host, socket, 1, to(at(B, 1))), Err(SendError::WouldBlock));
    host.drain();
    assert!(writable(&host));
}

#[test]
fn what_is_queued_is_sent_after_close() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    for _ in 0..3 {
        send(&mut host, socket, 10, to(at(B, 1))).unwrap();
    }
    host.stack.close(socket, host.now).unwrap();
    assert_eq!(host.drain().len(), 3);
    assert_eq!(host.stack.buffered(), 0);
    // Its port is free at once, and its slot not mistaken for another's.
    host.udp(A, 9);
}

#[test]
fn shutdown_ends_directions() {
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let now = host.now;
    assert_eq!(host.stack.shutdown(socket, Shutdown::Both, now), Err(ShutdownError::NotConnected));
    host.stack.connect(socket, at(B, 5), now).unwrap();
    host.stack.shutdown(socket, Shutdown::Write, now).unwrap();
    assert_eq!(send(&mut host, socket, 1, SendFlags::default()), Err(SendError::BrokenPipe));
    host.give(&udp_frame(5, 9, b"in"));
    assert_eq!(host.recv(socket).unwrap().0, b"in");
    host.stack.shutdown(socket, Shutdown::Read, now).unwrap();
    let (end, _) = recv(&mut host, socket, 10, false).unwrap();
    assert_eq!((end.bytes, end.from), (0, None));
    assert!(host.stack.readiness(socket).intersects(Ready::HANG_UP));
}

#[test]
fn the_adapter_completes_checksums_of_whole_datagrams() {
    let mut config = InterfaceConfig::new("tun", Medium::Ip, 1500);
    config.checksum_offload = true;
    let mut host = Host::on(config, "10.0.0.1/24", B);
    let socket = host.udp(A, 9);
    send(&mut host, socket, 1000, to(at(B, 1))).unwrap();
    let frame = host.frames(LAN).remove(0);
    assert_eq!(frame.offload.checksum, ChecksumState::Partial { start: 20, offset: 6 });
    let whole = finished(frame).to_vec();
    assert!(danja_wire::udp::verify(A.into(), B.into(), &whole[20..]));
    // Fragments leave complete.
    send(&mut host, socket, 2000, to(at(B, 1))).unwrap();
    let frames = host.frames(LAN);
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|frame| frame.offload.checksum == ChecksumState::Complete));
    let whole: Vec<u8> = frames.iter().flat_map(|frame| frame.to_vec()[20..].to_vec()).collect();
    assert!(danja_wire::udp::verify(A.into(), B.into(), &whole));
}

#[test]
fn a_route_that_changes_moves_what_is_queued() {
    let mut host = acquainted();
    let second = InterfaceConfig::new("second", Medium::Ip, 1500).address(cidr("192.0.2.1/24"));
    let second = host.stack.add_interface(second, host.now).unwrap();
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, 9);
    let far = Ipv4Addr::new(203, 0, 113, 1);
    send(&mut host, socket, 1, to(at(far, 1))).unwrap();
    send(&mut host, socket, 1, to(at(far, 1))).unwrap();
    host.stack.set_up(LAN, false, host.now);
    let route = crate::config::Route {
        destination: cidr("203.0.113.0/24"),
        gateway: None,
        interface: second,
        metric: 0,
    };
    host.stack.add_route(route, host.now);
    // The list it is in is the old interface's.
    assert!(host.frames(LAN).is_empty());
    let moved = host.frames(second);
    assert_eq!(moved.len(), 2);
    // The source was chosen when it was sent.
    assert_eq!(moved[0].to_vec()[12..16], A.octets());
    assert!(host.frames(InterfaceId::LOOPBACK).is_empty());
}

#[test]
fn a_datagram_to_nowhere_particular_is_to_this_host() {
    let mut host = acquainted();
    let socket = host.udp(Ipv4Addr::UNSPECIFIED, 9);
    send(&mut host, socket, 3, to(at(Ipv4Addr::UNSPECIFIED, 9))).unwrap();
    host.drain();
    assert_eq!(host.recv(socket).unwrap().1, at(Ipv4Addr::LOCALHOST, 9));
}

#[test]
fn a_group_is_not_left_by_default() {
    // RFC 1112 §6.1.
    let mut host = acquainted();
    let socket = host.udp(A, 9);
    let now = host.now;
    host.stack.set_option(socket, SocketOption::Ttl(77), now).unwrap();
    for (destination, ttl) in [(Ipv4Addr::new(239, 1, 2, 3), 1), (B, 77)] {
        send(&mut host, socket, 1, to(at(destination, 1))).unwrap();
        assert_eq!(read_ip(&host.drain()[0]).0.ttl, ttl);
    }
}
