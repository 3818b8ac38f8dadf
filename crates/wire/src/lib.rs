//! TCP/IP wire formats: bytes to values and back. Knows no state, no socket and no clock.
//!
//! Every format has a *value* (`Header`, `Message`: the valid subset, with `parse` and `emit`)
//! and, where fields are read in place, a *view*. Parsing is total: hostile bytes give an
//! [`Error`], never a panic; `emit` then `parse` gives the value back.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod ethernet;
pub mod frame;
pub mod payload;
pub mod time;

pub use frame::{ChecksumState, Frame, Offload};
pub use payload::Payload;
pub use time::Instant;
