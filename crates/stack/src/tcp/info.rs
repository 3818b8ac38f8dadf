//! Control information: plain data about a socket and its record. Changes nothing.

use super::Tcp;
use super::loss::{self, Mode};
use super::record::{HalfOpen, Record, TimeWait};
use super::socket::{Role, StreamSocket, Urgent};
use super::tcb::{AckNeed, Tcb};
use crate::core_state::Core;
use crate::slab::Key;
use crate::socket::{SocketId, SocketKind};
use crate::views::{ControlInfo, RecoveryState, TcpInfo, TcpState, TimerName};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::tcp::SeqNumber;

impl Tcp {
    pub(crate) fn control_info(&self, core: &Core, place: Key) -> Option<ControlInfo> {
        let socket = self.sockets.get(place)?;
        match &socket.role {
            Role::Fresh => Some(of_socket(core, socket, TcpState::Closed)),
            Role::Listener(listener) => {
                let mut info = of_socket(core, socket, TcpState::Listen);
                info.receive_queue = listener.accept.len();
                info.receive_buffer = listener.backlog;
                info.receive_buffer_max = listener.backlog;
                info.half_open = listener.half_open;
                Some(info)
            }
            Role::Connection(id) => of_record(core, self.records.get(id.0)?, Some(socket), None),
            Role::Ended(last) => {
                let mut info = (**last).clone();
                info.socket = socket.id;
                info.error = socket.error.as_deref().copied();
                info.receive_queue = socket.receive.len();
                info.memory = size_of::<StreamSocket>().saturating_add(socket.receive.cost());
                Some(info)
            }
        }
    }

    /// Records that no descriptor leads to: half-open, TIME-WAIT, orphans; not yet accepted.
    pub(crate) fn unowned(&self, core: &Core) -> Vec<ControlInfo> {
        let records = self.records.iter().filter_map(|(_, record)| {
            let socket = self.socket_of(record);
            if socket.is_some_and(|socket| socket.id.is_some()) {
                return None;
            }
            of_record(core, record, socket, self.listener_of(record))
        });
        records.collect()
    }

