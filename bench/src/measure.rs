//! Samples of two things, taken in turns; their median and range.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Samples of one stack in one unit.
#[derive(Clone, Default, Debug)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    /// The middle one; of an even number, the mean of the middle two.
    #[must_use]
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match (sorted.len() % 2, sorted.get(middle)) {
            (_, None) => f64::NAN,
            (0, Some(upper)) => f64::midpoint(sorted[middle - 1], *upper),
            (_, Some(only)) => *only,
        }
    }

    /// The smallest and the largest.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        let sorted = self.sorted();
        let ends = sorted.first().zip(sorted.last());
        ends.map_or((f64::NAN, f64::NAN), |(first, last)| (*first, *last))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// How long `work` takes of this thread's processor time: what other programs do meanwhile
/// costs it caches, but is not counted.
pub fn time(work: impl FnOnce()) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        // Neither is ever negative on this clock.
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let begin = now();
    work();
    now().saturating_sub(begin)
}

/// Takes `runs` samples of each in turns; the one that begins changes from turn to turn, so that
/// a machine that grows slower is unkind to both.
pub fn interleave(
    runs: usize,
    mut ours: impl FnMut() -> f64,
    mut theirs: impl FnMut() -> f64,
) -> [Samples; 2] {
    let mut samples = [Samples::default(), Samples::default()];
    for run in 0..runs {
        for turn in 0..2 {
            let which = (run + turn) % 2;
            samples[which].0.push(if which == 0 { ours() } else { theirs() });
        }
    }
    samples
}
