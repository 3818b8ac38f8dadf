//! Ping sockets, as Linux has them: the application sends echo requests, the identifier is the
//! socket's port, and it receives the replies to it. On an any-address interface it may take
//! the requests to others instead, and send their replies.

use super::Datagrams;
use super::input::{datagram, keep};
use crate::core_state::Core;
use crate::packet::{Claim, Packet};
use crate::slab::Key;
use alloc::vec::Vec;
use core::net::SocketAddr;
use danja_wire::Payload;
use danja_wire::checksum::Sum;
use danja_wire::icmpv4::{HEADER_LEN, Message};

/// The message to be sent: a request with the socket's identifier, or a reply as it is.
/// `None` if the application's bytes are neither.
pub(super) fn message(data: &Payload, ident: u16) -> Option<Payload> {
    let message = match Message::parse_unverified(data.as_slice()).ok()? {
        Message::EchoRequest { sequence, .. } => Message::EchoRequest { ident, sequence },
        reply @ Message::EchoReply { .. } => reply,
        _ => return None,
    };
    let mut bytes: Vec<u8> = data.as_slice().to_vec();
    let (header, body) = bytes.split_at_mut_checked(HEADER_LEN)?;
    let mut sum = Sum::new();
    sum.add_bytes(body);
    message.emit(header, sum).ok()?;
    Some(Payload::from(bytes))
}

impl Datagrams {
    /// An echo reply, or an echo request to an address that is not ours.
    pub(super) fn ping_input(&mut self, core: &mut Core, packet: &Packet) -> Claim {
        let Ok(message) = Message::parse_unverified(packet.transport_front()) else {
            return Claim::Unclaimed;
        };
        let (key, ident) = match message {
            Message::EchoReply { ident, .. } => (self.asker(packet, ident), ident),
            Message::EchoRequest { ident, .. } => (self.taker(packet), ident),
            _ => (None, 0),
        };
        let Some(socket) = key.and_then(|key| self.sockets.get_mut(key)) else {
            return Claim::Unclaimed;
        };
        let from = SocketAddr::new(packet.source, ident);
        let to = SocketAddr::new(packet.destination, ident);
        let payload = packet.frame.range(packet.transport, packet.end);
        keep(core, socket, datagram(packet, payload, from, to));
        Claim::Taken
    }

    /// The socket that sent the request.
    fn asker(&self, packet: &Packet, ident: u16) -> Option<Key> {
        let local = SocketAddr::new(packet.destination, ident);
        let remote = SocketAddr::new(packet.source, 0);
        self.ping.demux.find(&self.sockets, local, remote, Some(packet.interface))
    }

    /// The first socket bound to the interface that a request to another came in by.
    fn taker(&self, packet: &Packet) -> Option<Key> {
        self.echo_takers.iter().copied().find(|key| {
            let socket = self.sockets.get(*key);
            socket.is_some_and(|it| it.options.interface == Some(packet.interface))
        })
    }
}
