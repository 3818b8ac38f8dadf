//! `danja run` with real programs, in each way that this machine permits. The programs are the
//! machine's own, and unchanged.

#[path = "../common/mod.rs"]
mod common;
mod datagrams;
mod guests;
mod launched;
mod left;
mod manners;
mod network;
mod sockets;
mod terminal;
mod traced;
