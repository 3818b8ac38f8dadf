//! From the stack into the pair. Small segments are joined, for each write takes the pair's room
//! for a whole buffer. An urgent byte is one in the pair too, at its place.

use super::super::table::Link;
use super::{CHUNK, Progress, TURN, fault};
use danja::net::{Interest, OptionName, RecvFlags, Socket, SocketOption};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown, sendmsg, shutdown};
use std::io::{ErrorKind, IoSlice};
use std::task::Context;

/// How many slices one write takes.
const SLICES: usize = 64;

pub(in super::super) fn inward(
    socket: &Socket,
    link: &mut Link,
    context: &Context<'_>,
) -> Progress {
    let mut moved = 0;
    while moved < TURN {
        if !link.inward.is_empty() {
            match write(link) {
                Ok(count) => moved += count,
                Err(Errno::AGAIN) => return Progress::Waits,
                // A kernel whose pairs know none: a byte as any other.
                Err(Errno::OPNOTSUPP) if link.inward_urgent => link.inward_urgent = false,
                Err(_) => {
                    link.deaf = true;
                    return Progress::Deaf;
                }
            }
            continue;
        }
        if link.inward_over {
            return Progress::Waits;
        }
        let mut slices = Vec::new();
        // The stack's reads stop before the urgent byte, as those from the pair shall.
        let urgent = matches!(socket.option(OptionName::AtMark), Ok(SocketOption::AtMark(true)));
        let most = if urgent { 1 } else { CHUNK };
        match socket.recv_payloads(most, RecvFlags::default(), &mut slices) {
            Ok(received) if received.bytes == 0 => {
                link.inward_over = true;
                if let Some(ours) = &link.ours {
                    // The program may have gone meanwhile.
                    let _ = shutdown(ours, Shutdown::Write);
                }
            }
            Ok(_) => {
                link.inward.extend(slices);
                link.inward_urgent = urgent;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if socket.poll_ready(Interest::Read, context).is_pending() {
                    return Progress::Waits;
                }
                // It came just now; counted, lest a socket that is ready for something else keeps
                // the turn.
                moved += CHUNK;
            }
            Err(error) => {
                link.inward_over = true;
                return fault(link, socket, &error);
            }
        }
    }
    Progress::More
}

/// Writes what is there into the pair; how much of it went.
fn write(link: &mut Link) -> Result<usize, Errno> {
    let Some(ours) = link.ours.as_ref().filter(|_| !link.deaf) else {
        let thrown = link.inward.iter().map(|slice| slice.len()).sum();
        link.inward.clear();
        return Ok(thrown);
    };
    let slices: Vec<_> =
        link.inward.iter().take(SLICES).map(|slice| IoSlice::new(slice.as_slice())).collect();
    let mut flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    flags.set(SendFlags::OOB, link.inward_urgent);
    let mut count = sendmsg(ours, &slices, &mut SendAncillaryBuffer::default(), flags)?;
    link.inward_urgent = false;
    let written = count;
    while let Some(first) = link.inward.front_mut() {
        let step = first.len().min(count);
        first.advance(step);
        count -= step;
        if !first.is_empty() {
            break;
        }
        link.inward.pop_front();
    }
    Ok(written)
}
