//! `bind`, `connect` and `getpeername` of datagram sockets, as Linux's UDP has them.

use super::Datagram;
use crate::notify::address::{Given, emit, own, parse};
use crate::notify::call::Call;
use crate::notify::pump::number;
use crate::notify::supervisor::Desk;
use crate::notify::table::{Family, Id, Sock, State};
use crate::sys::unix;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::net::{Ipv4Addr, SocketAddr};

/// What a peer without a port is to the stack, which sends to none: nothing ever goes there.
const NO_PORT: u16 = 9;

impl Datagram {
    /// Whether the program has given it a peer.
    pub(in crate::notify) const fn is_connected(&self) -> bool {
        self.peer.is_some()
    }

    /// The port where what the program sends without an address goes, if it goes anywhere.
    pub(super) fn peer_port(&self) -> Option<u16> {
        self.peer.map(|peer| peer.port()).filter(|port| *port != 0)
    }
}

impl Desk {
    pub(super) fn bind_datagram(&mut self, id: Id, call: &Call) -> Result<i64, Errno> {
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let bytes = call.address(1, 2)?;
        let endpoint = match parse(sock.family, &bytes)? {
            Given::Endpoint(endpoint) => endpoint,
            // As Linux, for old programs: any address of IPv4 may be given without its family.
            Given::Nobody if sock.family == Family::V4 && bytes.len() >= 16 => {
                if bytes[4..8] != [0; 4] {
                    return Err(Errno::AFNOSUPPORT);
                }
                let port = u16::from_be_bytes([bytes[2], bytes[3]]);
                (Ipv4Addr::UNSPECIFIED, port).into()
            }
            Given::Nobody => return Err(Errno::AFNOSUPPORT),
        };
        if sock.kept.bound_v6.is_some() {
            return Err(Errno::INVAL);
        }
        let Some(local) = own(endpoint, sock.kept.only_v6)? else {
            // Of IPv6 alone: nobody can ever reach it, and no port of the stack is taken.
            if let Some(sock) = self.table.socks.get_mut(&id) {
                sock.kept.bound_v6 = Some(endpoint);
            }
            return Ok(0);
        };
        let mut bound = sock.socket.bind(local).map_err(|error| number(&error));
        if bound == Err(Errno::ADDRINUSE) && self.sweep_for_port() {
            let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
            bound = sock.socket.bind(local).map_err(|error| number(&error));
        }
        self.show_port(id);
        bound.map(|()| 0)
    }

    pub(super) fn connect_datagram(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
    ) -> Result<i64, Errno> {
        let bytes = call.address(1, 2)?;
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let peer = match given(sock, &bytes)? {
            Given::Nobody => {
                sock.socket.disconnect().map_err(|error| number(&error))?;
                None
            }
            Given::Endpoint(endpoint) => {
                let (mut remote, _) = self.reach(endpoint).map_err(no_way)?;
                if remote.port() == 0 {
                    remote.set_port(NO_PORT);
                }
                let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
                sock.socket.connect(remote).map_err(|error| number(&error))?;
                Some(shown(endpoint))
            }
        };
        let _ = unix::number(copy, libc::SOL_SOCKET, libc::SO_ERROR);
        if let Some(sock) = self.table.socks.get_mut(&id) {
            sock.error = None;
        }
        self.show_port(id);
        self.datagram(id)?.peer = peer;
        Ok(0)
    }

    pub(super) fn datagram_peer_name(&mut self, id: Id, call: &Call) -> Result<i64, Errno> {
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let State::Datagram(datagram) = &sock.state else { return Err(Errno::BADF) };
        // As Linux: a peer without a port is none.
        let peer = datagram.peer.filter(|peer| peer.port() != 0).ok_or(Errno::NOTCONN)?;
        call.write_address(1, 2, &emit(sock.family, peer))?;
        Ok(0)
    }

    /// Where a datagram goes that the program gives an address to; `None`: to its peer.
    pub(super) fn addressed(
        &mut self,
        id: Id,
        address: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<Option<SocketAddr>, Errno> {
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let State::Datagram(datagram) = &sock.state else { return Err(Errno::BADF) };
        let Some(address) = address else {
            return match datagram.peer {
                Some(peer) if peer.port() == 0 => Err(Errno::INVAL),
                _ => Ok(None),
            };
        };
        let endpoint = match given(sock, address)? {
            Given::Endpoint(endpoint) => endpoint,
            Given::Nobody if sock.family == Family::V6 => return Ok(None),
            // As Linux: no family is IPv4's.
            Given::Nobody => {
                let place: [u8; 8] = *address.first_chunk().ok_or(Errno::INVAL)?;
                let port = u16::from_be_bytes([place[2], place[3]]);
                let address = Ipv4Addr::new(place[4], place[5], place[6], place[7]);
                SocketAddr::new(address.into(), port)
            }
        };
        let (to, redirected) = self.reach(endpoint).map_err(no_way)?;
        if redirected {
            self.note_question(id, bytes, shown(endpoint));
        }
        Ok(Some(to))
    }

    /// Has others find it where the stack has bound it.
    pub(super) fn show_port(&mut self, id: Id) {
        if let Some(sock) = self.table.socks.get(&id) {
            let port = sock.socket.local_addr().map_or(0, |local| local.port());
            self.table.put_at(port, id);
        }
    }
}

/// What a datagram socket takes these bytes for: one of IPv6 takes addresses of IPv4, too.
fn given(sock: &Sock, bytes: &[u8]) -> Result<Given, Errno> {
    let four =
        bytes.first_chunk().map(|kind| u16::from_ne_bytes(*kind)) == Some(libc::AF_INET as u16);
    match sock.family {
        Family::V6 if four && !sock.kept.only_v6 => parse(Family::V4, bytes),
        Family::V4 if bytes.len() < 16 && bytes.len() >= 2 && !is_unspecified(bytes) => {
            Err(Errno::INVAL)
        }
        family => parse(family, bytes),
    }
}

fn is_unspecified(bytes: &[u8]) -> bool {
    bytes.first_chunk().map(|kind| u16::from_ne_bytes(*kind)) == Some(libc::AF_UNSPEC as u16)
}

/// Of an address of IPv6: nobody refuses datagrams before they are sent.
const fn no_way(_: Errno) -> Errno {
    Errno::NETUNREACH
}

/// The peer as it is told: no address is one's own host.
fn shown(endpoint: SocketAddr) -> SocketAddr {
    match endpoint {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), v4.port())
        }
        endpoint => endpoint,
    }
}
