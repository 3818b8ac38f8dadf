//! What changed in a socket's control information, field by field. Tells nothing itself.

use super::fact::Change;
use crate::quantity::human_time;
use danja_gateway::page::descriptor;
use danja_stack::views::{ControlInfo, TcpInfo, TcpState, TimerName};
use danja_wire::Instant;
use std::time::Duration;

/// A field's name and its value in words; `None` where there is no value.
type Row = (&'static str, Option<String>);

/// Each field that is not the same before and after, in a fixed order; times are told as seen
/// from `now`.
pub(crate) fn changes(
    before: Option<&ControlInfo>,
    after: Option<&ControlInfo>,
    now: Instant,
) -> Vec<Change> {
    let old = before.map(|info| rows(info, now)).unwrap_or_default();
    let new = after.map(|info| rows(info, now)).unwrap_or_default();
    let find = |rows: &[Row], name| {
        rows.iter().find(|(other, _)| *other == name).and_then(|(_, value)| value.clone())
    };
    let mut names: Vec<&'static str> = new.iter().map(|(name, _)| *name).collect();
    names.extend(
        old.iter().map(|(name, _)| *name).filter(|name| !new.iter().any(|(n, _)| n == name)),
    );
    names
        .into_iter()
        .filter_map(|name| {
            let (before, after) = (find(&old, name), find(&new, name));
            // A counter that comes into being at zero has not changed.
            let idle = |value: &Option<String>| {
                value.as_deref().is_none_or(|value| matches!(value, "0" | "off"))
            };
            // A name that is not used any more: a listener has no receive buffer.
            let renamed = after.is_none() && matches!(name, "receive_queue" | "receive_buffer");
            (before != after && !renamed && !(before.is_none() && idle(&after))).then(|| Change {
                name: name.to_owned(),
                before,
                after,
            })
        })
        .collect()
}

fn some(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

fn on_off(value: bool) -> Option<String> {
    some(if value { "on" } else { "off" })
}

fn rows(info: &ControlInfo, now: Instant) -> Vec<Row> {
    let mut rows = vec![
        ("descriptor", info.socket.map(descriptor)),
        ("state", info.state.map(|state| state.name().to_owned())),
        ("local", info.local.map(|local| local.to_string())),
        ("remote", info.remote.map(|remote| remote.to_string())),
    ];
    if let Some(tcp) = &info.tcp {
        sequence_rows(tcp, &mut rows);
        option_rows(tcp, &mut rows);
        timing_rows(tcp, now, &mut rows);
        count_rows(tcp, &mut rows);
    }
    let listens = info.state == Some(TcpState::Listen);
    rows.extend([
        ("send_queue", some(info.send_queue)),
        ("send_buffer", some(info.send_buffer)),
        // A listener's queue holds connections, and its length is the backlog.
        (if listens { "accept_queue" } else { "receive_queue" }, some(info.receive_queue)),
        (if listens { "backlog" } else { "receive_buffer" }, some(info.receive_buffer)),
        ("half_open", some(info.half_open)),
        ("memory", some(info.memory)),
        ("error", info.error.map(|fault| format!("{:?}", fault.kind))),
        ("soft_error", info.soft_error.map(|fault| format!("{:?}", fault.kind))),
    ]);
    rows
}

fn sequence_rows(tcp: &TcpInfo, rows: &mut Vec<Row>) {
    rows.extend([
        ("iss", some(tcp.iss.0)),
        ("snd_una", some(tcp.snd_una.0)),
        ("snd_nxt", some(tcp.snd_nxt.0)),
        ("snd_wnd", some(tcp.snd_wnd)),
        ("snd_wl1", some(tcp.snd_wl1.0)),
        ("snd_wl2", some(tcp.snd_wl2.0)),
        ("snd_up", tcp.snd_up.map(|up| up.0.to_string())),
        ("irs", some(tcp.irs.0)),
        ("rcv_nxt", some(tcp.rcv_nxt.0)),
        ("rcv_wnd", some(tcp.rcv_wnd)),
        ("rcv_up", tcp.rcv_up.map(|up| up.0.to_string())),
    ]);
}

fn option_rows(tcp: &TcpInfo, rows: &mut Vec<Row>) {
    rows.extend([
        ("snd_wind_shift", some(tcp.snd_wind_shift)),
        ("rcv_wind_shift", some(tcp.rcv_wind_shift)),
        ("window_scaling", on_off(tcp.window_scaling)),
        ("timestamps", on_off(tcp.timestamps)),
        ("sack", on_off(tcp.sack)),
        ("snd_mss", some(tcp.snd_mss)),
        ("rcv_mss", some(tcp.rcv_mss)),
        ("path_mtu", some(tcp.path_mtu)),
    ]);
}

fn timing_rows(tcp: &TcpInfo, now: Instant, rows: &mut Vec<Row>) {
    let time = |duration: Duration| (!duration.is_zero()).then(|| human_time(duration));
    rows.extend([
        ("rto", time(tcp.rto)),
        ("srtt", tcp.srtt.and_then(time)),
        ("rttvar", time(tcp.rttvar)),
        ("min_rtt", tcp.min_rtt.and_then(time)),
        ("backoff", some(tcp.backoff)),
        ("probes", some(tcp.probes)),
        ("cwnd", some(tcp.cwnd)),
        // No threshold until a loss sets one.
        ("ssthresh", (tcp.ssthresh < 1 << 30).then(|| tcp.ssthresh.to_string())),
        ("recovery", some(format!("{:?}", tcp.recovery)).filter(|state| state != "Open")),
    ]);
    rows.extend(tcp.timers.iter().map(|(name, due)| {
        (timer(*name), Some(format!("+{}", human_time(due.saturating_since(now)))))
    }));
}

fn count_rows(tcp: &TcpInfo, rows: &mut Vec<Row>) {
    rows.extend([
        ("segments_unacked", some(tcp.segments_unacked)),
        ("segments_sacked", some(tcp.segments_sacked)),
        ("segments_lost", some(tcp.segments_lost)),
        ("segments_retransmitted", some(tcp.segments_retransmitted)),
        ("total_retransmissions", some(tcp.total_retransmissions)),
        ("bytes_sent", some(tcp.bytes_sent)),
        ("bytes_retransmitted", some(tcp.bytes_retransmitted)),
        ("bytes_acked", some(tcp.bytes_acked)),
        ("bytes_received", some(tcp.bytes_received)),
        ("segments_out", some(tcp.segments_out)),
        ("segments_in", some(tcp.segments_in)),
        ("out_of_order", some(tcp.out_of_order)),
    ]);
}

/// The name of a timer's field.
pub(crate) const fn timer(name: TimerName) -> &'static str {
    match name {
        TimerName::Retransmission => "timer_retransmission",
        TimerName::Persist => "timer_persist",
        TimerName::DelayedAck => "timer_delayed_ack",
        TimerName::KeepAlive => "timer_keep_alive",
        TimerName::UserTimeout => "timer_user_timeout",
        TimerName::FinWait2 => "timer_fin_wait_2",
        TimerName::TimeWait => "timer_time_wait",
        TimerName::Override => "timer_override",
        _ => "timer",
    }
}
