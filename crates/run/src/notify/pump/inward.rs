//! From the stack into the pair. Small segments are joined, for each write takes the pair's room
//! for a whole buffer.

use super::super::table::Link;
use super::{CHUNK, Progress, TURN, fault};
use danja::net::{Interest, RecvFlags, Socket};
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
        match socket.recv_payloads(CHUNK, RecvFlags::default(), &mut slices) {
            Ok(received) if received.bytes == 0 => {
                link.inward_over = true;
                if let Some(ours) = &link.ours {
                    // The program may have gone meanwhile.
                    let _ = shutdown(ours, Shutdown::Write);
                }
            }
            Ok(_) => link.inward.extend(slices),
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
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let mut count = sendmsg(ours, &slices, &mut SendAncillaryBuffer::default(), flags)?;
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