    /// The control information that a segment between these endpoints would find: connection,
    /// half-open, TIME-WAIT, or listener.
    pub(crate) fn find(
        &self,
        core: &Core,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<ControlInfo> {
        if let Some(id) = self.demux.look_up(core, &self.records, local, remote) {
            let record = self.records.get(id.0)?;
            return of_record(core, record, self.socket_of(record), self.listener_of(record));
        }
        let place = self.demux.any_listener(local, remote)?;
        self.control_info(core, place)
    }

    fn socket_of(&self, record: &Record) -> Option<&StreamSocket> {
        let key = match record {
            Record::Connection(tcb) => tcb.socket,
            Record::TimeWait(wait) => wait.socket,
            _ => None,
        };
        self.sockets.get(key?)
    }

    fn listener_of(&self, record: &Record) -> Option<SocketId> {
        let place = match record {
            Record::Connection(tcb) => match tcb.origin {
                super::tcb::Origin::Passive(place) => place,
                super::tcb::Origin::Active => return None,
            },
            Record::HalfOpen(half) => half.listener,
            Record::Pending(pending) => pending.listener,
            Record::TimeWait(_) => return None,
        };
        self.sockets.get(place)?.id
    }
}

fn of_socket(core: &Core, socket: &StreamSocket, state: TcpState) -> ControlInfo {
    ControlInfo {
        socket: socket.id,
        listener: None,
        kind: SocketKind::Stream,
        state: Some(state),
        local: socket.local,
        remote: None,
        interface: socket.options.get().interface,
        memory: size_of::<StreamSocket>().saturating_add(socket.receive.cost()),
        send_queue: 0,
        send_buffer: socket.send_limit,
        send_buffer_max: socket.send_max(core),
        receive_queue: socket.receive.len(),
        receive_buffer: socket.receive_limit,
        receive_buffer_max: socket.receive_max(core),
        half_open: 0,
        error: socket.error.as_deref().copied(),
        soft_error: socket.soft_error.as_deref().copied(),
        tcp: None,
    }
}

fn of_nothing(local: SocketAddr, remote: SocketAddr, state: TcpState) -> ControlInfo {
    ControlInfo {
        socket: None,
        listener: None,
        kind: SocketKind::Stream,
        state: Some(state),
        local: Some(local),
        remote: Some(remote),
        interface: None,
        memory: 0,
        send_queue: 0,
        send_buffer: 0,
        send_buffer_max: 0,
        receive_queue: 0,
        receive_buffer: 0,
        receive_buffer_max: 0,
        half_open: 0,
        error: None,
        soft_error: None,
        tcp: None,
    }
}

/// The control information of a record, with its socket's if it has one.
pub(super) fn of_record(
    core: &Core,
    record: &Record,
    socket: Option<&StreamSocket>,
    listener: Option<SocketId>,
) -> Option<ControlInfo> {
    let (local, remote) = record.endpoints();
    let (state, memory, tcp) = match record {
        Record::Connection(tcb) => (tcb.state.view(), tcb.memory(), of_tcb(core, tcb, socket)),
        Record::HalfOpen(half) => {
            (TcpState::SynReceived, size_of::<HalfOpen>(), of_half_open(core, half))
        }
        Record::TimeWait(wait) => {
            let waits = wait.fin_wait_2;
            let state = if waits { TcpState::FinWait2 } else { TcpState::TimeWait };
            (state, size_of::<TimeWait>(), of_time_wait(core, wait))
        }
        Record::Pending(pending) => {
            let mut info = of_nothing(local, remote, TcpState::Listen);
            info.memory = size_of_val(&**pending);
            info.listener = listener;
            return Some(info);
        }
    };
    let mut info = match socket {
        Some(socket) => of_socket(core, socket, state),
        None => of_nothing(local, remote, state),
    };
    info.local = Some(local);
    info.remote = Some(remote);
    info.listener = if socket.is_none_or(|socket| socket.id.is_none()) { listener } else { None };
    info.memory = info.memory.saturating_add(memory);
    if let Record::Connection(tcb) = record {
        info.send_queue = tcb.queued();
    }
    info.tcp = Some(tcp);
    Some(info)
}

fn timers(tcb: &Tcb) -> Vec<(TimerName, Instant)> {
    let deadlines = &tcb.deadlines;
    let retransmit = if tcb.persisting { TimerName::Persist } else { TimerName::Retransmission };
    let limit = tcb.options.get().user_timeout;
    let stalled = deadlines.retransmit != Instant::MAX && !limit.is_zero();
    let user = if stalled { tcb.stalled_since + limit } else { Instant::MAX };
    [
        (retransmit, deadlines.retransmit),
        (TimerName::DelayedAck, deadlines.delayed_ack),
        (TimerName::KeepAlive, deadlines.keep_alive),
        (TimerName::UserTimeout, user),
    ]
    .into_iter()
    .filter(|(_, at)| *at != Instant::MAX)
    .collect()
}

fn of_tcb(core: &Core, tcb: &Tcb, socket: Option<&StreamSocket>) -> TcpInfo {
    let records = tcb.busy.as_ref().map(|busy| &busy.records);
    let (unacked, sacked, lost, resent) = records.map_or((0, 0, 0, 0), |r| r.counts());
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let duration = |nanos: u64| (nanos > 0).then(|| Duration::from_nanos(nanos));
    let urgent = socket.and_then(|socket| match socket.urgent {
        Urgent::None | Urgent::Marked(_) => None,
        Urgent::Announced(at) | Urgent::Waiting(at, _) => {
            let ahead = at.wrapping_sub(socket.stream_end()) as u32;
            Some(tcb.rcv_nxt + ahead.wrapping_add(1))
        }
    });
    TcpInfo {
        iss: tcb.iss,
        snd_una: tcb.snd_una,
        snd_nxt: tcb.snd_nxt,
        snd_wnd: tcb.snd_wnd,
        snd_wl1: tcb.snd_wl1,
        snd_wl2: tcb.snd_wl2,
        snd_up: tcb.rare.as_ref().and_then(|rare| rare.snd_up),
        irs: tcb.irs,
        rcv_nxt: tcb.rcv_nxt,
        rcv_wnd: tcb.rcv_wnd(),
        rcv_up: urgent,
        snd_wind_shift: tcb.agreed.snd_wind_shift,
        rcv_wind_shift: tcb.agreed.rcv_wind_shift,
        timestamps: tcb.agreed.timestamps,
        sack: tcb.agreed.sack,
        window_scaling: tcb.agreed.window_scaling,
        snd_mss: tcb.snd_mss,
        rcv_mss: u32::from(tcb.agreed.rcv_mss),
        path_mtu: u32::try_from(tcb.path.mtu).unwrap_or(u32::MAX),
        rto: loss::rto(tcb, &core.config.tcp),
        srtt: duration(tcb.rtt.srtt),
        rttvar: Duration::from_nanos(tcb.rtt.rttvar),
        min_rtt: duration(tcb.rtt.min),
        backoff: tcb.backoff,
        probes: tcb.probes.max(tcb.keep_alive_probes),
        cwnd: tcb.congestion.cwnd,
        ssthresh: tcb.congestion.ssthresh,
        congestion: tcb.options.get().congestion.unwrap_or(core.config.tcp.congestion),
        recovery: match tcb.recovery.mode {
            Mode::Open => RecoveryState::Open,
            Mode::Disorder => RecoveryState::Disorder,
            Mode::Recovery => RecoveryState::Recovery,
            Mode::Loss => RecoveryState::Loss,
        },
        segments_unacked: small(unacked),
        segments_sacked: small(sacked),
        segments_lost: small(lost),
        segments_retransmitted: small(resent),
        total_retransmissions: tcb.totals.retransmissions,
        bytes_sent: tcb.totals.bytes_sent,
        bytes_retransmitted: tcb.totals.bytes_retransmitted,
        bytes_acked: tcb.totals.bytes_acked,
        bytes_received: tcb.totals.bytes_received,
        segments_out: tcb.totals.segments_out,
        segments_in: tcb.totals.segments_in,
        out_of_order: socket.map_or(0, |socket| socket.receive.out_of_order_bytes()),
        timers: timers(tcb),
    }
}

fn of_half_open(core: &Core, half: &HalfOpen) -> TcpInfo {
    let mut tcb = Tcb::from_half_open(half, core.now);
    tcb.ack = AckNeed::None;
    let mut info = of_tcb(core, &tcb, None);
    if half.deadline != Instant::MAX {
        info.timers.push((TimerName::Retransmission, half.deadline));
    }
    info
}

fn of_time_wait(core: &Core, wait: &TimeWait) -> TcpInfo {
    let name = if wait.fin_wait_2 { TimerName::FinWait2 } else { TimerName::TimeWait };
    TcpInfo {
        iss: wait.iss,
        snd_una: wait.snd_nxt,
        snd_nxt: wait.snd_nxt,
        snd_wnd: 0,
        snd_wl1: SeqNumber(0),
        snd_wl2: SeqNumber(0),
        snd_up: None,
        irs: wait.irs,
        rcv_nxt: wait.rcv_nxt,
        rcv_wnd: wait.rcv_wnd,
        rcv_up: None,
        snd_wind_shift: 0,
        rcv_wind_shift: 0,
        timestamps: wait.timestamps,
        sack: false,
        window_scaling: false,
        snd_mss: 0,
        rcv_mss: 0,
        path_mtu: 0,
        rto: Duration::ZERO,
        srtt: None,
        rttvar: Duration::ZERO,
        min_rtt: None,
        backoff: 0,
        probes: 0,
        cwnd: 0,
        ssthresh: 0,
        congestion: core.config.tcp.congestion,
        recovery: RecoveryState::Open,
        segments_unacked: 0,
        segments_sacked: 0,
        segments_lost: 0,
        segments_retransmitted: 0,
        total_retransmissions: wait.retransmissions,
        bytes_sent: 0,
        bytes_retransmitted: 0,
        bytes_acked: 0,
        bytes_received: 0,
        segments_out: 0,
        segments_in: 0,
        out_of_order: 0,
        timers: [(name, wait.deadline)].into_iter().collect(),
    }
}
