//! Socket options, by the names of `setsockopt`.

use super::Congestion;
use crate::interface::InterfaceId;
use core::time::Duration;

macro_rules! options {
    ($($variant:ident($type:ty) $doc:literal,)*) => {
        /// An option and its value.
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Debug)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum SocketOption {
            $(#[doc = $doc] $variant($type),)*
        }

        /// Which option, to ask for its value.
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum OptionName {
            $(#[doc = $doc] $variant,)*
        }

        impl SocketOption {
            /// Which option it is.
            pub const fn name(&self) -> OptionName {
                match self { $(Self::$variant(_) => OptionName::$variant,)* }
            }
        }
    };
}

/// What to do about the path MTU (Linux: IP_MTU_DISCOVER).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PathMtuDiscovery {
    /// Fragment when needed, never set DF.
    Never,
    /// Set DF where the socket can adapt (streams); fragment otherwise.
    #[default]
    Want,
    /// Always set DF, and fail with "message too long".
    Always,
    /// Always set DF, and ignore what is known of the path.
    Probe,
}

options! {
    ReuseAddress(bool) "SO_REUSEADDR: bind although old connections linger on the port.",
    ReusePort(bool) "SO_REUSEPORT: several sockets on one port, all of which ask for it.",
    Broadcast(bool) "SO_BROADCAST: allow datagrams to broadcast addresses.",
    KeepAlive(bool) "SO_KEEPALIVE: probe an idle peer.",
    KeepIdle(Duration) "TCP_KEEPIDLE: idle time before the first probe (1 s to 32,767 s).",
    KeepInterval(Duration) "TCP_KEEPINTVL: between probes (1 s to 32,767 s).",
    KeepCount(u8) "TCP_KEEPCNT: unanswered probes before giving up (1 to 127).",
    Linger(Option<Duration>) "SO_LINGER: what `close` does; zero resets the connection.",
    ReceiveBuffer(usize) "SO_RCVBUF in bytes, as asked for (Linux's doubling is the caller's); turns automatic growth off.",
    SendBuffer(usize) "SO_SNDBUF in bytes, likewise.",
    ReceiveLowWater(usize) "SO_RCVLOWAT: readable from this many bytes on.",
    NoDelay(bool) "TCP_NODELAY: no Nagle algorithm.",
    Cork(bool) "TCP_CORK: only full segments until it is cleared or 200 ms pass.",
    QuickAck(bool) "TCP_QUICKACK: acknowledge at once for now.",
    NoTcpOptions(bool) "TCP_NOOPT: our SYN carries no options, so that none are agreed on; set before `connect` or `listen`.",
    MaxSegment(u16) "TCP_MAXSEG: announce and use at most this segment size; read: the size in use.",
    UserTimeout(Duration) "TCP_USER_TIMEOUT: unacknowledged data may wait this long; zero is the default of retransmission counts.",
    SynRetries(u8) "TCP_SYNCNT: SYN retransmissions before giving up (1 to 127).",
    Linger2(Duration) "TCP_LINGER2: how long an orphaned FIN-WAIT-2 lives.",
    OutOfBandInline(bool) "SO_OOBINLINE: urgent bytes stay in the stream.",
    Ttl(u8) "IP_TTL: time to live of what is sent (1 to 255).",
    Tos(u8) "IP_TOS: DSCP (upper six bits; the ECN bits are the stack's own).",
    MtuDiscover(PathMtuDiscovery) "IP_MTU_DISCOVER.",
    BindToInterface(Option<InterfaceId>) "SO_BINDTODEVICE: only this interface.",
    Admitting(bool) "A listener that asks for a verdict on each SYN; set before `listen`.",
    AnyPort(bool) "Bound to port 0, a listener of every port that no other listens on; set before `bind`.",
    AtMark(bool) "SIOCATMARK, read only: the read position is at the urgent mark.",
    Congestion(Congestion) "TCP_CONGESTION: which congestion control.",
}
