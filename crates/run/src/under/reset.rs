//! The answer to a segment of no connection, where all connections are the host's and the host has
//! handed it out as nobody's: RST (RFC 9293 §3.10.7.1). Keeps no state.

use danja::stack::Payload;
use danja::wire::checksum::pseudo_header;
use danja::wire::ip::Protocol;
use danja::wire::ipv4::Header as Ip;
use danja::wire::tcp::{Flags, HEADER_LEN, Header, set_checksum, verify};
use std::net::IpAddr;

/// Time to live of what we answer, as of all that hosts send.
const TTL: u8 = 64;

/// The packet that answers this one; `None` to one that is not intact, or is a reset itself.
pub(super) fn reset(packet: &[u8]) -> Option<Payload> {
    let came = Ip::parse(packet).ok()?;
    let segment = packet.get(came.header_len()..usize::from(came.total_len))?;
    let (source, destination) = (IpAddr::V4(came.source), IpAddr::V4(came.destination));
    if came.is_fragment() || !verify(source, destination, segment) {
        return None;
    }
    let (header, data) = Header::parse(segment).ok()?;
    // RFC 9293 §3.10.7.1: a segment that contains a RST is discarded; any other is answered with
    // the sequence number that its sender takes for right.
    if header.flags.contains(Flags::RST) {
        return None;
    }
    let mut answer = Header {
        source_port: header.destination_port,
        destination_port: header.source_port,
        flags: Flags::RST,
        ..Header::default()
    };
    if header.flags.contains(Flags::ACK) {
        answer.sequence = header.acknowledgment;
    } else {
        let length = header.segment_len(segment.len().saturating_sub(data));
        answer.acknowledgment = header.sequence + length;
        answer.flags.insert(Flags::ACK);
    }
    let mut ip = Ip {
        source: came.destination,
        destination: came.source,
        protocol: Protocol::TCP,
        ttl: TTL,
        dont_fragment: true,
        ..Ip::default()
    };
    ip.set_payload_len(HEADER_LEN)?;
    let start = ip.header_len();
    let mut bytes = vec![0; start + HEADER_LEN];
    ip.emit(&mut bytes).ok()?;
    let room = bytes.get_mut(start..)?;
    answer.emit(room).ok()?;
    let length = u32::try_from(HEADER_LEN).ok()?;
    let mut sum = pseudo_header(destination, source, Protocol::TCP.0, length);
    sum.add_bytes(room);
    set_checksum(room, sum.finish())?;
    Some(Payload::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use danja::wire::tcp::SeqNumber;
    use std::net::Ipv4Addr;

    fn segment(flags: Flags, data: &[u8]) -> Vec<u8> {
        let [source, destination] = [Ipv4Addr::new(10, 0, 2, 2), Ipv4Addr::new(10, 0, 2, 15)];
        let mut ip = Ip { source, destination, protocol: Protocol::TCP, ttl: 9, ..Ip::default() };
        ip.set_payload_len(HEADER_LEN + data.len()).unwrap();
        let header = Header {
            source_port: 80,
            destination_port: 49_152,
            sequence: SeqNumber(1000),
            acknowledgment: SeqNumber(7),
            flags,
            ..Header::default()
        };
        let mut bytes = vec![0; 20 + HEADER_LEN];
        ip.emit(&mut bytes).unwrap();
        header.emit(&mut bytes[20..]).unwrap();
        bytes.extend(data);
        let length = u32::try_from(HEADER_LEN + data.len()).unwrap();
        let mut sum = pseudo_header(source.into(), destination.into(), 6, length);
        sum.add_bytes(&bytes[20..]);
        set_checksum(&mut bytes[20..], sum.finish()).unwrap();
        bytes
    }

    #[test]
    fn a_segment_of_no_connection_is_answered_as_the_rfc_says() {
        let answered = |flags, data: &[u8]| {
            let packet = reset(&segment(flags, data))?.as_slice().to_vec();
            let ip = Ip::parse(&packet).unwrap();
            assert!(verify(ip.source.into(), ip.destination.into(), &packet[20..]));
            assert_eq!(ip.destination, Ipv4Addr::new(10, 0, 2, 2));
            let (header, _) = Header::parse(&packet[20..]).unwrap();
            assert_eq!((header.source_port, header.destination_port), (49_152, 80));
            Some((header.flags, header.sequence.0, header.acknowledgment.0))
        };
        assert_eq!(answered(Flags::ACK, b"four"), Some((Flags::RST, 7, 0)));
        let both = Flags::RST | Flags::ACK;
        assert_eq!(answered(Flags::SYN, b""), Some((both, 0, 1001)));
        assert_eq!(answered(Flags::FIN, b"four"), Some((both, 0, 1005)));
        assert_eq!(answered(both, b""), None);
        let mut broken = segment(Flags::ACK, b"four");
        broken[41] ^= 1;
        assert_eq!(reset(&broken), None);
    }
}
