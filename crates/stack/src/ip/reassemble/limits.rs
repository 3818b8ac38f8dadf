//! What reassembly holds, in all and for each source, and which datagram is the oldest.

use crate::slab::Key;
use alloc::collections::{BTreeMap, BTreeSet};
use core::net::Ipv4Addr;
use danja_wire::Instant;

/// Bytes held (at their true cost) and the order of giving up.
pub(super) struct Held {
    total: usize,
    by_source: BTreeMap<Ipv4Addr, Source>,
    order: BTreeSet<(Instant, Key)>,
}

#[derive(Default)]
struct Source {
    bytes: usize,
    order: BTreeSet<(Instant, Key)>,
}

impl Held {
    pub(super) const fn new() -> Self {
        Self { total: 0, by_source: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// A datagram begins.
    pub(super) fn insert(&mut self, key: Key, source: Ipv4Addr, began: Instant, cost: usize) {
        self.order.insert((began, key));
        self.by_source.entry(source).or_default().order.insert((began, key));
        self.change(source, 0, cost);
    }

    /// What a datagram costs has changed.
    pub(super) fn change(&mut self, source: Ipv4Addr, before: usize, after: usize) {
        self.total = self.total.saturating_sub(before).saturating_add(after);
        if let Some(of_source) = self.by_source.get_mut(&source) {
            of_source.bytes = of_source.bytes.saturating_sub(before).saturating_add(after);
        }
    }

    /// A datagram ends.
    pub(super) fn remove(&mut self, key: Key, source: Ipv4Addr, began: Instant, cost: usize) {
        self.change(source, cost, 0);
        self.order.remove(&(began, key));
        if let Some(of_source) = self.by_source.get_mut(&source) {
            of_source.order.remove(&(began, key));
            if of_source.order.is_empty() {
                self.by_source.remove(&source);
            }
        }
    }

    pub(super) const fn total(&self) -> usize {
        self.total
    }

    pub(super) fn of_source(&self, source: Ipv4Addr) -> usize {
        self.by_source.get(&source).map_or(0, |of_source| of_source.bytes)
    }

    /// The datagram that was begun first.
    pub(super) fn oldest(&self) -> Option<Key> {
        self.order.first().map(|(_, key)| *key)
    }

    /// The same among those of one source.
    pub(super) fn oldest_of(&self, source: Ipv4Addr) -> Option<Key> {
        self.by_source.get(&source)?.order.first().map(|(_, key)| *key)
    }
}
