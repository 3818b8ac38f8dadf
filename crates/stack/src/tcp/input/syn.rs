//! Fourth step: SYN (RFC 9293 §3.10.7.4, RFC 5961 §4.2).

use super::Step;
use crate::counters::count;
use crate::discard::Discard;
use crate::tcp::conn::Conn;
use crate::tcp::segment::Segment;
use danja_wire::tcp::Flags;

// RFC 9293 §3.10.7.4 (fourth) and RFC 5961 §4.2: in a synchronized state a SYN, whatever its
// sequence number, is answered with a challenge ACK and dropped. SYN-RECEIVED after an active
// open is handled the same.
pub(super) fn check(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    if !segment.has(Flags::SYN) {
        return Step::Continue;
    }
    count(&mut conn.core.counters.tcp_syn_challenge);
    Step::Challenge(Discard::TcpSynInWindow)
}
