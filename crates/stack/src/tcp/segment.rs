//! A received segment: its header, checked, and where its data lies. Changes no state.

use super::record::Syn;
use crate::discard::Discard;
use crate::interface::InterfaceId;
use crate::packet::Packet;
use core::net::SocketAddr;
use danja_wire::Payload;
use danja_wire::tcp::{Flags, Header, SeqNumber};

/// A segment on its way through the steps, which trim it.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) packet: &'a Packet,
    pub(super) header: Header,
    /// SEG.SEQ of what is left.
    pub(super) seq: SeqNumber,
    pub(super) ack: SeqNumber,
    pub(super) flags: Flags,
    /// Data of what is left, as offsets in the frame.
    pub(super) data_start: usize,
    pub(super) data_end: usize,
}

/// What parsing gives besides errors: both endpoints, ours first.
pub(super) type Endpoints = (SocketAddr, SocketAddr);

impl<'a> Segment<'a> {
    /// Checks lengths, options, checksum and addresses.
    pub(super) fn parse(packet: &'a Packet) -> Result<(Self, Endpoints), Discard> {
        // RFC 9293 §3.9.2.3 (MUST-57): a segment to a broadcast or multicast address is dropped.
        if packet.cast != crate::packet::Cast::Unicast {
            return Err(Discard::TcpNotUnicast);
        }
        let (header, header_len) =
            Header::parse(packet.transport_front()).map_err(|error| match error {
                danja_wire::Error::Malformed => Discard::TcpOptions,
                _ => Discard::TcpMalformed,
            })?;
        // RFC 9293 §3.1 (MUST-3): the receiver must check the checksum.
        if !packet.checksum_ok() {
            return Err(Discard::TcpChecksum);
        }
        if header.source_port == 0 || header.destination_port == 0 {
            return Err(Discard::TcpMalformed);
        }
        let local = SocketAddr::new(packet.destination, header.destination_port);
        let remote = SocketAddr::new(packet.source, header.source_port);
        // Only what looped back can come from a socket that is connected to itself.
        if local == remote && packet.interface != InterfaceId::LOOPBACK {
            return Err(Discard::TcpLand);
        }
        let segment = Self {
            packet,
            seq: header.sequence,
            ack: header.acknowledgment,
            flags: header.flags,
            data_start: packet.transport.saturating_add(header_len),
            data_end: packet.end,
            header,
        };
        Ok((segment, (local, remote)))
    }

    pub(super) const fn has(&self, flags: Flags) -> bool {
        self.flags.contains(flags)
    }

    /// Bytes of data left.
    pub(super) const fn data_len(&self) -> u32 {
        self.data_end.saturating_sub(self.data_start) as u32
    }

    /// SEG.LEN of what is left.
    pub(super) const fn len(&self) -> u32 {
        self.data_len().saturating_add(self.flags.sequence_len())
    }

    /// The sequence number after it.
    pub(super) fn end(&self) -> SeqNumber {
        self.seq + self.len()
    }

    /// Drops SYN: its sequence number is behind us.
    pub(super) fn trim_syn(&mut self) {
        if self.has(Flags::SYN) {
            self.flags.remove(Flags::SYN);
            self.seq += 1;
        }
    }

    /// Drops `count` bytes of data (clamped) at the front. SYN must be gone.
    pub(super) fn trim_front(&mut self, count: u32) {
        let count = count.min(self.data_len());
        self.data_start = self.data_start.saturating_add(count as usize);
        self.seq += count;
    }

    /// Drops data and FIN beyond `length` sequence numbers.
    pub(super) fn trim_back(&mut self, length: u32) {
        if self.len() > length {
            self.flags.remove(Flags::FIN);
            let keep = self.data_len().min(length) as usize;
            self.data_end = self.data_start.saturating_add(keep);
        }
    }

    /// Calls `each` with the slices of the data that is left.
    pub(super) fn for_each_slice(&self, each: impl FnMut(Payload)) {
        self.packet.frame.for_each_slice(self.data_start, self.data_end, each);
    }

    /// The data that is left, in one piece.
    pub(super) fn data(&self) -> Payload {
        self.packet.frame.range(self.data_start, self.data_end)
    }

    /// Wire segments that it was joined from.
    pub(super) fn wire_segments(&self) -> u32 {
        match u32::from(self.packet.frame.offload.segment_size) {
            0 => 1,
            size => self.data_len().div_ceil(size).max(1),
        }
    }

    /// Bytes of the largest wire segment in it.
    pub(super) fn wire_size(&self) -> u32 {
        match u32::from(self.packet.frame.offload.segment_size) {
            0 => self.data_len(),
            size => self.data_len().min(size),
        }
    }

    /// TSval, if there is a timestamp.
    pub(super) fn ts_value(&self) -> Option<u32> {
        self.header.options.timestamps.map(|timestamps| timestamps.value)
    }

    pub(super) fn syn(&self) -> Syn {
        let options = &self.header.options;
        Syn {
            seq: self.seq,
            window: self.header.window,
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamp: self.ts_value(),
        }
    }
}
