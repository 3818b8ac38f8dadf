//! `ioctl`, of requests whose answer is the stack's.

use super::super::call::Call;
use super::super::filter;
use super::super::supervisor::Desk;
use super::super::sweep::unread_by_us;
use super::super::table::{Id, State};
use super::interfaces;
use rustix::io::Errno;

impl Desk {
    /// `None`: it is the kernel's.
    pub(in super::super) fn control(&mut self, id: Id, call: &Call) -> Option<Result<i64, Errno>> {
        let sock = self.table.socks.get(&id)?;
        let value = match call.number(1) as u32 {
            request if u64::from(request) == libc::TIOCOUTQ => {
                if matches!(sock.state, State::Listening(_)) {
                    return Some(Err(Errno::INVAL));
                }
                let queued = sock.socket.control_info().map_or(0, |info| info.send_queue);
                let waiting = match &sock.state {
                    State::Connected(link) => unread_by_us(link),
                    _ => 0,
                };
                i32::try_from(queued.saturating_add(waiting)).unwrap_or(i32::MAX)
            }
            request if filter::INTERFACES.contains(&request) => {
                return Some(interfaces::control(&self.host, call));
            }
            _ => return None,
        };
        Some(call.write(call.pointer(2), &value.to_ne_bytes()).map(|()| 0))
    }
}
