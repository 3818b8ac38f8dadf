//! Opening a packet socket: finding the interface, and what the socket shall hear of it.

use super::device::{Form, PacketSocket, Place};
use super::error::OpenError;
use crate::adapter::{Capabilities, MacAddress, Medium};
use crate::sys::{packet, tun};
use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// The largest IP packet, in bytes.
const MAX_PACKET: usize = 65_535;
/// Bytes that frames which wait to be read may take, if the system permits as many.
const RECEIVE_BUFFER: i32 = 8 << 20;

/// What [`PacketSocket`] opens.
///
/// ```no_run
/// use danja_lan::{MacAddress, packet::Builder};
///
/// let adapter = Builder::ethernet("eth0", MacAddress([2, 0, 0, 0, 0, 9])).open()?;
/// # Ok::<(), danja_lan::packet::OpenError>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    name: String,
    form: Form,
    offload: bool,
    descriptor: Option<OwnedFd>,
}

impl Builder {
    /// The interface `name`, on whose Ethernet the stack is a station with the hardware address
    /// `address`. If that is not the interface's own, the interface is made to hear all stations
    /// while it is open; frames for others are dropped by the kernel.
    pub fn ethernet(name: impl Into<String>, address: MacAddress) -> Self {
        Self::new(name, Form::Ethernet(address))
    }

    /// The interface `name`, one end of a virtual cable, whose other end has the hardware address
    /// `peer`: only IP packets pass. Ethernet headers are taken off, whatever their addresses,
    /// and put before what is sent; ARP is not answered, so the other end needs a static
    /// neighbour or no ARP (`ip link set NAME arp off`).
    pub fn ip(name: impl Into<String>, peer: MacAddress) -> Self {
        Self::new(name, Form::Ip { peer })
    }

    fn new(name: impl Into<String>, form: Form) -> Self {
        Self { name: name.into(), form, offload: true, descriptor: None }
    }

    /// Uses this packet socket (`AF_PACKET`, `SOCK_RAW`; bound or not) instead of opening one:
    /// one that was made in another network namespace, where the interface then is looked for.
    #[must_use]
    pub fn descriptor(self, descriptor: OwnedFd) -> Self {
        Self { descriptor: Some(descriptor), ..self }
    }

    /// Whether to leave checksums and segmentation to the kernel. It is asked to unless this says
    /// no; then the interface at the other end of a virtual cable must not leave them to us
    /// either.
    #[must_use]
    pub fn offload(self, offload: bool) -> Self {
        Self { offload, ..self }
    }

    /// Attaches to the interface, which must exist and be up.
    ///
    /// # Errors
    /// See [`OpenError`]; its message says what to do.
    pub fn open(self) -> Result<PacketSocket, OpenError> {
        let bad = |byte: u8| byte == b'/' || byte == 0 || byte.is_ascii_whitespace();
        if self.name.is_empty() || self.name.len() > packet::NAME_MAX || self.name.bytes().any(bad)
        {
            return Err(OpenError::Name { name: self.name });
        }
        // In another namespace nobody could tell us of changes there.
        let events = if self.descriptor.is_none() { tun::link_events().ok() } else { None };
        let socket = match self.descriptor {
            Some(given) => given,
            None => packet::open().map_err(|errno| match errno {
                Errno::PERM | Errno::ACCESS => OpenError::Denied { name: self.name.clone() },
                Errno::AFNOSUPPORT => OpenError::NoDriver,
                other => OpenError::system("opening a packet socket", other),
            })?,
        };
        let interface = packet::interface(&socket, &self.name).map_err(|errno| match errno {
            Errno::NODEV => OpenError::Missing { name: self.name.clone() },
            other => OpenError::system("looking up the network interface", other),
        })?;
        let Some(own) = interface.ethernet else {
            return Err(OpenError::Kind { name: self.name });
        };
        if !interface.up {
            return Err(OpenError::Down { name: self.name });
        }
        let header = self.offload && packet::use_header(&socket, true).is_ok();
        prepare(&socket, self.form, header, own, interface.index)
            .map_err(|errno| OpenError::system("attaching to the network interface", errno))?;
        let medium = match self.form {
            Form::Ethernet(address) => Medium::Ethernet(address),
            Form::Ip { .. } => Medium::Ip,
        };
        let capabilities = Capabilities {
            medium,
            mtu: interface.mtu,
            checksum: header,
            max_segmented: if header { MAX_PACKET } else { 0 },
        };
        let place = Place { name: self.name, own: MacAddress(own), events };
        Ok(PacketSocket::new(socket, header, capabilities, self.form, place))
    }
}

/// Sets everything on the socket that does not depend on luck.
fn prepare(
    socket: &OwnedFd,
    form: Form,
    header: bool,
    own: [u8; 6],
    index: i32,
) -> Result<(), Errno> {
    fcntl_setfl(socket, fcntl_getfl(socket)? | OFlags::NONBLOCK)?;
    if !header {
        // One that came to us may have been set so.
        let _ = packet::use_header(socket, false);
    }
    packet::set_receive_buffer(socket, RECEIVE_BUFFER);
    packet::ignore_outgoing(socket)?;
    packet::tell_tags(socket)?;
    if let Form::Ethernet(address) = form {
        packet::only_for(socket, address.0)?;
        if address.0 != own {
            packet::hear_all(socket, index)?;
        }
    }
    // Last, so that nothing is heard that is not wanted.
    packet::bind(socket, index)
}
