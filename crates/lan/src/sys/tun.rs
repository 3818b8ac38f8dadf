//! The ioctls of Linux's TUN/TAP driver (`linux/if_tun.h`) and of network interfaces
//! (`linux/sockios.h`).

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{Getter, IntegerSetter, Opcode, Setter, Updater, ioctl, opcode};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::ffi::c_int;

/// Longest interface name, in bytes (`IFNAMSIZ` less the final zero).
pub(crate) const NAME_MAX: usize = 15;

/// The interface carries Ethernet frames.
pub(crate) const IFF_TAP: u16 = 0x0002;
/// The interface carries IP packets.
pub(crate) const IFF_TUN: u16 = 0x0001;
/// No protocol information before each frame.
pub(crate) const IFF_NO_PI: u16 = 0x1000;
/// A virtio-net header before each frame.
pub(crate) const IFF_VNET_HDR: u16 = 0x4000;
/// The interface was made for several queues, and says so when attached to.
pub(crate) const IFF_MULTI_QUEUE: u16 = 0x0100;

/// The reader completes checksums.
pub(crate) const TUN_F_CSUM: u32 = 0x01;
/// The reader takes TCP over IPv4 uncut.
pub(crate) const TUN_F_TSO4: u32 = 0x02;
/// The reader takes TCP over IPv6 uncut.
pub(crate) const TUN_F_TSO6: u32 = 0x04;

const TUNSETIFF: Opcode = opcode::write::<c_int>(b'T', 202);
const TUNGETFEATURES: Opcode = opcode::read::<u32>(b'T', 207);
const TUNSETOFFLOAD: Opcode = opcode::write::<u32>(b'T', 208);
const TUNSETVNETHDRSZ: Opcode = opcode::write::<c_int>(b'T', 216);
// These two are older than the scheme that `opcode` computes.
const SIOCGIFFLAGS: Opcode = 0x8913;
const SIOCGIFMTU: Opcode = 0x8921;

const IFF_UP: u16 = 0x0001;
const IFF_RUNNING: u16 = 0x0040;

/// `struct ifreq`: 16 bytes of name, then a union of which only the front is used here. As long
/// as the longest (64-bit) form.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME_MAX + 1],
    value: [u8; 24],
}

impl InterfaceRequest {
    fn new(name: &str) -> Result<Self, Errno> {
        let mut request = Self { name: [0; NAME_MAX + 1], value: [0; 24] };
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes.len() > NAME_MAX || bytes.contains(&0) {
            return Err(Errno::INVAL);
        }
        request.name[..bytes.len()].copy_from_slice(bytes);
        Ok(request)
    }
}

/// Opens `/dev/net/tun`, non-blocking.
pub(crate) fn open() -> Result<OwnedFd, Errno> {
    rustix::fs::open(
        "/dev/net/tun",
        OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Attaches the descriptor to the interface `name` with these `IFF_` flags.
pub(crate) fn attach(tun: impl AsFd, name: &str, flags: u16) -> Result<(), Errno> {
    let mut request = InterfaceRequest::new(name)?;
    request.value[..2].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, which `request` is at least as large
    // as, and which is plain bytes; it is borrowed for the call only.
    unsafe { ioctl(tun, Updater::<TUNSETIFF, InterfaceRequest>::new(&mut request)) }
}

/// The `IFF_` flags that the driver knows.
pub(crate) fn features(tun: impl AsFd) -> Result<u32, Errno> {
    // SAFETY: TUNGETFEATURES writes one `unsigned int`.
    unsafe { ioctl(tun, Getter::<TUNGETFEATURES, u32>::new()) }
}

/// Says which `TUN_F_` offloads the reader of the descriptor undoes.
pub(crate) fn set_offload(tun: impl AsFd, offload: u32) -> Result<(), Errno> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value and touches no memory of ours.
    unsafe { ioctl(tun, IntegerSetter::<TUNSETOFFLOAD>::new_usize(offload as usize)) }
}

/// Sets the size of the virtio-net header, in bytes.
pub(crate) fn set_header_size(tun: impl AsFd, bytes: c_int) -> Result<(), Errno> {
    // SAFETY: TUNSETVNETHDRSZ reads one `int`.
    unsafe { ioctl(tun, Setter::<TUNSETVNETHDRSZ, c_int>::new(bytes)) }
}

/// An interface as the kernel of this network namespace has it.
pub(crate) struct Interface {
    /// Largest IP packet, in bytes.
    pub(crate) mtu: usize,
    /// Administratively up.
    pub(crate) up: bool,
    /// Up, and somebody is at the other end: its queues are in use.
    pub(crate) running: bool,
}

/// Looks up the interface `name`; `ENODEV` if there is none.
pub(crate) fn interface(name: &str) -> Result<Interface, Errno> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let mut request = InterfaceRequest::new(name)?;
    // SAFETY: SIOCGIFFLAGS reads and writes one `struct ifreq`, as in `attach`.
    unsafe { ioctl(&socket, Updater::<SIOCGIFFLAGS, InterfaceRequest>::new(&mut request))? };
    let flags = u16::from_ne_bytes([request.value[0], request.value[1]]);
    let mut request = InterfaceRequest::new(name)?;
    // SAFETY: SIOCGIFMTU reads and writes one `struct ifreq`, as in `attach`.
    unsafe { ioctl(&socket, Updater::<SIOCGIFMTU, InterfaceRequest>::new(&mut request))? };
    let [a, b, c, d, ..] = request.value;
    let mtu = usize::try_from(c_int::from_ne_bytes([a, b, c, d])).map_err(|_| Errno::INVAL)?;
    Ok(Interface { mtu, up: flags & IFF_UP != 0, running: flags & IFF_RUNNING != 0 })
}

/// `RTMGRP_LINK`: whoever listens hears that interfaces change.
const LINK_GROUP: u32 = 1;

/// A netlink socket that becomes readable when an interface of this network namespace changes.
pub(crate) fn link_events() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // NETLINK_ROUTE is protocol 0.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, LINK_GROUP))?;
    Ok(socket)
}
