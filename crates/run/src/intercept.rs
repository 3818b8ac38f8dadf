//! How a program's system calls are led to a host's sockets. Decides nothing.

use std::fmt;
use std::str::FromStr;

/// How a program's system calls are led to the host's sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Intercept {
    /// `Notify` for TCP over `Tun` for everything else where the system permits both, else
    /// whichever it permits.
    #[default]
    Auto,
    /// Control calls of sockets are trapped (seccomp user notification) and answered from the
    /// host's stack; data flows through UNIX sockets. TCP and UDP; no namespace, so no sandbox.
    Notify,
    /// The program lives in a network namespace of its own, whose only way out is a device that
    /// ends in the host. Its TCP is the kernel's, continued by sockets of the host.
    Tun,
}

impl fmt::Display for Intercept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Notify => "notify",
            Self::Tun => "tun",
        })
    }
}

impl FromStr for Intercept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "notify" => Ok(Self::Notify),
            "tun" => Ok(Self::Tun),
            other => Err(format!("{other:?} is not auto, notify or tun")),
        }
    }
}
