//! Danja and the Linux kernel at the two ends of a TAP device, with real programs on both sides.
//!
//! Each test has a network namespace of its own, made without privileges where the system lets
//! ordinary users make one. Nothing outside it is touched, and it is gone with the test.

mod bulk;
mod capture;
mod dhcp;
mod endpoints;
mod errors;
mod inside;
mod java;
mod link;
mod many;
mod names;
mod namespace;
mod nic;
mod ping;
mod program;
mod server;
#[path = "../../../../tests/skip.rs"]
mod skip;
mod vlan;
