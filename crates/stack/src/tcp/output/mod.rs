//! What to send now, and why not: SYN, retransmission, data, FIN, probe, acknowledgement, in
//! this order; asked for by the adapter's room. Builds no IP header.

mod nagle;
mod probe;
mod segment;
mod window;

pub(super) use probe::{arm_persist, on_persist_timeout};
use segment::{Shape, emit};
pub(super) use segment::{control_packet, refresh_path, reset, send_bare};
pub(super) use window::{announce, field, window_update_due};

use super::conn::Conn;
use super::loss::{self, Mode};
use super::tcb::{AckNeed, State};
use crate::Room;
use crate::core_state::Sender;
use crate::counters::count;
use crate::interface::InterfaceId;
use crate::packet::{Outgoing, Path};
use danja_wire::tcp::{Flags, SeqNumber};

/// Bytes that a connection sends before the others on its ready list have their turn.
const QUANTUM: u32 = 65_536;

/// What is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Plan {
    Nothing,
    Syn,
    /// Bytes that were sent before.
    Resend(SeqNumber, SeqNumber),
    /// New bytes, and whether FIN follows them.
    Data(u32, bool),
    Probe,
    Ack,
}

/// Whether there is anything to send.
pub(super) fn wants(conn: &mut Conn<'_>) -> bool {
    plan(conn, usize::MAX) != Plan::Nothing
}

fn plan(conn: &mut Conn<'_>, room: usize) -> Plan {
    let tcb = &*conn.tcb;
    if !matches!(tcb.state, State::Synchronized(_)) {
        return match tcb.state {
            _ if tcb.syn_due => Plan::Syn,
            State::SynReceived if tcb.ack == AckNeed::Now => Plan::Ack,
            _ => Plan::Nothing,
        };
    }
    // A report of out-of-order data goes alone, so that it never waits for room in a segment.
    if conn.tcb.ack == AckNeed::Now && (segment::has_report(conn) || conn.tcb.repeat_acks > 0) {
        return Plan::Ack;
    }
    if let Some(resend) = plan_resend(conn, room) {
        return resend;
    }
    if let Some(data) = plan_data(conn, room) {
        return data;
    }
    if let Some(hole) = plan_hole(conn) {
        return hole;
    }
    match conn.tcb.ack {
        _ if conn.tcb.probe_due => Plan::Probe,
        AckNeed::Now => Plan::Ack,
        _ => Plan::Nothing,
    }
}

/// Bytes that the congestion window leaves.
fn congestion_room(conn: &Conn<'_>) -> u32 {
    let tcb = &*conn.tcb;
    let pipe = tcb.recovery.pipe(tcb.busy.as_ref().map(|busy| &busy.records), tcb.flight());
    tcb.congestion.cwnd.saturating_sub(pipe)
}

/// Payload bytes of the largest segment now: what the adapter cuts, the congestion window and
/// half of the peer's window allow, in whole segments.
fn largest(conn: &Conn<'_>, room: usize) -> u32 {
    let tcb = &*conn.tcb;
    let mss = tcb.snd_mss;
    let headers = segment::HEADERS_MAX;
    let cut = conn.core.ip.max_segmented(tcb.path.interface).min(65_535);
    let bytes = u32::try_from(cut.min(room).saturating_sub(headers)).unwrap_or(0);
    // Half of the largest window seen, so that acknowledgements keep coming.
    let bytes = bytes.min(tcb.max_snd_wnd / 2).min(tcb.congestion.cwnd / 2);
    let whole = bytes.saturating_sub(bytes.checked_rem(mss).unwrap_or(0));
    whole.max(mss)
}

/// An acknowledgement straight to the control queue: the control block is about to go.
pub(super) fn acknowledge_now(conn: &mut Conn<'_>) {
    let shape = Shape { seq: conn.tcb.snd_nxt, ..Shape::control(Flags::ACK) };
    let interface = conn.tcb.options.get().interface;
    if let Some(packet) = emit(conn, &shape) {
        crate::ip::send(conn.core, interface, packet);
    }
}

/// What is lost goes before what is new (RFC 6675 §4, NextSeg (1)).
fn plan_resend(conn: &mut Conn<'_>, room: usize) -> Option<Plan> {
    conn.tcb.busy.as_ref().filter(|busy| busy.records.due_bytes() > 0)?;
    let mss = conn.tcb.snd_mss;
    let allowed = congestion_room(conn);
    let max = if allowed >= mss {
        let whole = allowed.saturating_sub(allowed.checked_rem(mss).unwrap_or(0));
        largest(conn, room).min(whole)
    } else if conn.tcb.recovery.force || conn.tcb.congestion.cwnd < mss {
        mss
    } else {
        return None;
    };
    let (start, end) = conn.tcb.busy.as_mut()?.records.next_lost(max)?;
    Some(Plan::Resend(start, end))
}

