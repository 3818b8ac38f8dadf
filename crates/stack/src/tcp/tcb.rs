//! The transmission control block (RFC 9293 §3.3.1) in three parts: hot (here), busy (boxed
//! while data is queued or in flight), rare (boxed when something unusual is asked for). Holds
//! state, decides nothing.
//!
//! What survives idling: everything in [`Tcb`]. [`Busy`] goes when the last byte is
//! acknowledged: transmit records and scoreboard describe data in flight only.

use super::congestion::Controller;
use super::line::Place;
use super::loss::{Records, Recovery, Rtt};
use super::socket_options::OptionSet;
use crate::buffer::{SendQueue, Spare};
use crate::interface::InterfaceId;
use crate::packet::Path;
use crate::slab::Key;
use crate::timer::Timer;
use crate::views::TcpState;
use alloc::boxed::Box;
use core::net::SocketAddr;
use danja_wire::tcp::SeqNumber;
use danja_wire::{Instant, Payload};

/// States of a connection that has a control block. LISTEN is a socket's, SYN-RECEIVED after
/// LISTEN a half-open record's, TIME-WAIT a record's of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    SynSent,
    /// After a simultaneous open, or for the moment between a half-open record's ACK and
    /// ESTABLISHED.
    SynReceived,
    Synchronized(Phase),
}

/// States in which both sides have synchronized.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
}

impl State {
    pub(super) const fn view(self) -> TcpState {
        match self {
            Self::SynSent => TcpState::SynSent,
            Self::SynReceived => TcpState::SynReceived,
            Self::Synchronized(Phase::Established) => TcpState::Established,
            Self::Synchronized(Phase::FinWait1) => TcpState::FinWait1,
            Self::Synchronized(Phase::FinWait2) => TcpState::FinWait2,
            Self::Synchronized(Phase::CloseWait) => TcpState::CloseWait,
            Self::Synchronized(Phase::Closing) => TcpState::Closing,
            Self::Synchronized(Phase::LastAck) => TcpState::LastAck,
        }
    }

    /// Whether the peer may still send data.
    pub(super) const fn receives(self) -> bool {
        matches!(
            self,
            Self::SynReceived
                | Self::Synchronized(Phase::Established | Phase::FinWait1 | Phase::FinWait2)
        )
    }

    /// Whether the application may still send data.
    pub(super) const fn sends(self) -> bool {
        matches!(self, Self::Synchronized(Phase::Established | Phase::CloseWait))
    }

    /// Linux's `TcpCurrEstab` counts these.
    pub(super) const fn is_current(self) -> bool {
        self.sends()
    }
}

/// How the connection began (RFC 9293 MUST-11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    Active,
    /// From this listener.
    Passive(Key),
}

/// What the SYNs agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Agreed {
    pub(super) timestamps: bool,
    pub(super) sack: bool,
    pub(super) window_scaling: bool,
    /// Shift of the windows the peer announces.
    pub(super) snd_wind_shift: u8,
    /// Shift of the windows we announce.
    pub(super) rcv_wind_shift: u8,
    /// The segment size that the peer announced, raised to the configured floor.
    pub(super) peer_mss: u16,
    /// The segment size that we announced, or the default.
    pub(super) rcv_mss: u16,
    /// Our SYN announces it. Without the option the peer takes the default (MUST-15).
    pub(super) announces_mss: bool,
}

impl Agreed {
    /// The MSS option of our SYN.
    pub(super) fn mss_option(&self) -> Option<u16> {
        self.announces_mss.then_some(self.rcv_mss)
    }
}

/// Deadlines; [`Instant::MAX`] is "not running".
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// Retransmission, or (with `Tcb::persisting`) the next zero-window probe or override.
    pub(super) retransmit: Instant,
    pub(super) delayed_ack: Instant,
    pub(super) keep_alive: Instant,
}

impl Deadlines {
    pub(super) const NONE: Self =
        Self { retransmit: Instant::MAX, delayed_ack: Instant::MAX, keep_alive: Instant::MAX };

    pub(super) fn earliest(&self) -> Instant {
        self.retransmit.min(self.delayed_ack).min(self.keep_alive)
    }
}

/// What a connection has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) bytes_sent: u64,
    pub(super) bytes_retransmitted: u64,
    pub(super) bytes_acked: u64,
    pub(super) bytes_received: u64,
    /// Bytes acknowledged cumulatively or selectively, for delivery rates.
    pub(super) delivered: u64,
    pub(super) segments_out: u64,
    pub(super) segments_in: u64,
    pub(super) retransmissions: u32,
}

/// Why an acknowledgement is owed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum AckNeed {
    None,
    /// With the next segment, or when the delay is over.
    Delayed,
    Now,
}

