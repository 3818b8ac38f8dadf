//! `connect`: a handshake of the stack, and meanwhile a descriptor that looks as TCP's does then.
//!
//! A program that waits in the call has its UNIX socket connected when the handshake is over. One
//! that does not wait has it at once, filled so that nothing can be written; success takes the
//! filling away, failure closes our end upon it, which the program sees as TCP's error.

use super::super::address::{Given, parse};
use super::super::call::Call;
use super::super::pump::number;
use super::super::supervisor::Desk;
use super::super::table::{Connecting, Id, Link, State};
use super::super::waiter::{Waiter, was_interrupted};
use super::Said;
use crate::sys::{places, unix};
use rustix::event::PollFlags;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, socket_timeout};
use rustix::net::{RecvFlags, SocketAddrUnix, SocketFlags, accept_with, recv};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

impl Desk {
    pub(super) fn connect(&mut self, id: Id, call: &Call, copy: &OwnedFd) -> Said {
        let sock = self.table.socks.get_mut(&id)?;
        let given = call.address(1, 2).and_then(|bytes| parse(sock.family, &bytes));
        let waits = !is_nonblocking(copy);
        match &mut sock.state {
            State::Fresh => {}
            State::Connecting(_) if matches!(given, Ok(Given::Nobody)) => {
                return Some(self.disconnect(id, call, copy));
            }
            State::Connecting(_) if !waits => return Some(Err(Errno::ALREADY)),
            // Also the same call again, after a signal.
            State::Connecting(connecting) => {
                if was_interrupted(&mut connecting.waiters, call) {
                    return Some(Err(Errno::INTR));
                }
                let until = deadline(copy, Timeout::Send);
                connecting.waiters.push_back(Waiter { call: *call, until, late: Errno::ALREADY });
                self.waiting.insert(id);
                return None;
            }
            _ if matches!(given, Ok(Given::Nobody)) => {
                return Some(self.disconnect(id, call, copy));
            }
            State::Connected(link) if !link.told => {
                link.told = true;
                return Some(Ok(0));
            }
            State::Failed => {
                sock.state = State::Fresh;
                let _ = unix::number(copy, libc::SOL_SOCKET, libc::SO_ERROR);
                return Some(Err(sock.error.take().unwrap_or(Errno::CONNABORTED)));
            }
            State::Connected(_) | State::Listening(_) | State::Datagram(_) => {
                return Some(Err(Errno::ISCONN));
            }
        }
        let begun = match given {
            Ok(Given::Nobody) => return Some(Ok(0)),
            Ok(Given::Endpoint(endpoint)) => self.begin(id, endpoint, waits, call, copy),
            Err(errno) => Err(errno),
        };
        match begun {
            Err(errno) => Some(Err(errno)),
            Ok(()) if !waits => {
                self.advance_later(id);
                Some(Err(Errno::INPROGRESS))
            }
            Ok(()) => {
                self.waiting.insert(id);
                self.advance(id);
                None
            }
        }
    }

    /// What the program did not wait for is looked at after it has been told so.
    fn advance_later(&self, id: Id) {
        if let Some(sock) = self.table.socks.get(&id) {
            sock.waker.list();
        }
    }

    fn begin(
        &mut self,
        id: Id,
        endpoint: SocketAddr,
        waits: bool,
        call: &Call,
        copy: &OwnedFd,
    ) -> Result<(), Errno> {
        let (remote, redirected) = self.reach(endpoint)?;
        if remote.port() == 0 {
            // Nobody listens there.
            return Err(Errno::CONNREFUSED);
        }
        // What is begun below must not fail for want of a descriptor.
        let room = self.epoll.try_clone().map_err(|_| Errno::NOBUFS)?;
        self.end_closed_listeners(remote);
        let spent = self.table.socks.get(&id).is_some_and(|sock| sock.kept.spent);
        let fresh = if spent { Some(self.replace(id, call, copy)?) } else { None };
        let copy = fresh.as_ref().unwrap_or(copy);
        let Some(sock) = self.table.socks.get_mut(&id) else { return Err(Errno::BADF) };
        sock.socket.start_connect(remote).map_err(|error| number(&error))?;
        sock.kept.peer = redirected.then_some(endpoint);
        sock.error = None;
        let mut connecting = Connecting { remote, joined: None, waiters: VecDeque::new() };
        drop(room);
        if waits {
            let until = deadline(copy, Timeout::Send);
            connecting.waiters.push_back(Waiter { call: *call, until, late: Errno::INPROGRESS });
        } else {
            match self.join_filled(copy) {
                Ok(joined) => connecting.joined = Some(joined),
                Err(_) => {
                    // The next `connect` puts another in its place.
                    if let Some(sock) = self.table.socks.get_mut(&id) {
                        sock.kept.spent = true;
                    }
                    self.renew(id)?;
                    return Err(Errno::NOBUFS);
                }
            }
        }
        if let Some(sock) = self.table.socks.get_mut(&id) {
            sock.kept.spent = connecting.joined.is_some();
            sock.state = State::Connecting(connecting);
        }
        Ok(())
    }

