//! How many errors a destination gets: a token bucket each, so that none shows what another got
//! (RFC 1812 §4.3.2.8; a shared count is a side channel, CVE-2020-25705's class).

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;
use danja_wire::Instant;

/// Destinations remembered; the one that was told least lately is forgotten for a new one.
const DESTINATIONS: usize = 1024;

struct Bucket {
    /// Nanoseconds' worth of errors that may be sent.
    credit: u64,
    updated: Instant,
}

/// Token buckets by destination.
pub(in crate::ip) struct ErrorLimits {
    buckets: BTreeMap<IpAddr, Bucket>,
    order: BTreeSet<(Instant, IpAddr)>,
}

impl ErrorLimits {
    pub(in crate::ip) const fn new() -> Self {
        Self { buckets: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Whether another error may go to `destination`: `rate` a second, saved up for a second.
    pub(super) fn allow(&mut self, destination: IpAddr, rate: u32, now: Instant) -> bool {
        const SECOND: u64 = 1_000_000_000;
        let Some(price) = SECOND.checked_div(u64::from(rate)) else { return false };
        let (credit, updated) = match self.buckets.get(&destination) {
            Some(bucket) => {
                let idle = now.saturating_since(bucket.updated).as_nanos();
                let idle = u64::try_from(idle).unwrap_or(u64::MAX);
                (bucket.credit.saturating_add(idle).min(SECOND), bucket.updated)
            }
            None => (SECOND, now),
        };
        let Some(left) = credit.checked_sub(price) else { return false };
        self.order.remove(&(updated, destination));
        self.order.insert((now, destination));
        self.buckets.insert(destination, Bucket { credit: left, updated: now });
        if self.buckets.len() > DESTINATIONS
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.buckets.remove(&oldest);
        }
        true
    }
}
