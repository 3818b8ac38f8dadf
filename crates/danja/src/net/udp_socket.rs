//! [`UdpSocket`]: std's, on a host of ours.

use super::endpoints::each_endpoint;
use super::{OptionName, RecvFlags, SendFlags, Socket, SocketKind, SocketOption, ToEndpoints};
use crate::error::own;
use crate::host::Host;
use danja_stack::socket::Received;
use rustix::io::Errno;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A UDP socket, as `std::net::UdpSocket`.
///
/// ```
/// use danja::net::UdpSocket;
/// # use danja::{Host, lan::{MacAddress, cable::Switch}};
///
/// # fn main() -> std::io::Result<()> {
/// # let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
/// # let host = Host::builder()
/// #     .adapter(port).address("10.0.0.1/24".parse().unwrap()).build()?;
/// let receiver = UdpSocket::bind(&host, "127.0.0.1:0")?;
/// let sender = UdpSocket::bind(&host, "127.0.0.1:0")?;
/// sender.send_to(b"ping", receiver.local_addr()?)?;
/// let mut buffer = [0; 16];
/// let (length, from) = receiver.recv_from(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"ping");
/// assert_eq!(from, sender.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    socket: Socket,
}

const PEEK: RecvFlags = RecvFlags { peek: true, urgent: false };

impl UdpSocket {
    /// A socket at the first endpoint that is free; port 0 lets the stack choose one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`.
    pub fn bind(host: &Host, endpoints: impl ToEndpoints) -> io::Result<Self> {
        each_endpoint(host, &endpoints, |endpoint| {
            let socket = Socket::for_address(host, endpoint, SocketKind::Datagram)?;
            socket.bind(endpoint)?;
            Ok(Self { socket })
        })
    }

    /// Sets the peer: [`UdpSocket::send`] goes to it, and nobody else is heard.
    ///
    /// # Errors
    /// Of the last endpoint tried.
    ///
    /// ```
    /// # use danja::net::UdpSocket;
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// # let server = UdpSocket::bind(&host, "127.0.0.1:9")?;
    /// let socket = UdpSocket::bind(&host, "127.0.0.1:0")?;
    /// socket.connect("127.0.0.1:9")?;
    /// socket.send(b"to the peer")?;
    /// assert_eq!(socket.peer_addr()?.port(), 9);
    /// # assert_eq!(server.recv(&mut [0; 16])?, 11);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self, endpoints: impl ToEndpoints) -> io::Result<()> {
        each_endpoint(self.socket.host(), &endpoints, |endpoint| self.socket.connect(endpoint))
    }

    /// Sends one datagram to the first of the endpoints.
    ///
    /// # Errors
    /// As `sendto(2)`: `HostUnreachable`, EMSGSIZE, `PermissionDenied` (broadcast) …; an ICMP
    /// error about an earlier datagram, too.
    pub fn send_to(&self, data: &[u8], endpoints: impl ToEndpoints) -> io::Result<usize> {
        let first = endpoints.endpoints(self.socket.host())?.into_iter().next();
        let Some(to) = first else {
            let text = "no addresses to send data to";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        self.socket.send_with(data, SendFlags { to: Some(to), ..SendFlags::default() })
    }

    /// Sends one datagram to the peer.
    ///
    /// # Errors
    /// EDESTADDRREQ without a peer; else as [`UdpSocket::send_to`].
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.socket.send_with(data, SendFlags::default())
    }

    /// Waits for one datagram; what does not fit into `buffer` is lost. Gives its length and
    /// from whom it is.
    ///
    /// # Errors
    /// `WouldBlock` after the time-out; `ConnectionRefused` and the like if an ICMP error came.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_with(buffer, RecvFlags::default()).and_then(with_sender)
    }

    /// Waits for one datagram from the peer; gives its length.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.recv_with(buffer, RecvFlags::default()).map(|received| received.bytes)
    }

    /// As [`UdpSocket::recv_from`], but the datagram will be received again.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.recv_with(buffer, PEEK).and_then(with_sender)
    }

    /// As [`UdpSocket::recv`], but the datagram will be received again.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.recv_with(buffer, PEEK).map(|received| received.bytes)
    }

    /// The local endpoint.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The peer's endpoint.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The same socket once more.
    ///
    /// # Errors
    /// None today.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()? })
    }

    /// How long receiving waits; then it fails with `WouldBlock`. `None` for ever.
    ///
    /// # Errors
    /// The time-out is zero (`InvalidInput`).
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    /// How long sending waits. `None` for ever.
    ///
    /// # Errors
    /// The time-out is zero (`InvalidInput`).
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_write_timeout(timeout)
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.read_timeout()
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.write_timeout()
    }

    /// Allows datagrams to broadcast addresses (SO_BROADCAST).
    ///
    /// # Errors
    /// None today.
    pub fn set_broadcast(&self, allowed: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::Broadcast(allowed))
    }

    /// Whether datagrams to broadcast addresses are allowed.
    ///
    /// # Errors
    /// None today.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::Broadcast)
    }

    /// The time to live of what is sent.
    ///
    /// # Errors
    /// The value is not from 1 to 255 (`InvalidInput`).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.set_ttl(ttl)
    }

    /// What was set, or 64.
    ///
    /// # Errors
    /// None today.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.ttl()
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// None today.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Calls return at once, with `WouldBlock` where they would wait; or wait again.
    ///
    /// # Errors
    /// None today.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }

    /// Of a datagram socket, to be used as std's.
    pub const fn from_socket(socket: Socket) -> Self {
        Self { socket }
    }

    /// The socket, for every option and call, and for executors.
    pub const fn as_socket(&self) -> &Socket {
        &self.socket
    }
}

fn with_sender(received: Received) -> io::Result<(usize, SocketAddr)> {
    match received.from {
        Some(from) => Ok((received.bytes, from)),
        // A socket that was shut down for reading.
        None => Err(own(Errno::NOTCONN, "no datagram, and no sender")),
    }
}

impl std::fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UdpSocket").field(&self.socket).finish()
    }
}
