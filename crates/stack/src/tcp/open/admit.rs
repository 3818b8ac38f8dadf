//! Decisions before the handshake: a SYN to an admitting listener makes one small pending
//! record and one event, and waits for `admit`, `refuse` or `drop_incoming`.

use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::event::{Event, Incoming, IncomingId};
use crate::ip;
use crate::packet::{Cast, Packet};
use crate::slab::Key;
use crate::socket::VerdictError;
use crate::tcp::input::closed;
use crate::tcp::mss;
use crate::tcp::record::{Pending, Record};
use crate::tcp::segment::{Endpoints, Segment};
use crate::tcp::{RecordId, Tcp, output};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::IpAddr;
use danja_wire::icmpv4::{Message, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::tcp::{Flags, Header};
use danja_wire::{Frame, Instant, Payload};

/// How many SYNs wait for a verdict, in all and by source.
#[derive(Default)]
pub(in crate::tcp) struct Waiting {
    total: usize,
    by_source: BTreeMap<IpAddr, usize>,
}

impl Waiting {
    fn add(&mut self, source: IpAddr) {
        self.total = self.total.saturating_add(1);
        let count = self.by_source.entry(source).or_default();
        *count = count.saturating_add(1);
    }

    pub(in crate::tcp) fn remove(&mut self, source: IpAddr) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.by_source.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }

    fn has_room(&self, core: &Core, source: IpAddr) -> bool {
        let of_source = self.by_source.get(&source).copied().unwrap_or(0);
        self.total < core.config.limits.pending && of_source < core.config.limits.pending_per_source
    }
}

const fn incoming_id(id: RecordId) -> IncomingId {
    IncomingId((id.0.generation as u64) << 32 | id.0.slot as u64)
}

const fn record_id(id: IncomingId) -> RecordId {
    RecordId(Key { slot: id.0 as u32, generation: (id.0 >> 32) as u32 })
}

impl Tcp {
    /// A SYN to an admitting listener.
    pub(in crate::tcp) fn ask(
        &mut self,
        core: &mut Core,
        segment: &Segment<'_>,
        (local, remote): Endpoints,
        place: Key,
    ) {
        let Some(listener) = self.sockets.get(place).and_then(|socket| socket.id) else { return };
        if !self.waiting.has_room(core, remote.ip()) {
            core.discard(Discard::TcpPendingLimit);
            count(&mut core.counters.tcp_listen_drops);
            return;
        }
        let syn = segment.syn();
        let reuse = self.sockets.get(place).is_some_and(|s| s.options.get().reuse_address);
        let pending = Pending {
            local,
            remote,
            listener: place,
            interface: segment.packet.interface,
            syn,
            since: core.now,
            deadline: patience(core, core.now),
            timer: None,
            reuse_address: reuse,
            quote: quote(segment.packet),
        };
        let interface = pending.interface;
        let record = Record::Pending(Box::new(pending));
        let Some(id) = self.insert_record(core, record, reuse) else { return };
        self.waiting.add(remote.ip());
        self.arm_record(core, id);
        core.events.push(Event::Incoming(Incoming {
            id: incoming_id(id),
            listener,
            local,
            remote,
            interface,
            mss: mss::accepted(&core.config.tcp, remote.ip(), syn.mss),
        }));
    }

    /// A segment for a pending record. `false` if it is for somebody else: the record is gone.
    pub(in crate::tcp) fn pending_input(
        &mut self,
        core: &mut Core,
        segment: &mut Segment<'_>,
        ends: Endpoints,
        id: RecordId,
    ) -> bool {
        let Some(Record::Pending(pending)) = self.records.get_mut(id.0) else { return false };
        let (irs, place) = (pending.syn.seq, pending.listener);
        if self.listener(place).is_none() {
            self.withdraw(core, id);
            return false;
        }
        if segment.has(Flags::RST) {
            core.discard(Discard::TcpReset);
            // Only the client itself knows the sequence number it used (RFC 5961's rule).
            if segment.seq == irs + 1 || segment.seq == irs {
                self.withdraw(core, id);
            }
        } else if segment.has(Flags::ACK) {
            core.discard(Discard::TcpAck);
            closed::answer(core, segment, ends);
        } else if !segment.has(Flags::SYN) {
            core.discard(Discard::TcpFlags);
        } else if segment.seq == irs {
            // The client asks again: it is still there.
            if let Some(Record::Pending(pending)) = self.records.get_mut(id.0) {
                pending.deadline = patience(core, pending.since);
                pending.syn = segment.syn();
            }
        } else {
            // Another ISN: the client has begun anew.
            self.withdraw(core, id);
            return false;
        }
        true
    }

