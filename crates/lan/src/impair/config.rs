//! What can be wrong with a link, as numbers. Does nothing itself; parses nothing.

use core::time::Duration;

/// Loss in bursts: the Gilbert–Elliott model, a link that is now good and now bad.
///
/// For each frame the link first changes its state with the probability given, then loses the
/// frame with the probability of its state. All are probabilities from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Bursts {
    /// From good to bad, for each frame.
    pub enter: f64,
    /// From bad to good, for each frame; its inverse is the mean length of a bad time in frames.
    pub leave: f64,
    /// Loss while good.
    pub loss_good: f64,
    /// Loss while bad.
    pub loss_bad: f64,
}

impl Bursts {
    /// A link that loses nothing while good and everything while bad.
    pub const fn new(enter: f64, leave: f64) -> Self {
        Self { enter, leave, loss_good: 0.0, loss_bad: 1.0 }
    }

    /// The share `loss` (below 1) of all frames is lost, in bursts of `length` frames in the mean
    /// (at least 1). Bursts are longer where so many losses cannot be had in such short ones:
    /// between two of them at least one frame passes.
    pub fn with_mean(loss: f64, length: f64) -> Self {
        let loss = loss.clamp(0.0, 0.999_999);
        let ratio = loss / (1.0 - loss);
        // Of all frames, enter / (enter + leave) are lost, and `enter` is 1 at the most.
        let leave = 1.0 / length.max(1.0).max(ratio);
        Self::new((leave * ratio).min(1.0), leave)
    }

    /// The same with these losses while good and while bad.
    #[must_use]
    pub const fn with_losses(self, loss_good: f64, loss_bad: f64) -> Self {
        Self { loss_good, loss_bad, ..self }
    }
}

/// How frames are lost.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub enum Loss {
    /// Not at all.
    #[default]
    None,
    /// Each with this probability (0 to 1), whatever happened to the others.
    Random(f64),
    /// In bursts.
    Bursts(Bursts),
}

/// What is wrong with one direction of a link. The default is: nothing.
///
/// A frame meets them in this order: the queue before the slow link (`limit`), the link's `rate`,
/// `loss`, `corrupt`, `duplicate`, then `delay` with `jitter`, or `reorder`.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Impairment {
    /// From leaving the link to arriving.
    pub delay: Duration,
    /// Each frame's delay is drawn evenly from `delay` ± `jitter` (never below zero). Frames keep
    /// their order all the same, as on a path without parallel ways: see `reorder`.
    pub jitter: Duration,
    /// Frames that never arrive.
    pub loss: Loss,
    /// Probability (0 to 1) that a frame is held back by `hold` so that later ones overtake it.
    pub reorder: f64,
    /// How long a reordered frame is held back beyond its delay. 1 ms.
    pub hold: Duration,
    /// Probability (0 to 1) that a frame arrives twice.
    pub duplicate: f64,
    /// Probability (0 to 1) that one bit of a frame, any of its bits, arrives flipped.
    pub corrupt: f64,
    /// Bits per second of frame bytes (link header included, preamble and checksum not).
    pub rate: Option<u64>,
    /// Frames that wait for the link, the one being sent included; more are dropped. Has an
    /// effect only with a `rate`. 1000, as Linux's `netem` has it.
    pub limit: usize,
    /// Frames under way at once; more are dropped. It bounds memory: 65,536, which is 1 s at
    /// 780 Mbit/s of large frames.
    pub in_flight: usize,
}

impl Default for Impairment {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::None,
            reorder: 0.0,
            hold: Duration::from_millis(1),
            duplicate: 0.0,
            corrupt: 0.0,
            rate: None,
            limit: 1000,
            in_flight: 65_536,
        }
    }
}

impl Impairment {
    /// The same with this [`Self::delay`].
    #[must_use]
    pub const fn with_delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same with this [`Self::jitter`].
    #[must_use]
    pub const fn with_jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// The same with random loss of this probability (0 to 1).
    #[must_use]
    pub const fn with_loss(self, probability: f64) -> Self {
        Self { loss: Loss::Random(probability), ..self }
    }

    /// The same with loss in bursts.
    #[must_use]
    pub const fn with_bursts(self, bursts: Bursts) -> Self {
        Self { loss: Loss::Bursts(bursts), ..self }
    }

    /// The same with this probability (0 to 1) of [`Self::reorder`]ing.
    #[must_use]
    pub const fn with_reorder(self, probability: f64) -> Self {
        Self { reorder: probability, ..self }
    }

    /// The same with reordered frames held back for this long.
    #[must_use]
    pub const fn with_hold(self, hold: Duration) -> Self {
        Self { hold, ..self }
    }

    /// The same with this probability (0 to 1) of [`Self::duplicate`]s.
    #[must_use]
    pub const fn with_duplicate(self, probability: f64) -> Self {
        Self { duplicate: probability, ..self }
    }

    /// The same with this probability (0 to 1) of a flipped bit in a frame.
    #[must_use]
    pub const fn with_corrupt(self, probability: f64) -> Self {
        Self { corrupt: probability, ..self }
    }

    /// The same with this [`Self::rate`], in bits per second; 0 is no limit.
    #[must_use]
    pub const fn with_rate(self, bits_per_second: u64) -> Self {
        let rate = if bits_per_second == 0 { None } else { Some(bits_per_second) };
        Self { rate, ..self }
    }

    /// The same with this queue [`Self::limit`], in frames.
    #[must_use]
    pub const fn with_limit(self, frames: usize) -> Self {
        Self { limit: frames, ..self }
    }

    /// Whether it changes nothing.
    pub fn is_none(&self) -> bool {
        let plain = Self {
            hold: self.hold,
            limit: self.limit,
            in_flight: self.in_flight,
            ..Self::default()
        };
        *self == plain
    }
}
