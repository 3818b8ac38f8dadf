//! A port of the machine that leads to an endpoint of the LAN, until it is dropped. Moves nothing
//! itself: that is the workers' part.

use crate::outside::{DatagramPort, Listening};
use std::fmt;
use std::net::SocketAddr;

/// A published port; it is closed when this is dropped. TCP connections under way go on.
pub struct Published {
    pub(crate) address: SocketAddr,
    pub(crate) _open: Open,
}

/// Who holds it open.
pub(crate) enum Open {
    Streams(#[expect(dead_code, reason = "closes the port when it is dropped")] Listening),
    Datagrams(#[expect(dead_code, reason = "the same")] DatagramPort),
}

impl Published {
    /// The machine's endpoint, with the port that was chosen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published").field("address", &self.address).finish_non_exhaustive()
    }
}
