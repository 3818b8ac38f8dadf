//! The virtio-net header before each frame of a TAP device (`linux/virtio_net.h`, legacy layout,
//! 10 bytes in the machine's byte order), to and from [`Offload`].
//!
//! What comes in is not believed: metadata that contradicts the frame's length is an error, never
//! a panic and never passed on.

use danja_wire::ethernet::{HEADER_LEN, TAG_LEN, header_len};
use danja_wire::{ChecksumState, Frame, Offload};

/// Length in bytes.
pub(crate) const LENGTH: usize = 10;

/// Bytes of the VLAN tags that may lie before a packet.
const TAGS: usize = 2 * TAG_LEN;

/// The checksum field holds the pseudo-header's sum.
const FLAG_NEEDS_CSUM: u8 = 1;
/// The checksum was verified.
const FLAG_DATA_VALID: u8 = 2;

const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// UDP to be cut into datagrams; only packet sockets are given it unasked.
const GSO_UDP: u8 = 5;
/// Beside a kind: the first segment says that the sender has reacted to congestion.
pub(crate) const GSO_ECN: u8 = 0x80;

/// What a header says that cannot be true, or that was never asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lie {
    /// The checksum lies outside the frame, or in its link header.
    Checksum,
    /// Cut into pieces of no bytes, or nothing to cut, or a checksum that cannot be completed.
    Segments,
    /// A kind of segmentation that was not offered.
    Kind,
}

/// What the header says about a frame of `length` bytes whose link header has `link` bytes.
pub(crate) fn parse(header: [u8; LENGTH], length: usize, link: usize) -> Result<Offload, Lie> {
    let [flags, kind, _, _, size_a, size_b, start_a, start_b, offset_a, offset_b] = header;
    let segment_size = u16::from_ne_bytes([size_a, size_b]);
    let start = u16::from_ne_bytes([start_a, start_b]);
    let offset = u16::from_ne_bytes([offset_a, offset_b]);
    let checksum = if flags & FLAG_NEEDS_CSUM != 0 {
        let end = usize::from(start) + usize::from(offset) + 2;
        if usize::from(start) <= link || end > length {
            return Err(Lie::Checksum);
        }
        ChecksumState::Partial { start, offset }
    } else if flags & FLAG_DATA_VALID != 0 {
        ChecksumState::Verified
    } else {
        ChecksumState::Complete
    };
    match kind {
        GSO_NONE => Ok(Offload { checksum, segment_size: 0 }),
        GSO_TCPV4 | GSO_TCPV6 => {
            if segment_size == 0 || checksum == ChecksumState::Complete {
                return Err(Lie::Segments);
            }
            Ok(Offload { checksum, segment_size })
        }
        _ => Err(Lie::Kind),
    }
}

/// Of a frame of one UDP datagram that stands for several: the bytes of data in each. Its header
/// then says no more of it than of any other.
pub(crate) const fn datagrams(header: &mut [u8; LENGTH]) -> Option<usize> {
    if header[1] != GSO_UDP {
        return None;
    }
    header[1] = GSO_NONE;
    Some(u16::from_ne_bytes([header[4], header[5]]) as usize)
}

/// The IP version of a frame whose link header has `link` bytes.
fn version(frame: &Frame, link: usize) -> Option<u8> {
    let copied;
    let mut front = frame.front();
    if front.len() <= link + TAGS {
        copied = frame.range(0, link + TAGS + 1);
        front = copied.as_slice();
    }
    let link = if link == HEADER_LEN { header_len(front) } else { link };
    front.get(link).map(|byte| byte >> 4)
}

/// The header for a frame to be sent; `None` if the kernel cannot do what the frame asks for.
pub(crate) fn emit(frame: &Frame, link: usize) -> Option<[u8; LENGTH]> {
    let mut flags = 0;
    let (mut start, mut offset) = (0, 0);
    match frame.offload.checksum {
        ChecksumState::Complete => {}
        ChecksumState::Verified => flags = FLAG_DATA_VALID,
        ChecksumState::Partial { start: from, offset: at } => {
            flags = FLAG_NEEDS_CSUM;
            (start, offset) = (from, at);
        }
    }
    let segment_size = frame.offload.segment_size;
    let kind = match (segment_size, version(frame, link)) {
        (0, _) => GSO_NONE,
        (_, Some(4)) if flags == FLAG_NEEDS_CSUM => GSO_TCPV4,
        (_, Some(6)) if flags == FLAG_NEEDS_CSUM => GSO_TCPV6,
        _ => return None,
    };
    // A hint: how many bytes of headers there are.
    let headers = u16::try_from(frame.header().len()).unwrap_or(0);
    let [headers_a, headers_b] = if segment_size == 0 { [0, 0] } else { headers.to_ne_bytes() };
    let [size_a, size_b] = segment_size.to_ne_bytes();
    let [start_a, start_b] = u16::to_ne_bytes(start);
    let [offset_a, offset_b] = u16::to_ne_bytes(offset);
    Some([flags, kind, headers_a, headers_b, size_a, size_b, start_a, start_b, offset_a, offset_b])
}

