//! UNIX_DIAG (`sock_diag(7)`): which UNIX sockets there are, by the cookies that `SO_COOKIE`
//! shows. Decides nothing.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};
use std::collections::HashSet;

const BY_FAMILY: u16 = 20;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
/// `nlmsghdr`, and `unix_diag_req` after it.
const HEADER: usize = 16;
const QUESTION: usize = 24;

/// Asks the kernel of the network namespace that it was made in.
#[derive(Debug)]
pub(crate) struct UnixDiag {
    socket: OwnedFd,
}

impl UnixDiag {
    /// # Errors
    /// The kernel has none.
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC;
        let kind = SocketType::DGRAM;
        let socket = socket_with(AddressFamily::NETLINK, kind, flags, Some(SOCK_DIAG))?;
        let diag = Self { socket };
        diag.all()?;
        Ok(diag)
    }

    /// The cookies of all sockets that are open somewhere.
    ///
    /// # Errors
    /// The answer was not whole: nothing follows from what is missing.
    pub(crate) fn all(&self) -> Result<HashSet<u64>, Errno> {
        self.ask(0, DUMP)?;
        let mut found = HashSet::new();
        let mut buffer = vec![0; 65_536];
        loop {
            let (count, length) = recv(&self.socket, buffer.as_mut_slice(), RecvFlags::TRUNC)?;
            if length > count {
                return Err(Errno::MSGSIZE);
            }
            let mut rest = &buffer[..count];
            while let Some((kind, body, after)) = message(rest) {
                match kind {
                    DONE => return Ok(found),
                    ERROR => return Err(Errno::IO),
                    _ => found.extend(cookie(body)),
                }
                rest = after;
            }
        }
    }

    /// Whether the socket with this inode and cookie is open somewhere.
    ///
    /// # Errors
    /// Nobody knows.
    pub(crate) fn is_open(&self, inode: u32, cookie_wanted: u64) -> Result<bool, Errno> {
        self.ask(inode, 0)?;
        let mut buffer = vec![0; 4096];
        let (count, _) = recv(&self.socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let (kind, body, _) = message(&buffer[..count]).ok_or(Errno::IO)?;
        if kind != ERROR {
            return Ok(cookie(body) == Some(cookie_wanted));
        }
        let error = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
        match error {
            code if code == -Errno::NOENT.raw_os_error() => Ok(false),
            _ => Err(Errno::IO),
        }
    }

    fn ask(&self, inode: u32, flags: u16) -> Result<(), Errno> {
        let length = (HEADER + QUESTION) as u32;
        let mut ask = Vec::with_capacity(HEADER + QUESTION);
        ask.extend(length.to_ne_bytes());
        ask.extend(BY_FAMILY.to_ne_bytes());
        ask.extend((REQUEST | flags).to_ne_bytes());
        ask.extend([0; 8]);
        ask.extend([AddressFamily::UNIX.as_raw() as u8, 0, 0, 0]);
        ask.extend(u32::MAX.to_ne_bytes());
        ask.extend(inode.to_ne_bytes());
        ask.extend(0u32.to_ne_bytes());
        // Any cookie.
        ask.extend([0xff; 8]);
        sendto(&self.socket, &ask, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        Ok(())
    }
}

/// The first message's type and body, and what follows it.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(HEADER..length)?;
    let next = length.next_multiple_of(4).min(bytes.len());
    Some((kind, body, &bytes[next..]))
}

/// Of a `unix_diag_msg`.
fn cookie(body: &[u8]) -> Option<u64> {
    // Two halves, the lower first.
    let low = u32::from_ne_bytes(body.get(8..12)?.try_into().ok()?);
    let high = u32::from_ne_bytes(body.get(12..16)?.try_into().ok()?);
    Some(u64::from(low) | u64::from(high) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::unix;

    #[test]
    fn a_socket_is_known_until_its_last_copy_is_closed() {
        let diag = UnixDiag::new().unwrap();
        let socket = unix::stream(false).unwrap();
        let (inode, cookie) = (unix::inode(&socket).unwrap(), unix::cookie(&socket).unwrap());
        let copy = socket.try_clone().unwrap();
        drop(socket);
        assert!(diag.is_open(inode, cookie).unwrap());
        assert!(diag.all().unwrap().contains(&cookie));
        assert!(!diag.is_open(inode, cookie + 1).unwrap());
        drop(copy);
        assert!(!diag.is_open(inode, cookie).unwrap());
        assert!(!diag.all().unwrap().contains(&cookie));
    }
}
