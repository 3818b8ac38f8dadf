//! `socket`: a UNIX socket in the program, and one of the stack here.

use super::super::call::Call;
use super::super::pump::number;
use super::super::supervisor::Desk;
use super::super::table::{Family, Id, Kept, Sock, State};
use super::Said;
use crate::sys::unix;
use danja::net::{Domain, Socket, SocketKind, SocketOption};
use rustix::io::Errno;
use std::collections::VecDeque;

impl Desk {
    pub(super) fn open(&mut self, call: &Call) -> Said {
        let family = if call.number(0) == libc::AF_INET6 { Family::V6 } else { Family::V4 };
        let flags = call.number(1);
        if flags & !(0xf | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
            return Some(Err(Errno::INVAL));
        }
        let nonblocking = flags & libc::SOCK_NONBLOCK != 0;
        let made = match flags & 0xf {
            libc::SOCK_DGRAM => self.make_datagram(family, nonblocking),
            _ => self.make(family, nonblocking),
        };
        let (id, theirs) = match made {
            Ok(made) => made,
            // It is ours that are used up, not the program's.
            Err(Errno::MFILE) => return Some(Err(Errno::NFILE)),
            Err(errno) => return Some(Err(errno)),
        };
        let close_on_exec = flags & libc::SOCK_CLOEXEC != 0;
        match self.listener.answer_with(call.0.id, &theirs, close_on_exec) {
            Ok(number) => {
                if let Some(sock) = self.table.socks.get_mut(&id) {
                    sock.seen = Some((call.0.thread, number));
                }
                None
            }
            Err(errno) => {
                self.table.remove(id);
                // The program's limit of descriptors; or it has gone.
                if errno == Errno::NOENT { None } else { Some(Err(errno)) }
            }
        }
    }

    fn make(
        &mut self,
        family: Family,
        nonblocking: bool,
    ) -> Result<(Id, rustix::fd::OwnedFd), Errno> {
        // The stack is one of IPv4: mapped addresses are what an IPv6 socket can reach with it.
        let socket = Socket::new(&self.host, Domain::Ipv4, SocketKind::Stream)
            .map_err(|error| number(&error))?;
        let theirs = unix::stream(nonblocking)?;
        let id = self.add(family, socket, State::Fresh);
        self.introduce(id, &theirs)?;
        Ok((id, theirs))
    }

    /// A socket of the stack becomes the program's.
    pub(in super::super) fn add(&mut self, family: Family, socket: Socket, state: State) -> Id {
        // The last copy is dropped here, and must not wait for what lingers; it never fails.
        let _ = socket.set_nonblocking(true);
        // Urgent bytes keep their place, for the pair has one for them; it never fails.
        let _ = socket.set_option(SocketOption::OutOfBandInline(true));
        let id = self.table.next_id();
        let sock = Sock {
            id,
            family,
            socket,
            identity: None,
            seen: None,
            state,
            port: 0,
            error: None,
            waker: self.ready.waker(id),
            kept: Kept::default(),
            readers: VecDeque::new(),
        };
        self.table.socks.insert(id, sock);
        id
    }
}
