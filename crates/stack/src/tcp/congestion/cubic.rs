//! CUBIC's congestion avoidance (RFC 9438 §4.2 to §4.8), in whole numbers: the same inputs give
//! the same window on every machine. Sizes are bytes, moments nanoseconds. Slow start is not here
//! (Reno's, which §4.10 allows), nor undoing what was no loss (§4.9), which nothing here detects.

use super::AckSample;
use danja_wire::Instant;

/// Time is counted in parts of 2^-20 s within the cubic function, so that its cube needs a shift
/// and no division.
const TICK_BITS: u32 = 20;
/// No stage is looked at beyond this time in nanoseconds (18 minutes): the cubic function is far
/// above every window by then, and products stay within 128 bits.
const LONGEST: u64 = 1 << 40;
/// W_est is kept in parts of 2^-12 bytes.
const PART_BITS: u32 = 12;

/// What outlives a stage of congestion avoidance.
#[derive(Debug, Default)]
pub(super) struct Cubic {
    /// W_max: the window before the last reduction, or less of it by fast convergence.
    w_max: u32,
    /// The window when ssthresh was set most recently.
    cwnd_prior: u32,
    /// The last congestion event was a time-out.
    by_timeout: bool,
    stage: Option<Stage>,
}

/// A stage of congestion avoidance: from one congestion event, or slow start, to the next.
#[derive(Debug)]
pub(super) struct Stage {
    /// t_epoch, later by what does not count.
    epoch: u64,
    /// Until when time is accounted for.
    last: u64,
    /// K, in ticks.
    k: u64,
    /// W_max of this stage.
    w_max: u32,
    /// W_est in parts of bytes.
    w_est: u64,
}

impl Cubic {
    /// One acknowledgement in congestion avoidance: the new window.
    pub(super) fn avoid(
        &mut self,
        cwnd: u32,
        acked: u32,
        sample: &AckSample,
        credit: &mut u32,
    ) -> u32 {
        let now = sample.now.as_nanos();
        let (w_max, by_timeout) = (self.w_max, self.by_timeout);
        let stage = self.stage.get_or_insert_with(|| {
            // RFC 9438 §4.8: in the first stage after a time-out K is 0 and W_max the window at
            // its beginning. So it is where the window is larger than it was before (and §4.10,
            // where there was no loss yet).
            let w_max = if by_timeout { cwnd } else { w_max.max(cwnd) };
            Stage::begin(now, cwnd, w_max, sample.mss)
        });
        stage.last = now;
        let w_est = stage.estimate(self.cwnd_prior, cwnd, acked, sample.mss);
        let elapsed = now.saturating_sub(stage.epoch);
        // RFC 9438 §4.3: where W_cubic(t) is less than W_est, the window is W_est. (It is never
        // lowered: §4.2 has the larger of the two.)
        if stage.window(elapsed, sample.mss) < w_est {
            *credit = 0;
            return cwnd.max(w_est);
        }
        // RFC 9438 §4.2: target = W_cubic(t + RTT), between cwnd and 1.5 * cwnd.
        let ahead = stage.window(elapsed.saturating_add(sample.srtt), sample.mss);
        let target = ahead.clamp(cwnd, cwnd.saturating_add(cwnd / 2));
        // RFC 9438 §4.4, §4.5: (target - cwnd)/cwnd for each acknowledgement of a segment; counted
        // in bytes, since one of ours may stand for many segments, or for less than one.
        let step = u64::from(target.saturating_sub(cwnd)).saturating_mul(u64::from(acked));
        let earned = step.saturating_add(u64::from(*credit));
        let divisor = u64::from(cwnd.max(1));
        let grown = earned.checked_div(divisor).unwrap_or(0);
        let left = earned.checked_rem(divisor).unwrap_or(0);
        *credit = u32::try_from(left).unwrap_or(0);
        cwnd.saturating_add(u32::try_from(grown).unwrap_or(u32::MAX)).min(target)
    }

