//! Packets of the namespace that do not become the host's, by the reason's name. Counts only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many packets from or for a program's namespace were discarded, by reason. Clones are the
/// same list.
#[derive(Clone, Default, Debug)]
pub struct Discarded(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Discarded {
    pub(crate) fn count(&self, reason: &'static str) {
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reasons.entry(reason).or_default() += 1;
    }

    /// The reasons that occurred, and how often.
    pub fn reasons(&self) -> Vec<(&'static str, u64)> {
        let reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().map(|(reason, count)| (*reason, *count)).collect()
    }
}
