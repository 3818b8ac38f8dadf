//! Queues of payload slices: what is to be sent, what was received, in order and out of it, and
//! the one memory budget. Knows bytes and sequence offsets, no segment.

mod budget;

pub(crate) use budget::Budget;
