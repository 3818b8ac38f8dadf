//! ICMP errors at datagram sockets (RFC 1122 §4.1.3.3): who hears what, as in Linux.

use crate::discard::Discard;
use crate::event::{Event, Ready};
use crate::ip::tests::frames::*;
use crate::ip::tests::world::*;
use crate::socket::{Cause, Fault, RecvError, RecvFlags, SendError, SendFlags, SocketId};
use core::net::Ipv4Addr;
use danja_wire::Payload;
use danja_wire::icmpv4::{Exceeded, Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use std::vec::Vec;

/// An error about a datagram from A's port 1 to B's port 2.
fn about(message: Message, change: impl FnOnce(&mut ipv4::Header)) -> Vec<u8> {
    let mut quoted = ipv4::Header { source: A, destination: B, ..header(Protocol::UDP) };
    change(&mut quoted);
    let quote = ip(quoted, &udp((A, 1), (B, 2), b""));
    from_b(&ip(header(Protocol::ICMP), &icmp(message, &quote)))
}

fn unreachable(code: Unreachable) -> Message {
    Message::DestinationUnreachable { code, next_hop_mtu: 0 }
}

fn connected() -> (Host, SocketId) {
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    host.stack.connect(socket, at(B, 2), host.now).unwrap();
    host.events();
    (host, socket)
}

#[test]
fn a_closed_port_refuses_the_next_call_of_a_connected_socket() {
    let (mut host, socket) = connected();
    host.give(&about(unreachable(Unreachable::Port), |_| {}));
    let ready = Ready::ERROR.with(Ready::READABLE).with(Ready::WRITABLE);
    assert_eq!(host.events(), [Event::Socket { socket, ready }]);
    let result = host.stack.recv(socket, 10, RecvFlags::default(), &mut Vec::new(), host.now);
    let Err(RecvError::Fault(fault)) = result else { panic!("{result:?}") };
    assert_eq!(fault.kind, Fault::ConnectionRefused);
    let cause = Cause::Icmp { message_type: 3, code: 3, from: B.into() };
    assert_eq!(fault.cause, Some(cause));
    // Told once.
    let result = host.stack.recv(socket, 10, RecvFlags::default(), &mut Vec::new(), host.now);
    assert_eq!(result, Err(RecvError::WouldBlock));
    // `send` is told, too.
    host.give(&about(unreachable(Unreachable::Port), |_| {}));
    let data = Payload::from_static(b"x");
    let sent = host.stack.send(socket, &data, SendFlags::default(), host.now);
    assert!(matches!(sent, Err(SendError::Fault(_))));
    assert_eq!(host.stack.send(socket, &data, SendFlags::default(), host.now), Ok(1));
}

#[test]
fn a_closed_port_of_our_own_refuses_too() {
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    host.stack.connect(socket, at(A, 2), host.now).unwrap();
    host.send_to(socket, b"x", at(A, 2));
    host.drain();
    let fault = host.stack.take_error(socket, host.now).unwrap();
    assert_eq!(fault.kind, Fault::ConnectionRefused);
}

#[test]
fn what_may_pass_is_kept_and_not_told() {
    let soft = [
        unreachable(Unreachable::Network),
        unreachable(Unreachable::Host),
        unreachable(Unreachable::NetworkTos),
        Message::TimeExceeded { code: Exceeded::Ttl },
    ];
    for message in soft {
        let (mut host, socket) = connected();
        host.give(&about(message, |_| {}));
        assert_eq!(host.stack.take_error(socket, host.now), None, "{message:?}");
        assert!(host.stack.control_info(socket).unwrap().soft_error.is_some());
    }
}

#[test]
fn what_is_final_is_told() {
    let hard = [
        (unreachable(Unreachable::Protocol), Fault::ProtocolUnreachable),
        (unreachable(Unreachable::NetworkUnknown), Fault::NetworkUnreachable),
        (unreachable(Unreachable::HostUnknown), Fault::HostUnreachable),
        (unreachable(Unreachable::AdministrativelyProhibited), Fault::Prohibited),
        (Message::ParameterProblem { code: 0, pointer: 1 }, Fault::ProtocolError),
    ];
    for (message, kind) in hard {
        let (mut host, socket) = connected();
        host.give(&about(message, |_| {}));
        let fault = host.stack.take_error(socket, host.now);
        assert_eq!(fault.map(|fault| fault.kind), Some(kind), "{message:?}");
    }
}

#[test]
fn an_unconnected_socket_hears_nothing() {
    let mut host = acquainted();
    let socket = host.udp(A, 1);
    host.give(&about(unreachable(Unreachable::Port), |_| {}));
    assert_eq!(host.stack.take_error(socket, host.now), None);
    assert_eq!(host.discarded(Discard::IcmpUnvalidated), 0);
}

#[test]
fn an_error_about_nobodys_datagram_is_discarded() {
    let cases: [fn(&mut ipv4::Header); 4] = [
        |quoted| quoted.source = C,
        |quoted| quoted.fragment_offset = 8,
        |quoted| quoted.protocol = Protocol(253),
        // As if it had been sent by the one who complains.
        |quoted| quoted.source = B,
    ];
    for change in cases {
        let (mut host, socket) = connected();
        host.give(&about(unreachable(Unreachable::Port), change));
        assert_eq!(host.stack.take_error(socket, host.now), None);
        assert_eq!(host.discarded(Discard::IcmpUnvalidated), 1);
    }
    // A connected socket's error is about its own peer.
    let (mut host, socket) = connected();
    let other = |quoted: &mut ipv4::Header| quoted.destination = Ipv4Addr::new(10, 0, 0, 77);
    host.give(&about(unreachable(Unreachable::Port), other));
    assert_eq!(host.stack.take_error(socket, host.now), None);
}
