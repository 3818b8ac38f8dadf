//! Why an interface cannot be used, and what helps.

use std::fmt;
use std::io;

/// Why [`Builder::open`](super::Builder::open) failed. The message (`Display`) says what to do,
/// with commands to be typed as they are.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is empty, longer than 15 bytes, or has a slash or a blank in it.
    Name {
        /// What was given.
        name: String,
    },
    /// There is no interface of this name.
    Missing {
        /// The interface.
        name: String,
    },
    /// Packet sockets are not permitted to this user.
    Denied {
        /// The interface.
        name: String,
    },
    /// The interface exists, but carries no Ethernet frames.
    Kind {
        /// The interface.
        name: String,
    },
    /// The interface is not up.
    Down {
        /// The interface.
        name: String,
    },
    /// The kernel has no packet sockets.
    NoDriver,
    /// A system call failed for another reason.
    System {
        /// What was asked of the system.
        call: &'static str,
        /// What it answered.
        source: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(
                f,
                "'{name}' cannot be the name of a network interface: 1 to 15 letters, as in 'eth0'"
            ),
            Self::Missing { name } => write!(
                f,
                "there is no network interface '{name}'; this command shows those there are:\n  ip -brief link"
            ),
            Self::Denied { name } => write!(
                f,
                "this user may not read and write frames of '{name}'; this command permits it to \
                 the program:\n  sudo setcap cap_net_raw+ep PATH/TO/THE/PROGRAM"
            ),
            Self::Kind { name } => write!(
                f,
                "the network interface '{name}' carries no Ethernet frames; this command shows \
                 which do (link/ether):\n  ip link"
            ),
            Self::Down { name } => write!(
                f,
                "the network interface '{name}' is down; this command sets it up:\n  sudo ip link set {name} up"
            ),
            Self::NoDriver => f.write_str(
                "the kernel has no packet sockets; this command loads them:\n  sudo modprobe af_packet",
            ),
            Self::System { call, source } => write!(f, "{call}: {source}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Name { .. } | OpenError::Kind { .. } => io::ErrorKind::InvalidInput,
            OpenError::Missing { .. } | OpenError::NoDriver => io::ErrorKind::NotFound,
            OpenError::Denied { .. } => io::ErrorKind::PermissionDenied,
            OpenError::Down { .. } => io::ErrorKind::NetworkDown,
            OpenError::System { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

impl OpenError {
    pub(super) fn system(call: &'static str, errno: rustix::io::Errno) -> Self {
        Self::System { call, source: errno.into() }
    }
}
