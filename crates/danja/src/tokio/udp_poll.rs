//! The `poll_*` calls of [`UdpSocket`]: the latest waker of a direction counts.

use super::UdpSocket;
use super::ready::{PEEK, PLAIN, poll_once, poll_ready, recv_buf};
use super::udp_socket::sender;
use crate::host::Interest as Direction;
use crate::net::{Received, RecvFlags, SendFlags};
use ::tokio::io::ReadBuf;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll};

impl UdpSocket {
    /// Ready when sending would not wait.
    ///
    /// # Errors
    /// None today.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_ready(&self.socket, cx, Direction::Write)
    }

    /// Ready when receiving gives a datagram or an error.
    ///
    /// # Errors
    /// None today.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_ready(&self.socket, cx, Direction::Read)
    }

    /// Sends one datagram to the peer.
    ///
    /// # Errors
    /// As [`UdpSocket::send`].
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let data = [IoSlice::new(buf)];
        poll_once(cx, |mode| self.socket.inner.send(mode, &data, SendFlags::default()))
    }

    /// Sends one datagram to `target`.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`].
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let flags = SendFlags { to: Some(target), ..SendFlags::default() };
        let data = [IoSlice::new(buf)];
        poll_once(cx, |mode| self.socket.inner.send(mode, &data, flags))
    }

    fn poll_recv_as(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        flags: RecvFlags,
    ) -> Poll<io::Result<Received>> {
        poll_once(cx, |mode| recv_buf(&self.socket, mode, buf, flags))
    }

    /// Receives one datagram from the peer.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_recv_as(cx, buf, PLAIN).map_ok(drop)
    }

    /// Receives one datagram; says from whom.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.poll_recv_as(cx, buf, PLAIN).map(|received| sender(&received?))
    }

    /// As [`UdpSocket::poll_recv`], but the datagram will be received again.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_recv_as(cx, buf, PEEK).map_ok(drop)
    }

    /// As [`UdpSocket::poll_recv_from`], but the datagram will be received again.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.poll_recv_as(cx, buf, PEEK).map(|received| sender(&received?))
    }

    /// From whom the next datagram is; it is not taken.
    ///
    /// # Errors
    /// As [`UdpSocket::recv`].
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_peek_from(cx, &mut ReadBuf::new(&mut []))
    }
}
