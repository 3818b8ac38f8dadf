//! [`TcpListener`]: std's, on a host of ours.

use super::endpoints::each_endpoint;
use super::{Socket, SocketKind, SocketOption, TcpStream, ToEndpoints};
use crate::host::Host;
use std::io;
use std::net::SocketAddr;

/// Connections that may wait for `accept`. std passes -1 in Linux, which means 4096 there.
pub(crate) const BACKLOG: usize = 4_096;

/// A socket that takes connections, as `std::net::TcpListener`.
///
/// ```
/// use danja::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
/// # fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// let listener = TcpListener::bind(&host, "127.0.0.1:0")?;
/// let mut client = TcpStream::connect(&host, listener.local_addr()?)?;
/// client.write_all(b"hello")?;
///
/// let (mut stream, peer) = listener.accept()?;
/// let mut heard = [0; 5];
/// stream.read_exact(&mut heard)?;
/// assert_eq!((&heard, peer), (b"hello", client.local_addr()?));
/// # Ok(())
/// # }
/// ```
pub struct TcpListener {
    socket: Socket,
}

impl TcpListener {
    /// Listens at the first endpoint that is free; port 0 lets the stack choose one. As std's it
    /// sets SO_REUSEADDR, so that old connections do not keep the port.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`.
    pub fn bind(host: &Host, endpoints: impl ToEndpoints) -> io::Result<Self> {
        each_endpoint(host, &endpoints, |endpoint| {
            let socket = Socket::for_address(host, endpoint, SocketKind::Stream)?;
            socket.set_option(SocketOption::ReuseAddress(true))?;
            socket.bind(endpoint)?;
            socket.listen(BACKLOG)?;
            Ok(Self { socket })
        })
    }

    /// The local endpoint.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The same listener once more.
    ///
    /// # Errors
    /// None today.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()? })
    }

    /// Waits for a connection; gives it and its peer's endpoint.
    ///
    /// # Errors
    /// `WouldBlock` if none waits and the listener is non-blocking.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = self.socket.accept()?;
        Ok((TcpStream::from_socket(socket), peer))
    }

    /// Accepts for ever.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// let listener = danja::net::TcpListener::bind(&host, "127.0.0.1:80")?;
    /// for stream in listener.incoming() {
    ///     let mut stream = stream?;
    ///     std::thread::spawn(move || std::io::copy(&mut stream.try_clone()?, &mut stream));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub const fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
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

    /// `accept` returns at once, with `WouldBlock` if no connection waits; or waits again.
    ///
    /// # Errors
    /// None today.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking)
    }

    /// Of a stream socket that listens, to be used as std's.
    pub const fn from_socket(socket: Socket) -> Self {
        Self { socket }
    }

    /// The socket, for every option and call, and for executors.
    pub const fn as_socket(&self) -> &Socket {
        &self.socket
    }
}

/// An iterator that accepts for ever, from [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl std::fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TcpListener").field(&self.socket).finish()
    }
}
