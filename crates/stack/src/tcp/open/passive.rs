//! Passive open: LISTEN (RFC 9293 §3.10.7.2) and SYN-RECEIVED after it, as a half-open record.
//! Its steps are those of §3.10.7.4 for the little that can arrive.

use crate::Ready;
use crate::core_state::{Core, Sender};
use crate::counters::count;
use crate::discard::Discard;
use crate::packet::Outgoing;
use crate::slab::Key;
use crate::tcp::input::{self, acceptable, closed, may_challenge};
use crate::tcp::open::{agreement, initial_window, offer};
use crate::tcp::output;
use crate::tcp::record::{HalfOpen, Record, Syn};
use crate::tcp::segment::{Endpoints, Segment};
use crate::tcp::socket::{Listener, Role, StreamSocket};
use crate::tcp::tcb::{Origin, State, Tcb};
use crate::tcp::{RecordId, Tcp, mss};
use alloc::boxed::Box;
use danja_wire::Instant;
use danja_wire::tcp::{Flags, Header, Options, SeqNumber, Timestamps};

/// What a half-open connection does with a segment.
enum Verdict {
    Drop(Discard),
    Acknowledge(Discard),
    /// Answer by the SYN-ACK again.
    Again,
    Reset(Discard),
    /// Back to LISTEN.
    Forget(Discard),
    Promote,
}

impl Tcp {
    pub(in crate::tcp) fn listener(&self, place: Key) -> Option<&Listener> {
        match &self.sockets.get(place)?.role {
            Role::Listener(listener) => Some(listener),
            _ => None,
        }
    }

    pub(in crate::tcp) fn listener_mut(&mut self, place: Key) -> Option<&mut Listener> {
        match &mut self.sockets.get_mut(place)?.role {
            Role::Listener(listener) => Some(listener),
            _ => None,
        }
    }

    /// RFC 9293 §3.10.7.2: a segment for a listener.
    pub(in crate::tcp) fn listen_input(
        &mut self,
        core: &mut Core,
        segment: &mut Segment<'_>,
        ends: Endpoints,
        place: Key,
        above: Option<SeqNumber>,
    ) {
        // First: RST. An incoming RST is ignored.
        if segment.has(Flags::RST) {
            core.discard(Discard::TcpReset);
            return;
        }
        // Second: ACK. Any acknowledgement is bad in LISTEN, unless it returns a cookie.
        if segment.has(Flags::ACK) {
            if segment.has(Flags::SYN) || !self.accept_cookie(core, segment, ends, place) {
                core.discard(Discard::TcpAck);
                closed::answer(core, segment, ends);
            }
            return;
        }
        // Third: SYN. Fourth: anything else is dropped.
        if !segment.has(Flags::SYN) {
            core.discard(Discard::TcpFlags);
            return;
        }
        let full = self.listener(place).is_none_or(Listener::accept_full);
        if full {
            count(&mut core.counters.tcp_listen_overflows);
            count(&mut core.counters.tcp_listen_drops);
            core.discard(Discard::TcpBacklog);
            return;
        }
        let admitting = self.sockets.get(place).is_some_and(|s| s.options.get().admitting);
        if admitting {
            self.ask(core, segment, ends, place);
            return;
        }
        let crowded = self.half_open >= core.config.limits.half_open;
        if crowded || self.listener(place).is_some_and(Listener::half_open_full) {
            if core.config.tcp.syn_cookies {
                self.send_cookie(core, segment, ends, place);
            } else {
                count(&mut core.counters.tcp_listen_drops);
                core.discard(Discard::TcpHalfOpenLimit);
            }
            return;
        }
        self.half_open(core, &segment.syn(), ends, place, above);
    }

    /// Makes the half-open record of a SYN. Its ISN is beyond `above`, the last sequence number
    /// of an old connection between the same endpoints.
    pub(in crate::tcp) fn half_open(
        &mut self,
        core: &mut Core,
        syn: &Syn,
        ends: Endpoints,
        place: Key,
        above: Option<SeqNumber>,
    ) -> Option<RecordId> {
        let mut half = self.new_half_open(core, syn, ends, place)?;
        // RFC 9293 §3.6.1 (MAY-2): the new ISN is larger than what the old connection used.
        if let Some(above) = above.filter(|above| half.iss.le(*above)) {
            half.iss = above + 65_537;
        }
        let reuse = half.reuse_address;
        let id = self.insert_record(core, Record::HalfOpen(Box::new(half)), reuse)?;
        self.half_open = self.half_open.saturating_add(1);
        if let Some(listener) = self.listener_mut(place) {
            listener.half_open = listener.half_open.saturating_add(1);
        }
        self.list_half_open(core, id);
        Some(id)
    }

