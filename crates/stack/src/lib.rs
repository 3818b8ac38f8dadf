//! A TCP/IP protocol stack as a value: frames, socket calls and time go in; frames, events and
//! the next deadline come out.
//!
//! It performs no I/O, reads no clock, draws no entropy, spawns nothing, never blocks, and does
//! not panic on input. [`Stack`] is where to start.
#![no_std]
#![forbid(unsafe_code)]
// Input must not be able to panic the stack: every index and every sum is a checked one.
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

mod buffer;
pub mod config;
mod core_state;
pub mod counters;
pub mod discard;
mod entropy;
pub mod event;
pub mod interface;
mod ip;
mod link;
mod packet;
pub mod record;
mod slab;
pub mod socket;
mod stack;
mod table;
mod tcp;
mod timer;
mod udp;
pub mod views;

pub use config::{Config, InterfaceConfig};
pub use danja_wire::{Frame, Instant, Payload};
pub use entropy::Seeds;
pub use event::{Event, Ready};
pub use interface::{InterfaceId, Medium, Room};
pub use socket::SocketId;
pub use stack::Stack;
pub use views::ControlInfo;

/// The README's example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
