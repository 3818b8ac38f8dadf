//! Records that wait in a line, first come first served, and may leave it from anywhere. Each
//! keeps its place itself. Holds no record.

use super::RecordId;
use alloc::collections::BTreeMap;

/// A record's place in a line; it is in one line at the most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Place(u64);

impl Place {
    /// In no line.
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// The line.
#[derive(Default)]
pub(super) struct Line {
    waiting: BTreeMap<u64, RecordId>,
    last: u64,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the last place.
    pub(super) fn join(&mut self, id: RecordId) -> Place {
        self.last = self.last.saturating_add(1);
        self.waiting.insert(self.last, id);
        Place(self.last)
    }

    /// Gives a place up.
    pub(super) fn leave(&mut self, place: &mut Place) {
        self.waiting.remove(&place.0);
        *place = Place::NONE;
    }

    /// Who is first.
    pub(super) fn first(&self) -> Option<RecordId> {
        self.waiting.first_key_value().map(|(_, id)| *id)
    }
}
