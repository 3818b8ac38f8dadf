//! UNIX_DIAG (`sock_diag(7)`): which UNIX sockets there are, by the cookies that `SO_COOKIE`
//! shows. Decides nothing.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};
use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

const BY_FAMILY: u16 = 20;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
/// `nlmsghdr`, and `unix_diag_req` after it.
const HEADER: usize = 16;
const QUESTION: usize = 24;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the kernel of the network namespace that it was made in.
#[derive(Debug)]
pub(crate) struct UnixDiag {
    socket: OwnedFd,
    /// The number of the last question.
    last: Cell<u32>,
}

impl UnixDiag {
    /// # Errors
    /// The kernel has none.
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC;
        let kind = SocketType::DGRAM;
        let socket = socket_with(AddressFamily::NETLINK, kind, flags, Some(SOCK_DIAG))?;
        // It answers in the call itself, or never.
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        let diag = Self { socket, last: Cell::new(0) };
        diag.all()?;
        Ok(diag)
    }

    /// The cookies of all sockets that are open somewhere.
    ///
    /// # Errors
    /// The answer was not whole: nothing follows from what is missing.
    pub(crate) fn all(&self) -> Result<HashSet<u64>, Errno> {
        let question = self.ask(0, DUMP)?;
        let mut found = HashSet::new();
        let mut buffer = vec![0; 65_536];
        let mut whole = Ok(());
        loop {
            let (count, length) = match recv(&self.socket, &mut buffer[..], RecvFlags::TRUNC) {
                Err(Errno::INTR) => continue,
                // Some of it is lost, and the rest is still to come.
                Err(Errno::NOBUFS) => {
                    whole = Err(Errno::NOBUFS);
                    continue;
                }
                received => received?,
            };
            if length > count {
                whole = Err(Errno::MSGSIZE);
            }
            for message in messages(&buffer[..count]).filter(|message| message.answers == question)
            {
                match message.kind {
                    DONE => return whole.map(|()| found),
                    ERROR => return Err(Errno::IO),
                    _ => found.extend(cookie(message.body)),
                }
            }
        }
    }

    /// Whether the socket with this inode and cookie is open somewhere.
    ///
    /// # Errors
    /// Nobody knows.
    pub(crate) fn is_open(&self, inode: u32, cookie_wanted: u64) -> Result<bool, Errno> {
        let question = self.ask(inode, 0)?;
        let mut buffer = [0; 4096];
        loop {
            let (count, _) = match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Err(Errno::INTR) => continue,
                received => received?,
            };
            // What is left of a question before is no answer to this one.
            let mut answers = messages(&buffer[..count]);
            let Some(message) = answers.find(|message| message.answers == question) else {
                continue;
            };
            if message.kind != ERROR {
                return Ok(cookie(message.body) == Some(cookie_wanted));
            }
            let error = message.body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
            return if error == -Errno::NOENT.raw_os_error() { Ok(false) } else { Err(Errno::IO) };
        }
    }

    /// Puts a question; its number, which its answers have.
    fn ask(&self, inode: u32, flags: u16) -> Result<u32, Errno> {
        let number = self.last.get().wrapping_add(1);
        self.last.set(number);
        let length = (HEADER + QUESTION) as u32;
        let mut ask = Vec::with_capacity(HEADER + QUESTION);
        ask.extend(length.to_ne_bytes());
        ask.extend(BY_FAMILY.to_ne_bytes());
        ask.extend((REQUEST | flags).to_ne_bytes());
        ask.extend(number.to_ne_bytes());
        ask.extend([0; 4]);
        ask.extend([AddressFamily::UNIX.as_raw() as u8, 0, 0, 0]);
        ask.extend(u32::MAX.to_ne_bytes());
        ask.extend(inode.to_ne_bytes());
        ask.extend(0u32.to_ne_bytes());
        // Any cookie.
        ask.extend([0xff; 8]);
        sendto(&self.socket, &ask, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        Ok(number)
    }
}

/// A message of netlink.
struct Message<'a> {
    kind: u16,
    /// The number of the question.
    answers: u32,
    body: &'a [u8],
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
        let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
        let answers = u32::from_ne_bytes(bytes.get(8..12)?.try_into().ok()?);
        let body = bytes.get(HEADER..length)?;
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
        Some(Message { kind, answers, body })
    })
}

/// Of a `unix_diag_msg`.
fn cookie(body: &[u8]) -> Option<u64> {
    // Two halves, the lower first.
    let low = u32::from_ne_bytes(body.get(8..12)?.try_into().ok()?);
    let high = u32::from_ne_bytes(body.get(12..16)?.try_into().ok()?);
    Some(u64::from(low) | u64::from(high) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::unix;

    #[test]
    fn a_socket_is_known_until_its_last_copy_is_closed() {
        let diag = UnixDiag::new().unwrap();
        let socket = unix::stream(false).unwrap();
        let (inode, cookie) = (unix::inode(&socket).unwrap(), unix::cookie(&socket).unwrap());
        let copy = socket.try_clone().unwrap();
        drop(socket);
        assert!(diag.is_open(inode, cookie).unwrap());
        assert!(diag.all().unwrap().contains(&cookie));
        assert!(!diag.is_open(inode, cookie + 1).unwrap());
        drop(copy);
        assert!(!diag.is_open(inode, cookie).unwrap());
        assert!(!diag.all().unwrap().contains(&cookie));
    }

    #[test]
    fn what_is_left_of_a_question_answers_no_other() {
        let diag = UnixDiag::new().unwrap();
        let (one, two) = (unix::stream(false).unwrap(), unix::stream(false).unwrap());
        let about =
            |socket: &OwnedFd| (unix::inode(socket).unwrap(), unix::cookie(socket).unwrap());
        let ((first, _), (second, cookie)) = (about(&one), about(&two));
        // Nobody reads its answer.
        diag.ask(first, 0).unwrap();
        assert!(diag.is_open(second, cookie).unwrap());
        diag.ask(0, DUMP).unwrap();
        drop(one);
        // The kernel makes one list at a time.
        let open = diag.all();
        assert!(open.is_err() || open.unwrap().contains(&cookie));
        assert!(diag.is_open(second, cookie).unwrap());
        assert!(diag.all().unwrap().contains(&cookie));
    }
}