    /// The client gave up, or the time is over.
    pub(in crate::tcp) fn withdraw(&mut self, core: &mut Core, id: RecordId) {
        if let Some(Record::Pending(pending)) = self.records.get(id.0) {
            let place = pending.listener;
            self.delete(core, id, None);
            self.tell_withdrawn(core, place, incoming_id(id));
        }
    }

    /// The application hears that a client has gone, if its listener is still there.
    pub(in crate::tcp) fn tell_withdrawn(&self, core: &mut Core, place: Key, id: IncomingId) {
        if let Some(listener) = self.sockets.get(place).and_then(|socket| socket.id) {
            core.events.push(Event::Withdrawn { listener, id });
        }
    }

    fn take_pending(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
    ) -> Result<Pending, VerdictError> {
        let id = record_id(incoming);
        match self.records.get(id.0) {
            Some(Record::Pending(_)) => {}
            _ => return Err(VerdictError::Stale),
        }
        match self.delete(core, id, None) {
            Some(Record::Pending(pending)) => Ok(*pending),
            _ => Err(VerdictError::Stale),
        }
    }

    pub(in crate::tcp) fn verdict_admit(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
    ) -> Result<(), VerdictError> {
        if self.half_open >= core.config.limits.half_open {
            return Err(VerdictError::LimitReached);
        }
        let pending = self.take_pending(core, incoming)?;
        if self.listener(pending.listener).is_none() {
            return Err(VerdictError::Stale);
        }
        let ends = (pending.local, pending.remote);
        let made = self.half_open(core, &pending.syn, ends, pending.listener, None);
        let made = made.ok_or(VerdictError::LimitReached)?;
        if let Some(Record::HalfOpen(half)) = self.records.get_mut(made.0) {
            half.admitted = Some(incoming);
        }
        Ok(())
    }

    pub(in crate::tcp) fn verdict_refuse(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
        unreachable: Option<u8>,
    ) -> Result<(), VerdictError> {
        let pending = self.take_pending(core, incoming)?;
        if let Some(code) = unreachable {
            let about = Packet {
                interface: pending.interface,
                source: pending.remote.ip(),
                destination: pending.local.ip(),
                protocol: Protocol::TCP,
                ttl: 0,
                tos: 0,
                cast: Cast::Unicast,
                network: 0,
                transport: pending.quote.header_len,
                end: pending.quote.bytes.len(),
                frame: Frame::received(pending.quote.bytes, danja_wire::Offload::default()),
            };
            let code = Unreachable::from_code(code);
            let message = Message::DestinationUnreachable { code, next_hop_mtu: 0 };
            ip::send_error(core, &about, message);
            return Ok(());
        }
        // RFC 9293 §3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
        let header = Header {
            acknowledgment: pending.syn.seq + 1,
            flags: Flags::RST | Flags::ACK,
            ..Header::default()
        };
        output::send_bare(core, (pending.local, pending.remote), None, (0, 0), header);
        Ok(())
    }

    pub(in crate::tcp) fn verdict_drop(
        &mut self,
        core: &mut Core,
        incoming: IncomingId,
    ) -> Result<(), VerdictError> {
        self.take_pending(core, incoming).map(|_| ())
    }
}

/// Until when a client that was just heard is waited for: who still wants to connect says so
/// again and again, at intervals that double (RFC 6298 §5.5).
fn patience(core: &Core, since: Instant) -> Instant {
    let config = &core.config.tcp;
    let calling = core.now.saturating_since(since).saturating_mul(3);
    core.now + config.pending_silence.saturating_add(calling).min(config.pending_timeout)
}

/// The front of a SYN, for an ICMP error about it.
#[derive(Debug)]
pub(in crate::tcp) struct Quote {
    bytes: Payload,
    header_len: usize,
}

fn quote(packet: &Packet) -> Quote {
    let end = packet.end.min(packet.transport.saturating_add(60));
    let bytes = packet.frame.range(packet.network, end);
    Quote {
        bytes: Payload::copy_from_slice(bytes.as_slice()),
        header_len: packet.transport.saturating_sub(packet.network),
    }
}
