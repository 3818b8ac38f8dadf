//! Eighth step: FIN (RFC 9293 §3.10.7.4).

use super::Step;
use crate::tcp::conn::Conn;
use crate::tcp::segment::Segment;
use crate::tcp::state;
use crate::tcp::tcb::{AckNeed, Phase, State};
use danja_wire::tcp::Flags;

pub(super) fn check(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    let known = conn.tcb.rare.as_ref().and_then(|rare| rare.fin_at);
    let at = if segment.has(Flags::FIN) {
        let at = segment.seq + segment.data_len();
        if at.gt(conn.tcb.rcv_nxt) {
            if conn.tcb.state.receives() {
                // Beyond a gap: kept, so that the gap's end is the stream's end too.
                conn.tcb.rare_mut().fin_at = Some(at);
                conn.owe_ack(AckNeed::Now);
            }
            return Step::Continue;
        }
        Some(at)
    } else {
        known
    };
    if at != Some(conn.tcb.rcv_nxt) || !conn.tcb.state.receives() {
        return Step::Continue;
    }
    // RFC 9293 §3.10.7.4 (eighth): advance RCV.NXT over the FIN, and acknowledge it.
    conn.tcb.rcv_nxt += 1;
    if conn.tcb.rcv_adv.lt(conn.tcb.rcv_nxt) {
        conn.tcb.rcv_adv = conn.tcb.rcv_nxt;
    }
    if let Some(rare) = conn.tcb.rare.as_mut() {
        rare.fin_at = None;
    }
    conn.owe_ack(AckNeed::Now);
    state::peer_closed(conn);
    match conn.tcb.state {
        State::SynReceived | State::Synchronized(Phase::Established) => {
            state::enter(conn, Phase::CloseWait);
            Step::Continue
        }
        // Our FIN was acknowledged by this segment at the latest: the fifth step moved on.
        State::Synchronized(Phase::FinWait1) => {
            state::enter(conn, Phase::Closing);
            Step::Continue
        }
        State::Synchronized(Phase::FinWait2) => Step::TimeWait,
        _ => Step::Continue,
    }
}
