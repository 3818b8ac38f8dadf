//! A virtual cable between two processes: a UNIX socket that keeps messages apart
//! (`SOCK_SEQPACKET`), a frame in each, with what is left to do about its checksum and its cutting
//! before it, so that 64 KiB segments pass whole.
//!
//! [`Uplink`] is the host's end, an adapter; [`Station`] plugs the other end into a
//! [`Switch`](crate::cable::Switch). The host's end waits for room; the switch's end drops by
//! name what a slow host does not take, and blocks nobody. Who may connect, and as whom, was
//! decided before.

mod device;
mod station;

pub use device::Uplink;
pub use station::Station;
