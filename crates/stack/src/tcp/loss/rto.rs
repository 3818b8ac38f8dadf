//! The retransmission timer (RFC 6298 §5): when it runs, and what happens when it runs out.

use super::recovery::Mode;
use crate::config::TcpConfig;
use crate::counters::count;
use crate::tcp::conn::Conn;
use crate::tcp::tcb::Tcb;
use core::time::Duration;
use danja_wire::Instant;

/// The time-out with its backoff.
pub(in crate::tcp) fn rto(tcb: &Tcb, config: &TcpConfig) -> Duration {
    // RFC 6298 §5.5: RTO <- RTO * 2, up to a maximum.
    let factor = 1u32.checked_shl(u32::from(tcb.backoff)).unwrap_or(u32::MAX);
    tcb.rtt.rto(config).saturating_mul(factor).min(config.max_rto)
}

// RFC 6298 §5.1 to 5.3: started when data is sent and it does not run; stopped when all is
// acknowledged; restarted by an acknowledgement of new data.
pub(in crate::tcp) fn restart_timer(conn: &mut Conn<'_>) {
    let tcb = &mut *conn.tcb;
    tcb.persisting = false;
    tcb.deadlines.retransmit = if tcb.flight() == 0 {
        Instant::MAX
    } else {
        let wait = rto(tcb, &conn.core.config.tcp);
        within_user_timeout(tcb, conn.core.now, conn.core.now + wait)
    };
}

/// A deadline, no later than the end of the user timeout (as Linux).
pub(in crate::tcp) fn within_user_timeout(tcb: &Tcb, now: Instant, deadline: Instant) -> Instant {
    let limit = tcb.options.get().user_timeout;
    if limit.is_zero() {
        return deadline;
    }
    deadline.min((tcb.stalled_since + limit).max(now + GRAIN))
}

/// A timer that is due already is armed for this much later.
const GRAIN: Duration = Duration::from_millis(1);

/// The timer ran out with data or FIN in flight.
pub(in crate::tcp) fn on_retransmission_timeout(conn: &mut Conn<'_>) {
    count(&mut conn.core.counters.tcp_timeouts);
    let tcb = &mut *conn.tcb;
    let (flight, mss, nxt) = (tcb.flight(), tcb.snd_mss, tcb.snd_nxt);
    let first = tcb.recovery.mode != Mode::Loss;
    tcb.congestion.on_timeout(flight, mss, first);
    tcb.recovery.leave();
    tcb.recovery.mode = Mode::Loss;
    tcb.recovery.recover = nxt;
    tcb.recovery.force = true;
    if let Some(busy) = tcb.busy.as_mut() {
        busy.records.on_timeout();
    }
    tcb.backoff = tcb.backoff.saturating_add(1);
    restart_timer(conn);
}
