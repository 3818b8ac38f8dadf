//! Tests of tokio programs on several hosts with a bad network between them: in paused virtual
//! time, and the same each time.
//!
//! ```
//! use danja::tokio::{TcpListener, TcpStream};
//! use danja_test::World;
//! use std::time::Duration;
//!
//! # fn main() -> std::io::Result<()> {
//! let world = World::builder().loss(0.02).delay(Duration::from_millis(50)).seed(7);
//! world.run(async |world: World| {
//!     let listener = TcpListener::bind(&world.host("server"), "0.0.0.0:80").await?;
//!     let stream = TcpStream::connect(&world.host("client"), "server:80").await?;
//!     let (_accepted, peer) = listener.accept().await?;
//!     assert_eq!(peer, stream.local_addr()?);
//!     Ok(())
//! })
//! # }
//! ```
//!
//! **Time.** `tokio::time` and the hosts' protocol stacks live by one time, which passes only
//! when no task can go on. tokio's timers have a grain of one millisecond; the stacks' events
//! happen at their own nanoseconds, in order, and their clock is never more than one millisecond
//! behind tokio's.
//!
//! **The same each time.** All dice and all secrets of the stacks come from the world's seed, and
//! tasks run in one thread in a fixed order. What the program brings itself is not ours: the
//! order of `HashMap`s, other threads, and `tokio::select!`, which tries its branches in random
//! order (write `biased;` first in it; tokio's own seed for that order is an unstable feature).
//! Calls that block the thread would wait for ever: use [`danja::tokio`], and no real I/O.
#![forbid(unsafe_code)]

mod builder;
mod check;
mod clock;
mod engine;
mod gate;
mod machine;
mod record;
mod world;

pub use builder::Builder;
pub use check::{Outcome, check};
pub use danja;
pub use danja_test_macros::test;
pub use machine::Machine;
pub use world::World;

/// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
