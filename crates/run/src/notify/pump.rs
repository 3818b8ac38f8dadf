//! Data between a socket of the stack and the pair that stands for it in the program. What was
//! written into the pair counts as read; the window depends on the stack's own queue alone.

mod inward;
mod outward;

use super::table::{Link, Sock, State};
use danja::net::Socket;
use rustix::io::Errno;
use std::io;
use std::task::Context;

pub(super) use inward::inward;
pub(super) use outward::outward;

/// How much goes at once, in bytes: as much as a pair takes without waiting.
pub(super) const CHUNK: usize = 65_536;

/// How much goes before others have their turn, in bytes.
const TURN: usize = 8 * CHUNK;

/// How moving data ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// Whoever can go on will say so.
    Waits,
    /// It was others' turn.
    More,
    /// The network has ended the connection.
    Fault(Errno),
    /// The program's end is closed for what comes, or altogether.
    Deaf,
    /// The program has closed its end without having read all: the peer is to be reset.
    Reset,
}

/// The number of an error of the stack.
pub(super) fn number(error: &io::Error) -> Errno {
    danja::errno(error).map_or(Errno::IO, Errno::from_raw_os_error)
}

/// Moves what can be moved in both directions.
pub(super) fn both(sock: &mut Sock, buffer: &mut [u8]) -> (Progress, Progress) {
    let State::Connected(link) = &mut sock.state else { return (Progress::Waits, Progress::Waits) };
    let waker = sock.waker.waker();
    let context = Context::from_waker(&waker);
    let out = outward(&sock.socket, link, &context, buffer);
    (inward(&sock.socket, link, &context), out)
}

fn fault(link: &mut Link, socket: &Socket, error: &io::Error) -> Progress {
    link.outward_over = true;
    link.outward.clear();
    // A pipe that is broken tells nothing new; the reason may be pending.
    let errno = match number(error) {
        Errno::PIPE => match socket.take_error() {
            Ok(Some(error)) => number(&error),
            // A reset after the peer's end of stream.
            _ => Errno::PIPE,
        },
        errno => errno,
    };
    Progress::Fault(errno)
}
