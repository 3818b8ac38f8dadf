//! A hash index from keyed hashes to `u32` values that grows by linear hashing: one bucket is
//! split an insertion, so no single event pays for the whole table. Never iterated in an
//! order that depends on the hash.

use alloc::vec::Vec;

#[cfg(test)]
mod tests;

const NONE: u32 = u32::MAX;
const FIRST_BUCKETS: usize = 16;
const PAGE: usize = 4096;

struct Node {
    hash: u64,
    value: u32,
    next: u32,
}

/// Maps hashes to values; the caller compares keys. Chains are short because hashes are keyed.
pub(crate) struct Index {
    buckets: Paged,
    nodes: Vec<Vec<Node>>,
    node_count: usize,
    free: u32,
    len: usize,
    /// Buckets at the start of this round of doubling.
    round: usize,
    /// The next bucket to split.
    split: usize,
}

/// A vector of `u32` in pages, so that growing moves nothing.
struct Paged {
    pages: Vec<Vec<u32>>,
    len: usize,
}

impl Paged {
    fn push(&mut self, value: u32) {
        if self.len.is_multiple_of(PAGE) {
            // The first page grows as a vector does: a small stack stays small.
            let capacity = if self.pages.is_empty() { FIRST_BUCKETS } else { PAGE };
            self.pages.push(Vec::with_capacity(capacity));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(value);
            self.len = self.len.saturating_add(1);
        }
    }

    fn get(&self, at: usize) -> u32 {
        self.pages.get(at / PAGE).and_then(|page| page.get(at % PAGE)).copied().unwrap_or(NONE)
    }

    fn set(&mut self, at: usize, value: u32) {
        if let Some(entry) = self.pages.get_mut(at / PAGE).and_then(|page| page.get_mut(at % PAGE))
        {
            *entry = value;
        }
    }
}

impl Index {
    pub(crate) fn new() -> Self {
        let mut buckets = Paged { pages: Vec::new(), len: 0 };
        (0..FIRST_BUCKETS).for_each(|_| buckets.push(NONE));
        Self {
            buckets,
            nodes: Vec::new(),
            node_count: 0,
            free: NONE,
            len: 0,
            round: FIRST_BUCKETS,
            split: 0,
        }
    }

    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    fn bucket(&self, hash: u64) -> usize {
        // `round` is a power of two.
        let low = (hash as usize) & self.round.wrapping_sub(1);
        if low < self.split {
            (hash as usize) & self.round.wrapping_mul(2).wrapping_sub(1)
        } else {
            low
        }
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize / PAGE)?.get(at as usize % PAGE)
    }

    fn node_mut(&mut self, at: u32) -> Option<&mut Node> {
        self.nodes.get_mut(at as usize / PAGE)?.get_mut(at as usize % PAGE)
    }

    /// The value with this hash for which `is_it` says yes.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.buckets.get(self.bucket(hash));
        while let Some(node) = self.node(at) {
            if node.hash == hash && is_it(node.value) {
                return Some(node.value);
            }
            at = node.next;
        }
        None
    }

    /// Adds a value; the caller has made sure that its key is not there.
    pub(crate) fn insert(&mut self, hash: u64, value: u32) {
        let bucket = self.bucket(hash);
        let node = Node { hash, value, next: self.buckets.get(bucket) };
        let at = self.store(node);
        self.buckets.set(bucket, at);
        self.len = self.len.saturating_add(1);
        if self.len > self.buckets.len {
            self.split_one();
        }
    }

    fn store(&mut self, node: Node) -> u32 {
        let at = self.free;
        if let Some(place) = self.node_mut(at) {
            let next = place.next;
            *place = node;
            self.free = next;
            return at;
        }
        if self.node_count.is_multiple_of(PAGE) {
            let capacity = if self.nodes.is_empty() { 0 } else { PAGE };
            self.nodes.push(Vec::with_capacity(capacity));
        }
        let at = u32::try_from(self.node_count).unwrap_or(NONE);
        if let Some(page) = self.nodes.last_mut() {
            page.push(node);
            self.node_count = self.node_count.saturating_add(1);
        }
        at
    }

    /// Removes the value with this hash; says whether it was there.
    pub(crate) fn remove(&mut self, hash: u64, value: u32) -> bool {
        let bucket = self.bucket(hash);
        let mut before = NONE;
        let mut at = self.buckets.get(bucket);
        while let Some(node) = self.node(at) {
            let next = node.next;
            if node.hash == hash && node.value == value {
                match self.node_mut(before) {
                    Some(previous) => previous.next = next,
                    None => self.buckets.set(bucket, next),
                }
                let free = self.free;
                if let Some(node) = self.node_mut(at) {
                    node.next = free;
                }
                self.free = at;
                self.len = self.len.saturating_sub(1);
                return true;
            }
            before = at;
            at = next;
        }
        false
    }

    fn split_one(&mut self) {
        let old = self.split;
        let new = self.buckets.len;
        self.buckets.push(NONE);
        self.split = self.split.saturating_add(1);
        let mut at = self.buckets.get(old);
        let (mut stay, mut go) = (NONE, NONE);
        while let Some(node) = self.node(at) {
            let next = node.next;
            let moves = (node.hash as usize) & self.round != 0;
            let head = if moves { &mut go } else { &mut stay };
            let previous = core::mem::replace(head, at);
            if let Some(node) = self.node_mut(at) {
                node.next = previous;
            }
            at = next;
        }
        self.buckets.set(old, stay);
        self.buckets.set(new, go);
        if self.split == self.round {
            self.round = self.round.saturating_mul(2);
            self.split = 0;
        }
    }
}
