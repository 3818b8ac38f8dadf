//! `send` and `recv`, urgent data among them.

use crate::core_state::Core;
use crate::slab::Key;
use crate::socket::{Received, RecvError, RecvFlags, SendError, SendFlags};
use crate::tcp::Tcp;
use crate::tcp::conn::Conn;
use crate::tcp::memory;
use crate::tcp::output;
use crate::tcp::record::Record;
use crate::tcp::socket::{Role, StreamSocket, Urgent};
use crate::tcp::tcb::{AckNeed, State};
use alloc::vec::Vec;
use danja_wire::Payload;

impl Tcp {
    /// Takes as many bytes of `data` as there is room for; returns how many.
    pub(crate) fn send(
        &mut self,
        core: &mut Core,
        place: Key,
        data: &Payload,
        flags: SendFlags,
    ) -> Result<usize, SendError> {
        let socket = self.sockets.get_mut(place).ok_or(SendError::BadDescriptor)?;
        let id = match &socket.role {
            Role::Connection(id) => *id,
            Role::Ended(_) => {
                let fault = socket.error.take();
                return Err(fault.map_or(SendError::BrokenPipe, |fault| SendError::Fault(*fault)));
            }
            Role::Fresh | Role::Listener(_) => return Err(SendError::NotConnected),
        };
        if socket.write_shut {
            return Err(SendError::BrokenPipe);
        }
        let queued = self.with_conn(core, id, |conn| queue(conn, data, flags));
        self.line_up_writer(core, id);
        queued.unwrap_or(Err(SendError::BrokenPipe))
    }

    /// Appends up to `max` bytes of slices to `into`.
    pub(crate) fn recv(
        &mut self,
        core: &mut Core,
        place: Key,
        max: usize,
        flags: RecvFlags,
        into: &mut Vec<Payload>,
    ) -> Result<Received, RecvError> {
        let socket = self.sockets.get_mut(place).ok_or(RecvError::BadDescriptor)?;
        let (id, remote) = match &socket.role {
            Role::Connection(id) => {
                (Some(*id), self.records.get(id.0).map(|record| record.endpoints().1))
            }
            Role::Ended(last) => (None, last.remote),
            Role::Fresh | Role::Listener(_) => return Err(RecvError::NotConnected),
        };
        if flags.urgent {
            return receive_urgent(socket, flags, into).map(|bytes| Received {
                bytes,
                from: remote,
                ..Received::default()
            });
        }
        let bytes = take(socket, max, flags, into);
        if bytes == 0 && max > 0 {
            return nothing(socket).map(|()| Received { from: remote, ..Received::default() });
        }
        if !flags.peek {
            socket.charge(core);
            if let Some(id) = id {
                let told = self.conn(core, id).is_some_and(|mut conn| after_read(&mut conn, bytes));
                if told {
                    self.with_conn(core, id, |conn| conn.owe_ack(AckNeed::Now));
                }
            }
        }
        Ok(Received { bytes, from: remote, ..Received::default() })
    }

    /// Free bytes in the send buffer (what `send` would take now).
    pub(crate) fn send_room(&self, core: &Core, place: Key) -> usize {
        let Some(socket) = self.sockets.get(place) else { return 0 };
        let Role::Connection(id) = &socket.role else { return 0 };
        match self.records.get(id.0) {
            Some(Record::Connection(tcb)) if tcb.state.sends() && !socket.write_shut => {
                memory::send_room(core, socket.send_limit, tcb.queued())
            }
            _ => 0,
        }
    }
}

fn queue(conn: &mut Conn<'_>, data: &Payload, flags: SendFlags) -> Result<usize, SendError> {
    match conn.tcb.state {
        State::SynSent | State::SynReceived => {
            conn.tcb.send_blocked = true;
            return Err(SendError::WouldBlock);
        }
        state if !state.sends() => return Err(SendError::BrokenPipe),
        State::Synchronized(_) => {}
    }
    if data.is_empty() {
        return Ok(0);
    }
    let limit = conn.socket.as_deref().map_or(0, |socket| socket.send_limit);
    let count = memory::send_room(conn.core, limit, conn.tcb.queued()).min(data.len());
    if count == 0 {
        conn.block_writer();
        return Err(SendError::WouldBlock);
    }
    let whole = count == data.len();
    let piece = if whole { data.clone() } else { data.slice(0, count) };
    let busy = conn.tcb.busy_mut(&mut conn.core.spare.busy);
    let before = busy.queue.cost();
    busy.queue.push(piece.compact(), !flags.more);
    let after = busy.queue.cost();
    conn.core.budget.take(after.saturating_sub(before));
    conn.core.budget.give_back(before.saturating_sub(after));
    if !whole {
        conn.block_writer();
    }
    conn.tcb.more_coming = flags.more && whole;
    if flags.urgent && whole {
        // RFC 9293 §3.10.2: SND.UP <- SND.NXT (here: the end of what is queued).
        let up = conn.tcb.snd_una.after(conn.tcb.queued());
        conn.tcb.rare_mut().snd_up = Some(up);
    }
    Ok(count)
}

