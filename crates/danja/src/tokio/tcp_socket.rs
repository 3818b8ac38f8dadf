//! [`TcpSocket`]: tokio's, a TCP socket before it connects or listens.

use super::connect::connect;
use super::{TcpListener, TcpStream, socket_options};
use crate::host::Host;
use crate::net::{self, Domain, OptionName, Socket, SocketKind, SocketOption};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A TCP socket that is neither connected nor listening yet, as `tokio::net::TcpSocket`.
///
/// ```
/// use danja::tokio::TcpSocket;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// let socket = TcpSocket::new_v4(&host)?;
/// socket.set_reuseaddr(true)?;
/// socket.bind("127.0.0.1:0".parse().unwrap())?;
/// let listener = socket.listen(16)?;
/// let client = TcpSocket::new_v4(&host)?.connect(listener.local_addr()?).await?;
/// assert_eq!(client.peer_addr()?, listener.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// A new socket for IPv4.
    ///
    /// # Errors
    /// The host's limit of sockets is reached (EMFILE).
    pub fn new_v4(host: &Host) -> io::Result<Self> {
        Self::new(host, Domain::Ipv4)
    }

    /// A new socket for IPv6.
    ///
    /// # Errors
    /// The stack does not speak it (EAFNOSUPPORT); as [`TcpSocket::new_v4`].
    pub fn new_v6(host: &Host) -> io::Result<Self> {
        Self::new(host, Domain::Ipv6)
    }

    fn new(host: &Host, domain: Domain) -> io::Result<Self> {
        let socket = Socket::new(host, domain, SocketKind::Stream)?;
        socket.inner.set_nonblocking(true);
        Ok(Self { socket })
    }

    /// Probes an idle peer (SO_KEEPALIVE).
    ///
    /// # Errors
    /// None today.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::KeepAlive(keepalive))
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::KeepAlive)
    }

    /// Binds although old connections linger on the port (SO_REUSEADDR).
    ///
    /// # Errors
    /// None today.
    pub fn set_reuseaddr(&self, reuseaddr: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::ReuseAddress(reuseaddr))
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::ReuseAddress)
    }

    /// Several sockets on one port, all of which ask for it (SO_REUSEPORT).
    ///
    /// # Errors
    /// None today.
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::ReusePort(reuseport))
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn reuseport(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::ReusePort)
    }

    /// The send buffer in bytes; it grows by itself no more (SO_SNDBUF).
    ///
    /// # Errors
    /// None today.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::SendBuffer(size as usize))
    }

    /// The send buffer in bytes; not doubled, as Linux would.
    ///
    /// # Errors
    /// None today.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        socket_options::size(&self.socket, OptionName::SendBuffer)
    }

    /// The receive buffer in bytes; it grows by itself no more (SO_RCVBUF).
    ///
    /// # Errors
    /// None today.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_option(SocketOption::ReceiveBuffer(size as usize))
    }

    /// The receive buffer in bytes; not doubled, as Linux would.
    ///
    /// # Errors
    /// None today.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        socket_options::size(&self.socket, OptionName::ReceiveBuffer)
    }

    /// Sets SO_LINGER. Dropping does not wait, whatever the time.
    ///
    /// # Errors
    /// None today.
    #[deprecated = "as in tokio; here dropping never blocks, so that only zero has an effect"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        socket_options::set_linger(&self.socket, dur)
    }

    /// Dropping throws unsent data away and resets the connection.
    ///
    /// # Errors
    /// None today.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        socket_options::set_linger(&self.socket, Some(Duration::ZERO))
    }

    /// What closing does with unsent data.
    ///
    /// # Errors
    /// None today.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        socket_options::linger(&self.socket)
    }

    /// Switches Nagle's algorithm off (TCP_NODELAY).
    ///
    /// # Errors
    /// None today.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::NoDelay(nodelay))
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::NoDelay)
    }

    /// The type of service (IP_TOS).
    ///
    /// # Errors
    /// None today.
    pub fn tos_v4(&self) -> io::Result<u32> {
        socket_options::tos(&self.socket)
    }

    /// Sets the type of service; its ECN bits are the stack's own.
    ///
    /// # Errors
    /// None today.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        socket_options::set_tos(&self.socket, tos)
    }

    /// The name of the host's interface that it is bound to.
    ///
    /// # Errors
    /// None today.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        socket_options::device(&self.socket)
    }

    /// Binds it to an interface of the host, by name (SO_BINDTODEVICE).
    ///
    /// # Errors
    /// There is none of this name (ENODEV).
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        socket_options::bind_device(&self.socket, interface)
    }

    /// The local endpoint; all zero before it is bound.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// None today.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Takes a local endpoint; port 0 lets the stack choose one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(addr)
    }

    /// Connects. Cancel safe: the handshake is given up with the socket.
    ///
    /// # Errors
    /// Refused, unreachable, timed out … as Linux has them.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        connect(&self.socket, addr).await?;
        Ok(TcpStream::from_socket(self.socket))
    }

    /// Takes connections from now on; at most `backlog` of them wait.
    ///
    /// # Errors
    /// `AddrInUse`.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(backlog as usize)?;
        Ok(TcpListener::from_socket(self.socket))
    }

    /// Of a blocking stream that is not connected yet.
    pub fn from_std_stream(stream: net::TcpStream) -> Self {
        let socket = Socket { inner: stream.as_socket().inner.clone() };
        socket.inner.set_nonblocking(true);
        Self { socket }
    }

    /// The socket, for every option and call.
    pub const fn as_socket(&self) -> &Socket {
        &self.socket
    }
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpSocket").field(&self.socket).finish()
    }
}
