//! The same bodies over the kernel's sockets on loopback and over ours: what a program sees must
//! be equal. The bodies know `World` only, and the types of its module.
#![allow(clippy::duplicate_mod, reason = "the same bodies, with another World each time")]

#[path = "../common/mod.rs"]
mod common;

mod danja_on_a_cable;
mod danja_on_loopback;
mod kernel;