/// Why a read found nothing: the end of the stream, an error, or nothing yet.
fn nothing(socket: &mut StreamSocket) -> Result<(), RecvError> {
    if let Some(fault) = socket.error.take() {
        return Err(RecvError::Fault(*fault));
    }
    if socket.peer_closed || socket.read_shut || matches!(socket.role, Role::Ended(_)) {
        return Ok(());
    }
    Err(RecvError::WouldBlock)
}

/// Takes or shows data; stops before the urgent mark, and goes over it with the next call (as
/// Linux, RFC 6093 §3.4).
fn take(socket: &mut StreamSocket, max: usize, flags: RecvFlags, into: &mut Vec<Payload>) -> usize {
    let inline = socket.options.get().out_of_band_inline;
    let mut skip = 0;
    let mut max = max;
    if let Some(mark) = socket.urgent.mark() {
        let ahead = usize::try_from(mark.saturating_sub(socket.read_offset)).unwrap_or(usize::MAX);
        if mark > socket.read_offset {
            max = max.min(ahead);
        } else if mark == socket.read_offset && !inline && socket.stream_end() > mark {
            // The urgent byte itself is not part of the stream.
            skip = 1;
        }
    }
    if flags.peek {
        return socket.receive.peek(skip, max, into);
    }
    if skip > 0 {
        socket.receive.skip(skip);
        socket.read_offset = socket.read_offset.saturating_add(1);
    }
    let count = socket.receive.read(max, into);
    socket.read_offset = socket.read_offset.saturating_add(count as u64);
    let passed = socket.urgent.mark().is_some_and(|mark| socket.read_offset > mark);
    if passed && matches!(socket.urgent, Urgent::Marked(_)) {
        socket.urgent = Urgent::None;
    }
    count
}

/// MSG_OOB.
fn receive_urgent(
    socket: &mut StreamSocket,
    flags: RecvFlags,
    into: &mut Vec<Payload>,
) -> Result<usize, RecvError> {
    if socket.options.get().out_of_band_inline {
        return Err(RecvError::NoUrgentData);
    }
    match socket.urgent {
        Urgent::Waiting(mark, byte) => {
            into.push(Payload::copy_from_slice(&[byte]));
            if !flags.peek {
                let passed = socket.read_offset > mark;
                socket.urgent = if passed { Urgent::None } else { Urgent::Marked(mark) };
            }
            Ok(1)
        }
        Urgent::Announced(_) => Err(RecvError::WouldBlock),
        Urgent::None | Urgent::Marked(_) => Err(RecvError::NoUrgentData),
    }
}

/// The application has read: the buffer may grow, and the window may open so far that the peer is
/// to be told.
fn after_read(conn: &mut Conn<'_>, bytes: usize) -> bool {
    grow(conn, bytes);
    conn.tcb.state.receives() && output::window_update_due(conn)
}

/// Receive buffer growth: room for twice what is read in a round trip, as Linux's dynamic
/// right-sizing, so that the window never is the bottleneck.
fn grow(conn: &mut Conn<'_>, bytes: usize) {
    let now = conn.core.now;
    let rtt = core::time::Duration::from_nanos(conn.tcb.rtt.srtt.max(1_000_000));
    let pressure = conn.core.budget.pressure();
    let Some(socket) = conn.socket.as_deref_mut() else { return };
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    socket.appetite.read = socket.appetite.read.saturating_add(bytes);
    if now.saturating_since(socket.appetite.since) < rtt {
        return;
    }
    let read = socket.appetite.read;
    if read > socket.appetite.before && !pressure && socket.options.get().receive_buffer.is_none() {
        let mss = usize::from(conn.tcb.agreed.rcv_mss);
        let wanted = (read as usize).saturating_mul(2).saturating_add(mss.saturating_mul(16));
        let most = socket.receive_max(conn.core);
        socket.receive_limit = socket.receive_limit.max(wanted.min(most));
        socket.appetite.before = read;
    }
    socket.appetite.read = 0;
    socket.appetite.since = now;
}
