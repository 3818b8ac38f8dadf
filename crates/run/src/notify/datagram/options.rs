//! Options of datagram sockets where they are other than a stream's.

use crate::notify::pump::number;
use crate::notify::table::{Sock, State};
use crate::sys::unix;
use danja::net::{OptionName, SocketOption};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// Of SOL_SOCKET, what the stack has for streams alone: kept, and told again.
const OF_STREAMS: [i32; 4] =
    [libc::SO_KEEPALIVE, libc::SO_LINGER, libc::SO_OOBINLINE, libc::SO_RCVLOWAT];

fn is_datagram(sock: &Sock) -> bool {
    matches!(sock.state, State::Datagram(_))
}

/// A value, if it is other than a stream's.
pub(in crate::notify) fn value(
    sock: &mut Sock,
    level: i32,
    name: i32,
    copy: &OwnedFd,
) -> Option<Result<Vec<u8>, Errno>> {
    if !is_datagram(sock) {
        return None;
    }
    let kept = sock.kept.options.get(&(level, name)).cloned();
    let small = |default: i32| kept.clone().unwrap_or_else(|| default.to_ne_bytes().to_vec());
    let value = match (level, name) {
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) => libc::IPPROTO_UDP,
        (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => 0,
        (libc::SOL_SOCKET, libc::SO_ERROR) => {
            let pending = unix::number(copy, level, name).unwrap_or(0);
            let known = sock.error.take();
            if pending == 0 { 0 } else { known.map_or(pending, Errno::raw_os_error) }
        }
        (libc::SOL_SOCKET, libc::SO_BROADCAST) => match sock.socket.option(OptionName::Broadcast) {
            Ok(SocketOption::Broadcast(on)) => i32::from(on),
            _ => 0,
        },
        (libc::SOL_SOCKET, libc::SO_LINGER) => {
            return Some(Ok(kept.unwrap_or_else(|| vec![0; 8])));
        }
        (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => return Some(Ok(small(1))),
        (libc::SOL_SOCKET, name) if OF_STREAMS.contains(&name) => return Some(Ok(small(0))),
        (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL | libc::IP_MULTICAST_LOOP) => {
            return Some(Ok(small(1)));
        }
        (libc::IPPROTO_IP, libc::IP_MULTICAST_IF) => return Some(Ok(small(0))),
        (libc::IPPROTO_IP, libc::IP_MTU) => {
            let State::Datagram(datagram) = &sock.state else { return None };
            if datagram.peer.is_none() {
                return Some(Err(Errno::NOTCONN));
            }
            let interfaces = sock.socket.host().interfaces();
            let mtu = interfaces.iter().map(|interface| interface.mtu).max().unwrap_or(1500);
            i32::try_from(mtu).unwrap_or(i32::MAX)
        }
        (libc::IPPROTO_TCP, _) => return Some(Err(Errno::OPNOTSUPP)),
        (libc::IPPROTO_UDP, _) => return Some(Err(Errno::NOPROTOOPT)),
        _ => return None,
    };
    Some(Ok(value.to_ne_bytes().to_vec()))
}

/// Sets an option, if it is other than a stream's.
pub(in crate::notify) fn set(
    sock: &mut Sock,
    level: i32,
    name: i32,
    value: &[u8],
) -> Option<Result<(), Errno>> {
    if !is_datagram(sock) {
        return None;
    }
    let first = value.first_chunk().map(|value| i32::from_ne_bytes(*value));
    let first = first.or_else(|| value.first().map(|byte| i32::from(*byte)));
    let keep = |sock: &mut Sock, value: i32| {
        sock.kept.options.insert((level, name), value.to_ne_bytes().to_vec());
        Ok(())
    };
    Some(match ((level, name), first) {
        ((libc::SOL_SOCKET, libc::SO_BROADCAST), Some(on)) => {
            let option = SocketOption::Broadcast(on != 0);
            sock.socket.set_option(option).map_err(|error| number(&error))
        }
        ((libc::SOL_SOCKET, libc::SO_LINGER), Some(_)) => {
            sock.kept.options.insert((level, name), value.to_vec());
            Ok(())
        }
        ((libc::SOL_SOCKET, libc::SO_RCVLOWAT), Some(least)) => keep(sock, least.max(1)),
        ((libc::SOL_SOCKET, name), Some(on)) if OF_STREAMS.contains(&name) => {
            keep(sock, i32::from(on != 0))
        }
        ((libc::IPPROTO_IP, libc::IP_MULTICAST_TTL), Some(-1)) => keep(sock, 1),
        ((libc::IPPROTO_IP, libc::IP_MULTICAST_TTL), Some(ttl @ 0..=255)) => keep(sock, ttl),
        ((libc::IPPROTO_IP, libc::IP_MULTICAST_TTL), _) => Err(Errno::INVAL),
        ((libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP), Some(on)) => keep(sock, i32::from(on != 0)),
        ((libc::IPPROTO_IP, libc::IP_MULTICAST_IF), _) => set_multicast_interface(sock, value),
        // The stack is in no group but that of all hosts.
        ((libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP | libc::IP_ADD_SOURCE_MEMBERSHIP), _)
        | ((libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP), _) => Err(Errno::NODEV),
        ((libc::IPPROTO_IP, libc::IP_DROP_MEMBERSHIP | libc::IP_DROP_SOURCE_MEMBERSHIP), _)
        | ((libc::IPPROTO_IPV6, libc::IPV6_DROP_MEMBERSHIP), _) => Err(Errno::ADDRNOTAVAIL),
        ((libc::IPPROTO_TCP | libc::IPPROTO_UDP, _), _) => Err(Errno::NOPROTOOPT),
        _ => return None,
    })
}

/// By one of the host's addresses, or none: an `in_addr`, or an `ip_mreq` or `ip_mreqn`, which
/// have it in second place.
fn set_multicast_interface(sock: &mut Sock, value: &[u8]) -> Result<(), Errno> {
    let place = if value.len() >= 8 { value.get(4..8) } else { value.get(..4) };
    let address: [u8; 4] = place.and_then(|it| it.try_into().ok()).ok_or(Errno::INVAL)?;
    let wanted = std::net::Ipv4Addr::from(address);
    let interfaces = sock.socket.host().interfaces();
    let ours = interfaces.iter().flat_map(|interface| &interface.addresses);
    let known = ours.into_iter().any(|address| address.address() == wanted);
    if !wanted.is_unspecified() && !wanted.is_loopback() && !known {
        return Err(Errno::ADDRNOTAVAIL);
    }
    sock.kept.options.insert((libc::IPPROTO_IP, libc::IP_MULTICAST_IF), address.to_vec());
    Ok(())
}
