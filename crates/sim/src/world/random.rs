//! The generator of worlds: SplitMix64. Small, quick, the same everywhere; not secret.

/// A stream of numbers that its seed decides.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of this seed; near seeds give unrelated streams.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 even bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// An even number below `bound`; 0 if `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product; off from even by less than bound / 2^64.
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }

    /// An even number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// The same for a size.
    pub const fn size(&mut self, low: usize, high: usize) -> usize {
        self.between(low as u64, high as u64) as usize
    }

    /// A size from 1 to `high` whose order of magnitude is even: small ones are as likely as
    /// large ones.
    pub const fn magnitude(&mut self, high: usize) -> usize {
        let bits = usize::BITS - high.leading_zeros();
        let top = 1u64 << self.below(bits as u64 + 1);
        let size = self.between(1, if top < 2 { 2 } else { top }) as usize;
        if size > high { high } else { size }
    }

    /// True in this many of a hundred cases.
    pub const fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of them; the first if `choices` has none is impossible by type.
    pub fn pick<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        const { assert!(N > 0, "nothing to pick from") };
        choices[self.below(N as u64) as usize]
    }

    /// 32 bytes.
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        for word in key.chunks_exact_mut(8) {
            word.copy_from_slice(&self.bits().to_le_bytes());
        }
        key
    }

    /// A stream of its own for one purpose, so that drawing from it leaves this one as it is.
    #[must_use]
    pub const fn fork(&mut self) -> Self {
        Self(self.bits())
    }
}

/// One word from one word, each bit of which depends on all bits.
pub(super) const fn mix(word: u64) -> u64 {
    let mut mixed = word;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
