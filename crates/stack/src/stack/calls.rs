//! Socket calls, by descriptor. None blocks; each leads to its protocol's room.

use super::Stack;
use crate::event::IncomingId;
use crate::socket::{
    AcceptError, BindError, CloseError, ConnectError, Domain, ListenError, OptionError, OptionName,
    Received, RecvError, RecvFlags, SendError, SendFlags, Shutdown, ShutdownError, SocketError,
    SocketFault, SocketId, SocketKind, SocketOption, VerdictError,
};
use alloc::vec::Vec;
use core::net::SocketAddr;
use danja_wire::{Instant, Payload};

impl Stack {
    /// Makes a socket: takes memory for its control information, writes the initial state into
    /// it, and hands back a descriptor.
    ///
    /// # Errors
    /// The limit of sockets is reached, or the family is not spoken.
    pub fn socket(
        &mut self,
        domain: Domain,
        kind: SocketKind,
        now: Instant,
    ) -> Result<SocketId, SocketError> {
        self.core.set_now(now);
        if domain == Domain::Ipv6 {
            return Err(SocketError::UnsupportedDomain);
        }
        let id = self.descriptors.reserve(kind).ok_or(SocketError::LimitReached)?;
        let place = match kind {
            SocketKind::Stream => self.tcp.create(&mut self.core, id, domain),
            _ => self.datagrams.create(&mut self.core, id, kind, domain),
        };
        let Some(place) = place else {
            self.descriptors.remove(id);
            return Err(SocketError::LimitReached);
        };
        self.descriptors.set(id, place);
        Ok(id)
    }

