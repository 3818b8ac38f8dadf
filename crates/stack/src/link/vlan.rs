//! VLAN tags (IEEE 802.1Q) put on and taken off whole frames, so that nothing above sees them.
//! Knows no interface.

use super::ethernet::shift_checksum;
use crate::discard::Discard;
use danja_wire::ethernet::{EtherType, HEADER_LEN, Header, TAG_LEN, Tag};
use danja_wire::{ChecksumState, Frame, bytes};

/// Bytes of an Ethernet header with one tag.
const TAGGED_LEN: usize = HEADER_LEN + TAG_LEN;

/// Puts a tag into a frame of ours. `None` if its headers leave no room, which their sizes
/// exclude.
pub(crate) fn tag(frame: &mut Frame, tag: Tag) -> Option<()> {
    frame.prepend(TAG_LEN)?;
    let front = frame.header_mut();
    front.get(TAG_LEN..TAGGED_LEN)?;
    // The addresses move to the front; the type stays where it is, behind the tag.
    let addresses = HEADER_LEN.saturating_sub(2);
    front.copy_within(TAG_LEN..addresses.saturating_add(TAG_LEN), 0);
    bytes::put16(front, addresses, EtherType::VLAN.0)?;
    bytes::put16(front, HEADER_LEN, tag.emit())?;
    shift_checksum(frame, TAG_LEN);
    Some(())
}

/// Takes the tag off a received frame.
pub(crate) fn untag(frame: &mut Frame) -> Result<(Tag, Frame), Discard> {
    let front = frame.ensure_front(TAGGED_LEN);
    let control = bytes::be16(front, HEADER_LEN).ok_or(Discard::LinkTruncated)?;
    let inner = HEADER_LEN.saturating_add(2);
    let inner = EtherType(bytes::be16(front, inner).ok_or(Discard::LinkTruncated)?);
    if inner.is_tag() {
        return Err(Discard::VlanNested);
    }
    let header = Header::parse(front).map_err(|_| Discard::LinkTruncated)?;
    let mut bare = Frame::new();
    frame.for_each_slice(TAGGED_LEN, frame.len(), |slice| bare.push(slice));
    let room = bare.prepend(HEADER_LEN).ok_or(Discard::LinkTruncated)?;
    let emitted = Header { ether_type: inner, ..header }.emit(room);
    emitted.map_err(|_| Discard::LinkTruncated)?;
    bare.offload = frame.offload;
    if let ChecksumState::Partial { start, .. } = &mut bare.offload.checksum {
        *start = start.checked_sub(TAG_LEN as u16).ok_or(Discard::LinkTruncated)?;
    }
    Ok((Tag::parse(control), bare))
}
