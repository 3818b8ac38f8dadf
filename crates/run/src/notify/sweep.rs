//! How a connection's pair ends, and how ends are noticed that no pair tells of: by UNIX_DIAG, and
//! by looking after calls that wait.

use super::pump::{self, Progress};
use super::supervisor::Desk;
use super::table::{Id, Link, Sock, State};
use super::waiter::Waiter;
use crate::sys::unix;
use danja::net::{Shutdown, SocketOption};
use rustix::event::PollFlags;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How often one looks for ends, with few sockets.
const SWEEP: Duration = Duration::from_millis(250);

/// How many sockets are asked for one by one.
const FEW: usize = 16;

impl Desk {
    /// Moves a connection's data, and looks whether it has ended.
    pub(super) fn pump(&mut self, id: Id) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        let (inward, outward) = pump::both(sock, &mut self.buffer);
        if !sock.readers.is_empty() {
            self.retry_readers(id);
        }
        match (inward, outward) {
            (_, Progress::Reset) => return self.reset(id),
            (Progress::Fault(errno), _) | (_, Progress::Fault(errno)) => {
                return self.fault(id, errno);
            }
            _ => {}
        }
        let Some(sock) = self.table.socks.get(&id) else { return };
        let State::Connected(link) = &sock.state else { return };
        let finished = link.outward_over && link.outward.is_empty();
        let deaf = inward == Progress::Deaf;
        // What the program has written before it closed goes out first, whatever comes in.
        if finished
            && (deaf || link.ours.as_ref().is_some_and(hung_up))
            && self.is_gone_with_its_pair(sock)
        {
            return if deaf { self.reset(id) } else { self.release(id) };
        }
        if link.held_back {
            // Shut down, and not closed.
            let _ = sock.socket.shutdown(Shutdown::Write);
            if let Some(State::Connected(link)) = self.state_of(id) {
                link.held_back = false;
            }
        }
        let Some(sock) = self.table.socks.get(&id) else { return };
        if deaf || inward == Progress::More || outward == Progress::More {
            sock.waker.list();
        }
    }

    /// Whether the program has no descriptor of it any more, as far as anybody knows.
    pub(super) fn is_gone(&self, sock: &Sock) -> bool {
        if let State::Datagram(datagram) = &sock.state
            && let Some(gone) = self.has_lost_its_end(datagram)
        {
            return gone;
        }
        match (&self.diag, sock.identity) {
            (Some(diag), Some(identity)) => {
                diag.is_open(identity.inode, identity.cookie) == Ok(false)
            }
            _ => false,
        }
    }

    /// The same of one whose pair has hung up.
    fn is_gone_with_its_pair(&self, sock: &Sock) -> bool {
        self.is_gone(sock) || self.diag.is_none() && sock.identity.is_some()
    }

    /// The program has closed it in a way that the peer is to be told by a reset.
    fn reset(&mut self, id: Id) {
        if let Some(sock) = self.table.remove(id) {
            // It cannot fail: every stream has the option.
            let _ = sock.socket.set_option(SocketOption::Linger(Some(Duration::ZERO)));
        }
        self.waiting.remove(&id);
    }

    /// What waited to be accepted goes with its listener.
    pub(super) fn drop_queue(&mut self, id: Id) {
        let Some(State::Listening(listening)) = self.state_of(id) else { return };
        let stashed = std::mem::take(&mut listening.stash);
        let queued = std::mem::take(&mut listening.queued);
        for connection in queued.into_iter().chain(stashed.into_iter().map(|(_, id)| id)) {
            self.reset(connection);
        }
    }

    /// The program has closed it.
    pub(super) fn release(&mut self, id: Id) {
        let unread = match self.state_of(id) {
            Some(State::Connected(link)) => !link.inward.is_empty(),
            _ => false,
        };
        if unread {
            // It counts as read with the stack, and nobody has read it.
            return self.reset(id);
        }
        self.drop_queue(id);
        self.end_waiting(id);
        self.table.remove(id);
        self.waiting.remove(&id);
    }

    /// The network has ended a connection: the program sees an error, and is told which.
    fn fault(&mut self, id: Id, errno: Errno) {
        let theirs = self.locate(id);
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        // A broken pipe is told by what is written next.
        let told = errno != Errno::PIPE;
        if told {
            sock.error = Some(errno);
        }
        let State::Connected(link) = &mut sock.state else { return };
        link.inward_over = true;
        link.outward_over = true;
        if let Some(ours) = link.ours.take() {
            // Closed with something unread, it is an error at the other end.
            if told
                && recv(&ours, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT) == Err(Errno::AGAIN)
                && let Some(theirs) = theirs
            {
                let _ = send(&theirs, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            }
        }
        self.retry_readers(id);
    }

    /// Ends listeners for `remote` that the program has closed without a word, so that whoever
    /// connects there is refused.
    pub(super) fn end_closed_listeners(&mut self, remote: SocketAddr) {
        let listens = |sock: &&Sock| matches!(sock.state, State::Listening(_));
        let listeners: Vec<Id> =
            self.table.at(remote.port()).filter(listens).map(|sock| sock.id).collect();
        for id in listeners {
            self.let_go(id);
        }
        let closed = |sock: &&Sock| listens(sock) && self.is_gone(sock);
        let closed: Vec<Id> =
            self.table.at(remote.port()).filter(closed).map(|sock| sock.id).collect();
        for id in closed {
            self.release(id);
        }
    }

    /// A listener is not kept open for calls that have gone with their threads.
    fn let_go(&mut self, id: Id) {
        let Some(State::Listening(listening)) =
            self.table.socks.get_mut(&id).map(|it| &mut it.state)
        else {
            return;
        };
        if !listening.waiters.iter().any(|waiter| self.listener.is_valid(waiter.call.0.id)) {
            listening.watched = None;
        }
    }

    /// Looks which sockets the program has closed without a word.
    pub(super) fn sweep(&mut self) {
        let silent: Vec<Id> =
            self.table.socks.values().filter(|sock| is_silent(sock)).map(|sock| sock.id).collect();
        let more = u32::try_from(silent.len() / 1000).unwrap_or(u32::MAX);
        self.next_sweep = Instant::now() + SWEEP.saturating_mul(more.saturating_add(1));
        if silent.is_empty() {
            return;
        }
        // A dump tells of all UNIX sockets of the machine.
        let open = match &self.diag {
            Some(diag) if silent.len() > FEW => {
                let Ok(open) = diag.all() else { return };
                Some(open)
            }
            _ => None,
        };
        let gone = |id: &Id| {
            let Some(sock) = self.table.socks.get(id) else { return false };
            match (&open, sock.identity) {
                (Some(open), Some(identity)) => !open.contains(&identity.cookie),
                _ => self.is_gone(sock),
            }
        };
        for id in silent.into_iter().filter(gone).collect::<Vec<_>>() {
            self.release(id);
        }
    }

    /// Whether nothing is left to be moved once the program has ended.
    pub(super) fn is_done(&self) -> bool {
        let under_way = |link: &Link| {
            link.ours.as_ref().is_some_and(|ours| self.over || hung_up(ours))
                && !(link.outward_over && link.outward.is_empty())
        };
        !self.table.socks.values().any(|sock| match &sock.state {
            State::Connected(link) => under_way(link),
            State::Datagram(datagram) => datagram.is_under_way(),
            _ => false,
        })
    }

    /// Calls that have gone, or have waited long enough.
    pub(super) fn look_after_waiting(&mut self) {
        let now = Instant::now();
        for id in self.waiting.iter().copied().collect::<Vec<_>>() {
            if self.is_datagram(id) {
                self.look_after_datagrams(id);
                continue;
            }
            let listener = &self.listener;
            let Some(sock) = self.table.socks.get_mut(&id) else {
                self.waiting.remove(&id);
                continue;
            };
            let goes_on = |waiter: &Waiter| waiter.goes_on(listener, now);
            sock.readers.retain(goes_on);
            let readers = !sock.readers.is_empty();
            match &mut sock.state {
                State::Connecting(connecting) => {
                    connecting.waiters.retain(goes_on);
                    if connecting.waiters.is_empty() {
                        self.waiting.remove(&id);
                        if connecting.joined.is_none() {
                            self.left_alone(id);
                        }
                    }
                }
                State::Listening(listening) => {
                    listening.waiters.retain(goes_on);
                    if listening.waiters.is_empty() {
                        listening.watched = None;
                        self.waiting.remove(&id);
                    }
                }
                _ if readers => self.retry_readers(id),
                _ => drop(self.waiting.remove(&id)),
            }
        }
    }
}

/// Whether nothing but UNIX_DIAG would tell of its end.
fn is_silent(sock: &Sock) -> bool {
    match &sock.state {
        State::Connected(link) => {
            link.ours.is_none() || link.outward_over && link.outward.is_empty()
        }
        State::Datagram(datagram) => !datagram.is_under_way(),
        _ => true,
    }
}

fn hung_up(ours: &OwnedFd) -> bool {
    let events = unix::events(ours, PollFlags::empty());
    events.is_ok_and(|events| events.contains(PollFlags::HUP))
}

/// How much the program has written that the stack has not taken yet.
pub(super) fn unread_by_us(link: &Link) -> usize {
    let in_pair = link.ours.as_ref().and_then(|ours| rustix::io::ioctl_fionread(ours).ok());
    let in_pair = in_pair.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    in_pair.saturating_add(link.outward.len())
}