    /// Connects the program's UNIX socket, and lets it look as if it were not connected yet.
    fn join_filled(&mut self, theirs: &OwnedFd) -> Result<(OwnedFd, usize), Errno> {
        let ours = self.join(theirs)?;
        Ok((ours, unix::fill(theirs)?))
    }

    /// Connects the program's UNIX socket; gives our end.
    pub(in super::super) fn join(&mut self, theirs: &OwnedFd) -> Result<OwnedFd, Errno> {
        if unix::events(&self.hub.0, PollFlags::IN)? != PollFlags::empty() {
            // Others know the name; as many as the queue takes would keep this one waiting.
            self.hub = hub()?;
        }
        rustix::net::connect(theirs, &self.hub.1)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        loop {
            match accept_with(&self.hub.0, flags) {
                // Anybody may know the name.
                Ok(ours) if unix::connected_by(&ours) == Some(std::process::id()) => {
                    // Data passes in pieces that fill a pair, whatever the system's default.
                    let _ = unix::set_number(&ours, libc::SOL_SOCKET, libc::SO_SNDBUF, PAIR);
                    unix::urgent_inline(&ours);
                    return Ok(ours);
                }
                Ok(_) | Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => {
                    // What waits at the old one must not be taken for another.
                    if let Ok(hub) = hub() {
                        self.hub = hub;
                    }
                    return Err(errno);
                }
            }
        }
    }

    /// Puts a new UNIX socket in the place of one that cannot be connected again: wherever the
    /// caller has it, and watches it. Other processes keep the old one.
    pub(in super::super) fn replace(
        &mut self,
        id: Id,
        call: &Call,
        old: &OwnedFd,
    ) -> Result<OwnedFd, Errno> {
        let fresh = unix::like(old, is_nonblocking(old))?;
        let (thread, inode) = (call.0.thread, unix::inode(old)?);
        let mut all = places::of(thread, inode);
        if all.iter().all(|place| place.number != call.descriptor()) {
            all.push(places::place(thread, call.descriptor()));
        }
        // As the old one goes, so do they.
        let watches = places::watches(thread, inode, &all);
        for place in all {
            self.listener.replace(call.0.id, &fresh, place.number, place.close_on_exec)?;
        }
        places::watch_anew(&fresh, &watches);
        self.introduce(id, &fresh)?;
        if let Some(sock) = self.table.socks.get_mut(&id) {
            sock.kept.spent = false;
        }
        Ok(fresh)
    }

