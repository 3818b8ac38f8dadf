//! Fifth step: ACK (RFC 9293 §3.10.7.4, RFC 5961 §5.2). What it means for loss and congestion
//! is `loss`'s.

use super::Step;
use super::sequence::record_timestamp;
use crate::Ready;
use crate::discard::Discard;
use crate::ip;
use crate::tcp::conn::Conn;
use crate::tcp::loss::{self, Acked};
use crate::tcp::segment::Segment;
use crate::tcp::state;
use crate::tcp::tcb::{Phase, State};
use danja_wire::tcp::Flags;

pub(super) fn check(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    if !segment.has(Flags::ACK) {
        return Step::Discard(Discard::TcpFlags);
    }
    if conn.tcb.state == State::SynReceived {
        // RFC 9293 §3.10.7.4 (fifth), SYN-RECEIVED: if SND.UNA < SEG.ACK =< SND.NXT, enter
        // ESTABLISHED; otherwise form a reset segment.
        if segment.ack.le(conn.tcb.snd_una) || segment.ack.gt(conn.tcb.snd_nxt) {
            return Step::Reset(Discard::TcpAck);
        }
        let tcb = &mut *conn.tcb;
        tcb.snd_wnd = scaled_window(segment, tcb.agreed.snd_wind_shift);
        tcb.max_snd_wnd = tcb.snd_wnd;
        tcb.snd_wl1 = segment.seq;
        tcb.snd_wl2 = segment.ack;
        acknowledge_syn(conn, segment);
        state::establish(conn);
        let early = state::take_early(conn);
        if early != Step::Continue {
            return early;
        }
    }
    let tcb = &*conn.tcb;
    // RFC 9293 §3.10.7.4 (fifth): an ACK of something not yet sent is answered and dropped.
    // RFC 5961 §5.2: as is one that is older than any window we have seen.
    let oldest = tcb.snd_una - tcb.max_snd_wnd;
    if segment.ack.gt(tcb.snd_nxt) || segment.ack.lt(oldest) {
        return Step::Challenge(Discard::TcpAck);
    }
    record_timestamp(conn, segment);
    let tcb = &*conn.tcb;
    let window = scaled_window(segment, tcb.agreed.snd_wind_shift);
    let acked = Acked {
        before: tcb.snd_una,
        // RFC 5681 §2: data is outstanding, no data in the segment, neither SYN nor FIN, the
        // greatest acknowledgement so far, and the window as it was.
        duplicate: tcb.flight() > 0
            && segment.len() == 0
            && segment.ack == tcb.snd_una
            && window == tcb.snd_wnd,
    };
    conn.heard();
    update_window(conn, segment, window);
    let progress = segment.ack.gt(acked.before);
    if progress {
        advance(conn, segment);
    }
    loss::on_ack(conn, segment, acked);
    if progress {
        after_progress(conn);
    }
    conn.tcb.settle(&mut conn.core.spare.busy);
    closing(conn)
}

pub(super) fn scaled_window(segment: &Segment<'_>, shift: u8) -> u32 {
    u32::from(segment.header.window).wrapping_shl(u32::from(shift))
}

/// The SYN is acknowledged: it takes one sequence number.
pub(super) fn acknowledge_syn(conn: &mut Conn<'_>, segment: &Segment<'_>) {
    let sent_once = conn.tcb.backoff == 0;
    let sent_at = conn.tcb.last_sent;
    conn.tcb.snd_una = conn.tcb.iss + 1;
    conn.tcb.snd_wl2 = segment.ack;
    // RFC 6298 §3 (Karn): no sample from a SYN that was sent again, but by its timestamp.
    let rtt = if sent_once {
        u64::try_from(conn.core.now.saturating_since(sent_at).as_nanos()).ok()
    } else {
        loss::by_timestamp(conn, segment)
    };
    let config = &conn.core.config.tcp;
    match rtt {
        Some(rtt) => conn.tcb.rtt.sample(config, rtt, 0, conn.tcb.snd_mss),
        None => conn.tcb.rtt.after_syn_loss(config),
    }
    let chosen = conn.tcb.options.get().congestion.unwrap_or(config.congestion);
    conn.tcb.congestion.choose(chosen);
    conn.tcb.congestion.start(config.initial_window, conn.tcb.snd_mss, !sent_once);
    conn.tcb.recovery = loss::Recovery::new(conn.tcb.snd_una);
    conn.tcb.backoff = 0;
    loss::restart_timer(conn);
}

