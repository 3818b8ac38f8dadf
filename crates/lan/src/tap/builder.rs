//! Opening a device: finding it, attaching to it, agreeing on offloads; and what went wrong.

use super::Kind;
use super::device::{Link, Tap};
use super::error::OpenError;
use super::header::LENGTH;
use crate::adapter::{Capabilities, MacAddress, Medium};
use crate::sys::tun;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::time::Duration;

/// Milliseconds to wait for an interface to be running; it works without, after a loss or two.
const RUNNING_TRIES: usize = 1_000;

/// The largest IP packet, in bytes.
const MAX_PACKET: usize = 65_535;

/// What [`Tap`] opens.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    kind: Kind,
    medium: Medium,
    offload: bool,
}

impl Builder {
    /// The TAP interface `name`; the stack's own hardware address there is `address`. It must
    /// differ from the kernel's own; a random locally administered one is right.
    pub fn tap(name: impl Into<String>, address: MacAddress) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Tap,
            medium: Medium::Ethernet(address),
            offload: true,
        }
    }

    /// The TUN interface `name`, which carries IP packets.
    pub fn tun(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: Kind::Tun, medium: Medium::Ip, offload: true }
    }

    /// Whether to leave checksums and segmentation to the kernel where it offers that. It is
    /// asked to unless this says no.
    #[must_use]
    pub fn offload(self, offload: bool) -> Self {
        Self { offload, ..self }
    }

    /// Attaches to the interface, which must exist and be up.
    ///
    /// # Errors
    /// See [`OpenError`]; its message says what to do.
    pub fn open(self) -> Result<Tap, OpenError> {
        let name = self.name.as_str();
        let bad = |byte: u8| byte == b'/' || byte == 0 || byte.is_ascii_whitespace();
        if name.is_empty() || name.len() > tun::NAME_MAX || name.bytes().any(bad) {
            return Err(OpenError::Name { name: self.name });
        }
        // First of all, for to whom the device is missing its commands help most.
        let interface = tun::interface(name).map_err(|errno| match errno {
            Errno::NODEV => OpenError::missing(name, self.kind),
            other => OpenError::system("looking up the network interface", other),
        })?;
        let descriptor = tun::open().map_err(|errno| match errno {
            Errno::ACCESS | Errno::PERM => OpenError::DriverDenied,
            Errno::NOENT | Errno::NODEV | Errno::NXIO => OpenError::NoDriver,
            other => OpenError::system("opening /dev/net/tun", other),
        })?;
        let header = self.attach(&descriptor)?;
        if !interface.up {
            return Err(OpenError::Down { name: self.name });
        }
        wait_until_running(name);
        // Each of these waits for the kernel's lock of all interfaces, so that after it the
        // interface has not only been declared running, but is.
        set_offloads(&descriptor, header);
        let capabilities = Capabilities {
            medium: self.medium,
            mtu: interface.mtu,
            // With the header the kernel takes all this; what it hands out was agreed on above.
            checksum: header,
            max_segmented: if header { MAX_PACKET } else { 0 },
        };
        // Where there is no netlink, nobody tells of the link, and it counts as up.
        let link = Link { name: self.name, events: tun::link_events().ok() };
        Ok(Tap::new(descriptor, header, capabilities, link))
    }

    /// Makes the interface by this descriptor of `/dev/net/tun`, which may have been opened in
    /// another network namespace: then it is made there. It lives as long as the descriptor; its
    /// owner sets it up, with packets of at most `mtu` bytes. The link counts as up.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn create(self, descriptor: OwnedFd, mtu: usize) -> Result<Tap, OpenError> {
        let header = self.attach(&descriptor)?;
        set_offloads(&descriptor, header);
        let capabilities = Capabilities {
            medium: self.medium,
            mtu,
            checksum: header,
            max_segmented: if header { MAX_PACKET } else { 0 },
        };
        let link = Link { name: self.name, events: None };
        Ok(Tap::new(descriptor, header, capabilities, link))
    }

    /// Attaches, and says whether frames have a virtio-net header.
    fn attach(&self, descriptor: &OwnedFd) -> Result<bool, OpenError> {
        let headers = self.offload
            && tun::features(descriptor)
                .is_ok_and(|known| known & u32::from(tun::IFF_VNET_HDR) != 0);
        let mut flags = tun::IFF_NO_PI
            | match self.kind {
                Kind::Tap => tun::IFF_TAP,
                Kind::Tun => tun::IFF_TUN,
            };
        if headers {
            flags |= tun::IFF_VNET_HDR;
        }
        let name = self.name.as_str();
        // An interface made for several queues is attached to only by saying so.
        let attached = tun::attach(descriptor, name, flags).or_else(|errno| match errno {
            Errno::INVAL => tun::attach(descriptor, name, flags | tun::IFF_MULTI_QUEUE),
            other => Err(other),
        });
        attached.map_err(|errno| match errno {
            Errno::PERM | Errno::ACCESS => {
                OpenError::Denied { name: name.to_owned(), mode: self.kind.mode() }
            }
            Errno::BUSY => OpenError::Busy { name: name.to_owned() },
            Errno::INVAL => OpenError::Kind { name: name.to_owned(), mode: self.kind.mode() },
            other => OpenError::system("attaching to the network interface", other),
        })?;
        if headers {
            // 10 is what a new interface has; one that lives on may have been left otherwise.
            tun::set_header_size(descriptor, LENGTH as i32).map_err(|errno| {
                OpenError::system("setting the virtio-net header's size", errno)
            })?;
        }
        Ok(headers)
    }
}

/// Waits until the kernel sends through the interface, which it begins a moment after somebody
/// has attached: what it sends before that (an answer to a first ARP request) would be lost.
fn wait_until_running(name: &str) {
    for _ in 0..RUNNING_TRIES {
        if !matches!(tun::interface(name), Ok(interface) if !interface.running) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Agrees on what the kernel may leave undone in what it hands us: as much as it knows of, and
/// nothing where no header would tell of it (an interface that lives on may still be set so).
fn set_offloads(descriptor: &OwnedFd, header: bool) {
    let sums = if header { tun::TUN_F_CSUM } else { 0 };
    let all = if header { sums | tun::TUN_F_TSO4 | tun::TUN_F_TSO6 } else { 0 };
    let _ = tun::set_offload(descriptor, all)
        .or_else(|_| tun::set_offload(descriptor, sums))
        .or_else(|_| tun::set_offload(descriptor, 0));
}
