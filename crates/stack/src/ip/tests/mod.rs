//! Tests of IP through the doors of `Stack`.

mod arp;
mod basic;
mod fragments;
pub(crate) mod frames;
mod gateways;
mod hostile;
mod icmp;
mod input;
mod neighbour;
mod options;
mod path;
mod reassembly;
mod vlan;
pub(crate) mod world;
