//! What a recording consists of, as values. Their order is the order in which it happened; their
//! bytes are `postcard`'s.

use danja_stack::record::{Input, Output};
use danja_stack::{Instant, SocketId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// See the module. New kinds go to the end; a change of others makes a new format.
#[derive(Serialize, Deserialize)]
pub(super) enum Entry<'a> {
    /// A host begins; the next number is its own.
    Host {
        name: String,
        /// Time since the UNIX epoch at the zero of its clock.
        zero: Duration,
    },
    /// Something goes into a host's stack.
    Input { host: u32, now: Instant, input: Cow<'a, Input> },
    /// What came of the host's latest input.
    Output { host: u32, output: Output },
    /// The resolver's answer, which the stack knows nothing of.
    Lookup { host: u32, now: Instant, lookup: Lookup },
    /// What carries the frames of an interface, in words.
    Carrier { host: String, interface: String, text: String },
    /// The host's next input is an application's call, of this socket if it has one already.
    Call { host: u32, socket: Option<SocketId> },
    /// The recording was ended in an orderly way.
    End { inputs: u64 },
}

#[derive(Serialize, Deserialize)]
pub(super) struct Lookup {
    pub(super) name: String,
    pub(super) server: SocketAddr,
    pub(super) over_tcp: bool,
    pub(super) answer: Result<Vec<IpAddr>, String>,
}
