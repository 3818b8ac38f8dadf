//! Flows of datagrams, which nobody ends: found by key and by number, and ended by time, as in a
//! NAT (RFC 4787 REQ-5: no sooner than after two minutes, once there was an answer), or by newer
//! ones. Moves nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How long a flow lives without an answer, and after the last packet of one that had one: Linux's
/// conntrack has 30 and 120 seconds.
const UNANSWERED: Duration = Duration::from_secs(30);
const ANSWERED: Duration = Duration::from_secs(120);

/// At most `limit` flows, each with a number that no other ever has.
pub(super) struct Table<K, F> {
    limit: usize,
    next: u64,
    flows: HashMap<u64, Lived<K, F>>,
    numbers: HashMap<K, u64>,
    /// Flows by the time of a use; who was used again since is put at the end.
    ages: VecDeque<(Instant, u64)>,
}

struct Lived<K, F> {
    key: K,
    used: Instant,
    answered: bool,
    flow: F,
}

impl<K: Copy + Eq + Hash, F> Table<K, F> {
    /// Numbers begin behind `first`.
    pub(super) fn new(limit: usize, first: u64) -> Self {
        Self {
            limit,
            next: first,
            flows: HashMap::new(),
            numbers: HashMap::new(),
            ages: VecDeque::new(),
        }
    }

    /// The flow of this key.
    pub(super) fn number(&self, key: &K) -> Option<u64> {
        self.numbers.get(key).copied()
    }

    /// A flow's place, however it was used.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut F> {
        self.flows.get_mut(&number).map(|lived| &mut lived.flow)
    }

    /// A flow that is used now, by who began it or, if `answer`, by the other side.
    pub(super) fn used(&mut self, number: u64, answer: bool) -> Option<&mut F> {
        let lived = self.flows.get_mut(&number)?;
        lived.used = Instant::now();
        lived.answered |= answer;
        Some(&mut lived.flow)
    }

    /// The number of the next flow.
    pub(super) const fn reserve(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether a new flow must wait for [`Self::evict`].
    pub(super) fn is_full(&self) -> bool {
        self.flows.len() >= self.limit
    }

    pub(super) fn insert(&mut self, number: u64, key: K, flow: F) {
        let used = Instant::now();
        self.flows.insert(number, Lived { key, used, answered: false, flow });
        self.numbers.insert(key, number);
        self.ages.push_back((used, number));
    }

    /// Ends the flow that was not used for the longest time; `false` if there is none.
    pub(super) fn evict(&mut self) -> bool {
        while let Some((used, number)) = self.ages.pop_front() {
            let Some(lived) = self.flows.get(&number) else { continue };
            if lived.used > used {
                self.ages.push_back((lived.used, number));
                continue;
            }
            self.close(number);
            return true;
        }
        false
    }

    /// Ends one.
    pub(super) fn close(&mut self, number: u64) {
        if let Some(lived) = self.flows.remove(&number) {
            self.numbers.remove(&lived.key);
        }
    }

    /// Ends the flows whose time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        let over = |lived: &Lived<K, F>| {
            let patience = if lived.answered { ANSWERED } else { UNANSWERED };
            now.saturating_duration_since(lived.used) > patience
        };
        let flows = self.flows.iter();
        let ended: Vec<u64> =
            flows.filter(|(_, lived)| over(lived)).map(|(number, _)| *number).collect();
        ended.into_iter().for_each(|number| self.close(number));
        // Who has ended is forgotten here, too.
        let flows = &self.flows;
        self.ages.retain(|(_, number)| flows.contains_key(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(table: &mut Table<char, ()>, key: char) -> u64 {
        let number = table.reserve();
        table.insert(number, key, ());
        number
    }

    #[test]
    fn the_flow_that_was_not_used_for_the_longest_time_gives_way() {
        let mut table = Table::new(3, 7);
        let [a, b, c] = ['a', 'b', 'c'].map(|key| add(&mut table, key));
        assert_eq!((a, table.is_full()), (8, true));
        std::thread::sleep(Duration::from_millis(2));
        assert!(table.used(a, false).is_some() && table.used(b, true).is_some());
        assert!(table.evict());
        assert_eq!((table.number(&'c'), table.get_mut(c)), (None, None));
        assert!(table.evict());
        assert_eq!((table.number(&'a'), table.number(&'b')), (None, Some(b)));
        assert!(table.evict() && !table.evict());
        assert!(add(&mut table, 'c') > c, "no number comes twice");
    }

    #[test]
    fn a_flow_ends_after_thirty_seconds_or_two_minutes_if_it_was_answered() {
        let mut table = Table::new(3, 0);
        let [asked, answered] = ['a', 'b'].map(|key| add(&mut table, key));
        table.used(answered, true);
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        table.expire(later(29));
        assert!(table.get_mut(asked).is_some());
        table.expire(later(31));
        assert_eq!((table.number(&'a'), table.number(&'b')), (None, Some(answered)));
        table.expire(later(119));
        assert!(table.get_mut(answered).is_some());
        table.expire(later(121));
        assert!(table.get_mut(answered).is_none() && !table.evict());
    }
}