    /// A congestion event: what ssthresh is to be, not yet at least two segments.
    pub(super) fn decrease(&mut self, cwnd: u32, flight: u32, by_timeout: bool) -> u32 {
        // RFC 9438 §4.7, fast convergence: a window below the last W_max says that others want
        // room: cwnd * (1 + beta_cubic) / 2.
        self.w_max = if cwnd < self.w_max { share(cwnd, 17, 20) } else { cwnd };
        // RFC 9438 §4.6: cwnd_prior = cwnd, ssthresh = flight_size * beta_cubic, which is 0.7.
        self.cwnd_prior = cwnd;
        self.by_timeout = by_timeout;
        self.stage = None;
        share(flight, 7, 10)
    }

    /// Slow start begins: congestion avoidance will be a stage of its own.
    pub(super) fn end_stage(&mut self) {
        self.stage = None;
    }

    // RFC 9438 §4.2: t must not include periods in which the window was not updated because the
    // application (or the peer's window, §5.8) was the limit.
    pub(super) fn pass_over(&mut self, now: Instant) {
        if let Some(stage) = &mut self.stage {
            let now = now.as_nanos();
            stage.epoch = stage.epoch.saturating_add(now.saturating_sub(stage.last));
            stage.last = now;
        }
    }
}

impl Stage {
    pub(super) fn begin(now: u64, cwnd: u32, w_max: u32, mss: u32) -> Self {
        Self {
            epoch: now,
            last: now,
            k: time_to(w_max.saturating_sub(cwnd), mss),
            w_max,
            w_est: u64::from(cwnd) << PART_BITS,
        }
    }

    // RFC 9438 §4.3, figure 4: W_est = W_est + alpha_cubic * segments_acked / cwnd, alpha_cubic =
    // 3 * (1 - 0.7) / (1 + 0.7) = 9/17, and 1 once W_est >= cwnd_prior. In bytes.
    fn estimate(&mut self, cwnd_prior: u32, cwnd: u32, acked: u32, mss: u32) -> u32 {
        let reached = self.w_est >> PART_BITS >= u64::from(cwnd_prior);
        let (times, over) = if reached { (1, 1) } else { (9, 17) };
        // No more than a window is acknowledged in a round trip, and a window has 30 bits.
        let acked = u64::from(acked.min(cwnd)).saturating_mul(u64::from(mss.min(65_535)));
        let whole = acked.saturating_mul(times).saturating_mul(1 << PART_BITS);
        let by = u64::from(cwnd.max(1)).saturating_mul(over);
        self.w_est = self.w_est.saturating_add(whole.checked_div(by).unwrap_or(0));
        u32::try_from(self.w_est >> PART_BITS).unwrap_or(u32::MAX)
    }

    // RFC 9438 §4.2, figure 1: W_cubic(t) = C * (t - K)^3 + W_max with C = 0.4, in bytes.
    fn window(&self, nanos: u64, mss: u32) -> u32 {
        let t = ticks(nanos);
        let cube = cube(t.abs_diff(self.k));
        let scaled = cube.saturating_mul(u128::from(mss).saturating_mul(2)) >> (3 * TICK_BITS);
        let distance = u32::try_from(scaled / 5).unwrap_or(u32::MAX);
        if t < self.k {
            self.w_max.saturating_sub(distance)
        } else {
            self.w_max.saturating_add(distance)
        }
    }
}

// RFC 9438 §4.2, figure 2: K = cubic root of ((W_max - cwnd_epoch) / C), in ticks.
fn time_to(bytes: u32, mss: u32) -> u64 {
    let scaled = u128::from(bytes).saturating_mul(5) << (3 * TICK_BITS);
    cubic_root(scaled.checked_div(u128::from(mss.max(1)).saturating_mul(2)).unwrap_or(0))
}

const fn ticks(nanos: u64) -> u64 {
    let nanos = if nanos > LONGEST { LONGEST } else { nanos };
    (nanos << TICK_BITS) / 1_000_000_000
}

fn cube(value: u64) -> u128 {
    let value = u128::from(value);
    value.saturating_mul(value).saturating_mul(value)
}

/// The largest number below 2^32 whose cube is at most `of`.
fn cubic_root(of: u128) -> u64 {
    (0..32).rev().fold(0, |root, bit| {
        let larger = root | 1u64 << bit;
        if cube(larger) <= of { larger } else { root }
    })
}

/// `value * times / over`.
fn share(value: u32, times: u64, over: u64) -> u32 {
    let product = u64::from(value).saturating_mul(times);
    product.checked_div(over).and_then(|it| u32::try_from(it).ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
