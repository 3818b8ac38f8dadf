//! The application behind admitting listeners: a verdict on every SYN, sooner or later.
//! It knows no connection.

use crate::world::HostId;
use danja_stack::Stack;
use danja_stack::event::{Incoming, IncomingId};
use danja_stack::socket::VerdictError;
use danja_wire::Instant;
use std::net::SocketAddr;

/// ICMP's code for a port that is not reachable, which clients take for a refusal.
const PORT_UNREACHABLE: u8 = 3;

/// What was asked and decided.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    asked: Vec<(HostId, Incoming)>,
    withdrawn: Vec<(HostId, IncomingId)>,
}

impl Verdicts {
    /// A stack asks; gives the number under which a verdict is to be given.
    pub(super) fn ask(&mut self, host: HostId, incoming: Incoming) -> usize {
        self.asked.push((host, incoming));
        self.asked.len() - 1
    }

    /// A stack takes its question back.
    pub(super) fn withdraw(&mut self, host: HostId, id: IncomingId) {
        self.withdrawn.push((host, id));
    }

    /// On which host a question waits.
    pub(super) fn host(&self, number: usize) -> HostId {
        self.asked[number].0
    }

    /// Gives the verdict: most are admitted, some refused in either way, some dropped.
    /// `closed`: the listener may have gone. Says which client was not
    /// let in: refused, or left without an answer.
    ///
    /// # Errors
    /// The stack takes no verdict, and did not say before why.
    pub(super) fn give(
        &mut self,
        number: usize,
        closed: bool,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<Option<SocketAddr>, String> {
        let (host, incoming) = self.asked[number];
        let (id, client) = (incoming.id, incoming.remote);
        let refusal = match number % 8 {
            2 => Some(None),
            5 => Some(Some(PORT_UNREACHABLE)),
            _ => None,
        };
        let given = match (number % 8, refusal) {
            (_, Some(how)) => stack.refuse(id, how, now),
            (7, None) => stack.drop_incoming(id, now),
            _ => stack.admit(id, now),
        };
        match given {
            Err(VerdictError::Stale) if closed || self.withdrawn.contains(&(host, id)) => Ok(None),
            // Its queue is full: the client calls again.
            Err(VerdictError::LimitReached) => Ok(Some(client)),
            Err(error) => Err(format!("verdict on {incoming:?}: {error}")),
            Ok(()) => Ok((refusal.is_some() || number % 8 == 7).then_some(client)),
        }
    }
}
