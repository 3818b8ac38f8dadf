//! What an acknowledgement means for what is in flight: takes it off the records, samples the
//! round-trip time, finds losses, and feeds congestion control. Sends nothing.

use super::records::Taken;
use super::recovery::Mode;
use super::scoreboard;
use crate::counters::count;
use crate::tcp::congestion::AckSample;
use crate::tcp::conn::Conn;
use crate::tcp::segment::Segment;
use danja_wire::tcp::SeqNumber;

/// What the fifth step found: SND.UNA has been moved already.
#[derive(Clone, Copy, Debug)]
pub(in crate::tcp) struct Acked {
    /// SND.UNA before.
    pub(in crate::tcp) before: SeqNumber,
    /// It is a duplicate acknowledgement by RFC 5681 §2.
    pub(in crate::tcp) duplicate: bool,
}

/// Processes a valid acknowledgement.
pub(in crate::tcp) fn on_ack(conn: &mut Conn<'_>, segment: &Segment<'_>, acked: Acked) {
    let now = conn.core.now;
    let tcb = &mut *conn.tcb;
    let (una, nxt, mss) = (tcb.snd_una, tcb.snd_nxt, tcb.snd_mss);
    let bytes = una.since(acked.before);
    let flight_before = nxt.since(acked.before);
    let mut taken = Taken::default();
    let mut report = scoreboard::Report::default();
    if let Some(busy) = tcb.busy.as_mut() {
        taken = busy.records.acknowledge(una, now);
        let blocks = &segment.header.options.sack;
        if tcb.agreed.sack && !blocks.is_empty() {
            let range = (una, nxt);
            report = scoreboard::update(&mut busy.records, blocks, range, segment.ack, now);
        }
    }
    if report.duplicate {
        count(&mut conn.core.counters.tcp_dsack_recv);
    }
    let fresh = taken.fresh.saturating_add(report.taken.fresh);
    let newest = match (taken.newest, report.taken.newest) {
        (Some(one), Some(two)) if two.sent_at > one.sent_at => Some(two),
        (one, two) => one.or(two),
    };
    // RFC 6298 §3 (Karn): no sample from an acknowledgement that covers retransmitted data; what
    // was sent once beside it may have waited for the retransmission. A timestamp tells apart
    // (RFC 7323 §4.1: only if new data is acknowledged).
    let certain = if !taken.any_ambiguous { taken.newest } else { None };
    let certain = certain.or_else(|| report.taken.newest.filter(|_| !report.taken.any_ambiguous));
    let rtt = match certain {
        Some(sent) => Some(nanos_since(now, sent.sent_at)),
        None if bytes > 0 => by_timestamp(conn, segment),
        None => None,
    };
    let tcb = &mut *conn.tcb;
    if let Some(rtt) = rtt {
        tcb.rtt.sample(&conn.core.config.tcp, rtt, flight_before, mss);
    }
    let rate = newest.map(|sent| {
        let sending = nanos_since(sent.sent_at, sent.first_sent);
        let receiving = nanos_since(now, sent.delivered_at);
        let total = tcb.totals.delivered.saturating_add(u64::from(fresh));
        (total.saturating_sub(sent.delivered), sending.max(receiving))
    });
    tcb.totals.delivered = tcb.totals.delivered.saturating_add(u64::from(fresh));
    let after_timeout = tcb.recovery.mode == Mode::Loss;
    let sample = AckSample {
        now,
        acked: bytes,
        delivered: fresh,
        flight_before,
        mss,
        rtt,
        srtt: tcb.rtt.srtt,
        after_timeout,
        rate,
        app_limited: newest.is_some_and(|sent| sent.app_limited),
    };
    let told = acked.duplicate && !tcb.agreed.sack || report.taken.fresh > 0 && bytes == 0;
    recover(conn, &sample, told, flight_before);
}

