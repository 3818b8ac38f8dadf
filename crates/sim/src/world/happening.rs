//! What comes out of a world: happenings, frames that pass, and a loop without end. Plain data.

use super::host::HostId;
use super::simulation::MOST_STEPS;
use danja_stack::{Event, Ready, SocketId};
use danja_wire::{Frame, Instant};
use std::fmt;

/// Something that came out of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Happening {
    /// A socket became ready. It may have been closed since.
    Socket {
        /// On which host.
        host: HostId,
        /// Which.
        socket: SocketId,
        /// For what.
        ready: Ready,
    },
    /// Another event of a stack.
    Stack {
        /// On which host.
        host: HostId,
        /// Which.
        event: Event,
    },
    /// The moment of [`World::alarm`](super::World::alarm) has come.
    Alarm(u64),
}

/// Too much happens at one moment: somebody asks without end to be called at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Livelock {
    /// When.
    pub now: Instant,
    /// The host that was called last.
    pub host: Option<HostId>,
}

impl fmt::Display for Livelock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MOST_STEPS} steps at {:?} without end, the last by {:?}", self.now, self.host)
    }
}

impl std::error::Error for Livelock {}

/// Which way a frame passes a host's adapter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the stack to the cable.
    Sent,
    /// From the cable to the stack.
    Received,
}

/// A frame that passes an adapter, as a wire carries it.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// When.
    pub now: Instant,
    /// Whose adapter.
    pub host: HostId,
    /// Which way.
    pub direction: Direction,
    /// All of it, link header first.
    pub frame: &'a Frame,
}

/// Told of every frame; see [`World::observe`](super::World::observe).
pub type Observer = Box<dyn FnMut(&Passing<'_>) + Send>;
