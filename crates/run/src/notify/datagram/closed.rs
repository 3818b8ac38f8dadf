//! Datagram sockets that the program has closed, which no pair tells of: they are looked for
//! before something is sent to where they were, so that it is refused from the close on.

use super::Datagram;
use crate::notify::supervisor::Desk;
use crate::notify::table::{Id, State};
use rustix::io::Errno;
use rustix::net::{connect, connect_unspec};

impl Desk {
    /// Whether the program's end of a pair is not there any more. `None`: its name tells nothing.
    pub(in crate::notify) fn has_lost_its_end(&self, datagram: &Datagram) -> Option<bool> {
        let stranger = &self.post.stranger;
        match connect(stranger, &datagram.their_name) {
            // As long as it is there it is connected to ours, and to nobody else.
            Err(Errno::PERM) => Some(false),
            Err(Errno::CONNREFUSED) => Some(true),
            Ok(()) => {
                // It never fails.
                let _ = connect_unspec(stranger);
                None
            }
            Err(_) => None,
        }
    }

    /// The datagram sockets at a port that the program has closed, but for the `sender`.
    pub(super) fn closed_at(&self, port: u16, sender: Id) -> Vec<Id> {
        let at = self.table.at(port).filter(|sock| {
            sock.id != sender && matches!(sock.state, State::Datagram(_)) && self.is_gone(sock)
        });
        at.map(|sock| sock.id).collect()
    }

    /// Ends those, once the stack has what the program wrote before it closed them.
    pub(super) fn end_closed(&mut self, closed: Vec<Id>) {
        for id in closed {
            self.send_the_rest(id);
            if self.datagram(id).is_ok_and(|datagram| !datagram.is_under_way()) {
                self.release(id);
            }
        }
    }
}
