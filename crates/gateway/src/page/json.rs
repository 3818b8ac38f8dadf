//! The views of a stack as JSON, with the field names of the library. One object, with the number
//! of its format.

use crate::inspect::kernel;
use crate::lan::Member;
use danja::stack::counters::Counters;
use danja::stack::socket::{SocketFault, SocketKind};
use danja::stack::views::{
    ControlInfo, InterfaceView, NeighbourView, RouteView, TcpInfo, TimerName,
};
use danja::stack::{Instant, Medium};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Fields may be added under one number; none changes its meaning or goes away.
const FORMAT: u32 = 1;

pub(super) fn index() -> Value {
    json!({
        "format": FORMAT,
        "see": ["/api/hosts", "/api/sockets", "/api/neighbours", "/api/routes", "/api/counters"],
    })
}

/// One object with a list of hosts, each with its name and what `show` makes of it.
fn each(members: &[Member], key: &str, show: impl Fn(&Member) -> Value) -> Value {
    let one = |member: &Member| json!({ "host": member.host.name(), "router": member.is_router, key: show(member) });
    json!({ "format": FORMAT, "hosts": members.iter().map(one).collect::<Value>() })
}

pub(super) fn hosts(members: &[Member]) -> Value {
    each(members, "interfaces", |member| member.host.interfaces().iter().map(interface).collect())
}

/// The stack's sockets, and behind them those of the kernel that shares the host's address.
pub(super) fn sockets(members: &[Member]) -> Value {
    each(members, "sockets", |member| {
        let (now, ours) = (member.host.now(), member.host.sockets());
        let theirs = member.process.map(kernel::sockets).unwrap_or_default();
        ours.iter().map(|info| control_info(info, now)).chain(theirs).collect()
    })
}

pub(super) fn neighbours(members: &[Member]) -> Value {
    each(members, "neighbours", |Member { host, .. }| {
        let interfaces = host.interfaces();
        host.neighbours().iter().map(|view| neighbour(view, &interfaces)).collect()
    })
}

pub(super) fn routes(members: &[Member]) -> Value {
    each(members, "routes", |Member { host, .. }| {
        let interfaces = host.interfaces();
        host.routes().iter().map(|view| route(view, &interfaces)).collect()
    })
}

pub(super) fn all_counters(members: &[Member]) -> Value {
    each(members, "counters", |member| counters(&member.host.counters()))
}

/// An interface.
pub fn interface(view: &InterfaceView) -> Value {
    let addresses: Vec<String> = view.addresses.iter().map(ToString::to_string).collect();
    json!({
        "name": view.name,
        "mac": mac_of(view),
        "mtu": view.mtu,
        "up": view.up,
        "link": view.link,
        "vlan": view.vlan.map(|vlan| vlan.id),
        "addresses": addresses,
        "received": { "frames": view.received.0, "bytes": view.received.1 },
        "sent": { "frames": view.sent.0, "bytes": view.sent.1 },
    })
}

/// The hardware address of an interface, where it has one.
pub(super) fn mac_of(view: &InterfaceView) -> Option<String> {
    match view.medium {
        Medium::Ethernet(address) => Some(address.to_string()),
        Medium::Ip => None,
    }
}

/// A neighbour.
pub fn neighbour(view: &NeighbourView, interfaces: &[InterfaceView]) -> Value {
    json!({
        "interface": super::interface_name(interfaces, view.interface),
        "address": view.address,
        "mac": view.mac.map(|mac| mac.to_string()),
        "state": format!("{:?}", view.state).to_uppercase(),
        "queued": view.queued,
    })
}

/// A route.
pub fn route(view: &RouteView, interfaces: &[InterfaceView]) -> Value {
    json!({
        "destination": view.destination.to_string(),
        "gateway": view.gateway,
        "interface": super::interface_name(interfaces, view.interface),
        "metric": view.metric,
    })
}

/// What a stack counted, by Linux's names; what is zero is there too.
pub fn counters(counters: &Counters) -> Value {
    let mut all: Map<String, Value> =
        counters.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    for (reason, count) in counters.discards().filter(|(_, count)| *count > 0) {
        all.insert(format!("DanjaDiscard{reason:?}"), count.into());
    }
    Value::Object(all)
}

