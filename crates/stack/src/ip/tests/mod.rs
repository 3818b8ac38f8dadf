//! Tests of IP through the doors of `Stack`.

mod arp;
mod basic;
pub(crate) mod frames;
mod input;
mod neighbour;
pub(crate) mod world;
