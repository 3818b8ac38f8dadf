//! Seventh step: the segment's text (RFC 9293 §3.10.7.4): into the receive queue, in any order
//! and overlap, and how soon it is acknowledged (RFC 5681 §4.2, RFC 1122 §4.2.3.2).

use super::{Step, urgent};
use crate::Ready;
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::tcp::conn::Conn;
use crate::tcp::memory::RESERVE;
use crate::tcp::segment::Segment;
use crate::tcp::socket::StreamSocket;
use crate::tcp::tcb::{AckNeed, Phase, State};
use danja_wire::Payload;
use danja_wire::tcp::{Flags, SeqNumber};

pub(super) fn process(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    if segment.len() == 0 || !conn.tcb.state.receives() {
        return Step::Continue;
    }
    let (rcv_nxt, window) = (conn.tcb.rcv_nxt, conn.tcb.rcv_wnd());
    if segment.data_len() > 0 && after_close(conn, segment) {
        // RFC 9293 §3.6.1 (SHLD-3), RFC 2525 §2.17: data for an application that has closed.
        count(&mut conn.core.counters.tcp_abort_on_data);
        return Step::Abort(Discard::TcpAfterClose);
    }
    if segment.seq.lt(rcv_nxt) {
        let old = rcv_nxt.since(segment.seq).min(segment.data_len());
        if old > 0 && conn.tcb.agreed.sack {
            // RFC 2883 §4: the front part was received before.
            count(&mut conn.core.counters.tcp_dsack_old_sent);
            conn.tcb.rare_mut().duplicate = Some((segment.seq, segment.seq + old));
        }
        if old > 0 {
            conn.owe_ack(AckNeed::Now);
        }
        segment.trim_front(old);
    }
    let room = window.saturating_sub(segment.seq.since(rcv_nxt));
    segment.trim_back(room);
    if segment.data_len() == 0 {
        return Step::Continue;
    }
    insert(conn, segment)
}

/// Whether nobody will read it.
fn after_close(conn: &Conn<'_>, segment: &Segment<'_>) -> bool {
    let fresh = (segment.seq + segment.data_len()).gt(conn.tcb.rcv_nxt);
    let waits = matches!(conn.tcb.state, State::Synchronized(Phase::FinWait1 | Phase::FinWait2));
    fresh
        && match conn.socket.as_deref() {
            None => true,
            Some(socket) => waits && socket.read_shut,
        }
}

fn insert(conn: &mut Conn<'_>, segment: &Segment<'_>) -> Step {
    let ranges = conn.core.config.limits.out_of_order_ranges;
    let length = segment.data_len();
    if !has_memory(conn, length as usize, segment.seq != conn.tcb.rcv_nxt) {
        // Never acknowledged, so never lost: the peer sends it again.
        return Step::Discard(Discard::TcpMemory);
    }
    let before = conn.tcb.rcv_nxt;
    let Some(socket) = conn.socket.as_deref_mut() else { return Step::Continue };
    socket.receive.prepare(&mut conn.core.spare.received);
    let most = may_pin(conn.core, socket);
    let mut at = segment.seq;
    let mut seen = Seen::default();
    segment.for_each_slice(|mut slice: Payload| {
        let slice_len = slice.len() as u32;
        let nxt = conn.tcb.rcv_nxt;
        let next_at = at + slice_len;
        if at.lt(nxt) {
            slice.advance(nxt.since(at).min(slice_len) as usize);
            at = nxt.min(next_at);
        }
        let done = socket.receive.insert(at.since(nxt), slice, ranges, most);
        seen.duplicate =
            seen.duplicate.or_else(|| done.duplicate.map(|(from, to)| (nxt + from, nxt + to)));
        seen.out_of_order |= done.out_of_order;
        seen.gap |= done.filled_gap;
        seen.refused |= done.refused;
        conn.tcb.rcv_nxt = nxt + done.advanced;
        at = next_at;
    });
    socket.charge(conn.core);
    let advanced = conn.tcb.rcv_nxt.since(before);
    if advanced > 0 {
        let totals = &mut conn.tcb.totals;
        totals.bytes_received = totals.bytes_received.saturating_add(u64::from(advanced));
        let enough = socket.has_enough(socket.receive.len());
        if enough {
            conn.raise(Ready::READABLE);
        }
        urgent::arrive(conn);
    }
    note(conn, &seen);
    owe(conn, segment, &seen, advanced);
    Step::Continue
}

