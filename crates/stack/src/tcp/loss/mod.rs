//! Loss detection and recovery: RTT and RTO, transmit records, the SACK scoreboard, fast
//! recovery. Says what to retransmit; `output` sends it, `congestion` says how much.

mod ack;
mod records;
mod recovery;
mod rto;
mod rtt;
mod scoreboard;

pub(super) use ack::{Acked, by_timestamp, on_ack};
pub(super) use records::{Records, Sent};
pub(super) use recovery::{Mode, Recovery};
pub(super) use rto::{on_retransmission_timeout, restart_timer, rto, within_user_timeout};
pub(super) use rtt::Rtt;
