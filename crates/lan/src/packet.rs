//! Packet sockets (AF_PACKET): a network interface of the machine, or one end of a virtual cable,
//! as an adapter.
//!
//! The stack is a station of its own on the interface's Ethernet, beside the kernel; or, where
//! [`Builder::ip`] says so, only the packets pass and the Ethernet headers stay here, so that the
//! end of a veth pair looks as a TUN device does. Checksums and segmentation are left to the
//! kernel in both directions by virtio-net headers; several frames pass in one system call.
//! Interprets no protocol, and never creates, configures or deletes an interface.

mod builder;
mod device;
mod error;

pub use builder::Builder;
pub use device::PacketSocket;
pub use error::OpenError;
