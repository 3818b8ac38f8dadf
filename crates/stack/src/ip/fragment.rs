//! Fragmentation of what we send (RFC 791 §3.2, RFC 6864). Fragments nothing that says "don't".

use super::output::{depart, push_control};
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::packet::Path;
use danja_wire::ipv4::{self, Options};
use danja_wire::{Frame, offload};

/// Sends a datagram (its transport header and payload) in fragments that fit the path. They go
/// into the interface's queue, or wait for the neighbour together.
pub(super) fn send(
    core: &mut Core,
    path: &Path,
    header: &ipv4::Header,
    mut datagram: Frame,
) -> Result<(), Discard> {
    // An adapter completes no checksum over several frames.
    offload::complete_checksum(&mut datagram).map_err(|_| Discard::TooBig)?;
    // RFC 791 §3.1: fragments are counted in units of 8 octets.
    let room = path.mtu.saturating_sub(header.header_len()) & !7;
    if room == 0 {
        count(&mut core.counters.ip_frag_fails);
        return Err(Discard::TooBig);
    }
    let identification = core.ip.identification.next();
    let length = datagram.len();
    let mut offset = 0usize;
    while offset < length {
        let end = offset.saturating_add(room).min(length);
        // RFC 791 §3.1: the options we send (Record Route, Timestamp) go in the first only.
        let options = if offset == 0 { header.options } else { Options::NONE };
        let part = ipv4::Header {
            identification,
            options,
            more_fragments: end < length,
            fragment_offset: u16::try_from(offset).map_err(|_| Discard::TooBig)?,
            dont_fragment: false,
            ..*header
        };
        let fragment = cut(&datagram, part, offset, end).ok_or(Discard::TooBig)?;
        count(&mut core.counters.ip_frag_creates);
        if let Some(frame) = depart(core, path, fragment) {
            push_control(core, path.interface, frame);
        }
        offset = end;
    }
    count(&mut core.counters.ip_frag_oks);
    count(&mut core.counters.ip_out_requests);
    Ok(())
}

/// One fragment: bytes `start..end` of the datagram, shared, behind a header of their own.
fn cut(datagram: &Frame, mut header: ipv4::Header, start: usize, end: usize) -> Option<Frame> {
    let mut fragment = Frame::new();
    datagram.for_each_slice(start, end, |part| fragment.push(part));
    header.set_payload_len(fragment.len())?;
    header.emit(fragment.prepend(header.header_len())?).ok()?;
    Some(fragment)
}
