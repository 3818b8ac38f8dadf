//! What goes into a stack as values, and a stack that tells them: since its doors are all there
//! is, whoever keeps them can do everything again, to the same bytes. Writes no file.
//!
//! [`Recorded`] is a [`Stack`](crate::Stack) that tells a [`Tape`] each [`Input`] before it
//! happens and each [`Output`] after it. The same inputs given to another stack
//! ([`Recorded::apply`]) lead to the same outputs, or something is not as it was.
//!
//! With the feature `serde` both can be written and read. Payload, and the seeds from which the
//! stack's secrets follow, are part of the inputs: keep them as you would keep a key.

mod apply;
mod doors;
mod input;
mod output;
#[cfg(test)]
mod tests;

pub use apply::Came;
pub use doors::Recorded;
pub use input::Input;
pub use output::{Output, Sum};

use danja_wire::Instant;

/// Who is told what goes into a stack and what comes out of it.
pub trait Tape: Send {
    /// This is about to go in. (If the stack then panics, it was the last.)
    fn input(&mut self, now: Instant, input: &Input);

    /// This came of it.
    fn output(&mut self, output: &Output);
}
