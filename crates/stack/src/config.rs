//! Every knob, with its default and the reason for it. Public fields: a user sets what differs.

use crate::interface::Medium;
use crate::socket::Congestion;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use danja_wire::ip::Cidr;

/// What a stack is made with. `Config::default()` is right for most; fields say why.
#[non_exhaustive]
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// All limits on memory.
    pub limits: Limits,
    /// TCP's knobs.
    pub tcp: TcpConfig,
    /// IP's, ICMP's and the neighbours' knobs.
    pub ip: IpConfig,
    /// The knobs of datagram sockets.
    pub udp: UdpConfig,
    /// Overrides the key of the hash tables, which otherwise comes from the secret seed. A test
    /// sets two different ones and compares the bytes on the wire.
    pub hash_key: Option<[u8; 16]>,
    /// The shard that this stack is, for descriptors (0 to 255).
    pub shard: u8,
}

/// Limits on tables and queues. None is ever exceeded.
#[non_exhaustive]
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// Sockets (descriptors), of all kinds.
    pub sockets: usize,
    /// TIME-WAIT records; the oldest is given up (and counted) for a new one. Linux's figure.
    pub time_wait: usize,
    /// Half-open connections over all listeners.
    pub half_open: usize,
    /// Pending records of admitting listeners, in total.
    pub pending: usize,
    /// Pending records of admitting listeners, from one source address.
    pub pending_per_source: usize,
    /// Bytes that all queues of all sockets may hold, at their true cost.
    pub buffer_bytes: usize,
    /// Neighbours in the cache.
    pub neighbours: usize,
    /// Packets that wait for one unresolved neighbour: enough for the fragments of the largest
    /// datagram.
    pub neighbour_queue: usize,
    /// Bytes that wait for unresolved neighbours, in all.
    pub neighbour_queue_bytes: usize,
    /// Datagrams under reassembly.
    pub reassembly_datagrams: usize,
    /// Bytes under reassembly, at their true cost.
    pub reassembly_bytes: usize,
    /// Bytes under reassembly from one source address.
    pub reassembly_bytes_per_source: usize,
    /// Fragments of one datagram.
    pub reassembly_fragments: usize,
    /// Entries of the path MTU cache.
    pub path_mtu_entries: usize,
    /// Frames of the stack's own (ARP, ICMP, RST) that wait for an interface.
    pub control_queue: usize,
    /// Unclaimed packets that wait to be polled, per interface.
    pub unclaimed_queue: usize,
    /// Out-of-order ranges one connection may hold.
    pub out_of_order_ranges: usize,
}

/// TCP's knobs.
#[non_exhaustive]
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TcpConfig {
    /// Receive buffer of a new socket: what it starts with and how far it may grow by itself, in
    /// bytes. The window scale follows from the second.
    pub receive_buffer: BufferLimits,
    /// Send buffer of a new socket, likewise.
    pub send_buffer: BufferLimits,
    /// Offer and accept timestamps (RFC 7323).
    pub timestamps: bool,
    /// Offer and accept selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// Offer and accept window scaling (RFC 7323).
    pub window_scaling: bool,
    /// Retransmission time-out before the first sample (RFC 6298: 1 s).
    pub initial_rto: Duration,
    /// Smallest retransmission time-out. RFC 6298 says 1 s; Linux has 200 ms, and so do we.
    pub min_rto: Duration,
    /// Largest retransmission time-out (RFC 6298: at least 60 s; Linux: 120 s).
    pub max_rto: Duration,
    /// SYN retransmissions before giving up (R2 of RFC 9293 MUST-23: at least 3 minutes asks for
    /// 7 with doubling from 1 s; Linux has 6: 127 s).
    pub syn_retries: u8,
    /// SYN-ACK retransmissions before a half-open connection is given up (Linux: 5).
    pub syn_ack_retries: u8,
    /// Data retransmissions before the connection is given up (Linux's tcp_retries2: 15).
    pub retries: u8,
    /// Retransmissions of a connection that no socket owns any more (Linux's tcp_orphan_retries: 8).
    pub orphan_retries: u8,
    /// Delay of an acknowledgement (Linux: 40 ms; RFC 9293 MUST-40: below 500 ms).
    pub delayed_ack: Duration,
    /// Acknowledge at once at the start of a connection, as Linux does ("quick ACK").
    pub quick_ack_start: bool,
    /// How long TIME-WAIT lasts. RFC 9293 says 2 MSL = 4 minutes; Linux has 60 s.
    pub time_wait: Duration,
    /// How long an orphaned FIN-WAIT-2 lives (Linux's tcp_fin_timeout: 60 s).
    pub fin_wait_2: Duration,
    /// Idle time before the first keep-alive probe (RFC 9293 MUST-28: at least 2 h).
    pub keep_idle: Duration,
    /// Between keep-alive probes.
    pub keep_interval: Duration,
    /// Unanswered keep-alive probes before the connection is given up.
    pub keep_count: u8,
    /// The segment size announced is at most this; 0 for what the interface's MTU gives.
    pub max_mss: u16,
    /// Smaller announcements of the peer are raised to this (CVE-2019-11479's lesson; Linux: 48).
    pub min_mss: u16,
    /// Initial congestion window in segments (RFC 6928).
    pub initial_window: u32,
    /// The congestion control of connections whose socket names none.
    pub congestion: Congestion,
    /// Challenge ACKs one connection sends a second (RFC 5961 §7; never a global count).
    pub challenge_acks_per_second: u32,
    /// Accept a new SYN in TIME-WAIT under RFC 6191's conditions.
    pub time_wait_reuse: bool,
    /// Pending records of admitting listeners live this long after the client's last SYN.
    pub pending_timeout: Duration,
    /// A client that waits for a verdict has gone when it is silent for this long and three times
    /// as long as it has been calling by then: who waits repeats its SYN, after 1 s, 3 s, 7 s ….
    pub pending_silence: Duration,
    /// A connection that is being opened ends at an ICMP error that may pass (network or host
    /// unreachable), as in Linux (RFC 5461 §4). Off: RFC 9293 MUST-56 has it wait and ask again.
    pub soft_errors_end_opening: bool,
    /// How long an admitted or ordinary listener answers with SYN cookies when its queue is full.
    pub syn_cookies: bool,
}

