//! What a recording wants to know of a host, beside what goes into its stack. Writes nothing.

use super::observe::LookupEvent;
use danja_stack::record::Tape;
use danja_stack::{Instant, SocketId};
use std::sync::{Arc, MutexGuard};

/// The recording as a host sees it.
pub(crate) trait Ledger: Send + Sync {
    /// Held while a host with an observer does something and tells it: so hosts of one recording
    /// tell things in the order in which they are recorded.
    fn turn(&self) -> MutexGuard<'_, ()>;

    /// What the host's stack is told next is an application's call of this socket (where there
    /// is one already). What the host does itself is not said here, as observers are not told.
    fn call(&self, host: u32, socket: Option<SocketId>);

    /// What observers are told that does not come from the stack.
    fn lookup(&self, host: u32, now: Instant, event: &LookupEvent<'_>);
}

/// A host's place in a recording.
pub(crate) struct Entered {
    /// For its stack.
    pub(crate) tape: Box<dyn Tape>,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// The host's number there.
    pub(crate) number: u32,
}

/// Enters a host of this name, the time of whose clock is this, into a recording.
pub(crate) type Enter = Box<dyn FnOnce(&str, Instant) -> Entered + Send>;