    pub(in crate::tcp) fn new_half_open(
        &self,
        core: &mut Core,
        syn: &Syn,
        (local, remote): Endpoints,
        place: Key,
    ) -> Option<HalfOpen> {
        let socket = self.sockets.get(place)?;
        let options = socket.options.get();
        let Ok(path) = core.ip.path(Some(local.ip()), remote.ip(), options.interface) else {
            core.discard(Discard::NoRoute);
            return None;
        };
        let config = &core.config.tcp;
        let ours = offer(config, options, &path, socket.receive_max(core));
        Some(HalfOpen {
            local,
            remote,
            listener: place,
            path,
            agreed: agreement(config, remote.ip(), ours, syn),
            iss: self.isn.generate(core.now, local, remote),
            irs: syn.seq,
            snd_wnd: u32::from(syn.window),
            rcv_wnd: initial_window(socket.receive_limit),
            ts_recent: syn.timestamp.unwrap_or(0),
            ts_offset: self.isn.timestamp_offset(local, remote),
            sent_at: None,
            deadline: Instant::MAX,
            timeouts: 0,
            resent: false,
            due: true,
            listed: None,
            reuse_address: options.reuse_address,
            ttl: options.ttl,
            tos: options.tos,
            challenge_second: Instant::ZERO,
            challenges: 0,
            timer: None,
            admitted: None,
        })
    }

    fn list_half_open(&mut self, core: &mut Core, id: RecordId) {
        let Some(Record::HalfOpen(half)) = self.records.get_mut(id.0) else { return };
        if half.path.generation != core.ip.generation() {
            let listener = self.sockets.get(half.listener);
            let bound = listener.and_then(|socket| socket.options.get().interface);
            if let Ok(path) = core.ip.path(Some(half.local.ip()), half.remote.ip(), bound) {
                half.path = path;
            }
        }
        if half.listed != Some(half.path.interface) {
            half.listed = Some(half.path.interface);
            core.ready.push(half.path.interface, Sender::Tcp(id));
        }
        if half.deadline == Instant::MAX {
            // RFC 6298 §5.5: the interval doubles.
            let config = &core.config.tcp;
            let factor = 1u32.checked_shl(u32::from(half.timeouts)).unwrap_or(u32::MAX);
            let wait = config.initial_rto.saturating_mul(factor).min(config.max_rto);
            half.deadline = core.now + wait;
            crate::tcp::timers::arm(core, id, &mut half.timer, half.deadline);
        }
    }

    /// A segment for a half-open connection. `false` if its listener is gone: the record is
    /// too, and the segment is for nobody.
    pub(in crate::tcp) fn half_open_input(
        &mut self,
        core: &mut Core,
        segment: &mut Segment<'_>,
        ends: Endpoints,
        id: RecordId,
    ) -> bool {
        let Some(Record::HalfOpen(half)) = self.records.get_mut(id.0) else { return false };
        let place = half.listener;
        let verdict = judge(half, segment);
        if self.listener(place).is_none() {
            self.delete(core, id, None);
            return false;
        }
        match verdict {
            Verdict::Drop(reason) => core.discard(reason),
            Verdict::Acknowledge(reason) => {
                core.discard(reason);
                self.challenge_half_open(core, ends, id);
            }
            Verdict::Again => self.repeat_syn_ack(core, id),
            Verdict::Reset(reason) => {
                core.discard(reason);
                closed::answer(core, segment, ends);
            }
            Verdict::Forget(reason) => {
                core.discard(reason);
                count(&mut core.counters.tcp_attempt_fails);
                self.delete(core, id, None);
            }
            Verdict::Promote => self.promote(core, segment, place, id),
        }
        true
    }

    /// A SYN came again: as Linux (tcp_invalid_ratelimit), not each of many is answered.
    fn repeat_syn_ack(&mut self, core: &mut Core, id: RecordId) {
        let Some(Record::HalfOpen(half)) = self.records.get_mut(id.0) else { return };
        let limit = core.config.tcp.challenge_acks_per_second;
        if may_challenge(&mut half.challenge_second, &mut half.challenges, core.now, limit) {
            self.send_again(core, id);
        } else {
            core.discard(Discard::TcpChallengeLimited);
        }
    }

