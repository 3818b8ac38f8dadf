//! `getsockopt` and `setsockopt`: what the stack has is the stack's; the rest is refused as a
//! kernel without it would, or kept and told again.

mod info;
mod known;
mod read;
mod write;

use super::super::call::Call;
use super::super::datagram::options as datagram;
use super::super::supervisor::Desk;
use super::super::table::{Id, Sock};
use danja::net::{Socket, SocketOption};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// The longest value that is looked at, in bytes.
const LONGEST: i32 = 1024;

impl Desk {
    pub(in super::super) fn option(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
    ) -> Result<i64, Errno> {
        let (level, name) = (call.number(1), call.number(2));
        let room = i32::from_ne_bytes(call.read(call.pointer(4))?);
        let room = usize::try_from(room).map_err(|_| Errno::INVAL)?;
        let sock = self.table.socks.get_mut(&id).ok_or(Errno::BADF)?;
        let before = sock.error;
        let value = match datagram::value(sock, level, name, copy) {
            Some(value) => value?,
            None => read::value(sock, level, name, copy)?,
        };
        let count = match value.as_slice() {
            // As Linux: of IP's small numbers a byte is given where there is no room for more.
            [_, 0, 0, 0] if level == libc::IPPROTO_IP && (1..4).contains(&room) => 1,
            value => room.min(value.len()),
        };
        call.write(call.pointer(3), &value[..count])?;
        call.write(call.pointer(4), &(count as u32).to_ne_bytes())?;
        if (level, name) == (libc::SOL_SOCKET, libc::SO_ERROR) {
            // What is read once must not be lost with a call that has gone.
            let told = self.answer(call, Ok(0));
            if told == Err(Errno::NOENT)
                && let Some(sock) = self.table.socks.get_mut(&id)
            {
                sock.error = before;
            }
        }
        Ok(0)
    }

    pub(in super::super) fn set_option(
        &mut self,
        id: Id,
        call: &Call,
        copy: &OwnedFd,
    ) -> Result<i64, Errno> {
        let (level, name, length) = (call.number(1), call.number(2), call.number(4));
        let length = usize::try_from(length.min(LONGEST)).map_err(|_| Errno::INVAL)?;
        let value = call.read_vec(call.pointer(3), length)?;
        let sock = self.table.socks.get_mut(&id).ok_or(Errno::BADF)?;
        match datagram::set(sock, level, name, &value) {
            Some(set) => set?,
            None => write::set(sock, level, name, &value, copy)?,
        }
        Ok(0)
    }
}

/// Gives another socket of the stack what the program has set.
pub(super) fn copy_options(from: &Sock, to: &Socket) {
    let sizes = [
        from.kept.send_buffer.map(|asked| SocketOption::SendBuffer(bytes(asked))),
        from.kept.receive_buffer.map(|asked| SocketOption::ReceiveBuffer(bytes(asked))),
    ];
    let known = known::SETTABLE.iter().filter_map(|name| from.socket.option(*name).ok());
    for option in known.chain(sizes.into_iter().flatten()) {
        // It was permitted before.
        let _ = to.set_option(option);
    }
}

fn bytes(asked: i32) -> usize {
    usize::try_from(asked).unwrap_or(0)
}
