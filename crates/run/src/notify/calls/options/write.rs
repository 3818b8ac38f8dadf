//! Setting options.

use super::super::super::pump::number;
use super::super::super::table::{Family, Sock, State};
use super::known;
use crate::sys::unix;
use danja::net::{OptionName, SocketOption};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// Of SOL_SOCKET: what is kept and told again, and changes nothing that could be seen.
pub(super) const KEPT: [i32; 12] = [
    libc::SO_DEBUG,
    libc::SO_DONTROUTE,
    libc::SO_BROADCAST,
    libc::SO_PRIORITY,
    libc::SO_MARK,
    libc::SO_BUSY_POLL,
    libc::SO_INCOMING_CPU,
    libc::SO_TIMESTAMPING,
    libc::SO_TIMESTAMPNS,
    libc::SO_NO_CHECK,
    libc::SO_LOCK_FILTER,
    libc::SO_RXQ_OVFL,
];

pub(super) fn set(
    sock: &mut Sock,
    level: i32,
    name: i32,
    value: &[u8],
    copy: &OwnedFd,
) -> Result<(), Errno> {
    match (level, name) {
        (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_SNDBUFFORCE) => {
            return set_send_buffer(sock, first(value)?, copy);
        }
        (libc::SOL_SOCKET, libc::SO_RCVBUF | libc::SO_RCVBUFFORCE) => {
            return set_receive_buffer(sock, first(value)?);
        }
        (libc::SOL_SOCKET, libc::SO_OOBINLINE) => {
            // The UNIX socket has urgent data of its own, and of that the program reads.
            unix::set_number(copy, level, name, first(value)?)?;
            let on = i32::from(first(value)? != 0);
            sock.kept.options.insert((level, name), on.to_ne_bytes().to_vec());
            return Ok(());
        }
        (libc::IPPROTO_IPV6, _) if sock.family == Family::V4 => return Err(Errno::NOPROTOOPT),
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) => {
            if sock.kept.bound_v6.is_some() || is_bound(sock) {
                return Err(Errno::INVAL);
            }
            sock.kept.only_v6 = first(value)? != 0;
            return Ok(());
        }
        _ => {}
    }
    if let Some(known) = known::name(level, name) {
        let option = known::parse(known, value)?;
        sock.socket.set_option(option).map_err(|error| number(&error))?;
        let place = (level, name);
        match known {
            // Told as it was set; the stack knows only what goes on now.
            OptionName::QuickAck => {
                let on = i32::from(first(value)? != 0);
                sock.kept.options.insert(place, on.to_ne_bytes().to_vec());
            }
            OptionName::Linger2 if first(value)? < 0 => {
                sock.kept.options.insert(place, (-1i32).to_ne_bytes().to_vec());
            }
            _ => drop(sock.kept.options.remove(&place)),
        }
        return Ok(());
    }
    keep(sock, level, name, value)
}

fn is_bound(sock: &Sock) -> bool {
    // A datagram socket is what it is from the beginning, bound or not.
    !matches!(sock.state, State::Fresh | State::Datagram(_))
        || sock.socket.local_addr().is_ok_and(|local| local.port() != 0)
}

