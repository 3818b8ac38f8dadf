//! Cutting a large UDP datagram into those that it stands for: what Linux's UDP_SEGMENT
//! (udp(7)) asks of a NIC. Never cuts what is a fragment. (RFC 768, RFC 791 for the headers.)

use crate::checksum::Sum;
use crate::error::Error;
use crate::frame::{Frame, Offload};
use crate::ip::Protocol;
use crate::payload::Payload;
use crate::{ipv4, udp};
use core::net::IpAddr;

/// Cuts an IPv4 frame of one datagram into frames of datagrams with at most `size` bytes of data
/// each, and gives each; says how many. `l2_len` is the length of the link header, 0 where there
/// is none. Identifications count up from the frame's, and checksums are made anew.
///
/// An error (nothing is given) says that the frame is no such datagram, or `size` is 0.
pub fn cut_datagrams(
    frame: &Frame,
    l2_len: usize,
    size: usize,
    mut each: impl FnMut(Frame),
) -> Result<usize, Error> {
    let whole = frame.to_vec();
    let (link, packet) = whole.split_at_checked(l2_len).ok_or(Error::Length)?;
    let ip = ipv4::Header::parse(packet)?;
    let datagram = packet.get(ip.header_len()..usize::from(ip.total_len)).ok_or(Error::Length)?;
    let header = udp::Header::parse(datagram)?;
    let data = datagram.get(udp::HEADER_LEN..usize::from(header.length)).ok_or(Error::Length)?;
    if ip.protocol != Protocol::UDP || ip.is_fragment() || data.is_empty() || size == 0 {
        return Err(Error::Length);
    }
    let mut count = 0_u16;
    for data in data.chunks(size) {
        let mut ip = ip;
        ip.identification = ip.identification.wrapping_add(count);
        let piece = one(link, ip, header, data).ok_or(Error::Room)?;
        each(Frame::received(piece, Offload::default()));
        count = count.saturating_add(1);
    }
    Ok(usize::from(count))
}

/// One datagram, whole.
fn one(link: &[u8], mut ip: ipv4::Header, from: udp::Header, data: &[u8]) -> Option<Payload> {
    let mut header = udp::Header::new(from.source_port, from.destination_port, data.len())?;
    let mut sum = Sum::new();
    sum.add_bytes(data);
    header.checksum = header.checksum_for(IpAddr::V4(ip.source), IpAddr::V4(ip.destination), sum);
    ip.set_payload_len(usize::from(header.length))?;
    let mut room = [0; ipv4::MAX_HEADER_LEN];
    let length = ip.emit(&mut room).ok()?;
    let mut own = [0; udp::HEADER_LEN];
    header.emit(&mut own).ok()?;
    let parts = [link, room.get(..length)?, &own, data];
    Some(Payload::from(parts.concat()))
}
