//! Segment arrival in SYN-SENT (RFC 9293 §3.10.7.3).

use super::{Step, ack, run_from_urgent};
use crate::discard::Discard;
use crate::socket::{Cause, Fault, SocketFault};
use crate::tcp::conn::Conn;
use crate::tcp::open;
use crate::tcp::segment::Segment;
use crate::tcp::state;
use crate::tcp::tcb::{AckNeed, Early, State};
use danja_wire::tcp::Flags;

pub(super) fn input(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    let tcb = &*conn.tcb;
    let acked = segment.has(Flags::ACK);
    // First: if SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless RST is set).
    if acked && (segment.ack.le(tcb.iss) || segment.ack.gt(tcb.snd_nxt)) {
        if segment.has(Flags::RST) {
            return Step::Discard(Discard::TcpReset);
        }
        return Step::Reset(Discard::TcpAck);
    }
    // Second: RST. RFC 5961 §3.2: acceptable if it acknowledges our SYN.
    if segment.has(Flags::RST) {
        if !acked {
            return Step::Discard(Discard::TcpReset);
        }
        let fault = SocketFault { kind: Fault::ConnectionRefused, cause: Some(Cause::Reset) };
        return Step::End(Some(fault));
    }
    // Fifth: neither SYN nor RST: drop the segment.
    if !segment.has(Flags::SYN) {
        return Step::Discard(Discard::TcpFlags);
    }
    synchronize(conn, segment);
    if acked { established(conn, segment) } else { simultaneous(conn, segment) }
}

/// Fourth: RCV.NXT <- SEG.SEQ+1, IRS <- SEG.SEQ, and what the options agree on.
fn synchronize(conn: &mut Conn<'_>, segment: &Segment<'_>) {
    let now = conn.core.now;
    let syn = segment.syn();
    open::agree(conn.core, conn.tcb, &syn);
    let tcb = &mut *conn.tcb;
    let window = tcb.rcv_wnd();
    tcb.irs = segment.seq;
    tcb.rcv_nxt = segment.seq + 1;
    tcb.rcv_adv = tcb.rcv_nxt + window;
    tcb.last_ack_sent = tcb.rcv_nxt;
    if let (true, Some(value)) = (tcb.agreed.timestamps, syn.timestamp) {
        tcb.ts_recent = value;
        tcb.ts_recent_at = now;
    }
    // RFC 7323 §2.2: the window of a SYN is not scaled.
    tcb.snd_wnd = u32::from(segment.header.window);
    tcb.max_snd_wnd = tcb.snd_wnd;
    tcb.snd_wl1 = segment.seq;
}

fn established(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    ack::acknowledge_syn(conn, segment);
    state::establish(conn);
    conn.heard();
    segment.trim_syn();
    conn.owe_ack(AckNeed::Now);
    // RFC 9293 §3.10.7.3: other controls or text are processed from the sixth step on.
    run_from_urgent(conn, segment)
}

/// A SYN without an acknowledgement of ours: simultaneous open (MUST-10).
fn simultaneous(conn: &mut Conn<'_>, segment: &Segment<'_>) -> Step {
    conn.tcb.state = State::SynReceived;
    conn.tcb.syn_due = true;
    let fin = segment.has(Flags::FIN);
    if segment.data_len() > 0 || fin {
        // Text is queued for processing after ESTABLISHED has been reached; no more than the
        // window that our SYN announced.
        let mut text = segment.data();
        let whole = text.len() <= conn.tcb.rcv_wnd() as usize;
        text.truncate(conn.tcb.rcv_wnd() as usize);
        conn.tcb.rare_mut().early = Some(Early { text, fin: fin && whole });
    }
    Step::Continue
}
