//! Tests of TCP: two stacks joined by hand in virtual time, and single segments by hand.

mod congestion;
mod errors;
mod features;
mod handshake;
mod limits;
mod listen;
mod memory;
mod pair;
mod ports;
mod property;
mod resources;
mod solo;
mod sweep;
mod transfer;
