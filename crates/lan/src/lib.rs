//! LAN drivers: move frames between a stack and an adapter. They interpret no protocol.
//!
//! One trait, [`Adapter`]; drivers are [`cable`], [`tap`], [`packet`] and [`uplink`], wrappers [`impair`] and [`capture`].
//! `unsafe` lives under `sys/` only.

pub mod adapter;
pub mod cable;
pub mod capture;
pub mod impair;
mod inlet;
mod mtu;
pub mod packet;
#[allow(unsafe_code, reason = "the one room for system calls")]
mod sys;
pub mod tap;
pub mod uplink;
mod wire_form;

pub use adapter::{Adapter, Capabilities, Counters, MacAddress, Medium, Readiness, Room};
pub use mtu::SmallerMtu;
pub use wire_form::on_the_wire;

#[cfg(test)]
#[path = "../tests/common/frames.rs"]
mod test_frames;

/// The README's examples are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
