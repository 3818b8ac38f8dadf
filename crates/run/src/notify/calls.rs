//! What becomes of a call: which socket it is about, and which room answers it.

mod accept;
mod bind;
pub(super) mod connect;
mod control;
mod disconnect;
mod interfaces;
mod names;
mod open;
pub(super) mod options;
mod transfer;

use super::call::Call;
use super::supervisor::Desk;
use super::table::{Id, Identity};
use crate::sys::unix;
use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// What a room says to a call: a result, or nothing yet.
pub(super) type Said = Option<Result<i64, Errno>>;

impl Desk {
    pub(super) fn on_call(&mut self, call: Call) {
        let number = i64::from(call.0.number);
        if number == libc::SYS_socket {
            self.undelivered.take(None, &call);
            if let Some(result) = self.open(&call) {
                // If it has gone it is made again, or its end was a signal's.
                let _ = self.answer(&call, result);
            }
            return;
        }
        let (id, copy) = match self.identify(&call) {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.undelivered.take(None, &call);
                return self.about_nothing_of_ours(&call);
            }
            Err(errno) => {
                // The kernel's answer would be a UNIX socket's. If it has gone it is made again.
                let _ = self.answer(&call, Err(errno));
                return;
            }
        };
        if let Some(result) = self.undelivered.take(Some(id), &call) {
            return self.reply(id, &call, result);
        }
        // What was read of the caller is the caller's only if it waited until here.
        if !self.listener.is_valid(call.0.id) {
            return;
        }
        if self.is_datagram(id) {
            return self.on_datagram_call(id, &call, copy);
        }
        let said = match number {
            libc::SYS_connect => self.connect(id, &call, &copy),
            libc::SYS_bind => Some(self.bind(id, &call)),
            libc::SYS_listen => Some(self.listen(id, &call, &copy)),
            libc::SYS_accept => self.accept(id, &call, &copy, 0),
            libc::SYS_accept4 => self.accept(id, &call, &copy, call.number(3)),
            libc::SYS_getsockname => Some(self.local_name(id, &call)),
            libc::SYS_getpeername => Some(self.peer_name(id, &call)),
            libc::SYS_getsockopt => Some(self.option(id, &call, &copy)),
            libc::SYS_setsockopt => Some(self.set_option(id, &call, &copy)),
            libc::SYS_shutdown => match self.shut(id, &call) {
                Some(result) => Some(result),
                None => return self.proceed(&call),
            },
            libc::SYS_sendto => self.send_to(id, &call, &copy),
            libc::SYS_recvfrom => self.receive_from(id, &call, &copy),
            libc::SYS_ioctl => match self.control(id, &call) {
                Some(result) => Some(result),
                None => return self.proceed(&call),
            },
            libc::SYS_sendmsg if call.number(2) & libc::MSG_FASTOPEN != 0 => {
                Some(Err(Errno::OPNOTSUPP))
            }
            _ => return self.proceed(&call),
        };
        drop(copy);
        if let Some(result) = said {
            self.reply(id, &call, result);
        }
    }

    /// The socket that a call is about, with a copy of its descriptor, if it is ours.
    ///
    /// # Errors
    /// Nobody knows: there is no descriptor for a copy.
    fn identify(&mut self, call: &Call) -> Result<Option<(Id, OwnedFd)>, Errno> {
        let copy = match self.copy_of(call.0.thread, call.descriptor()) {
            Err(Errno::MFILE | Errno::NFILE) => return Err(Errno::NOBUFS),
            Err(_) => return Ok(None),
            Ok(copy) => copy,
        };
        let Some(id) = unix::cookie(&copy).ok().and_then(|cookie| self.table.find(cookie)) else {
            return Ok(None);
        };
        if let Some(sock) = self.table.socks.get_mut(&id) {
            sock.seen = Some((call.0.thread, call.descriptor()));
        }
        self.mend(id, &copy);
        Ok(Some((id, copy)))
    }

    /// Makes it known by what is the same for all copies of a descriptor.
    pub(super) fn introduce(&mut self, id: Id, descriptor: &OwnedFd) -> Result<(), Errno> {
        let cookie = unix::cookie(descriptor)?;
        let inode = unix::inode(descriptor)?;
        self.table.identify(id, Identity { cookie, inode });
        Ok(())
    }
}
