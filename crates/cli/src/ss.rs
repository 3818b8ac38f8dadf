//! `danja ss`: the sockets of the user's running hosts, as `ss -tiue` shows the kernel's.

use crate::args::{SsArgs, Talk};
use crate::failure::Failure;
use crate::look::{self, Told, number, text};
use crate::output::{data, exit};
use crate::table::Table;
use serde_json::Value;
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

pub(crate) fn run(args: &SsArgs, _: Talk) -> Result<ExitCode, Failure> {
    let mut told = look::ask("/api/sockets", &args.whose)?;
    for host in &mut told {
        if let Some(Value::Array(sockets)) = host.value.get_mut("sockets") {
            sockets.retain(|socket| is_wanted(socket, args));
        }
    }
    if args.whose.json {
        data(&look::json(&told))?;
    } else {
        data(&table(&told, args.info))?;
    }
    Ok(exit(true))
}

fn endpoint(socket: &Value, side: &str) -> Option<SocketAddr> {
    socket.get(side)?.as_str()?.parse().ok()
}

fn is_wanted(socket: &Value, args: &SsArgs) -> bool {
    let port = |side| endpoint(socket, side).map(|end| end.port());
    let (local, remote) = (port("local"), port("remote"));
    let (kind, state) = (text(socket, "kind"), text(socket, "state"));
    let waits = state == "LISTEN" || (state.is_empty() && remote.is_none());
    let kinds = [(args.tcp, "tcp"), (args.udp, "udp")];
    let any =
        |wanted: Option<u16>, have: &[Option<u16>]| wanted.is_none() || have.contains(&wanted);
    (args.state.is_empty() || args.state.contains(&state))
        && (!args.listening || waits)
        && (!(args.tcp || args.udp) || kinds.contains(&(true, kind.as_str())))
        && any(args.port, &[local, remote])
        && any(args.sport, &[local])
        && any(args.dport, &[remote])
}

fn table(told: &[Told], info: bool) -> String {
    let mut table = Table::new(&[
        "Netid",
        "State",
        ">Recv-Q",
        ">Send-Q",
        "Local Address:Port",
        "Peer Address:Port",
        "Via",
        "Host",
    ]);
    for host in told {
        for socket in host.list("sockets") {
            let listens = text(&socket, "state") == "LISTEN";
            // As in ss: of a listener, what waits to be accepted, and how much may.
            let second = if listens { "receive_buffer" } else { "send_queue" };
            table.row(vec![
                text(&socket, "kind"),
                state(&socket),
                text(&socket, "receive_queue"),
                text(&socket, second),
                shown(endpoint(&socket, "local")),
                shown(endpoint(&socket, "remote")),
                text(&socket, "via"),
                host.title(),
            ]);
            if info {
                table.below(control_information(&socket));
            }
        }
    }
    table.text()
}

fn shown(endpoint: Option<SocketAddr>) -> String {
    match endpoint {
        None => "*:*".to_owned(),
        Some(end) if end.port() == 0 => format!("{}:*", end.ip()),
        Some(end) => end.to_string(),
    }
}

/// The state by ss's names.
fn state(socket: &Value) -> String {
    match text(socket, "state").as_str() {
        "ESTABLISHED" => "ESTAB".to_owned(),
        "SYN-RECEIVED" => "SYN-RECV".to_owned(),
        "" if text(socket, "kind") == "tcp" || endpoint(socket, "remote").is_none() => {
            "UNCONN".to_owned()
        }
        "" => "ESTAB".to_owned(),
        other => other.to_owned(),
    }
}

