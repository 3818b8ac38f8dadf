//! The built-in LAN: cables and a switch inside the process. No system call, no privilege.
//!
//! [`Switch`] is a learning Ethernet switch with as many [`Port`]s as one likes; [`pair`] is one
//! point-to-point cable. Frames pass by reference and as they are: nothing is copied, cut or
//! summed, so both offer checksum offload and 64 KiB segments. Never looks past the Ethernet
//! addresses, never reads a clock, never blocks one station for another.

mod pair;
mod port;
mod stations;
mod switch;
#[cfg(test)]
mod tests;

pub use pair::{End, pair, pair_of};
pub use port::Port;
pub use switch::{Switch, SwitchConfig};

/// The largest IP packet, in bytes: what a cable carries uncut.
const MAX_SEGMENTED: usize = 65_535;

/// Bytes of an Ethernet header, with one VLAN tag to spare.
const ETHERNET_ROOM: usize = 18;

/// Whether a real wire of this `mtu` (bytes of IP packet) could carry the frame, cut if it says
/// how.
fn fits(frame: &danja_wire::Frame, mtu: usize) -> bool {
    let limit = if frame.offload.segment_size == 0 { mtu } else { MAX_SEGMENTED };
    frame.len() <= limit.saturating_add(ETHERNET_ROOM)
}
