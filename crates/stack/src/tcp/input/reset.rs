//! Second step: RST (RFC 9293 §3.10.7.4, RFC 5961 §3.2). The sequence number is in the window.

use super::Step;
use crate::counters::count;
use crate::discard::Discard;
use crate::socket::{Cause, Fault, SocketFault};
use crate::tcp::conn::Conn;
use crate::tcp::segment::Segment;
use crate::tcp::tcb::{Origin, Phase, State};
use danja_wire::tcp::Flags;

pub(super) fn check(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    if !segment.has(Flags::RST) {
        return Step::Continue;
    }
    // RFC 5961 §3.2: only the exact sequence number resets; another one in the window is
    // answered with a challenge ACK. Data that it may carry is not looked at (RFC 9293 §3.5.3,
    // SHLD-2).
    if segment.seq != conn.tcb.rcv_nxt {
        return Step::Challenge(Discard::TcpReset);
    }
    let kind = match (conn.tcb.state, conn.tcb.origin) {
        // RFC 9293 §3.10.7.4 (second): after an active open the connection was refused; after
        // a passive one LISTEN goes on as if nothing had been.
        (State::SynSent | State::SynReceived, Origin::Active) => Fault::ConnectionRefused,
        (State::SynReceived, Origin::Passive(_)) => return Step::End(None),
        (State::Synchronized(Phase::Closing | Phase::LastAck), _) => return Step::End(None),
        // As Linux: the peer's data was complete; what is lost is ours.
        (State::Synchronized(Phase::CloseWait), _) => Fault::BrokenPipe,
        _ => Fault::ConnectionReset,
    };
    if conn.tcb.state.is_current() {
        count(&mut conn.core.counters.tcp_estab_resets);
    }
    Step::End(Some(SocketFault { kind, cause: Some(Cause::Reset) }))
}
