//! Plain data about what the stack holds: sockets with their control information, neighbours,
//! routes, interfaces. Views, made on request; changing them changes nothing.

use crate::interface::{InterfaceId, MacAddress, Medium};
use crate::socket::{Congestion, SocketFault, SocketId, SocketKind};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::ip::Cidr;
use danja_wire::tcp::SeqNumber;

/// TCP states by RFC 9293 §3.3.2's names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TcpState {
    /// No connection.
    Closed,
    /// Waiting for connections.
    Listen,
    /// A SYN was sent.
    SynSent,
    /// A SYN came and was answered.
    SynReceived,
    /// Data flows.
    Established,
    /// Our FIN is sent and not acknowledged.
    FinWait1,
    /// Our FIN is acknowledged, theirs has not come.
    FinWait2,
    /// Their FIN came, ours is not sent.
    CloseWait,
    /// Both FINs crossed, ours is not acknowledged.
    Closing,
    /// Their FIN came first, ours is not acknowledged.
    LastAck,
    /// Both sides are done; old segments are waited out.
    TimeWait,
}

impl TcpState {
    /// The RFC's name, such as `SYN-SENT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }
}

impl core::fmt::Display for TcpState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// A socket's control information: all that the stack looks at when it works.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug)]
pub struct ControlInfo {
    /// The descriptor; `None` for a record that no socket owns (half-open, TIME-WAIT, orphan).
    pub socket: Option<SocketId>,
    /// For a half-open connection: the listener it will be accepted from.
    pub listener: Option<SocketId>,
    /// What kind of socket.
    pub kind: SocketKind,
    /// The TCP state; `None` for other kinds.
    pub state: Option<TcpState>,
    /// Our endpoint, once bound.
    pub local: Option<SocketAddr>,
    /// The peer's endpoint, once known.
    pub remote: Option<SocketAddr>,
    /// The interface it is bound to.
    pub interface: Option<InterfaceId>,
    /// Bytes of memory taken now: record and queues.
    pub memory: usize,
    /// Bytes queued to be sent or not acknowledged (UDP: to be sent).
    pub send_queue: usize,
    /// How many bytes the send queue may hold now.
    pub send_buffer: usize,
    /// What that may grow to.
    pub send_buffer_max: usize,
    /// Bytes received and not read (for a listener: connections that wait for `accept`).
    pub receive_queue: usize,
    /// How many bytes the receive queue may hold now (for a listener: the backlog).
    pub receive_buffer: usize,
    /// What that may grow to.
    pub receive_buffer_max: usize,
    /// Half-open connections of a listener.
    pub half_open: usize,
    /// The error that the next call will report.
    pub error: Option<SocketFault>,
    /// The latest error that did not end the connection (RFC 9293 §3.9.1.8).
    pub soft_error: Option<SocketFault>,
    /// TCP's variables; `None` for other kinds and for unconnected sockets.
    pub tcp: Option<TcpInfo>,
}

