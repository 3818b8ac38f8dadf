//! A segment for no connection and no listener (RFC 9293 §3.10.7.1). Keeps no state.

use crate::core_state::Core;
use crate::tcp::output;
use crate::tcp::segment::{Endpoints, Segment};
use danja_wire::tcp::{Flags, Header, SeqNumber};

// RFC 9293 §3.10.7.1: a segment that contains a RST is discarded; any other is answered with
// a RST that is acceptable to the sender.
pub(in crate::tcp) fn answer(core: &mut Core, segment: &Segment<'_>, ends: Endpoints) {
    if segment.has(Flags::RST) {
        return;
    }
    let header = if segment.has(Flags::ACK) {
        Header { sequence: segment.ack, flags: Flags::RST, ..Header::default() }
    } else {
        Header {
            sequence: SeqNumber(0),
            acknowledgment: segment.end(),
            flags: Flags::RST | Flags::ACK,
            ..Header::default()
        }
    };
    output::send_bare(core, ends, None, (0, 0), header);
}
