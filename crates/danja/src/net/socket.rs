//! [`Socket`]: a socket of any family and kind, with every option, its control information, and
//! calls without a copy. The other types of this module are made of it.

use super::inner::{Inner, settled};
use super::{Domain, OptionName, Received, RecvFlags, SendFlags, SocketKind, SocketOption};
use crate::error::{from_fault, own};
use crate::host::observe::Call;
use crate::host::{Ask, Host, Interest, Mode};
use danja_stack::socket::{ConnectError, OptionError, Shutdown as Direction};
use danja_stack::views::TcpState;
use danja_stack::{ControlInfo, Payload, Ready, SocketId};
use rustix::io::Errno;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A socket. Clones made by [`Socket::try_clone`] are the same socket, and share its modes and
/// time-outs; it is closed when the last is dropped.
///
/// ```
/// use danja::net::{Domain, OptionName, Socket, SocketKind, SocketOption};
/// # use danja::{Host, lan::{MacAddress, cable::Switch}};
/// # fn main() -> std::io::Result<()> {
/// # let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
/// # let host = Host::builder()
/// #     .adapter(port).address("10.0.0.1/24".parse().unwrap()).build()?;
/// let socket = Socket::new(&host, Domain::Ipv4, SocketKind::Stream)?;
/// socket.set_option(SocketOption::Tos(0x10))?;
/// assert_eq!(socket.option(OptionName::Tos)?, SocketOption::Tos(0x10));
/// println!("{:?}", socket.control_info());
/// # Ok(())
/// # }
/// ```
pub struct Socket {
    pub(crate) inner: Arc<Inner>,
}

impl Socket {
    /// A new socket.
    ///
    /// # Errors
    /// The family is not spoken (EAFNOSUPPORT), or the stack's limit of sockets is reached
    /// (EMFILE).
    pub fn new(host: &Host, domain: Domain, kind: SocketKind) -> io::Result<Self> {
        let ask = Ask { call: Call::Socket(domain, kind), socket: None };
        let made = host.shared().try_call(ask, |stack, now| stack.socket(domain, kind, now));
        let id = made?;
        Ok(Self::from_id(host, id, kind))
    }

    /// A socket of the family of `address`.
    pub(crate) fn for_address(
        host: &Host,
        address: SocketAddr,
        kind: SocketKind,
    ) -> io::Result<Self> {
        let domain = if address.is_ipv4() { Domain::Ipv4 } else { Domain::Ipv6 };
        Self::new(host, domain, kind)
    }

    fn from_id(host: &Host, id: SocketId, kind: SocketKind) -> Self {
        Self { inner: Arc::new(Inner::new(host.clone(), id, kind)) }
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.inner.host
    }

    /// Its descriptor in the host's stack.
    pub fn id(&self) -> SocketId {
        self.inner.id
    }

