//! Round-trip time and retransmission time-out (RFC 9293 §3.8.1 (MUST-18), RFC 6298,
//! RFC 7323 §4.2). Karn's rule is the caller's: it gives no sample of retransmitted data but by
//! timestamp.

use crate::config::TcpConfig;
use core::time::Duration;

/// Estimates in nanoseconds; zero is "not measured".
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::tcp) struct Rtt {
    pub(in crate::tcp) srtt: u64,
    pub(in crate::tcp) rttvar: u64,
    pub(in crate::tcp) min: u64,
    /// Without backoff.
    rto: u64,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Rtt {
    /// Takes a sample; `flight` and `mss` say how many samples a round trip gives.
    pub(in crate::tcp) fn sample(&mut self, config: &TcpConfig, rtt: u64, flight: u32, mss: u32) {
        let rtt = rtt.max(1);
        if self.min == 0 || rtt < self.min {
            self.min = rtt;
        }
        if self.srtt == 0 {
            // RFC 6298 §2.2: SRTT <- R, RTTVAR <- R/2.
            self.srtt = rtt;
            self.rttvar = rtt / 2;
        } else {
            // RFC 7323 appendix G: ExpectedSamples = ceiling(FlightSize / (SMSS * 2)); alpha and
            // beta are divided by it, so that many samples do not shorten the memory.
            let samples = u64::from(flight.div_ceil(mss.max(1).saturating_mul(2)).max(1));
            // RFC 6298 §2.3: beta 1/4, alpha 1/8, RTTVAR first.
            let error = self.srtt.abs_diff(rtt);
            self.rttvar = blend(self.rttvar, error, samples.saturating_mul(4));
            self.srtt = blend(self.srtt, rtt, samples.saturating_mul(8));
        }
        // RFC 6298 §2.2 and §2.4: RTO <- SRTT + max (G, K*RTTVAR); the smallest variation
        // counted is `min_rto`, as in Linux, so that a delayed acknowledgement is no time-out.
        let spread = self.rttvar.saturating_mul(4).max(nanos(config.min_rto));
        self.rto = self.srtt.saturating_add(spread).min(nanos(config.max_rto));
    }

    /// The time-out without backoff.
    pub(in crate::tcp) fn rto(&self, config: &TcpConfig) -> Duration {
        if self.rto == 0 { config.initial_rto } else { Duration::from_nanos(self.rto) }
    }

    // RFC 6298 §5.7: if the timer expired awaiting the ACK of a SYN, and the time-out was less
    // than 3 seconds, it MUST be 3 seconds when data transmission begins.
    pub(in crate::tcp) fn after_syn_loss(&mut self, config: &TcpConfig) {
        if self.srtt == 0 {
            self.rto = nanos(config.initial_rto).max(3_000_000_000).min(nanos(config.max_rto));
        }
    }
}

/// Moves an estimate by one `share`-th of its distance to a sample.
const fn blend(estimate: u64, sample: u64, share: u64) -> u64 {
    let step = match estimate.abs_diff(sample).checked_div(share) {
        Some(step) => step,
        None => 0,
    };
    if sample > estimate { estimate.saturating_add(step) } else { estimate.saturating_sub(step) }
}
