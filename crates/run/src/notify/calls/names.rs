//! `getsockname` and `getpeername`.

use super::super::address::emit;
use super::super::call::Call;
use super::super::pump::number;
use super::super::supervisor::Desk;
use super::super::table::{Id, State};
use rustix::io::Errno;

impl Desk {
    pub(in super::super) fn local_name(&mut self, id: Id, call: &Call) -> Result<i64, Errno> {
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        let local = match sock.kept.bound_v6 {
            Some(local) => local,
            None => sock.socket.local_addr().map_err(|error| number(&error))?,
        };
        call.write_address(1, 2, &emit(sock.family, local))?;
        Ok(0)
    }

    pub(super) fn peer_name(&mut self, id: Id, call: &Call) -> Result<i64, Errno> {
        let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
        if !matches!(sock.state, State::Connected(_)) {
            return Err(Errno::NOTCONN);
        }
        let peer = sock.socket.peer_addr().map_err(|error| number(&error))?;
        let peer = sock.kept.peer.unwrap_or(peer);
        call.write_address(1, 2, &emit(sock.family, peer))?;
        Ok(0)
    }
}
