//! What the story tells, as plain values: the text and the JSON form are both made of these.
//! Knows no sentence and no language.

use serde::Serialize;
use std::net::{IpAddr, SocketAddr};

/// One step of the story.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Fact {
    /// At which host it happened.
    pub(crate) host: String,
    /// When, in nanoseconds of the host's clock.
    pub(crate) at: u64,
    /// What happened.
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What can happen.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum What {
    /// The stack took memory for a socket and handed back its descriptor.
    SocketMade(SocketMade),
    /// A socket call, but for `socket`.
    Call(Call),
    /// The resolver asked a server for a name.
    Lookup(Lookup),
    /// An ARP packet.
    Arp(Arp),
    /// A UDP datagram.
    Datagram(Datagram),
    /// An ICMP message.
    Icmp(Icmp),
    /// A TCP segment of the set-up or the end.
    Segment(Segment),
    /// A listener's side learned its client from a SYN.
    ServerLearns {
        /// The listener's descriptor.
        listener: Option<u64>,
        /// The server's endpoint.
        local: SocketAddr,
        /// The client's endpoint.
        remote: SocketAddr,
    },
    /// A connection became ESTABLISHED at this end.
    Established {
        /// Our endpoint.
        local: SocketAddr,
        /// The peer's endpoint.
        remote: SocketAddr,
    },
    /// A deadline passed, and something was sent again or ended.
    TimedOut(TimedOut),
    /// The first data segment, through every layer.
    Layers(Layers),
    /// The transfer over one connection in sum.
    Sum(Sum),
}

/// A new socket.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct SocketMade {
    pub(crate) socket: u64,
    /// `TCP`, `UDP`, `ICMP echo` …
    pub(crate) protocol: String,
    /// Bytes of memory taken now.
    pub(crate) memory: usize,
    pub(crate) state: Option<&'static str>,
    pub(crate) send_queue: usize,
    pub(crate) send_buffer_max: usize,
    pub(crate) receive_queue: usize,
    pub(crate) receive_buffer_max: usize,
}

/// A socket call.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Call {
    /// Its name, as in POSIX.
    pub(crate) call: &'static str,
    pub(crate) socket: u64,
    /// Whether it is a TCP socket.
    pub(crate) stream: bool,
    /// The endpoint that was passed or handed back.
    pub(crate) endpoint: Option<SocketAddr>,
    /// Bytes passed or handed back.
    pub(crate) bytes: usize,
    pub(crate) error: Option<String>,
    pub(crate) changes: Vec<Change>,
}

/// One field of the control information that changed.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    /// The field's name.
    pub(crate) name: String,
    /// `None`: there was nothing.
    pub(crate) before: Option<String>,
    /// `None`: there is nothing any more.
    pub(crate) after: Option<String>,
}

/// A name asked for.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Lookup {
    pub(crate) name: String,
    pub(crate) server: SocketAddr,
    pub(crate) over_tcp: bool,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) error: Option<String>,
}

/// A connection whose deadline passed.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct TimedOut {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) changes: Vec<Change>,
}

/// Which way a packet goes.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    Sent,
    Received,
}

/// An ARP packet.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Arp {
    pub(crate) direction: Direction,
    pub(crate) kind: ArpKind,
    pub(crate) sender_mac: String,
    pub(crate) sender: IpAddr,
    pub(crate) target: IpAddr,
    pub(crate) target_mac: String,
}

/// What an ARP packet is for.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArpKind {
    /// Who has this address?
    Request,
    /// The answer.
    Reply,
    /// "This address is mine."
    Announcement,
    /// "Does anyone use this address?"
    Probe,
}

/// What a packet was for: the control information it found.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[serde(tag = "found", rename_all = "kebab-case")]
pub(crate) enum Found {
    /// A connection of these two endpoints.
    Connection { socket: Option<u64>, state: Option<&'static str> },
    /// A socket that takes packets from anyone.
    Socket { socket: Option<u64>, state: Option<&'static str> },
    /// Nothing.
    Nobody,
}

/// A UDP datagram.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Datagram {
    pub(crate) direction: Direction,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// Bytes of data.
    pub(crate) bytes: usize,
    /// The DNS message in it, in words.
    pub(crate) dns: Option<String>,
    #[serde(flatten)]
    pub(crate) found: Found,
    pub(crate) changes: Vec<Change>,
}

/// An ICMP message.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Icmp {
    pub(crate) direction: Direction,
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    /// In words, as tcpdump writes it.
    pub(crate) message: String,
}

/// A TCP segment.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Segment {
    pub(crate) direction: Direction,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) flags: String,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) seq: u32,
    /// `None` without ACK.
    pub(crate) ack: Option<u32>,
    /// As it stands in the header, not scaled.
    pub(crate) window: u16,
    /// Bytes of data.
    pub(crate) bytes: usize,
    pub(crate) options: String,
    #[serde(flatten)]
    pub(crate) found: Found,
    pub(crate) changes: Vec<Change>,
}

/// The first data segment on its way down or up.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Layers {
    pub(crate) direction: Direction,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) window: u16,
    pub(crate) flags: String,
    pub(crate) options: String,
    /// Bytes of data that the socket gave or gets.
    pub(crate) data: usize,
    pub(crate) tcp_header: usize,
    pub(crate) ip_header: usize,
    pub(crate) ttl: u8,
    pub(crate) identification: u16,
    pub(crate) frame_header: usize,
    /// Hardware addresses, where the medium has them.
    pub(crate) source_mac: Option<String>,
    pub(crate) destination_mac: Option<String>,
    /// All bytes together.
    pub(crate) total: usize,
    /// Data bytes in each frame, if the adapter (or a wire behind it) cuts this one; else 0.
    pub(crate) cut_to: usize,
    /// Whether the transport checksum was left to the adapter.
    pub(crate) checksum_left: bool,
    pub(crate) interface: String,
    pub(crate) driver: String,
    pub(crate) socket: Option<u64>,
    pub(crate) changes: Vec<Change>,
}

/// One end's view of a whole transfer.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(crate) struct Sum {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) state: Option<&'static str>,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_acked: u64,
    pub(crate) bytes_received: u64,
    pub(crate) segments_sent: u64,
    pub(crate) segments_received: u64,
    pub(crate) retransmissions: u64,
    /// From the first segment to the last, in nanoseconds.
    pub(crate) nanoseconds: u64,
    /// Smoothed round-trip time in nanoseconds.
    pub(crate) srtt: Option<u64>,
}
