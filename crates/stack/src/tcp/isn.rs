//! Initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323 §5.4): keyed, one per pair
//! of endpoints. Draws nothing but its keys.

use crate::entropy::{Entropy, HashKey, write_address};
use core::hash::Hasher;
use core::net::SocketAddr;
use danja_wire::Instant;
use danja_wire::tcp::SeqNumber;

/// The keys.
pub(super) struct Isn {
    sequence: HashKey,
    timestamp: HashKey,
}

pub(super) fn hash_pair(key: HashKey, local: SocketAddr, remote: SocketAddr) -> u64 {
    let mut hasher = key.secret_hasher();
    write_address(&mut hasher, local.ip());
    write_address(&mut hasher, remote.ip());
    hasher.write_u16(local.port());
    hasher.write_u16(remote.port());
    hasher.finish()
}

impl Isn {
    pub(super) fn new(entropy: &mut Entropy) -> Self {
        Self { sequence: entropy.key(), timestamp: entropy.key() }
    }

    // RFC 9293 §3.4.1 (MUST-8, MUST-9, SHLD-1), RFC 6528 §3: ISN = M + F(localip, localport, remoteip, remoteport, secretkey), where M is
    // the 4 microsecond timer.
    pub(super) fn generate(
        &self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> SeqNumber {
        let clock = (now.as_nanos() / 4_000) as u32;
        SeqNumber(clock.wrapping_add(hash_pair(self.sequence, local, remote) as u32))
    }

    /// What is added to the millisecond clock in this connection's timestamps.
    pub(super) fn timestamp_offset(&self, local: SocketAddr, remote: SocketAddr) -> u32 {
        hash_pair(self.timestamp, local, remote) as u32
    }
}
