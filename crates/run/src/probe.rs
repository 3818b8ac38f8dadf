//! What this machine permits of what [`Launcher`](crate::Launcher) would like to do: its own steps,
//! tried in children, not guessed. Changes nothing.

use crate::launch::{Listening, Namespaces};
use crate::sys::namespace::Step;
use crate::sys::probe;
use rustix::io::Errno;
use rustix::net::ipproto::ICMP;
use rustix::net::{AddressFamily, SocketType, socket};
use std::{fmt, fs, io};

/// What came of a trial: the error of the system where it is refused.
pub type Outcome = Result<(), io::Error>;

/// All trials.
///
/// ```
/// let seen = danja_run::Probes::try_all();
/// println!("danja run would go by: {}", seen.way());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Probes {
    /// A network namespace of one's own (for ordinary users in a user namespace).
    pub namespace: Outcome,
    /// The namespace can be made, but its user not mapped: what AppArmor's restriction does.
    pub map_refused: bool,
    /// A TUN device in it.
    pub tun: Outcome,
    /// A veth pair with a packet socket in it, which can take the TUN device's place.
    pub veth: Outcome,
    /// A listener for system calls (seccomp user notification).
    pub listener: Outcome,
    /// It can answer with a descriptor in one step (Linux 5.14).
    pub add_and_send: Outcome,
    /// It is woken on the same processor (Linux 6.6): five times as fast.
    pub sync_wake_up: Outcome,
    /// Copies of a child's descriptors (`pidfd_getfd`).
    pub pidfd_getfd: Outcome,
    /// Packet sockets on the machine's own interfaces, for `--nic`.
    pub packet: Outcome,
    /// Echo requests without privileges, for programs that ping other networks.
    pub ping: Outcome,
    /// Programs may use io_uring, which a listener does not see: it is refused to them.
    pub io_uring: Outcome,
}

/// The way from a program's system calls to a host, as the system permits it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Way {
    /// Notify over tun: everything.
    Both,
    /// Notify alone: no sandbox, and neither raw sockets nor ping.
    Notify,
    /// Tun alone: the program's TCP is the kernel's, continued by ours.
    Tun,
    /// Neither.
    None,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "notify over tun",
            Self::Notify => "notify",
            Self::Tun => "tun",
            Self::None => "nothing",
        })
    }
}

impl Probes {
    /// Tries everything, within a fraction of a second.
    pub fn try_all() -> Self {
        let outcome = |tried: Result<(), Errno>| tried.map_err(io::Error::from);
        let [tun, veth] = [true, false].map(Namespaces::try_them);
        let listening = Listening::try_it();
        let packet = socket(AddressFamily::PACKET, SocketType::RAW, None);
        let ping = socket(AddressFamily::INET, SocketType::DGRAM, Some(ICMP));
        Self {
            map_refused: tun.made.is_err_and(|(step, _)| step == Step::Map as u32),
            namespace: outcome(tun.made.map_err(|(_, errno)| errno)),
            tun: tun.device,
            veth: veth.device,
            listener: outcome(listening.listener),
            add_and_send: outcome(listening.add_and_send),
            sync_wake_up: outcome(listening.sync_wake_up),
            pidfd_getfd: outcome(listening.copies),
            packet: outcome(packet.map(drop)),
            ping: outcome(ping.map(drop)),
            io_uring: outcome(probe::io_uring()),
        }
    }

    /// Whether a program can have a network namespace with a device that ends in a host.
    pub const fn has_tun(&self) -> bool {
        self.namespace.is_ok() && (self.tun.is_ok() || self.veth.is_ok())
    }

    /// Whether its socket calls can be answered from a host.
    pub const fn has_notify(&self) -> bool {
        self.listener.is_ok() && self.add_and_send.is_ok() && self.pidfd_getfd.is_ok()
    }

    /// Which way `--intercept auto` can go.
    pub const fn way(&self) -> Way {
        match (self.has_notify(), self.has_tun()) {
            (true, true) => Way::Both,
            (true, false) => Way::Notify,
            (false, true) => Way::Tun,
            (false, false) => Way::None,
        }
    }
}

/// A setting of the kernel, such as `user/max_user_namespaces`; `None` if it has none of the kind.
pub fn setting(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{name}")).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests;
