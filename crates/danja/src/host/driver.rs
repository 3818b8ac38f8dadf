//! A host without a thread: whoever made it tells it when to work. Reads no other clock than the
//! host's, and never sleeps.

use super::drive::Turn;
use super::shared::Shared;
use danja_lan::{Adapter, Capabilities, Readiness, Room};
use danja_stack::{Frame, Instant};
use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

/// What makes a host work that has no thread, from
/// [`Builder::build_driven`](crate::Builder::build_driven).
///
/// Socket calls of the host may be made by any thread, but the blocking ones wait for somebody
/// else to drive it. When the last handle has gone, what closed sockets have to deliver is still
/// sent by turns, within [`Builder::linger`](crate::Builder::linger). Dropping the driver is as
/// pulling the plug: nothing more is sent, calls fail, and the adapters are dropped.
///
/// ```
/// use danja::clock::{Clock, VirtualClock};
/// use danja::net::{Domain, Socket, SocketKind, TcpListener};
/// use danja::{Host, lan::MacAddress, lan::cable::Switch};
/// use std::{sync::Arc, time::Duration};
///
/// # fn main() -> std::io::Result<()> {
/// // Two hosts, one thread, and no time but ours.
/// let (lan, clock) = (Switch::new(), VirtualClock::new());
/// let make = |number: u8| {
///     Host::builder()
///         .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
///         .address(format!("10.0.0.{number}/24").parse().unwrap())
///         .clock(Arc::new(clock.clone()))
///         .build_driven()
/// };
/// let ((server, mut first), (client, mut second)) = (make(1)?, make(2)?);
/// let listener = TcpListener::bind(&server, "10.0.0.1:7")?;
/// listener.set_nonblocking(true)?;
/// let socket = Socket::new(&client, Domain::Ipv4, SocketKind::Stream)?;
/// socket.set_nonblocking(true)?;
/// let _ = socket.connect("10.0.0.1:7".parse().unwrap()); // it is in progress now
///
/// while listener.accept().is_err() {
///     // Each does what is due, and says when it wants to be called again.
///     let _later = [first.turn(), second.turn()];
///     clock.advance(Duration::from_millis(1));
/// }
/// # Ok(())
/// # }
/// ```
pub struct Driver {
    shared: Arc<Shared>,
    ended: bool,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, ended: false }
    }

    /// Does all that is due by the host's clock: takes in what its adapters received, looks after
    /// its timers, sends. Says when it wants to be called again, at the latest; a moment that is
    /// not after now means at once. `None`: only when woken (see [`Self::set_waker`]), or never
    /// ([`Self::has_ended`]).
    ///
    /// Nobody is woken for what a turn has seen to. Tasks that wait for sockets are woken by it.
    pub fn turn(&mut self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        match self.shared.turn() {
            Turn::Until(until) if self.shared.notifier.fall_asleep() => {
                (until != Instant::MAX).then_some(until)
            }
            Turn::Until(_) | Turn::Again => Some(self.shared.clock.now()),
            Turn::Ended => {
                self.end();
                None
            }
        }
    }

    /// Whom to wake when a turn is worth while before the moment that the last one named: an
    /// adapter has something, or a socket call left something to do. It replaces the one before,
    /// is called once between two turns, and from any thread, also while a socket call is under
    /// way: it must only take note.
    pub fn set_waker(&mut self, waker: Waker) {
        self.shared.notifier.set_waker(waker);
    }

    /// Whether the host's last handle has gone, with what its sockets had to deliver: turns do
    /// nothing any more.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    fn end(&mut self) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        self.shared.end();
        // Handles may outlive the driver; their host is not on the LAN any more.
        for port in &self.shared.ports {
            let mut lane = port.lock();
            let gone = Unplugged(lane.adapter.capabilities());
            let adapter = mem::replace(&mut lane.adapter, Box::new(gone));
            drop(lane);
            drop(adapter);
        }
        self.shared.clock.unregister(&Waker::from(Arc::clone(&self.shared.notifier)));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// What is left of an adapter.
struct Unplugged(Capabilities);

impl Adapter for Unplugged {
    fn capabilities(&self) -> Capabilities {
        self.0
    }
    fn receive(&mut self, _: Instant, _: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
        Ok(0)
    }
    fn room(&mut self, _: Instant) -> Room {
        Room::UNLIMITED
    }
    fn transmit(&mut self, _: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        frames.clear();
        Ok(())
    }
    fn readiness(&self) -> Readiness<'_> {
        Readiness::Waker
    }
    fn link(&mut self) -> bool {
        false
    }
}