/// Says that `bytes` more lie before the frame that a header was made for; `None` if they are too
/// many.
pub(crate) fn add_front(header: &mut [u8; LENGTH], bytes: usize) -> Option<()> {
    let bytes = u16::try_from(bytes).ok()?;
    let mut add = |at: usize| {
        let [a, b] = &mut header[at..at + 2] else { return None };
        let sum = u16::from_ne_bytes([*a, *b]).checked_add(bytes)?;
        [*a, *b] = sum.to_ne_bytes();
        Some(())
    };
    add(2)?;
    add(6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use danja_wire::Payload;
    use proptest::prelude::*;

    fn header(flags: u8, kind: u8, size: u16, start: u16, offset: u16) -> [u8; LENGTH] {
        let (size, start, offset) = (size.to_ne_bytes(), start.to_ne_bytes(), offset.to_ne_bytes());
        [flags, kind, 0, 0, size[0], size[1], start[0], start[1], offset[0], offset[1]]
    }

    const PARTIAL: ChecksumState = ChecksumState::Partial { start: 34, offset: 16 };

    #[test]
    fn what_the_kernel_says_is_read() {
        let table = [
            (header(0, 0, 0, 0, 0), Offload::default()),
            (header(2, 0, 0, 0, 0), Offload { checksum: ChecksumState::Verified, segment_size: 0 }),
            (header(1, 0, 0, 34, 16), Offload { checksum: PARTIAL, segment_size: 0 }),
            (header(1, 1, 1460, 34, 16), Offload { checksum: PARTIAL, segment_size: 1460 }),
            (header(1, 4, 1440, 34, 16), Offload { checksum: PARTIAL, segment_size: 1440 }),
            // Without segmentation the size means nothing.
            (header(0, 0, 999, 0, 0), Offload::default()),
        ];
        for (header, expected) in table {
            assert_eq!(parse(header, 10_000, 14), Ok(expected), "{header:?}");
        }
    }

    #[test]
    fn lies_are_told_apart() {
        let table = [
            (header(1, 0, 0, 34, 16), 51, Lie::Checksum),
            (header(1, 0, 0, u16::MAX, u16::MAX), 60_000, Lie::Checksum),
            (header(1, 0, 0, 0, 0), 60, Lie::Checksum),
            (header(1, 0, 0, 14, 0), 60, Lie::Checksum),
            (header(1, 1, 0, 34, 16), 9_000, Lie::Segments),
            (header(0, 1, 1460, 0, 0), 9_000, Lie::Segments),
            (header(1, 3, 1460, 34, 16), 9_000, Lie::Kind),
            (header(1, 0x81, 1460, 34, 16), 9_000, Lie::Kind),
            (header(1, 255, 1, 34, 16), 9_000, Lie::Kind),
        ];
        for (header, length, lie) in table {
            assert_eq!(parse(header, length, 14), Err(lie), "{header:?}");
        }
        assert_eq!(parse(header(1, 0, 0, 34, 16), 52, 14).unwrap().checksum, PARTIAL);
    }

    #[test]
    fn what_the_kernel_cannot_do_is_not_asked_of_it() {
        let mut frame = Frame::received(Payload::from(vec![0x45; 4_000]), Offload::default());
        frame.offload.segment_size = 1460;
        assert_eq!(emit(&frame, 0), None, "segments with complete checksums");
        frame.offload.checksum = PARTIAL;
        assert_eq!(emit(&frame, 0).unwrap()[1], GSO_TCPV4);
        let mut other = Frame::received(Payload::from(vec![0x08; 4_000]), frame.offload);
        assert_eq!(emit(&other, 0), None, "not IP");
        other.offload.segment_size = 0;
        assert!(emit(&other, 0).is_some());
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header: [u8; LENGTH], length in 0usize..70_000, link in 0usize..20) {
            if let Ok(offload) = parse(header, length, link)
                && let ChecksumState::Partial { start, offset } = offload.checksum
            {
                prop_assert!(usize::from(start) > link);
                prop_assert!(usize::from(start) + usize::from(offset) + 2 <= length);
            }
        }

        #[test]
        fn emit_then_parse_gives_the_metadata_back(start in 1u16..60, offset in 0u16..30, size: u16, six: bool) {
            let offload = Offload { checksum: ChecksumState::Partial { start, offset }, segment_size: size };
            let byte = if six { 0x60 } else { 0x45 };
            let frame = Frame::received(Payload::from(vec![byte; 4_000]), offload);
            prop_assert_eq!(parse(emit(&frame, 0).unwrap(), 4_000, 0), Ok(offload));
        }
    }
}
