//! Halves of a [`TcpStream`] that own it together, as tokio's.

use super::TcpStream;
use ::tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use bytes::BufMut;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The reading half, from [`TcpStream::into_split`].
///
/// ```
/// # use danja::tokio::{TcpListener, TcpStream};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// # let listener = TcpListener::bind(&host, "127.0.0.1:0").await?;
/// # let stream = TcpStream::connect(&host, listener.local_addr()?).await?;
/// # let (mut peer, _) = listener.accept().await?;
/// let (mut reading, mut writing) = stream.into_split();
/// let writer = tokio::spawn(async move { writing.write_all(b"up").await.map(|()| writing) });
/// # peer.write_all(b"down").await?;
/// let mut heard = [0; 4];
/// reading.read_exact(&mut heard).await?;
/// assert_eq!(&heard, b"down");
/// let stream = reading.reunite(writer.await??).unwrap();
/// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: Arc<TcpStream>,
}

/// The writing half, from [`TcpStream::into_split`]. Dropping it ends the stream for the peer,
/// unless it is forgotten ([`OwnedWriteHalf::forget`]).
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    shutdown_on_drop: bool,
}

/// The halves are of different streams; they are given back.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves that are not from the same socket")
    }
}

impl std::error::Error for ReuniteError {}

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let reading = OwnedReadHalf { stream: Arc::clone(&stream) };
    (reading, OwnedWriteHalf { stream, shutdown_on_drop: true })
}

fn reunite(reading: OwnedReadHalf, writing: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&reading.stream, &writing.stream) {
        return Err(ReuniteError(reading, writing));
    }
    writing.forget();
    // The one reference that is left.
    match Arc::try_unwrap(reading.stream) {
        Ok(stream) => Ok(stream),
        Err(stream) => {
            let reading = OwnedReadHalf { stream: Arc::clone(&stream) };
            Err(ReuniteError(reading, OwnedWriteHalf { stream, shutdown_on_drop: true }))
        }
    }
}

impl OwnedReadHalf {
    /// Makes one stream of the halves again.
    ///
    /// # Errors
    /// They are of different streams.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }

    /// Reads without taking; the latest waker counts.
    ///
    /// # Errors
    /// As reading.
    pub fn poll_peek(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_peek(cx, buf)
    }

    /// Waits for something to read and gives it without taking it. Cancel safe.
    ///
    /// # Errors
    /// As reading.
    pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.peek(buf).await
    }

    /// As [`TcpStream::ready`]. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream.ready(interest).await
    }

    /// Waits until reading gives something. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; as reading.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(buf)
    }

    /// Reads what is there into several buffers, filled one after the other.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; as reading.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.stream.try_read_vectored(bufs)
    }

    /// Reads what is there into a buffer that grows.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; as reading.
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.stream.try_read_buf(buf)
    }

    /// The peer's endpoint.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// The local endpoint.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}

impl OwnedWriteHalf {
    /// Makes one stream of the halves again.
    ///
    /// # Errors
    /// They are of different streams.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops this half without ending the stream.
    pub fn forget(mut self) {
        self.shutdown_on_drop = false;
    }

    /// As [`TcpStream::ready`]. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream.ready(interest).await
    }

    /// Waits until writing takes something. Cancel safe.
    ///
    /// # Errors
    /// None today.
    pub async fn writable(&self) -> io::Result<()> {
        self.stream.writable().await
    }

    /// Writes what fits.
    ///
    /// # Errors
    /// `WouldBlock` if nothing fits; as writing.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.stream.try_write(buf)
    }

    /// Writes what fits of bytes that lie in several places.
    ///
    /// # Errors
    /// `WouldBlock` if nothing fits; as writing.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.try_write_vectored(bufs)
    }

    /// The peer's endpoint.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// The local endpoint.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shutdown_on_drop {
            // The connection may have ended already.
            let _ = self.stream.shutdown_write();
        }
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.poll_read_into(cx, buf)
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_of(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_of(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = self.stream.shutdown_write();
        if ended.is_ok() {
            self.shutdown_on_drop = false;
        }
        Poll::Ready(ended)
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}