/// A buffer's limits in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BufferLimits {
    /// What a new socket may hold.
    pub initial: usize,
    /// What it may grow to by itself.
    pub max: usize,
}

/// IP's, ICMP's and the neighbours' knobs.
#[non_exhaustive]
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IpConfig {
    /// Time to live of what we send (RFC 1700's 64).
    pub ttl: u8,
    /// Answer echo requests.
    pub answer_echo: bool,
    /// Answer echo requests to a broadcast address (CVE-1999-0513: no).
    pub answer_broadcast_echo: bool,
    /// ICMP errors sent per second and destination (RFC 1812 §4.3.2.8), but for those to this
    /// host; no global count is shared.
    pub icmp_errors_per_second: u32,
    /// A path MTU below this is not believed (RFC 1191 floor; Linux: 552).
    pub min_path_mtu: usize,
    /// When a learned path MTU is forgotten (RFC 1191 §6.3: 10 minutes).
    pub path_mtu_timeout: Duration,
    /// Reassembly gives up after this (RFC 1122 §3.3.2: 60 to 120 s; Linux: 30 s).
    pub reassembly_timeout: Duration,
    /// A confirmed neighbour counts as reachable this long (RFC 4861: 30 s, randomised by half).
    pub reachable_time: Duration,
    /// Between two requests for one neighbour (RFC 1122 §2.3.2.1: at most one a second).
    pub retrans_timer: Duration,
    /// Requests before a neighbour is given up.
    pub solicitations: u8,
    /// Follow ICMP redirects from the current first hop. Off, as CVE-1999-0265's class teaches.
    pub accept_redirects: bool,
    /// First and last port that are chosen for clients. Linux's default would be 32768 to 60999;
    /// ours is the part that DESIGN leaves to this stack when it shares an address with a kernel.
    pub ephemeral_ports: (u16, u16),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits {
                sockets: 4_000_000,
                time_wait: 262_144,
                half_open: 65_536,
                pending: 4_096,
                pending_per_source: 256,
                buffer_bytes: 1 << 30,
                neighbours: 1_024,
                neighbour_queue: 64,
                neighbour_queue_bytes: 4 << 20,
                reassembly_datagrams: 256,
                reassembly_bytes: 4 << 20,
                reassembly_bytes_per_source: 1 << 20,
                reassembly_fragments: 256,
                path_mtu_entries: 4_096,
                control_queue: 512,
                unclaimed_queue: 256,
                out_of_order_ranges: 1_024,
            },
            tcp: TcpConfig::default(),
            ip: IpConfig::default(),
            udp: UdpConfig::default(),
            hash_key: None,
            shard: 0,
        }
    }
}

