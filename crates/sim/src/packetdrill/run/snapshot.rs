//! What `%{ }%` blocks see of the socket under test: `tcpi_*` by Linux's names and numbers, and the
//! constants of both systems' headers.

use crate::packetdrill::evaluate::Value;
use danja_stack::ControlInfo;
use danja_stack::views::{RecoveryState, TcpInfo, TcpState};

/// States by Linux's numbers, under the names that headers of several systems have for them,
/// without prefix and underscores: `TCP_FIN_WAIT1`, `TCPI_FIN_WAIT_1`, `TCPS_FIN_WAIT_1`.
const STATES: &[(&[&str], TcpState, u8)] = &[
    (&["ESTABLISHED"], TcpState::Established, 1),
    (&["SYNSENT"], TcpState::SynSent, 2),
    (&["SYNRECV", "SYNRECEIVED", "SYNRCVD"], TcpState::SynReceived, 3),
    (&["FINWAIT1"], TcpState::FinWait1, 4),
    (&["FINWAIT2"], TcpState::FinWait2, 5),
    (&["TIMEWAIT"], TcpState::TimeWait, 6),
    (&["CLOSE", "CLOSED"], TcpState::Closed, 7),
    (&["CLOSEWAIT"], TcpState::CloseWait, 8),
    (&["LASTACK"], TcpState::LastAck, 9),
    (&["LISTEN"], TcpState::Listen, 10),
    (&["CLOSING"], TcpState::Closing, 11),
];

const CONSTANTS: &[(&str, u8)] = &[
    ("TCP_CA_Open", 0),
    ("TCP_CA_Disorder", 1),
    ("TCP_CA_CWR", 2),
    ("TCP_CA_Recovery", 3),
    ("TCP_CA_Loss", 4),
    ("TCPI_OPT_TIMESTAMPS", 1),
    ("TCPI_OPT_SACK", 2),
    ("TCPI_OPT_WSCALE", 4),
    ("TCPI_OPT_ECN", 8),
];

/// `sockstat`'s word for a state.
pub(super) fn sockstat_name(state: TcpState) -> &'static str {
    match state {
        TcpState::Closed => "CLOSED",
        TcpState::Listen => "LISTEN",
        TcpState::SynSent => "SYN_SENT",
        TcpState::SynReceived => "SYN_RCVD",
        TcpState::Established => "ESTABLISHED",
        TcpState::FinWait1 => "FIN_WAIT_1",
        TcpState::FinWait2 => "FIN_WAIT_2",
        TcpState::CloseWait => "CLOSE_WAIT",
        TcpState::Closing => "CLOSING",
        TcpState::LastAck => "LAST_ACK",
        TcpState::TimeWait => "TIME_WAIT",
    }
}

/// The value of a name in a block.
pub(super) fn variable(info: &ControlInfo, name: &str) -> Option<Value> {
    let constant = CONSTANTS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    if let Some(value) = constant.or_else(|| state_number(name)) {
        return Some(Value::Number(f64::from(value)));
    }
    if name == "tcpi_state" {
        let state = info.state.unwrap_or(TcpState::Closed);
        let (.., number) = STATES.iter().find(|(_, known, _)| *known == state)?;
        return Some(Value::Number(f64::from(*number)));
    }
    tcp_variable(info.tcp.as_ref()?, name).map(Value::Number)
}

fn state_number(name: &str) -> Option<u8> {
    let name = ["TCP_", "TCPI_", "TCPS_"].iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let name = name.replace('_', "");
    let found = STATES.iter().find(|(names, ..)| names.contains(&name.as_str()));
    found.map(|(.., number)| *number)
}

fn tcp_variable(tcp: &TcpInfo, name: &str) -> Option<f64> {
    let micros = |time: core::time::Duration| time.as_micros() as f64;
    let segments = |bytes: u32| f64::from(bytes / tcp.snd_mss.max(1));
    Some(match name {
        "tcpi_ca_state" => f64::from(match tcp.recovery {
            RecoveryState::Open => 0_u8,
            RecoveryState::Disorder => 1,
            RecoveryState::Reduced => 2,
            RecoveryState::Recovery => 3,
            RecoveryState::Loss => 4,
        }),
        "tcpi_options" => {
            let bits = u8::from(tcp.timestamps)
                | u8::from(tcp.sack) << 1
                | u8::from(tcp.window_scaling) << 2;
            f64::from(bits)
        }
        "tcpi_retransmits" | "tcpi_backoff" => f64::from(tcp.backoff),
        "tcpi_probes" => f64::from(tcp.probes),
        "tcpi_snd_wscale" => f64::from(tcp.snd_wind_shift),
        "tcpi_rcv_wscale" => f64::from(tcp.rcv_wind_shift),
        "tcpi_rto" => micros(tcp.rto),
        "tcpi_rtt" => micros(tcp.srtt.unwrap_or_default()),
        "tcpi_rttvar" => micros(tcp.rttvar),
        "tcpi_min_rtt" => micros(tcp.min_rtt.unwrap_or_default()),
        "tcpi_snd_mss" => f64::from(tcp.snd_mss),
        "tcpi_advmss" => f64::from(tcp.rcv_mss),
        "tcpi_pmtu" => f64::from(tcp.path_mtu),
        "tcpi_unacked" => f64::from(tcp.segments_unacked),
        "tcpi_sacked" => f64::from(tcp.segments_sacked),
        "tcpi_lost" => f64::from(tcp.segments_lost),
        "tcpi_retrans" => f64::from(tcp.segments_retransmitted),
        "tcpi_total_retrans" => f64::from(tcp.total_retransmissions),
        "tcpi_snd_cwnd" => segments(tcp.cwnd),
        "tcpi_snd_ssthresh" => segments(tcp.ssthresh),
        "tcpi_snd_wnd" => f64::from(tcp.snd_wnd),
        "tcpi_rcv_wnd" => f64::from(tcp.rcv_wnd),
        "tcpi_bytes_acked" => tcp.bytes_acked as f64,
        "tcpi_bytes_received" => tcp.bytes_received as f64,
        "tcpi_bytes_sent" => tcp.bytes_sent as f64,
        "tcpi_bytes_retrans" => tcp.bytes_retransmitted as f64,
        "tcpi_segs_out" => tcp.segments_out as f64,
        "tcpi_segs_in" => tcp.segments_in as f64,
        _ => return None,
    })
}
