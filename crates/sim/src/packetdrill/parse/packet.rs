//! Packets of the language: IP information, TCP segments, UDP and ICMP.

use super::super::ast::{
    Body, Direction, Ecn, Encapsulation, Flags, Icmp, IcmpPayload, IpInfo, Packet, Segment,
    Sequence,
};
use super::super::cursor::{Cursor, Read};
use super::tcp_option;
use std::net::IpAddr;

/// The packet after `<` or `>`.
pub(super) fn packet(cursor: &mut Cursor<'_>, direction: Direction) -> Read<Packet> {
    let outer = encapsulations(cursor)?;
    let ip = ip_info(cursor, direction)?;
    let ports = ports(cursor)?;
    let body = if cursor.take_word("icmp")? {
        Body::Icmp(icmp(cursor)?)
    } else if cursor.take_word("udp")? {
        Body::Udp { ports, length: parenthesized(cursor, "a payload length")? }
    } else {
        Body::Tcp(segment(cursor, direction, ports)?)
    };
    let in_udp = if cursor.take("/udp")? {
        cursor.need("(")?;
        let source = cursor.need_number("a port")?;
        cursor.need(">")?;
        let destination = cursor.need_number("a port")?;
        cursor.need(")")?;
        Some((source, destination))
    } else {
        None
    };
    Ok(Packet { direction, outer, ip, body, in_udp })
}

fn encapsulations(cursor: &mut Cursor<'_>) -> Read<Vec<Encapsulation>> {
    let mut outer = Vec::new();
    loop {
        if cursor.take_word("ipv4")? || cursor.take_word("ipv6")? {
            let source = address(cursor)?;
            cursor.need(">")?;
            let destination = address(cursor)?;
            cursor.need(":")?;
            outer.push(Encapsulation::Ip(source, destination));
        } else if cursor.take_word("gre")? {
            outer.push(Encapsulation::Gre(cursor.until(":", "this gre header")?.trim().to_owned()));
        } else if cursor.take_word("mpls")? {
            outer.push(Encapsulation::Mpls(
                cursor.until(":", "this mpls header")?.trim().to_owned(),
            ));
        } else {
            return Ok(outer);
        }
    }
}

/// An address; a `:` that ends it (before a space) is not its own.
fn address(cursor: &mut Cursor<'_>) -> Read<IpAddr> {
    cursor.skip_space()?;
    let start = *cursor;
    let word = cursor.run(|c| c.is_ascii_hexdigit() || c == '.' || c == ':');
    let mut text = word;
    loop {
        if let Ok(address) = text.parse() {
            *cursor = start;
            text.chars().for_each(|_| cursor.skip_character());
            return Ok(address);
        }
        match text.strip_suffix(':') {
            Some(shorter) => text = shorter,
            None => return start.expected("an IP address"),
        }
    }
}

fn ip_info(cursor: &mut Cursor<'_>, direction: Direction) -> Read<IpInfo> {
    let mut ip = IpInfo::default();
    let close = if cursor.take("(")? {
        ")"
    } else if cursor.take("[")? {
        "]"
    } else {
        return Ok(ip);
    };
    loop {
        cursor.skip_space()?;
        let start = *cursor;
        match cursor.word()? {
            Some("noecn") => ip.ecn = Some(Ecn::None),
            Some("ect0") => ip.ecn = Some(Ecn::Ect0),
            Some("ect1") => ip.ecn = Some(Ecn::Ect1),
            Some("ce") => ip.ecn = Some(Ecn::Ce),
            Some("ect01") if direction == Direction::Out => ip.ecn = Some(Ecn::Ect01),
            Some("ect01") => {
                return Err(start.error("ect01 can only be expected, not sent to the stack"));
            }
            Some("tos" | "class") => ip.tos = Some(cursor.need_number("a type of service")?),
            Some("ttl" | "hlim") => ip.ttl = Some(cursor.need_number("a time to live")?),
            Some("flowlabel") => ip.flow_label = Some(cursor.need_number("a flow label")?),
            _ => return start.expected("ect0, ect1, ce, noecn, tos, ttl or flowlabel"),
        }
        if !cursor.take(",")? {
            cursor.need(close)?;
            return Ok(ip);
        }
    }
}

/// `source > destination`, if a number and `>` come next.
fn ports(cursor: &mut Cursor<'_>) -> Read<Option<(u16, u16)>> {
    let mut ahead = *cursor;
    if ahead.number()?.is_none() || !ahead.take(">")? {
        return Ok(None);
    }
    let source = cursor.need_number("a port")?;
    cursor.need(">")?;
    Ok(Some((source, cursor.need_number("a port")?)))
}

