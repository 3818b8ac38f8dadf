//! TIME-WAIT (RFC 9293 §3.6.1, §3.10.7.4): a small record that answers what is left of the old
//! connection; RFC 1337 (RST is ignored), RFC 6191 (a new connection may take its place).

use super::conn::Conn;
use super::input::{acceptable, closed, may_challenge};
use super::output;
use super::record::{Record, TimeWait};
use super::segment::{Endpoints, Segment};
use super::tcb::Tcb;
use super::{RecordId, Tcp};
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use alloc::boxed::Box;
use danja_wire::Instant;
use danja_wire::tcp::{Flags, Header, Options, SeqNumber, Timestamps};

impl TimeWait {
    /// What is left of a connection.
    fn of(tcb: &Tcb, core: &Core, fin_wait_2: bool) -> Self {
        let options = tcb.options.get();
        let challenges = tcb.rare.as_ref().map_or((Instant::ZERO, 0), |rare| rare.challenges);
        Self {
            local: tcb.local,
            remote: tcb.remote,
            socket: tcb.socket,
            interface: options.interface,
            iss: tcb.iss,
            irs: tcb.irs,
            snd_nxt: tcb.snd_nxt,
            rcv_nxt: tcb.rcv_nxt,
            rcv_wnd: tcb.rcv_wnd(),
            window: output::field(tcb.rcv_wnd(), tcb.agreed.rcv_wind_shift),
            timestamps: tcb.agreed.timestamps,
            ts_recent: tcb.ts_recent,
            ts_offset: tcb.ts_offset,
            ts_recent_at: tcb.ts_recent_at,
            deadline: core.now
                + if fin_wait_2 {
                    options.linger2.unwrap_or(core.config.tcp.fin_wait_2)
                } else {
                    core.config.tcp.time_wait
                },
            challenge_second: challenges.0,
            challenges: challenges.1,
            retransmissions: tcb.totals.retransmissions,
            reuse_address: options.reuse_address,
            fin_wait_2,
            ttl: options.ttl,
            tos: options.tos,
            timer: tcb.timer,
        }
    }
}

/// What a segment in TIME-WAIT leads to.
enum Outcome {
    Ignore(Discard),
    Acknowledge(Discard),
    Challenge(Discard),
    /// Acknowledge, and wait another 2 MSL.
    Restart,
    /// A SYN that may begin a new connection.
    Reincarnate,
    /// FIN-WAIT-2: their FIN has come.
    Fin,
    /// FIN-WAIT-2: data that nobody will read; answered with RST.
    Abort,
    /// FIN-WAIT-2: they reset the connection.
    Gone,
}

impl Tcp {
    /// A connection's last state but one is over, or nobody waits for the rest of it: its
    /// control block becomes a small record.
    pub(super) fn begin_time_wait(&mut self, core: &mut Core, id: RecordId, fin_wait_2: bool) {
        self.leave_line(id);
        let Some(Record::Connection(tcb)) = self.records.get_mut(id.0) else { return };
        if tcb.ack != super::tcb::AckNeed::None {
            // The acknowledgement of the FIN goes out now: there is no turn for it later.
            let socket = tcb.socket.and_then(|key| self.sockets.get_mut(key));
            let done = super::conn::Done::Not;
            let mut conn = Conn { core, id, tcb, socket, done };
            output::acknowledge_now(&mut conn);
        }
        let Some(Record::Connection(tcb)) = self.records.get_mut(id.0) else { return };
        if let Some(busy) = &tcb.busy {
            core.budget.give_back(busy.queue.cost());
        }
        let wait = TimeWait::of(tcb, core, fin_wait_2);
        if let Some(record) = self.records.get_mut(id.0) {
            *record = Record::TimeWait(Box::new(wait));
        }
        if !fin_wait_2 {
            self.limit_time_wait(core, id);
        }
        self.arm_record(core, id);
    }

