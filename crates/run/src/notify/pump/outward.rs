//! From the pair into the stack: only as much as the stack's send buffer has room for. A byte that
//! the program sent as urgent (MSG_OOB) goes on as urgent (RFC 9293 §3.8.5).

use super::super::table::Link;
use super::{CHUNK, Progress, TURN, fault};
use crate::sys::unix::{self, Next};
use danja::net::{OptionName, SendFlags, Shutdown, Socket, SocketOption};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::task::{Context, Poll};

/// Whether it is to be closed by a reset: SO_LINGER with no time.
fn resets(socket: &Socket) -> bool {
    let linger = socket.option(OptionName::Linger);
    matches!(linger, Ok(SocketOption::Linger(Some(time))) if time.is_zero())
}

pub(in super::super) fn outward(
    socket: &Socket,
    link: &mut Link,
    context: &Context<'_>,
    buffer: &mut [u8],
) -> Progress {
    let mut moved = 0;
    while moved < TURN {
        if !link.outward.is_empty() {
            let flags = SendFlags { urgent: link.outward_urgent, ..SendFlags::default() };
            match socket.poll_send(context, &link.outward, flags) {
                Poll::Ready(Ok(count)) => {
                    link.outward.drain(..count);
                    link.outward_urgent = false;
                }
                Poll::Ready(Err(error)) => return fault(link, socket, &error),
                Poll::Pending => return Progress::Waits,
            }
            continue;
        }
        if link.outward_over {
            return Progress::Waits;
        }
        let Some(ours) = &link.ours else { return Progress::Waits };
        // One more than there is room for: the stack tells of room only whom it has refused.
        let most = socket.send_room().saturating_add(1).min(CHUNK).min(buffer.len());
        let next = unix::next(ours);
        let urgent = next == Next::Urgent;
        let (most, flags) = match next {
            // Whatever came meanwhile is looked at again.
            Next::Nothing => (1, RecvFlags::PEEK),
            Next::Urgent => (1, RecvFlags::empty()),
            Next::Plain => (most, RecvFlags::empty()),
        };
        match recv(ours, &mut buffer[..most], flags | RecvFlags::DONTWAIT) {
            Ok((0, _)) => {
                link.outward_over = true;
                if resets(socket) {
                    // A program that has closed it wants a reset, and no end of stream before.
                    link.held_back = true;
                    return Progress::Waits;
                }
                // It fails where the connection has ended, which is told elsewhere.
                let _ = socket.shutdown(Shutdown::Write);
                return Progress::Waits;
            }
            Ok(_) if flags == RecvFlags::PEEK => {}
            Ok((count, _)) => {
                moved += count;
                link.outward_urgent = urgent;
                let flags = SendFlags { urgent, ..SendFlags::default() };
                match socket.poll_send(context, &buffer[..count], flags) {
                    Poll::Ready(Ok(sent)) => {
                        link.outward.extend(&buffer[sent..count]);
                        link.outward_urgent &= sent < count;
                    }
                    Poll::Ready(Err(error)) => return fault(link, socket, &error),
                    Poll::Pending => {
                        link.outward.extend(&buffer[..count]);
                        return Progress::Waits;
                    }
                }
            }
            Err(Errno::AGAIN | Errno::INTR) => return Progress::Waits,
            Err(_) => {
                link.outward_over = true;
                return Progress::Reset;
            }
        }
    }
    Progress::More
}
