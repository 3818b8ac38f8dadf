//! TAP and TUN: the Linux kernel as the neighbour at the other end of the cable.
//!
//! Checksums and segmentation are left to the kernel in both directions, by virtio-net headers,
//! where it offers them; without them frames are plain. Several frames are read per wake, into
//! buffers that come back; what is sent goes out by `writev` from where it lies. Interprets no
//! protocol, and never creates, configures or deletes an interface.

mod builder;
mod device;
mod error;
pub(crate) mod header;
pub(crate) mod pool;

pub use builder::Builder;
pub use device::Tap;
pub use error::OpenError;

/// Whether the interface carries Ethernet frames or IP packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Tap,
    Tun,
}

impl Kind {
    /// As `ip tuntap` spells it.
    pub(crate) const fn mode(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Tun => "tun",
        }
    }
}
