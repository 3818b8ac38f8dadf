//! LAN drivers: move frames between a stack and an adapter. They interpret no protocol.
//!
//! `unsafe` lives under `sys/` only.

pub mod adapter;
pub mod cable;
pub mod impair;

pub use adapter::{Adapter, Capabilities, Counters, MacAddress, Medium, Readiness, Room};
