//! The page as text, for `curl` and terminals.

use super::{interface_name, json, links, trouble};
use danja::Host;
use danja::stack::Instant;
use danja::stack::views::{ControlInfo, TcpInfo, TcpState};
use std::fmt::Write;
use std::time::Duration;

/// The whole page. Writing to a text cannot fail.
pub(super) fn page(hosts: &[Host], visitor: &str) -> String {
    let mut page = String::from("Danja: a protocol stack at work\n\n");
    let _ = writeln!(page, "{visitor}");
    let _ = writeln!(page, "{} on this LAN, as they are at this moment:", plural(hosts.len()));
    for host in hosts {
        let _ = write_host(&mut page, host);
    }
    page.push_str("\nAs JSON: /api/hosts /api/sockets /api/neighbours /api/routes /api/counters\n");
    page
}

fn plural(hosts: usize) -> String {
    if hosts == 1 { "One host is".to_owned() } else { format!("{hosts} hosts are") }
}

fn write_host(page: &mut String, host: &Host) -> std::fmt::Result {
    let interfaces = host.interfaces();
    writeln!(page, "\n== {} ==", host.name())?;
    for link in links(host) {
        let addresses: Vec<String> = link.addresses.iter().map(ToString::to_string).collect();
        writeln!(
            page,
            "interface   {}: {}, {}, MTU {}{}; in {} frames ({} bytes), out {} frames ({} bytes)",
            link.name,
            addresses.join(" "),
            json::mac_of(&link).unwrap_or_else(|| "no link address".to_owned()),
            link.mtu,
            trouble(&link),
            link.received.0,
            link.received.1,
            link.sent.0,
            link.sent.1
        )?;
    }
    let now = host.now();
    let sockets = host.sockets();
    writeln!(page, "sockets")?;
    if sockets.is_empty() {
        writeln!(page, "  none")?;
    } else {
        writeln!(page, "  {}", row(["fd", "kind", "state", "local", "peer", "memory", "queues"]))?;
    }
    for info in &sockets {
        writeln!(page, "  {}", socket_row(info))?;
        if let Some(tcp) = &info.tcp {
            // Of a connection that is over, little is kept.
            let over = info.state == Some(TcpState::TimeWait);
            write_tcp(page, tcp, now, over)?;
        }
    }
    writeln!(page, "neighbours")?;
    let neighbours = host.neighbours();
    if neighbours.is_empty() {
        writeln!(page, "  none")?;
    }
    for neighbour in &neighbours {
        writeln!(
            page,
            "  {} is at {} on {} ({})",
            neighbour.address,
            neighbour.mac.map_or_else(|| "?".to_owned(), |mac| mac.to_string()),
            interface_name(&interfaces, neighbour.interface),
            format!("{:?}", neighbour.state).to_uppercase()
        )?;
    }
    writeln!(page, "routes")?;
    for route in host.routes() {
        let via = route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
        let name = interface_name(&interfaces, route.interface);
        writeln!(page, "  {}{via} on {name}", route.destination)?;
    }
    Ok(())
}

fn row(cells: [&str; 7]) -> String {
    let [fd, kind, state, local, peer, memory, queues] = cells;
    format!("{fd:<4} {kind:<5} {state:<13} {local:<21} {peer:<21} {memory:>7}  {queues}")
        .trim_end()
        .to_owned()
}

fn socket_row(info: &ControlInfo) -> String {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let queues = if info.state.is_some_and(|state| state.name() == "LISTEN") {
        format!(
            "{} of {} to accept, {} half-open",
            info.receive_queue, info.receive_buffer, info.half_open
        )
    } else {
        format!("send {}, receive {}", info.send_queue, info.receive_queue)
    };
    row([
        &shown(info.socket.map(super::descriptor)),
        &json::kind(info.kind),
        &shown(info.state.map(|state| state.name().to_owned())),
        &shown(info.local.map(|local| local.to_string())),
        &shown(info.remote.map(|remote| remote.to_string())),
        &info.memory.to_string(),
        &queues,
    ])
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

fn write_tcp(page: &mut String, tcp: &TcpInfo, now: Instant, over: bool) -> std::fmt::Result {
    let indent = " ".repeat(7);
    if over {
        writeln!(page, "{indent}next     to send {}, expected {}", tcp.snd_nxt, tcp.rcv_nxt)?;
        return write_timers(page, tcp, now);
    }
    writeln!(
        page,
        "{indent}send     iss {} una {} nxt {} wnd {} mss {}",
        tcp.iss, tcp.snd_una, tcp.snd_nxt, tcp.snd_wnd, tcp.snd_mss
    )?;
    writeln!(page, "{indent}receive  irs {} nxt {} wnd {}", tcp.irs, tcp.rcv_nxt, tcp.rcv_wnd)?;
    let srtt = tcp.srtt.map_or_else(|| "not measured".to_owned(), milliseconds);
    writeln!(
        page,
        "{indent}time     srtt {srtt}, rto {}; cwnd {} bytes, {:?}",
        milliseconds(tcp.rto),
        tcp.cwnd,
        tcp.recovery
    )?;
    writeln!(
        page,
        "{indent}bytes    {} sent, {} acknowledged, {} received; segments {} out, {} in, {} again",
        tcp.bytes_sent,
        tcp.bytes_acked,
        tcp.bytes_received,
        tcp.segments_out,
        tcp.segments_in,
        tcp.total_retransmissions
    )?;
    write_timers(page, tcp, now)
}

fn write_timers(page: &mut String, tcp: &TcpInfo, now: Instant) -> std::fmt::Result {
    for (name, due) in &tcp.timers {
        let due = milliseconds(due.saturating_since(now));
        writeln!(page, "       timer    {} in {due}", json::timer(*name))?;
    }
    Ok(())
}
