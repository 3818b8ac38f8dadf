//! Worlds: hosts on one switched LAN with bad links, in virtual time, from one seed. Each host is
//! a [`Stack`]; each of its two link directions an impairment model. No threads, no I/O.
//!
//! The same seeds, workload and impairments give the same frames at the same times;
//! [`World::digest`] is a running hash of all of them.

mod agenda;
mod network;
pub mod random;
pub mod workload;

pub use network::{HostConfig, HostId, LinkCounters, World};

use danja_stack::{Event, Stack};
use danja_wire::Instant;

/// The programs of a world's hosts.
pub trait Programs {
    /// A socket of `host` became ready, or something else happened there.
    fn on_event(&mut self, host: HostId, stack: &mut Stack, event: Event, now: Instant);

    /// The moment that [`Self::next_timer`] named has come.
    fn on_timer(&mut self, host: HostId, stack: &mut Stack, now: Instant);

    /// When `host`'s programs want to be called next.
    fn next_timer(&self, host: HostId) -> Option<Instant>;
}
