//! Arguments and results of `send`, `recv` and `shutdown`.

use crate::interface::InterfaceId;
use core::net::{IpAddr, SocketAddr};

/// Which direction `shutdown` ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Shutdown {
    /// No more will be read.
    Read,
    /// No more will be sent: TCP sends FIN after what is queued.
    Write,
    /// Both.
    Both,
}

/// How to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SendFlags {
    /// The last byte is urgent (MSG_OOB).
    pub urgent: bool,
    /// More follows at once: do not send a partial segment yet (MSG_MORE).
    pub more: bool,
    /// Where a datagram goes; a connected socket needs none.
    pub to: Option<SocketAddr>,
    /// From which of our addresses (or, on an any-address interface, from which address at all).
    pub from: Option<IpAddr>,
}

/// How to receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RecvFlags {
    /// Leave the data in the queue (MSG_PEEK).
    pub peek: bool,
    /// Take the urgent byte (MSG_OOB).
    pub urgent: bool,
}

/// What `recv` gave, besides the slices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Received {
    /// Bytes in the slices; 0 from a stream is its end.
    pub bytes: usize,
    /// A datagram was longer than asked for; this long.
    pub full_len: usize,
    /// Who sent the datagram (for a stream: the peer).
    pub from: Option<SocketAddr>,
    /// To which of our addresses it was sent.
    pub to: Option<SocketAddr>,
    /// Where it came in.
    pub interface: Option<InterfaceId>,
    /// Time to live it came with.
    pub ttl: u8,
    /// Type of service it came with.
    pub tos: u8,
}
