//! The `try_*` calls of [`UdpSocket`]: nobody waits.

use super::UdpSocket;
use super::ready::{PEEK, PLAIN, recv_buf_mut};
use super::udp_socket::{sender, with_sender};
use crate::host::Mode;
use crate::net::{Received, SendFlags, settled};
use bytes::BufMut;
use std::io;
use std::net::SocketAddr;

impl UdpSocket {
    /// Sends one datagram to the peer.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room; as [`UdpSocket::send`].
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_send(buf, SendFlags::default())
    }

    /// Sends one datagram to `target`.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room; as [`UdpSocket::send_to`].
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.socket.try_send(buf, SendFlags { to: Some(target), ..SendFlags::default() })
    }

    /// Receives one datagram from the peer.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; as [`UdpSocket::recv`].
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_recv(buf, PLAIN).map(|received| received.bytes)
    }

    fn try_recv_buf_as<B: BufMut>(&self, buf: &mut B) -> io::Result<Received> {
        settled(recv_buf_mut(&self.socket, Mode::Now, buf, PLAIN))
    }

    /// As [`UdpSocket::try_recv`], into a buffer that grows.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv`].
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_recv_buf_as(buf).map(|received| received.bytes)
    }

    /// As [`UdpSocket::try_recv_buf`], and from whom.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv`].
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        self.try_recv_buf_as(buf).and_then(with_sender)
    }

    /// Receives one datagram; gives its length and from whom it is.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv`].
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_recv(buf, PLAIN).and_then(with_sender)
    }

    /// As [`UdpSocket::try_recv`], but the datagram will be received again.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv`].
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_recv(buf, PEEK).map(|received| received.bytes)
    }

    /// As [`UdpSocket::try_recv_from`], but the datagram will be received again.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv`].
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_recv(buf, PEEK).and_then(with_sender)
    }

    /// From whom the next datagram is; it is not taken.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv`].
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        self.socket.try_recv(&mut [], PEEK).and_then(|received| sender(&received))
    }
}
