//! First step: the sequence number (RFC 9293 §3.10.7.4), after PAWS (RFC 7323 §5.3).

use super::Step;
use crate::counters::count;
use crate::discard::Discard;
use crate::tcp::conn::Conn;
use crate::tcp::segment::Segment;
use crate::tcp::tcb::{State, Tcb};
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::tcp::{Flags, SeqNumber};

/// RFC 7323 §5.5: a timestamp this old says nothing any more.
const PAWS_IDLE: Duration = Duration::from_secs(24 * 24 * 3_600);

pub(super) fn check(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    // A segment that is neither ACK, SYN nor RST is dropped by the fifth step in any case; it
    // is not worth an answer either (as Linux and FreeBSD have it).
    if !segment.flags.intersects(Flags::ACK | Flags::SYN | Flags::RST) {
        return Step::Discard(Discard::TcpFlags);
    }
    if let Some(refusal) = timestamp(conn, segment) {
        return refusal;
    }
    let tcb = &mut *conn.tcb;
    // The SYN of a simultaneous open again, now with the acknowledgement of ours.
    if tcb.state == State::SynReceived
        && segment.has(Flags::SYN)
        && segment.seq + 1 == tcb.rcv_nxt
        && segment.seq == tcb.irs
    {
        segment.trim_syn();
        // It takes a sequence number that was received before, and so is answered.
        tcb.need_ack(crate::tcp::tcb::AckNeed::Now);
        if !segment.has(Flags::ACK) {
            tcb.syn_due = true;
            return Step::Discard(Discard::TcpSequence);
        }
    }
    let window = tcb.rcv_wnd();
    if acceptable(segment, tcb.rcv_nxt, window) {
        return Step::Continue;
    }
    if segment.has(Flags::RST) {
        return Step::Discard(Discard::TcpReset);
    }
    if segment.has(Flags::SYN) {
        // RFC 5961 §4.2: irrespective of the sequence number.
        return Step::Continue;
    }
    // RFC 9293 §3.10.7.4 (first): with a zero window nothing is acceptable, but valid ACKs and
    // URGs are processed: the text goes, the rest stays.
    if window == 0 && segment.seq == tcb.rcv_nxt {
        conn.core.discard(Discard::TcpWindowFull);
        segment.trim_back(0);
        conn.owe_ack(crate::tcp::tcb::AckNeed::Now);
        return Step::Continue;
    }
    unacceptable(conn, segment)
}

/// Whether a segment passes the first test.
pub(in crate::tcp) fn acceptable(segment: &Segment<'_>, rcv_nxt: SeqNumber, window: u32) -> bool {
    // A RST may carry data (SHLD-2), which does not count: it is judged by its number alone.
    if segment.has(Flags::RST) {
        return touches(segment.seq, 0, rcv_nxt, window);
    }
    // Whoever has filled the window, and lost some of it on the way, acknowledges and answers
    // probes with SND.NXT, which is the edge. By the letter that would not be heard until all
    // is sent again; as Linux, it is.
    let at_edge = segment.len() == 0 && segment.seq == rcv_nxt + window;
    at_edge || touches(segment.seq, segment.len(), rcv_nxt, window)
}

// RFC 9293 §3.4 and §3.10.7.4 (first): the four cases.
const fn touches(seq: SeqNumber, length: u32, rcv_nxt: SeqNumber, window: u32) -> bool {
    match (length, window) {
        (0, 0) => seq.0 == rcv_nxt.0,
        (0, _) => seq.in_window(rcv_nxt, window),
        (_, 0) => false,
        _ => {
            let last = SeqNumber(seq.0.wrapping_add(length.wrapping_sub(1)));
            seq.in_window(rcv_nxt, window) || last.in_window(rcv_nxt, window)
        }
    }
}

fn unacceptable(conn: &mut Conn<'_>, segment: &Segment<'_>) -> Step {
    if segment.len() == 0 {
        // Without data it may be the answer to one of ours: limited, so that two sides that
        // disagree do not answer each other for ever.
        return Step::Challenge(Discard::TcpSequence);
    }
    if segment.data_len() > 0 && segment.end().le(conn.tcb.rcv_nxt) && conn.tcb.agreed.sack {
        // RFC 2883 §4: report what was received before.
        count(&mut conn.core.counters.tcp_dsack_old_sent);
        let data_end = segment.seq + segment.data_len();
        conn.tcb.rare_mut().duplicate = Some((segment.seq, data_end));
    }
    Step::Acknowledge(Discard::TcpSequence)
}

// RFC 7323 §5.3 (R1), and §3.2: a segment without a timestamp on a connection that agreed on
// them is silently dropped, unless it is a RST.
fn timestamp(conn: &mut Conn<'_>, segment: &Segment<'_>) -> Option<Step> {
    // A SYN without one may be a peer that has begun anew: it is challenged (RFC 5961 §4.2).
    if !conn.tcb.agreed.timestamps || segment.has(Flags::RST) {
        return None;
    }
    let Some(value) = segment.ts_value() else {
        if segment.has(Flags::SYN) {
            return None;
        }
        return Some(Step::Discard(Discard::TcpNoTimestamp));
    };
    if !is_old(value, conn.tcb.ts_recent, conn.tcb.ts_recent_at, conn.core.now) {
        return None;
    }
    count(&mut conn.core.counters.tcp_paws_estab);
    if segment.len() == 0 {
        return Some(Step::Challenge(Discard::TcpPaws));
    }
    Some(Step::Acknowledge(Discard::TcpPaws))
}

/// Whether PAWS refuses a timestamp.
pub(in crate::tcp) fn is_old(value: u32, recent: u32, recent_at: Instant, now: Instant) -> bool {
    let older = (value.wrapping_sub(recent) as i32) < 0;
    older && now.saturating_since(recent_at) < PAWS_IDLE
}

// RFC 7323 §4.3 (2): if SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent, then
// TS.Recent <- SEG.TSval. (PAWS has seen to the first.) Not before the acknowledgement is known to
// be good (RFC 5961 §5.2): else a blind segment could make all that follows look old.
pub(super) fn record_timestamp(conn: &mut Conn<'_>, segment: &Segment<'_>) {
    let now = conn.core.now;
    let tcb: &mut Tcb = conn.tcb;
    if !tcb.agreed.timestamps {
        return;
    }
    if let Some(value) = segment.ts_value()
        && segment.seq.le(tcb.last_ack_sent)
    {
        tcb.ts_recent = value;
        tcb.ts_recent_at = now;
    }
}
