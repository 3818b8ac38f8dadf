//! What happens when a connection's deadlines pass: retransmission, persist, delayed
//! acknowledgement, keep-alive, user timeout, FIN-WAIT-2. One timer a record, at the earliest.

use super::RecordId;
use super::conn::{Conn, Done};
use super::loss;
use super::output;
use super::tcb::{AckNeed, Phase, State};
use crate::core_state::Core;
use crate::counters::count;
use crate::ip;
use crate::socket::Cause;
use crate::timer::{Timer, TimerKey};
use danja_wire::Instant;

/// Makes sure that a record's timer comes out no later than `deadline`. A timer that is armed
/// for earlier is left alone: it comes out early and is armed again.
pub(super) fn arm(core: &mut Core, id: RecordId, timer: &mut Option<Timer>, deadline: Instant) {
    if deadline == Instant::MAX {
        return;
    }
    match timer.and_then(|timer| core.timers.deadline(timer)) {
        Some(armed) if armed <= deadline => {}
        Some(_) => {
            if let Some(timer) = *timer {
                core.timers.rearm(timer, deadline);
            }
        }
        None => *timer = core.timers.insert(deadline, TimerKey::Tcp(id)),
    }
}

/// The timer of a connection came out.
pub(super) fn on_timer(conn: &mut Conn<'_>) {
    let now = conn.core.now;
    if conn.tcb.deadlines.delayed_ack <= now {
        conn.tcb.deadlines.delayed_ack = Instant::MAX;
        if conn.tcb.ack == AckNeed::Delayed {
            count(&mut conn.core.counters.tcp_delayed_acks);
            conn.tcb.need_ack(AckNeed::Now);
        }
    }
    if conn.tcb.deadlines.retransmit <= now {
        if conn.tcb.persisting {
            output::on_persist_timeout(conn);
        } else if matches!(conn.tcb.state, State::Synchronized(_)) {
            retransmit(conn);
        } else {
            retransmit_syn(conn);
        }
    }
    if conn.tcb.deadlines.keep_alive <= now {
        on_keep_alive(conn);
    }
}

/// Whether the user timeout (RFC 5482 §3, TCP_USER_TIMEOUT) has run out.
fn user_timeout(conn: &Conn<'_>) -> bool {
    let limit = conn.tcb.options.get().user_timeout;
    !limit.is_zero() && conn.core.now.saturating_since(conn.tcb.stalled_since) >= limit
}

fn retransmit(conn: &mut Conn<'_>) {
    let waits = conn.tcb.unsent() > 0 || conn.tcb.fin_unsent();
    if conn.tcb.flight() == 0 && !waits {
        conn.tcb.deadlines.retransmit = Instant::MAX;
        return;
    }
    if user_timeout(conn) {
        conn.time_out(Cause::UserTimeout);
        return;
    }
    let config = &conn.core.config.tcp;
    let limit = if conn.socket.is_some() { config.retries } else { config.orphan_retries };
    // RFC 9293 §3.8.6 (MUST-35, MUST-37): a window that shrank to zero is probed by these
    // retransmissions, and stays open as long as they are answered.
    let spent = if conn.tcb.snd_wnd == 0 && conn.socket.is_some() {
        conn.tcb.probes
    } else {
        conn.tcb.backoff
    };
    // RFC 9293 §3.8.3 (MUST-20): at R2 the connection is closed.
    if spent >= limit {
        conn.time_out(Cause::Retransmissions(spent));
        return;
    }
    conn.tcb.probes = conn.tcb.probes.saturating_add(1);
    if conn.tcb.flight() == 0 {
        // It waits for a turn that does not come: nothing was lost.
        conn.tcb.backoff = conn.tcb.backoff.saturating_add(1);
        conn.tcb.deadlines.retransmit = Instant::MAX;
        return;
    }
    loss::on_retransmission_timeout(conn);
    advise(conn);
}

// RFC 9293 §3.8.3 (MUST-20): at R1, three retransmissions, IP is told that the way may be dead.
fn advise(conn: &mut Conn<'_>) {
    const R1: u8 = 3;
    if conn.tcb.backoff >= R1 {
        ip::suspect_neighbour(conn.core, &conn.tcb.path);
    }
}

fn retransmit_syn(conn: &mut Conn<'_>) {
    let own = conn.tcb.options.get().syn_retries;
    let limit = if own == 0 { conn.core.config.tcp.syn_retries } else { own };
    // RFC 9293 §3.8.3 (MUST-22): R1 and R2 hold for the SYN too.
    if user_timeout(conn) {
        conn.time_out(Cause::UserTimeout);
        return;
    }
    if conn.tcb.backoff >= limit {
        conn.time_out(Cause::Retransmissions(limit));
        return;
    }
    count(&mut conn.core.counters.tcp_timeouts);
    conn.tcb.backoff = conn.tcb.backoff.saturating_add(1);
    conn.tcb.syn_due = true;
    loss::restart_timer(conn);
    advise(conn);
}

/// Starts keep-alive's clock anew, if the application asked for it, after the time it asked for
/// (RFC 9293 §3.8.4, MUST-24, MUST-25, MUST-27).
pub(super) fn keep_alive(conn: &mut Conn<'_>) {
    let options = conn.tcb.options.get();
    conn.tcb.deadlines.keep_alive =
        if options.keep_alive && matches!(conn.tcb.state, State::Synchronized(_)) {
            let idle = options.keep_idle.unwrap_or(conn.core.config.tcp.keep_idle);
            conn.core.now + idle
        } else {
            Instant::MAX
        };
}

// RFC 9293 §3.8.4: probes only when nothing is outstanding and nothing was received for the
// interval (MUST-26); one without an answer does not end the connection (MUST-29).
fn on_keep_alive(conn: &mut Conn<'_>) {
    let now = conn.core.now;
    let config = &conn.core.config.tcp;
    let options = conn.tcb.options.get();
    let interval = options.keep_interval.unwrap_or(config.keep_interval);
    let most = if options.keep_count == 0 { config.keep_count } else { options.keep_count };
    let busy = conn.tcb.flight() > 0 || conn.tcb.unsent() > 0;
    let sent = conn.tcb.keep_alive_probes;
    // TCP_USER_TIMEOUT overrides the count, as in Linux.
    let silent = now.saturating_since(conn.tcb.last_received);
    let timeout = options.user_timeout;
    let over = if timeout.is_zero() { sent >= most } else { sent > 0 && silent >= timeout };
    conn.tcb.deadlines.keep_alive = now + interval;
    if busy {
        return;
    }
    if over {
        conn.time_out(Cause::KeepAlive(sent));
        return;
    }
    count(&mut conn.core.counters.tcp_keep_alive);
    conn.tcb.keep_alive_probes = sent.saturating_add(1);
    conn.tcb.probe_due = true;
}

/// FIN-WAIT-2 of a connection that no application waits for needs no control block, and ends
/// by time.
pub(super) fn fin_wait_2(conn: &mut Conn<'_>) {
    let orphan = conn.socket.is_none() && conn.done == Done::Not;
    if orphan && conn.tcb.state == State::Synchronized(Phase::FinWait2) {
        conn.done = Done::FinWait2;
    }
}