fn parenthesized<T: TryFrom<i64>>(cursor: &mut Cursor<'_>, what: &str) -> Read<T> {
    cursor.need("(")?;
    let value = cursor.need_number(what)?;
    cursor.need(")")?;
    Ok(value)
}

fn segment(
    cursor: &mut Cursor<'_>,
    direction: Direction,
    ports: Option<(u16, u16)>,
) -> Read<Segment> {
    let flags = flags(cursor)?;
    let (sequence, length) = range(cursor)?;
    let ack = if cursor.take_word("ack")? {
        Some(cursor.need_number("an acknowledgement number")?)
    } else {
        None
    };
    let window =
        if cursor.take_word("win")? { Some(cursor.need_number("a window")?) } else { None };
    if direction == Direction::In && window.is_none() {
        return cursor.expected("\"win\" (a packet to the stack must say its window)");
    }
    let urgent = if cursor.take_word("urg")? {
        Some(cursor.need_number("an urgent pointer")?)
    } else {
        None
    };
    let options = tcp_option::options(cursor, direction)?;
    Ok(Segment { ports, flags, sequence, length, ack, window, urgent, options })
}

fn flags(cursor: &mut Cursor<'_>) -> Read<Flags> {
    cursor.skip_space()?;
    let start = *cursor;
    let text = cursor.run(|c| "FSRPEWUA.-01234567".contains(c));
    if text.is_empty() {
        return start.expected("TCP flags (letters of FSRPEWUA, \".\" for ACK, \"-\" for none)");
    }
    let mut flags = Flags::default();
    let (mut letters, mut digits) = (false, 0);
    for c in text.chars() {
        match c {
            'F' => flags.fin = true,
            'S' => flags.syn = true,
            'R' => flags.rst = true,
            'P' => flags.psh = true,
            'U' => flags.urg = true,
            '.' => flags.ack = true,
            '0'..='7' => {
                flags.ace = u8::try_from(c.to_digit(8).unwrap_or(0)).unwrap_or(0);
                digits += 1;
            }
            'E' | 'W' | 'A' => {
                letters = true;
                flags.ace |= match c {
                    'E' => 1,
                    'W' => 2,
                    _ => 4,
                };
            }
            _ if text.len() > 1 => return Err(start.error("\"-\" (no flags) stands alone")),
            _ => {}
        }
    }
    if digits > 1 || (digits == 1 && letters) {
        return Err(start.error("one digit (the ACE field) or the letters E, W, A, not both"));
    }
    Ok(flags)
}

/// `first:end(length)`, with an optional `!`, or `...(length)`.
fn range(cursor: &mut Cursor<'_>) -> Read<(Sequence, u32)> {
    if cursor.take("...")? {
        return Ok((Sequence::Any, parenthesized(cursor, "a payload length")?));
    }
    let (first, length) = numbered_range(cursor)?;
    Ok((if cursor.take("!")? { Sequence::Wire(first) } else { Sequence::At(first) }, length))
}

fn numbered_range(cursor: &mut Cursor<'_>) -> Read<(u32, u32)> {
    cursor.skip_space()?;
    let start = *cursor;
    let first: u32 = cursor.need_number("a sequence number")?;
    cursor.need(":")?;
    let end: u32 = cursor.need_number("an end sequence number")?;
    let length: u32 = parenthesized(cursor, "a payload length")?;
    if first.wrapping_add(length) != end {
        let right = first.wrapping_add(length);
        return Err(start.error(format!("{first} and {length} bytes end at {right}, not at {end}")));
    }
    Ok((first, length))
}

fn icmp(cursor: &mut Cursor<'_>) -> Read<Icmp> {
    let Some(kind) = cursor.word()? else { return cursor.expected("an ICMP type's name") };
    let mut icmp = Icmp { kind: kind.to_owned(), code: None, mtu: None, id: None, payload: None };
    loop {
        cursor.skip_space()?;
        let mut ahead = *cursor;
        match ahead.word()? {
            Some("mtu") => {
                *cursor = ahead;
                icmp.mtu = Some(cursor.need_number("an MTU")?);
            }
            Some("id") => {
                *cursor = ahead;
                icmp.id = Some(cursor.need_number("an identifier")?);
            }
            Some(code) if icmp.code.is_none() => {
                *cursor = ahead;
                icmp.code = Some(code.to_owned());
            }
            _ => break,
        }
    }
    if cursor.take("[")? {
        icmp.payload = Some(if cursor.take_word("udp")? {
            IcmpPayload::Udp(parenthesized(cursor, "a payload length")?)
        } else if cursor.take_word("raw")? {
            IcmpPayload::Raw(parenthesized(cursor, "a length")?)
        } else {
            let (sequence, length) = numbered_range(cursor)?;
            IcmpPayload::Segment { sequence, length }
        });
        cursor.need("]")?;
    }
    Ok(icmp)
}
