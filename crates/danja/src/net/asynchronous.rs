//! The calls of a [`Socket`] for executors: `poll_*`, `async` and `try_*`. None blocks, whatever
//! the socket's mode. Knows no executor: wakers are all that is asked for.
//!
//! A `poll_*` call keeps one waker a direction, the latest, as tokio's do. An `async` one has a
//! place of its own among those who wait, which it gives up when it is dropped; so any number of
//! tasks can wait for one socket, and a call that is cancelled has taken nothing and leaves
//! nothing behind.

use super::inner::{Inner, settled};
use super::{Interest, Received, RecvFlags, SendFlags, Socket};
use crate::host::{Mode, Waiter};
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

/// A place among those who wait for a socket.
pub(crate) struct Place<'a> {
    inner: &'a Inner,
    interest: Interest,
    waiter: Waiter,
}

impl<'a> Place<'a> {
    pub(crate) fn new(socket: &'a Socket, interest: Interest) -> Self {
        let inner = &*socket.inner;
        Self { inner, interest, waiter: inner.host.shared().waiter() }
    }

    pub(crate) fn mode<'b>(&'b self, context: &'b Context<'_>) -> Mode<'b> {
        Mode::Task(context.waker(), Some(&self.waiter))
    }

    /// What the socket is ready for; the task is woken by the next event of this direction.
    #[cfg(feature = "tokio")]
    pub(crate) fn watch(&self, context: &Context<'_>) -> danja_stack::Ready {
        let shared = self.inner.host.shared();
        shared.watch(self.inner.id, self.interest, &self.waiter, context.waker())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.inner.host.shared().leave(Some(self.inner.id), self.interest, &self.waiter);
    }
}

/// As the socket's task.
const fn task<'a>(context: &'a Context<'_>) -> Mode<'a> {
    Mode::Task(context.waker(), None)
}

impl Socket {
    /// Ready when a call of that direction would not wait.
    pub fn poll_ready(&self, interest: Interest, context: &Context<'_>) -> Poll<()> {
        self.host().shared().poll_ready(self.id(), interest, None, context.waker())
    }

    /// Waits until a call of that direction would not wait.
    pub async fn ready(&self, interest: Interest) {
        let place = Place::new(self, interest);
        let shared = self.host().shared();
        poll_fn(|context| {
            shared.poll_ready(self.id(), interest, Some(&place.waiter), context.waker())
        })
        .await;
    }

    /// The outcome of connecting to `remote`, which it begins if nobody did.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub fn poll_connect(&self, context: &Context<'_>, remote: SocketAddr) -> Poll<io::Result<()>> {
        self.connect_as(task(context), remote)
    }

    /// Connects. If it is cancelled the handshake goes on, until the socket is dropped.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub async fn connect_async(&self, remote: SocketAddr) -> io::Result<()> {
        let place = Place::new(self, Interest::Write);
        poll_fn(|context| self.connect_as(place.mode(context), remote)).await
    }

    /// The oldest connection that waits at a listener, and its peer.
    ///
    /// # Errors
    /// The socket does not listen.
    pub fn poll_accept(&self, context: &Context<'_>) -> Poll<io::Result<(Self, SocketAddr)>> {
        self.accept_as(task(context))
    }

    /// Waits for a connection. If it is cancelled none was taken.
    ///
    /// # Errors
    /// The socket does not listen.
    pub async fn accept_async(&self) -> io::Result<(Self, SocketAddr)> {
        let place = Place::new(self, Interest::Read);
        poll_fn(|context| self.accept_as(place.mode(context))).await
    }

    /// A connection that waits.
    ///
    /// # Errors
    /// `WouldBlock` if none does.
    pub fn try_accept(&self) -> io::Result<(Self, SocketAddr)> {
        settled(self.accept_as(Mode::Now))
    }

    /// Receives what is there.
    ///
    /// # Errors
    /// As [`Socket::recv_with`].
    pub fn poll_recv(
        &self,
        context: &Context<'_>,
        buffer: &mut [u8],
        flags: RecvFlags,
    ) -> Poll<io::Result<Received>> {
        self.inner.recv(task(context), &mut [IoSliceMut::new(buffer)], flags)
    }

    /// Waits for something to receive. If it is cancelled nothing was taken.
    ///
    /// # Errors
    /// As [`Socket::recv_with`].
    ///
    /// ```
    /// use danja::net::{RecvFlags, SendFlags, UdpSocket};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// // In a task of any executor: all that is used of it is its waker.
    /// let socket = UdpSocket::bind(&host, "127.0.0.1:0")?;
    /// socket.send_to(b"to myself", socket.local_addr()?)?;
    /// let mut buffer = [0; 16];
    /// let received = socket.as_socket().recv_async(&mut buffer, RecvFlags::default()).await?;
    /// assert_eq!(&buffer[..received.bytes], b"to myself");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_async(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
        let place = Place::new(self, Interest::Read);
        let mut buffer = [IoSliceMut::new(buffer)];
        poll_fn(|context| self.inner.recv(place.mode(context), &mut buffer, flags)).await
    }

    /// Receives what is there.
    ///
    /// # Errors
    /// As [`Socket::recv_with`]; `WouldBlock` if nothing is there.
    pub fn try_recv(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
        self.try_recv_vectored(&mut [IoSliceMut::new(buffer)], flags)
    }

    /// As [`Socket::try_recv`], into several buffers, filled one after the other.
    ///
    /// # Errors
    /// As [`Socket::try_recv`].
    pub fn try_recv_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> io::Result<Received> {
        settled(self.inner.recv(Mode::Now, buffers, flags))
    }

    /// Sends what fits; a datagram whole.
    ///
    /// # Errors
    /// As [`Socket::send_with`].
    pub fn poll_send(
        &self,
        context: &Context<'_>,
        data: &[u8],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        self.poll_send_vectored(context, &[IoSlice::new(data)], flags)
    }

    /// As [`Socket::poll_send`], of bytes that lie in several places.
    ///
    /// # Errors
    /// As [`Socket::send_with`].
    pub fn poll_send_vectored(
        &self,
        context: &Context<'_>,
        data: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        self.inner.send(task(context), data, flags)
    }

    /// Waits until something fits, and sends that. If it is cancelled nothing was sent.
    ///
    /// # Errors
    /// As [`Socket::send_with`].
    pub async fn send_async(&self, data: &[u8], flags: SendFlags) -> io::Result<usize> {
        let place = Place::new(self, Interest::Write);
        let data = [IoSlice::new(data)];
        poll_fn(|context| self.inner.send(place.mode(context), &data, flags)).await
    }

    /// Sends what fits; a datagram whole.
    ///
    /// # Errors
    /// As [`Socket::send_with`]; `WouldBlock` if nothing fits.
    pub fn try_send(&self, data: &[u8], flags: SendFlags) -> io::Result<usize> {
        self.try_send_vectored(&[IoSlice::new(data)], flags)
    }

    /// As [`Socket::try_send`], of bytes that lie in several places.
    ///
    /// # Errors
    /// As [`Socket::try_send`].
    pub fn try_send_vectored(&self, data: &[IoSlice<'_>], flags: SendFlags) -> io::Result<usize> {
        settled(self.inner.send(Mode::Now, data, flags))
    }
}
