//! Queues of payload slices: what is to be sent, what was received, in order and out of it, and
//! the one memory budget. Knows bytes and stream offsets, no segment.

mod assembler;
mod budget;
mod queue;
mod receive;
mod spare;
#[cfg(test)]
mod tests;

pub(crate) use budget::Budget;
pub(crate) use receive::{InOrder, ReceiveQueue};
pub(crate) use spare::{ROOM, Spare};

/// What is to be sent: writes below a segment or so are gathered.
pub(crate) type SendQueue = queue::Queue<2_048>;