/// The kind of a socket, as the first column of `ss` has it.
pub(super) fn kind(kind: SocketKind) -> String {
    match kind {
        SocketKind::Stream => "tcp".to_owned(),
        SocketKind::Datagram => "udp".to_owned(),
        SocketKind::Ping => "ping".to_owned(),
        SocketKind::Raw(protocol) => format!("raw {protocol}"),
    }
}

fn fault(fault: SocketFault) -> Value {
    json!({ "kind": format!("{:?}", fault.kind), "cause": fault.cause.map(|cause| format!("{cause:?}")) })
}

/// A socket's control information; times are seconds, timers count from `now`.
pub fn control_info(info: &ControlInfo, now: Instant) -> Value {
    json!({
        "descriptor": info.socket.map(|socket| socket.to_bits()),
        "listener": info.listener.map(|socket| socket.to_bits()),
        "kind": kind(info.kind),
        "via": "stack",
        "state": info.state.map(|state| state.name()),
        "local": info.local,
        "remote": info.remote,
        "memory": info.memory,
        "send_queue": info.send_queue,
        "send_buffer": info.send_buffer,
        "send_buffer_max": info.send_buffer_max,
        "receive_queue": info.receive_queue,
        "receive_buffer": info.receive_buffer,
        "receive_buffer_max": info.receive_buffer_max,
        "half_open": info.half_open,
        "error": info.error.map(fault),
        "soft_error": info.soft_error.map(fault),
        "tcp": info.tcp.as_ref().map(|tcp| tcp_info(tcp, now)),
    })
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn tcp_info(tcp: &TcpInfo, now: Instant) -> Value {
    let timers: Map<String, Value> = tcp
        .timers
        .iter()
        .map(|(name, due)| (timer(*name).to_owned(), seconds(due.saturating_since(now)).into()))
        .collect();
    let mut all = json!({
        "iss": tcp.iss.0, "snd_una": tcp.snd_una.0, "snd_nxt": tcp.snd_nxt.0,
        "snd_wnd": tcp.snd_wnd, "snd_wl1": tcp.snd_wl1.0, "snd_wl2": tcp.snd_wl2.0,
        "snd_up": tcp.snd_up.map(|up| up.0),
        "irs": tcp.irs.0, "rcv_nxt": tcp.rcv_nxt.0, "rcv_wnd": tcp.rcv_wnd,
        "rcv_up": tcp.rcv_up.map(|up| up.0),
        "snd_wind_shift": tcp.snd_wind_shift, "rcv_wind_shift": tcp.rcv_wind_shift,
        "timestamps": tcp.timestamps, "sack": tcp.sack, "window_scaling": tcp.window_scaling,
        "snd_mss": tcp.snd_mss, "rcv_mss": tcp.rcv_mss, "path_mtu": tcp.path_mtu,
    });
    let more = json!({
        "rto": seconds(tcp.rto), "srtt": tcp.srtt.map(seconds), "rttvar": seconds(tcp.rttvar),
        "min_rtt": tcp.min_rtt.map(seconds), "backoff": tcp.backoff, "probes": tcp.probes,
        "cwnd": tcp.cwnd, "ssthresh": tcp.ssthresh,
        "congestion": tcp.congestion.name(),
        "recovery": format!("{:?}", tcp.recovery),
        "segments_unacked": tcp.segments_unacked, "segments_sacked": tcp.segments_sacked,
        "segments_lost": tcp.segments_lost,
        "segments_retransmitted": tcp.segments_retransmitted,
        "total_retransmissions": tcp.total_retransmissions,
        "bytes_sent": tcp.bytes_sent, "bytes_retransmitted": tcp.bytes_retransmitted,
        "bytes_acked": tcp.bytes_acked, "bytes_received": tcp.bytes_received,
        "segments_out": tcp.segments_out, "segments_in": tcp.segments_in,
        "out_of_order": tcp.out_of_order, "timers": timers,
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

/// A timer's name.
pub(super) const fn timer(name: TimerName) -> &'static str {
    match name {
        TimerName::Retransmission => "retransmission",
        TimerName::Persist => "persist",
        TimerName::DelayedAck => "delayed ack",
        TimerName::KeepAlive => "keep-alive",
        TimerName::UserTimeout => "user timeout",
        TimerName::FinWait2 => "fin-wait-2",
        TimerName::TimeWait => "time-wait",
        TimerName::Override => "override",
        _ => "other",
    }
}