/// TCP's variables, by the names of RFC 9293 §3.3.1 and of Linux's `tcp_info`.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug)]
pub struct TcpInfo {
    /// Initial send sequence number.
    pub iss: SeqNumber,
    /// Oldest unacknowledged sequence number.
    pub snd_una: SeqNumber,
    /// Next sequence number to be sent.
    pub snd_nxt: SeqNumber,
    /// Send window in bytes.
    pub snd_wnd: u32,
    /// Segment sequence number of the last window update.
    pub snd_wl1: SeqNumber,
    /// Segment acknowledgement number of the last window update.
    pub snd_wl2: SeqNumber,
    /// Send urgent pointer, if urgent data is not acknowledged.
    pub snd_up: Option<SeqNumber>,
    /// Initial receive sequence number.
    pub irs: SeqNumber,
    /// Next sequence number expected.
    pub rcv_nxt: SeqNumber,
    /// Receive window in bytes.
    pub rcv_wnd: u32,
    /// Receive urgent pointer, if urgent data is not read.
    pub rcv_up: Option<SeqNumber>,
    /// Shift of the windows the peer announces.
    pub snd_wind_shift: u8,
    /// Shift of the windows we announce.
    pub rcv_wind_shift: u8,
    /// Timestamps are in use.
    pub timestamps: bool,
    /// SACK is in use.
    pub sack: bool,
    /// Window scaling is in use.
    pub window_scaling: bool,
    /// Payload bytes of a full segment that we send.
    pub snd_mss: u32,
    /// Segment size that we announced.
    pub rcv_mss: u32,
    /// Path MTU in use.
    pub path_mtu: u32,
    /// Retransmission time-out.
    pub rto: Duration,
    /// Smoothed round-trip time, once measured.
    pub srtt: Option<Duration>,
    /// Its variation.
    pub rttvar: Duration,
    /// Smallest round-trip time seen.
    pub min_rtt: Option<Duration>,
    /// Consecutive time-outs.
    pub backoff: u8,
    /// Unanswered probes (keep-alive or zero window).
    pub probes: u8,
    /// Congestion window in bytes.
    pub cwnd: u32,
    /// Slow-start threshold in bytes.
    pub ssthresh: u32,
    /// Which congestion control.
    pub congestion: Congestion,
    /// What loss recovery is doing.
    pub recovery: RecoveryState,
    /// Segments in flight.
    pub segments_unacked: u32,
    /// Of these, reported received.
    pub segments_sacked: u32,
    /// Of these, considered lost.
    pub segments_lost: u32,
    /// Of these, retransmitted.
    pub segments_retransmitted: u32,
    /// Retransmissions in all.
    pub total_retransmissions: u32,
    /// Payload bytes sent, retransmissions included.
    pub bytes_sent: u64,
    /// Payload bytes retransmitted.
    pub bytes_retransmitted: u64,
    /// Payload bytes acknowledged.
    pub bytes_acked: u64,
    /// Payload bytes received in order.
    pub bytes_received: u64,
    /// Segments sent.
    pub segments_out: u64,
    /// Segments received.
    pub segments_in: u64,
    /// Bytes received out of order and kept.
    pub out_of_order: usize,
    /// Running timers and when each is due.
    pub timers: Vec<(TimerName, Instant)>,
}

/// Linux's congestion states (`tcpi_ca_state`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RecoveryState {
    /// Nothing unusual.
    Open,
    /// Duplicate acknowledgements or SACKs, no loss declared.
    Disorder,
    /// The window was reduced without loss (ECN).
    Reduced,
    /// Fast recovery.
    Recovery,
    /// After a time-out.
    Loss,
}

/// A connection's timers.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimerName {
    /// RFC 6298.
    Retransmission,
    /// Zero-window probe.
    Persist,
    /// Delayed acknowledgement.
    DelayedAck,
    /// Keep-alive.
    KeepAlive,
    /// User timeout.
    UserTimeout,
    /// End of FIN-WAIT-2.
    FinWait2,
    /// End of TIME-WAIT.
    TimeWait,
    /// Override of silly-window avoidance or cork.
    Override,
}

/// States of a neighbour, RFC 4861 §7.3.2 (for ARP too).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NeighbourState {
    /// Asked for, not yet answered.
    Incomplete,
    /// Confirmed lately.
    Reachable,
    /// Not confirmed lately; used all the same.
    Stale,
    /// Used since it went stale; a confirmation is waited for.
    Delay,
    /// Being asked again.
    Probe,
    /// Did not answer.
    Failed,
    /// Set by the administrator.
    Permanent,
}

/// A neighbour.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeighbourView {
    /// On which link.
    pub interface: InterfaceId,
    /// Its IP address.
    pub address: IpAddr,
    /// Its hardware address, once known.
    pub mac: Option<MacAddress>,
    /// Its state.
    pub state: NeighbourState,
    /// Packets that wait for it.
    pub queued: usize,
}

/// A route.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouteView {
    /// Whom it is for.
    pub destination: Cidr,
    /// The first hop.
    pub gateway: Option<IpAddr>,
    /// By which interface.
    pub interface: InterfaceId,
    /// The lower is preferred.
    pub metric: u32,
}

/// An interface.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InterfaceView {
    /// Which.
    pub id: InterfaceId,
    /// Its name.
    pub name: String,
    /// What it carries.
    pub medium: Medium,
    /// Largest packet in bytes.
    pub mtu: usize,
    /// Whether its owner has it up.
    pub up: bool,
    /// Whether its link carries frames: a cable is plugged in. Nothing is sent or received unless
    /// this and [`Self::up`] hold.
    pub link: bool,
    /// The VLAN that it is on, of another interface.
    pub vlan: Option<crate::config::Vlan>,
    /// Its addresses.
    pub addresses: Vec<Cidr>,
    /// Frames and bytes received.
    pub received: (u64, u64),
    /// Frames and bytes sent.
    pub sent: (u64, u64),
}