/// The control information by the names of `ss -i`, a tab before it, in two lines at the most.
fn control_information(socket: &Value) -> String {
    let mut line = String::new();
    if let Some(tcp) = socket.get("tcp").filter(|tcp| !tcp.is_null()) {
        // Of a connection in TIME-WAIT little is kept: when it ends.
        line += &match text(socket, "state").as_str() {
            "TIME-WAIT" => timers(tcp).join(" "),
            _ => tcp_information(tcp),
        };
    }
    for (field, name) in [("error", "error"), ("soft_error", "soft_error")] {
        if let Some(kind) = socket.get(field).and_then(|fault| fault.get("kind")) {
            let _ = write!(line, " {name}:{}", kind.as_str().unwrap_or_default());
        }
    }
    if number(socket, "half_open") > 0 {
        let _ = write!(line, " half_open:{}", number(socket, "half_open"));
    }
    if socket.get("memory").is_some() {
        // ss -e and -m: the descriptor, if it still has one, and what is taken of what may be.
        let descriptor = match text(socket, "descriptor").as_str() {
            "" => String::new(),
            descriptor => format!(" fd:{descriptor}"),
        };
        let _ = write!(
            line,
            "\n\t{descriptor} mem:{} rb:{}/{} sb:{}/{}",
            number(socket, "memory"),
            number(socket, "receive_buffer"),
            number(socket, "receive_buffer_max"),
            number(socket, "send_buffer"),
            number(socket, "send_buffer_max"),
        );
    }
    match line.trim() {
        "" => String::new(),
        line => format!("\t {line}\n"),
    }
}

fn tcp_information(tcp: &Value) -> String {
    let mut words = Vec::new();
    let is = |field| tcp.get(field).and_then(Value::as_bool) == Some(true);
    words.extend(is("timestamps").then(|| "ts".to_owned()));
    words.extend(is("sack").then(|| "sack".to_owned()));
    words.push(text(tcp, "congestion"));
    if is("window_scaling") {
        let (theirs, ours) = (number(tcp, "snd_wind_shift"), number(tcp, "rcv_wind_shift"));
        words.push(format!("wscale:{theirs},{ours}"));
    }
    let millis = |field| tcp.get(field).and_then(Value::as_f64).map(|seconds| seconds * 1e3);
    words.extend(millis("rto").map(|rto| format!("rto:{rto:.0}")));
    if let (Some(srtt), Some(var)) = (millis("srtt"), millis("rttvar")) {
        words.push(format!("rtt:{srtt:.3}/{var:.3}"));
    }
    words.extend(millis("min_rtt").map(|rtt| format!("minrtt:{rtt:.3}")));
    let mss = number(tcp, "snd_mss").max(1);
    words.push(format!("mss:{mss}"));
    words.push(format!("pmtu:{}", number(tcp, "path_mtu")));
    words.push(format!("rcvmss:{}", number(tcp, "rcv_mss")));
    // As in ss these two are segments.
    words.push(format!("cwnd:{}", number(tcp, "cwnd") / mss));
    let threshold = number(tcp, "ssthresh");
    if threshold < u64::from(u32::MAX / 2) {
        words.push(format!("ssthresh:{}", threshold / mss));
    }
    for (field, name) in [
        ("bytes_sent", "bytes_sent"),
        ("bytes_retransmitted", "bytes_retrans"),
        ("bytes_acked", "bytes_acked"),
        ("bytes_received", "bytes_received"),
        ("segments_out", "segs_out"),
        ("segments_in", "segs_in"),
        ("segments_unacked", "unacked"),
        ("segments_sacked", "sacked"),
        ("segments_lost", "lost"),
        ("backoff", "backoff"),
        ("out_of_order", "rcv_ooo"),
    ] {
        if number(tcp, field) > 0 {
            words.push(format!("{name}:{}", number(tcp, field)));
        }
    }
    if number(tcp, "total_retransmissions") > 0 {
        let now = number(tcp, "segments_retransmitted");
        words.push(format!("retrans:{now}/{}", number(tcp, "total_retransmissions")));
    }
    words.push(format!("snd_wnd:{}", number(tcp, "snd_wnd")));
    words.push(format!("rcv_wnd:{}", number(tcp, "rcv_wnd")));
    if text(tcp, "recovery") != "Open" {
        words.push(format!("ca_state:{}", text(tcp, "recovery")));
    }
    words.extend(timers(tcp));
    words.join(" ")
}

fn timers(tcp: &Value) -> Vec<String> {
    let Some(Value::Object(timers)) = tcp.get("timers") else { return Vec::new() };
    let due = |due: &Value| due.as_f64().unwrap_or(0.0) * 1e3;
    timers.iter().map(|(name, at)| format!("timer:({name},{:.0}ms)", due(at))).collect()
}

#[cfg(test)]
mod tests;
