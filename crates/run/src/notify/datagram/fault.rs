//! What the network says of datagrams that did not arrive, as the program sees it: an error of its
//! end of the pair, which a UNIX socket has when its peer turns away from what it has not read.

use super::Datagram;
use crate::notify::supervisor::Desk;
use crate::notify::table::{Id, State};
use crate::sys::unix;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SendFlags, connect, connect_unspec, sendto};

impl Desk {
    /// Has the next call fail with `errno`, and `poll` tell of it.
    pub(super) fn tell(&mut self, id: Id, errno: Errno) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        let State::Datagram(datagram) = &sock.state else { return };
        sock.error = Some(errno);
        // The program may just have closed it.
        let _ = turn_away(datagram, &self.post.stranger);
        sock.waker.list();
    }

    /// The error that is pending, which is no more.
    pub(super) fn take_fault(&mut self, id: Id, copy: &OwnedFd) -> Option<Errno> {
        let error = self.table.socks.get_mut(&id)?.error.take()?;
        // A call that nobody heard of may have been told already.
        let pending = unix::number(copy, libc::SOL_SOCKET, libc::SO_ERROR);
        (pending != Ok(0)).then_some(error)
    }
}

fn turn_away(datagram: &Datagram, stranger: &OwnedFd) -> Result<(), Errno> {
    let ours = &datagram.ours;
    // Open to others for a moment, for it must have something unread.
    connect_unspec(ours)?;
    let sent = sendto(stranger, &[0], SendFlags::DONTWAIT, &datagram.our_name);
    connect(ours, &datagram.their_name)?;
    sent?;
    connect_unspec(ours)?;
    connect(ours, &datagram.their_name)
}