/// The hot part of the control block.
pub(super) struct Tcb {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// `None` once the application has closed.
    pub(super) socket: Option<Key>,
    pub(super) path: Path,
    pub(super) state: State,
    pub(super) origin: Origin,
    pub(super) agreed: Agreed,

    // RFC 9293 §3.3.1, send sequence variables.
    pub(super) iss: SeqNumber,
    pub(super) snd_una: SeqNumber,
    pub(super) snd_nxt: SeqNumber,
    pub(super) snd_wl1: SeqNumber,
    pub(super) snd_wl2: SeqNumber,
    pub(super) snd_wnd: u32,
    pub(super) max_snd_wnd: u32,
    /// End of the last segment sent that was smaller than a full one (Minshall).
    pub(super) snd_sml: SeqNumber,
    /// Payload bytes of a full segment, options taken off.
    pub(super) snd_mss: u32,

    // Receive sequence variables.
    pub(super) irs: SeqNumber,
    pub(super) rcv_nxt: SeqNumber,
    /// The right edge of the window as last announced; it never moves left.
    pub(super) rcv_adv: SeqNumber,
    /// RFC 7323's Last.ACK.sent.
    pub(super) last_ack_sent: SeqNumber,
    /// Largest segment seen, for the delay of acknowledgements.
    pub(super) seen_mss: u32,

    // Timestamps (RFC 7323).
    pub(super) ts_recent: u32,
    pub(super) ts_offset: u32,
    pub(super) ts_recent_at: Instant,

    pub(super) rtt: Rtt,
    pub(super) congestion: Controller,
    pub(super) recovery: Recovery,
    pub(super) deadlines: Deadlines,
    pub(super) timer: Option<Timer>,
    pub(super) last_received: Instant,
    pub(super) last_sent: Instant,
    /// When the oldest data that is not acknowledged was first sent (or probing began).
    pub(super) stalled_since: Instant,

    pub(super) ack: AckNeed,
    /// Without SACK: further acknowledgements owed, one for each segment beyond a gap, since
    /// the peer counts them.
    pub(super) repeat_acks: u8,
    /// Acknowledgements still to be sent without delay ("quick ACK").
    pub(super) quick_acks: u8,
    /// Consecutive time-outs, or probes without an answer.
    pub(super) backoff: u8,
    pub(super) probes: u8,
    pub(super) keep_alive_probes: u8,
    /// SYN or SYN-ACK is to be sent (again).
    pub(super) syn_due: bool,
    pub(super) probe_due: bool,
    /// The retransmission deadline is that of the persist timer.
    pub(super) persisting: bool,
    /// The override time-out of silly-window avoidance or cork has passed: send what there is.
    pub(super) push_out: bool,
    /// The application has sent all: FIN follows what is queued.
    pub(super) fin_queued: bool,
    pub(super) fin_sent: bool,
    /// The interface on whose ready list it is.
    pub(super) listed: Option<InterfaceId>,
    /// Bytes of the ready list's quantum that are used up.
    pub(super) turn_used: u32,
    /// What the application sent last is to be followed by more (MSG_MORE).
    pub(super) more_coming: bool,
    /// `send` found no room: raise WRITABLE when there is.
    pub(super) send_blocked: bool,
    /// It was the stack's memory that had no room.
    pub(super) wants_memory: bool,
    /// Its place among the writers that wait for memory, or among the orphans.
    pub(super) line: Place,

    pub(super) totals: Totals,
    pub(super) busy: Option<Box<Busy>>,
    pub(super) rare: Option<Box<Rare>>,
    pub(super) options: OptionSet,
}

/// While data is queued or in flight.
#[derive(Default)]
pub(crate) struct Busy {
    pub(super) queue: SendQueue,
    pub(super) records: Records,
}

impl Busy {
    /// As if new, for the next connection that needs it.
    fn reset(&mut self) {
        self.queue.reset();
        self.records.reset();
    }
}

/// What few connections have.
#[derive(Default)]
pub(super) struct Rare {
    /// Text and FIN that came with a SYN in SYN-SENT (RFC 9293 §3.10.7.3: queued until
    /// ESTABLISHED).
    pub(super) early: Option<Early>,
    /// Sequence number after our urgent data.
    pub(super) snd_up: Option<SeqNumber>,
    /// A D-SACK that the next acknowledgement carries (RFC 2883).
    pub(super) duplicate: Option<(SeqNumber, SeqNumber)>,
    /// Sequence number of a FIN that came beyond a gap.
    pub(super) fin_at: Option<SeqNumber>,
    /// When the current second of challenge ACKs began, and how many it had.
    pub(super) challenges: (Instant, u32),
}

