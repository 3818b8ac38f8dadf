//! The program's sockets, by what is the same for all copies of their descriptors. Makes no system
//! call, and knows no protocol.

use super::datagram::Datagram;
use super::waiter::Waiter;
use super::wake::SocketWaker;
use danja::net::Socket;
use danja::stack::Payload;
use rustix::fd::{OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// The number of a socket, never used again.
pub(super) type Id = u64;

/// No socket.
pub(super) const NOBODY: Id = 0;

/// The family of addresses that the program uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    V4,
    V6,
}

/// A socket of the program.
pub(super) struct Sock {
    pub(super) id: Id,
    pub(super) family: Family,
    /// Its part in the stack.
    pub(super) socket: Socket,
    /// As UNIX_DIAG knows the program's end, once the program has it.
    pub(super) identity: Option<Identity>,
    /// Where the program's end was seen last: a thread, and its number for it.
    pub(super) seen: Option<(u32, RawFd)>,
    pub(super) state: State,
    /// Where others find it: of a listener, or of a datagram socket; 0 if nowhere.
    pub(super) port: u16,
    /// The error that SO_ERROR tells next.
    pub(super) error: Option<Errno>,
    pub(super) waker: Arc<SocketWaker>,
    pub(super) kept: Kept,
    /// Calls that wait for data or room (`recvfrom` and `sendto` with an address).
    pub(super) readers: VecDeque<Waiter>,
}

/// Which UNIX socket is the program's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) cookie: u64,
    pub(super) inode: u32,
}

/// What is only told again: options that mean nothing to the stack, and what was bound where the
/// stack has no such address.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) only_v6: bool,
    pub(super) bound_v6: Option<SocketAddr>,
    /// What the program has bound it to, of the stack's addresses.
    pub(super) bound: Option<SocketAddr>,
    /// As they were set, by level and name.
    pub(super) options: HashMap<(i32, i32), Vec<u8>>,
    pub(super) send_buffer: Option<i32>,
    pub(super) receive_buffer: Option<i32>,
    /// Who connected it, of one that was accepted; whom the program has connected it to, where
    /// somebody else answers.
    pub(super) peer: Option<SocketAddr>,
    /// The UNIX socket has been connected once, and cannot be again.
    pub(super) spent: bool,
}

pub(super) enum State {
    /// Neither connected nor listening.
    Fresh,
    Connecting(Connecting),
    Connected(Link),
    /// A connection could not be made, and the program has not been told by `connect`.
    Failed,
    Listening(Listening),
    /// It is no stream: with what carries its datagrams.
    Datagram(Box<Datagram>),
}

/// A handshake under way.
pub(super) struct Connecting {
    pub(super) remote: SocketAddr,
    /// Our end, filled so that the program's looks as it should; none while the program waits in
    /// the call itself.
    pub(super) joined: Option<(OwnedFd, usize)>,
    pub(super) waiters: VecDeque<Waiter>,
}

/// A connection, and our end of the pair that carries its data.
pub(super) struct Link {
    /// None when nothing can pass any more.
    pub(super) ours: Option<OwnedFd>,
    /// The program has been told that it is connected.
    pub(super) told: bool,
    /// From the stack, not yet in the pair.
    pub(super) inward: VecDeque<Payload>,
    /// From the pair, not yet in the stack: never more than a byte, which makes the stack tell
    /// when it has room again.
    pub(super) outward: Vec<u8>,
    /// What is in `inward`, or in `outward`, is one byte that is urgent.
    pub(super) inward_urgent: bool,
    pub(super) outward_urgent: bool,
    /// The peer's end of stream has been passed on.
    pub(super) inward_over: bool,
    /// The program's end of stream has been passed on.
    pub(super) outward_over: bool,
    /// The program's end of stream was not passed on: it is told by a reset if there is one.
    pub(super) held_back: bool,
    /// The program takes no more: what comes is thrown away.
    pub(super) deaf: bool,
    /// The send buffer of the program's end still has to get its size.
    pub(super) small: bool,
}

impl Link {
    pub(super) const fn new(ours: OwnedFd) -> Self {
        Self {
            ours: Some(ours),
            told: false,
            inward: VecDeque::new(),
            outward: Vec::new(),
            inward_urgent: false,
            outward_urgent: false,
            inward_over: false,
            outward_over: false,
            held_back: false,
            deaf: false,
            small: false,
        }
    }
}

/// A listener, whose accept queue is the kernel's.
pub(super) struct Listening {
    pub(super) name: SocketAddrUnix,
    pub(super) backlog: usize,
    /// Connections in the kernel's queue, in its order.
    pub(super) queued: VecDeque<Id>,
    /// Taken out of it for calls that had gone.
    pub(super) stash: VecDeque<(OwnedFd, Id)>,
    pub(super) waiters: VecDeque<Waiter>,
    /// A copy of the program's descriptor, while calls wait.
    pub(super) watched: Option<OwnedFd>,
    /// The program has shut it down.
    pub(super) over: bool,
}

/// All sockets of the program.
#[derive(Default)]
pub(super) struct Table {
    pub(super) socks: HashMap<Id, Sock>,
    cookies: HashMap<u64, Id>,
    /// Listeners and datagram sockets by port.
    ports: HashMap<u16, Vec<Id>>,
    last: Id,
}

impl Table {
    pub(super) const fn next_id(&mut self) -> Id {
        self.last += 1;
        self.last
    }

    pub(super) fn find(&self, cookie: u64) -> Option<Id> {
        self.cookies.get(&cookie).copied()
    }

    pub(super) fn identify(&mut self, id: Id, identity: Identity) {
        let Some(sock) = self.socks.get_mut(&id) else { return };
        if let Some(before) = sock.identity.replace(identity) {
            self.cookies.remove(&before.cookie);
        }
        self.cookies.insert(identity.cookie, id);
    }

    /// A listener or a datagram socket is found at a port; at none if it is 0.
    pub(super) fn put_at(&mut self, port: u16, id: Id) {
        let Some(sock) = self.socks.get_mut(&id) else { return };
        let before = std::mem::replace(&mut sock.port, port);
        if before == port {
            return;
        }
        self.forget_at(before, id);
        if port != 0 {
            self.ports.entry(port).or_default().push(id);
        }
    }

    fn forget_at(&mut self, port: u16, id: Id) {
        if let Some(ids) = self.ports.get_mut(&port) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.ports.remove(&port);
            }
        }
    }

    /// The listeners and datagram sockets at a port.
    pub(super) fn at(&self, port: u16) -> impl Iterator<Item = &Sock> {
        let ids = self.ports.get(&port).into_iter().flatten();
        ids.filter_map(|id| self.socks.get(id))
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Sock> {
        let sock = self.socks.remove(&id)?;
        self.forget_at(sock.port, id);
        if let Some(identity) = sock.identity {
            self.cookies.remove(&identity.cookie);
        }
        Some(sock)
    }
}
