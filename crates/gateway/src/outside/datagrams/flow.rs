//! One flow of datagrams out of the LAN: its connected socket of the machine, what is sent by it and
//! what comes back. Keeps no time.

use super::super::packets::Packets;
use crate::flows::{Entry, FlowKind, FlowState};
use danja::wire::icmpv4::{self, Message, Unreachable};
use danja::wire::ip::Protocol;
use danja::wire::{ipv4, udp};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, connect, ipproto, send, socket_with, sockopt,
};
use std::net::{SocketAddr, SocketAddrV4};

/// What an error quotes of the packet it is about, in bytes.
const REMEMBERED: usize = 128;

/// Which flow: its kind, its client (with the port, or the identifier of echo requests) and its
/// destination (without a port, of those).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub(super) kind: FlowKind,
    pub(super) client: SocketAddrV4,
    pub(super) destination: SocketAddrV4,
}

/// A flow's socket of the machine, and what its client hears of.
pub(super) struct Flow {
    pub(super) key: Key,
    pub(super) socket: OwnedFd,
    /// What the socket was told last.
    ttl: u8,
    dont_fragment: bool,
    /// The beginning of the client's last packet: errors are about it.
    pub(super) last: Vec<u8>,
    entry: Entry,
}

/// A packet of a client, looked through.
pub(super) struct Asked<'a> {
    pub(super) packet: &'a [u8],
    header: ipv4::Header,
    pub(super) key: Key,
    /// What the machine's socket sends.
    data: &'a [u8],
}

impl Flow {
    /// A flow over this socket, which was dialled for it.
    pub(super) fn new(key: Key, socket: OwnedFd, entry: Entry) -> Self {
        Self { key, socket, ttl: 0, dont_fragment: false, last: Vec::new(), entry }
    }

    /// Sends a client's datagram, one hop on.
    pub(super) fn send(&mut self, asked: &Asked<'_>) -> Result<(), Errno> {
        let ttl = asked.header.ttl.saturating_sub(1).max(1);
        if self.ttl != ttl {
            sockopt::set_ip_ttl(&self.socket, u32::from(ttl))?;
            self.ttl = ttl;
        }
        if self.dont_fragment != asked.header.dont_fragment {
            let discover = match asked.header.dont_fragment {
                true => sockopt::Ipv4PathMtuDiscovery::DO,
                false => sockopt::Ipv4PathMtuDiscovery::DONT,
            };
            sockopt::set_ip_mtu_discover(&self.socket, discover)?;
            self.dont_fragment = asked.header.dont_fragment;
        }
        self.last.clear();
        let head = asked.packet.len().min(REMEMBERED);
        self.last.extend_from_slice(asked.packet.get(..head).unwrap_or_default());
        send(&self.socket, asked.data, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
        self.entry.figures.sent(asked.data.len());
        Ok(())
    }

    /// Gives an answer to the client; `false` if the LAN has no room for it.
    pub(super) fn answer(&self, data: &[u8], packets: &mut Packets) -> bool {
        self.entry.figures.enter(FlowState::Open);
        self.entry.figures.received(data.len());
        let Key { kind, client, destination } = self.key;
        if kind != FlowKind::Echo {
            return packets.datagram(destination, client, data);
        }
        // A ping socket gives the whole message, with an identifier of the machine's.
        let Ok(Message::EchoReply { sequence, .. }) = Message::parse_unverified(data) else {
            return true;
        };
        let body = data.get(icmpv4::HEADER_LEN..).unwrap_or_default();
        packets.echo_reply(*destination.ip(), client, sequence, body)
    }
}

/// What a client wants of whom; `None` of what is neither a datagram nor an echo request.
pub(super) fn read<'a>(
    packet: &'a [u8],
    header: ipv4::Header,
    body: &'a [u8],
) -> Option<Asked<'a>> {
    match header.protocol {
        Protocol::UDP => {
            let datagram = udp::Header::parse(body).ok()?;
            let data = body.get(udp::HEADER_LEN..usize::from(datagram.length))?;
            let client = SocketAddrV4::new(header.source, datagram.source_port);
            let destination = SocketAddrV4::new(header.destination, datagram.destination_port);
            let key = Key { kind: FlowKind::Udp, client, destination };
            (client.port() != 0 && destination.port() != 0).then_some(Asked {
                packet,
                header,
                key,
                data,
            })
        }
        Protocol::ICMP => {
            let Ok(Message::EchoRequest { ident, .. }) = Message::parse(body) else { return None };
            let client = SocketAddrV4::new(header.source, ident);
            let destination = SocketAddrV4::new(header.destination, 0);
            let key = Key { kind: FlowKind::Echo, client, destination };
            // The machine puts an identifier of its own in.
            Some(Asked { packet, header, key, data: body })
        }
        _ => None,
    }
}

/// A connected socket of the machine.
pub(super) fn dial(kind: FlowKind, to: SocketAddrV4) -> Result<OwnedFd, Errno> {
    let protocol = if kind == FlowKind::Echo { ipproto::ICMP } else { ipproto::UDP };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, Some(protocol))?;
    connect(&socket, &SocketAddr::V4(to))?;
    // As the flow begins: fragments are nobody's wish yet.
    sockopt::set_ip_mtu_discover(&socket, sockopt::Ipv4PathMtuDiscovery::DONT)?;
    Ok(socket)
}

/// What an error of the machine's network says of the destination; `None` if it says nothing.
pub(super) const fn meaning(error: Errno) -> Option<Unreachable> {
    Some(match error {
        Errno::CONNREFUSED => Unreachable::Port,
        Errno::HOSTUNREACH | Errno::HOSTDOWN => Unreachable::Host,
        Errno::NETUNREACH | Errno::NETDOWN => Unreachable::Network,
        Errno::NOPROTOOPT => Unreachable::Protocol,
        Errno::ACCESS | Errno::PERM => Unreachable::AdministrativelyProhibited,
        _ => return None,
    })
}
