//! One connection at work: its control block, its socket if it still has one, and the core.
//! What has to change in the tables when the work is done is left in `done`.

use super::RecordId;
use super::loss;
use super::output;
use super::socket::StreamSocket;
use super::tcb::{AckNeed, State, Tcb};
use crate::core_state::{Core, Sender};
use crate::event::Ready;
use crate::socket::{Fault, SocketFault};
use danja_wire::Instant;

/// What becomes of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Done {
    /// It stays.
    Not,
    /// It becomes a TIME-WAIT record.
    TimeWait,
    /// It becomes a small FIN-WAIT-2 record.
    FinWait2,
    /// It is deleted: CLOSED.
    Closed,
}

/// A connection being worked on.
pub(super) struct Conn<'a> {
    pub(super) core: &'a mut Core,
    pub(super) id: RecordId,
    pub(super) tcb: &'a mut Tcb,
    pub(super) socket: Option<&'a mut StreamSocket>,
    pub(super) done: Done,
}

impl Conn<'_> {
    /// Raises readiness at the socket, if there is one with a descriptor.
    pub(super) fn raise(&mut self, ready: Ready) {
        if let Some(socket) = self.socket.as_deref() {
            socket.raise(self.core, ready);
        }
    }

    /// Ends the connection without a segment: the socket is told why.
    pub(super) fn end(&mut self, fault: Option<SocketFault>) {
        if matches!(self.done, Done::Closed | Done::TimeWait) {
            return;
        }
        self.done = Done::Closed;
        let told = Ready::READABLE.with(Ready::WRITABLE).with(Ready::HANG_UP);
        let told = if fault.is_some() { told.with(Ready::ERROR) } else { told };
        if let Some(socket) = self.socket.as_deref_mut() {
            socket.fail(fault);
        }
        self.raise(told.with(Ready::READ_CLOSED).with(Ready::FINISHED));
    }

    /// Ends the connection with a RST (RFC 9293 §3.10.5).
    pub(super) fn abort(&mut self, fault: Option<SocketFault>) {
        if !matches!(self.tcb.state, State::SynSent) {
            output::reset(self);
        }
        self.end(fault);
    }

    /// The same for what time-outs find.
    pub(super) fn time_out(&mut self, cause: crate::socket::Cause) {
        crate::counters::count(&mut self.core.counters.tcp_abort_on_timeout);
        // Linux tells the latest soft error, if there was one, instead of ETIMEDOUT.
        let soft = self.socket.as_ref().and_then(|it| it.soft_error.as_deref().copied());
        let fault = soft.unwrap_or(SocketFault { kind: Fault::TimedOut, cause: Some(cause) });
        self.abort(Some(fault));
    }

    /// Takes a turn on the ready list if there is anything to send; arms the timer.
    pub(super) fn finish(&mut self) {
        if self.done != Done::Not {
            return;
        }
        let may_go = output::arm_persist(self);
        if may_go || self.tcb.listed.is_some() || output::wants(self) {
            self.list();
            self.watch();
        }
        self.arm();
    }

    /// Puts the connection at the end of its interface's ready list, if it is not there. An
    /// entry that a change of routes left on another list finds nothing to send.
    pub(super) fn list(&mut self) {
        output::refresh_path(self);
        let interface = self.tcb.path.interface;
        if self.tcb.listed != Some(interface) {
            self.tcb.listed = Some(interface);
            self.core.ready.push(interface, Sender::Tcp(self.id));
        }
    }

    /// What waits for its turn is timed too: an interface may be down.
    fn watch(&mut self) {
        let tcb = &mut *self.tcb;
        let waits = tcb.syn_due || tcb.fin_unsent() || tcb.unsent() > 0;
        if waits && tcb.flight() == 0 && tcb.deadlines.retransmit == Instant::MAX {
            if tcb.backoff == 0 {
                tcb.stalled_since = self.core.now;
            }
            let next = self.core.now + loss::rto(tcb, &self.core.config.tcp);
            tcb.deadlines.retransmit = loss::within_user_timeout(tcb, self.core.now, next);
        }
    }

    /// Makes sure that the timer comes out no later than the earliest deadline. It may come
    /// out earlier, and is then armed again.
    pub(super) fn arm(&mut self) {
        let deadline = self.tcb.deadlines.earliest();
        super::timers::arm(self.core, self.id, &mut self.tcb.timer, deadline);
    }

    /// Anything acceptable from the peer: keep-alive starts anew.
    pub(super) fn heard(&mut self) {
        let now = self.core.now;
        self.tcb.last_received = now;
        self.tcb.probes = 0;
        self.tcb.keep_alive_probes = 0;
        // As Linux: what did not work some time ago is not why the connection ends later.
        if let Some(socket) = self.socket.as_deref_mut() {
            socket.soft_error = None;
        }
        super::timers::keep_alive(self);
    }

    /// An acknowledgement is owed, at once or within the delay.
    pub(super) fn owe_ack(&mut self, need: AckNeed) {
        self.tcb.need_ack(need);
        if self.tcb.ack == AckNeed::Delayed && self.tcb.deadlines.delayed_ack == Instant::MAX {
            self.tcb.deadlines.delayed_ack = self.core.now + self.core.config.tcp.delayed_ack;
        }
    }

    /// The retransmission time-out with its backoff.
    pub(super) fn rto(&self) -> core::time::Duration {
        loss::rto(self.tcb, &self.core.config.tcp)
    }
}
