//! [`Socket`]: a socket of any family and kind, with every option, its control information, and
//! calls without a copy. The other types of this module are made of it.

use super::inner::{Inner, Mode, settled};
use super::{Domain, OptionName, Received, RecvFlags, SendFlags, SocketKind, SocketOption};
use crate::error::{Failure, from_fault, own};
use crate::host::observe::Call;
use crate::host::{Ask, Host, Interest};
use danja_stack::socket::{ConnectError, Shutdown as Direction};
use danja_stack::{ControlInfo, Payload, Ready, SocketId};
use rustix::io::Errno;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
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
    pub(super) inner: Arc<Inner>,
}

impl Socket {
    /// A new socket.
    ///
    /// # Errors
    /// The family is not spoken (EAFNOSUPPORT), or the stack's limit of sockets is reached
    /// (EMFILE).
    pub fn new(host: &Host, domain: Domain, kind: SocketKind) -> io::Result<Self> {
        let ask = Ask { call: Call::Socket(domain, kind), socket: None };
        let made = host.shared().call(ask, |stack, now| stack.socket(domain, kind, now));
        let id = made.map_err(|error| error.to_io())?;
        Ok(Self::from_id(host, id))
    }

    /// A socket of the family of `address`.
    pub(super) fn for_address(
        host: &Host,
        address: SocketAddr,
        kind: SocketKind,
    ) -> io::Result<Self> {
        let domain = if address.is_ipv4() { Domain::Ipv4 } else { Domain::Ipv6 };
        Self::new(host, domain, kind)
    }

    fn from_id(host: &Host, id: SocketId) -> Self {
        Self { inner: Arc::new(Inner::new(host.clone(), id)) }
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
    /// Refused, unreachable, timed out …
    pub fn connect(&self, remote: SocketAddr) -> io::Result<()> {
        settled(self.connect_as(self.inner.write_mode(), remote))
    }

    pub(super) fn connect_as(&self, mode: Mode<'_>, remote: SocketAddr) -> Poll<io::Result<()>> {
        let mut begun = matches!(mode, Mode::Task(_));
        self.inner.make(mode, Interest::Write, Call::Connect(remote), |stack, now| {
            match stack.connect(self.id(), remote, now) {
                // The handshake ended while we slept.
                Err(ConnectError::AlreadyConnected) if begun => Ok(()),
                result => {
                    begun = true;
                    result
                }
            }
        })
    }

    /// Begins to connect and does not wait, whatever the mode. [`Socket::poll_connect`] gives
    /// the outcome.
    ///
    /// # Errors
    /// It failed at once; a handshake under way is not an error here.
    pub fn start_connect(&self, remote: SocketAddr) -> io::Result<()> {
        match settled(self.connect_as(Mode::Now, remote)) {
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => Ok(()),
            result => result,
        }
    }

    /// The outcome of connecting to `remote`, which it begins if nobody did.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub fn poll_connect(&self, context: &Context<'_>, remote: SocketAddr) -> Poll<io::Result<()>> {
        self.connect_as(Mode::Task(context.waker()), remote)
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
        settled(self.accept_as(self.inner.read_mode()))
    }

    pub(super) fn accept_as(&self, mode: Mode<'_>) -> Poll<io::Result<(Self, SocketAddr)>> {
        let accepted = self
            .inner
            .make(mode, Interest::Read, Call::Accept, |stack, now| stack.accept(self.id(), now));
        accepted.map_ok(|(id, peer)| (Self::from_id(self.host(), id), peer))
    }

    /// As [`Socket::accept`], without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if none waits.
    pub fn try_accept(&self) -> io::Result<(Self, SocketAddr)> {
        settled(self.accept_as(Mode::Now))
    }

    /// As [`Socket::accept`], for a task.
    ///
    /// # Errors
    /// The socket does not listen.
    pub fn poll_accept(&self, context: &Context<'_>) -> Poll<io::Result<(Self, SocketAddr)>> {
        self.accept_as(Mode::Task(context.waker()))
    }

    /// Sends: of a stream, all of it if the socket blocks and what fits if it does not; a
    /// datagram whole.
    ///
    /// # Errors
    /// EPIPE, ECONNRESET, EMSGSIZE … as `send(2)` in Linux.
    pub fn send_with(&self, data: &[u8], flags: SendFlags) -> io::Result<usize> {
        settled(self.send_as(self.inner.write_mode(), data, flags))
    }

    pub(super) fn send_as(
        &self,
        mode: Mode<'_>,
        data: &[u8],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        self.inner.send_payload(mode, &Payload::copy_from_slice(data), flags)
    }

    /// Sends bytes that are not copied. Of a stream as much as there is room for is taken.
    ///
    /// # Errors
    /// As [`Socket::send_with`].
    pub fn send_payload(&self, data: &Payload, flags: SendFlags) -> io::Result<usize> {
        settled(self.inner.send_payload(self.inner.write_mode(), data, flags))
    }

    /// Receives into `buffer`, and says from whom and to which address, where that is known.
    ///
    /// # Errors
    /// ECONNRESET, ENOTCONN, EAGAIN … as `recv(2)` in Linux.
    pub fn recv_with(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
        settled(self.inner.recv(self.inner.read_mode(), buffer, flags))
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
        settled(self.inner.recv_slices(self.inner.read_mode(), max, flags, into))
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

    pub(super) fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        match u8::try_from(ttl) {
            Ok(ttl) if ttl > 0 => self.set_option(SocketOption::Ttl(ttl)),
            _ => Err(own(Errno::INVAL, "the time to live must be from 1 to 255")),
        }
    }

    pub(super) fn ttl(&self) -> io::Result<u32> {
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
        let shared = self.host().shared();
        let mut core = shared.lock();
        let now = shared.clock.now();
        let fault = core.stack.take_error(self.id(), now);
        shared.settle(core, now);
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
        let remote = self.control_info().and_then(|info| info.remote);
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
        self.inner.set_read_timeout(timeout)
    }

    /// How long a sending call waits; `None` for ever.
    ///
    /// # Errors
    /// The time-out is zero (`InvalidInput`).
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.set_write_timeout(timeout)
    }

    /// What it is ready for now, as `poll(2)` reports it.
    pub fn readiness(&self) -> Ready {
        self.host().shared().lock().stack.readiness(self.id())
    }

    /// Ready when a call of that direction would not wait. One waker per task and direction is
    /// kept, and called once.
    pub fn poll_ready(&self, interest: Interest, context: &Context<'_>) -> Poll<()> {
        self.host().shared().poll_ready(self.id(), interest, context)
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