/// What a receive queue may cost by buffers that pin more than they are wanted for: most of its
/// limit, so that all that was announced is taken within the twice of it that may be held (see
/// [`has_memory`]), and nothing when memory is short.
fn may_pin(core: &Core, socket: &StreamSocket) -> usize {
    let short = core.budget.pressure();
    let most = socket.receive_limit.saturating_sub(socket.receive_limit / 4);
    if short { 0 } else { core.budget.left().min(most) }
}

/// What the insertions of one segment did.
#[derive(Default)]
struct Seen {
    duplicate: Option<(SeqNumber, SeqNumber)>,
    out_of_order: bool,
    gap: bool,
    refused: bool,
}

fn note(conn: &mut Conn<'_>, seen: &Seen) {
    if seen.refused {
        conn.core.discard(Discard::TcpOutOfOrderLimit);
    }
    if seen.out_of_order {
        count(&mut conn.core.counters.tcp_ofo_queue);
    }
    if let Some(duplicate) = seen.duplicate {
        count(&mut conn.core.counters.tcp_ofo_merge);
        if conn.tcb.agreed.sack && conn.tcb.rare.as_ref().is_none_or(|r| r.duplicate.is_none()) {
            count(&mut conn.core.counters.tcp_dsack_ofo_sent);
            conn.tcb.rare_mut().duplicate = Some(duplicate);
        }
    }
}

/// What a connection may hold beyond twice its buffer at true cost, in bytes: what its SYN
/// announced, should the buffer have been made smaller since.
const COST_SLACK: usize = 65_536;

/// Room in the stack's budget and the socket's buffer; out-of-order data goes first.
fn has_memory(conn: &mut Conn<'_>, length: usize, beyond_gap: bool) -> bool {
    let Some(socket) = conn.socket.as_deref_mut() else { return true };
    let most = socket.receive_limit.saturating_mul(2).saturating_add(COST_SLACK);
    let full = |held: usize| held.saturating_add(length) > most;
    if conn.core.budget.pressure() || full(socket.charged) {
        if beyond_gap {
            return false;
        }
        if socket.receive.prune() {
            count(&mut conn.core.counters.tcp_rcv_pruned);
            socket.charge(conn.core);
        }
        if full(socket.charged) {
            return false;
        }
    }
    let fits = conn.core.budget.left() >= length;
    if !fits {
        conn.core.budget.refused();
    }
    fits || socket.charged < RESERVE
}

/// How soon the segment is to be acknowledged.
fn owe(conn: &mut Conn<'_>, segment: &Segment<'_>, seen: &Seen, advanced: u32) {
    let tcb = &mut *conn.tcb;
    tcb.seen_mss = tcb.seen_mss.max(segment.wire_size().min(u32::from(tcb.agreed.rcv_mss)));
    let beyond = conn.socket.as_deref().is_some_and(|s| s.receive.out_of_order_bytes() > 0);
    // RFC 5681 §4.2: at once when a segment is out of order, or fills a gap wholly or in part.
    let irregular = seen.out_of_order
        || seen.gap
        || seen.refused
        || seen.duplicate.is_some()
        || beyond
        || advanced == 0;
    // RFC 9293 §3.8.6.3 (SHLD-19): at least every second full-sized segment. Like Linux, more
    // than one full segment counts.
    let unacknowledged = tcb.rcv_nxt.since(tcb.last_ack_sent);
    let quick = tcb.quick_acks > 0;
    let need = if irregular || quick || unacknowledged > tcb.seen_mss {
        AckNeed::Now
    } else {
        AckNeed::Delayed
    };
    // RFC 5681 §4.2: a duplicate acknowledgement for each segment beyond a gap. With SACK one
    // says it all (RFC 9293 §3.10.7.4, MUST-58: acknowledgements are aggregated).
    if seen.out_of_order && !conn.tcb.agreed.sack && conn.tcb.ack == AckNeed::Now {
        conn.tcb.repeat_acks = conn.tcb.repeat_acks.saturating_add(1);
    }
    conn.owe_ack(need);
    if segment.has(Flags::FIN) {
        conn.owe_ack(AckNeed::Now);
    }
}
