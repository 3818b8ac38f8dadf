//! `sendto` with an address and `recvfrom` with a place for one, on streams: what a UNIX socket
//! would refuse or answer with its own name.

use super::super::call::Call;
use super::super::supervisor::Desk;
use super::super::table::{Id, Link, State};
use super::super::waiter::{Waiter, was_interrupted};
use super::Said;
use super::connect::{deadline, is_nonblocking};
use crate::sys::unix;
use rustix::event::PollFlags;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, ioctl_fionread};
use rustix::net::sockopt::Timeout;
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// How much goes at once, in bytes.
const MOST: u64 = 65_536;

impl Desk {
    pub(super) fn send_to(&mut self, id: Id, call: &Call, copy: &OwnedFd) -> Said {
        let flags = call.number(3);
        if flags & libc::MSG_FASTOPEN != 0 {
            return Some(Err(Errno::OPNOTSUPP));
        }
        let sock = self.table.socks.get_mut(&id)?;
        if !matches!(sock.state, State::Connected(_)) {
            return Some(Err(Errno::PIPE));
        }
        if was_interrupted(&mut sock.readers, call) {
            return Some(Err(Errno::INTR));
        }
        // As Linux: a stream that is connected goes where it goes.
        let length = call.pointer(2).min(MOST) as usize;
        let bytes = match call.read_vec(call.pointer(1), length) {
            Ok(bytes) => bytes,
            Err(errno) => return Some(Err(errno)),
        };
        let waits = flags & libc::MSG_DONTWAIT == 0 && !is_nonblocking(copy);
        let flags = SendFlags::from_bits_retain((flags & !libc::MSG_MORE) as u32);
        let sent = send(copy, &bytes, flags | SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        match sent {
            Err(Errno::AGAIN) if waits => {
                let until = deadline(copy, Timeout::Send);
                sock.readers.push_back(Waiter { call: *call, until, late: Errno::AGAIN });
                self.waiting.insert(id);
                None
            }
            sent => Some(sent.map(|count| count as i64)),
        }
    }

    pub(super) fn receive_from(&mut self, id: Id, call: &Call, copy: &OwnedFd) -> Said {
        let flags = call.number(3);
        let waits = flags & libc::MSG_DONTWAIT == 0 && !is_nonblocking(copy);
        let sock = self.table.socks.get_mut(&id)?;
        if !matches!(sock.state, State::Connected(_) | State::Failed) {
            return Some(Err(Errno::NOTCONN));
        }
        if was_interrupted(&mut sock.readers, call) {
            return Some(Err(Errno::INTR));
        }
        let length = call.pointer(2).min(MOST) as usize;
        if let State::Connected(link) = &sock.state
            && waits
            && flags & libc::MSG_WAITALL != 0
            && may_grow(link, copy, length)
        {
            let until = deadline(copy, Timeout::Recv);
            sock.readers.push_back(Waiter { call: *call, until, late: Errno::AGAIN });
            self.waiting.insert(id);
            return None;
        }
        let mut buffer = vec![0; length];
        let flags = RecvFlags::from_bits_retain((flags & !libc::MSG_WAITALL) as u32);
        match recv(copy, buffer.as_mut_slice(), flags | RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) if waits => {
                let until = deadline(copy, Timeout::Recv);
                sock.readers.push_back(Waiter { call: *call, until, late: Errno::AGAIN });
                self.waiting.insert(id);
                None
            }
            Err(errno) => Some(Err(errno)),
            Ok((count, _)) => {
                let written = call.write(call.pointer(1), &buffer[..count]);
                // As Linux: of a stream no address is told.
                let length = call.pointer(5);
                let told = if length == 0 { Ok(()) } else { call.write(length, &[0; 4]) };
                Some(written.and(told).map(|()| count as i64))
            }
        }
    }

    /// Data or room may have come for calls that wait for it.
    pub(in super::super) fn retry_readers(&mut self, id: Id) {
        let Some(sock) = self.table.socks.get_mut(&id) else { return };
        for waiter in std::mem::take(&mut sock.readers) {
            let call = waiter.call;
            if !self.listener.is_valid(call.0.id) {
                continue;
            }
            let said = match self.copy_of(call.0.thread, call.descriptor()) {
                Ok(copy) if i64::from(call.0.number) == libc::SYS_sendto => {
                    self.send_to(id, &call, &copy)
                }
                Ok(copy) => self.receive_from(id, &call, &copy),
                Err(errno) => Some(Err(errno)),
            };
            if let Some(result) = said {
                self.reply(id, &call, result);
            } else if let Some(sock) = self.table.socks.get_mut(&id)
                && let Some(again) = sock.readers.back_mut()
            {
                // It gives up when it would have.
                again.until = waiter.until;
            }
        }
    }
}

/// Whether less than is wanted lies in a pair that has room for more, and more may come.
fn may_grow(link: &Link, copy: &OwnedFd, wanted: usize) -> bool {
    let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    link.inward.is_empty()
        && ioctl_fionread(copy).is_ok_and(|count| count < wanted as u64)
        && unix::events(copy, PollFlags::RDHUP).is_ok_and(|events| !events.intersects(ended))
}