/// RFC 6675 §4, NextSeg (3): below the highest report, not known to be lost.
fn plan_hole(conn: &mut Conn<'_>) -> Option<Plan> {
    let tcb = &*conn.tcb;
    if tcb.recovery.mode != Mode::Recovery || !tcb.agreed.sack {
        return None;
    }
    let records = &tcb.busy.as_ref()?.records;
    if congestion_room(conn) < tcb.snd_mss {
        return None;
    }
    let below = records.highest_sacked()?;
    let (start, end) = records.next_hole(below, tcb.snd_mss)?;
    Some(Plan::Resend(start, end))
}

/// New data and FIN: asks the window, Nagle, and the congestion window, in that order.
fn plan_data(conn: &Conn<'_>, room: usize) -> Option<Plan> {
    let tcb = &*conn.tcb;
    let unsent = tcb.unsent();
    if unsent == 0 && !tcb.fin_unsent() {
        return None;
    }
    let usable = window::usable(tcb);
    if unsent == 0 {
        return (usable > 0).then_some(Plan::Data(0, true));
    }
    let mss = tcb.snd_mss;
    let offered = window::permits(tcb, unsent, usable)?;
    let allowed = congestion_room(conn);
    let mut length = offered.min(allowed).min(largest(conn, room));
    if length < offered.min(mss) {
        // RFC 5681 §3.1: never more than cwnd; but an empty network always takes a segment.
        if tcb.flight() > 0 || tcb.congestion.cwnd == 0 {
            return None;
        }
        length = offered.min(mss);
    }
    if length > mss {
        let tail = length.checked_rem(mss).unwrap_or(0);
        // Only whole segments, unless the rest is the end of what is queued and may go.
        if length < unsent || !nagle::permits(tcb, tail) {
            length = length.saturating_sub(tail);
        }
    } else if length < mss && length == unsent && !nagle::permits(tcb, length) {
        return None;
    }
    let fin = tcb.fin_unsent() && length == unsent && usable > length;
    Some(Plan::Data(length, fin))
}

/// The next segment of a connection whose turn it is at an interface. Puts it on the ready list
/// again if there is more.
pub(super) fn poll_transmit(
    conn: &mut Conn<'_>,
    turn: InterfaceId,
    room: Room,
) -> Option<(Path, Outgoing)> {
    // It has moved to another interface's list.
    if conn.tcb.listed != Some(turn) {
        return None;
    }
    conn.tcb.listed = None;
    let routed = refresh_path(conn);
    let plan = plan(conn, room.bytes);
    let (made, bytes) = execute(conn, plan);
    let interface = conn.tcb.path.interface;
    if plan == Plan::Nothing {
        conn.tcb.turn_used = 0;
        arm_persist(conn);
    } else {
        // Whether there is more is seen when its turn comes again.
        conn.tcb.listed = Some(interface);
        let sender = Sender::Tcp(conn.id);
        conn.tcb.turn_used = conn.tcb.turn_used.saturating_add(bytes);
        if conn.tcb.turn_used < QUANTUM {
            conn.core.ready.push_front(interface, sender);
        } else {
            conn.tcb.turn_used = 0;
            conn.core.ready.push(interface, sender);
        }
    }
    conn.arm();
    // Without a path the segment counts as sent and lost: the timer sends it again.
    if routed { made.map(|packet| (conn.tcb.path, packet)) } else { None }
}

fn execute(conn: &mut Conn<'_>, plan: Plan) -> (Option<Outgoing>, u32) {
    match plan {
        Plan::Nothing => (None, 0),
        Plan::Syn => (send_syn(conn), 0),
        Plan::Resend(start, end) => (resend(conn, start, end), end.since(start)),
        Plan::Data(length, fin) => (send_new(conn, length, fin), length),
        Plan::Probe => {
            conn.tcb.probe_due = false;
            // One before the left edge: not acceptable, and so it is answered. As Linux.
            let shape = Shape { seq: conn.tcb.snd_una - 1, ..Shape::control(Flags::ACK) };
            (emit(conn, &shape), 0)
        }
        Plan::Ack => {
            let shape = Shape { seq: conn.tcb.snd_nxt, ..Shape::control(Flags::ACK) };
            let made = emit(conn, &shape);
            if let Some(left) = conn.tcb.repeat_acks.checked_sub(1) {
                conn.tcb.repeat_acks = left;
                conn.tcb.ack = AckNeed::Now;
            }
            (made, 0)
        }
    }
}

