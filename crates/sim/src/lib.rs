//! Simulation for the Danja stack: everything here runs in virtual time, from one seed, in one
//! thread. It opens no socket, reads no clock and executes no command.
//!
//! [`world`] is many hosts on impaired links; [`packetdrill`] reads and runs scripts of the
//! packetdrill language.
#![forbid(unsafe_code)]

pub mod packetdrill;
pub mod world;

/// The README's examples are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
