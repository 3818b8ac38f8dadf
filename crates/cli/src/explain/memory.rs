//! What the storyteller remembers of each connection, within bounds. Tells nothing.

use super::fact::Direction;
use super::made::is_small;
use danja_stack::views::{ControlInfo, TcpState};
use danja_wire::Instant;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Connections told in full, over all hosts; later ones only in sum, so that a long-running
/// server does not drown its reader.
const TOLD: usize = 16;
/// Connections remembered; a finished one gives way first.
const REMEMBERED: usize = 1024;

/// A connection as one host sees it: host, our endpoint, the peer's.
pub(super) type End = (String, SocketAddr, SocketAddr);

/// What is remembered of a connection.
#[derive(Default)]
pub(super) struct Connection {
    /// Which it was, in the order they were first seen.
    order: usize,
    /// The control information as it was seen last.
    pub(super) last: Option<ControlInfo>,
    /// The set-up has been told.
    pub(super) opened: bool,
    /// A FIN or RST has passed.
    pub(super) ending: bool,
    /// Calls told once.
    pub(super) calls: Vec<&'static str>,
    /// Segments as a wire carries them.
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) first: Instant,
    pub(super) latest: Instant,
}

impl Connection {
    /// Whether it is told in full.
    pub(super) const fn is_told(&self) -> bool {
        self.order < TOLD
    }

    /// Keeps the control information. A small record has little of it, and one that has ended
    /// none: of these only the state is new.
    pub(super) fn remember(&mut self, info: Option<&ControlInfo>) {
        let state = info.map_or(Some(TcpState::Closed), |info| info.state);
        match (&mut self.last, info) {
            (Some(last), None) => last.state = state,
            (Some(last), Some(info)) if is_small(info) => {
                last.state = state;
                last.socket = info.socket;
            }
            (last, Some(info)) => *last = Some(info.clone()),
            (None, None) => {}
        }
    }

    /// Counts a frame as the segments that it is on a wire.
    pub(super) fn count(&mut self, direction: Direction, segment_size: usize, data: usize) {
        let segments = if segment_size == 0 { 1 } else { data.div_ceil(segment_size).max(1) };
        match direction {
            Direction::Sent => self.sent += segments as u64,
            Direction::Received => self.received += segments as u64,
        }
    }
}

/// The connections that are remembered.
#[derive(Default)]
pub(super) struct Memory {
    connections: HashMap<End, Connection>,
    seen: usize,
}

impl Memory {
    /// The connection's memory, made at first sight; the oldest finished one gives way.
    pub(super) fn connection(
        &mut self,
        host: &str,
        local: SocketAddr,
        remote: SocketAddr,
        now: Instant,
    ) -> &mut Connection {
        if self.connections.len() >= REMEMBERED
            && let Some(end) = self
                .connections
                .iter()
                .filter(|(_, connection)| connection.ending)
                .min_by_key(|(_, connection)| connection.order)
                .map(|(end, _)| end.clone())
        {
            self.connections.remove(&end);
        }
        let seen = &mut self.seen;
        self.connections.entry((host.to_owned(), local, remote)).or_insert_with(|| {
            *seen += 1;
            Connection { order: *seen - 1, first: now, latest: now, ..Connection::default() }
        })
    }

    /// Whether some host has seen the connection from this side.
    pub(super) fn knows(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.connections.keys().any(|(_, a, b)| (*a, *b) == (local, remote))
    }

    pub(super) fn forget(&mut self, end: &End) -> Option<Connection> {
        self.connections.remove(end)
    }

    /// All, in the order they were first seen, with the time of the latest segment.
    pub(super) fn ends(&self) -> Vec<(End, Instant)> {
        let mut all: Vec<(&End, &Connection)> = self.connections.iter().collect();
        all.sort_unstable_by_key(|(_, connection)| connection.order);
        all.into_iter().map(|(end, connection)| (end.clone(), connection.latest)).collect()
    }
}
