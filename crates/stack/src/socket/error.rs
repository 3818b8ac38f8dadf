//! One small error enum per public operation, sorted by who is to blame: the caller (a call
//! that does not fit), the network (a [`SocketFault`]), or nobody (try again).

use core::net::IpAddr;

/// What went wrong on the network, with what told us so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SocketFault {
    /// What the socket's owner is told (Linux: `SO_ERROR`).
    pub kind: Fault,
    /// Which packet or silence caused it, if known.
    pub cause: Option<Cause>,
}

/// Kinds of network failure, by the names of errno.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Fault {
    /// The port is closed (ECONNREFUSED).
    ConnectionRefused,
    /// The peer reset the connection (ECONNRESET).
    ConnectionReset,
    /// We gave the connection up ourselves (ECONNABORTED).
    ConnectionAborted,
    /// No answer (ETIMEDOUT).
    TimedOut,
    /// The host cannot be reached (EHOSTUNREACH).
    HostUnreachable,
    /// No route to the network (ENETUNREACH).
    NetworkUnreachable,
    /// The peer does not speak the protocol (ENOPROTOOPT).
    ProtocolUnreachable,
    /// Forbidden by a filter (EACCES/EHOSTUNREACH in Linux).
    Prohibited,
    /// A datagram larger than the path takes (EMSGSIZE).
    MessageTooLong,
    /// A malformed packet was complained about (EPROTO).
    ProtocolError,
    /// Data cannot be sent: this side is shut down or the peer is gone (EPIPE).
    BrokenPipe,
}

/// Which ARP or ICMP outcome, segment or silence caused a fault.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Cause {
    /// Nobody answered ARP for this address.
    NeighbourSilent(IpAddr),
    /// An ICMP error came.
    Icmp {
        /// Its type.
        message_type: u8,
        /// Its code.
        code: u8,
        /// Who sent it.
        from: IpAddr,
    },
    /// A RST segment came.
    Reset,
    /// Retransmissions were not answered.
    Retransmissions(u8),
    /// Keep-alive probes were not answered.
    KeepAlive(u8),
    /// The user timeout ran out.
    UserTimeout,
    /// No route leads there.
    NoRoute,
    /// Memory ran out and an orphan was given up.
    Memory,
}

macro_rules! errors {
    ($($(#[$outer:meta])* $name:ident { $($(#[$meta:meta])* $variant:ident $(($inner:ty))? $text:literal,)* })*) => {$(
        $(#[$outer])*
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum $name {
            $($(#[$meta])* #[doc = $text] $variant $(($inner))?,)*
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self { $(errors!(@pattern $variant $(($inner))?) => f.write_str($text),)* }
            }
        }

        impl core::error::Error for $name {}
    )*};
    (@pattern $variant:ident) => { Self::$variant };
    (@pattern $variant:ident ($inner:ty)) => { Self::$variant(_) };
}

errors! {
    /// From `socket`.
    SocketError {
        LimitReached "the stack's limit of sockets is reached",
        UnsupportedDomain "this address family is not spoken",
    }
    /// From `bind`.
    BindError {
        BadDescriptor "no such socket",
        AddressInUse "the address is in use",
        AddressNotAvailable "the address is not one of this host's",
        AlreadyBound "the socket is bound already",
        WrongFamily "the address is of another family than the socket",
    }
    /// From `listen`.
    ListenError {
        BadDescriptor "no such socket",
        NotSupported "this kind of socket does not listen",
        AddressInUse "the address is in use",
        InvalidState "the socket is connected",
    }
    /// From `connect`.
    ConnectError {
        BadDescriptor "no such socket",
        InProgress "the connection is being made",
        AlreadyConnecting "an earlier connect is still under way",
        AlreadyConnected "the socket is connected",
        InvalidState "a listening socket does not connect",
        WrongFamily "the address is of another family than the socket",
        InvalidAddress "one cannot connect to this address",
        AddressInUse "this pair of endpoints is in use",
        PortsExhausted "no local port is free for this destination",
        Fault(SocketFault) "the connection failed",
    }
    /// From `accept`.
    AcceptError {
        BadDescriptor "no such socket",
        NotListening "the socket does not listen",
        WouldBlock "no connection waits",
        LimitReached "the stack's limit of sockets is reached",
    }
    /// From `admit`, `refuse` and `drop_incoming`.
    VerdictError {
        Stale "the client has gone, or the verdict was given already",
        LimitReached "the stack's limit of half-open connections is reached",
    }
    /// From `send`.
    SendError {
        BadDescriptor "no such socket",
        WouldBlock "no room now",
        NotConnected "the socket is not connected",
        DestinationRequired "the datagram has no destination",
        BrokenPipe "this side is shut down",
        MessageTooLong "the datagram is too long",
        BroadcastNotAllowed "broadcast needs the socket's permission",
        WrongFamily "the address is of another family than the socket",
        InvalidAddress "one cannot send to this address",
        PortsExhausted "no local port is free",
        Fault(SocketFault) "the socket failed",
    }
    /// From `recv`.
    RecvError {
        BadDescriptor "no such socket",
        WouldBlock "nothing is there now",
        NotConnected "the socket is not connected",
        NoUrgentData "no urgent data is there",
        Fault(SocketFault) "the socket failed",
    }
    /// From `shutdown`.
    ShutdownError {
        BadDescriptor "no such socket",
        NotConnected "the socket is not connected",
    }
    /// From `close`.
    CloseError {
        BadDescriptor "no such socket",
    }
    /// From `set_option` and `option`.
    OptionError {
        BadDescriptor "no such socket",
        NotSupported "this kind of socket has no such option",
        InvalidValue "the value is out of range",
    }
}