const fn nanos_since(now: danja_wire::Instant, then: danja_wire::Instant) -> u64 {
    now.as_nanos().saturating_sub(then.as_nanos())
}

/// A round-trip time in nanoseconds by the timestamp that a segment echoes.
pub(in crate::tcp) fn by_timestamp(conn: &Conn<'_>, segment: &Segment<'_>) -> Option<u64> {
    if !conn.tcb.agreed.timestamps {
        return None;
    }
    let echo = segment.header.options.timestamps?.echo;
    let elapsed = conn.tcb.ts_now(conn.core.now).wrapping_sub(echo);
    // An echo of what was never sent, or of long ago, says nothing. The clock is no finer than
    // a millisecond.
    (echo != 0 && elapsed < 1 << 20).then(|| u64::from(elapsed.max(1)).saturating_mul(1_000_000))
}

/// Moves through Open, Disorder, Recovery and Loss.
fn recover(conn: &mut Conn<'_>, sample: &AckSample, told: bool, flight_before: u32) {
    let tcb = &mut *conn.tcb;
    let (una, mss, sack) = (tcb.snd_una, tcb.snd_mss, tcb.agreed.sack);
    let recovery = &mut tcb.recovery;
    if told {
        recovery.on_duplicate(sack, una, flight_before, mss);
    } else if sample.acked > 0 {
        recovery.duplicates = 0;
        // A partial acknowledgement covers the retransmitted segment, which was never counted
        // as departed, and others that were.
        recovery.departed = recovery.departed.saturating_sub(sample.acked.saturating_sub(mss));
    }
    let mut lost = 0;
    if let Some(busy) = tcb.busy.as_mut()
        && sack
    {
        lost = scoreboard::judge(&mut busy.records, una, mss);
    }
    match recovery.mode {
        Mode::Open | Mode::Disorder => {
            if recovery.should_enter(una, lost) {
                enter(conn);
                return;
            }
            let sacked = tcb.busy.as_ref().map_or(0, |busy| busy.records.sacked_bytes());
            let quiet = recovery.duplicates == 0 && sacked == 0;
            recovery.mode = if quiet { Mode::Open } else { Mode::Disorder };
            if quiet {
                recovery.departed = 0;
            }
            tcb.congestion.on_ack(sample);
        }
        Mode::Recovery if una.ge(recovery.recover) => {
            let flight = tcb.snd_nxt.since(una);
            tcb.congestion.on_recovered(flight, mss);
            recovery.leave();
        }
        Mode::Recovery => {
            if sample.acked > 0
                && !sack
                && let Some(busy) = tcb.busy.as_mut()
            {
                // RFC 6582 §3.2 (3): a partial acknowledgement: retransmit the first
                // unacknowledged segment.
                busy.records.mark_lost(una, una + mss.min(tcb.snd_nxt.since(una)));
                recovery.force = true;
            }
        }
        Mode::Loss => {
            if una.ge(recovery.recover) {
                recovery.leave();
            }
            tcb.congestion.on_ack(sample);
        }
    }
}

fn enter(conn: &mut Conn<'_>) {
    let tcb = &mut *conn.tcb;
    let (una, nxt, mss) = (tcb.snd_una, tcb.snd_nxt, tcb.snd_mss);
    let flight = nxt.since(una);
    if flight == 0 {
        return;
    }
    tcb.recovery.enter(nxt);
    tcb.congestion.on_loss(flight, mss);
    if let Some(busy) = tcb.busy.as_mut() {
        // RFC 6675 §5 (4.3) and RFC 6582 §3.2 (2): the first segment is retransmitted.
        busy.records.mark_lost(una, una + mss.min(flight));
    }
    count(&mut conn.core.counters.tcp_fast_retrans);
    if tcb.agreed.sack {
        count(&mut conn.core.counters.tcp_sack_recovery);
    } else {
        count(&mut conn.core.counters.tcp_reno_recovery);
    }
}