pub(super) struct Early {
    pub(super) text: Payload,
    pub(super) fin: bool,
}

impl Tcb {
    /// A control block with both sequence spaces empty.
    pub(super) fn new(
        (local, remote): (SocketAddr, SocketAddr),
        path: Path,
        origin: Origin,
        iss: SeqNumber,
        now: Instant,
    ) -> Self {
        Self {
            local,
            remote,
            socket: None,
            path,
            state: State::SynSent,
            origin,
            agreed: Agreed::default(),
            iss,
            snd_una: iss,
            snd_nxt: iss,
            snd_wl1: SeqNumber(0),
            snd_wl2: iss,
            snd_wnd: 0,
            max_snd_wnd: 0,
            snd_sml: iss,
            snd_mss: 536,
            irs: SeqNumber(0),
            rcv_nxt: SeqNumber(0),
            rcv_adv: SeqNumber(0),
            last_ack_sent: SeqNumber(0),
            seen_mss: 0,
            ts_recent: 0,
            ts_offset: 0,
            ts_recent_at: now,
            rtt: Rtt::default(),
            congestion: Controller::new(),
            recovery: Recovery::new(iss),
            deadlines: Deadlines::NONE,
            timer: None,
            last_received: now,
            last_sent: now,
            stalled_since: now,
            ack: AckNeed::None,
            repeat_acks: 0,
            quick_acks: 0,
            backoff: 0,
            probes: 0,
            keep_alive_probes: 0,
            syn_due: false,
            probe_due: false,
            persisting: false,
            push_out: false,
            fin_queued: false,
            fin_sent: false,
            listed: None,
            turn_used: 0,
            more_coming: false,
            send_blocked: false,
            wants_memory: false,
            line: Place::NONE,
            totals: Totals::default(),
            busy: None,
            rare: None,
            options: OptionSet::default(),
        }
    }

    /// Bytes between SND.UNA and SND.NXT.
    pub(super) const fn flight(&self) -> u32 {
        self.snd_nxt.since(self.snd_una)
    }

    /// Bytes queued that are not acknowledged (sent or not).
    pub(super) fn queued(&self) -> usize {
        self.busy.as_ref().map_or(0, |busy| busy.queue.len())
    }

    /// Bytes queued that were never sent.
    pub(super) fn unsent(&self) -> u32 {
        let queued = u32::try_from(self.queued()).unwrap_or(u32::MAX);
        queued.saturating_sub(self.sent_data())
    }

    /// Data bytes sent and not acknowledged: the flight without SYN and FIN.
    pub(super) fn sent_data(&self) -> u32 {
        let control = match self.state {
            State::SynSent | State::SynReceived => 1,
            State::Synchronized(_) => u32::from(self.fin_sent),
        };
        self.flight().saturating_sub(control)
    }

    /// Whether FIN is still to be sent for the first time.
    pub(super) const fn fin_unsent(&self) -> bool {
        self.fin_queued && !self.fin_sent
    }

    /// Whether everything, FIN included, is acknowledged.
    pub(super) const fn fin_acknowledged(&self) -> bool {
        self.fin_sent && self.snd_una.0 == self.snd_nxt.0
    }

    /// RCV.WND: what the peer may send.
    pub(super) const fn rcv_wnd(&self) -> u32 {
        if self.rcv_adv.lt(self.rcv_nxt) { 0 } else { self.rcv_adv.since(self.rcv_nxt) }
    }

    pub(super) fn busy_mut(&mut self, spare: &mut Spare<Busy>) -> &mut Busy {
        self.busy.get_or_insert_with(|| spare.take())
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(Box::default)
    }

    /// Gives the busy part back when nothing is queued or in flight.
    pub(super) fn settle(&mut self, spare: &mut Spare<Busy>) {
        if self.snd_una == self.snd_nxt
            && let Some(mut busy) = self.busy.take_if(|busy| busy.queue.is_empty())
        {
            busy.reset();
            spare.put(busy);
        }
    }

    /// Our clock for timestamps: milliseconds, from an offset of this connection's own.
    pub(super) const fn ts_now(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.ts_offset)
    }

    pub(super) fn need_ack(&mut self, need: AckNeed) {
        self.ack = self.ack.max(need);
    }

    /// Bytes of memory that the record takes, queues included.
    pub(super) fn memory(&self) -> usize {
        let busy = self.busy.as_ref().map_or(0, |busy| {
            size_of::<Busy>()
                .saturating_add(busy.queue.cost())
                .saturating_add(busy.records.memory())
        });
        let rare = if self.rare.is_some() { size_of::<Rare>() } else { 0 };
        size_of::<Self>()
            .saturating_add(busy)
            .saturating_add(rare)
            .saturating_add(self.congestion.memory())
    }
}
