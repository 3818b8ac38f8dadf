//! Why a TAP device cannot be used, and the exact commands that help.

use super::Kind;
use danja_wire::ip::Cidr;
use std::fmt;
use std::io;

/// Why [`Tap::open`](super::Tap::open) or its kin failed. The message (`Display`) says what to
/// do, with commands to be typed as they are.
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
        /// `tap` or `tun`.
        mode: &'static str,
    },
    /// The interface exists, but belongs to another user.
    Denied {
        /// The interface.
        name: String,
        /// `tap` or `tun`.
        mode: &'static str,
    },
    /// Another program is attached to it.
    Busy {
        /// The interface.
        name: String,
    },
    /// The interface exists, but is not of this kind.
    Kind {
        /// The interface.
        name: String,
        /// `tap` or `tun`.
        mode: &'static str,
    },
    /// The interface is not up.
    Down {
        /// The interface.
        name: String,
    },
    /// `/dev/net/tun` may not be opened by this user.
    DriverDenied,
    /// The kernel has no TUN/TAP driver.
    NoDriver,
    /// A system call failed for another reason.
    System {
        /// What was asked of the system.
        call: &'static str,
        /// What it answered.
        source: io::Error,
    },
}

/// The commands that make a device for this user, on which the kernel has the address `kernel`.
fn creation(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    mode: &str,
    kernel: Option<Cidr>,
) -> fmt::Result {
    let address = kernel.map_or_else(|| "192.168.77.1/24".to_owned(), |cidr| cidr.to_string());
    write!(
        f,
        "  sudo ip tuntap add dev {name} mode {mode} user $USER \
         && sudo ip addr add {address} dev {name} \
         && sudo ip link set {name} up"
    )?;
    if kernel.is_none() {
        write!(f, "\n{address} stands for the address that the kernel itself shall have there")?;
    }
    Ok(())
}

/// An error and the address that the kernel shall have on the device.
struct Advice<'a>(&'a OpenError, Option<Cidr>);

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Advice(self, None).fmt(f)
    }
}

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error, kernel) = *self;
        match error {
            OpenError::Name { name } => {
                write!(f, "'{name}' cannot be the name of a network interface: 1 to 15 letters, as in 'tap0'")
            }
            OpenError::Missing { name, mode } => {
                writeln!(f, "there is no network interface '{name}'; these commands make it:")?;
                creation(f, name, mode, kernel)
            }
            OpenError::Denied { name, mode } => {
                writeln!(f, "the network interface '{name}' belongs to another user; make it anew for this one:")?;
                writeln!(f, "  sudo ip tuntap del dev {name} mode {mode}")?;
                creation(f, name, mode, kernel)
            }
            OpenError::Busy { name } => write!(
                f,
                "another program is using the network interface '{name}'; \
                 this command shows which interfaces there are:\n  ip -details tuntap show"
            ),
            OpenError::Kind { name, mode } => {
                writeln!(f, "the network interface '{name}' exists, but is no {mode} device; take another name:")?;
                creation(f, "NAME", mode, kernel)
            }
            OpenError::Down { name } => {
                write!(f, "the network interface '{name}' is down; this command sets it up:\n  sudo ip link set {name} up")
            }
            OpenError::DriverDenied => f.write_str(
                "/dev/net/tun may not be opened by this user; this command permits it to all:\n  sudo chmod 0666 /dev/net/tun",
            ),
            OpenError::NoDriver => f.write_str(
                "the kernel has no /dev/net/tun; this command loads its driver:\n  sudo modprobe tun",
            ),
            OpenError::System { call, source } => write!(f, "{call}: {source}"),
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
            OpenError::Denied { .. } | OpenError::DriverDenied => io::ErrorKind::PermissionDenied,
            OpenError::Busy { .. } => io::ErrorKind::ResourceBusy,
            OpenError::Down { .. } => io::ErrorKind::NetworkDown,
            OpenError::System { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

impl OpenError {
    /// The message, with commands that give the kernel this address on the device.
    pub fn advice(&self, kernel: Cidr) -> String {
        Advice(self, Some(kernel)).to_string()
    }

    pub(super) fn missing(name: &str, kind: Kind) -> Self {
        Self::Missing { name: name.to_owned(), mode: kind.mode() }
    }

    pub(super) fn system(call: &'static str, errno: rustix::io::Errno) -> Self {
        Self::System { call, source: errno.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_carry_the_exact_commands() {
        let missing = OpenError::missing("tap7", Kind::Tap).to_string();
        assert!(missing.contains(
            "sudo ip tuntap add dev tap7 mode tap user $USER && sudo ip addr add 192.168.77.1/24 dev tap7 \
             && sudo ip link set tap7 up\n"
        ));
        let here = OpenError::missing("tap7", Kind::Tap).advice("10.9.0.1/24".parse().unwrap());
        assert!(here.contains("sudo ip addr add 10.9.0.1/24 dev tap7"), "{here}");
        assert!(here.ends_with("up") && !here.contains("192.168"), "{here}");
        let denied = OpenError::Denied { name: "t".into(), mode: "tun" }.to_string();
        assert!(denied.contains("sudo ip tuntap del dev t mode tun\n"));
        assert!(denied.contains("mode tun user $USER"));
        let down = OpenError::Down { name: "tap7".into() };
        assert!(down.to_string().contains("sudo ip link set tap7 up"));
        assert_eq!(io::Error::from(down).kind(), io::ErrorKind::NetworkDown);
    }
}
