//! Which socket a datagram finds; `bind` and `connect`.

use crate::ip::tests::frames::*;
use crate::ip::tests::world::*;
use crate::socket::{BindError, ConnectError, Fault, SocketId, SocketKind, SocketOption};
use core::net::{Ipv4Addr, SocketAddr};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use std::collections::BTreeSet;
use std::vec::Vec;

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn unbound(host: &mut Host) -> SocketId {
    host.socket(SocketKind::Datagram)
}

fn bind(host: &mut Host, socket: SocketId, address: SocketAddr) -> Result<(), BindError> {
    host.stack.bind(socket, address, host.now)
}

fn set(host: &mut Host, socket: SocketId, option: SocketOption) {
    host.stack.set_option(socket, option, host.now).unwrap();
}

#[test]
fn the_closest_match_wins() {
    let mut host = acquainted();
    let reuse = |host: &mut Host| {
        let socket = unbound(host);
        set(host, socket, SocketOption::ReuseAddress(true));
        socket
    };
    let (any, address, connected) = (reuse(&mut host), reuse(&mut host), reuse(&mut host));
    bind(&mut host, any, at(ANY, 9)).unwrap();
    bind(&mut host, address, at(A, 9)).unwrap();
    bind(&mut host, connected, at(A, 9)).unwrap();
    host.stack.connect(connected, at(B, 5), host.now).unwrap();
    host.give(&udp_frame(5, 9, b"connected"));
    host.give(&udp_frame(6, 9, b"address"));
    assert_eq!(host.recv(connected).unwrap().0, b"connected");
    assert_eq!(host.recv(address).unwrap().0, b"address");
    host.stack.close(address, host.now).unwrap();
    host.give(&udp_frame(6, 9, b"any"));
    assert_eq!(host.recv(any).unwrap().0, b"any");
    // A connected socket hears nobody else.
    assert_eq!(host.recv(connected), None);
}

#[test]
fn bind_has_linuxs_rules() {
    let mut host = acquainted();
    let first = host.udp(A, 9);
    let bind_new = |host: &mut Host, address, options: &[SocketOption]| {
        let socket = unbound(host);
        options.iter().for_each(|option| set(host, socket, *option));
        bind(host, socket, address)
    };
    assert_eq!(bind(&mut host, first, at(A, 10)), Err(BindError::AlreadyBound));
    assert_eq!(bind_new(&mut host, at(A, 9), &[]), Err(BindError::AddressInUse));
    assert_eq!(bind_new(&mut host, at(ANY, 9), &[]), Err(BindError::AddressInUse));
    assert_eq!(bind_new(&mut host, at(Ipv4Addr::LOCALHOST, 9), &[]), Ok(()));
    assert_eq!(bind_new(&mut host, at(C, 9), &[]), Err(BindError::AddressNotAvailable));
    assert_eq!(bind_new(&mut host, at(Ipv4Addr::new(10, 0, 0, 255), 9), &[]), Ok(()));
    assert_eq!(bind_new(&mut host, at(Ipv4Addr::new(239, 1, 1, 1), 9), &[]), Ok(()));
    let v6 = SocketAddr::new(core::net::Ipv6Addr::LOCALHOST.into(), 9);
    assert_eq!(bind_new(&mut host, v6, &[]), Err(BindError::WrongFamily));
    // SO_REUSEADDR and SO_REUSEPORT help only if both ask.
    for option in [SocketOption::ReuseAddress(true), SocketOption::ReusePort(true)] {
        assert_eq!(bind_new(&mut host, at(A, 9), &[option]), Err(BindError::AddressInUse));
        assert_eq!(bind_new(&mut host, at(A, 77), &[option]), Ok(()));
        assert_eq!(bind_new(&mut host, at(A, 77), &[option]), Ok(()));
        let sockets: Vec<_> = host.stack.sockets();
        for info in sockets.iter().filter(|info| info.local == Some(at(A, 77))) {
            host.stack.close(info.socket.unwrap(), host.now).unwrap();
        }
    }
    host.stack.close(first, host.now).unwrap();
    assert_eq!(bind_new(&mut host, at(A, 9), &[]), Ok(()));
}

#[test]
fn a_port_is_shared_by_who_says_so_after_it_is_bound() {
    let mut host = acquainted();
    let (first, second) = (unbound(&mut host), unbound(&mut host));
    bind(&mut host, first, at(ANY, 9)).unwrap();
    set(&mut host, second, SocketOption::ReuseAddress(true));
    assert_eq!(bind(&mut host, second, at(ANY, 9)), Err(BindError::AddressInUse));
    set(&mut host, first, SocketOption::ReuseAddress(true));
    assert_eq!(bind(&mut host, second, at(ANY, 9)), Ok(()));
}

#[test]
fn reuse_port_spreads_flows_and_keeps_each_together() {
    let mut host = acquainted();
    let group: Vec<_> = (0..4)
        .map(|_| {
            let socket = unbound(&mut host);
            set(&mut host, socket, SocketOption::ReusePort(true));
            bind(&mut host, socket, at(ANY, 9)).unwrap();
            socket
        })
        .collect();
    for _ in 0..2 {
        for port in 1000..1100 {
            host.give(&udp_frame(port, 9, b"x"));
        }
    }
    for socket in group {
        let mut ports = Vec::new();
        while let Some((_, from)) = host.recv(socket) {
            ports.push(from.port());
        }
        assert!(ports.len() > 20, "{}", ports.len());
        let distinct: BTreeSet<_> = ports.iter().collect();
        assert_eq!(distinct.len() * 2, ports.len());
    }
}