    fn send_again(&mut self, core: &mut Core, id: RecordId) {
        if let Some(Record::HalfOpen(half)) = self.records.get_mut(id.0) {
            half.due = true;
        }
        self.list_half_open(core, id);
    }

    fn challenge_half_open(&mut self, core: &mut Core, ends: Endpoints, id: RecordId) {
        let Some(Record::HalfOpen(half)) = self.records.get_mut(id.0) else { return };
        let limit = core.config.tcp.challenge_acks_per_second;
        let (second, challenges) = (&mut half.challenge_second, &mut half.challenges);
        if !may_challenge(second, challenges, core.now, limit) {
            core.discard(Discard::TcpChallengeLimited);
            return;
        }
        count(&mut core.counters.tcp_challenge_ack);
        let header = Header {
            sequence: half.iss + 1,
            acknowledgment: half.irs + 1,
            flags: Flags::ACK,
            window: output::field(half.rcv_wnd, half.agreed.rcv_wind_shift),
            options: Options { timestamps: timestamps(half, core.now), ..Options::NONE },
            ..Header::default()
        };
        output::send_bare(core, ends, None, (half.ttl, half.tos), header);
    }

    /// The handshake's ACK: makes the control block and the socket, and goes on with the
    /// segment as §3.10.7.4 says.
    fn promote(&mut self, core: &mut Core, segment: &mut Segment<'_>, place: Key, id: RecordId) {
        if self.listener(place).is_none_or(Listener::accept_full) {
            // As Linux: the ACK is forgotten, the SYN-ACK will be sent again.
            count(&mut core.counters.tcp_listen_overflows);
            core.discard(Discard::TcpBacklog);
            return;
        }
        let Some(Record::HalfOpen(half)) = self.records.get(id.0) else { return };
        let mut tcb = Tcb::from_half_open(half, core.now);
        self.forget_half_open(place);
        self.establish(core, segment, place, id, &mut tcb);
    }

    pub(in crate::tcp) fn forget_half_open(&mut self, place: Key) {
        self.half_open = self.half_open.saturating_sub(1);
        if let Some(listener) = self.listener_mut(place) {
            listener.half_open = listener.half_open.saturating_sub(1);
        }
    }

    /// Puts a control block in the place of a half-open record and its socket on the accept
    /// queue.
    pub(in crate::tcp) fn establish(
        &mut self,
        core: &mut Core,
        segment: &mut Segment<'_>,
        place: Key,
        id: RecordId,
        tcb: &mut Tcb,
    ) {
        let Some(listening) = self.sockets.get(place) else { return };
        let mut socket = StreamSocket::new(core, None, listening.domain);
        socket.options = listening.options.clone();
        (socket.receive_limit, socket.send_limit) = (listening.receive_limit, listening.send_limit);
        socket.local = Some(tcb.local);
        socket.role = Role::Connection(id);
        tcb.options = socket.options.clone();
        mss::adapt(tcb);
        let Some(key) = self.sockets.insert(socket) else { return };
        tcb.socket = Some(key);
        let blank = Tcb::new((tcb.local, tcb.remote), tcb.path, tcb.origin, tcb.iss, core.now);
        let tcb = core::mem::replace(tcb, blank);
        if let Some(record) = self.records.get_mut(id.0) {
            *record = Record::Connection(Box::new(tcb));
        }
        count(&mut core.counters.tcp_passive_opens);
        if let Some(listener) = self.listener_mut(place) {
            listener.accept.push_back(key);
        }
        self.with_conn(core, id, |conn| input::on_segment(conn, segment));
        if let Some(listening) = self.sockets.get(place) {
            listening.raise(core, Ready::ACCEPTABLE);
        }
    }

    /// The timer of a half-open connection: the SYN-ACK again, or the end.
    pub(in crate::tcp) fn half_open_timer(&mut self, core: &mut Core, id: RecordId) {
        let Some(Record::HalfOpen(half)) = self.records.get_mut(id.0) else { return };
        if half.deadline > core.now {
            let deadline = half.deadline;
            crate::tcp::timers::arm(core, id, &mut half.timer, deadline);
            return;
        }
        half.deadline = Instant::MAX;
        let (place, over) = (half.listener, half.timeouts >= core.config.tcp.syn_ack_retries);
        half.timeouts = half.timeouts.saturating_add(1);
        if over || self.listener(place).is_none() {
            count(&mut core.counters.tcp_attempt_fails);
            count(&mut core.counters.tcp_abort_on_timeout);
            self.delete(core, id, None);
            return;
        }
        count(&mut core.counters.tcp_timeouts);
        self.send_again(core, id);
    }
}

