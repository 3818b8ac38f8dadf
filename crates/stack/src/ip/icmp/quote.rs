//! Errors about packets of ours: what they quote, and what it means to a transport. Whether the
//! quote is genuine, the transport says (RFC 5927).

use crate::core_state::Core;
use crate::discard::Discard;
use crate::ip::pmtu::plateau_below;
use crate::packet::{ErrorKind, Packet, TransportError};
use crate::socket::{Cause, Fault, SocketFault};
use core::net::{IpAddr, SocketAddr};
use danja_wire::icmpv4::{HEADER_LEN, Message, Quote, Unreachable};
use danja_wire::ip::Protocol;
use danja_wire::{Frame, bytes};

/// Bytes of a quoted packet that are looked at: the longest IP header and the transport's
/// ports and sequence number.
const LOOKED_AT: usize = 60 + 20;

/// Reads an error about a packet of ours.
pub(super) fn error(
    core: &Core,
    packet: &mut Packet,
    message: Message,
) -> Result<TransportError, Discard> {
    let body = packet.transport.saturating_add(HEADER_LEN);
    let end = packet.end.min(body.saturating_add(LOOKED_AT));
    let front = packet.frame.ensure_front(end);
    let first = bytes::array::<2>(front, packet.transport).unwrap_or_default();
    let [message_type, code] = first;
    let quoted = front.get(body..end).ok_or(Discard::IcmpMalformed)?;
    let quote = Quote::parse(quoted).map_err(|_| Discard::IcmpMalformed)?;
    let header = &quote.header;
    // An error goes to the sender of the packet it quotes, and only the first fragment has ports.
    let ours = core.ip.is_local(header.source.into())
        || core.ip.interface(packet.interface).is_some_and(|it| it.config.any_address);
    if IpAddr::V4(header.source) != packet.destination || !ours || header.fragment_offset != 0 {
        return Err(Discard::IcmpUnvalidated);
    }
    let (what, kind) =
        meaning(message, usize::from(header.total_len)).ok_or(Discard::IcmpIgnored)?;
    let (local, remote) = endpoints(header.protocol, quote.transport);
    Ok(TransportError {
        protocol: header.protocol,
        local: SocketAddr::new(header.source.into(), local),
        remote: SocketAddr::new(header.destination.into(), remote),
        sequence: quote.tcp_sequence(),
        what,
        fault: SocketFault {
            kind,
            cause: Some(Cause::Icmp { message_type, code, from: packet.source }),
        },
    })
}

/// What an error means (RFC 1122 §4.2.3.9; kinds of fault as Linux has them).
fn meaning(message: Message, quoted_len: usize) -> Option<(ErrorKind, Fault)> {
    Some(match message {
        Message::DestinationUnreachable { code, next_hop_mtu } => match code {
            Unreachable::Protocol => (ErrorKind::Hard, Fault::ProtocolUnreachable),
            Unreachable::Port => (ErrorKind::Hard, Fault::ConnectionRefused),
            Unreachable::FragmentationNeeded => {
                let mtu = match next_hop_mtu {
                    // RFC 1191 §5: an old router; the plateau below the packet's length.
                    0 => plateau_below(quoted_len),
                    mtu => usize::from(mtu),
                };
                (ErrorKind::TooBig { mtu }, Fault::MessageTooLong)
            }
            Unreachable::Network | Unreachable::NetworkUnknown | Unreachable::NetworkTos => {
                (ErrorKind::Soft, Fault::NetworkUnreachable)
            }
            // Who is forbidden something today is so tomorrow: final, as in Linux.
            Unreachable::NetworkProhibited => (ErrorKind::Hard, Fault::NetworkUnreachable),
            Unreachable::HostProhibited | Unreachable::AdministrativelyProhibited => {
                (ErrorKind::Hard, Fault::Prohibited)
            }
            _ => (ErrorKind::Soft, Fault::HostUnreachable),
        },
        Message::TimeExceeded { .. } => (ErrorKind::Soft, Fault::HostUnreachable),
        Message::ParameterProblem { .. } => (ErrorKind::Soft, Fault::ProtocolError),
        _ => return None,
    })
}

/// Source and destination port; the identifier of an echo request as the source's.
fn endpoints(protocol: Protocol, transport: &[u8]) -> (u16, u16) {
    let field = |at| bytes::be16(transport, at).unwrap_or(0);
    match protocol {
        Protocol::TCP | Protocol::UDP => (field(0), field(2)),
        Protocol::ICMP => (field(4), 0),
        _ => (0, 0),
    }
}

/// The error about a packet that waited for a neighbour which stayed silent.
pub(in crate::ip) fn neighbour_error(mut packet: Frame, silent: IpAddr) -> Option<TransportError> {
    let quote = Quote::parse(packet.ensure_front(LOOKED_AT)).ok()?;
    if quote.header.fragment_offset != 0 {
        return None;
    }
    let (local, remote) = endpoints(quote.header.protocol, quote.transport);
    Some(TransportError {
        protocol: quote.header.protocol,
        local: SocketAddr::new(quote.header.source.into(), local),
        remote: SocketAddr::new(quote.header.destination.into(), remote),
        sequence: None,
        what: ErrorKind::Neighbour,
        fault: SocketFault {
            kind: Fault::HostUnreachable,
            cause: Some(Cause::NeighbourSilent(silent)),
        },
    })
}