    /// Looks how a handshake goes on.
    pub(in super::super) fn advance(&mut self, id: Id) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        let State::Connecting(connecting) = &sock.state else { return };
        let waker = sock.waker.waker();
        match sock.socket.poll_connect(&Context::from_waker(&waker), connecting.remote) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.succeed(id),
            Poll::Ready(Err(error)) => {
                let errno = number(&error);
                self.fail(id, errno);
            }
        }
    }

    fn succeed(&mut self, id: Id) {
        let Some(State::Connecting(connecting)) = self.state_of(id) else { return };
        let waiters = std::mem::take(&mut connecting.waiters);
        let joined = connecting.joined.take();
        let waited = !waiters.is_empty();
        let theirs = self.located(id);
        let ours = match (joined, &theirs) {
            (Some((ours, junk)), _) => discard(&ours, junk).map(|()| ours),
            (None, Ok(theirs)) => self.join(theirs),
            (None, Err(errno @ (Errno::MFILE | Errno::NFILE))) => Err(*errno),
            // The program's end is nowhere to be seen: it has closed it, or it will call again.
            (None, Err(_)) => return self.forget_waiters(id, waiters),
        };
        let linked = ours.and_then(|ours| {
            self.watch(id, &ours)?;
            Ok(ours)
        });
        let Ok(ours) = linked else {
            // There is no descriptor for it.
            if let Some(State::Connecting(connecting)) = self.state_of(id) {
                connecting.waiters = waiters;
            }
            let _ = self.renew(id);
            return self.fail(id, Errno::NOBUFS);
        };
        if let Some(sock) = self.table.socks.get_mut(&id) {
            let mut link = Link::new(ours);
            link.told = waited;
            link.small = true;
            sock.kept.spent = true;
            sock.state = State::Connected(link);
        }
        if let Ok(theirs) = &theirs {
            self.mend(id, theirs);
        }
        drop(theirs);
        self.waiting.remove(&id);
        let mut told = !waited;
        for waiter in &waiters {
            told |= self.answer(&waiter.call, Ok(0)).is_ok();
        }
        if let Some(State::Connected(link)) = self.state_of(id) {
            // One whose call was interrupted asks again.
            link.told &= told;
        }
        self.process(id);
    }

    fn forget_waiters(&mut self, id: Id, waiters: VecDeque<Waiter>) {
        for waiter in waiters {
            let _ = self.answer(&waiter.call, Err(Errno::BADF));
        }
        self.waiting.remove(&id);
        self.table.remove(id);
    }

    pub(super) fn fail(&mut self, id: Id, errno: Errno) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        let state = std::mem::replace(&mut sock.state, State::Fresh);
        let State::Connecting(connecting) = state else { return };
        let mut told = false;
        for waiter in &connecting.waiters {
            told |= self.listener.answer(waiter.call.0.id, Err(errno)).is_ok();
        }
        if !told {
            sock.error = Some(errno);
            sock.state = State::Failed;
        }
        self.waiting.remove(&id);
        // Our end, if there is one, is closed with its filling unread: an error for the program.
    }

    /// A copy of the program's end, if it is where it was seen last.
    pub(in super::super) fn locate(&mut self, id: Id) -> Option<OwnedFd> {
        self.located(id).ok()
    }

    /// The same. BADF: it is not there any more; MFILE, NFILE: there is no place for a copy.
    fn located(&mut self, id: Id) -> Result<OwnedFd, Errno> {
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let (thread, descriptor) = sock.seen.ok_or(Errno::BADF)?;
        let cookie = sock.identity.ok_or(Errno::BADF)?.cookie;
        let copy = self.copy_of(thread, descriptor)?;
        if unix::cookie(&copy)? == cookie { Ok(copy) } else { Err(Errno::BADF) }
    }

    /// Gives the program's end the buffer that it has once it is connected.
    pub(in super::super) fn mend(&mut self, id: Id, theirs: &OwnedFd) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        if let State::Connected(link) = &mut sock.state
            && std::mem::take(&mut link.small)
        {
            let wanted = sock.kept.send_buffer.unwrap_or(PAIR);
            let _ = unix::set_number(theirs, libc::SOL_SOCKET, libc::SO_SNDBUF, wanted);
        }
    }

    /// The program waits no more in `connect`: its descriptor has to look as one that connects.
    pub(in super::super) fn left_alone(&mut self, id: Id) {
        let Some(theirs) = self.locate(id) else { return };
        let Ok(joined) = self.join_filled(&theirs) else { return };
        if let Some(State::Connecting(connecting)) = self.state_of(id) {
            connecting.joined = Some(joined);
        }
        if let Some(sock) = self.table.socks.get_mut(&id) {
            sock.kept.spent = true;
        }
    }

    pub(in super::super) fn state_of(&mut self, id: Id) -> Option<&mut State> {
        self.table.socks.get_mut(&id).map(|sock| &mut sock.state)
    }
}

/// Where programs' descriptors are connected to, and its name.
pub(in super::super) fn hub() -> Result<(OwnedFd, SocketAddrUnix), Errno> {
    let hub = unix::stream(true)?;
    let name = unix::name(&hub)?;
    rustix::net::listen(&hub, 4096)?;
    Ok((hub, name))
}

/// What a pair may hold in each direction, in bytes, where the program asks for nothing: so much
/// that moving it costs less than waking who moves it. The system's limit may be lower.
pub(super) const PAIR: i32 = 262_144;

/// Takes the filling away.
fn discard(ours: &OwnedFd, mut junk: usize) -> Result<(), Errno> {
    let mut buffer = [0; 4096];
    while junk > 0 {
        let most = junk.min(buffer.len());
        match recv(ours, &mut buffer[..most], RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Err(Errno::CONNABORTED),
            Ok((count, _)) => junk -= count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

pub(in super::super) fn is_nonblocking(descriptor: impl AsFd) -> bool {
    fcntl_getfl(descriptor).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}

/// When a call that waits gives up, by a time-out of the UNIX socket.
pub(in super::super) fn deadline(descriptor: impl AsFd, of: Timeout) -> Option<Instant> {
    let timeout = socket_timeout(descriptor, of).ok()??;
    Instant::now().checked_add(timeout)
}
