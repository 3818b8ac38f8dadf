//! `bind` and `listen`: endpoints and listeners are the stack's; the accept queue is the kernel's.

use super::super::address::{Given, own, parse};
use super::super::call::Call;
use super::super::pump::number;
use super::super::supervisor::Desk;
use super::super::table::{Family, Id, Listening, State};
use crate::sys::unix;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::collections::VecDeque;

/// What the kernel's queue takes beyond what was asked for, so that it never refuses one that
/// the stack's has let through.
const SPARE: i32 = 16;

impl Desk {
    pub(super) fn bind(&mut self, id: Id, call: &Call) -> Result<i64, Errno> {
        let sock = self.table.socks.get_mut(&id).ok_or(Errno::BADF)?;
        let bytes = call.address(1, 2)?;
        let Given::Endpoint(endpoint) = (match parse(sock.family, &bytes)? {
            // As Linux, for old programs: any address of IPv4 may be given without its family.
            Given::Nobody if sock.family == Family::V4 && bytes.len() >= 16 => {
                let port = u16::from_be_bytes([bytes[2], bytes[3]]);
                if bytes[4..8] != [0; 4] {
                    return Err(Errno::AFNOSUPPORT);
                }
                Given::Endpoint((std::net::Ipv4Addr::UNSPECIFIED, port).into())
            }
            Given::Nobody => return Err(Errno::AFNOSUPPORT),
            given => given,
        }) else {
            return Err(Errno::INVAL);
        };
        if !matches!(sock.state, State::Fresh) || sock.kept.bound_v6.is_some() {
            return Err(Errno::INVAL);
        }
        match own(endpoint, sock.kept.only_v6)? {
            Some(local) => {
                let bound = sock.socket.bind(local).map_err(|error| number(&error));
                if bound == Err(Errno::ADDRINUSE) && self.sweep_for_port() {
                    let sock = self.table.socks.get(&id).ok_or(Errno::BADF)?;
                    sock.socket.bind(local).map_err(|error| number(&error))?;
                } else {
                    bound?;
                }
                if let Some(sock) = self.table.socks.get_mut(&id) {
                    sock.kept.bound = Some(local);
                }
            }
            // Of IPv6 alone: nobody can ever reach it, and no port of the stack is taken.
            None => sock.kept.bound_v6 = Some(endpoint),
        }
        Ok(0)
    }

    /// A port may belong to a socket that the program has closed.
    pub(in super::super) fn sweep_for_port(&mut self) -> bool {
        let before = self.table.socks.len();
        // What is kept open for calls that have gone is closed, too.
        self.look_after_waiting();
        self.sweep();
        self.table.socks.len() < before
    }

    pub(super) fn listen(&mut self, id: Id, call: &Call, copy: &OwnedFd) -> Result<i64, Errno> {
        let wanted = call.number(1);
        // As Linux: no number at all is the largest.
        let backlog = usize::try_from(wanted).unwrap_or(4096).min(4096);
        let sock = self.table.socks.get_mut(&id).ok_or(Errno::BADF)?;
        match &sock.state {
            State::Fresh | State::Listening(_) => {}
            State::Connecting(_) | State::Connected(_) | State::Failed | State::Datagram(_) => {
                return Err(Errno::INVAL);
            }
        }
        if sock.kept.bound_v6.is_none() {
            sock.socket.listen(backlog).map_err(|error| number(&error))?;
        }
        let room = i32::try_from(backlog).unwrap_or(4096).saturating_add(SPARE);
        match &mut sock.state {
            State::Listening(listening) => {
                rustix::net::listen(copy, room)?;
                listening.backlog = backlog;
                listening.over = false;
            }
            state => {
                // It keeps the name that it may have already.
                let name = unix::name(copy)?;
                rustix::net::listen(copy, room)?;
                *state = State::Listening(Listening {
                    name,
                    backlog,
                    queued: VecDeque::new(),
                    stash: VecDeque::new(),
                    waiters: VecDeque::new(),
                    watched: None,
                    over: false,
                });
                if let Ok(local) = sock.socket.local_addr() {
                    self.table.put_at(local.port(), id);
                }
            }
        }
        self.take_connections(id);
        Ok(0)
    }
}
