//! TCP/IP wire formats: bytes to values and back. Knows no state, no socket and no clock.
//!
//! Every format has a *value* (`Header`, `Packet`, `Message`: the valid subset, with `parse` and
//! `emit`); what is read in place is a *view* (an iterator or a struct with a lifetime). Parsing
//! is total: hostile bytes give an [`Error`], never a panic; `emit` then `parse` gives the value
//! back.
#![no_std]
#![forbid(unsafe_code)]
// Bytes from a wire must not be able to panic: every index and every sum is a checked one.
// Tests may unwrap what they have built themselves.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::std_instead_of_core
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub mod arp;
pub mod bytes;
pub mod checksum;
pub mod describe;
pub mod error;
pub mod ethernet;
pub mod frame;
pub mod icmpv4;
pub mod igmp;
pub mod ip;
pub mod ipv4;
pub mod offload;
pub mod payload;
#[cfg(test)]
mod strategies;
pub mod tcp;
pub mod time;
pub mod udp;

pub use error::Error;
pub use frame::{ChecksumState, Frame, Offload};
pub use payload::Payload;
pub use time::Instant;
