//! [`TcpListener`]: tokio's, on a host of ours.

use super::TcpStream;
use super::connect::first_of;
use super::ready::{poll_once, wait_for};
use crate::host::{Host, Interest};
use crate::net::{self, BACKLOG, Socket, SocketKind, SocketOption, ToEndpoints, look_up};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

/// A socket that takes connections, as `tokio::net::TcpListener`.
///
/// ```
/// use danja::tokio::{TcpListener, TcpStream};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// let listener = TcpListener::bind(&host, "127.0.0.1:7000").await?;
/// let (client, accepted) =
///     tokio::try_join!(TcpStream::connect(&host, "127.0.0.1:7000"), listener.accept())?;
/// assert_eq!(client.local_addr()?, accepted.1);
/// # Ok(())
/// # }
/// ```
pub struct TcpListener {
    socket: Socket,
}

impl TcpListener {
    /// Listens at the first endpoint that is free; port 0 lets the stack choose one. As tokio's
    /// it sets SO_REUSEADDR. Cancel safe: nothing is bound.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`; those of the name's lookup.
    pub async fn bind<A: ToEndpoints>(host: &Host, addr: A) -> io::Result<Self> {
        first_of(look_up(host, &addr).await?, |endpoint| {
            let socket = Socket::for_address(host, endpoint, SocketKind::Stream)?;
            socket.set_option(SocketOption::ReuseAddress(true))?;
            socket.bind(endpoint)?;
            socket.listen(BACKLOG)?;
            Ok(Self::from_socket(socket))
        })
    }

    pub(super) fn from_socket(socket: Socket) -> Self {
        socket.inner.set_nonblocking(true);
        Self { socket }
    }

    /// Waits for a connection; gives it and its peer's endpoint. Cancel safe: no connection was
    /// taken, and the next call gets it.
    ///
    /// # Errors
    /// Too many sockets (EMFILE); the host has ended.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) =
            wait_for(&self.socket, Interest::Read, |mode| self.socket.accept_as(mode)).await?;
        Ok((TcpStream::from_socket(socket), peer))
    }

    /// The oldest connection that waits, and its peer; the latest waker counts.
    ///
    /// # Errors
    /// As [`TcpListener::accept`].
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        poll_once(cx, |mode| self.socket.accept_as(mode))
            .map_ok(|(socket, peer)| (TcpStream::from_socket(socket), peer))
    }

    /// Of a blocking listener; it blocks no more.
    ///
    /// # Errors
    /// None today.
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        Ok(Self::from_socket(listener.as_socket().try_clone()?))
    }

    /// As a listener of [`danja::net`](crate::net); it stays non-blocking, as tokio's does.
    ///
    /// # Errors
    /// None today.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        Ok(net::TcpListener::from_socket(self.socket))
    }

    /// The local endpoint.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The time to live of what is sent, or 64.
    ///
    /// # Errors
    /// None today.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.ttl()
    }

    /// Sets the time to live of what is sent.
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

impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: net::TcpListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.socket).finish()
    }
}
