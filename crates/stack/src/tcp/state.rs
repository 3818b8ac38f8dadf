//! The one place where a connection's state changes: counters, timers and readiness that go
//! with it. What the protocol says about when is in `input` and `calls`.

use super::conn::Conn;
use super::input::Step;
use super::tcb::{AckNeed, Origin, Phase, State};
use super::timers;
use crate::Ready;
use crate::counters::count;

/// Enters a synchronized state.
pub(super) fn enter(conn: &mut Conn<'_>, phase: Phase) {
    let before = conn.tcb.state.is_current();
    conn.tcb.state = State::Synchronized(phase);
    let after = conn.tcb.state.is_current();
    let gauge = &mut conn.core.counters.tcp_curr_estab;
    match (before, after) {
        (false, true) => *gauge = gauge.saturating_add(1),
        (true, false) => *gauge = gauge.saturating_sub(1),
        _ => {}
    }
    if phase == Phase::FinWait2 {
        timers::fin_wait_2(conn);
    }
}

/// ESTABLISHED: the handshake is over.
pub(super) fn establish(conn: &mut Conn<'_>) {
    enter(conn, Phase::Established);
    let quick = if conn.core.config.tcp.quick_ack_start { QUICK_ACKS } else { 0 };
    conn.tcb.quick_acks = quick;
    conn.tcb.syn_due = false;
    conn.tcb.stalled_since = conn.core.now;
    if conn.tcb.origin == Origin::Active
        && let Some(socket) = conn.socket.as_deref_mut()
    {
        socket.connecting = true;
    }
    conn.raise(Ready::WRITABLE);
    if conn.tcb.fin_queued {
        // The application closed before the handshake was over.
        enter(conn, Phase::FinWait1);
    }
}

/// Acknowledgements sent without delay at the start of a connection (Linux: TCP_MAX_QUICKACKS).
const QUICK_ACKS: u8 = 16;

/// The peer's FIN was received in order.
pub(super) fn peer_closed(conn: &mut Conn<'_>) {
    if let Some(socket) = conn.socket.as_deref_mut() {
        socket.peer_closed = true;
        let both = socket.write_shut;
        let ready = Ready::READABLE.with(Ready::READ_CLOSED);
        conn.raise(if both { ready.with(Ready::HANG_UP) } else { ready });
    }
}

/// Processes the text and FIN that came with a SYN in SYN-SENT (RFC 9293 §3.10.7.3), now that
/// ESTABLISHED is reached.
pub(super) fn take_early(conn: &mut Conn<'_>) -> Step {
    let Some(early) = conn.tcb.rare.as_mut().and_then(|rare| rare.early.take()) else {
        return Step::Continue;
    };
    let length = u32::try_from(early.text.len()).unwrap_or(0);
    if let Some(socket) = conn.socket.as_deref_mut() {
        let ranges = conn.core.config.limits.out_of_order_ranges;
        let done = socket.receive.insert(0, early.text, ranges, 0);
        socket.charge(conn.core);
        conn.tcb.rcv_nxt += done.advanced;
        conn.tcb.totals.bytes_received =
            conn.tcb.totals.bytes_received.saturating_add(u64::from(length));
        conn.raise(Ready::READABLE);
    }
    if early.fin {
        conn.tcb.rare_mut().fin_at = Some(conn.tcb.rcv_nxt);
    }
    let quick = conn.tcb.quick_acks > 0 || early.fin;
    conn.owe_ack(if quick { AckNeed::Now } else { AckNeed::Delayed });
    Step::Continue
}

/// The application sends no more: FIN goes after what is queued (RFC 9293 §3.10.4).
pub(super) fn close_sending(conn: &mut Conn<'_>) {
    if conn.tcb.fin_queued {
        return;
    }
    let next = match conn.tcb.state {
        State::Synchronized(Phase::Established) | State::SynReceived => Phase::FinWait1,
        State::Synchronized(Phase::CloseWait) => Phase::LastAck,
        _ => return,
    };
    conn.tcb.fin_queued = true;
    conn.tcb.more_coming = false;
    // Before ESTABLISHED the FIN waits for the end of the handshake.
    if conn.tcb.state != State::SynReceived {
        enter(conn, next);
    }
}

/// A connection left a counted state for good.
pub(super) fn leave(conn: &mut Conn<'_>) {
    if conn.tcb.state.is_current() {
        let gauge = &mut conn.core.counters.tcp_curr_estab;
        *gauge = gauge.saturating_sub(1);
    } else if !matches!(conn.tcb.state, State::Synchronized(_)) {
        count(&mut conn.core.counters.tcp_attempt_fails);
    }
}
