//! The persist timer: zero-window probes (RFC 9293 §3.8.6.1), the override of silly-window
//! avoidance, and the end of cork's patience.

use super::{plan_data, window};
use crate::counters::count;
use crate::socket::Cause;
use crate::tcp::conn::Conn;
use crate::tcp::loss;
use crate::tcp::tcb::State;
use core::time::Duration;
use danja_wire::Instant;

/// How long cork and MSG_MORE hold a partial segment (Linux: 200 ms).
const CORK: Duration = Duration::from_millis(200);

/// Starts the persist timer when something is queued, nothing is in flight, and nothing may be
/// sent now: no acknowledgement will come to move things on. Says whether with nothing in flight
/// there is something that may be sent.
pub(in crate::tcp) fn arm_persist(conn: &mut Conn<'_>) -> bool {
    let tcb = &*conn.tcb;
    if !matches!(tcb.state, State::Synchronized(_)) || tcb.flight() > 0 {
        return false;
    }
    let waiting = tcb.unsent() > 0 || tcb.fin_unsent();
    let may_go = waiting && plan_data(conn, usize::MAX).is_some();
    if !waiting || may_go {
        if conn.tcb.persisting {
            conn.tcb.persisting = false;
            conn.tcb.deadlines.retransmit = Instant::MAX;
            conn.tcb.backoff = 0;
        }
        return may_go;
    }
    if conn.tcb.persisting {
        return false;
    }
    // RFC 9293 §3.8.6.1 (SHLD-29): the first probe after one RTO.
    let unsent = conn.tcb.unsent();
    let corked = unsent > 0 && window::usable(conn.tcb) >= unsent;
    let wait = if corked { CORK } else { conn.rto() };
    conn.tcb.persisting = true;
    conn.tcb.probes = 0;
    conn.tcb.stalled_since = conn.core.now;
    conn.tcb.deadlines.retransmit = conn.core.now + wait;
    false
}

/// The persist timer ran out.
pub(in crate::tcp) fn on_persist_timeout(conn: &mut Conn<'_>) {
    let now = conn.core.now;
    conn.tcb.deadlines.retransmit = Instant::MAX;
    conn.tcb.persisting = false;
    if window::usable(conn.tcb) > 0 {
        // RFC 9293 §3.8.6.2.1 (4): the override time-out: send what fits.
        conn.tcb.push_out = true;
        return;
    }
    // RFC 9293 §3.8.6.1 (MUST-37): probes that are answered keep the connection open for ever.
    // Those that are not count as retransmissions; an orphan's count in any case, so that a
    // peer cannot hold it open (RFC 6429).
    let config = &conn.core.config.tcp;
    let (limit, spent) = if conn.socket.is_some() {
        (config.retries, conn.tcb.probes)
    } else {
        (config.orphan_retries, conn.tcb.backoff)
    };
    let timeout = conn.tcb.options.get().user_timeout;
    let patience = now.saturating_since(conn.tcb.stalled_since);
    if spent >= limit || (!timeout.is_zero() && patience >= timeout) {
        conn.time_out(Cause::Retransmissions(spent));
        return;
    }
    count(&mut conn.core.counters.tcp_win_probe);
    let tcb = &mut *conn.tcb;
    tcb.probe_due = true;
    tcb.probes = tcb.probes.saturating_add(1);
    // SHLD-30: the interval grows exponentially.
    tcb.backoff = tcb.backoff.saturating_add(1);
    tcb.persisting = true;
    let next = now + conn.rto();
    conn.tcb.deadlines.retransmit = loss::within_user_timeout(conn.tcb, now, next);
}
