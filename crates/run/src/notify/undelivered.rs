//! Replies that a signal has kept from their calls. A call that a signal ends is made again by the
//! kernel or by the program, and most calls must not be done twice: what came of the first is given
//! to the second. Knows nothing of what the calls mean.

use super::call::Call;
use super::table::Id;
use rustix::io::Errno;
use std::collections::HashMap;

/// More are not kept: threads end without a word.
const MOST: usize = 1024;

/// What came of a call.
struct Reply {
    socket: Id,
    number: i32,
    arguments: [u64; 6],
    result: Result<i64, Errno>,
    /// What it has read, which is nowhere else any more.
    data: Vec<u8>,
}

/// The last reply that did not reach its thread, of each thread.
#[derive(Default)]
pub(super) struct Undelivered(HashMap<u32, Reply>);

impl Undelivered {
    /// Keeps a reply about a socket for the call when it is made again.
    pub(super) fn keep(&mut self, socket: Id, call: &Call, result: Result<i64, Errno>) {
        if may_be_repeated(call) {
            return;
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let data = match result {
            // The caller has it already, but may begin anew with its buffer.
            Ok(count) if i64::from(call.0.number) == libc::SYS_recvfrom => {
                call.read_vec(call.pointer(1), usize::try_from(count).unwrap_or(0))
            }
            _ => Ok(Vec::new()),
        };
        let (number, arguments) = (call.0.number, call.0.arguments);
        let data = data.unwrap_or_default();
        self.0.insert(call.0.thread, Reply { socket, number, arguments, result, data });
    }

    /// The reply, if this is that call once more. Any other call of the thread says that it goes on
    /// without.
    pub(super) fn take(&mut self, socket: Option<Id>, call: &Call) -> Option<Result<i64, Errno>> {
        if self.0.is_empty() {
            return None;
        }
        let reply = self.0.remove(&call.0.thread)?;
        let same = Some(reply.socket) == socket
            && reply.number == call.0.number
            && reply.arguments == call.0.arguments;
        if !same {
            return None;
        }
        if !reply.data.is_empty()
            && let Err(errno) = call.write(call.pointer(1), &reply.data)
        {
            return Some(Err(errno));
        }
        Some(reply.result)
    }
}

/// Whether it only asks, so that it had better ask again: where its answer lay is the caller's.
fn may_be_repeated(call: &Call) -> bool {
    let asks =
        [libc::SYS_getsockopt, libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_ioctl];
    asks.contains(&i64::from(call.0.number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::seccomp::Notification;

    #[test]
    fn a_reply_is_for_the_same_call_of_the_same_thread_once() {
        let call = |thread, argument| {
            let mut call = Call(Notification::default());
            call.0.thread = thread;
            call.0.number = libc::SYS_bind as i32;
            call.0.arguments[0] = argument;
            call
        };
        let mut replies = Undelivered::default();
        let keep = |replies: &mut Undelivered| replies.keep(7, &call(1, 3), Ok(5));
        keep(&mut replies);
        assert_eq!(replies.take(Some(7), &call(2, 3)), None);
        assert_eq!(replies.take(Some(7), &call(1, 3)), Some(Ok(5)));
        assert_eq!(replies.take(Some(7), &call(1, 3)), None);
        // Another socket of the same number, and another call.
        for (socket, argument) in [(Some(8), 3), (None, 3), (Some(7), 4)] {
            keep(&mut replies);
            assert_eq!(replies.take(socket, &call(1, argument)), None);
            assert_eq!(replies.take(Some(7), &call(1, 3)), None);
        }
    }
}