fn keep(sock: &mut Sock, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
    let known = match (level, name) {
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => return bind_to(sock, value),
        (libc::SOL_SOCKET, name) => KEPT.contains(&name),
        (libc::IPPROTO_TCP, name) => matches!(
            name,
            libc::TCP_DEFER_ACCEPT
                | libc::TCP_NOTSENT_LOWAT
                | libc::TCP_WINDOW_CLAMP
                | libc::TCP_THIN_DUPACK
                | libc::TCP_THIN_LINEAR_TIMEOUTS
                | libc::TCP_SAVE_SYN
                // Listeners: nobody is forced to use it.
                | libc::TCP_FASTOPEN
        ),
        (libc::IPPROTO_IP, name) => matches!(
            name,
            libc::IP_BIND_ADDRESS_NO_PORT
                | libc::IP_RECVERR
                | libc::IP_RECVTOS
                | libc::IP_RECVTTL
                | libc::IP_PKTINFO
                | libc::IP_FREEBIND
                | libc::IP_MULTICAST_LOOP
                | IP_LOCAL_PORT_RANGE
        ),
        (libc::IPPROTO_IPV6, name) => matches!(
            name,
            libc::IPV6_RECVPKTINFO
                | libc::IPV6_RECVERR
                | libc::IPV6_RECVTCLASS
                | libc::IPV6_MTU_DISCOVER
                | libc::IPV6_MULTICAST_HOPS
        ),
        _ => false,
    };
    if !known {
        return Err(match (level, name) {
            // As without the privilege, or without the module.
            (libc::IPPROTO_IP, libc::IP_TRANSPARENT) => Errno::PERM,
            (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT) => Errno::OPNOTSUPP,
            (libc::IPPROTO_TCP, libc::TCP_ULP) => Errno::NOENT,
            // As Linux: of datagrams only.
            (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL) => Errno::INVAL,
            (libc::SOL_SOCKET, libc::SO_ZEROCOPY) => Errno::OPNOTSUPP,
            _ => Errno::NOPROTOOPT,
        });
    }
    sock.kept.options.insert((level, name), value.to_vec());
    Ok(())
}

/// SO_BINDTODEVICE, by the names of the host's interfaces.
fn bind_to(sock: &mut Sock, value: &[u8]) -> Result<(), Errno> {
    let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let interface = if name.is_empty() {
        None
    } else {
        let interfaces = sock.socket.host().interfaces();
        let found = interfaces.iter().find(|interface| interface.name.as_bytes() == name);
        Some(found.ok_or(Errno::NODEV)?.id)
    };
    let option = SocketOption::BindToInterface(interface);
    sock.socket.set_option(option).map_err(|error| number(&error))?;
    sock.kept.options.insert((libc::SOL_SOCKET, libc::SO_BINDTODEVICE), value.to_vec());
    Ok(())
}

const IP_LOCAL_PORT_RANGE: i32 = 51;

fn first(value: &[u8]) -> Result<i32, Errno> {
    value.first_chunk().map(|value| i32::from_ne_bytes(*value)).ok_or(Errno::INVAL)
}

/// Linux's least, of which it tells the double.
const LEAST_SEND: i32 = 2_304;
const LEAST_RECEIVE: i32 = 1_152;
/// What a system lets one ask for, as it is by default.
const MOST: i32 = 212_992;

fn set_send_buffer(sock: &mut Sock, asked: i32, copy: &OwnedFd) -> Result<(), Errno> {
    let asked = asked.clamp(LEAST_SEND, MOST);
    sock.kept.send_buffer = Some(asked);
    let option = SocketOption::SendBuffer(usize::try_from(asked).unwrap_or(0));
    sock.socket.set_option(option).map_err(|error| number(&error))?;
    if matches!(&sock.state, State::Connected(link) if !link.small) {
        unix::set_number(copy, libc::SOL_SOCKET, libc::SO_SNDBUF, asked)?;
    }
    Ok(())
}

/// Half of it is the stack's queue, of which the window is made, and half is the pair's.
fn set_receive_buffer(sock: &mut Sock, asked: i32) -> Result<(), Errno> {
    let asked = asked.clamp(LEAST_RECEIVE, MOST);
    sock.kept.receive_buffer = Some(asked);
    let option = SocketOption::ReceiveBuffer(usize::try_from(asked).unwrap_or(0));
    sock.socket.set_option(option).map_err(|error| number(&error))?;
    if let State::Connected(link) = &sock.state
        && let Some(ours) = &link.ours
    {
        unix::set_number(ours, libc::SOL_SOCKET, libc::SO_SNDBUF, asked)?;
    }
    Ok(())
}
