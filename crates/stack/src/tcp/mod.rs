//! TCP (RFC 9293). Knows no frame layout below its own header, no MAC address, no clock.

mod calls;
mod congestion;
mod conn;
mod demux;
mod errors;
mod info;
mod input;
mod isn;
mod line;
mod loss;
mod memory;
mod mss;
mod open;
mod output;
mod record;
mod segment;
mod socket;
mod socket_options;
mod state;
mod tables;
mod tcb;
#[cfg(test)]
mod tests;
mod time_wait;
mod timers;

use crate::Room;
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::interface::InterfaceId;
use crate::packet::{Claim, Outgoing, Packet, Path, TransportError};
use crate::slab::{Key, Slab};
use crate::socket::ports::PortTable;
use alloc::collections::VecDeque;
use demux::Demux;
use isn::Isn;
use line::Line;
use open::admit::Waiting;
use open::cookie::Cookies;
use record::Record;
use segment::{Endpoints, Segment};
use socket::StreamSocket;
pub(crate) use tcb::Busy;

/// A protocol record: a control block, a half-open connection, or a TIME-WAIT record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordId(pub(crate) Key);

/// All of TCP: sockets, records, and the tables that find them.
pub(crate) struct Tcp {
    sockets: Slab<StreamSocket>,
    records: Slab<Record>,
    demux: Demux,
    ports: PortTable,
    isn: Isn,
    cookies: Cookies,
    /// Half-open connections of all listeners.
    half_open: usize,
    waiting: Waiting,
    /// TIME-WAIT records, oldest first; may name records that are gone.
    time_waits: VecDeque<RecordId>,
    time_wait_count: usize,
    /// Writers that wait for memory, and connections that no application owns any more.
    writers: Line,
    orphans: Line,
}

impl Tcp {
    pub(crate) fn new(core: &mut Core) -> Self {
        Self {
            sockets: Slab::new(32),
            records: Slab::new(32),
            demux: Demux::new(core.entropy.key()),
            ports: PortTable::new(false, &mut core.entropy),
            isn: Isn::new(&mut core.entropy),
            cookies: Cookies::new(&mut core.entropy),
            half_open: 0,
            waiting: Waiting::default(),
            time_waits: VecDeque::new(),
            time_wait_count: 0,
            writers: Line::default(),
            orphans: Line::default(),
        }
    }

    /// A TCP segment for this host. Replies go out by [`crate::ip::send`].
    pub(crate) fn input(&mut self, core: &mut Core, packet: &Packet) -> Claim {
        count(&mut core.counters.tcp_in_segs);
        let (mut segment, ends) = match Segment::parse(packet) {
            Ok(parsed) => parsed,
            Err(reason) => {
                count(&mut core.counters.tcp_in_errs);
                core.discard(reason);
                return Claim::Taken;
            }
        };
        if self.dispatch(core, &mut segment, ends) {
            return Claim::Taken;
        }
        // A port that is bound here is this stack's to answer for, also beside a second stack.
        if self.ports.is_bound(ends.0.port()) {
            core.discard(Discard::TcpNoSocket);
            input::closed::answer(core, &segment, ends);
            return Claim::Taken;
        }
        Claim::Unclaimed
    }

    /// Gives a segment to its record or listener; `false` if there is none.
    fn dispatch(&mut self, core: &mut Core, segment: &mut Segment<'_>, ends: Endpoints) -> bool {
        let mut above = None;
        if let Some(id) = self.demux.find(core, &self.records, ends.0, ends.1) {
            let taken = match self.records.get(id.0) {
                Some(Record::Connection(_)) => {
                    self.with_conn(core, id, |conn| input::on_segment(conn, segment)).is_some()
                }
                Some(Record::HalfOpen(_)) => self.half_open_input(core, segment, ends, id),
                Some(Record::TimeWait(_)) => {
                    above = self.time_wait_input(core, segment, ends, id);
                    above.is_none()
                }
                Some(Record::Pending(_)) => self.pending_input(core, segment, ends, id),
                None => false,
            };
            if taken {
                return true;
            }
        }
        if ends.0 == ends.1 {
            core.discard(Discard::TcpLand);
            return true;
        }
        let Some(place) = self.demux.listener(ends.0, ends.1, segment.packet.interface) else {
            return false;
        };
        self.listen_input(core, segment, ends, place, above);
        true
    }

    /// Answers an unclaimed segment with RST (RFC 9293 §3.10.7.1).
    pub(crate) fn answer_unclaimed(&mut self, core: &mut Core, packet: &Packet) {
        core.discard(Discard::TcpNoSocket);
        if let Ok((segment, ends)) = Segment::parse(packet) {
            input::closed::answer(core, &segment, ends);
        }
    }

    pub(crate) fn on_error(
        &mut self,
        core: &mut Core,
        error: &TransportError,
    ) -> Result<(), Discard> {
        errors::on_error(self, core, error)
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core, record: RecordId) {
        let Some(found) = self.records.get_mut(record.0) else { return };
        *found.timer_mut() = None;
        match found {
            Record::Connection(_) => {
                self.with_conn(core, record, timers::on_timer);
            }
            Record::HalfOpen(_) => self.half_open_timer(core, record),
            Record::TimeWait(_) => self.time_wait_timer(core, record),
            Record::Pending(_) => self.pending_timer(core, record),
        }
    }

    /// The next segment of a record whose turn it is, at most `room`; `None` if it has nothing
    /// (more) to send now. `more` is said by putting itself on the ready list again.
    pub(crate) fn poll_transmit(
        &mut self,
        core: &mut Core,
        record: RecordId,
        interface: InterfaceId,
        room: Room,
    ) -> Option<(Path, Outgoing)> {
        match self.records.get_mut(record.0)? {
            Record::Connection(tcb) => {
                let socket = tcb.socket.and_then(|key| self.sockets.get_mut(key));
                let done = conn::Done::Not;
                let mut conn = conn::Conn { core, id: record, tcb, socket, done };
                output::poll_transmit(&mut conn, interface, room)
            }
            Record::HalfOpen(half) => {
                let packet = open::passive::poll_transmit(core, half)?;
                Some((half.path, packet))
            }
            _ => None,
        }
    }

    /// Routes or addresses changed, or an interface went down or up. Connections notice when
    /// they send next, by the path's generation: nothing is scanned here.
    pub(crate) const fn on_path_change(&mut self, _core: &mut Core) {}
}