/// The steps of RFC 9293 §3.10.7.4 for SYN-RECEIVED.
fn judge(half: &HalfOpen, segment: &Segment<'_>) -> Verdict {
    let rcv_nxt = half.irs + 1;
    if segment.has(Flags::SYN)
        && !segment.flags.intersects(Flags::ACK | Flags::RST)
        && segment.seq == half.irs
    {
        return Verdict::Again;
    }
    // First: sequence number.
    if !acceptable(segment, rcv_nxt, half.rcv_wnd) {
        let reset = segment.has(Flags::RST);
        return if reset {
            Verdict::Drop(Discard::TcpReset)
        } else {
            Verdict::Acknowledge(Discard::TcpSequence)
        };
    }
    // Second: RST. RFC 5961 §3.2 for one that is not exact.
    if segment.has(Flags::RST) {
        return if segment.seq == rcv_nxt {
            Verdict::Forget(Discard::TcpReset)
        } else {
            Verdict::Acknowledge(Discard::TcpReset)
        };
    }
    // Fourth: SYN. After a passive open: return to LISTEN.
    if segment.has(Flags::SYN) {
        return Verdict::Forget(Discard::TcpSynInWindow);
    }
    // Fifth: ACK.
    if !segment.has(Flags::ACK) {
        return Verdict::Drop(Discard::TcpFlags);
    }
    if segment.ack != half.iss + 1 {
        return Verdict::Reset(Discard::TcpAck);
    }
    // RFC 7323 §3.2 and §5.3.
    match segment.ts_value() {
        None if half.agreed.timestamps => Verdict::Drop(Discard::TcpNoTimestamp),
        Some(value)
            if half.agreed.timestamps && (value.wrapping_sub(half.ts_recent) as i32) < 0 =>
        {
            Verdict::Acknowledge(Discard::TcpPaws)
        }
        _ => Verdict::Promote,
    }
}

fn timestamps(half: &HalfOpen, now: Instant) -> Option<Timestamps> {
    let value = (now.as_millis() as u32).wrapping_add(half.ts_offset);
    half.agreed.timestamps.then_some(Timestamps { value, echo: half.ts_recent })
}

/// The SYN-ACK, if one is due.
pub(in crate::tcp) fn poll_transmit(core: &mut Core, half: &mut HalfOpen) -> Option<Outgoing> {
    half.listed = None;
    if !half.due {
        return None;
    }
    half.due = false;
    let agreed = &half.agreed;
    let options = Options {
        mss: agreed.mss_option(),
        window_scale: agreed.window_scaling.then_some(agreed.rcv_wind_shift),
        sack_permitted: agreed.sack,
        timestamps: timestamps(half, core.now),
        ..Options::NONE
    };
    let header = Header {
        sequence: half.iss,
        acknowledgment: half.irs + 1,
        flags: Flags::SYN | Flags::ACK,
        window: u16::try_from(half.rcv_wnd).unwrap_or(u16::MAX),
        options,
        ..Header::default()
    };
    if half.sent_at.is_some() {
        half.resent = true;
        count(&mut core.counters.tcp_retrans_segs);
    } else {
        half.sent_at = Some(core.now);
    }
    count(&mut core.counters.tcp_out_segs);
    output::control_packet(core, (half.local, half.remote), (half.ttl, half.tos), header)
}

impl Tcb {
    /// The control block of a half-open connection whose ACK has come.
    pub(in crate::tcp) fn from_half_open(half: &HalfOpen, now: Instant) -> Self {
        let origin = Origin::Passive(half.listener);
        let mut tcb = Self::new((half.local, half.remote), half.path, origin, half.iss, now);
        tcb.state = State::SynReceived;
        tcb.agreed = half.agreed;
        tcb.snd_nxt = half.iss + 1;
        tcb.snd_wnd = half.snd_wnd;
        tcb.irs = half.irs;
        tcb.rcv_nxt = half.irs + 1;
        tcb.rcv_adv = tcb.rcv_nxt + half.rcv_wnd;
        tcb.last_ack_sent = tcb.rcv_nxt;
        tcb.ts_recent = half.ts_recent;
        tcb.ts_recent_at = now;
        tcb.ts_offset = half.ts_offset;
        tcb.timer = half.timer;
        // Karn: a round-trip time only if the SYN-ACK went out once.
        tcb.last_sent = half.sent_at.unwrap_or(now);
        tcb.backoff = u8::from(half.resent);
        tcb.listed = half.listed;
        tcb
    }
}