    /// The oldest record is given up for one too many.
    fn limit_time_wait(&mut self, core: &mut Core, id: RecordId) {
        self.time_waits.push_back(id);
        self.time_wait_count = self.time_wait_count.saturating_add(1);
        while let Some(oldest) = self.time_waits.front().copied() {
            let found = self.records.get(oldest.0);
            let stale = !matches!(found, Some(Record::TimeWait(wait)) if !wait.fin_wait_2);
            if !stale && self.time_wait_count <= core.config.limits.time_wait {
                break;
            }
            self.time_waits.pop_front();
            if !stale {
                count(&mut core.counters.tcp_time_wait_overflow);
                core.discard(Discard::TcpTimeWaitLimit);
                self.delete(core, oldest, None);
            }
        }
    }

    /// A segment for a TIME-WAIT record. If the record is gone and the segment begins a new
    /// connection: the last sequence number that the old one used.
    pub(super) fn time_wait_input(
        &mut self,
        core: &mut Core,
        segment: &Segment<'_>,
        ends: Endpoints,
        id: RecordId,
    ) -> Option<SeqNumber> {
        let listens = self.demux.listener(ends.0, ends.1, segment.packet.interface).is_some();
        let Some(Record::TimeWait(wait)) = self.records.get_mut(id.0) else { return None };
        let outcome = if wait.fin_wait_2 {
            judge_fin_wait_2(wait, segment, core)
        } else {
            judge(wait, segment, core, listens)
        };
        match outcome {
            Outcome::Fin => {
                wait.rcv_nxt += 1;
                wait.fin_wait_2 = false;
                wait.deadline = core.now + core.config.tcp.time_wait;
                acknowledge(core, wait);
                self.limit_time_wait(core, id);
                // It may end sooner than FIN-WAIT-2 would have (TCP_LINGER2).
                self.arm_record(core, id);
            }
            Outcome::Abort => {
                count(&mut core.counters.tcp_abort_on_data);
                core.discard(Discard::TcpAfterClose);
                closed::answer(core, segment, ends);
                self.delete(core, id, None);
            }
            Outcome::Gone => {
                self.delete(core, id, None);
            }
            Outcome::Ignore(reason) => core.discard(reason),
            Outcome::Acknowledge(reason) => {
                core.discard(reason);
                acknowledge(core, wait);
            }
            Outcome::Challenge(reason) => {
                core.discard(reason);
                let limit = core.config.tcp.challenge_acks_per_second;
                let (second, sent) = (&mut wait.challenge_second, &mut wait.challenges);
                if may_challenge(second, sent, core.now, limit) {
                    acknowledge(core, wait);
                } else {
                    core.discard(Discard::TcpChallengeLimited);
                }
            }
            Outcome::Restart => {
                wait.deadline = core.now + core.config.tcp.time_wait;
                acknowledge(core, wait);
            }
            Outcome::Reincarnate => {
                count(&mut core.counters.tcp_time_wait_recycled);
                let last = wait.snd_nxt;
                self.delete(core, id, None);
                return Some(last);
            }
        }
        None
    }
}

