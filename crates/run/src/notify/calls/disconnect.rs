//! `connect` to nobody (AF_UNSPEC) and `shutdown`: a socket takes back what it has begun.

use super::super::call::Call;
use super::super::pump::number;
use super::super::supervisor::Desk;
use super::super::table::{Id, State};
use super::options::copy_options;
use danja::net::{Domain, Socket, SocketKind, SocketOption};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::time::Duration;

impl Desk {
    /// Ends what there is, by a reset if there is a peer; the socket is as fresh as it was.
    pub(super) fn disconnect(&mut self, id: Id, call: &Call, copy: &OwnedFd) -> Result<i64, Errno> {
        let used = match self.state_of(id) {
            None => return Err(Errno::BADF),
            Some(State::Fresh) => return Ok(0),
            Some(State::Connecting(connecting)) => connecting.joined.is_some(),
            Some(_) => true,
        };
        if used {
            // First, for it may fail.
            self.replace(id, call, copy)?;
        }
        self.drop_queue(id);
        self.renew(id)?;
        let Some(sock) = self.table.socks.get_mut(&id) else { return Err(Errno::BADF) };
        sock.error = None;
        sock.kept.peer = None;
        let waiters = match std::mem::replace(&mut sock.state, State::Fresh) {
            State::Connecting(connecting) => connecting.waiters,
            State::Listening(listening) => listening.waiters,
            _ => return Ok(0),
        };
        self.table.put_at(0, id);
        self.waiting.remove(&id);
        for waiter in waiters {
            let _ = self.answer(&waiter.call, Err(Errno::CONNRESET));
        }
        Ok(0)
    }

    /// `None`: it is the kernel's, on the pair or on the kernel's accept queue.
    pub(in super::super) fn shut(&mut self, id: Id, call: &Call) -> Option<Result<i64, Errno>> {
        let how = call.number(1);
        if !(libc::SHUT_RD..=libc::SHUT_RDWR).contains(&how) {
            return Some(Err(Errno::INVAL));
        }
        match self.state_of(id)? {
            State::Connected(_) => None,
            State::Datagram(datagram) if datagram.is_connected() => None,
            State::Fresh | State::Failed | State::Datagram(_) => Some(Err(Errno::NOTCONN)),
            // As Linux: nothing is sent on it, which changes nothing.
            State::Listening(_) if how == libc::SHUT_WR => Some(Ok(0)),
            State::Listening(_) => None,
            State::Connecting(_) => {
                let renewed = self.renew(id);
                self.fail(id, Errno::CONNRESET);
                Some(renewed.map(|()| 0))
            }
        }
    }

    /// Gives it another socket of the stack, with the same options and the endpoint that it was
    /// bound to; the old one is reset.
    pub(super) fn renew(&mut self, id: Id) -> Result<(), Errno> {
        let sock = self.table.socks.get_mut(&id).ok_or(Errno::BADF)?;
        let fresh = Socket::new(&self.host, Domain::Ipv4, SocketKind::Stream)
            .map_err(|error| number(&error))?;
        // Neither fails.
        let _ = fresh.set_nonblocking(true);
        copy_options(sock, &fresh);
        let old = std::mem::replace(&mut sock.socket, fresh);
        let _ = old.set_option(SocketOption::Linger(Some(Duration::ZERO)));
        drop(old);
        if let Some(local) = sock.kept.bound {
            sock.socket.bind(local).map_err(|error| number(&error))?;
        }
        Ok(())
    }
}
