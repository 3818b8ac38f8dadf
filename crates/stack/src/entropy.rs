//! Two streams expanded from seeds that the caller gives: secret (ISNs, ports, cookies, hash
//! keys) and public (jitter). Draws nothing from the system.

use core::hash::Hasher;
use core::net::IpAddr;
use siphasher::sip::{SipHasher13, SipHasher24};

/// What [`Stack::new`](crate::Stack::new) and [`Stack::reseed`](crate::Stack::reseed) take: the
/// same seeds and the same inputs give the same bytes on the wire.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Seeds {
    /// For what an attacker must not guess. From the operating system in production.
    pub secret: [u8; 32],
    /// For what may be seen, such as jitter.
    pub public: [u8; 32],
}

impl Seeds {
    /// Seeds for tests and simulations, from one number.
    pub const fn from_u64(seed: u64) -> Self {
        Self { secret: widen(seed, 0x5a), public: widen(seed, 0xa5) }
    }
}

/// The seed's eight bytes, then the filling.
const fn widen(seed: u64, filling: u8) -> [u8; 32] {
    let [a, b, c, d, e, f, g, h] = seed.to_le_bytes();
    let x = filling;
    [a, b, c, d, e, f, g, h, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x]
}

impl core::fmt::Debug for Seeds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seeds(..)")
    }
}

/// A key of one purpose, for keyed hashes.
#[derive(Clone, Copy)]
pub(crate) struct HashKey(u64, u64);

impl HashKey {
    /// SipHash-2-4 for secrets that reach the wire (ISN, ports, cookies).
    pub(crate) fn secret_hasher(self) -> SipHasher24 {
        SipHasher24::new_with_keys(self.0, self.1)
    }

    /// SipHash-1-3 for tables.
    pub(crate) fn table_hasher(self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }

    /// The table hash of a pair of endpoints.
    pub(crate) fn hash_pair(
        self,
        local: core::net::SocketAddr,
        remote: core::net::SocketAddr,
    ) -> u64 {
        let mut hasher = self.table_hasher();
        write_address(&mut hasher, local.ip());
        write_address(&mut hasher, remote.ip());
        hasher.write_u32(u32::from(local.port()) << 16 | u32::from(remote.port()));
        hasher.finish()
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_u128(u128::from_le_bytes(bytes))
    }

    const fn from_u128(value: u128) -> Self {
        Self(value as u64, (value >> 64) as u64)
    }
}

/// Feeds an address to a hasher.
pub(crate) fn write_address(hasher: &mut impl Hasher, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => hasher.write_u32(v4.to_bits()),
        IpAddr::V6(v6) => {
            hasher.write_u64((v6.to_bits() >> 64) as u64);
            hasher.write_u64(v6.to_bits() as u64);
        }
    }
}

struct Stream {
    keys: [HashKey; 2],
    counter: u64,
}

impl Stream {
    fn new(seed: [u8; 32]) -> Self {
        let (low, high) = seed.split_at(16);
        let number =
            |bytes: &[u8]| bytes.iter().rev().fold(0, |n: u128, b| n << 8 | u128::from(*b));
        Self { keys: [low, high].map(|half| HashKey::from_u128(number(half))), counter: 0 }
    }

    fn next(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        self.keys.iter().fold(0, |mixed, key| {
            let mut hasher = key.secret_hasher();
            hasher.write_u64(self.counter);
            mixed ^ hasher.finish()
        })
    }
}

/// The stack's two streams.
pub(crate) struct Entropy {
    secret: Stream,
    public: Stream,
}

impl Entropy {
    pub(crate) fn new(seeds: Seeds) -> Self {
        Self { secret: Stream::new(seeds.secret), public: Stream::new(seeds.public) }
    }

    /// 64 bits that an attacker cannot guess.
    pub(crate) fn secret(&mut self) -> u64 {
        self.secret.next()
    }

    /// A key for one purpose.
    pub(crate) fn key(&mut self) -> HashKey {
        HashKey(self.secret.next(), self.secret.next())
    }

    /// 64 bits for jitter.
    pub(crate) fn public(&mut self) -> u64 {
        self.public.next()
    }

    /// A number below `bound` (0 if `bound` is 0), for jitter.
    pub(crate) fn public_below(&mut self, bound: u64) -> u64 {
        below(self.public(), bound)
    }

    /// A secret number below `bound` (0 if `bound` is 0).
    pub(crate) fn secret_below(&mut self, bound: u64) -> u64 {
        below(self.secret(), bound)
    }
}

/// Scales a random number to below `bound`.
fn below(random: u64, bound: u64) -> u64 {
    (u128::from(random).wrapping_mul(u128::from(bound)) >> 64) as u64
}
