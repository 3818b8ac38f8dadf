//! The generator behind the dice: SplitMix64. Small, quick, the same everywhere; not secret.

/// A stream of numbers that its seed decides.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of this seed; near seeds give unrelated streams.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 even bits.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An even number below `bound`; 0 if `bound` is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product; off from even by less than bound / 2^64.
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// True with this probability. Draws nothing when it is 0 (or not a number).
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits, as many as a double holds.
        probability > 0.0
            && ((self.next() >> 11) as f64) * (1.0 / 9_007_199_254_740_992.0) < probability
    }
}
