//! Constants of the system's headers that scripts use, and errors by their errno names.

use super::{Personality, Stop};
use crate::packetdrill::ast::{Expression, Field};
use danja_stack::socket::{
    AcceptError, BindError, ConnectError, Fault, ListenError, OptionError, RecvError, SendError,
    ShutdownError, SocketError,
};

const CONSTANTS: &[(&str, i64)] = &[
    ("O_RDONLY", 0),
    ("O_WRONLY", 1),
    ("O_RDWR", 2),
    ("AF_INET", 2),
    ("PF_INET", 2),
    ("SOCK_STREAM", 1),
    ("SOCK_DGRAM", 2),
    ("SOCK_NONBLOCK", 0x800),
    ("SOCK_CLOEXEC", 0x8_0000),
    ("IPPROTO_IP", 0),
    ("IPPROTO_ICMP", 1),
    ("IPPROTO_TCP", 6),
    ("IPPROTO_UDP", 17),
    ("SHUT_RD", 0),
    ("SHUT_WR", 1),
    ("SHUT_RDWR", 2),
    ("MSG_OOB", 1),
    ("MSG_PEEK", 2),
    ("MSG_DONTROUTE", 4),
    ("MSG_TRUNC", 0x20),
    ("MSG_DONTWAIT", 0x40),
    ("MSG_EOR", 0x80),
    ("MSG_WAITALL", 0x100),
    ("MSG_NOSIGNAL", 0x4000),
    ("MSG_MORE", 0x8000),
    ("POLLIN", 1),
    ("POLLPRI", 2),
    ("POLLOUT", 4),
    ("POLLERR", 8),
    ("POLLHUP", 16),
    ("POLLRDNORM", 0x40),
    ("POLLWRNORM", 0x100),
    ("POLLRDHUP", 0x2000),
    ("IPTOS_DSCP_CS0", 0x00),
    ("IPTOS_DSCP_CS1", 0x20),
    ("IPTOS_DSCP_CS2", 0x40),
    ("IPTOS_DSCP_CS3", 0x60),
    ("IPTOS_DSCP_CS4", 0x80),
    ("IPTOS_DSCP_CS5", 0xa0),
    ("IPTOS_DSCP_CS6", 0xc0),
    ("IPTOS_DSCP_CS7", 0xe0),
    ("IPTOS_DSCP_EF", 0xb8),
    ("IPTOS_LOWDELAY", 0x10),
    ("IPTOS_THROUGHPUT", 0x08),
    ("IPTOS_RELIABILITY", 0x04),
    ("IP_PMTUDISC_DONT", 0),
    ("IP_PMTUDISC_WANT", 1),
    ("IP_PMTUDISC_DO", 2),
    ("IP_PMTUDISC_PROBE", 3),
];

/// The value of a constant.
fn constant(name: &str, personality: Personality) -> Option<i64> {
    if name == "O_NONBLOCK" {
        return Some(if personality == Personality::FreeBsd { 4 } else { 0x800 });
    }
    CONSTANTS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The number an argument stands for.
pub(super) fn number(expression: &Expression, personality: Personality) -> Result<i64, Stop> {
    match expression {
        Expression::Number(number) => Ok(*number),
        Expression::Name(name) => constant(name, personality)
            .ok_or_else(|| Stop::Skip(format!("the constant {name} is not known"))),
        Expression::Or(parts) => {
            parts.iter().try_fold(0, |all, part| Ok(all | number(part, personality)?))
        }
        Expression::Apply(name, arguments) if matches!(name.as_str(), "htons" | "htonl") => {
            let argument =
                arguments.first().ok_or_else(|| Stop::Fail(format!("{name} needs an argument")))?;
            number(argument, personality)
        }
        Expression::List(items) if items.len() == 1 => {
            items.first().map_or(Ok(0), |item| number(item, personality))
        }
        other => Err(Stop::Skip(format!("a number is expected, not {other:?}"))),
    }
}

/// A member of a structure by its name.
pub(super) fn member<'a>(fields: &'a [Field], name: &str) -> Option<&'a Expression> {
    fields.iter().find(|field| field.name.as_deref() == Some(name)).map(|field| &field.value)
}

