//! Protocol records: what the table of connections leads to. A whole control block only while
//! one is needed; half-open, pending and TIME-WAIT records are small.

use super::open::admit::Quote;
use super::tcb::{Agreed, Tcb};
use crate::event::IncomingId;
use crate::interface::InterfaceId;
use crate::packet::Path;
use crate::slab::Key;
use crate::timer::Timer;
use alloc::boxed::Box;
use core::net::SocketAddr;
use danja_wire::Instant;
use danja_wire::tcp::SeqNumber;

/// What a pair of endpoints is found as.
pub(super) enum Record {
    Connection(Box<Tcb>),
    HalfOpen(Box<HalfOpen>),
    TimeWait(Box<TimeWait>),
    Pending(Box<Pending>),
}

/// SYN-RECEIVED after LISTEN.
pub(super) struct HalfOpen {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) listener: Key,
    pub(super) path: Path,
    pub(super) agreed: Agreed,
    pub(super) iss: SeqNumber,
    pub(super) irs: SeqNumber,
    /// The peer's window, not scaled.
    pub(super) snd_wnd: u32,
    /// What our SYN-ACK announced.
    pub(super) rcv_wnd: u32,
    pub(super) ts_recent: u32,
    pub(super) ts_offset: u32,
    /// When the first SYN-ACK went out (RTT), and when the next one is due.
    pub(super) sent_at: Option<Instant>,
    pub(super) deadline: Instant,
    /// Time-outs so far.
    pub(super) timeouts: u8,
    /// More than one SYN-ACK went out: no round-trip time can be told (Karn).
    pub(super) resent: bool,
    /// A SYN-ACK is to be sent at the next turn.
    pub(super) due: bool,
    /// The interface on whose ready list it is.
    pub(super) listed: Option<InterfaceId>,
    /// The listener's SO_REUSEADDR when the record was made.
    pub(super) reuse_address: bool,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) challenge_second: Instant,
    pub(super) challenges: u32,
    pub(super) timer: Option<Timer>,
    /// The application admitted it, and hears if it comes to nothing.
    pub(super) admitted: Option<IncomingId>,
}

/// TIME-WAIT, or FIN-WAIT-2 that no application waits for.
pub(super) struct TimeWait {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The socket whose descriptor is still open.
    pub(super) socket: Option<Key>,
    pub(super) interface: Option<InterfaceId>,
    pub(super) iss: SeqNumber,
    pub(super) irs: SeqNumber,
    pub(super) snd_nxt: SeqNumber,
    pub(super) rcv_nxt: SeqNumber,
    pub(super) rcv_wnd: u32,
    /// The window field of its acknowledgements.
    pub(super) window: u16,
    pub(super) timestamps: bool,
    pub(super) ts_recent: u32,
    pub(super) ts_offset: u32,
    pub(super) ts_recent_at: Instant,
    pub(super) deadline: Instant,
    pub(super) challenge_second: Instant,
    pub(super) challenges: u32,
    /// How many segments the connection had sent again.
    pub(super) retransmissions: u32,
    pub(super) reuse_address: bool,
    /// The peer's FIN is still to come.
    pub(super) fin_wait_2: bool,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) timer: Option<Timer>,
}

/// A SYN that waits for the application's verdict.
pub(super) struct Pending {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) listener: Key,
    pub(super) interface: InterfaceId,
    pub(super) syn: Syn,
    pub(super) reuse_address: bool,
    pub(super) quote: Quote,
    /// When its first SYN came.
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    pub(super) timer: Option<Timer>,
}

/// What of a SYN is needed to answer it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syn {
    pub(super) seq: SeqNumber,
    pub(super) window: u16,
    pub(super) mss: Option<u16>,
    pub(super) window_scale: Option<u8>,
    pub(super) sack_permitted: bool,
    /// TSval.
    pub(super) timestamp: Option<u32>,
}

impl Record {
    pub(super) fn endpoints(&self) -> (SocketAddr, SocketAddr) {
        match self {
            Self::Connection(tcb) => (tcb.local, tcb.remote),
            Self::HalfOpen(half) => (half.local, half.remote),
            Self::TimeWait(wait) => (wait.local, wait.remote),
            Self::Pending(pending) => (pending.local, pending.remote),
        }
    }

    pub(super) fn timer_mut(&mut self) -> &mut Option<Timer> {
        match self {
            Self::Connection(tcb) => &mut tcb.timer,
            Self::HalfOpen(half) => &mut half.timer,
            Self::TimeWait(wait) => &mut wait.timer,
            Self::Pending(pending) => &mut pending.timer,
        }
    }

    /// The earliest of its deadlines.
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Connection(tcb) => tcb.deadlines.earliest(),
            Self::HalfOpen(half) => half.deadline,
            Self::TimeWait(wait) => wait.deadline,
            Self::Pending(pending) => pending.deadline,
        }
    }
}
