//! Record Route and Timestamp options of an echo request, as its reply carries them (RFC 1122
//! §3.2.2.6, RFC 791 §3.1). Carries no other option back.

use core::net::Ipv4Addr;
use danja_wire::ipv4::options::MAX_LEN;
use danja_wire::ipv4::{IpOption, Options};

const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;

/// Options that are being written.
struct Writer {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Writer {
    /// One option: type, length, what precedes the data, and the data, to be changed. `None` if
    /// there is no room, which options that fitted once exclude.
    fn option(&mut self, kind: u8, fixed: &[u8], data: &[u8]) -> Option<&mut [u8]> {
        let start = self.len.saturating_add(2);
        let at = start.saturating_add(fixed.len());
        let end = at.saturating_add(data.len());
        let length = u8::try_from(end.saturating_sub(self.len)).ok()?;
        self.bytes.get_mut(self.len..start)?.copy_from_slice(&[kind, length]);
        self.bytes.get_mut(start..at)?.copy_from_slice(fixed);
        let room = self.bytes.get_mut(at..end)?;
        room.copy_from_slice(data);
        self.len = end;
        Some(room)
    }
}

// RFC 1122 §3.2.2.6: "SHOULD be updated to include the current host and included in the IP
// header of the Echo Reply message, without \"truncation\"."
/// The options of the reply. `time` is any 31 bits that grow by one a millisecond.
pub(super) fn reflect(options: &Options, ours: Ipv4Addr, time: u32) -> Options {
    let mut writer = Writer { bytes: [0; MAX_LEN], len: 0 };
    for option in options.iter().map_while(Result::ok) {
        let _ = match option {
            IpOption::RecordRoute { pointer, addresses } => {
                route(&mut writer, pointer, addresses, ours)
            }
            IpOption::Timestamp { pointer, overflow_flags, data } => {
                timestamp(&mut writer, (pointer, overflow_flags), data, ours, time)
            }
            _ => None,
        };
    }
    let written = writer.bytes.get(..writer.len).unwrap_or_default();
    Options::from_bytes(written).unwrap_or(Options::NONE)
}

/// Writes `value` at `at`, if it fits whole.
fn put(data: &mut [u8], at: usize, value: [u8; 4]) -> bool {
    let room = data.get_mut(at..at.saturating_add(4));
    room.map(|room| room.copy_from_slice(&value)).is_some()
}

fn route(writer: &mut Writer, pointer: u8, addresses: &[u8], ours: Ipv4Addr) -> Option<()> {
    // RFC 791 §3.1: the smallest legal pointer is 4; one beyond the length means "full".
    let at = usize::from(pointer.checked_sub(4)?);
    let fits = at.saturating_add(4) <= addresses.len();
    let next = if fits { pointer.saturating_add(4) } else { pointer };
    let data = writer.option(RECORD_ROUTE, &[next], addresses)?;
    put(data, at, ours.octets());
    Some(())
}

fn timestamp(
    writer: &mut Writer,
    (pointer, overflow_flags): (u8, u8),
    data: &[u8],
    ours: Ipv4Addr,
    time: u32,
) -> Option<()> {
    // RFC 791 §3.1: 0 timestamps only, 1 each after its address, 3 for the addresses given.
    const ONLY: u8 = 0;
    const WITH_ADDRESS: u8 = 1;
    const PRESPECIFIED: u8 = 3;
    // RFC 791 §3.1: a time that is not since midnight has the high-order bit set.
    let time = (time | 1 << 31).to_be_bytes();
    let at = usize::from(pointer.checked_sub(5)?);
    let flag = overflow_flags & 0xf;
    let size: u8 = if flag == ONLY { 4 } else { 8 };
    let fits = at.saturating_add(usize::from(size)) <= data.len();
    let asked = match flag {
        ONLY | WITH_ADDRESS => true,
        PRESPECIFIED => data.get(at..at.saturating_add(4)) == Some(&ours.octets()),
        _ => false,
    };
    // RFC 791 §3.1: who finds no room is counted in the upper four bits.
    let missed = asked && !fits && flag != PRESPECIFIED && overflow_flags < 0xf0;
    let overflow_flags = overflow_flags.saturating_add(if missed { 0x10 } else { 0 });
    let next = if asked && fits { pointer.saturating_add(size) } else { pointer };
    let data = writer.option(TIMESTAMP, &[next, overflow_flags], data)?;
    if asked && fits {
        let after = if flag == ONLY { at } else { at.saturating_add(4) };
        if flag == WITH_ADDRESS {
            put(data, at, ours.octets());
        }
        put(data, after, time);
    }
    Some(())
}
