//! What passes between IP and the transports: received packets, packets to be sent, and errors
//! about packets we sent.

use crate::interface::InterfaceId;
use crate::socket::SocketFault;
use core::net::{IpAddr, SocketAddr};
use danja_wire::Frame;
use danja_wire::ip::Protocol;
use danja_wire::tcp::SeqNumber;

/// To whom a packet was addressed, on the link or at IP, whichever is wider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cast {
    Unicast,
    Multicast,
    Broadcast,
}

/// A received packet whose IP header has been checked; whole (never a fragment).
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) interface: InterfaceId,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) ttl: u8,
    pub(crate) tos: u8,
    pub(crate) cast: Cast,
    /// The frame as it came (or as it was put together), all headers in `front()`.
    pub(crate) frame: Frame,
    /// Where the IP header starts in the frame.
    pub(crate) network: usize,
    /// Where the transport header starts in the frame.
    pub(crate) transport: usize,
    /// Where the IP packet ends in the frame; what follows is link padding.
    pub(crate) end: usize,
}

impl Packet {
    /// The transport header and what follows of it in the first contiguous bytes: at least the
    /// whole header (of TCP with its options), or all there is.
    pub(crate) fn transport_front(&self) -> &[u8] {
        let front = self.frame.front();
        front.get(self.transport..self.end.min(front.len())).unwrap_or(&[])
    }

    /// Length of the transport header and its payload, in bytes.
    pub(crate) const fn transport_len(&self) -> usize {
        self.end.saturating_sub(self.transport)
    }

    /// Whether the transport checksum is right, trusting the adapter where it vouches for it.
    pub(crate) fn checksum_ok(&self) -> bool {
        use danja_wire::{ChecksumState, checksum};
        if self.frame.offload.checksum != ChecksumState::Complete {
            return true;
        }
        let length = u32::try_from(self.transport_len()).unwrap_or(u32::MAX);
        let mut sum = match self.protocol {
            Protocol::ICMP => checksum::Sum::new(),
            _ => checksum::pseudo_header(self.source, self.destination, self.protocol.0, length),
        };
        self.add_transport(&mut sum);
        sum.finish() == 0
    }

    fn add_transport(&self, sum: &mut danja_wire::checksum::Sum) {
        let header = self.frame.header();
        if let Some(part) = header.get(self.transport..self.end.min(header.len())) {
            sum.add_bytes(part);
        }
        let mut at = header.len();
        for slice in self.frame.slices() {
            let start = self.transport.saturating_sub(at);
            let end = self.end.saturating_sub(at).min(slice.len());
            if let Some(part) = slice.as_slice().get(start..end) {
                sum.add_bytes(part);
            }
            at = at.saturating_add(slice.len());
        }
    }
}

/// What a transport answers to a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    /// A socket took it, or it was discarded and counted.
    Taken,
    /// Sockets took it, but it is for others as well: a broadcast or multicast.
    Shared,
    /// No socket takes it: the interface's [`Unclaimed`](crate::config::Unclaimed) rule decides.
    Unclaimed,
}

/// A packet to be sent: transport header (in the frame's header area) and payload.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) ttl: u8,
    pub(crate) tos: u8,
    /// Set DF; a packet larger than the path MTU is then refused, not fragmented. A frame
    /// with a `segment_size` is cut by the adapter and never fragmented.
    pub(crate) dont_fragment: bool,
    /// The transport header and payload. If `offload.checksum` is `Partial` its `start` is
    /// counted from the transport header; `ip` and `link` move it as they prepend.
    pub(crate) frame: Frame,
}

/// Where a packet to a destination goes, and what the path takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Path {
    pub(crate) interface: InterfaceId,
    /// The gateway, or the destination itself.
    pub(crate) next_hop: IpAddr,
    /// The address to send from.
    pub(crate) source: IpAddr,
    /// Path MTU in bytes.
    pub(crate) mtu: usize,
    /// The value of `Ip::generation` when it was looked up; another one means: look again.
    pub(crate) generation: u32,
}

/// An error about a packet we sent: an ICMP error whose quote was parsed, or a silent
/// neighbour. The transport validates it (RFC 5927) and gives it to the socket that caused it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransportError {
    pub(crate) protocol: Protocol,
    /// Our endpoint, from the quoted header (the identifier as port, for ICMP echo).
    pub(crate) local: SocketAddr,
    /// The destination's endpoint, from the quoted header.
    pub(crate) remote: SocketAddr,
    /// TCP: the quoted sequence number; `None` if not quoted (a silent neighbour).
    pub(crate) sequence: Option<SeqNumber>,
    /// What happened.
    pub(crate) what: ErrorKind,
    /// What a socket is told if it is told.
    pub(crate) fault: SocketFault,
}

/// How a [`TransportError`] is to be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ErrorKind {
    /// Protocol or port unreachable (RFC 1122 §4.2.3.9: hard).
    Hard,
    /// Net or host unreachable, time exceeded, parameter problem, prohibited: soft for TCP.
    Soft,
    /// Fragmentation needed; the path MTU in the cache has been lowered to this already
    /// if the transport says that the quote is genuine (`Ip::lower_path_mtu`).
    TooBig {
        /// The next hop's MTU in bytes; 0 from an old router (RFC 1191 §5).
        mtu: usize,
    },
    /// The neighbour did not answer.
    Neighbour,
}
