//! What passes on a LAN's socket before frames do: one question and one answer, each a message of
//! JSON. Both name the protocol's number, so that two versions can tell that they are two.

use crate::args::{Transport, Written};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Raised whenever what is said, or the form of frames, changes.
pub(crate) const PROTOCOL: u64 = 3;
/// The longest message, in bytes: a LAN has at most some 250 hosts.
const LONGEST: usize = 128 * 1024;
/// How long the other side may think.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a command wants.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Question {
    /// To be a host; frames follow the answer.
    Join {
        /// The host's name; with a number behind it if it is taken and was not asked for.
        name: String,
        asked_for: bool,
        /// This address, or one that is free.
        address: Option<Ipv4Addr>,
        /// This MTU, in bytes, or the LAN's.
        mtu: Option<usize>,
        /// What the router permits this host.
        permissions: Written,
    },
    /// To know who is there.
    List,
    /// A port of the machine that leads to an endpoint of the LAN, as long as the socket is open.
    Publish { on: SocketAddr, to: SocketAddr, transport: Transport },
}

/// What the LAN's process says to that.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Joined {
        name: String,
        address: Ipv4Addr,
        mac: String,
        mtu: usize,
    },
    Hosts {
        mtu: usize,
        hosts: Vec<HostView>,
    },
    Published {
        on: SocketAddr,
    },
    /// No, and why.
    Refused {
        why: String,
    },
}

/// A host on a LAN, as `danja hosts` shows it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(crate) struct HostView {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: String,
    pub(crate) mtu: usize,
    /// The process it runs in.
    pub(crate) process: u32,
    /// Seconds since it came.
    pub(crate) seconds: u64,
    /// Frames sent to it and from it, and those that it was too slow for.
    pub(crate) received_frames: u64,
    pub(crate) transmitted_frames: u64,
    pub(crate) dropped_frames: u64,
}

/// A message, with what all versions say.
#[derive(Serialize, Deserialize)]
struct Message<T> {
    danja_lan: u64,
    version: String,
    #[serde(flatten)]
    said: Said<T>,
}

#[derive(Serialize, Deserialize)]
struct Said<T> {
    said: T,
}

/// Why nothing was understood.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The other side speaks another protocol: its version, if it says one.
    OtherVersion(Option<String>),
    /// The other side has gone.
    Gone,
    /// It does not answer.
    Silent,
    /// Something else.
    Io(io::Error),
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => Self::Gone,
            other => Self::Io(other.into()),
        }
    }
}

/// Says something.
pub(crate) fn say<T: Serialize>(socket: &OwnedFd, what: T) -> Result<(), Trouble> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let message = Message { danja_lan: PROTOCOL, version, said: Said { said: what } };
    let bytes = serde_json::to_vec(&message).map_err(|error| Trouble::Io(error.into()))?;
    send(socket, &bytes, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Hears something.
pub(crate) fn hear<T: for<'a> Deserialize<'a>>(socket: &OwnedFd) -> Result<T, Trouble> {
    let wait = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    let mut polled = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)];
    loop {
        match poll(&mut polled, Some(&wait)) {
            Ok(0) => return Err(Trouble::Silent),
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let mut bytes = vec![0; LONGEST];
    let (count, _) = recv(socket, &mut bytes[..], RecvFlags::DONTWAIT)?;
    if count == 0 {
        return Err(Trouble::Gone);
    }
    let message: Value =
        serde_json::from_slice(&bytes[..count]).map_err(|_| Trouble::OtherVersion(None))?;
    let version = message.get("version").and_then(Value::as_str).map(str::to_owned);
    if message.get("danja_lan").and_then(Value::as_u64) != Some(PROTOCOL) {
        return Err(Trouble::OtherVersion(version));
    }
    let said: Said<T> =
        serde_json::from_value(message).map_err(|_| Trouble::OtherVersion(version))?;
    Ok(said.said)
}
