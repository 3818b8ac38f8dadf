//! The stack's memory budget as connections meet it: how much a send queue may take, whose turn
//! it is when memory comes back, and who is given up when it runs short.

use super::conn::Conn;
use super::record::Record;
use super::{RecordId, Tcp};
use crate::core_state::Core;
use crate::event::Ready;
use crate::socket::Cause;

/// What one socket may queue in each direction when the stack's budget is used up, in bytes
/// (Linux: the first figures of tcp_wmem and tcp_rmem), so that none is stuck for ever: what it
/// has queued is sent or read, and then it may queue again, whatever others hold. Two hosts
/// whose memory is full of data for each other get on by it.
pub(super) const RESERVE: usize = 4_096;

/// How many connections one call looks at; the next call goes on.
const AT_ONCE: usize = 16;

/// Bytes that a send queue of this limit with `queued` bytes takes now.
pub(super) fn send_room(core: &Core, limit: usize, queued: usize) -> usize {
    limit.saturating_sub(queued).min(by_budget(core, queued))
}

fn by_budget(core: &Core, queued: usize) -> usize {
    core.budget.left_for_sending().max(RESERVE.saturating_sub(queued))
}

/// Whether the budget, and not the socket's own limit, decides how much may be queued.
pub(super) fn budget_decides(core: &Core, limit: usize, queued: usize) -> bool {
    by_budget(core, queued) < limit.saturating_sub(queued)
}

/// Whether a writer is to be told that there is room: as in Linux when a third of its limit is
/// free; where the budget decides, when it gives as much as it reserves for each.
pub(super) fn is_writable(core: &Core, limit: usize, queued: usize) -> bool {
    let enough =
        if budget_decides(core, limit, queued) { RESERVE.min(limit / 3) } else { limit / 3 };
    send_room(core, limit, queued) >= enough.max(1)
}

impl Conn<'_> {
    /// `send` did not take all: who wants to go on is told when there is room.
    pub(super) fn block_writer(&mut self) {
        let queued = self.tcb.queued();
        let limit = self.socket.as_deref().map_or(0, |socket| socket.send_limit);
        self.tcb.send_blocked = true;
        self.tcb.wants_memory = budget_decides(self.core, limit, queued);
    }

    /// Tells a writer that was refused that there is room again, if there is.
    pub(super) fn wake_writer(&mut self) {
        let Some(socket) = self.socket.as_deref() else { return };
        if self.tcb.send_blocked && is_writable(self.core, socket.send_limit, self.tcb.queued()) {
            self.tcb.send_blocked = false;
            self.tcb.wants_memory = false;
            self.raise(Ready::WRITABLE);
        }
    }
}

impl Tcp {
    /// A writer that only the budget keeps waiting gets in line for what others give back.
    pub(super) fn line_up_writer(&mut self, core: &mut Core, id: RecordId) {
        let Some(Record::Connection(tcb)) = self.records.get_mut(id.0) else { return };
        if tcb.wants_memory && tcb.line.is_none() {
            if self.writers.is_empty() {
                core.budget.forget_freed();
            }
            tcb.line = self.writers.join(id);
        }
    }

    /// A connection that no application owns any more, and that holds memory.
    pub(super) fn line_up_orphan(&mut self, id: RecordId) {
        if let Some(Record::Connection(tcb)) = self.records.get_mut(id.0)
            && tcb.socket.is_none()
            && tcb.queued() > 0
            && tcb.line.is_none()
        {
            tcb.line = self.orphans.join(id);
        }
    }

    /// Leaves the line that the record is in, if any.
    pub(super) fn leave_line(&mut self, id: RecordId) {
        let Some(Record::Connection(tcb)) = self.records.get_mut(id.0) else { return };
        if tcb.line.is_none() {
            return;
        }
        let line = if tcb.socket.is_some() { &mut self.writers } else { &mut self.orphans };
        line.leave(&mut tcb.line);
    }

    /// Memory was given back: one writer is told for each [`RESERVE`] of it, the longest waiting
    /// first. (None depends on it: what a writer has queued itself is sent one day, and then its
    /// reserve is free.)
    pub(crate) fn wake_writers(&mut self, core: &mut Core) {
        for _ in 0..AT_ONCE {
            let Some(id) = self.writers.first() else { return };
            let waits = matches!(self.records.get(id.0),
                Some(Record::Connection(tcb)) if tcb.wants_memory);
            if waits && !core.budget.grant(RESERVE) {
                return;
            }
            self.leave_line(id);
            if waits {
                self.with_conn(core, id, |conn| conn.wake_writer());
            }
        }
    }

    /// What came in found no room: orphans go first, at once, the oldest, until there is some
    /// again.
    pub(crate) fn give_up_orphans(&mut self, core: &mut Core) {
        for _ in 0..AT_ONCE {
            if !core.budget.is_short() {
                return;
            }
            let Some(id) = self.orphans.first() else { return };
            self.leave_line(id);
            self.with_conn(core, id, |conn| {
                if conn.tcb.queued() > 0 {
                    conn.time_out(Cause::Memory);
                }
            });
        }
    }
}
