//! Simulation for the Danja stack: everything here runs in virtual time, from one seed, in one
//! thread. It opens no socket, reads no clock and executes no command.
//!
//! [`packetdrill`] reads and runs scripts of the packetdrill language; [`world`] is many hosts on one
//! LAN, with a random workload and the oracle that judges it.
#![forbid(unsafe_code)]

pub mod packetdrill;
pub mod world;
