//! `connect`: a handshake of the stack, and meanwhile a descriptor that looks as TCP's does then.
//!
//! A program that waits in the call has its UNIX socket connected when the handshake is over. One
//! that does not wait has it at once, filled so that nothing can be written; success takes the
//! filling away, failure closes our end upon it, which the program sees as TCP's error.

use super::super::address::{Given, destination, parse};
use super::super::call::Call;
use super::super::pump::number;
use super::super::supervisor::Desk;
use super::super::table::{Connecting, Id, Kept, Link, State};
use super::Said;
use crate::sys::{pidfd, unix};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, socket_timeout};
use rustix::net::{RecvFlags, SocketFlags, accept_with, recv};
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
            State::Connecting(_) if !waits => return Some(Err(Errno::ALREADY)),
            // Also the same call again, after a signal.
            State::Connecting(connecting) => {
                connecting.waiters.push((*call, deadline(copy, Timeout::Send)));
                self.waiting.insert(id);
                return None;
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
            State::Connected(_) if matches!(given, Ok(Given::Nobody)) => {
                return Some(Err(Errno::OPNOTSUPP));
            }
            State::Connected(_) | State::Listening(_) => return Some(Err(Errno::ISCONN)),
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
        let remote = destination(endpoint)?;
        self.end_closed_listeners(remote);
        let spent = self.table.socks.get(&id).is_some_and(|sock| sock.kept.spent);
        let fresh = if spent { Some(self.replace(id, call, copy)?) } else { None };
        let copy = fresh.as_ref().unwrap_or(copy);
        let Some(sock) = self.table.socks.get_mut(&id) else { return Err(Errno::BADF) };
        sock.socket.start_connect(remote).map_err(|error| number(&error))?;
        sock.error = None;
        let mut connecting = Connecting { remote, joined: None, waiters: Vec::new() };
        if waits {
            connecting.waiters.push((*call, deadline(copy, Timeout::Send)));
        } else {
            let ours = self.join(copy)?;
            connecting.joined = Some((ours, unix::fill(copy)?));
        }
        if let Some(sock) = self.table.socks.get_mut(&id) {
            sock.kept.spent = connecting.joined.is_some();
            sock.state = State::Connecting(connecting);
        }
        Ok(())
    }

    /// Connects the program's UNIX socket; gives our end.
    pub(in super::super) fn join(&mut self, theirs: &OwnedFd) -> Result<OwnedFd, Errno> {
        rustix::net::connect(theirs, &self.hub.1)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        loop {
            match accept_with(&self.hub.0, flags) {
                // Anybody may know the name.
                Ok(ours) if unix::connected_by(&ours) == Some(std::process::id()) => {
                    // Data passes in pieces that fill a pair, whatever the system's default.
                    let _ = unix::set_number(&ours, libc::SOL_SOCKET, libc::SO_SNDBUF, PAIR);
                    return Ok(ours);
                }
                Ok(_) | Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => {
                    // What waits at the old one must not be taken for another.
                    if let Ok(hub) = unix::stream(true)
                        && let Ok(name) = unix::name(&hub)
                        && rustix::net::listen(&hub, 4096).is_ok()
                    {
                        self.hub = (hub, name);
                    }
                    return Err(errno);
                }
            }
        }
    }

    /// Puts a new UNIX socket in the place of one that cannot be connected again.
    fn replace(&mut self, id: Id, call: &Call, old: &OwnedFd) -> Result<OwnedFd, Errno> {
        let fresh = unix::stream(is_nonblocking(old))?;
        let close_on_exec = closes_on_exec(call);
        self.listener.replace(call.0.id, &fresh, call.descriptor(), close_on_exec)?;
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
        let theirs = self.locate(id);
        let ours = match (joined, &theirs) {
            (Some((ours, junk)), _) => discard(&ours, junk).map(|()| ours),
            (None, Some(theirs)) => self.join(theirs),
            // The program's end is nowhere to be seen: it has closed it, or it will call again.
            (None, None) => return self.forget_waiters(id, waiters),
        };
        let linked = ours.and_then(|ours| {
            self.watch(id, &ours)?;
            Ok(ours)
        });
        let result = linked.as_ref().map(|_| 0).map_err(|errno| *errno);
        if let (Ok(ours), Some(sock)) = (linked, self.table.socks.get_mut(&id)) {
            let mut link = Link::new(ours);
            link.told = waited;
            link.small = true;
            sock.kept.spent = true;
            sock.state = State::Connected(link);
        }
        if let Some(theirs) = &theirs {
            self.mend(id, theirs);
        }
        drop(theirs);
        self.waiting.remove(&id);
        let mut told = !waited;
        for (waiter, _) in &waiters {
            told |= self.answer(waiter, result).is_ok();
        }
        if let Some(State::Connected(link)) = self.state_of(id) {
            // One whose call was interrupted asks again.
            link.told &= told;
        }
        self.process(id);
    }

    fn forget_waiters(&mut self, id: Id, waiters: Vec<(Call, Option<Instant>)>) {
        for (waiter, _) in waiters {
            let _ = self.answer(&waiter, Err(Errno::BADF));
        }
        self.waiting.remove(&id);
        self.table.remove(id);
    }

    fn fail(&mut self, id: Id, errno: Errno) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        let state = std::mem::replace(&mut sock.state, State::Fresh);
        let State::Connecting(connecting) = state else { return };
        let mut told = false;
        for (waiter, _) in &connecting.waiters {
            told |= self.listener.answer(waiter.0.id, Err(errno)).is_ok();
        }
        if !told {
            sock.error = Some(errno);
            sock.state = State::Failed;
        }
        self.waiting.remove(&id);
        // Our end, if there is one, is closed with its filling unread: an error for the program.
    }

    /// A copy of the program's end, if it is where it was seen last.
    pub(in super::super) fn locate(&self, id: Id) -> Option<OwnedFd> {
        let sock = self.table.socks.get(&id)?;
        let (thread, descriptor) = sock.seen?;
        let copy = pidfd::copy_of(&pidfd::open(thread).ok()?, descriptor).ok()?;
        (unix::cookie(&copy).ok()? == sock.identity?.cookie).then_some(copy)
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
        let Ok(ours) = self.join(&theirs) else { return };
        let Ok(junk) = unix::fill(&theirs) else { return };
        if let Some(State::Connecting(connecting)) = self.state_of(id) {
            connecting.joined = Some((ours, junk));
        }
        if let Some(sock) = self.table.socks.get_mut(&id) {
            sock.kept = Kept { spent: true, ..std::mem::take(&mut sock.kept) };
        }
    }

    pub(in super::super) fn state_of(&mut self, id: Id) -> Option<&mut State> {
        self.table.socks.get_mut(&id).map(|sock| &mut sock.state)
    }
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

pub(super) fn is_nonblocking(descriptor: impl AsFd) -> bool {
    fcntl_getfl(descriptor).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}

/// When a call that waits gives up, by a time-out of the UNIX socket.
pub(super) fn deadline(descriptor: impl AsFd, of: Timeout) -> Option<Instant> {
    let timeout = socket_timeout(descriptor, of).ok()??;
    Instant::now().checked_add(timeout)
}

fn closes_on_exec(call: &Call) -> bool {
    let path = format!("/proc/{}/fdinfo/{}", call.0.thread, call.descriptor());
    let flags = std::fs::read_to_string(path).ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        i32::from_str_radix(line.trim(), 8).ok()
    });
    flags.is_some_and(|flags| flags & libc::O_CLOEXEC != 0)
}