#[test]
fn a_broadcast_reaches_every_listener() {
    let mut host = acquainted();
    let one = unbound(&mut host);
    let two = unbound(&mut host);
    for socket in [one, two] {
        set(&mut host, socket, SocketOption::ReuseAddress(true));
        bind(&mut host, socket, at(ANY, 9)).unwrap();
    }
    let specific = host.udp(A, 10);
    let to = Ipv4Addr::new(10, 0, 0, 255);
    for port in [9, 10] {
        let packet = ip(
            ipv4::Header { destination: to, ..header(Protocol::UDP) },
            &udp((B, 5), (to, port), b"all"),
        );
        host.give(&ether(
            danja_wire::ethernet::MacAddress::BROADCAST,
            MAC_B,
            danja_wire::ethernet::EtherType::IPV4,
            &packet,
        ));
    }
    assert_eq!(host.recv(one).unwrap().0, b"all");
    assert_eq!(host.recv(two).unwrap().0, b"all");
    assert_eq!(host.recv(specific), None);
    // RFC 1122 §3.2.2: nobody complains.
    assert!(host.drain().is_empty());
}

#[test]
fn a_socket_bound_to_an_interface_hears_only_that() {
    let mut host = acquainted();
    let socket = unbound(&mut host);
    set(&mut host, socket, SocketOption::BindToInterface(Some(crate::InterfaceId::LOOPBACK)));
    bind(&mut host, socket, at(ANY, 9)).unwrap();
    host.give(&udp_frame(5, 9, b"lan"));
    assert_eq!(host.recv(socket), None);
    set(&mut host, socket, SocketOption::BindToInterface(Some(LAN)));
    host.give(&udp_frame(5, 9, b"lan"));
    assert_eq!(host.recv(socket).unwrap().0, b"lan");
    let none = SocketOption::BindToInterface(Some(crate::InterfaceId(7)));
    assert!(host.stack.set_option(socket, none, host.now).is_err());
}

#[test]
fn connect_chooses_the_source_and_disconnect_gives_it_back() {
    let mut host = acquainted();
    let socket = unbound(&mut host);
    host.stack.connect(socket, at(B, 9), host.now).unwrap();
    let info = host.stack.control_info(socket).unwrap();
    let local = info.local.unwrap();
    assert_eq!((local.ip(), info.remote), (A.into(), Some(at(B, 9))));
    assert!((49_152..=65_535).contains(&local.port()));
    assert_eq!(host.stack.find(Protocol::UDP, local, at(B, 9)).unwrap().socket, Some(socket));
    assert_eq!(host.stack.find(Protocol::UDP, local, at(B, 8)), None);
    // Another peer.
    host.stack.connect(socket, at(Ipv4Addr::LOCALHOST, 9), host.now).unwrap();
    let moved = host.stack.control_info(socket).unwrap();
    assert_eq!(moved.local, Some(at(Ipv4Addr::LOCALHOST, local.port())));
    host.stack.disconnect(socket, host.now).unwrap();
    let info = host.stack.control_info(socket).unwrap();
    assert_eq!((info.local, info.remote), (None, None));
    assert!(host.stack.find(Protocol::UDP, local, at(B, 9)).is_none());
    // What was bound stays bound.
    let bound = host.udp(A, 77);
    host.stack.connect(bound, at(B, 9), host.now).unwrap();
    host.stack.disconnect(bound, host.now).unwrap();
    host.give(&udp_frame(1, 77, b"x"));
    assert!(host.recv(bound).is_some());
}

#[test]
fn connect_refuses_what_cannot_be() {
    let mut host = acquainted();
    let mut connect = |to| {
        let socket = unbound(&mut host);
        host.stack.connect(socket, to, host.now)
    };
    assert_eq!(connect(at(B, 0)), Err(ConnectError::InvalidAddress));
    let v6 = SocketAddr::new(core::net::Ipv6Addr::LOCALHOST.into(), 9);
    assert_eq!(connect(v6), Err(ConnectError::WrongFamily));
    let Err(ConnectError::Fault(fault)) = connect(at(Ipv4Addr::BROADCAST, 9)) else { panic!() };
    assert_eq!(fault.kind, Fault::Prohibited);
    let Err(ConnectError::Fault(fault)) = connect(at(Ipv4Addr::new(240, 0, 0, 1), 9)) else {
        panic!()
    };
    assert_eq!(fault.kind, Fault::NetworkUnreachable);
}

#[test]
fn chosen_ports_are_spread_and_never_shared() {
    // RFC 6056; vulnerability row 59.
    let mut host = acquainted();
    let mut ports = Vec::new();
    for _ in 0..2000 {
        let socket = unbound(&mut host);
        bind(&mut host, socket, at(ANY, 0)).unwrap();
        ports.push(host.stack.control_info(socket).unwrap().local.unwrap().port());
    }
    let distinct: BTreeSet<_> = ports.iter().collect();
    assert_eq!(distinct.len(), 2000);
    let near = ports.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < 8).count();
    assert!(near < 20, "{near} of 2,000 near the one before");
}

#[test]
fn ports_run_out_with_an_error() {
    let mut host = acquainted();
    host.stack.config_mut().ip.ephemeral_ports = (50_000, 50_003);
    for _ in 0..4 {
        let socket = unbound(&mut host);
        bind(&mut host, socket, at(ANY, 0)).unwrap();
    }
    let socket = unbound(&mut host);
    assert_eq!(bind(&mut host, socket, at(ANY, 0)), Err(BindError::AddressInUse));
    assert_eq!(host.stack.connect(socket, at(B, 9), host.now), Err(ConnectError::PortsExhausted));
}
