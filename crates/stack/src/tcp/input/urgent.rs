//! Sixth step: URG (RFC 9293 §3.10.7.4, §3.8.5; RFC 6093 for what the pointer means). The mark
//! is kept as an offset in the stream, so that no length is ever computed from the pointer.

use super::Step;
use crate::Ready;
use crate::tcp::conn::Conn;
use crate::tcp::segment::Segment;
use crate::tcp::socket::Urgent;
use danja_wire::tcp::Flags;

pub(super) fn check(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    if !segment.has(Flags::URG) || segment.header.urgent == 0 || !conn.tcb.state.receives() {
        return Step::Continue;
    }
    let rcv_nxt = conn.tcb.rcv_nxt;
    // RFC 6093 §3: the pointer names the octet after the urgent data, counted from SEG.SEQ of
    // the header.
    let last = segment.header.sequence + u32::from(segment.header.urgent) - 1;
    let Some(socket) = conn.socket.as_deref_mut() else { return Step::Continue };
    // RFC 9293 §3.10.7.4 (sixth): RCV.UP <- max(RCV.UP, SEG.UP); tell the user if it is in
    // advance of the data consumed, and was not told of before.
    if last.lt(rcv_nxt) {
        return Step::Continue;
    }
    let mark = socket.stream_end().saturating_add(u64::from(last.since(rcv_nxt)));
    if socket.urgent.mark().is_some_and(|known| known >= mark) {
        return Step::Continue;
    }
    socket.urgent = Urgent::Announced(mark);
    conn.raise(Ready::URGENT);
    Step::Continue
}

/// In-order data has grown: the urgent byte may have come.
pub(super) fn arrive(conn: &mut Conn<'_>) {
    let Some(socket) = conn.socket.as_deref_mut() else { return };
    let Urgent::Announced(mark) = socket.urgent else { return };
    if mark >= socket.stream_end() {
        return;
    }
    if socket.options.get().out_of_band_inline {
        socket.urgent = Urgent::Marked(mark);
        return;
    }
    let at = usize::try_from(mark.saturating_sub(socket.read_offset)).unwrap_or(usize::MAX);
    let mut byte = alloc::vec::Vec::new();
    socket.receive.peek(at, 1, &mut byte);
    let value = byte.first().and_then(|slice| slice.as_slice().first().copied());
    socket.urgent = value.map_or(Urgent::Marked(mark), |value| Urgent::Waiting(mark, value));
    if value.is_some() {
        conn.raise(Ready::URGENT);
    }
}
