//! Connections whose ports others use by now: what was seen of them is kept as it was then.
//! Judges nothing.

use super::{Ends, Way};
use danja_wire::Instant;
use danja_wire::tcp::SeqNumber;
use std::collections::BTreeMap;

/// Both ways of a connection.
type Pair = [Option<Way>; 2];

/// All of them, by the ends of who called last.
#[derive(Debug)]
pub(super) struct Former(BTreeMap<Ends, Vec<Pair>>);

impl Former {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Keeps both ways, the first from `ends.0` to `ends.1`.
    pub(super) fn keep(&mut self, ends: Ends, mut pair: Pair, now: Instant) {
        if pair.iter().all(Option::is_none) {
            return;
        }
        pair.iter_mut().flatten().for_each(|way| way.over = Some(now));
        self.0.entry(ends).or_default().push(pair);
    }

    /// One way of the connection in which somebody's first number was this.
    pub(super) fn find(&self, ends: Ends, call: SeqNumber) -> Option<&Way> {
        let of = |ends: Ends, place: usize| {
            let pairs = self.0.get(&ends).into_iter().flatten().rev();
            let mut is_it = pairs.filter(|pair| pair.iter().flatten().any(|way| way.first == call));
            is_it.find_map(|pair| pair[place].as_ref())
        };
        of(ends, 0).or_else(|| of((ends.1, ends.0), 1))
    }
}
