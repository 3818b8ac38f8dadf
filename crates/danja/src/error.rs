//! The one mapping from the stack's errors to [`io::Error`]: the kind a Linux program would get
//! in the same case, and a text that names the cause. Decides nothing else.

use danja_stack::socket::{
    AcceptError, BindError, Cause, CloseError, ConnectError, Fault, ListenError, OptionError,
    RecvError, SendError, ShutdownError, SocketError, SocketFault, VerdictError,
};
use rustix::io::Errno;
use std::borrow::Cow;
use std::fmt;
use std::io;

/// What stands inside an [`io::Error`] of a socket call: the number Linux would have given, and
/// what told us so.
///
/// ```
/// # fn show(error: std::io::Error) {
/// if let Some(inner) = danja::Error::of(&error) {
///     println!("errno {}: {inner}", inner.errno());
/// }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    errno: Errno,
    text: Cow<'static, str>,
    fault: Option<SocketFault>,
}

impl Error {
    /// The error inside an [`io::Error`] that came from this crate, if it is one of a socket.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The number that Linux would have given, such as 111 (ECONNREFUSED).
    pub const fn errno(&self) -> i32 {
        self.errno.raw_os_error()
    }

    /// What went wrong on the network and what told us so, if the network is to blame.
    pub const fn fault(&self) -> Option<SocketFault> {
        self.fault
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        // std's own table says which kind a Linux program sees for a number.
        let kind = Self::from_raw_os_error(error.errno.raw_os_error()).kind();
        Self::new(kind, error)
    }
}

/// The number that Linux would have given for an error of this crate (or of the system).
///
/// ```
/// use danja::net::TcpStream;
/// # fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// let error = TcpStream::connect(&host, "127.0.0.1:9").unwrap_err();
/// assert_eq!(danja::errno(&error), Some(111)); // ECONNREFUSED
/// # Ok(())
/// # }
/// ```
pub fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| Error::of(error).map(Error::errno))
}

/// What went wrong on the network and what told us so, if the network is to blame.
///
/// ```
/// use danja::net::TcpStream;
/// # fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// let error = TcpStream::connect(&host, "127.0.0.1:9").unwrap_err();
/// let cause = danja::cause(&error).expect("the network is to blame");
/// println!("{:?}, told by {:?}", cause.kind, cause.cause);
/// # Ok(())
/// # }
/// ```
pub fn cause(error: &io::Error) -> Option<SocketFault> {
    Error::of(error).and_then(Error::fault)
}

/// The stack's errors, as seen by the sockets.
pub(crate) trait Failure: fmt::Display {
    /// Linux's number for it.
    fn errno(&self) -> Errno;

    /// The network's part in it.
    fn fault(&self) -> Option<SocketFault> {
        None
    }

    /// Whether the call would succeed later: a blocking socket waits.
    fn would_block(&self) -> bool {
        false
    }

    /// As the application gets it.
    fn to_io(&self) -> io::Error {
        if self.would_block() {
            // Without an allocation: it is the usual answer of a non-blocking socket.
            return self.errno().into();
        }
        let text = self.fault().map_or_else(|| self.to_string().into(), text_of);
        Error { errno: self.errno(), text, fault: self.fault() }.into()
    }
}

/// The application's error for a pending fault (SO_ERROR).
pub(crate) fn from_fault(fault: SocketFault) -> io::Error {
    Error { errno: errno_of(fault.kind), text: text_of(fault), fault: Some(fault) }.into()
}

/// An error that is the library's own, with the number that Linux has for it.
pub(crate) fn own(errno: Errno, text: impl Into<Cow<'static, str>>) -> io::Error {
    Error { errno, text: text.into(), fault: None }.into()
}

const fn errno_of(fault: Fault) -> Errno {
    match fault {
        Fault::ConnectionRefused => Errno::CONNREFUSED,
        Fault::ConnectionReset => Errno::CONNRESET,
        Fault::ConnectionAborted => Errno::CONNABORTED,
        Fault::TimedOut => Errno::TIMEDOUT,
        Fault::NetworkUnreachable => Errno::NETUNREACH,
        Fault::ProtocolUnreachable => Errno::NOPROTOOPT,
        Fault::MessageTooLong => Errno::MSGSIZE,
        Fault::ProtocolError => Errno::PROTO,
        Fault::BrokenPipe => Errno::PIPE,
        // Linux turns "prohibited by a filter" into EHOSTUNREACH too.
        _ => Errno::HOSTUNREACH,
    }
}

fn text_of(fault: SocketFault) -> Cow<'static, str> {
    let what = match fault.kind {
        Fault::ConnectionRefused => "connection refused",
        Fault::ConnectionReset => "connection reset by peer",
        Fault::ConnectionAborted => "connection aborted",
        Fault::TimedOut => "connection timed out",
        Fault::HostUnreachable => "host unreachable",
        Fault::NetworkUnreachable => "network unreachable",
        Fault::ProtocolUnreachable => "protocol not available",
        Fault::Prohibited => "host unreachable: prohibited",
        Fault::MessageTooLong => "message too long",
        Fault::ProtocolError => "protocol error",
        Fault::BrokenPipe => "broken pipe",
        _ => "network error",
    };
    let Some(cause) = fault.cause else { return what.into() };
    match cause {
        Cause::NeighbourSilent(address) => {
            format!("{what}: nobody answered ARP for {address}").into()
        }
        Cause::Icmp { message_type, code, from } => {
            format!("{what}: {from} sent {}", icmp_name(message_type, code)).into()
        }
        Cause::Reset => format!("{what}: the peer sent RST").into(),
        Cause::Retransmissions(count) => {
            format!("{what}: {count} retransmissions were not answered").into()
        }
        Cause::KeepAlive(count) => {
            format!("{what}: {count} keep-alive probes were not answered").into()
        }
        Cause::UserTimeout => format!("{what}: the user timeout ran out").into(),
        Cause::NoRoute => format!("{what}: no route leads there").into(),
        Cause::Memory => format!("{what}: memory ran out").into(),
        _ => what.into(),
    }
}