/// One name for each error: EWOULDBLOCK is EAGAIN.
pub(super) fn errno_name(name: &str) -> &str {
    if name == "EWOULDBLOCK" { "EAGAIN" } else { name }
}

/// The errno name of a network failure.
pub(super) const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::ConnectionRefused => "ECONNREFUSED",
        Fault::ConnectionReset => "ECONNRESET",
        Fault::ConnectionAborted => "ECONNABORTED",
        Fault::TimedOut => "ETIMEDOUT",
        Fault::HostUnreachable => "EHOSTUNREACH",
        Fault::NetworkUnreachable => "ENETUNREACH",
        Fault::ProtocolUnreachable => "ENOPROTOOPT",
        Fault::Prohibited => "EACCES",
        Fault::MessageTooLong => "EMSGSIZE",
        Fault::ProtocolError => "EPROTO",
        Fault::BrokenPipe => "EPIPE",
        _ => "EIO",
    }
}

/// An error of the stack by its errno name.
pub(super) trait Errno {
    fn errno(&self) -> &'static str;
}

impl Errno for SocketError {
    fn errno(&self) -> &'static str {
        match self {
            Self::LimitReached => "ENOBUFS",
            Self::UnsupportedDomain => "EAFNOSUPPORT",
            _ => "EIO",
        }
    }
}

impl Errno for BindError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::AddressInUse => "EADDRINUSE",
            Self::AddressNotAvailable => "EADDRNOTAVAIL",
            Self::AlreadyBound => "EINVAL",
            Self::WrongFamily => "EAFNOSUPPORT",
            _ => "EIO",
        }
    }
}

impl Errno for ListenError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::NotSupported => "EOPNOTSUPP",
            Self::AddressInUse => "EADDRINUSE",
            Self::InvalidState => "EINVAL",
            _ => "EIO",
        }
    }
}

impl Errno for ConnectError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::InProgress => "EINPROGRESS",
            Self::AlreadyConnecting => "EALREADY",
            Self::AlreadyConnected => "EISCONN",
            Self::InvalidState => "EOPNOTSUPP",
            Self::WrongFamily => "EAFNOSUPPORT",
            Self::InvalidAddress => "ENETUNREACH",
            Self::AddressInUse | Self::PortsExhausted => "EADDRNOTAVAIL",
            Self::Fault(cause) => fault(cause.kind),
            _ => "EIO",
        }
    }
}

impl Errno for AcceptError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::NotListening => "EINVAL",
            Self::WouldBlock => "EAGAIN",
            Self::LimitReached => "EMFILE",
            _ => "EIO",
        }
    }
}

impl Errno for SendError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::WouldBlock => "EAGAIN",
            Self::NotConnected => "ENOTCONN",
            Self::DestinationRequired => "EDESTADDRREQ",
            Self::BrokenPipe => "EPIPE",
            Self::MessageTooLong => "EMSGSIZE",
            Self::BroadcastNotAllowed => "EACCES",
            Self::WrongFamily => "EAFNOSUPPORT",
            Self::InvalidAddress => "EINVAL",
            Self::PortsExhausted => "EAGAIN",
            Self::Fault(cause) => fault(cause.kind),
            _ => "EIO",
        }
    }
}

impl Errno for RecvError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::WouldBlock => "EAGAIN",
            Self::NotConnected => "ENOTCONN",
            Self::NoUrgentData => "EINVAL",
            Self::Fault(cause) => fault(cause.kind),
            _ => "EIO",
        }
    }
}

impl Errno for ShutdownError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::NotConnected => "ENOTCONN",
            _ => "EIO",
        }
    }
}

impl Errno for OptionError {
    fn errno(&self) -> &'static str {
        match self {
            Self::BadDescriptor => "EBADF",
            Self::NotSupported => "ENOPROTOOPT",
            Self::InvalidValue => "EINVAL",
            _ => "EIO",
        }
    }
}
