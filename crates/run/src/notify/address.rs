//! Socket addresses as programs have them in memory (`sockaddr_in`, `sockaddr_in6`), and the
//! endpoints of an IPv4 stack that they mean. Reads and writes no memory.

use super::table::Family;
use rustix::io::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Length of a `sockaddr_in`, and the least of a `sockaddr_in6` (without its scope) that Linux takes.
const LENGTH_V4: usize = 16;
const LENGTH_V6: usize = 24;

/// An address that a program gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Given {
    /// AF_UNSPEC: nobody.
    Nobody,
    /// An endpoint.
    Endpoint(SocketAddr),
}

/// What a socket of this family takes these bytes for, as Linux does for streams.
pub(super) fn parse(family: Family, bytes: &[u8]) -> Result<Given, Errno> {
    let (kind, rest) = bytes.split_first_chunk().ok_or(Errno::INVAL)?;
    let kind = i32::from(u16::from_ne_bytes(*kind));
    if kind == libc::AF_UNSPEC {
        return Ok(Given::Nobody);
    }
    let port = || rest.first_chunk().map_or(0, |port| u16::from_be_bytes(*port));
    let address = match family {
        Family::V4 if bytes.len() < LENGTH_V4 => return Err(Errno::INVAL),
        Family::V4 if kind == libc::AF_INET => {
            let address: [u8; 4] = *rest[2..].first_chunk().ok_or(Errno::INVAL)?;
            IpAddr::V4(Ipv4Addr::from(address))
        }
        Family::V6 if kind == libc::AF_INET6 && bytes.len() < LENGTH_V6 => {
            return Err(Errno::INVAL);
        }
        Family::V6 if kind == libc::AF_INET6 => {
            let address: [u8; 16] = *rest[6..].first_chunk().ok_or(Errno::INVAL)?;
            IpAddr::V6(Ipv6Addr::from(address))
        }
        _ => return Err(Errno::AFNOSUPPORT),
    };
    Ok(Given::Endpoint(SocketAddr::new(address, port())))
}

/// As a program of this family sees an endpoint.
pub(super) fn emit(family: Family, endpoint: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(28);
    match (family, endpoint) {
        (Family::V4, SocketAddr::V4(endpoint)) => {
            bytes.extend((libc::AF_INET as u16).to_ne_bytes());
            bytes.extend(endpoint.port().to_be_bytes());
            bytes.extend(endpoint.ip().octets());
            bytes.extend([0; 8]);
        }
        (_, endpoint) => {
            let endpoint = match endpoint {
                SocketAddr::V6(endpoint) => endpoint,
                // As Linux: no address is no address of its own family.
                SocketAddr::V4(endpoint) if endpoint.ip().is_unspecified() => {
                    SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, endpoint.port(), 0, 0)
                }
                SocketAddr::V4(endpoint) => {
                    SocketAddrV6::new(endpoint.ip().to_ipv6_mapped(), endpoint.port(), 0, 0)
                }
            };
            bytes.extend((libc::AF_INET6 as u16).to_ne_bytes());
            bytes.extend(endpoint.port().to_be_bytes());
            bytes.extend(endpoint.flowinfo().to_be_bytes());
            bytes.extend(endpoint.ip().octets());
            bytes.extend(endpoint.scope_id().to_ne_bytes());
        }
    }
    bytes
}

/// Where a connection to this endpoint goes on an IPv4 stack.
pub(super) fn destination(endpoint: SocketAddr) -> Result<SocketAddr, Errno> {
    match endpoint.ip() {
        // As Linux: one's own host.
        IpAddr::V4(address) if address.is_unspecified() => {
            Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), endpoint.port()))
        }
        IpAddr::V4(_) => Ok(endpoint),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => destination(SocketAddr::new(address.into(), endpoint.port())),
            // Nobody listens at an address that one cannot bind to.
            None if address.is_loopback() || address.is_unspecified() => Err(Errno::CONNREFUSED),
            None => Err(Errno::NETUNREACH),
        },
    }
}

/// What an IPv4 stack binds for this endpoint; `None`: nothing, for it is of IPv6 alone.
pub(super) fn own(endpoint: SocketAddr, only_v6: bool) -> Result<Option<SocketAddr>, Errno> {
    let port = endpoint.port();
    match endpoint.ip() {
        IpAddr::V4(_) => Ok(Some(endpoint)),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(_) if only_v6 => Err(Errno::INVAL),
            Some(address) => Ok(Some(SocketAddr::new(address.into(), port))),
            None if !address.is_unspecified() => Err(Errno::ADDRNOTAVAIL),
            None if only_v6 => Ok(None),
            None => Ok(Some(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_as_linux_does() {
        let v4: SocketAddr = "10.0.2.15:80".parse().unwrap();
        let v6: SocketAddr = "[::ffff:10.0.2.15]:80".parse().unwrap();
        let bytes = emit(Family::V4, v4);
        assert_eq!(bytes.len(), 16);
        assert_eq!(parse(Family::V4, &bytes), Ok(Given::Endpoint(v4)));
        assert_eq!(parse(Family::V4, &bytes[..15]), Err(Errno::INVAL));
        assert_eq!(parse(Family::V6, &bytes), Err(Errno::AFNOSUPPORT));
        let bytes = emit(Family::V6, v4);
        assert_eq!(bytes.len(), 28);
        assert_eq!(parse(Family::V6, &bytes), Ok(Given::Endpoint(v6)));
        assert_eq!(destination(v6), Ok(v4));
        assert_eq!(own(v6, false), Ok(Some(v4)));
        assert_eq!(parse(Family::V4, &[0, 0]), Ok(Given::Nobody));
        assert_eq!(parse(Family::V4, &[0]), Err(Errno::INVAL));

        let any = emit(Family::V6, "0.0.0.0:7".parse().unwrap());
        assert_eq!(parse(Family::V6, &any), Ok(Given::Endpoint("[::]:7".parse().unwrap())));
        assert_eq!(own("[::]:7".parse().unwrap(), true), Ok(None));
        assert_eq!(own("[::1]:7".parse().unwrap(), false), Err(Errno::ADDRNOTAVAIL));
        assert_eq!(destination("[2001:db8::1]:7".parse().unwrap()), Err(Errno::NETUNREACH));
        assert_eq!(destination("[::1]:7".parse().unwrap()), Err(Errno::CONNREFUSED));
    }
}
