//! Records come and go here: insertion, work on one connection, deletion with all that belongs
//! to it. No protocol logic.

use super::conn::{Conn, Done};
use super::record::Record;
use super::socket::Role;
use super::{RecordId, Tcp, info, state, timers};
use crate::core_state::Core;
use crate::counters::count;
use crate::event::Ready;
use crate::socket::SocketFault;
use alloc::boxed::Box;

impl Tcp {
    /// Stores a record and makes it findable. `reuse_address` is that of its socket.
    pub(super) fn insert_record(
        &mut self,
        core: &Core,
        record: Record,
        reuse_address: bool,
    ) -> Option<RecordId> {
        let ends = record.endpoints();
        let id = RecordId(self.records.insert(record)?);
        self.demux.insert(core, id, ends);
        self.demux.use_port(ends.0, reuse_address);
        Some(id)
    }

    /// A connection to look at, or for work that gives it nothing to send and does not end it.
    pub(super) fn conn<'a>(&'a mut self, core: &'a mut Core, id: RecordId) -> Option<Conn<'a>> {
        let Some(Record::Connection(tcb)) = self.records.get_mut(id.0) else { return None };
        let socket = tcb.socket.and_then(|key| self.sockets.get_mut(key));
        Some(Conn { core, id, tcb, socket, done: Done::Not })
    }

    /// Works on a connection, then applies what that means for the tables.
    pub(super) fn with_conn<R>(
        &mut self,
        core: &mut Core,
        id: RecordId,
        work: impl FnOnce(&mut Conn<'_>) -> R,
    ) -> Option<R> {
        let mut conn = self.conn(core, id)?;
        let result = work(&mut conn);
        conn.finish();
        match conn.done {
            Done::Not => {}
            Done::TimeWait | Done::FinWait2 => {
                let waits = conn.done == Done::FinWait2;
                state::leave(&mut conn);
                self.begin_time_wait(core, id, waits);
            }
            Done::Closed => {
                state::leave(&mut conn);
                self.delete(core, id, None);
            }
        }
        Some(result)
    }

    pub(super) fn arm_record(&mut self, core: &mut Core, id: RecordId) {
        if let Some(record) = self.records.get_mut(id.0) {
            let deadline = record.deadline();
            timers::arm(core, id, record.timer_mut(), deadline);
        }
    }

    /// Deletes a record: table, timer, port, budget, and the socket's view of it.
    pub(super) fn delete(
        &mut self,
        core: &mut Core,
        id: RecordId,
        fault: Option<SocketFault>,
    ) -> Option<Record> {
        let last = self.last_information(core, id);
        self.leave_line(id);
        let mut record = self.records.remove(id.0)?;
        let ends = record.endpoints();
        self.demux.remove(core, id, ends);
        if let Some(timer) = record.timer_mut().take() {
            core.timers.cancel(timer);
        }
        let (socket, reuse) = match &record {
            Record::Connection(tcb) => {
                if let Some(busy) = &tcb.busy {
                    core.budget.give_back(busy.queue.cost());
                }
                (tcb.socket, tcb.options.get().reuse_address)
            }
            Record::TimeWait(wait) => {
                let counted = usize::from(!wait.fin_wait_2);
                self.time_wait_count = self.time_wait_count.saturating_sub(counted);
                (wait.socket, wait.reuse_address)
            }
            Record::HalfOpen(half) => {
                let (place, reuse) = (half.listener, half.reuse_address);
                self.forget_half_open(place);
                if let Some(admitted) = half.admitted {
                    self.tell_withdrawn(core, place, admitted);
                }
                (None, reuse)
            }
            Record::Pending(pending) => {
                self.waiting.remove(pending.remote.ip());
                (None, pending.reuse_address)
            }
        };
        self.demux.free_port(ends.0, reuse);
        if let Some(socket) = socket.and_then(|key| self.sockets.get_mut(key)) {
            socket.fail(fault);
            if let Some(last) = last {
                socket.role = Role::Ended(Box::new(last));
            }
        }
        Some(record)
    }

    fn last_information(&self, core: &Core, id: RecordId) -> Option<crate::ControlInfo> {
        let record = self.records.get(id.0)?;
        let key = match record {
            Record::Connection(tcb) => tcb.socket?,
            Record::TimeWait(wait) => wait.socket?,
            _ => return None,
        };
        let socket = self.sockets.get(key)?;
        let mut last = info::of_record(core, record, Some(socket), None)?;
        last.state = Some(crate::views::TcpState::Closed);
        Some(last)
    }

    /// The end of TIME-WAIT by time.
    pub(super) fn time_wait_timer(&mut self, core: &mut Core, id: RecordId) {
        let Some(Record::TimeWait(wait)) = self.records.get(id.0) else { return };
        if wait.deadline > core.now {
            self.arm_record(core, id);
            return;
        }
        let socket = wait.socket;
        if !wait.fin_wait_2 {
            count(&mut core.counters.tcp_time_wait);
        }
        self.delete(core, id, None);
        if let Some(socket) = socket.and_then(|key| self.sockets.get(key)) {
            socket.raise(core, Ready::FINISHED);
        }
    }

    pub(super) fn pending_timer(&mut self, core: &mut Core, id: RecordId) {
        let Some(Record::Pending(pending)) = self.records.get(id.0) else { return };
        if pending.deadline > core.now {
            self.arm_record(core, id);
        } else {
            self.withdraw(core, id);
        }
    }
}
