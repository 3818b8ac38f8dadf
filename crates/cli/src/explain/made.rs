//! Facts made of what was seen. Remembers nothing.

use super::fact::{Arp, ArpKind, Change, Direction, Found, Layers, SocketMade, Sum, What};
use super::memory::{Connection, End};
use super::packet::{Packet, endpoints};
use super::story::Seen;
use danja_stack::socket::SocketKind;
use danja_stack::views::{ControlInfo, TcpState};
use danja_wire::{arp, ipv4, tcp};
use std::net::SocketAddr;

/// Bytes of a segment's parts.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    pub(super) tcp: usize,
    pub(super) data: usize,
}

/// What a packet found; `end` is the connection that it would belong to.
pub(super) fn found(info: Option<&ControlInfo>, end: Option<(SocketAddr, SocketAddr)>) -> Found {
    let Some(info) = info else { return Found::Nobody };
    let socket = info.socket.map(|socket| socket.to_bits());
    let state = info.state.map(TcpState::name);
    let whole =
        end.is_some_and(|(local, remote)| info.local == Some(local) && info.remote == Some(remote));
    if whole { Found::Connection { socket, state } } else { Found::Socket { socket, state } }
}

/// What is left of the control information of a record that has ended: the change of its state.
pub(super) fn gone(before: Option<&ControlInfo>) -> Vec<Change> {
    let state = before.and_then(|info| info.state);
    state
        .map(|state| Change {
            name: "state".to_owned(),
            before: Some(state.name().to_owned()),
            after: Some(TcpState::Closed.name().to_owned()),
        })
        .into_iter()
        .collect()
}

/// Whether a connection is a small record only: in TIME-WAIT, or in FIN-WAIT-2 without a socket.
pub(super) fn is_small(info: &ControlInfo) -> bool {
    match info.state {
        Some(TcpState::TimeWait) => true,
        Some(TcpState::FinWait2) => info.socket.is_none(),
        _ => false,
    }
}

/// Of a connection that becomes a small record, what that keeps: the rest of the control
/// information is given back.
pub(super) fn small_record(mut changes: Vec<Change>) -> Vec<Change> {
    const KEPT: [&str; 8] = [
        "descriptor",
        "state",
        "snd_nxt",
        "rcv_nxt",
        "timer_time_wait",
        "timer_fin_wait_2",
        "memory",
        "error",
    ];
    changes.retain(|change| KEPT.contains(&change.name.as_str()));
    changes
}

/// A socket and what it takes.
pub(super) fn socket_made(socket: u64, info: &ControlInfo) -> What {
    What::SocketMade(SocketMade {
        socket,
        protocol: match info.kind {
            SocketKind::Stream => "TCP".to_owned(),
            SocketKind::Datagram => "UDP".to_owned(),
            SocketKind::Ping => "ICMP echo".to_owned(),
            SocketKind::Raw(protocol) => format!("raw {protocol}"),
        },
        memory: info.memory,
        state: info.state.map(TcpState::name),
        send_queue: info.send_queue,
        send_buffer_max: info.send_buffer_max,
        receive_queue: info.receive_queue,
        receive_buffer_max: info.receive_buffer_max,
    })
}

/// What an ARP packet says.
pub(super) fn arp_fact(direction: Direction, arp: &arp::Packet) -> Arp {
    let kind = if arp.sender_ip.is_unspecified() {
        ArpKind::Probe
    } else if arp.sender_ip == arp.target_ip {
        ArpKind::Announcement
    } else if arp.operation == arp::Operation::Reply {
        ArpKind::Reply
    } else {
        ArpKind::Request
    };
    Arp {
        direction,
        kind,
        sender_mac: arp.sender_mac.to_string(),
        sender: arp.sender_ip.into(),
        target: arp.target_ip.into(),
        target_mac: arp.target_mac.to_string(),
    }
}

/// A segment, layer by layer.
pub(super) fn layers_fact(
    seen: &Seen<'_>,
    packet: &Packet,
    (ip, tcp, lengths): (&ipv4::Header, &tcp::Header, Lengths),
    changes: Vec<Change>,
) -> Layers {
    let (from, to) = endpoints(ip, tcp.source_port, tcp.destination_port);
    Layers {
        direction: seen.direction,
        from,
        to,
        seq: tcp.sequence.0,
        ack: tcp.acknowledgment.0,
        window: tcp.window,
        flags: tcp.flags.to_string(),
        options: tcp.options.to_string(),
        data: lengths.data,
        tcp_header: lengths.tcp,
        ip_header: ip.header_len(),
        ttl: ip.ttl,
        identification: ip.identification,
        frame_header: if packet.ethernet.is_some() { danja_wire::ethernet::HEADER_LEN } else { 0 },
        source_mac: packet.ethernet.map(|ethernet| ethernet.source.to_string()),
        destination_mac: packet.ethernet.map(|ethernet| ethernet.destination.to_string()),
        total: packet.total,
        cut_to: if packet.segment_size < lengths.data { packet.segment_size } else { 0 },
        checksum_left: packet.checksum_left,
        interface: seen.frame.interface_name.to_owned(),
        driver: (seen.driver)(seen.frame.interface_name),
        socket: seen
            .frame
            .after
            .or(seen.frame.before)
            .and_then(|info| info.socket)
            .map(|socket| socket.to_bits()),
        changes,
    }
}

/// A connection in sum; `None` if nothing is known of it.
pub(super) fn sum(end: &End, connection: &Connection) -> Option<Sum> {
    let info = connection.last.as_ref()?;
    let tcp = info.tcp.as_ref()?;
    Some(Sum {
        local: end.1,
        remote: end.2,
        state: info.state.map(TcpState::name),
        bytes_sent: tcp.bytes_sent,
        bytes_acked: tcp.bytes_acked,
        bytes_received: tcp.bytes_received,
        segments_sent: connection.sent,
        segments_received: connection.received,
        retransmissions: u64::from(tcp.total_retransmissions),
        nanoseconds: connection.latest.saturating_since(connection.first).as_nanos() as u64,
        srtt: tcp.srtt.map(|srtt| srtt.as_nanos() as u64),
    })
}