    /// The same socket once more.
    ///
    /// # Errors
    /// None today; as std's it may fail.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { inner: Arc::clone(&self.inner) })
    }

    /// Takes a local endpoint; port 0 lets the stack choose one.
    ///
    /// # Errors
    /// The endpoint is in use (EADDRINUSE) or not one of the host's (EADDRNOTAVAIL).
    pub fn bind(&self, local: SocketAddr) -> io::Result<()> {
        self.inner.call(Call::Bind(local), |stack, now| stack.bind(self.id(), local, now))
    }

    /// Takes connections from now on; at most `backlog` of them wait for [`Socket::accept`].
    ///
    /// # Errors
    /// The socket is no stream, or is connected.
    pub fn listen(&self, backlog: usize) -> io::Result<()> {
        self.inner.call(Call::Listen(backlog), |stack, now| stack.listen(self.id(), backlog, now))
    }

    /// Connects, or sets a datagram socket's peer. A non-blocking stream says EINPROGRESS, and is
    /// ready to write when the outcome is there: then call it again, or [`Socket::take_error`].
    ///
    /// # Errors
    /// Refused, unreachable, timed out …; EINPROGRESS after the write time-out, as in Linux.
    pub fn connect(&self, remote: SocketAddr) -> io::Result<()> {
        settled(self.connect_as(self.inner.mode(Interest::Write), remote))
    }

    pub(crate) fn connect_as(&self, mode: Mode<'_>, remote: SocketAddr) -> Poll<io::Result<()>> {
        let mut begun = matches!(mode, Mode::Task(..));
        self.inner.call_as(mode, Interest::Write, Call::Connect(remote), |stack, now| {
            match stack.connect(self.id(), remote, now) {
                // The handshake ended while we slept.
                Err(ConnectError::AlreadyConnected) if begun => Ok(()),
                Err(ConnectError::AlreadyConnecting) if begun => Err(ConnectError::InProgress),
                result => {
                    begun = true;
                    result
                }
            }
        })
    }

    /// Begins to connect and does not wait, whatever the mode.
    /// [`Socket::poll_connect`] gives the outcome.
    ///
    /// # Errors
    /// It failed at once; a handshake under way is not an error here.
    pub fn start_connect(&self, remote: SocketAddr) -> io::Result<()> {
        match settled(self.connect_as(Mode::Now, remote)) {
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => Ok(()),
            result => result,
        }
    }

    /// Forgets a datagram socket's peer.
    ///
    /// # Errors
    /// The socket is a stream.
    pub fn disconnect(&self) -> io::Result<()> {
        self.inner.call(Call::Disconnect, |stack, now| stack.disconnect(self.id(), now))
    }

    /// The oldest connection that waits at a listener, and its peer.
    ///
    /// # Errors
    /// The socket does not listen, or none waits and it is non-blocking.
    pub fn accept(&self) -> io::Result<(Self, SocketAddr)> {
        settled(self.accept_as(self.inner.mode(Interest::Read)))
    }

    pub(crate) fn accept_as(&self, mode: Mode<'_>) -> Poll<io::Result<(Self, SocketAddr)>> {
        let accepted = self
            .inner
            .call_as(mode, Interest::Read, Call::Accept, |stack, now| stack.accept(self.id(), now));
        accepted.map_ok(|(id, peer)| (Self::from_id(self.host(), id, self.inner.kind), peer))
    }

    /// Sends: of a stream, all of it if the socket blocks and what fits if it does not; a
    /// datagram whole.
    ///
    /// # Errors
    /// EPIPE, ECONNRESET, EMSGSIZE … as `send(2)` in Linux.
    pub fn send_with(&self, data: &[u8], flags: SendFlags) -> io::Result<usize> {
        self.send_vectored_with(&[IoSlice::new(data)], flags)
    }

    /// As [`Socket::send_with`], of bytes that lie in several places.
    ///
    /// # Errors
    /// As [`Socket::send_with`].
    pub fn send_vectored_with(&self, data: &[IoSlice<'_>], flags: SendFlags) -> io::Result<usize> {
        settled(self.inner.send(self.inner.mode(Interest::Write), data, flags))
    }

    /// Sends bytes that are not copied. Of a stream as much as there is room for is taken.
    ///
    /// # Errors
    /// As [`Socket::send_with`].
    ///
    /// ```
    /// use danja::net::{RecvFlags, SendFlags, Socket};
    /// use danja::stack::Payload;
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// # let listener = danja::net::TcpListener::bind(&host, "127.0.0.1:0")?;
    /// # let client = danja::net::TcpStream::connect(&host, listener.local_addr()?)?;
    /// # let server = listener.accept()?.0;
    /// # let (client, server): (&Socket, &Socket) = (client.as_socket(), server.as_socket());
    /// let page = Payload::from_static(b"the same bytes for every client");
    /// client.send_payload(&page, SendFlags::default())?;
    ///
    /// // Nor are they copied on their way in: these are the places where they lie.
    /// let mut slices = Vec::new();
    /// let received = server.recv_payloads(4096, RecvFlags::default(), &mut slices)?;
    /// assert_eq!(received.bytes, page.len());
    /// assert_eq!(slices[0].as_slice(), page.as_slice());
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_payload(&self, data: &Payload, flags: SendFlags) -> io::Result<usize> {
        settled(self.inner.send_payload(self.inner.mode(Interest::Write), data, flags))
    }

    /// Receives into `buffer`, and says from whom and to which address, where that is known.
    ///
    /// # Errors
    /// ECONNRESET, ENOTCONN, EAGAIN … as `recv(2)` in Linux.
    pub fn recv_with(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
        self.recv_vectored_with(&mut [IoSliceMut::new(buffer)], flags)
    }

    /// As [`Socket::recv_with`], into several buffers, filled one after the other.
    ///
    /// # Errors
    /// As [`Socket::recv_with`].
    pub fn recv_vectored_with(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> io::Result<Received> {
        settled(self.inner.recv(self.inner.mode(Interest::Read), buffers, flags))
    }

    /// Receives at most `max` bytes without a copy: their slices are appended to `into`.
    ///
    /// # Errors
    /// As [`Socket::recv_with`].
    pub fn recv_payloads(
        &self,
        max: usize,
        flags: RecvFlags,
        into: &mut Vec<Payload>,
    ) -> io::Result<Received> {
        settled(self.inner.recv_slices(self.inner.mode(Interest::Read), max, flags, into))
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// ENOTCONN.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => Direction::Read,
            Shutdown::Write => Direction::Write,
            Shutdown::Both => Direction::Both,
        };
        self.inner.call(Call::Shutdown(how), |stack, now| stack.shutdown(self.id(), how, now))
    }

    /// An option's value.
    ///
    /// # Errors
    /// This kind of socket has no such option (ENOPROTOOPT).
    pub fn option(&self, name: OptionName) -> io::Result<SocketOption> {
        self.inner.option(name)
    }

    /// Sets an option.
    ///
    /// # Errors
    /// This kind of socket has no such option (ENOPROTOOPT), or the value is out of range
    /// (EINVAL).
    pub fn set_option(&self, option: SocketOption) -> io::Result<()> {
        self.inner.set_option(option)
    }

    /// A switch that is on or off.
    pub(crate) fn switch(&self, name: OptionName) -> io::Result<bool> {
        Ok(matches!(
            self.option(name)?,
            SocketOption::NoDelay(true)
                | SocketOption::Broadcast(true)
                | SocketOption::KeepAlive(true)
                | SocketOption::ReuseAddress(true)
                | SocketOption::ReusePort(true)
                | SocketOption::QuickAck(true)
        ))
    }

    /// The time to live of what is sent.
    ///
    /// # Errors
    /// The value is not from 1 to 255 (`InvalidInput`).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        match u8::try_from(ttl) {
            Ok(ttl) if ttl > 0 => self.set_option(SocketOption::Ttl(ttl)),
            _ => Err(own(Errno::INVAL, "the time to live must be from 1 to 255")),
        }
    }

    /// What was set, or 64.
    ///
    /// # Errors
    /// None today.
    pub fn ttl(&self) -> io::Result<u32> {
        match self.option(OptionName::Ttl)? {
            SocketOption::Ttl(ttl) => Ok(u32::from(ttl)),
            _ => Err(own(Errno::NOPROTOOPT, "no time to live")),
        }
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// None today.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        if let Some(error) = self.inner.take_deferred() {
            return Ok(Some(error));
        }
        let fault = self.inner.call(Call::TakeError, |stack, now| {
            Ok::<_, OptionError>(stack.take_error(self.id(), now))
        })?;
        Ok(fault.map(from_fault))
    }

    /// Its control information: all that the stack knows of it.
    pub fn control_info(&self) -> Option<ControlInfo> {
        self.host().control_info(self.id())
    }

    /// The local endpoint; all zero before it is bound, as in Linux.
    ///
    /// # Errors
    /// None today.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let local = self.control_info().and_then(|info| info.local);
        Ok(local.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))))
    }

    /// The peer's endpoint.
    ///
    /// # Errors
    /// ENOTCONN.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        // As Linux: nobody is the peer before the handshake, nor once the connection has ended.
        let connected = |info: &ControlInfo| {
            !matches!(info.state, Some(TcpState::SynSent | TcpState::TimeWait | TcpState::Closed))
        };
        let remote = self.control_info().filter(connected).and_then(|info| info.remote);
        remote.ok_or_else(|| own(Errno::NOTCONN, "the socket is not connected"))
    }

    /// Calls return at once from now on, with `WouldBlock` where they would wait; or wait again.
    ///
    /// # Errors
    /// None today.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.inner.set_nonblocking(nonblocking);
        Ok(())
    }

    /// How long a receiving call waits; `None` for ever.
    ///
    /// # Errors
    /// The time-out is zero (`InvalidInput`).
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.read_timeout.set(timeout)
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.read_timeout.get())
    }

    /// How long a sending call waits; `None` for ever.
    ///
    /// # Errors
    /// The time-out is zero (`InvalidInput`).
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.write_timeout.set(timeout)
    }

    /// What was set.
    ///
    /// # Errors
    /// None today.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.inner.write_timeout.get())
    }

    /// How many bytes a stream takes now.
    pub fn send_room(&self) -> usize {
        self.host().shared().lock().stack.send_room(self.id())
    }

    /// What it is ready for now, as `poll(2)` reports it.
    pub fn readiness(&self) -> Ready {
        self.host().shared().lock().stack.readiness(self.id())
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let info = self.control_info();
        let endpoints = info.map(|info| (info.local, info.remote));
        f.debug_struct("Socket")
            .field("host", &self.host().name())
            .field("id", &self.id())
            .field("endpoints", &endpoints)
            .finish()
    }
}
