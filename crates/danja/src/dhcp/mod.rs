//! A DHCP client (RFC 2131, RFC 2132) for each interface that asks for one: the host's thread, or
//! whoever drives it, gives the client what came and what is due, over an ordinary UDP socket of
//! the host's own. Serves nobody, and writes no file.

mod client;
mod lease;
pub mod message;
mod serve;

pub use lease::Lease;
pub(crate) use serve::{Clients, Serving};

use danja_stack::InterfaceId;
use std::net::Ipv4Addr;

/// How an interface asks for its address.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Nobody else may have the address: it is probed for (RFC 5227) before it is used, for up to
    /// 7 s, and declined if somebody has it.
    pub probe: bool,
    /// The name that the server is told; without it the host's own, if a host can have it.
    pub host_name: Option<String>,
    /// What the server knows the client by; without it the hardware address. The first byte is
    /// its type (RFC 2132 §9.14), 0 for what is no hardware address.
    pub client_id: Option<Vec<u8>>,
    /// An address that the host has had before, and asks for first (INIT-REBOOT).
    pub request: Option<Ipv4Addr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { probe: true, host_name: None, client_id: None, request: None }
    }
}

impl Settings {
    /// The defaults, or the same with [`Self::probe`] changed.
    #[must_use]
    pub fn with_probe(self, probe: bool) -> Self {
        Self { probe, ..self }
    }

    /// The same with an address to [`Self::request`] first.
    #[must_use]
    pub fn with_request(self, address: Ipv4Addr) -> Self {
        Self { request: Some(address), ..self }
    }
}

/// The client's states, by the names of RFC 2131 §4.4, figure 5.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// It is about to begin, or to begin anew; or it was told to give its address back.
    Init,
    /// It looks for servers.
    Selecting,
    /// It has asked a server for what that offered.
    Requesting,
    /// It asks whether an address that it had is still its own.
    Rebooting,
    /// It has an address, and waits whether anybody else claims it.
    Claiming,
    /// The address is in use.
    Bound,
    /// The same, and its server was asked to extend the lease.
    Renewing,
    /// The same, and all servers were asked.
    Rebinding,
}

impl State {
    /// The RFC's name, such as `BOUND`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Selecting => "SELECTING",
            Self::Requesting => "REQUESTING",
            Self::Rebooting => "REBOOTING",
            Self::Claiming => "CLAIMING",
            Self::Bound => "BOUND",
            Self::Renewing => "RENEWING",
            Self::Rebinding => "REBINDING",
        }
    }
}

/// Why an address is not ours any more.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Loss {
    /// Nobody extended the lease in time.
    Expired,
    /// A server refused to (DHCPNAK).
    Refused,
    /// Another station has it.
    Conflict,
    /// We gave it back.
    Released,
}

/// Messages to our port that were not used, by reason.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Discards {
    /// It was no DHCP message, or a broken one.
    pub malformed: u64,
    /// It was for another client, for a question that we asked before, from another server than
    /// the one that was asked, or from no server's port.
    pub not_ours: u64,
    /// It came in a state that waits for no such thing.
    pub unexpected: u64,
    /// What it grants cannot be used: an address no host can have, another than was asked for, a
    /// lease of less than 4 seconds, or what must be there is missing.
    pub unacceptable: u64,
}

/// A client as it is now.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug)]
pub struct LeaseView {
    /// Whose addresses it looks after.
    pub interface: InterfaceId,
    /// Its state.
    pub state: State,
    /// What it has, as far as it may be used.
    pub lease: Option<Lease>,
    /// Messages it has sent.
    pub sent: u64,
    /// Messages it could not use.
    pub discards: Discards,
}

/// What happened to an interface's address.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// It has one, which can be used from now on.
    Bound(Lease),
    /// It keeps it, for longer or with other parameters.
    Renewed(Lease),
    /// It has lost it, or what it was about to have.
    Lost(Lease, Loss),
}

#[cfg(test)]
mod tests;