// RFC 9293 §3.10.7.4 (fifth): the window is updated if SND.WL1 < SEG.SEQ, or SND.WL1 = SEG.SEQ
// and SND.WL2 =< SEG.ACK: an old segment does not.
fn update_window(conn: &mut Conn<'_>, segment: &Segment<'_>, window: u32) {
    let tcb = &mut *conn.tcb;
    if segment.ack.lt(tcb.snd_una) {
        return;
    }
    // An acknowledgement of new data is newer in any case, also on data that is sent again
    // (as Linux): else SND.UNA would carry an old window past the edge that was announced.
    let newer = segment.ack.gt(tcb.snd_una)
        || tcb.snd_wl1.lt(segment.seq)
        || (tcb.snd_wl1 == segment.seq && tcb.snd_wl2.le(segment.ack));
    if !newer {
        return;
    }
    let grown = window > tcb.snd_wnd;
    tcb.snd_wnd = window;
    tcb.max_snd_wnd = tcb.max_snd_wnd.max(window);
    tcb.snd_wl1 = segment.seq;
    tcb.snd_wl2 = segment.ack;
    if tcb.persisting && grown {
        // The window has opened: what the persist timer waited for.
        tcb.persisting = false;
        tcb.backoff = 0;
        tcb.deadlines.retransmit = danja_wire::Instant::MAX;
    }
}

/// SND.UNA moves: what is acknowledged leaves the send queue.
fn advance(conn: &mut Conn<'_>, segment: &Segment<'_>) {
    let tcb = &mut *conn.tcb;
    let total = segment.ack.since(tcb.snd_una);
    let fin = tcb.fin_sent && segment.ack == tcb.snd_nxt;
    let bytes = total.saturating_sub(u32::from(fin));
    tcb.snd_una = segment.ack;
    tcb.totals.bytes_acked = tcb.totals.bytes_acked.saturating_add(u64::from(bytes));
    tcb.backoff = 0;
    tcb.stalled_since = conn.core.now;
    if let Some(busy) = tcb.busy.as_mut() {
        let before = busy.queue.cost();
        busy.queue.advance(bytes as usize);
        conn.core.budget.give_back(before.saturating_sub(busy.queue.cost()));
    }
}

fn after_progress(conn: &mut Conn<'_>) {
    loss::restart_timer(conn);
    // RFC 4861 §7.3.1 (as ARP's too): forward progress shows that the neighbour is there.
    ip::confirm_neighbour(conn.core, &conn.tcb.path);
    grow_send_buffer(conn);
    conn.wake_writer();
    if conn.tcb.fin_acknowledged() {
        conn.raise(Ready::FINISHED);
    }
}

/// The send buffer holds twice the congestion window, unless the application set its size.
fn grow_send_buffer(conn: &mut Conn<'_>) {
    let wanted = (conn.tcb.congestion.cwnd as usize).saturating_mul(2);
    if conn.core.budget.pressure() {
        return;
    }
    if let Some(socket) = conn.socket.as_deref_mut()
        && wanted > socket.send_limit
        && socket.options.get().send_buffer.is_none()
    {
        socket.send_limit = wanted.min(socket.send_max(conn.core));
    }
}

// RFC 9293 §3.10.7.4 (fifth): FIN-WAIT-1, CLOSING and LAST-ACK wait for the ACK of our FIN.
fn closing(conn: &mut Conn<'_>) -> Step {
    if !conn.tcb.fin_acknowledged() {
        return Step::Continue;
    }
    match conn.tcb.state {
        State::Synchronized(Phase::FinWait1) => {
            state::enter(conn, Phase::FinWait2);
            Step::Continue
        }
        State::Synchronized(Phase::Closing) => Step::TimeWait,
        State::Synchronized(Phase::LastAck) => Step::End(None),
        _ => Step::Continue,
    }
}
