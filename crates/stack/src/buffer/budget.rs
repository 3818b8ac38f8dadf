//! The one memory budget of a stack: what all queues of all sockets may hold, at true cost.

/// Bytes granted and the limit.
pub(crate) struct Budget {
    used: usize,
    limit: usize,
}

impl Budget {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { used: 0, limit }
    }

    /// Takes `bytes` if there is room.
    pub(crate) const fn try_take(&mut self, bytes: usize) -> bool {
        let wanted = self.used.saturating_add(bytes);
        if wanted > self.limit {
            return false;
        }
        self.used = wanted;
        true
    }

    /// Takes `bytes` whether there is room or not: for what is acknowledged already.
    pub(crate) const fn take(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes);
    }

    /// Gives `bytes` back.
    pub(crate) const fn give_back(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// Bytes taken.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// Under pressure (three quarters used): buffers do not grow, out-of-order data is pruned.
    pub(crate) const fn pressure(&self) -> bool {
        self.used > self.limit.saturating_sub(self.limit / 4)
    }
}