/// Names of RFC 792 and RFC 1812 §5.2.7.1 for the errors that reach a socket.
fn icmp_name(message_type: u8, code: u8) -> Cow<'static, str> {
    let name = match (message_type, code) {
        (3, 0) => "ICMP network unreachable",
        (3, 1) => "ICMP host unreachable",
        (3, 2) => "ICMP protocol unreachable",
        (3, 3) => "ICMP port unreachable",
        (3, 4) => "ICMP fragmentation needed",
        (3, 5) => "ICMP source route failed",
        (3, 6) => "ICMP network unknown",
        (3, 7) => "ICMP host unknown",
        (3, 9 | 10 | 13) => "ICMP administratively prohibited",
        (11, 0) => "ICMP time exceeded",
        (11, 1) => "ICMP reassembly time exceeded",
        (12, _) => "ICMP parameter problem",
        _ => return format!("ICMP type {message_type} code {code}").into(),
    };
    name.into()
}

macro_rules! failures {
    ($($name:ident $(waits $waits:ident)* { $($variant:ident => $errno:ident,)* })*) => {$(
        impl Failure for $name {
            fn errno(&self) -> Errno {
                match self {
                    $(Self::$variant => Errno::$errno,)*
                    other => other.fault().map_or(Errno::IO, |fault| errno_of(fault.kind)),
                }
            }

            fn fault(&self) -> Option<SocketFault> {
                HasFault::network_fault(self)
            }

            fn would_block(&self) -> bool {
                false $(|| matches!(self, Self::$waits))*
            }
        }
    )*};
}

/// Which errors carry a fault of the network.
trait HasFault {
    fn network_fault(&self) -> Option<SocketFault> {
        None
    }
}

macro_rules! faults {
    ($($name:ident)*) => {$(
        impl HasFault for $name {
            fn network_fault(&self) -> Option<SocketFault> {
                match self {
                    Self::Fault(fault) => Some(*fault),
                    _ => None,
                }
            }
        }
    )*};
}

faults! { ConnectError SendError RecvError }
impl HasFault for SocketError {}
impl HasFault for BindError {}
impl HasFault for ListenError {}
impl HasFault for AcceptError {}
impl HasFault for VerdictError {}
impl HasFault for ShutdownError {}
impl HasFault for CloseError {}
impl HasFault for OptionError {}

// `waits` says what a blocking socket waits for.
failures! {
    SocketError { LimitReached => MFILE, UnsupportedDomain => AFNOSUPPORT, }
    BindError {
        BadDescriptor => BADF, AddressInUse => ADDRINUSE, AddressNotAvailable => ADDRNOTAVAIL,
        AlreadyBound => INVAL, WrongFamily => AFNOSUPPORT,
    }
    ListenError {
        BadDescriptor => BADF, NotSupported => OPNOTSUPP, AddressInUse => ADDRINUSE,
        InvalidState => INVAL,
    }
    ConnectError waits InProgress waits AlreadyConnecting {
        BadDescriptor => BADF, InProgress => INPROGRESS,
        AlreadyConnecting => ALREADY, AlreadyConnected => ISCONN, InvalidState => ISCONN,
        WrongFamily => AFNOSUPPORT, InvalidAddress => NETUNREACH, AddressInUse => ADDRNOTAVAIL,
        PortsExhausted => ADDRNOTAVAIL,
    }
    AcceptError waits WouldBlock {
        BadDescriptor => BADF, NotListening => INVAL, WouldBlock => AGAIN,
        LimitReached => MFILE,
    }
    VerdictError { Stale => CONNABORTED, LimitReached => NOBUFS, }
    SendError waits WouldBlock {
        BadDescriptor => BADF, WouldBlock => AGAIN, NotConnected => PIPE,
        DestinationRequired => DESTADDRREQ, BrokenPipe => PIPE, MessageTooLong => MSGSIZE,
        BroadcastNotAllowed => ACCESS, WrongFamily => AFNOSUPPORT, InvalidAddress => INVAL,
        PortsExhausted => AGAIN,
    }
    RecvError waits WouldBlock {
        BadDescriptor => BADF, WouldBlock => AGAIN, NotConnected => NOTCONN,
        NoUrgentData => INVAL,
    }
    ShutdownError { BadDescriptor => BADF, NotConnected => NOTCONN, }
    CloseError { BadDescriptor => BADF, }
    OptionError { BadDescriptor => BADF, NotSupported => NOPROTOOPT, InvalidValue => INVAL, }
}

#[cfg(test)]
mod tests;
