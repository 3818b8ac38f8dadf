//! The congestion window: slow start, which all policies share, and Reno's congestion avoidance
//! (RFC 9293 §3.8.2 (MUST-19), RFC 5681) with appropriate byte counting (RFC 3465) and the initial
//! window of RFC 6928; CUBIC's is next door. When to send, and what was lost, is decided elsewhere.

use super::AckSample;
use super::cubic::Cubic;
use crate::socket::Congestion;
use alloc::boxed::Box;
use danja_wire::Instant;

/// The congestion window and the slow-start threshold, in bytes, and the policy that moves them.
#[derive(Debug)]
pub(in crate::tcp) struct Controller {
    pub(in crate::tcp) cwnd: u32,
    pub(in crate::tcp) ssthresh: u32,
    /// What congestion avoidance has earned towards the window's next step: Reno's in bytes
    /// acknowledged, CUBIC's in bytes of the window times bytes acknowledged.
    credit: u32,
    which: Congestion,
    /// What CUBIC remembers, from the first loss or the first congestion avoidance on.
    cubic: Option<Box<Cubic>>,
}

impl Controller {
    pub(in crate::tcp) const fn new() -> Self {
        Self { cwnd: 0, ssthresh: u32::MAX, credit: 0, which: Congestion::Reno, cubic: None }
    }

    /// Another policy goes on with the window as it is.
    pub(in crate::tcp) fn choose(&mut self, which: Congestion) {
        if self.which != which {
            self.which = which;
            self.credit = 0;
            self.cubic = None;
        }
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
        if sample.acked == 0 {
            return;
        }
        if !self.is_limited(sample) {
            self.resume(sample.now);
            return;
        }
        let mut acked = sample.acked;
        if self.cwnd < self.ssthresh {
            if let Some(cubic) = &mut self.cubic {
                cubic.end_stage();
            }
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
        match self.which {
            Congestion::Reno => self.avoid(acked, sample.mss),
            Congestion::Cubic => {
                let cubic = self.cubic.get_or_insert_with(Box::default);
                self.cwnd = cubic.avoid(self.cwnd, acked, sample, &mut self.credit);
            }
        }
    }

    // RFC 5681 §3.1: in congestion avoidance one segment a round trip, counted in bytes.
    fn avoid(&mut self, acked: u32, mss: u32) {
        self.credit = self.credit.saturating_add(acked);
        while self.credit >= self.cwnd {
            self.credit = self.credit.saturating_sub(self.cwnd);
            self.cwnd = self.cwnd.saturating_add(mss);
        }
    }

    /// RFC 7661's idea in short: a window that was not used says nothing about the path.
    const fn is_limited(&self, sample: &AckSample) -> bool {
        if self.cwnd < self.ssthresh {
            return sample.flight_before.saturating_mul(2) > self.cwnd;
        }
        sample.flight_before.saturating_add(sample.mss.saturating_mul(3)) >= self.cwnd
    }

    /// The time since the last acknowledgement does not count: there was nothing in flight, or
    /// less than the window allows.
    pub(in crate::tcp) fn resume(&mut self, now: Instant) {
        if let Some(cubic) = &mut self.cubic {
            cubic.pass_over(now);
        }
    }

    /// A congestion event: the new threshold.
    fn decrease(&mut self, flight: u32, mss: u32, by_timeout: bool) {
        self.credit = 0;
        let threshold = match self.which {
            // RFC 5681 §3.1 (4): ssthresh = max (FlightSize / 2, 2*SMSS).
            Congestion::Reno => flight / 2,
            Congestion::Cubic => {
                let cubic = self.cubic.get_or_insert_with(Box::default);
                cubic.decrease(self.cwnd, flight, by_timeout)
            }
        };
        self.ssthresh = threshold.max(mss.saturating_mul(2));
    }

    /// Loss was found by duplicate acknowledgements or SACK.
    pub(in crate::tcp) fn on_loss(&mut self, flight: u32, mss: u32) {
        self.decrease(flight, mss, false);
        self.cwnd = self.ssthresh;
    }

    /// The retransmission timer ran out; `first` unless it had for the same data before.
    pub(in crate::tcp) fn on_timeout(&mut self, flight: u32, mss: u32, first: bool) {
        if first {
            self.decrease(flight, mss, true);
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
        let window = Self::initial_window(segments, mss);
        if window < self.cwnd {
            self.cwnd = window;
            if let Some(cubic) = &mut self.cubic {
                cubic.end_stage();
            }
        }
    }

    /// Bytes of memory beside the control block.
    pub(in crate::tcp) fn memory(&self) -> usize {
        if self.cubic.is_some() { size_of::<Cubic>() } else { 0 }
    }
}

#[cfg(test)]
impl Controller {
    pub(super) fn cubic(&self) -> &Cubic {
        self.cubic.as_deref().unwrap()
    }
}
