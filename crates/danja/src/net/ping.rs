//! [`PingSocket`]: ICMP echo (RFC 792), as Linux's ping sockets have it.

use super::{Domain, RecvFlags, SendFlags, Socket, SocketKind};
use crate::error::own;
use crate::host::Host;
use danja_stack::Payload;
use danja_stack::socket::Received;
use danja_wire::checksum::Sum;
use danja_wire::icmpv4::{HEADER_LEN, Message};
use rustix::io::Errno;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Sends echo requests and receives their replies, from [`Host::ping_socket`].
///
/// ICMP errors about its requests come as errors of the next call: [`crate::cause`] tells who
/// sent which.
///
/// ```
/// # use danja::{Host, lan::{MacAddress, cable::Switch}};
/// # fn main() -> std::io::Result<()> {
/// # let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
/// # let host = Host::builder()
/// #     .adapter(port).address("10.0.0.1/24".parse().unwrap()).build()?;
/// let ping = host.ping_socket()?;
/// ping.send("127.0.0.1".parse().unwrap(), 1, b"payload")?;
/// let reply = ping.recv()?;
/// assert_eq!((reply.sequence, reply.payload.as_slice()), (1, &b"payload"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PingSocket {
    socket: Socket,
}

/// An echo reply.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct EchoReply {
    /// Who replied.
    pub from: IpAddr,
    /// The request's sequence number.
    pub sequence: u16,
    /// Time to live with which the reply came.
    pub ttl: u8,
    /// The request's data.
    pub payload: Vec<u8>,
}

impl Host {
    /// A new ping socket.
    ///
    /// # Errors
    /// The stack's limit of sockets is reached (EMFILE).
    pub fn ping_socket(&self) -> io::Result<PingSocket> {
        Socket::new(self, Domain::Ipv4, SocketKind::Ping).map(|socket| PingSocket { socket })
    }
}

impl PingSocket {
    /// Sends an echo request; `sequence` and `payload` come back in the reply.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`](super::UdpSocket::send_to).
    pub fn send(&self, to: IpAddr, sequence: u16, payload: &[u8]) -> io::Result<()> {
        let mut message = vec![0; HEADER_LEN];
        message.extend_from_slice(payload);
        let (header, body) = message.split_at_mut(HEADER_LEN);
        let mut sum = Sum::new();
        sum.add_bytes(body);
        // The identifier is the socket's; the stack fills it in.
        let request = Message::EchoRequest { ident: 0, sequence };
        if request.emit(header, sum).is_err() {
            return Err(own(Errno::INVAL, "no echo request can be made of this"));
        }
        let flags = SendFlags { to: Some(SocketAddr::new(to, 0)), ..SendFlags::default() };
        self.socket.send_payload(&Payload::from(message), flags).map(|_| ())
    }

    /// Waits for a reply.
    ///
    /// # Errors
    /// `WouldBlock` after the time-out; `HostUnreachable` and the like if an ICMP error came.
    pub fn recv(&self) -> io::Result<EchoReply> {
        let mut slices = Vec::new();
        loop {
            let received =
                self.socket.recv_payloads(usize::MAX, RecvFlags::default(), &mut slices)?;
            let mut bytes = Vec::with_capacity(received.bytes);
            slices.drain(..).for_each(|slice| bytes.extend_from_slice(slice.as_slice()));
            if let Some(reply) = parse(&received, &bytes) {
                return Ok(reply);
            }
        }
    }

    /// How long [`PingSocket::recv`] waits. `None` for ever.
    ///
    /// # Errors
    /// The time-out is zero (`InvalidInput`).
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    /// The time to live of the requests.
    ///
    /// # Errors
    /// The value is not from 1 to 255 (`InvalidInput`).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_ttl(ttl)
    }

    /// The socket, for every option and call.
    pub const fn as_socket(&self) -> &Socket {
        &self.socket
    }
}

fn parse(received: &Received, bytes: &[u8]) -> Option<EchoReply> {
    let from = received.from?.ip();
    match Message::parse_unverified(bytes).ok()? {
        Message::EchoReply { sequence, .. } => Some(EchoReply {
            from,
            sequence,
            ttl: received.ttl,
            payload: bytes.get(HEADER_LEN..)?.to_vec(),
        }),
        _ => None,
    }
}