fn judge(wait: &TimeWait, segment: &Segment<'_>, core: &Core, listens: bool) -> Outcome {
    // RFC 1337 §3 (fix 1): RST segments are ignored in TIME-WAIT.
    if segment.has(Flags::RST) {
        return Outcome::Ignore(Discard::TcpReset);
    }
    let value = segment.ts_value().filter(|_| wait.timestamps);
    if segment.has(Flags::SYN) {
        // RFC 6191 §2: a greater timestamp, or without timestamps a greater sequence number.
        let newer = match value {
            Some(value) => (value.wrapping_sub(wait.ts_recent) as i32) > 0,
            None => segment.seq.gt(wait.rcv_nxt),
        };
        let plain = !segment.has(Flags::ACK);
        if plain && newer && listens && core.config.tcp.time_wait_reuse {
            return Outcome::Reincarnate;
        }
        // RFC 5961 §4.2.
        return Outcome::Challenge(Discard::TcpSynInWindow);
    }
    if !segment.has(Flags::ACK) {
        return Outcome::Ignore(Discard::TcpFlags);
    }
    let old = value.is_some_and(|value| {
        super::input::is_old(value, wait.ts_recent, wait.ts_recent_at, core.now)
    });
    let fits = acceptable(segment, wait.rcv_nxt, wait.rcv_wnd) && !old;
    if segment.len() == 0 {
        return match fits {
            // RFC 9293 §3.10.7.4 (fifth): nothing but their FIN is to be acknowledged.
            true if segment.seq == wait.rcv_nxt => Outcome::Ignore(Discard::TcpSequence),
            _ => Outcome::Challenge(Discard::TcpSequence),
        };
    }
    // RFC 9293 §3.10.7.4 (eighth), TIME-WAIT: their FIN again restarts the 2 MSL time-out.
    if segment.has(Flags::FIN) && segment.end().le(wait.rcv_nxt) && !old {
        return Outcome::Restart;
    }
    Outcome::Acknowledge(Discard::TcpSequence)
}

/// The steps of RFC 9293 §3.10.7.4 for FIN-WAIT-2 without an application.
fn judge_fin_wait_2(wait: &TimeWait, segment: &Segment<'_>, core: &Core) -> Outcome {
    if !segment.flags.intersects(Flags::ACK | Flags::SYN | Flags::RST) {
        return Outcome::Ignore(Discard::TcpFlags);
    }
    // First: sequence number. Second: RST (RFC 5961 §3.2). Fourth: SYN (§4.2).
    if segment.has(Flags::RST) {
        return match segment.seq {
            seq if seq == wait.rcv_nxt => Outcome::Gone,
            seq if seq.in_window(wait.rcv_nxt, wait.rcv_wnd) => {
                Outcome::Challenge(Discard::TcpReset)
            }
            _ => Outcome::Ignore(Discard::TcpReset),
        };
    }
    if segment.has(Flags::SYN) {
        return Outcome::Challenge(Discard::TcpSynInWindow);
    }
    let old = match segment.ts_value() {
        None if wait.timestamps => return Outcome::Ignore(Discard::TcpNoTimestamp),
        Some(value) if wait.timestamps => {
            super::input::is_old(value, wait.ts_recent, wait.ts_recent_at, core.now)
        }
        _ => false,
    };
    if old || !acceptable(segment, wait.rcv_nxt, wait.rcv_wnd) {
        return match segment.len() {
            0 => Outcome::Challenge(Discard::TcpSequence),
            _ => Outcome::Acknowledge(Discard::TcpSequence),
        };
    }
    // Fifth: ACK. Everything we sent was acknowledged.
    if segment.ack.gt(wait.snd_nxt) {
        return Outcome::Challenge(Discard::TcpAck);
    }
    // Seventh: text. Eighth: FIN.
    let text_end = segment.seq + segment.data_len();
    if text_end.gt(wait.rcv_nxt) && segment.data_len() > 0 {
        return Outcome::Abort;
    }
    match segment.has(Flags::FIN) {
        true if text_end == wait.rcv_nxt => Outcome::Fin,
        true => Outcome::Acknowledge(Discard::TcpSequence),
        false => Outcome::Ignore(Discard::TcpSequence),
    }
}

fn acknowledge(core: &mut Core, wait: &TimeWait) {
    let value = (core.now.as_millis() as u32).wrapping_add(wait.ts_offset);
    let timestamps = wait.timestamps.then_some(Timestamps { value, echo: wait.ts_recent });
    let header = Header {
        sequence: wait.snd_nxt,
        acknowledgment: wait.rcv_nxt,
        flags: Flags::ACK,
        window: wait.window,
        options: Options { timestamps, ..Options::NONE },
        ..Header::default()
    };
    let ends = (wait.local, wait.remote);
    output::send_bare(core, ends, wait.interface, (wait.ttl, wait.tos), header);
}
