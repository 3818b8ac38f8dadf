//! Values of options, as a program reads them.

use super::super::super::pump::number;
use super::super::super::table::Family;
use super::super::super::table::{Sock, State};
use super::{info, known};
use crate::sys::unix;
use danja::net::OptionName;
use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// What Linux calls twice what was asked for.
fn doubled(asked: i32) -> i32 {
    asked.saturating_mul(2)
}

pub(super) fn value(
    sock: &mut Sock,
    level: i32,
    name: i32,
    copy: &OwnedFd,
) -> Result<Vec<u8>, Errno> {
    if let Some(known) = known::name(level, name) {
        // What the stack has no value for.
        if let Some(kept) = sock.kept.options.get(&(level, name)) {
            return Ok(kept.clone());
        }
        if known == OptionName::QuickAck {
            return Ok(1i32.to_ne_bytes().to_vec());
        }
        let option = sock.socket.option(known).map_err(|error| number(&error))?;
        return Ok(known::emit(&option));
    }
    let value = match (level, name) {
        (libc::SOL_SOCKET, libc::SO_ERROR) => error(sock, copy),
        (libc::SOL_SOCKET, libc::SO_DOMAIN) => match sock.family {
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        },
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) => libc::IPPROTO_TCP,
        (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => {
            i32::from(matches!(&sock.state, State::Listening(listening) if !listening.over))
        }
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => match sock.kept.send_buffer {
            Some(asked) => doubled(asked),
            None => buffer(sock, OptionName::SendBuffer)?,
        },
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => match sock.kept.receive_buffer {
            Some(asked) => doubled(asked),
            None => buffer(sock, OptionName::ReceiveBuffer)?,
        },
        (libc::SOL_SOCKET, libc::SO_PEERCRED) => {
            // As Linux of a socket that has no peer on this machine: no process, no user.
            return Ok([0i32, -1, -1].into_iter().flat_map(i32::to_ne_bytes).collect());
        }
        (libc::IPPROTO_TCP, libc::TCP_INFO) => return Ok(info::bytes(sock)),
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) if sock.family == Family::V6 => {
            i32::from(sock.kept.only_v6)
        }
        (libc::IPPROTO_IPV6, _) if sock.family == Family::V4 => return Err(Errno::OPNOTSUPP),
        (libc::IPPROTO_IP, libc::IP_MTU) => {
            let info = sock.socket.control_info().and_then(|info| info.tcp);
            i32::try_from(info.ok_or(Errno::NOTCONN)?.path_mtu).unwrap_or(i32::MAX)
        }
        _ => {
            if let Some(kept) = sock.kept.options.get(&(level, name)) {
                return Ok(kept.clone());
            }
            return default(level, name);
        }
    };
    Ok(value.to_ne_bytes().to_vec())
}

/// What an option is that is kept only, before it was set.
fn default(level: i32, name: i32) -> Result<Vec<u8>, Errno> {
    let value: i32 = match (level, name) {
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => return Ok(Vec::new()),
        (libc::SOL_SOCKET, libc::SO_INCOMING_CPU) => -1,
        (libc::SOL_SOCKET, libc::SO_OOBINLINE) => 0,
        (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL | libc::IP_MULTICAST_LOOP) => 1,
        (libc::IPPROTO_IP, libc::IP_OPTIONS) => return Ok(Vec::new()),
        (
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT
            | libc::IP_TRANSPARENT
            | libc::IP_FREEBIND
            | libc::IP_RECVERR
            | libc::IP_RECVTOS
            | libc::IP_RECVTTL
            | libc::IP_PKTINFO,
        ) => 0,
        (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT) => 0,
        (
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT
            | libc::TCP_FASTOPEN
            | libc::TCP_THIN_DUPACK
            | libc::TCP_THIN_LINEAR_TIMEOUTS
            | libc::TCP_REPAIR
            | libc::TCP_SAVE_SYN,
        ) => 0,
        (libc::IPPROTO_TCP, libc::TCP_WINDOW_CLAMP) => 0,
        (libc::IPPROTO_TCP, libc::TCP_ULP) => return Ok(vec![0; 4]),
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER) => libc::IP_PMTUDISC_WANT,
        (
            libc::IPPROTO_IPV6,
            libc::IPV6_RECVPKTINFO | libc::IPV6_RECVERR | libc::IPV6_RECVTCLASS,
        ) => 0,
        (libc::SOL_SOCKET, name) if super::write::KEPT.contains(&name) => 0,
        (libc::SOL_SOCKET | libc::IPPROTO_TCP | libc::IPPROTO_IP | libc::IPPROTO_IPV6, _) => {
            return Err(Errno::NOPROTOOPT);
        }
        // As Linux: of a level that there is not.
        _ => return Err(Errno::OPNOTSUPP),
    };
    Ok(value.to_ne_bytes().to_vec())
}

fn buffer(sock: &Sock, name: OptionName) -> Result<i32, Errno> {
    use danja::net::SocketOption::{ReceiveBuffer, SendBuffer};
    let bytes = match sock.socket.option(name).map_err(|error| number(&error))? {
        ReceiveBuffer(bytes) | SendBuffer(bytes) => bytes,
        _ => 0,
    };
    Ok(doubled(i32::try_from(bytes).unwrap_or(i32::MAX)))
}

/// SO_ERROR: the UNIX socket knows that there was an error, the stack knew which.
fn error(sock: &mut Sock, copy: &OwnedFd) -> i32 {
    let pending = unix::number(copy, libc::SOL_SOCKET, libc::SO_ERROR).unwrap_or(0);
    let known = sock.error.take();
    match (&sock.state, known) {
        // Its end may not show one: nothing could be left unread.
        (State::Failed, Some(errno)) => errno.raw_os_error(),
        (State::Connected(_), Some(errno)) if pending != 0 => errno.raw_os_error(),
        // It was told by a read.
        (State::Connected(_), Some(Errno::CONNRESET)) => 0,
        (State::Connected(_), Some(errno)) => errno.raw_os_error(),
        _ if pending == Errno::CONNRESET.raw_os_error() => pending,
        _ => 0,
    }
}
