//! Congestion control: policies that get one [`AckSample`] for each acknowledgement and answer
//! a congestion window (and, later, a pacing rate). They see no segment and no queue.

mod controller;
mod cubic;

pub(super) use controller::Controller;

use danja_wire::Instant;

/// What one acknowledgement told.
#[expect(dead_code, reason = "Reno and CUBIC read a part of it; rates are for BBR")]
#[derive(Clone, Copy, Debug)]
pub(super) struct AckSample {
    pub(super) now: Instant,
    /// Payload bytes acknowledged cumulatively.
    pub(super) acked: u32,
    /// Bytes acknowledged for the first time, cumulatively or selectively.
    pub(super) delivered: u32,
    /// Bytes in flight before it came.
    pub(super) flight_before: u32,
    /// Payload bytes of a full segment.
    pub(super) mss: u32,
    /// A round-trip time that it measured, in nanoseconds.
    pub(super) rtt: Option<u64>,
    /// The smoothed round-trip time (RFC 6298), in nanoseconds.
    pub(super) srtt: u64,
    /// Retransmissions after a time-out are under way.
    pub(super) after_timeout: bool,
    /// Bytes delivered since the newest acknowledged data was sent, and how long that took in
    /// nanoseconds: the delivery rate.
    pub(super) rate: Option<(u64, u64)>,
    /// The sample was taken while the application sent less than the window allows.
    pub(super) app_limited: bool,
}
