//! Who is to be called next, and when. Ties go to the lower number, so that order is decided by
//! nothing but times and numbers.

use danja_wire::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Appointments, at most one for each actor.
#[derive(Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The appointment of each actor that counts; others in the heap are old.
    when: Vec<Option<Instant>>,
}

impl Agenda {
    /// Sets or cancels an actor's appointment.
    pub(super) fn set(&mut self, actor: usize, when: Option<Instant>) {
        if self.when.len() <= actor {
            self.when.resize(actor + 1, None);
        }
        if self.when[actor] != when {
            self.when[actor] = when;
            if let Some(when) = when {
                self.heap.push(Reverse((when, actor)));
            }
        }
    }

    /// The next appointment by `until`, which is over with this.
    pub(super) fn next(&mut self, until: Instant) -> Option<(Instant, usize)> {
        loop {
            let Reverse((when, actor)) = *self.heap.peek()?;
            if when > until {
                return None;
            }
            self.heap.pop();
            if self.when[actor] == Some(when) {
                self.when[actor] = None;
                return Some((when, actor));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Agenda;
    use danja_wire::Instant;

    #[test]
    fn order_changes_and_cancellation() {
        let at = Instant::from_secs;
        let mut agenda = Agenda::default();
        agenda.set(2, Some(at(5)));
        agenda.set(1, Some(at(5)));
        agenda.set(0, Some(at(9)));
        agenda.set(3, Some(at(1)));
        agenda.set(3, None);
        agenda.set(0, Some(at(2)));
        agenda.set(4, Some(at(7)));
        assert_eq!(agenda.next(at(6)), Some((at(2), 0)));
        assert_eq!(agenda.next(at(6)), Some((at(5), 1)));
        agenda.set(1, Some(at(5)));
        assert_eq!(agenda.next(at(6)), Some((at(5), 1)));
        assert_eq!(agenda.next(at(6)), Some((at(5), 2)));
        assert_eq!(agenda.next(at(6)), None);
        assert_eq!(agenda.next(at(9)), Some((at(7), 4)));
        assert_eq!(agenda.next(at(99)), None);
    }
}
