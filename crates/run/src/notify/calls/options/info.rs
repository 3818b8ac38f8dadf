//! TCP_INFO: Linux's `struct tcp_info`, filled from a socket's control information.

use super::super::super::table::Sock;
use danja::stack::views::{RecoveryState, TcpState};
use std::time::Duration;

/// What Linux says of a smallest round-trip time before there is one: as many microseconds as fit.
const UNKNOWN_RTT: Duration = Duration::from_micros(u32::MAX as u64);

/// As long as Linux 5.5's, which has all that is filled here.
const LENGTH: usize = 232;

/// Bytes at fixed places.
struct Places(Vec<u8>);

impl Places {
    fn byte(&mut self, place: usize, value: u8) {
        self.0[place] = value;
    }

    fn word(&mut self, place: usize, value: impl TryInto<u32>) {
        let value = value.try_into().unwrap_or(u32::MAX);
        self.0[place..place + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn long(&mut self, place: usize, value: u64) {
        self.0[place..place + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn time(&mut self, place: usize, time: Duration) {
        self.word(place, time.as_micros());
    }
}

/// Linux's number of a state.
const fn state_number(state: TcpState) -> u8 {
    match state {
        TcpState::Established => 1,
        TcpState::SynSent => 2,
        TcpState::SynReceived => 3,
        TcpState::FinWait1 => 4,
        TcpState::FinWait2 => 5,
        // As Linux: what waits is a record of its own, and the socket is closed.
        TcpState::TimeWait | TcpState::Closed => 7,
        TcpState::CloseWait => 8,
        TcpState::LastAck => 9,
        TcpState::Listen => 10,
        TcpState::Closing => 11,
    }
}

pub(super) fn bytes(sock: &Sock) -> Vec<u8> {
    let mut places = Places(vec![0; LENGTH]);
    let Some(control) = sock.socket.control_info() else { return places.0 };
    places.byte(0, state_number(control.state.unwrap_or(TcpState::Closed)));
    if control.state == Some(TcpState::Listen) {
        // Of a listener, Linux has its queue and its backlog here.
        places.word(24, control.receive_queue);
        places.word(28, control.receive_buffer);
        return places.0;
    }
    let Some(tcp) = control.tcp else { return places.0 };
    let recovery = match tcp.recovery {
        RecoveryState::Open => 0,
        RecoveryState::Disorder => 1,
        RecoveryState::Reduced => 2,
        RecoveryState::Recovery => 3,
        RecoveryState::Loss => 4,
    };
    places.byte(1, recovery);
    places.byte(2, tcp.backoff);
    places.byte(3, tcp.probes);
    places.byte(4, tcp.backoff);
    let options = [(tcp.timestamps, 1), (tcp.sack, 2), (tcp.window_scaling, 4)];
    places.byte(5, options.iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum());
    places.byte(6, tcp.snd_wind_shift & 0xf | tcp.rcv_wind_shift << 4);
    places.time(8, tcp.rto);
    places.word(16, tcp.snd_mss);
    places.word(20, tcp.rcv_mss);
    places.word(24, tcp.segments_unacked);
    places.word(28, tcp.segments_sacked);
    places.word(32, tcp.segments_lost);
    places.word(36, tcp.segments_retransmitted);
    places.word(60, tcp.path_mtu);
    places.time(68, tcp.srtt.unwrap_or_default());
    places.time(72, tcp.rttvar);
    let mss = tcp.snd_mss.max(1);
    places.word(76, tcp.ssthresh / mss);
    places.word(80, tcp.cwnd / mss);
    places.word(84, tcp.rcv_mss);
    places.word(96, control.receive_buffer);
    places.word(100, tcp.total_retransmissions);
    places.long(120, tcp.bytes_acked);
    places.long(128, tcp.bytes_received);
    places.word(136, tcp.segments_out);
    places.word(140, tcp.segments_in);
    places.word(144, control.send_queue);
    places.time(148, tcp.min_rtt.unwrap_or(UNKNOWN_RTT));
    places.long(200, tcp.bytes_sent);
    places.long(208, tcp.bytes_retransmitted);
    places.word(228, tcp.snd_wnd);
    places.0
}
