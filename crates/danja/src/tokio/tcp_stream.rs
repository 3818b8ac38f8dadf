//! [`TcpStream`]: tokio's, on a host of ours.

use super::connect::race;
use super::ready::{
    self, PEEK, PLAIN, async_io, poll_once, poll_ready, ready_for, recv_buf, recv_buf_mut, wait_for,
};
use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, socket_options, split_owned};
use crate::host::{Host, Interest as Direction, Mode};
use crate::net::{
    self, OptionName, SendFlags, Socket, SocketOption, ToEndpoints, look_up, settled,
};
use ::tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use bytes::BufMut;
use danja_stack::ControlInfo;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A TCP connection, as `tokio::net::TcpStream`. Dropping it never blocks: what was written is
/// sent in the background (with [`TcpStream::set_zero_linger`] it is thrown away, and the
/// connection reset).
///
/// ```
/// use danja::tokio::{TcpListener, TcpStream};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// # let listener = TcpListener::bind(&host, "127.0.0.1:80").await?;
/// let mut stream = TcpStream::connect(&host, "localhost:80").await?;
/// stream.write_all(b"hello").await?;
/// # let (mut peer, _) = listener.accept().await?;
/// # let mut heard = [0; 5];
/// # peer.read_exact(&mut heard).await?;
/// # assert_eq!(&heard, b"hello");
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    socket: Socket,
}

impl TcpStream {
    /// Connects to the first endpoint that answers. A name is looked up over the host's own
    /// sockets; endpoints are tried in their order, the next one also when the one before has
    /// not answered for 250 ms (RFC 8305). Cancel safe: handshakes under way are given up.
    ///
    /// # Errors
    /// Of the last endpoint that failed: refused, unreachable, timed out … as Linux has them.
    pub async fn connect<A: ToEndpoints>(host: &Host, addr: A) -> io::Result<Self> {
        let endpoints = look_up(host, &addr).await?;
        race(host, endpoints).await.map(Self::from_socket)
    }

    pub(super) fn from_socket(socket: Socket) -> Self {
        socket.inner.set_nonblocking(true);
        Self { socket }
    }

    /// Of a blocking stream; it blocks no more.
    ///
    /// # Errors
    /// None today.
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        Ok(Self::from_socket(stream.as_socket().try_clone()?))
    }

    /// As a stream of [`danja::net`](crate::net); it stays non-blocking, as tokio's does.
    ///
    /// # Errors
    /// None today.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        Ok(net::TcpStream::from_socket(self.socket))
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

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// None today.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Reads without taking; the latest waker counts.
    ///
    /// # Errors
    /// As reading.
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let received = poll_once(cx, |mode| recv_buf(&self.socket, mode, buf, PEEK));
        received.map_ok(|received| received.bytes)
    }

    /// Waits for something to read and gives it without taking it. Cancel safe.
    ///
    /// # Errors
    /// As reading.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        let received = wait_for(&self.socket, Direction::Read, |mode| {
            recv_buf(&self.socket, mode, &mut buf, PEEK)
        });
        received.await.map(|received| received.bytes)
    }

    /// Waits until the stream is ready for something of `interest`, and says for what;
    /// `Interest::PRIORITY` is urgent data that [`Socket::try_recv`] can take apart. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        ready_for(&self.socket, interest).await
    }

    /// Waits until reading gives something: data, the end, an error. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Ready when reading gives something; the latest waker counts.
    ///
    /// # Errors
    /// None today.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_ready(&self.socket, cx, Direction::Read)
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; as reading.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_read_vectored(&mut [IoSliceMut::new(buf)])
    }

    /// As [`TcpStream::try_read`], into several buffers, filled one after the other.
    ///
    /// # Errors
    /// As [`TcpStream::try_read`].
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.try_recv_vectored(bufs, PLAIN).map(|received| received.bytes)
    }

    /// As [`TcpStream::try_read`], into a buffer that grows.
    ///
    /// # Errors
    /// As [`TcpStream::try_read`].
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        settled(recv_buf_mut(&self.socket, Mode::Now, buf, PLAIN)).map(|received| received.bytes)
    }

    /// Waits until writing takes something. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Ready when writing takes something; the latest waker counts.
    ///
    /// # Errors
    /// None today.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_ready(&self.socket, cx, Direction::Write)
    }

    /// Writes what fits.
    ///
    /// # Errors
    /// `WouldBlock` if nothing fits; as writing.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_send(buf, SendFlags::default())
    }

    /// As [`TcpStream::try_write`], of bytes that lie in several places.
    ///
    /// # Errors
    /// As [`TcpStream::try_write`].
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_send_vectored(bufs, SendFlags::default())
    }

    /// Calls `f` if the stream is ready for `interest`. Readiness is not remembered: `f` need
    /// not use up what is there, and may be called again at once.
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

    /// Calls `f` when the stream is ready for `interest`, and again after the next event if it
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

    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        match self.socket.shutdown(Shutdown::Write) {
            // As tokio's: the peer's reset may have come first.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    /// Whether Nagle's algorithm is off.
    ///
    /// # Errors
    /// None today.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::NoDelay)
    }

    /// Switches Nagle's algorithm off (TCP_NODELAY).
    ///
    /// # Errors
    /// None today.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::NoDelay(nodelay))
    }

    /// Whether segments are acknowledged at once for now.
    ///
    /// # Errors
    /// None today.
    pub fn quickack(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::QuickAck)
    }

    /// Acknowledges at once for now (TCP_QUICKACK).
    ///
    /// # Errors
    /// None today.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::QuickAck(quickack))
    }

    /// What closing does with unsent data (SO_LINGER).
    ///
    /// # Errors
    /// None today.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        socket_options::linger(&self.socket)
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

    /// Halves that borrow the stream, for tasks that run together.
    pub const fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf { stream: self }, WriteHalf { stream: self })
    }

    /// Halves that own it together; dropping the writing one ends the stream for the peer.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split_owned::split(self)
    }

    /// The connection's control information.
    pub fn control_info(&self) -> Option<ControlInfo> {
        self.socket.control_info()
    }

    /// The socket, for every option and call.
    pub const fn as_socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn poll_read_into(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_once(cx, |mode| recv_buf(&self.socket, mode, buf, PLAIN)).map_ok(drop)
    }

    pub(super) fn poll_write_of(
        &self,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_once(cx, |mode| self.socket.inner.send(mode, data, SendFlags::default()))
    }
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_into(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_of(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_of(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown_write())
    }
}

impl AsRef<Self> for TcpStream {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpStream").field(&self.socket).finish()
    }
}
