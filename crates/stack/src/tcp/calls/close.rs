//! `shutdown` and `close` (RFC 9293 §3.10.4 and §3.10.5), linger, and what becomes of a
//! listener's queue.

use crate::core_state::Core;
use crate::counters::count;
use crate::event::Ready;
use crate::slab::Key;
use crate::socket::{Fault, Shutdown, ShutdownError, SocketFault};
use crate::tcp::Tcp;
use crate::tcp::conn::Conn;
use crate::tcp::record::Record;
use crate::tcp::socket::Role;
use crate::tcp::state;
use crate::tcp::tcb::{Phase, State};
use crate::tcp::timers;
use core::net::SocketAddr;

impl Tcp {
    pub(crate) fn shutdown(
        &mut self,
        core: &mut Core,
        place: Key,
        how: Shutdown,
    ) -> Result<(), ShutdownError> {
        let socket = self.sockets.get_mut(place).ok_or(ShutdownError::BadDescriptor)?;
        let id = match &socket.role {
            Role::Connection(id) => *id,
            // As Linux: a listener stops listening by `shutdown` of its reading side.
            Role::Listener(_) if how != Shutdown::Write => {
                self.stop_listening(core, place);
                return Ok(());
            }
            Role::Fresh | Role::Listener(_) | Role::Ended(_) => {
                return Err(ShutdownError::NotConnected);
            }
        };
        // As Linux: in TIME-WAIT the connection is not the socket's any more.
        if matches!(self.records.get(id.0), Some(Record::TimeWait(_))) {
            return Err(ShutdownError::NotConnected);
        }
        if how != Shutdown::Write {
            socket.read_shut = true;
            socket.raise(core, Ready::READABLE.with(Ready::READ_CLOSED));
        }
        if how == Shutdown::Read {
            return Ok(());
        }
        socket.write_shut = true;
        let hang_up = socket.peer_closed || socket.read_shut;
        let ready = if hang_up { Ready::WRITABLE.with(Ready::HANG_UP) } else { Ready::WRITABLE };
        socket.raise(core, ready);
        self.with_conn(core, id, |conn| match conn.tcb.state {
            // RFC 9293 §3.10.4, SYN-SENT: delete the control block.
            State::SynSent => conn.end(None),
            _ => state::close_sending(conn),
        });
        Ok(())
    }

    /// The descriptor ends here; what the protocol still has to do goes on without it.
    pub(crate) fn close(&mut self, core: &mut Core, place: Key) {
        if matches!(self.sockets.get(place).map(|socket| &socket.role), Some(Role::Listener(_))) {
            self.stop_listening(core, place);
        }
        let Some(socket) = self.sockets.get_mut(place) else { return };
        if let Role::Connection(id) = &socket.role {
            let id = *id;
            match self.records.get_mut(id.0) {
                Some(Record::Connection(_)) => {
                    self.leave_line(id);
                    self.with_conn(core, id, close_connection);
                    self.line_up_orphan(id);
                }
                Some(Record::TimeWait(wait)) => wait.socket = None,
                _ => {}
            }
        }
        self.drop_socket(core, place);
    }

    /// Drops what is between two endpoints (connection, half-open, TIME-WAIT, not a listener), as
    /// Linux's `ss --kill` does: the peer of a connection is reset, and its socket is told that the
    /// connection was aborted. `false` if nothing is there.
    pub(crate) fn drop_connection(
        &mut self,
        core: &mut Core,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> bool {
        let Some(id) = self.demux.look_up(core, &self.records, local, remote) else { return false };
        let fault = SocketFault { kind: Fault::ConnectionAborted, cause: None };
        match self.records.get(id.0) {
            Some(Record::Connection(_)) => {
                self.with_conn(core, id, |conn| conn.abort(Some(fault)));
            }
            Some(Record::Pending(_)) => self.withdraw(core, id),
            Some(Record::HalfOpen(_) | Record::TimeWait(_)) => {
                self.delete(core, id, None);
            }
            None => return false,
        }
        true
    }

    /// Frees a socket: its port, and what its receive queue took of the budget.
    fn drop_socket(&mut self, core: &mut Core, place: Key) {
        let Some(mut socket) = self.sockets.remove(place) else { return };
        if let Some(local) = socket.local.filter(|_| socket.claimed) {
            self.ports.release(local.port(), place);
        }
        socket.receive.clear();
        socket.charge(core);
    }

    /// Ends LISTEN. Connections that wait for `accept` are reset, as in Linux; half-open ones
    /// find their listener gone when something happens to them.
    fn stop_listening(&mut self, core: &mut Core, place: Key) {
        let Some(socket) = self.sockets.get_mut(place) else { return };
        let role = core::mem::replace(&mut socket.role, Role::Fresh);
        let Role::Listener(listener) = role else { return };
        if let Some(local) = socket.local {
            self.demux.remove_listener(local.port(), place);
            self.ports.set_listening(local.port(), place, false);
        }
        for waiting in listener.accept {
            let role = self.sockets.get(waiting).map(|socket| &socket.role);
            if let Some(Role::Connection(id)) = role {
                let id = *id;
                self.with_conn(core, id, |conn| conn.abort(None));
                if let Some(Record::TimeWait(wait)) = self.records.get_mut(id.0) {
                    wait.socket = None;
                }
            }
            self.drop_socket(core, waiting);
        }
    }
}

/// CLOSE, as POSIX has it.
fn close_connection(conn: &mut Conn<'_>) {
    let Some(socket) = conn.socket.take() else { return };
    let unread = !socket.receive.is_empty();
    let reset = socket.options.get().linger.is_some_and(|time| time.is_zero());
    conn.tcb.socket = None;
    // Nobody is told any more.
    match conn.tcb.state {
        State::SynSent => conn.end(None),
        _ if reset => {
            count(&mut conn.core.counters.tcp_abort_on_linger);
            conn.abort(None);
        }
        // RFC 9293 §3.6.1 (SHLD-3), RFC 2525 §2.17: data was received and never read, which
        // the peer must learn.
        _ if unread => {
            count(&mut conn.core.counters.tcp_abort_on_close);
            conn.abort(None);
        }
        State::Synchronized(Phase::FinWait2) => timers::fin_wait_2(conn),
        _ => state::close_sending(conn),
    }
}
