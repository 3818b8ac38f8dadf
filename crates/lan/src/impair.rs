//! A bad network on purpose: delay, jitter, loss, reordering, duplication, corruption, rate.
//!
//! [`Model`] is the pure core: time and seed are arguments, the same ones give the same outcome.
//! [`Impaired`] wraps an adapter with two of them, one for each direction. Neither reads a clock
//! or draws entropy. Neither offers any offload: what passes is first cut to frames as on a wire,
//! with complete checksums, so that 1 % loss is 1 % of MTU-sized packets and a flipped bit is
//! caught by the receiver's checksum. A [`LinkControl`] changes both while they are in use.

mod config;
mod control;
mod model;
mod random;
#[cfg(test)]
mod tests;
mod trace;
mod wrapper;

pub use config::{Bursts, Impairment, Loss};
pub use control::{LinkControl, LinkState, Way};
pub use model::{ImpairCounters, Model};
pub use trace::{OPPORTUNITY, Trace, TraceError};
pub use wrapper::Impaired;
