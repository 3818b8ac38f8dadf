//! Datagrams between the stack and a pair, in both directions, as far as there is room.

use super::origin::Origin;
use super::{Datagram, Post};
use crate::notify::pump::number;
use crate::notify::supervisor::Desk;
use crate::notify::table::{Id, State};
use danja::net::{RecvFlags, SendFlags};
use rustix::fd::AsFd;
use rustix::io::{Errno, IoSlice};
use rustix::net::{
    RecvFlags as PairFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags as PairSend, recv,
    sendmsg,
};
use std::mem::MaybeUninit;
use std::task::{Context, Poll};

/// How many datagrams go before others have their turn.
const TURN: usize = 64;

/// Why moving stopped.
#[derive(PartialEq, Eq)]
enum Stopped {
    /// Whoever can go on will say so.
    Waits,
    /// It was others' turn.
    More,
    /// The network says that something did not arrive.
    Fault(Errno),
    /// The program has closed its end.
    Closed,
}

impl Desk {
    /// Moves what can be moved, and lets calls go on that wait for it.
    pub(in crate::notify) fn exchange(&mut self, id: Id) {
        self.move_datagrams(id);
        self.serve_waiting(id);
    }

    pub(super) fn move_datagrams(&mut self, id: Id) {
        let out = self.outward(id);
        let inward = self.inward(id);
        for stopped in [out, inward] {
            match stopped {
                Stopped::Waits => {}
                Stopped::Fault(errno) => self.tell(id, errno),
                Stopped::Closed => return self.end_closed(vec![id]),
                Stopped::More => {
                    if let Some(sock) = self.table.socks.get(&id) {
                        sock.waker.list();
                    }
                }
            }
        }
    }

    /// From the pair into the stack. The pair is left alone while the stack has no room, so that
    /// the program waits.
    fn outward(&mut self, id: Id) -> Stopped {
        for _ in 0..TURN {
            let Some((mut held, count)) = self.next_outward(id) else { return Stopped::Waits };
            // One that has no peer has nowhere to send to, nor has one whose peer has no port.
            let Ok(Some(port)) = self.datagram(id).map(|datagram| datagram.peer_port()) else {
                continue;
            };
            let closed = self.closed_at(port, id);
            if !closed.is_empty() {
                held = Some(held.unwrap_or_else(|| self.buffer[..count].to_vec()));
                self.end_closed(closed);
            }
            if let Some(stopped) = self.send_outward(id, held, count) {
                return stopped;
            }
        }
        Stopped::More
    }

    /// What the program has written into the pair before it closed its end, as far as the stack
    /// takes it, whoever it is for.
    pub(super) fn send_the_rest(&mut self, id: Id) {
        while let Some((held, count)) = self.next_outward(id) {
            let peer = self.datagram(id).ok().and_then(|datagram| datagram.peer_port());
            if peer.is_some() && self.send_outward(id, held, count) == Some(Stopped::Waits) {
                return;
            }
        }
    }

    /// The next datagram out of the pair: one that was held, or so many bytes in the buffer.
    fn next_outward(&mut self, id: Id) -> Option<(Option<Vec<u8>>, usize)> {
        let Some(State::Datagram(datagram)) = self.table.socks.get_mut(&id).map(|it| &mut it.state)
        else {
            return None;
        };
        if let Some(held) = datagram.outward.take() {
            return Some((Some(held), 0));
        }
        let received = recv(&datagram.ours, self.buffer.as_mut_slice(), PairFlags::DONTWAIT);
        received.ok().map(|(count, _)| (None, count))
    }

    /// Gives the stack a datagram of [`Desk::next_outward`]; why no other may follow.
    fn send_outward(&mut self, id: Id, held: Option<Vec<u8>>, count: usize) -> Option<Stopped> {
        let sock = self.table.socks.get_mut(&id)?;
        let State::Datagram(datagram) = &mut sock.state else { return None };
        let waker = sock.waker.waker();
        let bytes = held.as_deref().unwrap_or_else(|| &self.buffer[..count]);
        match sock.socket.poll_send(&Context::from_waker(&waker), bytes, SendFlags::default()) {
            Poll::Ready(Ok(_)) => None,
            Poll::Ready(Err(error)) => Some(Stopped::Fault(number(&error))),
            Poll::Pending => {
                datagram.outward = Some(held.unwrap_or_else(|| self.buffer[..count].to_vec()));
                Some(Stopped::Waits)
            }
        }
    }

    /// From the stack into the pair.
    fn inward(&mut self, id: Id) -> Stopped {
        let Some(sock) = self.table.socks.get_mut(&id) else { return Stopped::Waits };
        let State::Datagram(datagram) = &mut sock.state else { return Stopped::Waits };
        let waker = sock.waker.waker();
        let context = Context::from_waker(&waker);
        for _ in 0..TURN {
            if let Some((bytes, origin)) = datagram.inward.take() {
                match put(&mut self.post, datagram, &bytes, &origin) {
                    Err(Errno::AGAIN) => {
                        datagram.inward = Some((bytes, origin));
                        return Stopped::Waits;
                    }
                    put if has_no_other_end(put) => return Stopped::Closed,
                    _ => {}
                }
            }
            let flags = RecvFlags::default();
            let received = match sock.socket.poll_recv(&context, &mut self.buffer, flags) {
                Poll::Pending => return Stopped::Waits,
                Poll::Ready(Ok(received)) => received,
                Poll::Ready(Err(error)) => return Stopped::Fault(number(&error)),
            };
            let Some(origin) = Origin::new(&received) else { return Stopped::Waits };
            let bytes = &self.buffer[..received.bytes];
            match put(&mut self.post, datagram, bytes, &origin) {
                Err(Errno::AGAIN) => {
                    datagram.inward = Some((bytes.to_vec(), origin));
                    return Stopped::Waits;
                }
                put if has_no_other_end(put) => return Stopped::Closed,
                _ => {}
            }
        }
        Stopped::More
    }

    /// Puts a datagram that was taken for a call that has gone into the pair again.
    pub(super) fn put_back(&mut self, id: Id, bytes: &[u8], origin: Option<Origin>) {
        let Some(State::Datagram(datagram)) = self.table.socks.get_mut(&id).map(|it| &mut it.state)
        else {
            return;
        };
        if let Some(origin) = origin {
            // Without room it is lost, as datagrams may be.
            let _ = put(&mut self.post, datagram, bytes, &origin);
        }
    }
}

/// Whether a datagram could not be put into a pair because the program has closed its end. With
/// any other error the datagram is lost, as datagrams may be, and the next may find its way: the
/// program may have shut its end down (EPIPE), or have too many unread (ETOOMANYREFS), and there
/// may be no descriptor to say where it came from.
fn has_no_other_end(put: Result<(), Errno>) -> bool {
    matches!(put, Err(Errno::CONNREFUSED | Errno::NOTCONN))
}

fn put(post: &mut Post, datagram: &Datagram, bytes: &[u8], origin: &Origin) -> Result<(), Errno> {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut room);
    let flags = PairSend::DONTWAIT | PairSend::NOSIGNAL;
    let files = [post.origins.file(origin)?.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    sendmsg(&datagram.ours, &[IoSlice::new(bytes)], &mut ancillary, flags).map(drop)
}
