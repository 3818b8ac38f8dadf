//! Starts any unmodified program with its sockets on a [`Host`](danja::Host).
//!
//! Two ways lead from a system call to the host, see [`Intercept`]. Interprets no protocol, and
//! reaches into no stack past the socket library. `unsafe` is in `sys` alone.

mod intercept;
mod launch;
pub mod notify;
mod probe;
mod program;
#[allow(unsafe_code, reason = "the one room for system calls")]
pub mod sys;
mod under;

pub use intercept::Intercept;
pub use launch::{Ended, LaunchError, Launcher, Mode, Parked, Running};
pub use probe::{Outcome, Probes, Way, setting};
pub use program::{Program, ProgramError};
pub use sys::signals::unblock_signals;
pub use under::Discarded;

/// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
