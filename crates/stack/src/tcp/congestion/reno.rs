//! Slow start and congestion avoidance (RFC 9293 §3.8.2 (MUST-19), RFC 5681) with appropriate
//! byte counting (RFC 3465) and the initial window of RFC 6928. When to send, and what was lost,
//! is decided elsewhere.

use super::AckSample;

/// The congestion window and the slow-start threshold, in bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::tcp) struct Reno {
    pub(in crate::tcp) cwnd: u32,
    pub(in crate::tcp) ssthresh: u32,
    /// Bytes acknowledged towards the next segment of congestion avoidance.
    credit: u32,
}

impl Reno {
    pub(in crate::tcp) const fn new() -> Self {
        Self { cwnd: 0, ssthresh: u32::MAX, credit: 0 }
    }

    // RFC 6928 §2: min (10*MSS, max (2*MSS, 14600)). `segments` is the 10.
    pub(in crate::tcp) fn initial_window(segments: u32, mss: u32) -> u32 {
        segments.saturating_mul(mss).min(14_600.max(mss.saturating_mul(2)).max(
            // A link with a larger MTU than Ethernet's (the built-in LAN) carries its segments
            // as Linux sends them: ten, whatever their size, but no more than 64 KiB for them.
            segments.saturating_mul(mss).min(65_535),
        ))
    }

    /// The handshake is over. RFC 5681 §3.1: if the SYN or SYN-ACK was lost, the initial window
    /// is one segment.
    pub(in crate::tcp) fn start(&mut self, segments: u32, mss: u32, syn_lost: bool) {
        self.cwnd = if syn_lost { mss } else { Self::initial_window(segments, mss) };
    }

    pub(in crate::tcp) fn on_ack(&mut self, sample: &AckSample) {
        if sample.acked == 0 || !self.is_limited(sample) {
            return;
        }
        let mut acked = sample.acked;
        if self.cwnd < self.ssthresh {
            // RFC 3465 §2.3: after a time-out L is 1, since acknowledgements then cover
            // segments that had arrived before. Otherwise whole acknowledgements count, since
            // one of ours may stand for a batch of joined segments.
            let limit = if sample.after_timeout { sample.mss } else { u32::MAX };
            let room = self.ssthresh.saturating_sub(self.cwnd);
            let grown = acked.min(limit).min(room);
            self.cwnd = self.cwnd.saturating_add(grown);
            acked = acked.saturating_sub(grown);
            if self.cwnd < self.ssthresh || acked == 0 {
                return;
            }
        }
        // RFC 5681 §3.1: in congestion avoidance one segment a round trip, counted in bytes.
        self.credit = self.credit.saturating_add(acked);
        while self.credit >= self.cwnd {
            self.credit = self.credit.saturating_sub(self.cwnd);
            self.cwnd = self.cwnd.saturating_add(sample.mss);
        }
    }

    /// RFC 7661's idea in short: a window that was not used says nothing about the path.
    const fn is_limited(&self, sample: &AckSample) -> bool {
        if self.cwnd < self.ssthresh {
            return sample.flight_before.saturating_mul(2) > self.cwnd;
        }
        sample.flight_before.saturating_add(sample.mss.saturating_mul(3)) >= self.cwnd
    }

    // RFC 5681 §3.1 (4): ssthresh = max (FlightSize / 2, 2*SMSS).
    fn halve(&mut self, flight: u32, mss: u32) {
        self.ssthresh = (flight / 2).max(mss.saturating_mul(2));
        self.credit = 0;
    }

    /// Loss was found by duplicate acknowledgements or SACK.
    pub(in crate::tcp) fn on_loss(&mut self, flight: u32, mss: u32) {
        self.halve(flight, mss);
        self.cwnd = self.ssthresh;
    }

    /// The retransmission timer ran out; `first` unless it had for the same data before.
    pub(in crate::tcp) fn on_timeout(&mut self, flight: u32, mss: u32, first: bool) {
        if first {
            self.halve(flight, mss);
        }
        // RFC 5681 §3.1: the loss window is one full-sized segment.
        self.cwnd = mss;
    }

    // RFC 6582 §3.2 (3): cwnd = min (ssthresh, max(FlightSize, SMSS) + SMSS), which avoids a
    // burst after recovery.
    pub(in crate::tcp) fn on_recovered(&mut self, flight: u32, mss: u32) {
        self.cwnd = self.ssthresh.min(flight.max(mss).saturating_add(mss));
    }

    // RFC 5681 §4.1: after an idle time of more than one RTO, cwnd = min (IW, cwnd).
    pub(in crate::tcp) fn restart(&mut self, segments: u32, mss: u32) {
        self.cwnd = self.cwnd.min(Self::initial_window(segments, mss));
    }
}
