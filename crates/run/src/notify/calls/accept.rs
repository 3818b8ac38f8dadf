//! `accept`: connections of the stack are put into the kernel's accept queue of the program's
//! descriptor, so that its readiness and its sharing among processes are the kernel's.

use super::super::call::Call;
use super::super::supervisor::{Desk, WATCHED};
use super::super::table::{Id, Link, Listening, NOBODY, State};
use super::super::waiter::{Waiter, was_interrupted};
use super::Said;
use super::connect::{PAIR, deadline, is_nonblocking};
use crate::notify::address::emit;
use crate::sys::unix;
use danja::net::{Interest, SocketOption};
use rustix::event::PollFlags;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::Timeout;
use rustix::net::{SocketFlags, accept_with};
use std::task::Context;
use std::time::Duration;

/// Whether urgent bytes stay in the stream, which connections have from their listener.
const INLINE: (i32, i32) = (libc::SOL_SOCKET, libc::SO_OOBINLINE);

impl Desk {
    pub(super) fn accept(&mut self, id: Id, call: &Call, copy: &OwnedFd, flags: i32) -> Said {
        if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
            return Some(Err(Errno::INVAL));
        }
        let Some(State::Listening(listening)) = self.state_of(id) else {
            return Some(Err(Errno::INVAL));
        };
        if listening.over {
            return Some(Err(Errno::INVAL));
        }
        if was_interrupted(&mut listening.waiters, call) {
            return Some(Err(Errno::INTR));
        }
        match self.hand_over(id, call, copy, flags) {
            Err(Errno::AGAIN) if !is_nonblocking(copy) => {
                self.wait_for_connection(id, call, copy);
                None
            }
            Err(errno) => Some(Err(errno)),
            Ok(()) => {
                // There is room for another.
                self.take_connections(id);
                None
            }
        }
    }

    fn wait_for_connection(&mut self, id: Id, call: &Call, copy: &OwnedFd) {
        let watched = copy.try_clone().ok().filter(|copy| {
            let data = EventData::new_u64(id | WATCHED);
            // A copy of the same number that is closed is watched still: the listener lives.
            let added = epoll::add(&self.epoll, copy, data, EventFlags::RDHUP);
            matches!(added, Ok(()) | Err(Errno::EXIST))
        });
        let Some(State::Listening(listening)) = self.state_of(id) else { return };
        let until = deadline(copy, Timeout::Recv);
        listening.waiters.push_back(Waiter { call: *call, until, late: Errno::AGAIN });
        if listening.watched.is_none() {
            listening.watched = watched;
        }
        self.waiting.insert(id);
    }

    /// A listener for which calls wait was shut down: they end, as in Linux.
    pub(in super::super) fn on_listener_event(&mut self, id: Id, flags: EventFlags) {
        if !flags.intersects(EventFlags::HUP | EventFlags::RDHUP) {
            return;
        }
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        let State::Listening(listening) = &mut sock.state else { return };
        listening.over = true;
        listening.watched = None;
        for waiter in std::mem::take(&mut listening.waiters) {
            let _ = self.listener.answer(waiter.call.0.id, Err(Errno::INVAL));
        }
        self.waiting.remove(&id);
        let _ = sock.socket.shutdown(std::net::Shutdown::Read);
    }

    /// Gives a call the oldest connection. EAGAIN: there is none.
    fn hand_over(&mut self, id: Id, call: &Call, copy: &OwnedFd, flags: i32) -> Result<(), Errno> {
        let (theirs, connection) = self.oldest(id, copy)?;
        let result = self.give(&theirs, connection, call, flags);
        // As Linux: who names no good place for the address has had the connection.
        let spent = matches!(result, Err(Errno::FAULT | Errno::INVAL));
        if result.is_err()
            && !spent
            && let Some(State::Listening(listening)) = self.state_of(id)
        {
            listening.stash.push_front((theirs, connection));
            show_stash(listening);
        }
        match result {
            // It has gone; the connection is the next call's.
            Err(Errno::NOENT) => Ok(()),
            result => result,
        }
    }

    fn oldest(&mut self, id: Id, copy: &OwnedFd) -> Result<(OwnedFd, Id), Errno> {
        loop {
            let Some(State::Listening(listening)) = self.state_of(id) else {
                return Err(Errno::INVAL);
            };
            if let Some((theirs, connection)) = listening.stash.pop_front() {
                hide_stash(listening, copy);
                if self.table.socks.contains_key(&connection) {
                    return Ok((theirs, connection));
                }
                continue;
            }
            if unix::events(copy, PollFlags::IN)?.is_empty() {
                return Err(Errno::AGAIN);
            }
            let theirs = accept_with(copy, SocketFlags::CLOEXEC).map_err(|errno| match errno {
                // It is ours that are used up, not the program's.
                Errno::MFILE => Errno::NFILE,
                errno => errno,
            })?;
            // Anybody may know the name: such a one is closed.
            if unix::connected_by(&theirs) != Some(std::process::id()) {
                continue;
            }
            let connection = listening.queued.pop_front().ok_or(Errno::AGAIN)?;
            if self.table.socks.contains_key(&connection) {
                self.introduce(connection, &theirs)?;
                let wanted = self.table.socks.get(&connection).and_then(|s| s.kept.send_buffer);
                let wanted = wanted.unwrap_or(PAIR);
                let _ = unix::set_number(&theirs, libc::SOL_SOCKET, libc::SO_SNDBUF, wanted);
                let kept = self.table.socks.get(&connection).map(|sock| &sock.kept.options);
                if kept.and_then(|kept| kept.get(&INLINE)).is_some_and(|on| on[..] != [0; 4]) {
                    unix::urgent_inline(&theirs);
                }
                return Ok((theirs, connection));
            }
        }
    }

    fn give(
        &mut self,
        theirs: &OwnedFd,
        connection: Id,
        call: &Call,
        flags: i32,
    ) -> Result<(), Errno> {
        if call.pointer(1) != 0 {
            let sock = self.table.socks.get(&connection).ok_or(Errno::CONNABORTED)?;
            let peer = sock.kept.peer.ok_or(Errno::CONNABORTED)?;
            call.write_address(1, 2, &emit(sock.family, peer))?;
        }
        rustix::io::ioctl_fionbio(theirs, flags & libc::SOCK_NONBLOCK != 0)?;
        let close_on_exec = flags & libc::SOCK_CLOEXEC != 0;
        let number = self.listener.answer_with(call.0.id, theirs, close_on_exec)?;
        if let Some(sock) = self.table.socks.get_mut(&connection) {
            sock.seen = Some((call.0.thread, number));
        }
        if let Some(State::Connected(link)) = self.state_of(connection) {
            link.told = true;
        }
        Ok(())
    }

    /// Takes what connections the stack has, as many as may wait for the program.
    pub(in super::super) fn take_connections(&mut self, id: Id) {
        loop {
            let Some(sock) = self.table.socks.get_mut(&id) else { return };
            let State::Listening(listening) = &sock.state else { return };
            if sock.kept.bound_v6.is_some() || listening.queued.len() > listening.backlog {
                break;
            }
            let Ok((socket, peer)) = sock.socket.try_accept() else {
                let waker = sock.waker.waker();
                let context = Context::from_waker(&waker);
                if sock.socket.poll_ready(Interest::Read, &context).is_ready() && !listening.over {
                    sock.waker.list();
                }
                break;
            };
            let inline = sock.kept.options.get(&INLINE).cloned();
            let (family, name) = (sock.family, listening.name.clone());
            let buffers = (sock.kept.send_buffer, sock.kept.receive_buffer);
            let ours = unix::stream(true).and_then(|ours| {
                let size = buffers.1.unwrap_or(PAIR);
                let _ = unix::set_number(&ours, libc::SOL_SOCKET, libc::SO_SNDBUF, size);
                unix::urgent_inline(&ours);
                rustix::net::connect(&ours, &name).map(|()| ours)
            });
            match ours {
                Ok(ours) => {
                    let connection = self.add(family, socket, State::Connected(Link::new(ours)));
                    if let Some(sock) = self.table.socks.get_mut(&connection) {
                        sock.kept.peer = Some(peer);
                        (sock.kept.send_buffer, sock.kept.receive_buffer) = buffers;
                        sock.kept.spent = true;
                        sock.kept.options.extend(inline.map(|inline| (INLINE, inline)));
                    }
                    if let Some(State::Listening(listening)) = self.state_of(id) {
                        listening.queued.push_back(connection);
                    }
                    self.begin_watching(connection);
                }
                Err(errno) => {
                    // It cannot fail: every stream has the option.
                    let _ = socket.set_option(SocketOption::Linger(Some(Duration::ZERO)));
                    drop(socket);
                    if errno == Errno::CONNREFUSED {
                        // The program has closed the listener, or shut it down.
                        self.end_listening(id);
                        return;
                    }
                    break;
                }
            }
        }
        self.serve_accepters(id);
    }

    fn begin_watching(&mut self, id: Id) {
        if let Some(sock) = self.table.socks.get(&id)
            && let State::Connected(Link { ours: Some(ours), .. }) = &sock.state
        {
            let _ = self.watch(id, ours);
            // Data may be there already.
            sock.waker.list();
        }
    }

    fn end_listening(&mut self, id: Id) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        let _ = sock.socket.shutdown(std::net::Shutdown::Read);
        if let State::Listening(listening) = &mut sock.state {
            listening.over = true;
        }
    }

    fn serve_accepters(&mut self, id: Id) {
        loop {
            let Some(State::Listening(listening)) = self.state_of(id) else { return };
            if listening.queued.is_empty() && listening.stash.is_empty() {
                return;
            }
            let Some(waiter) = listening.waiters.pop_front() else { return };
            let call = waiter.call;
            let copy = listening.watched.as_ref().and_then(|copy| copy.try_clone().ok());
            if !self.listener.is_valid(call.0.id) {
                continue;
            }
            let Some(copy) = copy else { return };
            let flags =
                if i64::from(call.0.number) == libc::SYS_accept4 { call.number(3) } else { 0 };
            match self.hand_over(id, &call, &copy, flags) {
                Err(Errno::AGAIN) => {
                    if let Some(State::Listening(listening)) = self.state_of(id) {
                        listening.waiters.push_front(waiter);
                    }
                    return;
                }
                Err(errno) => drop(self.answer(&call, Err(errno))),
                Ok(()) => {}
            }
        }
    }
}

/// Lets a listener be ready for as long as connections are out of the kernel's queue again: puts
/// nobody's into it.
fn show_stash(listening: &mut Listening) {
    if listening.queued.contains(&NOBODY) {
        return;
    }
    let nobody = unix::stream(true);
    if nobody.is_ok_and(|nobody| rustix::net::connect(&nobody, &listening.name).is_ok()) {
        listening.queued.push_back(NOBODY);
    }
}

/// Takes nobody's connection away, if it is the next.
fn hide_stash(listening: &mut Listening, copy: &OwnedFd) {
    if listening.stash.is_empty() && listening.queued.front() == Some(&NOBODY) {
        // Else, as with one of somebody who knows the name, it is passed over when it is its turn.
        let taken = accept_with(copy, SocketFlags::CLOEXEC);
        if taken.is_ok_and(|taken| unix::connected_by(&taken) == Some(std::process::id())) {
            listening.queued.pop_front();
        }
    }
}
