//! `sendto`, `recvfrom` and their relatives, with addresses and what is told beside the bytes.

use super::calls::Taken;
use super::message::{Message, notes, one_of_many};
use super::origin::Origin;
use crate::notify::address::emit;
use crate::notify::call::Call;
use crate::notify::pump::number;
use crate::notify::supervisor::Desk;
use crate::notify::table::Id;
use danja::net::SendFlags;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, IoSliceMut};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::task::{Context, Poll};

/// The longest datagram of UDP over IPv4, in bytes: what its total length can say (RFC 791 §3.1).
const LONGEST: usize = 65_507;

/// The most messages that Linux takes at once.
const MANY: u64 = 1024;

impl Desk {
    pub(super) fn send_datagram(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
    ) -> Result<i64, Errno> {
        let message = Message::plain(call.pointer(1), call.pointer(2));
        let bytes = message.bytes(call, LONGEST)?;
        let address = match call.pointer(4) {
            0 => None,
            _ => Some(call.address(4, 5)?),
        };
        self.send_bytes(id, copy, &bytes, address.as_deref(), None, call.number(3))
    }

    pub(super) fn send_message(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
        place: u64,
        flags: i32,
    ) -> Result<i64, Errno> {
        let message = Message::read(call, place)?;
        let bytes = message.bytes(call, LONGEST)?;
        let address = message.address(call)?;
        let source = message.source(call)?;
        self.send_bytes(id, copy, &bytes, address.as_deref(), source, flags)
    }

    pub(super) fn send_messages(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
    ) -> Result<i64, Errno> {
        let mut sent = 0;
        for index in 0..u64::from(call.number(2).unsigned_abs()).min(MANY) {
            let (place, length) = one_of_many(call.pointer(1), index);
            match self.send_message(id, call, copy, place, call.number(3)) {
                Ok(count) => call.write(length, &(count as u32).to_ne_bytes())?,
                Err(errno) if sent == 0 => return Err(errno),
                Err(_) => break,
            }
            sent += 1;
        }
        Ok(sent)
    }

    fn send_bytes(
        &mut self,
        id: Id,
        copy: &OwnedFd,
        bytes: &[u8],
        address: Option<&[u8]>,
        from: Option<IpAddr>,
        flags: i32,
    ) -> Result<i64, Errno> {
        if flags & libc::MSG_OOB != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        let to = self.addressed(id, address, bytes)?;
        if let Some(errno) = self.take_fault(id, copy) {
            return Err(errno);
        }
        let peer = self.datagram(id)?.peer_port();
        if let Some(port) = to.map(|to| to.port()).or(peer) {
            let closed = self.closed_at(port, id);
            self.end_closed(closed);
        }
        let sock = self.table.socks.get_mut(&id).ok_or(Errno::BADF)?;
        let waker = sock.waker.waker();
        let context = Context::from_waker(&waker);
        let flags = SendFlags { to, from, ..SendFlags::default() };
        let sent = sock.socket.poll_send(&context, bytes, flags);
        if sock.port == 0 {
            self.show_port(id);
        }
        match sent {
            Poll::Ready(Ok(count)) => Ok(count as i64),
            Poll::Ready(Err(error)) => Err(number(&error)),
            Poll::Pending => Err(Errno::AGAIN),
        }
    }

    pub(super) fn receive_datagram(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
        taken: &mut Taken,
    ) -> Result<i64, Errno> {
        let message = Message::plain(call.pointer(1), call.pointer(2));
        let flags = call.number(3);
        let received = self.receive(id, copy, message.room(), flags)?;
        let count = message.fill(call, &received.bytes)?;
        if call.pointer(4) != 0 {
            call.write_address(4, 5, &received.from)?;
        }
        let result = received.told(count, flags);
        received.keep(flags, taken);
        Ok(result)
    }

    pub(super) fn receive_message(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
        place: u64,
        flags: i32,
        taken: &mut Taken,
    ) -> Result<i64, Errno> {
        let message = Message::read(call, place)?;
        let received = self.receive(id, copy, message.room(), flags)?;
        let count = message.fill(call, &received.bytes)?;
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let notes = received.origin.map_or_else(Vec::new, |origin| notes(sock, &origin));
        let mut said = flags & libc::MSG_CMSG_CLOEXEC;
        if received.full > count {
            said |= libc::MSG_TRUNC;
        }
        message.conclude(call, &received.from, &notes, said)?;
        let result = received.told(count, flags);
        received.keep(flags, taken);
        Ok(result)
    }

    /// As many as there are; it waits for the first alone.
    pub(super) fn receive_messages(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
        taken: &mut Taken,
    ) -> Result<i64, Errno> {
        let mut received = 0;
        let flags = call.number(3) & !libc::MSG_WAITFORONE;
        for index in 0..u64::from(call.number(2).unsigned_abs()).min(MANY) {
            let (place, length) = one_of_many(call.pointer(1), index);
            match self.receive_message(id, call, copy, place, flags, taken) {
                Ok(count) => call.write(length, &(count as u32).to_ne_bytes())?,
                Err(errno) if received == 0 => return Err(errno),
                Err(_) => break,
            }
            received += 1;
            self.move_datagrams(id);
        }
        Ok(received)
    }

    /// Takes the first datagram out of the pair.
    fn receive(
        &mut self,
        id: Id,
        copy: &OwnedFd,
        room: usize,
        flags: i32,
    ) -> Result<Received, Errno> {
        if flags & libc::MSG_ERRQUEUE != 0 {
            return Err(Errno::AGAIN);
        }
        if flags & libc::MSG_OOB != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        if let Some(errno) = self.take_fault(id, copy) {
            return Err(errno);
        }
        let mut bytes = vec![0; room.min(LONGEST)];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut how = RecvFlags::DONTWAIT | RecvFlags::TRUNC | RecvFlags::CMSG_CLOEXEC;
        how.set(RecvFlags::PEEK, flags & libc::MSG_PEEK != 0);
        let message = recvmsg(copy, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, how)?;
        let file = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        let origin = file.and_then(Origin::read);
        let full = message.bytes;
        debug_assert!(full <= bytes.len() || message.flags.contains(ReturnFlags::TRUNC));
        bytes.truncate(full);
        let from = self.sender(id, origin.as_ref(), &bytes);
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let from = from.map_or_else(Vec::new, |from| emit(sock.family, from));
        Ok(Received { bytes, full, origin, from })
    }
}

struct Received {
    bytes: Vec<u8>,
    /// How long it was.
    full: usize,
    origin: Option<Origin>,
    /// The sender's address, as the program sees it.
    from: Vec<u8>,
}

impl Received {
    /// What the call returns.
    fn told(&self, count: usize, flags: i32) -> i64 {
        let whole = flags & libc::MSG_TRUNC != 0;
        i64::try_from(if whole { self.full } else { count }).unwrap_or(i64::MAX)
    }

    fn keep(self, flags: i32, taken: &mut Taken) {
        if flags & libc::MSG_PEEK == 0 && self.full == self.bytes.len() {
            taken.push((self.bytes, self.origin));
        }
    }
}