    /// Gives a socket its local endpoint; port 0 lets the stack choose one.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(
        &mut self,
        socket: SocketId,
        local: SocketAddr,
        now: Instant,
    ) -> Result<(), BindError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(BindError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.bind(&mut self.core, entry.place, local),
            _ => self.datagrams.bind(&mut self.core, entry.place, local),
        }
    }

    /// Lets a stream socket take connections: at most `backlog` wait for `accept`.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn listen(
        &mut self,
        socket: SocketId,
        backlog: usize,
        now: Instant,
    ) -> Result<(), ListenError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(ListenError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.listen(&mut self.core, entry.place, backlog),
            _ => Err(ListenError::NotSupported),
        }
    }

    /// Begins a handshake ([`ConnectError::InProgress`]; `WRITABLE` or `ERROR` will be raised),
    /// or sets a datagram socket's peer.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(
        &mut self,
        socket: SocketId,
        remote: SocketAddr,
        now: Instant,
    ) -> Result<(), ConnectError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(ConnectError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.connect(&mut self.core, entry.place, remote),
            _ => self.datagrams.connect(&mut self.core, entry.place, Some(remote)),
        }
    }

    /// Dissolves a datagram socket's connection (`connect` to AF_UNSPEC).
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn disconnect(&mut self, socket: SocketId, now: Instant) -> Result<(), ConnectError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(ConnectError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => Err(ConnectError::InvalidState),
            _ => self.datagrams.connect(&mut self.core, entry.place, None),
        }
    }

    /// Takes the oldest waiting connection off a listener.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn accept(
        &mut self,
        listener: SocketId,
        now: Instant,
    ) -> Result<(SocketId, SocketAddr), AcceptError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(listener).ok_or(AcceptError::BadDescriptor)?;
        if entry.kind != SocketKind::Stream {
            return Err(AcceptError::NotListening);
        }
        // A call that finds nothing uses no descriptor up.
        self.tcp.acceptable(entry.place)?;
        let id = self.descriptors.reserve(SocketKind::Stream).ok_or(AcceptError::LimitReached)?;
        match self.tcp.accept(&mut self.core, entry.place, id) {
            Ok((place, peer)) => {
                self.descriptors.set(id, place);
                Ok((id, peer))
            }
            Err(error) => {
                self.descriptors.remove(id);
                Err(error)
            }
        }
    }

    /// Verdict on a SYN at an admitting listener: the handshake goes on.
    ///
    /// # Errors
    /// The client has gone meanwhile, or a limit is reached.
    pub fn admit(&mut self, incoming: IncomingId, now: Instant) -> Result<(), VerdictError> {
        self.core.set_now(now);
        self.tcp.admit(&mut self.core, incoming)
    }

    /// Verdict: refused, by RST, or by an ICMP destination-unreachable of this code.
    ///
    /// # Errors
    /// The client has gone meanwhile.
    pub fn refuse(
        &mut self,
        incoming: IncomingId,
        unreachable: Option<u8>,
        now: Instant,
    ) -> Result<(), VerdictError> {
        self.core.set_now(now);
        self.tcp.refuse(&mut self.core, incoming, unreachable)
    }

    /// Verdict: forgotten without an answer.
    ///
    /// # Errors
    /// The client has gone meanwhile.
    pub fn drop_incoming(
        &mut self,
        incoming: IncomingId,
        now: Instant,
    ) -> Result<(), VerdictError> {
        self.core.set_now(now);
        self.tcp.drop_incoming(&mut self.core, incoming)
    }

    /// Queues data: of a stream as much as there is room for, of a datagram all or nothing.
    /// The payload is kept, not copied (small ones are gathered). Returns the bytes taken.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(
        &mut self,
        socket: SocketId,
        data: &Payload,
        flags: SendFlags,
        now: Instant,
    ) -> Result<usize, SendError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(SendError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.send(&mut self.core, entry.place, data, flags),
            _ => self.datagrams.send(&mut self.core, entry.place, data, flags),
        }
    }

    /// Takes up to `max` received bytes, appending their slices to `into`.
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn recv(
        &mut self,
        socket: SocketId,
        max: usize,
        flags: RecvFlags,
        into: &mut Vec<Payload>,
        now: Instant,
    ) -> Result<Received, RecvError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(RecvError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.recv(&mut self.core, entry.place, max, flags, into),
            _ => self.datagrams.recv(&mut self.core, entry.place, max, flags, into),
        }
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// See [`ShutdownError`].
    pub fn shutdown(
        &mut self,
        socket: SocketId,
        how: Shutdown,
        now: Instant,
    ) -> Result<(), ShutdownError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(ShutdownError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.shutdown(&mut self.core, entry.place, how),
            _ => self.datagrams.shutdown(&mut self.core, entry.place, how),
        }
    }

    /// Ends the descriptor. What the protocol still has to do (send what is queued, wait for
    /// the peer's FIN, TIME-WAIT) it does without it.
    ///
    /// # Errors
    /// The descriptor is stale.
    pub fn close(&mut self, socket: SocketId, now: Instant) -> Result<(), CloseError> {
        self.core.set_now(now);
        let entry = self.descriptors.remove(socket).ok_or(CloseError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.close(&mut self.core, entry.place),
            _ => self.datagrams.close(&mut self.core, entry.place),
        }
        self.core.events.forget(socket);
        Ok(())
    }

    /// Sets an option.
    ///
    /// # Errors
    /// See [`OptionError`].
    pub fn set_option(
        &mut self,
        socket: SocketId,
        option: SocketOption,
        now: Instant,
    ) -> Result<(), OptionError> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket).ok_or(OptionError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.set_option(&mut self.core, entry.place, option),
            _ => self.datagrams.set_option(&mut self.core, entry.place, option),
        }
    }

    /// An option's value.
    ///
    /// # Errors
    /// See [`OptionError`].
    pub fn option(&self, socket: SocketId, name: OptionName) -> Result<SocketOption, OptionError> {
        let entry = self.descriptors.get(socket).ok_or(OptionError::BadDescriptor)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.option(&self.core, entry.place, name),
            _ => self.datagrams.option(&self.core, entry.place, name),
        }
    }

    /// Takes the pending error, as reading SO_ERROR does.
    pub fn take_error(&mut self, socket: SocketId, now: Instant) -> Option<SocketFault> {
        self.core.set_now(now);
        let entry = self.descriptors.get(socket)?;
        match entry.kind {
            SocketKind::Stream => self.tcp.take_error(&mut self.core, entry.place),
            _ => self.datagrams.take_error(&mut self.core, entry.place),
        }
    }
}
