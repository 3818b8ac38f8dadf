//! Windows: how much of the peer's may be used (sender silly-window avoidance), and how much of
//! ours is announced (receiver silly-window avoidance, and never a retreat of what is honoured;
//! what is said may be less by under one unit of the scale).

use crate::tcp::conn::Conn;
use crate::tcp::memory::RESERVE;
use crate::tcp::tcb::Tcb;

/// Bytes of the peer's window that are free. A window that shrank below what is in flight has
/// none (RFC 9293 §3.8.6, MUST-34).
pub(super) const fn usable(tcb: &Tcb) -> u32 {
    tcb.snd_wnd.saturating_sub(tcb.flight())
}

// RFC 9293 §3.8.6.2.1 (MUST-38), sender's silly-window avoidance: send if a full segment fits;
// if all that is queued fits (Nagle is asked elsewhere); if at least half of the largest window
// ever offered is usable; or if the override time-out has passed.
pub(super) fn permits(tcb: &Tcb, unsent: u32, usable: u32) -> Option<u32> {
    let length = unsent.min(usable);
    let worthwhile = length >= tcb.snd_mss
        || unsent <= usable
        || (length >= tcb.max_snd_wnd / 2 && tcb.max_snd_wnd > 1)
        || tcb.push_out;
    (worthwhile && length > 0).then_some(length)
}

/// Moves the right edge of our window as far as it may, and gives the window field.
pub(in crate::tcp) fn announce(conn: &mut Conn<'_>) -> u16 {
    if let Some(edge) = candidate(conn) {
        conn.tcb.rcv_adv = edge;
    }
    let tcb = &mut *conn.tcb;
    if tcb.rcv_adv.lt(tcb.rcv_nxt) {
        tcb.rcv_adv = tcb.rcv_nxt;
    }
    let shift = tcb.agreed.rcv_wind_shift;
    if overcommitted(conn) {
        // RFC 7323 §2.4: "will have to either advertise a new window that is beyond what it
        // previously advertised (and perhaps beyond the buffer) or will have to advertise a
        // smaller window". What was announced is still honoured: `rcv_adv` stays.
        return u16::try_from(conn.tcb.rcv_wnd().wrapping_shr(shift.into())).unwrap_or(u16::MAX);
    }
    let tcb = &mut *conn.tcb;
    let field = field(tcb.rcv_wnd(), shift);
    // Rounding up to the scale moved the edge a little to the right.
    let announced = u32::from(field).wrapping_shl(u32::from(shift));
    tcb.rcv_adv = tcb.rcv_nxt + announced;
    field
}

/// Whether rounding up has moved the right edge well beyond what the buffer holds: data that
/// comes in segments smaller than the scale's unit would never close the window.
fn overcommitted(conn: &Conn<'_>) -> bool {
    let Some(socket) = conn.socket.as_deref() else { return false };
    let (limit, window) = (socket.receive_limit, conn.tcb.rcv_wnd() as usize);
    let beyond = |held: usize, most: usize| {
        held.saturating_add(window) > most.saturating_add(socket.receive_limit / 8)
    };
    beyond(socket.receive.len(), limit) || beyond(socket.charged, limit.saturating_mul(2))
}

/// The window field for a window; rounded up, so that the edge does not move left (RFC 9293
/// §3.8.6, SHLD-14; RFC 7323 §2.4).
pub(in crate::tcp) fn field(window: u32, shift: u8) -> u16 {
    let unit = 1u32.wrapping_shl(u32::from(shift));
    u16::try_from(window.div_ceil(unit)).unwrap_or(u16::MAX)
}

// RFC 9293 §3.8.6.2.2 (MUST-39), receiver's silly-window avoidance: the right edge moves only
// by at least the smaller of half the buffer and one segment.
fn candidate(conn: &Conn<'_>) -> Option<danja_wire::tcp::SeqNumber> {
    let tcb = &*conn.tcb;
    let socket = conn.socket.as_deref()?;
    let largest = u32::from(u16::MAX).wrapping_shl(u32::from(tcb.agreed.rcv_wind_shift));
    // Rounded down to the scale, so that rounding up never announces what is not there.
    let unit = 1u32.wrapping_shl(u32::from(tcb.agreed.rcv_wind_shift));
    // Under memory pressure the window does not open beyond what each socket may hold.
    let pressure = conn.core.budget.pressure();
    let most = if pressure { RESERVE.saturating_sub(socket.charged) } else { usize::MAX };
    let space = u32::try_from(socket.receive_space().min(most)).unwrap_or(u32::MAX).min(largest);
    let space = space.saturating_sub(space.checked_rem(unit).unwrap_or(0));
    let edge = tcb.rcv_nxt + space;
    let whole = if pressure { RESERVE.min(socket.receive_limit) } else { socket.receive_limit };
    let half = u32::try_from(whole / 2).unwrap_or(u32::MAX);
    let step = half.min(u32::from(tcb.agreed.rcv_mss)).max(1);
    let gain = edge - tcb.rcv_adv;
    (gain > 0 && gain.unsigned_abs() >= step).then_some(edge)
}

/// Whether the application has read so much that the peer should hear of it. As Linux: when
/// the window would at least double.
pub(in crate::tcp) fn window_update_due(conn: &Conn<'_>) -> bool {
    let Some(edge) = candidate(conn) else { return false };
    let new = edge.since(conn.tcb.rcv_nxt);
    new >= conn.tcb.rcv_wnd().saturating_mul(2)
}