impl Default for TcpConfig {
    fn default() -> Self {
        Self {
            receive_buffer: BufferLimits { initial: 131_072, max: 6 << 20 },
            send_buffer: BufferLimits { initial: 87_040, max: 4 << 20 },
            timestamps: true,
            sack: true,
            window_scaling: true,
            initial_rto: Duration::from_secs(1),
            min_rto: Duration::from_millis(200),
            max_rto: Duration::from_secs(120),
            syn_retries: 7,
            syn_ack_retries: 5,
            retries: 15,
            orphan_retries: 8,
            delayed_ack: Duration::from_millis(40),
            quick_ack_start: true,
            time_wait: Duration::from_secs(60),
            fin_wait_2: Duration::from_secs(60),
            keep_idle: Duration::from_secs(7_200),
            keep_interval: Duration::from_secs(75),
            keep_count: 9,
            max_mss: 0,
            min_mss: 48,
            initial_window: 10,
            congestion: Congestion::default(),
            challenge_acks_per_second: 2,
            time_wait_reuse: true,
            soft_errors_end_opening: false,
            pending_timeout: Duration::from_secs(130),
            pending_silence: Duration::from_secs(10),
            syn_cookies: true,
        }
    }
}

/// The knobs of datagram sockets (UDP, ping, raw).
#[non_exhaustive]
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UdpConfig {
    /// What a new socket's receive queue may hold, in bytes at true cost (Linux: 212,992).
    pub receive_buffer: usize,
    /// What its send queue may hold, likewise.
    pub send_buffer: usize,
}

impl Default for UdpConfig {
    fn default() -> Self {
        Self { receive_buffer: 212_992, send_buffer: 212_992 }
    }
}

impl Default for IpConfig {
    fn default() -> Self {
        Self {
            ttl: 64,
            answer_echo: true,
            answer_broadcast_echo: false,
            icmp_errors_per_second: 10,
            min_path_mtu: 552,
            path_mtu_timeout: Duration::from_secs(600),
            reassembly_timeout: Duration::from_secs(60),
            reachable_time: Duration::from_secs(30),
            retrans_timer: Duration::from_secs(1),
            solicitations: 3,
            accept_redirects: false,
            ephemeral_ports: (49_152, 65_535),
        }
    }
}

/// What happens to a packet that no socket claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Unclaimed {
    /// The stack answers: RST, port unreachable, protocol unreachable.
    #[default]
    Answer,
    /// It is handed out whole by [`Stack::poll_unclaimed`](crate::Stack::poll_unclaimed), for a
    /// second stack behind the same address.
    HandOut,
}

/// What an interface is made with.
#[non_exhaustive]
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InterfaceConfig {
    /// For views and errors, such as `lan0`.
    pub name: String,
    /// What the link carries.
    pub medium: Medium,
    /// Largest IP packet in bytes.
    pub mtu: usize,
    /// Addresses with their prefixes; each gives a connected route.
    pub addresses: Vec<Cidr>,
    /// Any-address: listeners and UDP sockets take any destination and send from any source.
    pub any_address: bool,
    /// With `any_address`: echo requests to addresses that are not ours go to ping sockets of
    /// the application instead of being answered.
    pub echo_to_application: bool,
    /// What happens to packets no socket claims.
    pub unclaimed: Unclaimed,
    /// The adapter completes transport checksums.
    pub checksum_offload: bool,
    /// Largest packet that the adapter cuts itself, in bytes; 0 for none.
    pub max_segmented: usize,
    /// Probe for and defend addresses (RFC 5227). Announcements are sent in any case; probing
    /// delays the first use of an address by up to 7 s, so it is off unless asked for.
    pub probe_addresses: bool,
    /// The host learns its address from the network: until the interface has one, datagrams in
    /// frames to its hardware address are for its unconnected sockets, whatever address they were
    /// sent to (RFC 2131 §2: a server has no other way to reach a client).
    pub learns_address: bool,
    /// It is on a VLAN of another interface, whose adapter its frames leave and come by.
    pub vlan: Option<Vlan>,
}

/// A VLAN (IEEE 802.1Q) of an interface.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Vlan {
    /// The interface that has the adapter; untagged frames are its own.
    pub parent: crate::InterfaceId,
    /// Which VLAN, 1 to 4094.
    pub id: u16,
}

impl InterfaceConfig {
    /// An interface with the given name, medium and MTU, no addresses, and no offloads.
    pub fn new(name: &str, medium: Medium, mtu: usize) -> Self {
        Self {
            name: String::from(name),
            medium,
            mtu,
            addresses: Vec::new(),
            any_address: false,
            echo_to_application: false,
            unclaimed: Unclaimed::Answer,
            checksum_offload: false,
            max_segmented: 0,
            probe_addresses: false,
            learns_address: false,
            vlan: None,
        }
    }

    /// The same with one more address.
    #[must_use]
    pub fn address(mut self, address: Cidr) -> Self {
        self.addresses.push(address);
        self
    }
}

/// A route: packets to `destination` leave by `interface`, through `gateway` if there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Route {
    /// Whom it is for; `0.0.0.0/0` for everyone.
    pub destination: Cidr,
    /// The first hop; `None` if the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// By which interface.
    pub interface: crate::InterfaceId,
    /// The lower is preferred among routes of the same prefix length.
    pub metric: u32,
}
