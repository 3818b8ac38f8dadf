//! The one memory budget of a stack: what all queues of all sockets may hold, at true cost.

/// Bytes granted and the limit.
pub(crate) struct Budget {
    used: usize,
    limit: usize,
    /// Bytes given back that nobody was woken for.
    freed: usize,
    short: bool,
}

impl Budget {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { used: 0, limit, freed: 0, short: false }
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

    /// Bytes that may still be taken.
    pub(crate) const fn left(&self) -> usize {
        self.limit.saturating_sub(self.used)
    }

    /// Bytes that what is to be sent may still take: up to pressure, so that there is always
    /// room to receive what makes others' queues shrink.
    pub(crate) const fn left_for_sending(&self) -> usize {
        self.comfort().saturating_sub(self.used)
    }

    const fn comfort(&self) -> usize {
        self.limit.saturating_sub(self.limit / 4)
    }

    /// Takes `bytes` whether there is room or not: for what is acknowledged already.
    pub(crate) const fn take(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes);
    }

    /// Gives `bytes` back.
    pub(crate) const fn give_back(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
        let freed = self.freed.saturating_add(bytes);
        self.freed = if freed < self.limit { freed } else { self.limit };
    }

    /// Nobody waits: what was given back so far wakes nobody.
    pub(crate) const fn forget_freed(&mut self) {
        self.freed = 0;
    }

    /// Whether `bytes` were given back, and are there, for a writer who waits; what was given back
    /// wakes only once.
    pub(crate) const fn grant(&mut self, bytes: usize) -> bool {
        let granted = self.freed >= bytes && self.left_for_sending() >= bytes;
        if granted {
            self.freed = self.freed.saturating_sub(bytes);
        }
        granted
    }

    /// Bytes taken.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// Under pressure (three quarters used): buffers do not grow, out-of-order data is pruned.
    pub(crate) const fn pressure(&self) -> bool {
        self.used > self.comfort()
    }

    /// What came in found no room.
    pub(crate) const fn refused(&mut self) {
        self.short = true;
    }

    /// Whether something found no room, and there is not an eighth free again since.
    pub(crate) const fn is_short(&mut self) -> bool {
        self.short &= self.left() < self.limit / 8;
        self.short
    }
}
