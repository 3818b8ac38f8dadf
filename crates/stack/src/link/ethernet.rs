//! The Ethernet header in and out (RFC 894, RFC 1112 §6.4). Knows no IP address but to map a
//! group; resolves nothing.

use crate::discard::Discard;
use crate::packet::Cast;
use danja_wire::ethernet::{EtherType, HEADER_LEN, Header, MacAddress};
use danja_wire::{ChecksumState, Frame};

/// What the header of a received frame says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) ether_type: EtherType,
    pub(crate) cast: Cast,
}

/// Reads the header; a frame to another station is not for us.
pub(crate) fn input(frame: &mut Frame, ours: MacAddress) -> Result<Received, Discard> {
    let front = frame.ensure_front(HEADER_LEN);
    let header = Header::parse(front).map_err(|_| Discard::LinkTruncated)?;
    let cast = if header.destination == ours {
        Cast::Unicast
    } else if header.destination.is_broadcast() {
        Cast::Broadcast
    } else if header.destination.is_multicast() {
        Cast::Multicast
    } else {
        return Err(Discard::LinkOtherHost);
    };
    Ok(Received { ether_type: header.ether_type, cast })
}

/// Puts the header before a packet. `None` if there is no room, which the sizes of headers
/// exclude.
pub(crate) fn output(frame: &mut Frame, header: Header) -> Option<()> {
    header.emit(frame.prepend(HEADER_LEN)?).ok()?;
    shift_checksum(frame, HEADER_LEN);
    Some(())
}

/// A header of `count` bytes was put before the frame: what is still to be summed moves on.
pub(crate) fn shift_checksum(frame: &mut Frame, count: usize) {
    if let ChecksumState::Partial { start, .. } = &mut frame.offload.checksum {
        *start = start.saturating_add(u16::try_from(count).unwrap_or(u16::MAX));
    }
}
