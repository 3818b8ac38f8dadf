//! What an observer of a host hears: every socket call, every frame and every timeout, in the
//! order in which they happen, with the control information before and after. Changes nothing.

use danja_lan::Medium;
use danja_stack::event::IncomingId;
use danja_stack::socket::{Domain, OptionName, Shutdown, SocketKind, SocketOption};
use danja_stack::{ControlInfo, Frame, Instant, InterfaceId, SocketId};
use danja_wire::ip::Protocol;
use danja_wire::offload::{Finish, cut};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Hears what its hosts do. One observer can be given to several hosts of a process: it then
/// hears a cause always before its effect, since a frame is told before its adapter gets it.
///
/// It is called while the host is locked, so it must not call the host: that would wait for
/// ever. A host without an observer pays nothing for the possibility; a host with one processes
/// frames one at a time.
///
/// ```
/// use danja::observe::{Observed, Observer};
/// use danja::{Host, stack::Instant};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Calls(Mutex<Vec<&'static str>>);
///
/// impl Observer for Calls {
///     fn observe(&self, _host: &str, _now: Instant, event: &Observed<'_>) {
///         if let Observed::Call(call) = event {
///             self.0.lock().unwrap().push(call.call.name());
///         }
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let calls = Arc::new(Calls::default());
/// let host = Host::builder().observer(calls.clone()).build()?;
/// drop(danja::net::UdpSocket::bind(&host, "127.0.0.1:0")?);
/// assert_eq!(calls.0.lock().unwrap()[..2], ["socket", "bind"]);
/// # Ok(())
/// # }
/// ```
pub trait Observer: Send + Sync {
    /// Something happened on the host of this name, at this moment of its clock.
    fn observe(&self, host: &str, now: Instant, event: &Observed<'_>);
}

/// What happened.
#[non_exhaustive]
#[derive(Debug)]
pub enum Observed<'a> {
    /// An application called a socket.
    Call(CallEvent<'a>),
    /// A frame came in and was processed.
    Received(FrameEvent<'a>),
    /// A frame was made and is about to leave.
    Transmitted(FrameEvent<'a>),
    /// A deadline passed and changed a socket's control information.
    TimedOut(ChangeEvent<'a>),
    /// A packet was made that is not sent yet: it waits until its neighbour's MAC address is
    /// known.
    Held(ChangeEvent<'a>),
    /// The frame that was told of last changed another socket than the one it belongs to: the
    /// listener of a new connection, or the socket that an ICMP error is about.
    Changed(ChangeEvent<'a>),
    /// The resolver asked a server for a name, and got (or did not get) an answer.
    Lookup(LookupEvent<'a>),
}

/// A socket call.
#[non_exhaustive]
#[derive(Debug)]
pub struct CallEvent<'a> {
    /// What was asked.
    pub call: Call,
    /// The socket that was called (for [`Call::Socket`]: the one that was made). `None` if none
    /// could be made.
    pub socket: Option<SocketId>,
    /// Its control information before the call.
    pub before: Option<&'a ControlInfo>,
    /// Its control information after the call; after [`Call::Close`] that of the record which
    /// the protocol still keeps for the connection, if it does.
    pub after: Option<&'a ControlInfo>,
    /// The control information of the connection that [`Call::Accept`] gave.
    pub accepted: Option<&'a ControlInfo>,
    /// What came of it.
    pub outcome: &'a Outcome,
}

/// What an application asked of a socket.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Call {
    /// A new socket.
    Socket(Domain, SocketKind),
    /// A local endpoint.
    Bind(SocketAddr),
    /// To take connections, with this backlog.
    Listen(usize),
    /// A connection, or a peer for datagrams. Asked again, it waits for the outcome.
    Connect(SocketAddr),
    /// To forget the peer.
    Disconnect,
    /// A connection that waits.
    Accept,
    /// To send this many bytes, to an address if one was given.
    Send {
        /// How many bytes.
        bytes: usize,
        /// Where to, if it was said.
        to: Option<SocketAddr>,
    },
    /// To receive at most this many bytes.
    Receive {
        /// How many bytes at most.
        max: usize,
        /// The bytes stay in the queue.
        peek: bool,
    },
    /// To end one direction or both.
    Shutdown(Shutdown),
    /// To end the descriptor.
    Close,
    /// To set an option.
    SetOption(SocketOption),
    /// An option's value.
    Option(OptionName),
    /// The pending error.
    TakeError,
    /// A SYN's verdict: go on.
    Admit(IncomingId),
    /// A SYN's verdict: refuse, by RST or by this code of ICMP destination unreachable.
    Refuse(IncomingId, Option<u8>),
    /// A SYN's verdict: forget it.
    DropIncoming(IncomingId),
}

impl Call {
    /// The name by which POSIX knows it (or the stack, where POSIX has none).
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Socket(..) => "socket",
            Self::Bind(_) => "bind",
            Self::Listen(_) => "listen",
            Self::Connect(_) | Self::Disconnect => "connect",
            Self::Accept => "accept",
            Self::Send { .. } => "send",
            Self::Receive { .. } => "recv",
            Self::Shutdown(_) => "shutdown",
            Self::Close => "close",
            Self::SetOption(_) => "setsockopt",
            Self::Option(_) | Self::TakeError => "getsockopt",
            Self::Admit(_) => "admit",
            Self::Refuse(..) => "refuse",
            Self::DropIncoming(_) => "drop",
        }
    }
}

/// What came of a call.
#[non_exhaustive]
#[derive(Debug)]
pub enum Outcome {
    /// It is done.
    Done,
    /// This socket was made.
    Socket(SocketId),
    /// This connection was accepted.
    Accepted(SocketId, SocketAddr),
    /// This many bytes were sent or received; 0 received by a stream is its end.
    Bytes(usize),
    /// This is the option's value.
    Value(SocketOption),
    /// Not now: a handshake is under way, nothing is there, or nothing more fits. The caller
    /// waits, or is told so.
    Waits,
    /// It failed.
    Failed(io::Error),
}

/// A frame that came in or goes out.
#[non_exhaustive]
#[derive(Debug)]
pub struct FrameEvent<'a> {
    /// By which interface.
    pub interface: InterfaceId,
    /// The interface's name.
    pub interface_name: &'a str,
    /// What its link carries.
    pub medium: Medium,
    /// The frame as it passes between stack and adapter: it can be larger than the MTU, and its
    /// checksum partial, where the adapter cuts and sums. [`FrameEvent::on_the_wire`] does both.
    pub frame: &'a Frame,
    /// Its endpoints, if it carries TCP or UDP and is not a later fragment.
    pub flow: Option<Flow>,
    /// The control information that it found (or came from) before.
    pub before: Option<&'a ControlInfo>,
    /// The control information that its endpoints find after; that of the listener, if the
    /// connection's record has ended with this frame.
    pub after: Option<&'a ControlInfo>,
}

impl FrameEvent<'_> {
    /// Gives `each` the bytes of the frame as a wire carries them: cut to the MTU, checksums
    /// complete. Returns how many frames these are.
    pub fn on_the_wire(&self, mut each: impl FnMut(&[u8])) -> usize {
        let l2_len = link_len(self.medium);
        let cut = cut(self.frame, l2_len, Finish::Checksums, |part| each(&part.to_vec()));
        cut.unwrap_or_else(|_| {
            // Not cuttable: shown as it is.
            each(&self.frame.to_vec());
            1
        })
    }
}

/// The two endpoints of a packet, as seen from this host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// This host's endpoint.
    pub local: SocketAddr,
    /// The peer's endpoint.
    pub remote: SocketAddr,
}

/// A socket whose control information changed without a call or a frame of its own.
#[non_exhaustive]
#[derive(Debug)]
pub struct ChangeEvent<'a> {
    /// Before; `None` for a record that is new.
    pub before: Option<&'a ControlInfo>,
    /// After; `None` for a record that has ended.
    pub after: Option<&'a ControlInfo>,
}

/// One question of the resolver.
#[non_exhaustive]
#[derive(Debug)]
pub struct LookupEvent<'a> {
    /// The name asked for, as it was sent.
    pub name: &'a str,
    /// The server that was asked.
    pub server: SocketAddr,
    /// Whether it was asked over TCP, because the answer over UDP was truncated.
    pub over_tcp: bool,
    /// The addresses it gave, or why it gave none.
    pub answer: Result<&'a [IpAddr], &'a str>,
}

/// Bytes of the link header.
pub(crate) const fn link_len(medium: Medium) -> usize {
    match medium {
        Medium::Ethernet(_) => danja_wire::ethernet::HEADER_LEN,
        Medium::Ip => 0,
    }
}

#[cfg(test)]
mod tests;
