//! [`UdpSocket`]: tokio's, on a host of ours: making one, its `async` calls and its options. The
//! `poll_*` and `try_*` calls are beside it.

use super::connect::first_of;
use super::ready::{self, PEEK, PLAIN, async_io, ready_for, recv_buf, recv_buf_mut, wait_for};
use super::socket_options;
use crate::error::own;
use crate::host::{Host, Interest as Direction};
use crate::net::{
    self, OptionName, Received, RecvFlags, SendFlags, Socket, SocketKind, SocketOption,
    ToEndpoints, look_up,
};
use ::tokio::io::{Interest, ReadBuf, Ready};
use bytes::BufMut;
use rustix::io::Errno;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;

/// A UDP socket, as `tokio::net::UdpSocket`.
///
/// ```
/// use danja::tokio::UdpSocket;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// let receiver = UdpSocket::bind(&host, "127.0.0.1:0").await?;
/// let sender = UdpSocket::bind(&host, "127.0.0.1:0").await?;
/// sender.send_to(b"ping", receiver.local_addr()?).await?;
/// let mut buffer = [0; 16];
/// let (length, from) = receiver.recv_from(&mut buffer).await?;
/// assert_eq!((&buffer[..length], from), (&b"ping"[..], sender.local_addr()?));
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    pub(super) socket: Socket,
}

/// From whom a datagram is.
pub(super) fn sender(received: &Received) -> io::Result<SocketAddr> {
    received.from.ok_or_else(|| own(Errno::NOTCONN, "no datagram, and no sender"))
}

pub(super) fn with_sender(received: Received) -> io::Result<(usize, SocketAddr)> {
    Ok((received.bytes, sender(&received)?))
}

impl UdpSocket {
    /// A socket at the first endpoint that is free; port 0 lets the stack choose one. Cancel
    /// safe: nothing is bound.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`; those of the name's lookup.
    pub async fn bind<A: ToEndpoints>(host: &Host, addr: A) -> io::Result<Self> {
        first_of(look_up(host, &addr).await?, |endpoint| {
            let socket = Socket::for_address(host, endpoint, SocketKind::Datagram)?;
            socket.bind(endpoint)?;
            Ok(Self::from_socket(socket))
        })
    }

    fn from_socket(socket: Socket) -> Self {
        socket.inner.set_nonblocking(true);
        Self { socket }
    }

    /// Of a blocking socket; it blocks no more.
    ///
    /// # Errors
    /// None today.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        Ok(Self::from_socket(socket.as_socket().try_clone()?))
    }

    /// As a socket of [`danja::net`](crate::net); it stays non-blocking, as tokio's does.
    ///
    /// # Errors
    /// None today.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        Ok(net::UdpSocket::from_socket(self.socket))
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

    /// Sets the peer: [`UdpSocket::send`] goes to it, and nobody else is heard. Cancel safe: the
    /// peer is set, or it is not.
    ///
    /// # Errors
    /// Of the last endpoint tried; those of the name's lookup.
    pub async fn connect<A: ToEndpoints>(&self, addr: A) -> io::Result<()> {
        let endpoints = look_up(self.socket.host(), &addr).await?;
        first_of(endpoints, |endpoint| self.socket.connect(endpoint))
    }

    /// Waits until the socket is ready for something of `interest`, and says for what. Cancel
    /// safe.
    ///
    /// # Errors
    /// None today.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        ready_for(&self.socket, interest).await
    }

    /// Waits until sending would not. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Waits until receiving gives a datagram or an error. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    async fn send_as(&self, data: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        let flags = SendFlags { to, ..SendFlags::default() };
        let data = [IoSlice::new(data)];
        let inner = &self.socket.inner;
        wait_for(&self.socket, Direction::Write, |mode| inner.send(mode, &data, flags)).await
    }

    async fn recv_as(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
        let mut buf = ReadBuf::new(buf);
        wait_for(&self.socket, Direction::Read, |mode| {
            recv_buf(&self.socket, mode, &mut buf, flags)
        })
        .await
    }

    async fn recv_buf_as<B: BufMut>(&self, buf: &mut B) -> io::Result<Received> {
        wait_for(&self.socket, Direction::Read, |mode| recv_buf_mut(&self.socket, mode, buf, PLAIN))
            .await
    }

    /// Sends one datagram to the peer. Cancel safe: nothing was sent.
    ///
    /// # Errors
    /// EDESTADDRREQ without a peer; else as [`UdpSocket::send_to`].
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.send_as(buf, None).await
    }

    /// Sends one datagram to the first of the endpoints. Cancel safe: nothing was sent.
    ///
    /// # Errors
    /// `HostUnreachable`, EMSGSIZE, `PermissionDenied` (broadcast) …; an ICMP error about an
    /// earlier datagram, too.
    pub async fn send_to<A: ToEndpoints>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let first = look_up(self.socket.host(), &addr).await?.into_iter().next();
        let Some(to) = first else {
            let text = "no addresses to send data to";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        self.send_as(buf, Some(to)).await
    }

    /// Waits for one datagram from the peer; gives its length. What does not fit into `buf` is
    /// lost. Cancel safe: none was taken.
    ///
    /// # Errors
    /// `ConnectionRefused` and the like if an ICMP error came.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.recv_as(buf, PLAIN).await.map(|received| received.bytes)
    }

    /// As [`UdpSocket::recv`], into a buffer that grows; what does not fit into the room it has
    /// is lost. Cancel safe.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub async fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.recv_buf_as(buf).await.map(|received| received.bytes)
    }

    /// As [`UdpSocket::recv_buf`], and from whom. Cancel safe.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub async fn recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        self.recv_buf_as(buf).await.and_then(with_sender)
    }

    /// Waits for one datagram; gives its length and from whom it is. Cancel safe: none was
    /// taken.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_as(buf, PLAIN).await.and_then(with_sender)
    }

    /// As [`UdpSocket::recv`], but the datagram will be received again. Cancel safe.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.recv_as(buf, PEEK).await.map(|received| received.bytes)
    }

    /// As [`UdpSocket::recv_from`], but the datagram will be received again. Cancel safe.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_as(buf, PEEK).await.and_then(with_sender)
    }

    /// Waits for a datagram, and says from whom it is without taking it. Cancel safe.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.recv_as(&mut [], PEEK).await.and_then(|received| sender(&received))
    }

    /// Calls `f` if the socket is ready for `interest`. Readiness is not remembered.
    ///
    /// # Errors
    /// `WouldBlock` if it is not ready; those of `f`.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        ready::try_io(&self.socket, interest, f)
    }

    /// Calls `f` when the socket is ready for `interest`, and again after the next event if it
    /// says `WouldBlock`. As cancel safe as `f`: it is not called while this waits.
    ///
    /// # Errors
    /// Those of `f`.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        async_io(&self.socket, interest, f).await
    }

    /// Whether datagrams to broadcast addresses are allowed.
    ///
    /// # Errors
    /// None today.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::Broadcast)
    }

    /// Allows datagrams to broadcast addresses (SO_BROADCAST).
    ///
    /// # Errors
    /// None today.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::Broadcast(on))
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

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// None today.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// The socket, for every option and call.
    pub const fn as_socket(&self) -> &Socket {
        &self.socket
    }
}

impl TryFrom<net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: net::UdpSocket) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UdpSocket").field(&self.socket).finish()
    }
}
