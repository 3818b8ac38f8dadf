//! What POSIX adds to the protocols: descriptors, options, port rules, errors. Knows no segment
//! and no frame.

mod congestion;
pub(crate) mod descriptor;
mod error;
pub(crate) mod flow;
mod options;
pub(crate) mod ports;

pub use congestion::{Congestion, UnknownCongestion};
pub use descriptor::SocketId;
pub use error::{
    AcceptError, BindError, Cause, CloseError, ConnectError, Fault, ListenError, OptionError,
    RecvError, SendError, ShutdownError, SocketError, SocketFault, VerdictError,
};
pub use flow::{Received, RecvFlags, SendFlags, Shutdown};
pub use options::{OptionName, PathMtuDiscovery, SocketOption};

use danja_wire::ip::Protocol;

/// Which addresses a socket speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Domain {
    /// IPv4.
    Ipv4,
    /// IPv6 (not yet spoken: [`SocketError::UnsupportedDomain`]).
    Ipv6,
}

/// What kind of socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SocketKind {
    /// TCP.
    Stream,
    /// UDP.
    Datagram,
    /// ICMP echo: sends requests, receives their replies (Linux's ping sockets).
    Ping,
    /// IP datagrams of one protocol, with their IP header on receipt.
    Raw(Protocol),
}
