//! Decisions before the handshake: a listener with [`SocketOption::Admitting`] tells of each SYN,
//! and the application admits, refuses or drops it.
//!
//! [`SocketOption::Admitting`]: super::SocketOption::Admitting

use super::Socket;
use super::inner::settled;
use crate::error::Failure;
use crate::host::observe::Call;
use crate::host::{Ask, IncomingEvent, Interest, Mode};
use danja_stack::Instant;
use danja_stack::event::IncomingId;
use danja_stack::record::Recorded;
use danja_stack::socket::VerdictError;
use std::io;
use std::task::{Context, Poll};

impl Socket {
    /// The next client that wants to connect to this admitting listener, or the withdrawal of an
    /// earlier one. Waits for it, unless the socket is non-blocking.
    ///
    /// # Errors
    /// `WouldBlock`, when none is there (in time).
    ///
    /// ```
    /// use danja::net::{Domain, IncomingEvent, Socket, SocketKind, SocketOption, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// let listener = Socket::new(&host, Domain::Ipv4, SocketKind::Stream)?;
    /// listener.set_option(SocketOption::Admitting(true))?;
    /// listener.bind("127.0.0.1:80".parse().unwrap())?;
    /// listener.listen(16)?;
    /// # let near = host.clone();
    /// # let client = std::thread::spawn(move || TcpStream::connect(&near, "127.0.0.1:80"));
    ///
    /// // Nothing was answered to the client yet.
    /// if let IncomingEvent::Arrived(incoming) = listener.next_incoming()? {
    ///     match incoming.remote.ip().is_loopback() {
    ///         true => listener.admit(incoming.id)?,
    ///         false => listener.refuse(incoming.id, None)?,
    ///     }
    /// }
    /// let (_stream, _peer) = listener.accept()?;
    /// # assert!(client.join().unwrap().is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_incoming(&self) -> io::Result<IncomingEvent> {
        settled(self.incoming_as(self.inner.mode(Interest::Read)))
    }

    fn incoming_as(&self, mode: Mode<'_>) -> Poll<io::Result<IncomingEvent>> {
        self.host().shared().incoming_as(mode, self.id())
    }

    /// As [`Socket::next_incoming`], for a task.
    ///
    /// # Errors
    /// The host has ended.
    pub fn poll_incoming(&self, context: &Context<'_>) -> Poll<io::Result<IncomingEvent>> {
        self.incoming_as(Mode::Task(context.waker(), None))
    }

    /// Lets a client in: the handshake goes on, and `accept` will give the connection.
    ///
    /// # Errors
    /// The client has gone (ECONNABORTED), or a limit is reached (ENOBUFS).
    pub fn admit(&self, incoming: IncomingId) -> io::Result<()> {
        self.verdict(Call::Admit(incoming), |stack, now| stack.admit(incoming, now))
    }

    /// Refuses a client, by RST, or by an ICMP destination-unreachable message of this code.
    ///
    /// # Errors
    /// The client has gone (ECONNABORTED).
    pub fn refuse(&self, incoming: IncomingId, unreachable: Option<u8>) -> io::Result<()> {
        self.verdict(Call::Refuse(incoming, unreachable), |stack, now| {
            stack.refuse(incoming, unreachable, now)
        })
    }

    /// Forgets a client without an answer.
    ///
    /// # Errors
    /// The client has gone (ECONNABORTED).
    pub fn drop_incoming(&self, incoming: IncomingId) -> io::Result<()> {
        self.verdict(Call::DropIncoming(incoming), |stack, now| stack.drop_incoming(incoming, now))
    }

    fn verdict(
        &self,
        call: Call,
        act: impl FnOnce(&mut Recorded, Instant) -> Result<(), VerdictError>,
    ) -> io::Result<()> {
        let shared = self.host().shared();
        shared.call(Ask::of(self.id(), call), act).map_err(|error| error.to_io())
    }
}
