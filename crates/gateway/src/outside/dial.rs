//! Connections of the machine that are begun and not waited for, and what their failures mean to
//! a client of the LAN (RFC 792, RFC 1812 §5.2.7.1). Decides nothing else.

use danja::wire::icmpv4::Unreachable;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};
use std::net::SocketAddr;

/// What a client hears of a connection that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// A reset.
    Reset,
    /// An ICMP "destination unreachable".
    Unreachable(Unreachable),
    /// Nothing: the machine has no room now, and the client will ask again.
    Silence,
}

/// What the machine's error says of the destination.
pub(super) const fn verdict(error: Errno) -> Verdict {
    match error {
        Errno::NETUNREACH | Errno::NETDOWN => Verdict::Unreachable(Unreachable::Network),
        Errno::HOSTUNREACH | Errno::HOSTDOWN | Errno::TIMEDOUT => {
            Verdict::Unreachable(Unreachable::Host)
        }
        Errno::ACCESS | Errno::PERM => {
            Verdict::Unreachable(Unreachable::AdministrativelyProhibited)
        }
        Errno::MFILE
        | Errno::NFILE
        | Errno::NOBUFS
        | Errno::NOMEM
        | Errno::ADDRNOTAVAIL
        | Errno::AGAIN => Verdict::Silence,
        _ => Verdict::Reset,
    }
}

/// Begins to connect; the socket does not block, and is writable when the outcome is there.
pub(super) fn dial(to: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_says_is_what_the_client_hears() {
        assert_eq!(verdict(Errno::CONNREFUSED), Verdict::Reset);
        assert_eq!(verdict(Errno::NETUNREACH), Verdict::Unreachable(Unreachable::Network));
        assert_eq!(verdict(Errno::TIMEDOUT), Verdict::Unreachable(Unreachable::Host));
        assert_eq!(
            verdict(Errno::ACCESS),
            Verdict::Unreachable(Unreachable::AdministrativelyProhibited)
        );
        assert_eq!(verdict(Errno::MFILE), Verdict::Silence);
    }
}
