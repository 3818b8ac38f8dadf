//! [`TcpStream`]: std's, on a host of ours.

use super::endpoints::each_endpoint;
use super::inner::settled;
use super::{OptionName, RecvFlags, SendFlags, Socket, SocketKind, SocketOption, ToEndpoints};
use crate::error::{errno, own};
use crate::host::{Host, Mode};
use danja_stack::ControlInfo;
use rustix::io::Errno;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

/// A TCP connection, as `std::net::TcpStream`.
///
/// ```
/// use danja::net::{TcpListener, TcpStream};
/// # use danja::{Host, lan::{MacAddress, cable::Switch}};
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// # let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
/// # let host = Host::builder()
/// #     .adapter(port).address("10.0.0.1/24".parse().unwrap()).build()?;
/// let listener = TcpListener::bind(&host, "127.0.0.1:0")?;
/// let mut stream = TcpStream::connect(&host, listener.local_addr()?)?;
/// let (mut peer, _) = listener.accept()?;
/// peer.write_all(b"one line")?;
/// drop(peer);
/// let mut text = String::new();
/// stream.read_to_string(&mut text)?;
/// assert_eq!(text, "one line");
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    socket: Socket,
}

impl TcpStream {
    /// Connects to the first endpoint that accepts.
    ///
    /// # Errors
    /// Of the last endpoint tried: refused, unreachable, timed out … as Linux has them; the text
    /// says which ARP or ICMP outcome caused it.
    pub fn connect(host: &Host, endpoints: impl ToEndpoints) -> io::Result<Self> {
        each_endpoint(host, &endpoints, |endpoint| {
            let socket = Socket::for_address(host, endpoint, SocketKind::Stream)?;
            socket.connect(endpoint)?;
            Ok(Self { socket })
        })
    }

    /// Connects to one endpoint, but gives up after `timeout`.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; `TimedOut` after the time-out, `InvalidInput` if it is zero.
    ///
    /// ```
    /// use danja::net::TcpStream;
    /// use std::{io::ErrorKind, time::Duration};
    /// # fn main() -> std::io::Result<()> {
    /// # let port = danja::lan::cable::Switch::new()
    /// #     .port(danja::lan::MacAddress([2, 0, 0, 0, 0, 1]));
    /// # let host = danja::Host::builder()
    /// #     .adapter(port).address("10.0.0.1/24".parse().unwrap()).build()?;
    /// // Nobody is there.
    /// let nobody = "10.0.0.9:80".parse().unwrap();
    /// let error = TcpStream::connect_timeout(&host, &nobody, Duration::from_millis(20)).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TimedOut);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_timeout(
        host: &Host,
        endpoint: &SocketAddr,
        timeout: Duration,
    ) -> io::Result<Self> {
        if timeout.is_zero() {
            let text = "cannot set a 0 duration timeout";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let socket = Socket::for_address(host, *endpoint, SocketKind::Stream)?;
        let until = host.now() + timeout;
        match settled(socket.connect_as(Mode::Sleep(Some(until)), *endpoint)) {
            Ok(()) => Ok(Self { socket }),
            Err(error) if errno(&error) == Some(Errno::INPROGRESS.raw_os_error()) => {
                let text =
                    format!("connection timed out: no answer from {endpoint} in {timeout:?}");
                Err(own(Errno::TIMEDOUT, text))
            }
            Err(error) => Err(error),
        }
    }

    /// Of a stream socket, to be used as std's.
    pub const fn from_socket(socket: Socket) -> Self {
        Self { socket }
    }

    /// The peer's endpoint.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The local endpoint.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Ends reading, writing (the peer sees the end of the stream), or both.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    /// The same connection once more: modes and time-outs are shared, and the connection is
    /// closed when the last is dropped.
    ///
    /// # Errors
    /// None today.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()? })
    }

    /// How long a read waits; then it fails with `WouldBlock`. `None` for ever.
    ///
    /// # Errors
    /// The time-out is zero (`InvalidInput`).
    ///
    /// ```
    /// # use danja::net::{TcpListener, TcpStream};
    /// use std::{io::{ErrorKind, Read}, time::Duration};
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// # let listener = TcpListener::bind(&host, "127.0.0.1:0")?;
    /// # let mut stream = TcpStream::connect(&host, listener.local_addr()?)?;
    /// stream.set_read_timeout(Some(Duration::from_millis(10)))?;
    /// assert_eq!(stream.read(&mut [0; 16]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    /// How long a write waits; then it fails with `WouldBlock`. `None` for ever.
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

    /// Reads without taking: the bytes will be read again.
    ///
    /// # Errors
    /// As reading.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let flags = RecvFlags { peek: true, ..RecvFlags::default() };
        self.socket.recv_with(buffer, flags).map(|received| received.bytes)
    }

    /// Switches Nagle's algorithm off (TCP_NODELAY).
    ///
    /// # Errors
    /// None today.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_option(SocketOption::NoDelay(nodelay))
    }

    /// Whether Nagle's algorithm is off.
    ///
    /// # Errors
    /// None today.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.switch(OptionName::NoDelay)
    }

    /// What closing does with unsent data: `None` sends it in the background, a time waits for
    /// it, zero throws it away and resets the connection (SO_LINGER).
    ///
    /// # Errors
    /// None today.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_option(SocketOption::Linger(linger))
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        match self.socket.option(OptionName::Linger)? {
            SocketOption::Linger(linger) => Ok(linger),
            _ => Ok(None),
        }
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

    /// The connection's control information.
    pub fn control_info(&self) -> Option<ControlInfo> {
        self.socket.control_info()
    }

    /// The socket, for every option and call, and for executors.
    pub const fn as_socket(&self) -> &Socket {
        &self.socket
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buffer)])
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let received = self.socket.recv_vectored_with(buffers, RecvFlags::default());
        received.map(|received| received.bytes)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.socket.send_with(data, SendFlags::default())
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.send_vectored_with(buffers, SendFlags::default())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TcpStream").field(&self.socket).finish()
    }
}
