//! VLAN tags (IEEE 802.1Q): four bytes between the source address and the type. Knows no VLAN.

use super::{EtherType, HEADER_LEN};
use crate::bytes;

/// Length of a tag in bytes. It does not count towards the MTU of IP packets.
pub const TAG_LEN: usize = 4;

/// Tags that are looked through: one inside another (IEEE 802.1ad), and no more.
const TAGS: usize = 2;

/// A tag's control information: priority, whether the frame may rather be dropped, and the VLAN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tag {
    /// Priority code point, 0 to 7.
    pub priority: u8,
    /// Drop eligible indicator.
    pub drop_eligible: bool,
    /// The VLAN, 1 to 4094; 0 is none (the tag has a priority only), 4095 is reserved.
    pub id: u16,
}

impl Tag {
    /// The tag of a VLAN, with the lowest priority.
    pub const fn of(id: u16) -> Self {
        Self { priority: 0, drop_eligible: false, id: id & 0x0fff }
    }

    /// Reads the two bytes after the tag's type.
    pub const fn parse(control: u16) -> Self {
        let [high, _] = control.to_be_bytes();
        Self { priority: high >> 5, drop_eligible: high & 0x10 != 0, id: control & 0x0fff }
    }

    /// The two bytes after the tag's type; bits that do not fit are cut off.
    pub const fn emit(self) -> u16 {
        let [_, priority] = ((self.priority & 7) as u16).to_be_bytes();
        let high = priority << 5 | if self.drop_eligible { 0x10 } else { 0 };
        u16::from_be_bytes([high, 0]) | self.id & 0x0fff
    }
}

/// Length of the link header of an Ethernet frame, its tags included: 14, 18 or 22 bytes.
pub fn header_len(frame: &[u8]) -> usize {
    let mut length = HEADER_LEN;
    for _ in 0..TAGS {
        let at = length.saturating_sub(2);
        match bytes::be16(frame, at).map(EtherType) {
            Some(kind) if kind.is_tag() => length = length.saturating_add(TAG_LEN),
            _ => break,
        }
    }
    length
}
