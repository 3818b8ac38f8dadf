//! Options that several of tokio's types have, by their names there.

use crate::error::own;
use crate::net::{OptionName, Socket, SocketOption};
use rustix::io::Errno;
use std::io;
use std::time::Duration;

pub(super) fn linger(socket: &Socket) -> io::Result<Option<Duration>> {
    match socket.option(OptionName::Linger)? {
        SocketOption::Linger(linger) => Ok(linger),
        _ => Ok(None),
    }
}

pub(super) fn set_linger(socket: &Socket, linger: Option<Duration>) -> io::Result<()> {
    socket.set_option(SocketOption::Linger(linger))
}

pub(super) fn tos(socket: &Socket) -> io::Result<u32> {
    match socket.option(OptionName::Tos)? {
        SocketOption::Tos(tos) => Ok(u32::from(tos)),
        _ => Ok(0),
    }
}

/// As Linux, which takes the lowest byte.
pub(super) fn set_tos(socket: &Socket, tos: u32) -> io::Result<()> {
    socket.set_option(SocketOption::Tos((tos & 0xff) as u8))
}

/// A buffer's size in bytes.
pub(super) fn size(socket: &Socket, name: OptionName) -> io::Result<u32> {
    match socket.option(name)? {
        SocketOption::ReceiveBuffer(size) | SocketOption::SendBuffer(size) => {
            Ok(u32::try_from(size).unwrap_or(u32::MAX))
        }
        _ => Ok(0),
    }
}

/// The name of the interface that a socket is bound to.
pub(super) fn device(socket: &Socket) -> io::Result<Option<Vec<u8>>> {
    let SocketOption::BindToInterface(Some(id)) = socket.option(OptionName::BindToInterface)?
    else {
        return Ok(None);
    };
    let found = socket.host().interfaces().into_iter().find(|interface| interface.id == id);
    Ok(found.map(|interface| interface.name.into_bytes()))
}

/// Binds a socket to the interface of this name, or to none.
pub(super) fn bind_device(socket: &Socket, name: Option<&[u8]>) -> io::Result<()> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return socket.set_option(SocketOption::BindToInterface(None));
    };
    let mut interfaces = socket.host().interfaces().into_iter();
    match interfaces.find(|interface| interface.name.as_bytes() == name) {
        Some(interface) => socket.set_option(SocketOption::BindToInterface(Some(interface.id))),
        None => Err(own(Errno::NODEV, "the host has no interface of this name")),
    }
}
