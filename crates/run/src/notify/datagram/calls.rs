//! What becomes of a call about a datagram socket: answered, or kept until it can be.

use super::origin::Origin;
use crate::notify::call::Call;
use crate::notify::calls::Said;
use crate::notify::calls::connect::{deadline, is_nonblocking};
use crate::notify::supervisor::Desk;
use crate::notify::table::{Id, State};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::Timeout;
use std::time::Instant;

/// What a call was given, to be kept if it turns out to have gone.
pub(super) type Taken = Vec<(Vec<u8>, Option<Origin>)>;

impl Desk {
    pub(in crate::notify) fn on_datagram_call(&mut self, id: Id, call: &Call, copy: OwnedFd) {
        // What came or was written before is before this.
        self.move_datagrams(id);
        let mut taken = Taken::new();
        let said = match i64::from(call.0.number) {
            libc::SYS_ioctl => match self.control(id, call) {
                // Who has a list of interfaces by netlink asks about the machine's.
                None | Some(Err(Errno::NODEV)) => return self.proceed(call),
                said => said,
            },
            libc::SYS_shutdown => match self.shut(id, call) {
                Some(result) => Some(result),
                None => return self.proceed(call),
            },
            _ => match self.datagram_call(id, call, &copy, &mut taken) {
                Err(Errno::AGAIN) if waits(call, &copy) => self.wait_for_datagram(id, call, &copy),
                result => Some(result),
            },
        };
        drop(copy);
        self.deliver();
        if let Some(result) = said {
            self.say_of_datagram(id, call, result, taken);
        }
    }

    /// What was sent to a socket of the same program is there when the call ends, as on Linux's
    /// own loopback.
    fn deliver(&mut self) {
        for id in self.ready.take() {
            if let Some(sock) = self.table.socks.get(&id) {
                sock.waker.taken();
                self.process(id);
            }
        }
    }

    fn say_of_datagram(&mut self, id: Id, call: &Call, said: Result<i64, Errno>, taken: Taken) {
        if taken.is_empty() {
            return self.reply(id, call, said);
        }
        if self.answer(call, said).is_err() {
            for (bytes, origin) in taken {
                self.put_back(id, &bytes, origin);
            }
        }
    }

    fn datagram_call(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
        taken: &mut Taken,
    ) -> Result<i64, Errno> {
        match i64::from(call.0.number) {
            libc::SYS_connect => self.connect_datagram(id, call, copy),
            libc::SYS_bind => self.bind_datagram(id, call),
            libc::SYS_listen | libc::SYS_accept | libc::SYS_accept4 => Err(Errno::OPNOTSUPP),
            libc::SYS_getsockname => self.local_name(id, call),
            libc::SYS_getpeername => self.datagram_peer_name(id, call),
            libc::SYS_getsockopt => self.option(id, call, copy),
            libc::SYS_setsockopt => self.set_option(id, call, copy),
            libc::SYS_sendto => self.send_datagram(id, call, copy),
            libc::SYS_sendmsg => self.send_message(id, call, copy, call.pointer(1), call.number(2)),
            libc::SYS_sendmmsg => self.send_messages(id, call, copy),
            libc::SYS_recvfrom => self.receive_datagram(id, call, copy, taken),
            libc::SYS_recvmsg => {
                self.receive_message(id, call, copy, call.pointer(1), call.number(2), taken)
            }
            libc::SYS_recvmmsg => self.receive_messages(id, call, copy, taken),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn wait_for_datagram(&mut self, id: Id, call: &Call, copy: &OwnedFd) -> Said {
        let of = if sends(call) { Timeout::Send } else { Timeout::Recv };
        let until = deadline(copy, of);
        match self.datagram(id) {
            Ok(datagram) => {
                datagram.waiting.push_back((*call, until));
                self.waiting.insert(id);
                None
            }
            Err(errno) => Some(Err(errno)),
        }
    }

    /// Lets calls that wait go on, if they can.
    pub(super) fn serve_waiting(&mut self, id: Id) {
        let Ok(datagram) = self.datagram(id) else { return };
        let waiting = std::mem::take(&mut datagram.waiting);
        if waiting.is_empty() {
            return;
        }
        for (call, until) in waiting {
            if !self.listener.is_valid(call.0.id) {
                continue;
            }
            let mut taken = Taken::new();
            let said = match self.copy_of(call.0.thread, call.descriptor()) {
                Ok(copy) => self.datagram_call(id, &call, &copy, &mut taken),
                Err(_) => Err(Errno::BADF),
            };
            let over = until.is_some_and(|until| until <= Instant::now());
            match (said, self.state_of(id)) {
                (Err(Errno::AGAIN), Some(State::Datagram(datagram))) if !over => {
                    datagram.waiting.push_back((call, until));
                }
                (said, _) => self.say_of_datagram(id, &call, said, taken),
            }
        }
        if self.datagram(id).is_ok_and(|datagram| datagram.waiting.is_empty()) {
            self.waiting.remove(&id);
        }
    }

    /// Calls that have gone, or have waited long enough, or whose socket was shut down.
    pub(in crate::notify) fn look_after_datagrams(&mut self, id: Id) {
        self.serve_waiting(id);
        if self.datagram(id).is_ok_and(|datagram| datagram.waiting.is_empty()) {
            self.waiting.remove(&id);
        }
    }

    /// A socket has gone: nobody will answer who waits.
    pub(in crate::notify) fn end_waiting(&mut self, id: Id) {
        if let Ok(datagram) = self.datagram(id) {
            for (call, _) in std::mem::take(&mut datagram.waiting) {
                let _ = self.answer(&call, Err(Errno::BADF));
            }
        }
    }
}

fn sends(call: &Call) -> bool {
    let number = i64::from(call.0.number);
    [libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg].contains(&number)
}

/// Whether a call may wait for its answer.
fn waits(call: &Call, copy: &OwnedFd) -> bool {
    let flags = match i64::from(call.0.number) {
        libc::SYS_sendto | libc::SYS_recvfrom | libc::SYS_sendmmsg | libc::SYS_recvmmsg => {
            call.number(3)
        }
        libc::SYS_sendmsg | libc::SYS_recvmsg => call.number(2),
        _ => return false,
    };
    flags & (libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE) == 0 && !is_nonblocking(copy)
}
