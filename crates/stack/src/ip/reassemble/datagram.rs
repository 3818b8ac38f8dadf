//! One datagram under reassembly: its pieces in order, without overlap.

use super::Identity;
use crate::discard::Discard;
use crate::packet::Packet;
use crate::timer::Timer;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use danja_wire::{Frame, Instant, Offload, Payload, ipv4};

/// Bytes of the first fragment that are kept for a Time Exceeded message.
const KEPT_FOR_ERROR: usize = 548;

/// What the record of a piece costs, in bytes, besides its payload.
const PIECE_COST: usize = 64;

pub(super) struct Datagram {
    pub(super) identity: Identity,
    pub(super) began: Instant,
    pub(super) timer: Option<Timer>,
    /// The front of the first fragment, once it has come.
    pub(super) first: Option<Packet>,
    header: Option<ipv4::Header>,
    /// Pieces by where they begin; they touch but never overlap.
    pieces: BTreeMap<usize, Payload>,
    pieces_cost: usize,
    received: usize,
    /// Where the datagram ends, once the last fragment has come.
    length: Option<usize>,
    /// Which of the four ECN codepoints were seen, a bit each.
    ecn_seen: u8,
}

impl Datagram {
    pub(super) const fn new(identity: Identity, began: Instant) -> Self {
        Self {
            identity,
            began,
            timer: None,
            first: None,
            header: None,
            pieces: BTreeMap::new(),
            pieces_cost: 0,
            received: 0,
            length: None,
            ecn_seen: 0,
        }
    }

    /// Bytes of memory it takes.
    pub(super) fn cost(&self) -> usize {
        let first = if self.first.is_some() { KEPT_FOR_ERROR } else { 0 };
        size_of::<Self>().saturating_add(first).saturating_add(self.pieces_cost)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.length == Some(self.received)
    }

    /// Adds a fragment. An error ends the datagram.
    pub(super) fn add(
        &mut self,
        packet: &Packet,
        header: &ipv4::Header,
        max_pieces: usize,
    ) -> Result<(), Discard> {
        let start = usize::from(header.fragment_offset);
        let end = start.saturating_add(header.payload_len());
        // "Ping of death": the whole would be longer than a total length can say.
        if end.saturating_add(header.header_len()) > usize::from(u16::MAX) {
            return Err(Discard::FragmentMalformed);
        }
        self.set_length(end, header.more_fragments)?;
        self.ecn_seen |= 1u8.wrapping_shl(u32::from(header.ecn()));
        if start == 0 && self.header.is_none() {
            self.header = Some(*header);
            self.first = Some(front(packet));
        }
        let payload = packet.frame.range(packet.transport, packet.end).compact();
        self.insert(start, payload)?;
        if self.pieces.len() > max_pieces { Err(Discard::FragmentLimit) } else { Ok(()) }
    }

    /// The last fragment says where the datagram ends; nobody may contradict it.
    fn set_length(&mut self, end: usize, more: bool) -> Result<(), Discard> {
        let beyond = self.length.is_some_and(|length| end > length);
        let contradicts = !more && self.length.is_some_and(|length| end != length);
        let last = self.pieces.last_key_value();
        let reached = last.map_or(0, |(start, piece)| start.saturating_add(piece.len()));
        if beyond || contradicts || (!more && reached > end) {
            return Err(Discard::FragmentOverlap);
        }
        if !more {
            self.length = Some(end);
        }
        Ok(())
    }

    /// Puts the bytes where they belong; what is there already must be the same.
    fn insert(&mut self, start: usize, payload: Payload) -> Result<(), Discard> {
        let end = start.saturating_add(payload.len());
        let before = self.pieces.range(..start).next_back().map(|(at, _)| *at);
        let from = before.unwrap_or(start);
        let mut at = start;
        let mut gaps = Vec::new();
        for (begin, piece) in self.pieces.range(from..end) {
            let finish = begin.saturating_add(piece.len());
            if finish <= start {
                continue;
            }
            if *begin > at {
                gaps.push((at, *begin));
            }
            let (low, high) = ((*begin).max(start), finish.min(end));
            let ours = piece.slice(low.saturating_sub(*begin), high.saturating_sub(*begin));
            let theirs = payload.slice(low.saturating_sub(start), high.saturating_sub(start));
            if ours != theirs {
                return Err(Discard::FragmentOverlap);
            }
            at = high;
        }
        if at < end {
            gaps.push((at, end));
        }
        for (low, high) in gaps {
            let part = payload.slice(low.saturating_sub(start), high.saturating_sub(start));
            // A part of a longer fragment does not pin all of it.
            let part = part.compact();
            self.received = self.received.saturating_add(part.len());
            let cost = part.cost().saturating_add(PIECE_COST);
            self.pieces_cost = self.pieces_cost.saturating_add(cost);
            self.pieces.insert(low, part);
        }
        Ok(())
    }

    /// The whole packet; `last` is the fragment that came last.
    pub(super) fn finish(self, last: Packet) -> Result<Packet, Discard> {
        let mut header = self.header.ok_or(Discard::FragmentMalformed)?;
        header.tos = (header.tos & 0xfc) | self.ecn(header.ecn())?;
        header.more_fragments = false;
        header.fragment_offset = 0;
        header.set_payload_len(self.received).ok_or(Discard::FragmentMalformed)?;
        let header_len = header.header_len();
        let mut bytes = Vec::with_capacity(header_len.saturating_add(self.received));
        bytes.resize(header_len, 0);
        header.emit(&mut bytes).map_err(|_| Discard::FragmentMalformed)?;
        self.pieces.values().for_each(|piece| bytes.extend_from_slice(piece.as_slice()));
        let end = bytes.len();
        Ok(Packet {
            ttl: header.ttl,
            tos: header.tos,
            frame: Frame::received(Payload::from(bytes), Offload::default()),
            network: 0,
            transport: header_len,
            end,
            ..last
        })
    }

    /// RFC 3168 §5.3: congestion that one fragment met is not lost, and a mixture that no
    /// honest network makes (CE with Not-ECT) is dropped.
    fn ecn(&self, first: u8) -> Result<u8, Discard> {
        const NOT_ECT: u8 = 1;
        const CE: u8 = 1 << 3;
        match (self.ecn_seen & CE != 0, self.ecn_seen & NOT_ECT != 0) {
            (true, true) => Err(Discard::FragmentEcn),
            (true, false) => Ok(3),
            (false, true) => Ok(0),
            (false, false) => Ok(first),
        }
    }
}

/// The first fragment as a Time Exceeded message quotes it.
fn front(packet: &Packet) -> Packet {
    let end = packet.end.min(packet.network.saturating_add(KEPT_FOR_ERROR));
    let bytes = packet.frame.range(packet.network, end);
    let bytes = Payload::copy_from_slice(bytes.as_slice());
    Packet {
        network: 0,
        transport: packet.transport.saturating_sub(packet.network),
        end: bytes.len(),
        frame: Frame::received(bytes, Offload::default()),
        ..*packet
    }
}
