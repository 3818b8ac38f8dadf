//! UNIX stream sockets as carriers of a program's data: what `rustix` has no words for. Decides
//! nothing.

use super::errno::check;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_timeout};
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, send, socket_with,
};
use rustix::time::Timespec;
use std::ffi::c_int;

/// A new one, not connected.
pub(crate) fn stream(nonblocking: bool) -> Result<OwnedFd, Errno> {
    let mut flags = SocketFlags::CLOEXEC;
    flags.set(SocketFlags::NONBLOCK, nonblocking);
    socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// What is the same for all copies of a socket's descriptor, and never used again.
pub(crate) fn cookie(socket: impl AsFd) -> Result<u64, Errno> {
    rustix::net::sockopt::socket_cookie(socket)
}

/// As UNIX_DIAG knows it.
pub(crate) fn inode(socket: impl AsFd) -> Result<u32, Errno> {
    let found = rustix::fs::fstat(socket)?;
    u32::try_from(found.st_ino).map_err(|_| Errno::OVERFLOW)
}

/// Gives it a name that the kernel chooses; which one.
pub(crate) fn name(socket: impl AsFd) -> Result<SocketAddrUnix, Errno> {
    let socket = socket.as_fd();
    let unnamed = libc::AF_UNIX as libc::sa_family_t;
    // SAFETY: the address is as long as the two bytes of its family.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            std::ptr::from_ref(&unnamed).cast(),
            size_of::<libc::sa_family_t>() as libc::socklen_t,
        )
    })?;
    let name = rustix::net::getsockname(socket)?;
    SocketAddrUnix::try_from(name)
}

/// The process that connected it.
pub(crate) fn connected_by(socket: impl AsFd) -> Option<u32> {
    let mut made = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, a whole `ucred`.
    let got = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            std::ptr::from_mut(&mut made).cast(),
            &mut length,
        )
    };
    if got == 0 { u32::try_from(made.pid).ok() } else { None }
}

/// Sets an option whose value is a number.
pub(crate) fn set_number(
    socket: impl AsFd,
    level: c_int,
    name: c_int,
    value: c_int,
) -> Result<(), Errno> {
    // SAFETY: the kernel reads four bytes of `value`.
    check(unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Reads an option whose value is a number.
pub(crate) fn number(socket: impl AsFd, level: c_int, name: c_int) -> Result<c_int, Errno> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value`.
    check(unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_mut(&mut value).cast(),
            &mut length,
        )
    })?;
    Ok(value)
}

/// A new one in the place of an old one, with its mode and its time-outs.
pub(crate) fn like(old: &OwnedFd, nonblocking: bool) -> Result<OwnedFd, Errno> {
    let fresh = stream(nonblocking)?;
    for of in [Timeout::Recv, Timeout::Send] {
        set_socket_timeout(&fresh, of, socket_timeout(old, of)?)?;
    }
    Ok(fresh)
}

/// What a read would give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// Nothing yet, or the end.
    Nothing,
    /// Data, up to an urgent byte if there is one.
    Plain,
    /// The urgent byte, and what follows it.
    Urgent,
}

const SIOCATMARK: c_int = 0x8905;

/// What is next in a socket of which urgent bytes are read in their place ([`urgent_inline`]).
pub(crate) fn next(socket: &OwnedFd) -> Next {
    if rustix::io::ioctl_fionread(socket) == Ok(0) {
        return Next::Nothing;
    }
    let mut at_mark: c_int = 0;
    // SAFETY: the kernel writes four bytes to `at_mark`.
    let asked = unsafe {
        libc::ioctl(socket.as_raw_fd(), SIOCATMARK as _, std::ptr::from_mut(&mut at_mark))
    };
    if asked == 0 && at_mark != 0 { Next::Urgent } else { Next::Plain }
}

/// Leaves urgent bytes where they are in the stream. A kernel that has none refuses.
pub(crate) fn urgent_inline(socket: impl AsFd) {
    let _ = set_number(socket, libc::SOL_SOCKET, libc::SO_OOBINLINE, 1);
}

/// What it is ready for, of these events; errors and hang-ups are always told.
pub(crate) fn events(descriptor: impl AsFd, asked: PollFlags) -> Result<PollFlags, Errno> {
    let descriptor = descriptor.as_fd();
    let mut asked = [PollFd::new(&descriptor, asked)];
    poll(&mut asked, Some(&Timespec::default()))?;
    Ok(asked[0].revents())
}

/// Makes a socket that is connected look as one that still connects: nothing fits into it. Gives
/// the number of bytes that the other end has to take away for it to look connected.
pub(crate) fn fill(socket: impl AsFd) -> Result<usize, Errno> {
    let socket = socket.as_fd();
    // The smallest there is: the less junk, the sooner is it made and gone.
    set_number(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, 0)?;
    let mut junk = 0;
    loop {
        match send(socket, &[0; 4096], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => junk += count,
            Err(Errno::AGAIN) => return Ok(junk),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{RecvFlags, accept, connect, listen, recv};

    fn events(socket: &OwnedFd) -> PollFlags {
        super::events(socket, PollFlags::all()).unwrap()
    }

    #[test]
    fn a_filled_socket_looks_as_one_that_connects_and_then_as_tcp_would() {
        let listener = stream(true).unwrap();
        let name = name(&listener).unwrap();
        listen(&listener, 8).unwrap();
        for succeeds in [true, false] {
            let socket = stream(true).unwrap();
            connect(&socket, &name).unwrap();
            let ours = accept(&listener).unwrap();
            assert_eq!(connected_by(&ours), Some(std::process::id()));
            let mut junk = fill(&socket).unwrap();
            assert!(junk < 20_000, "{junk}");
            assert_eq!(events(&socket), PollFlags::empty());
            if succeeds {
                while junk > 0 {
                    let mut buffer = vec![0; junk];
                    junk -= recv(&ours, buffer.as_mut_slice(), RecvFlags::empty()).unwrap().0;
                }
                assert!(events(&socket).contains(PollFlags::OUT));
                assert!(!events(&socket).contains(PollFlags::HUP));
            } else {
                drop(ours);
                let all = PollFlags::IN | PollFlags::OUT | PollFlags::ERR | PollFlags::HUP;
                assert!(events(&socket).contains(all), "{:?}", events(&socket));
                let error = number(&socket, libc::SOL_SOCKET, libc::SO_ERROR).unwrap();
                assert_eq!(error, Errno::CONNRESET.raw_os_error());
            }
        }
    }
}
