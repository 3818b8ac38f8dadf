//! Readiness and pending errors.

use crate::core_state::Core;
use crate::event::Ready;
use crate::slab::Key;
use crate::socket::SocketFault;
use crate::tcp::Tcp;
use crate::tcp::memory;
use crate::tcp::record::Record;
use crate::tcp::socket::{Role, StreamSocket, Urgent};
use crate::tcp::tcb::{State, Tcb};

impl Tcp {
    /// Level-triggered readiness, as `poll` would report it.
    pub(crate) fn readiness(&self, core: &Core, place: Key) -> Ready {
        let Some(socket) = self.sockets.get(place) else { return Ready::NONE };
        let mut ready = Ready::NONE;
        if socket.error.is_some() {
            ready = ready.with(Ready::ERROR).with(Ready::READABLE).with(Ready::WRITABLE);
        }
        match &socket.role {
            // As Linux's poll of a socket that was never connected.
            Role::Fresh => ready.with(Ready::WRITABLE).with(Ready::HANG_UP),
            Role::Listener(listener) if listener.accept.is_empty() => ready,
            Role::Listener(_) => ready.with(Ready::ACCEPTABLE),
            Role::Connection(id) => match self.records.get(id.0) {
                Some(Record::Connection(tcb)) => ready.with(connected(core, socket, tcb)),
                _ => ready.with(over(socket)),
            },
            Role::Ended(_) => ready.with(over(socket)),
        }
    }

    /// Takes the pending error (SO_ERROR).
    pub(crate) fn take_error(&mut self, _core: &mut Core, place: Key) -> Option<SocketFault> {
        let socket = self.sockets.get_mut(place)?;
        socket.error.take().or_else(|| socket.soft_error.take()).map(|fault| *fault)
    }
}

fn over(socket: &StreamSocket) -> Ready {
    Ready::READABLE
        .with(Ready::WRITABLE)
        .with(Ready::READ_CLOSED)
        .with(Ready::HANG_UP)
        .with(Ready::FINISHED)
        .with(urgent(socket))
}

fn urgent(socket: &StreamSocket) -> Ready {
    match socket.urgent {
        Urgent::Waiting(..) => Ready::URGENT,
        // As Linux's poll: what is only announced cannot be read yet.
        Urgent::None | Urgent::Announced(_) | Urgent::Marked(_) => Ready::NONE,
    }
}

fn connected(core: &Core, socket: &StreamSocket, tcb: &Tcb) -> Ready {
    if !matches!(tcb.state, State::Synchronized(_)) {
        return Ready::NONE;
    }
    let mut ready = urgent(socket);
    let closed = socket.peer_closed || socket.read_shut;
    // An urgent byte that was taken out of the stream is not there to be read.
    let apart = match socket.urgent {
        Urgent::Waiting(mark, _) | Urgent::Marked(mark)
            if mark >= socket.read_offset && !socket.options.get().out_of_band_inline =>
        {
            1
        }
        _ => 0,
    };
    let there = socket.receive.len().saturating_sub(apart);
    if closed || socket.has_enough(there) {
        ready = ready.with(Ready::READABLE);
    }
    if closed {
        ready = ready.with(Ready::READ_CLOSED);
    }
    if socket.write_shut || memory::is_writable(core, socket.send_limit, tcb.queued()) {
        ready = ready.with(Ready::WRITABLE);
    }
    if closed && socket.write_shut {
        ready = ready.with(Ready::HANG_UP);
    }
    if tcb.fin_acknowledged() {
        ready = ready.with(Ready::FINISHED);
    }
    ready
}