fn send_syn(conn: &mut Conn<'_>) -> Option<Outgoing> {
    conn.tcb.syn_due = false;
    let tcb = &mut *conn.tcb;
    let flags = match tcb.state {
        State::SynSent => Flags::SYN,
        _ => Flags::SYN | Flags::ACK,
    };
    if tcb.snd_nxt == tcb.iss {
        tcb.snd_nxt += 1;
        tcb.stalled_since = conn.core.now;
    } else if tcb.backoff > 0 {
        count(&mut conn.core.counters.tcp_retrans_segs);
        tcb.totals.retransmissions = tcb.totals.retransmissions.saturating_add(1);
    }
    let shape = Shape { seq: tcb.iss, ..Shape::control(flags) };
    let made = emit(conn, &shape);
    loss::restart_timer(conn);
    made
}

fn send_new(conn: &mut Conn<'_>, length: u32, fin: bool) -> Option<Outgoing> {
    let now = conn.core.now;
    restart_after_idle(conn);
    let tcb = &mut *conn.tcb;
    let start = tcb.snd_nxt;
    let offset = tcb.sent_data() as usize;
    let first = tcb.flight() == 0;
    if first {
        tcb.stalled_since = now;
        tcb.congestion.resume(now);
    }
    tcb.snd_nxt = start + length;
    if length.checked_rem(tcb.snd_mss) != Some(0) {
        tcb.snd_sml = tcb.snd_nxt;
    }
    let mut flags = Flags::ACK;
    if fin {
        flags |= Flags::FIN;
        tcb.snd_nxt += 1;
        tcb.fin_sent = true;
    }
    let app_limited = tcb.unsent() == 0;
    let (end, delivered) = (tcb.snd_nxt, tcb.totals.delivered);
    tcb.busy_mut(&mut conn.core.spare.busy).records.on_sent(
        (start, end),
        now,
        delivered,
        app_limited,
    );
    tcb.totals.bytes_sent = tcb.totals.bytes_sent.saturating_add(u64::from(length));
    // The override is for one segment (RFC 9293 §3.8.6.2.1).
    tcb.push_out = false;
    let shape = Shape { seq: start, offset, length, ..Shape::control(flags) };
    let made = emit(conn, &shape);
    if first || conn.tcb.persisting {
        loss::restart_timer(conn);
    }
    made
}

// RFC 5681 §4.1: a sender that has sent nothing for more than one RTO starts with at most the
// restart window.
fn restart_after_idle(conn: &mut Conn<'_>) {
    let idle = conn.core.now.saturating_since(conn.tcb.last_sent);
    if conn.tcb.flight() == 0 && idle > conn.rto() {
        let segments = conn.core.config.tcp.initial_window;
        conn.tcb.congestion.restart(segments, conn.tcb.snd_mss);
    }
}

fn resend(conn: &mut Conn<'_>, start: SeqNumber, end: SeqNumber) -> Option<Outgoing> {
    let now = conn.core.now;
    let tcb = &mut *conn.tcb;
    tcb.recovery.force = false;
    let delivered = tcb.totals.delivered;
    if let Some(busy) = tcb.busy.as_mut() {
        busy.records.on_resent((start, end), now, delivered);
    }
    // FIN is the last sequence number.
    let fin = tcb.fin_sent && end == tcb.snd_nxt;
    let length = end.since(start).saturating_sub(u32::from(fin));
    let flags = if fin { Flags::ACK | Flags::FIN } else { Flags::ACK };
    let offset = start.since(tcb.snd_una) as usize;
    tcb.totals.retransmissions = tcb.totals.retransmissions.saturating_add(1);
    tcb.totals.bytes_retransmitted =
        tcb.totals.bytes_retransmitted.saturating_add(u64::from(length));
    tcb.totals.bytes_sent = tcb.totals.bytes_sent.saturating_add(u64::from(length));
    let segments = length.div_ceil(tcb.snd_mss.max(1)).max(1);
    conn.core.counters.tcp_retrans_segs =
        conn.core.counters.tcp_retrans_segs.saturating_add(u64::from(segments));
    let shape = Shape { seq: start, offset, length, ..Shape::control(flags) };
    let made = emit(conn, &shape);
    if conn.tcb.deadlines.retransmit == danja_wire::Instant::MAX || conn.tcb.persisting {
        loss::restart_timer(conn);
    }
    made
}
