//! The oracle: how streams had to end, and what is left of memory when all is over.

use super::endpoint::{End, Endpoint};
use super::plan::{Ending, StreamPlan, Target};
use crate::world::{HostId, World};
use danja_stack::socket::Fault;
use danja_stack::views::TcpState;

/// A stream under way: its client's side and its server's.
pub(super) struct Stream {
    pub(super) plan: StreamPlan,
    pub(super) client: Option<Endpoint>,
    pub(super) server: Option<Endpoint>,
}

impl Stream {
    pub(super) fn is_done(&self) -> bool {
        let ended = |side: &Endpoint| side.end.is_some();
        self.client.as_ref().is_some_and(ended) && self.server.as_ref().is_none_or(ended)
    }

    pub(super) fn check_end(&self, lossy: bool) -> Result<(), &'static str> {
        let client = self.client.as_ref().ok_or("it never began")?;
        let server = self.server.as_ref();
        let wrong = |right: bool, what| if right { Ok(()) } else { Err(what) };
        // ARP is not acknowledged: where links lose frames, a neighbour may seem silent.
        let silent = client.failed_with(Fault::HostUnreachable);
        match self.plan.target {
            Target::AbsentHost => {
                wrong(silent, "connecting to an absent host did not fail with HostUnreachable")
            }
            _ if silent && lossy && server.is_none() => Ok(()),
            Target::ClosedPort(_) => wrong(
                client.failed_with(Fault::ConnectionRefused),
                "connecting to a closed port was not refused",
            ),
            Target::Listener(_) if matches!(self.plan.ending, Ending::Abort(_)) => {
                wrong(client.end == Some(End::Aborted), "the client could not abort")?;
                let reset = |server: &Endpoint| server.failed_with(Fault::ConnectionReset);
                wrong(server.is_none_or(reset), "the server was not told of the reset")
            }
            Target::Listener(_) => {
                wrong(client.end == Some(End::Whole), "the client did not end well")?;
                let whole = |server: &Endpoint| server.end == Some(End::Whole);
                wrong(server.is_some_and(whole), "the server did not end well")?;
                let all =
                    |side: &Endpoint| side.sent == side.to_send && side.received == side.expected;
                wrong(all(client) && server.is_some_and(all), "bytes are missing")
            }
        }
    }
}

/// Queues hold no more than their limit.
pub(super) fn check_memory(world: &World) -> Result<(), String> {
    for host in (0..world.len()).map(HostId) {
        let Some(stack) = world.stack(host) else { continue };
        let (used, limit) = (stack.buffered(), stack.config().limits.buffer_bytes);
        if used > limit {
            return Err(format!(
                "{host:?} holds {used} bytes in its queues, over its limit of {limit}"
            ));
        }
    }
    Ok(())
}

/// After the end only the listeners and datagram sockets are left, and they hold nothing.
pub(super) fn check_leaks(world: &World) -> Result<(), String> {
    for host in (0..world.len()).map(HostId) {
        let Some(stack) = world.stack(host) else { continue };
        let sockets = stack.sockets();
        if let Some(left) =
            sockets.iter().find(|info| info.state.is_some_and(|state| state != TcpState::Listen))
        {
            return Err(format!("{host:?} still has a connection in {:?}: {left:?}", left.state));
        }
        if stack.buffered() != 0 {
            return Err(format!("{host:?} still holds {} bytes: {sockets:?}", stack.buffered()));
        }
    }
    Ok(())
}
