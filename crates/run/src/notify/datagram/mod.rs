//! Datagram sockets of a program without a namespace. Each is one end of a pair of UNIX datagram
//! sockets; the other is here. What the stack receives is put into the pair, so that readiness,
//! `read` and the lengths of datagrams are the kernel's own; what the program writes without an
//! address is taken out of it. Calls with addresses are answered from the stack. Knows no packet
//! format (RFC 768 is the stack's).

mod calls;
mod carry;
mod closed;
mod fault;
mod message;
mod names;
pub(in crate::notify) mod options;
mod origin;
mod resolver;
mod transfer;

use super::call::Call;
use super::supervisor::Desk;
use super::table::{Family, Id, State};
use crate::sys::unix;
use danja::net::{Domain, Socket, SocketKind};
use origin::{Origin, Origins};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::time::Timespec;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

/// What a datagram socket has beside its part in the stack.
pub(super) struct Datagram {
    /// Our end of the pair, and the names by which the two ends find each other again.
    ours: OwnedFd,
    our_name: SocketAddrUnix,
    their_name: SocketAddrUnix,
    /// To whom the program has connected it, as it said.
    peer: Option<SocketAddr>,
    /// From the stack, with no room in the pair.
    inward: Option<(Vec<u8>, Origin)>,
    /// From the pair, with no room in the stack.
    outward: Option<Vec<u8>>,
    /// Calls that wait for a datagram, or for room for one.
    waiting: VecDeque<(Call, Option<Instant>)>,
    /// Questions to a resolver of the machine's, of which somebody else is asked: their first two
    /// bytes, and who was to answer.
    questions: VecDeque<([u8; 2], SocketAddr)>,
}

impl Datagram {
    /// Whether the program has written what the stack does not have yet.
    pub(super) fn is_under_way(&self) -> bool {
        let mut asked = [PollFd::new(&self.ours, PollFlags::IN)];
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.outward.is_some() || poll(&mut asked, Some(&none)) == Ok(1)
    }
}

/// What datagram sockets share.
pub(super) struct Post {
    /// The program has no namespace: this is the only way for datagrams.
    alone: bool,
    origins: Origins,
    /// A socket that makes others' queues not empty, and knocks at their names.
    stranger: OwnedFd,
}

impl Post {
    pub(super) fn new(alone: bool) -> Result<Self, Errno> {
        Ok(Self { alone, origins: Origins::default(), stranger: end(true)? })
    }
}

fn end(nonblocking: bool) -> Result<OwnedFd, Errno> {
    let mut flags = SocketFlags::CLOEXEC;
    flags.set(SocketFlags::NONBLOCK, nonblocking);
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
}

/// What each end may hold for the other, in bytes: the largest datagram and some more.
const LEAST: i32 = 212_992;

impl Desk {
    /// A datagram socket: the program's end.
    pub(super) fn make_datagram(
        &mut self,
        family: Family,
        nonblocking: bool,
    ) -> Result<(Id, OwnedFd), Errno> {
        let socket = Socket::new(&self.host, Domain::Ipv4, SocketKind::Datagram)
            .map_err(|error| super::pump::number(&error))?;
        let (theirs, ours) = (end(nonblocking)?, end(true)?);
        let (their_name, our_name) = (unix::name(&theirs)?, unix::name(&ours)?);
        // Connected to each other, nobody else's datagrams are taken, and there is no limit to
        // how many wait but their size.
        connect(&theirs, &our_name)?;
        connect(&ours, &their_name)?;
        for end in [&theirs, &ours] {
            if unix::number(end, libc::SOL_SOCKET, libc::SO_SNDBUF)? < LEAST {
                unix::set_number(end, libc::SOL_SOCKET, libc::SO_SNDBUF, LEAST)?;
            }
        }
        let datagram = Datagram {
            ours,
            our_name,
            their_name,
            peer: None,
            inward: None,
            outward: None,
            waiting: VecDeque::new(),
            questions: VecDeque::new(),
        };
        let id = self.add(family, socket, State::Datagram(Box::new(datagram)));
        let made = self.introduce(id, &theirs).and_then(|()| match &self.table.socks[&id].state {
            State::Datagram(datagram) => self.watch(id, &datagram.ours),
            _ => Ok(()),
        });
        match made {
            Ok(()) => {
                self.exchange(id);
                Ok((id, theirs))
            }
            Err(errno) => {
                self.table.remove(id);
                Err(errno)
            }
        }
    }

    pub(super) fn is_datagram(&self, id: Id) -> bool {
        matches!(self.table.socks.get(&id).map(|sock| &sock.state), Some(State::Datagram(_)))
    }

    fn datagram(&mut self, id: Id) -> Result<&mut Datagram, Errno> {
        match self.state_of(id) {
            Some(State::Datagram(datagram)) => Ok(datagram),
            _ => Err(Errno::BADF),
        }
    }
}
