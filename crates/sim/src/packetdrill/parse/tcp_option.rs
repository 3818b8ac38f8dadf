//! TCP options of the language: `<mss 1460,nop,TS val 100 ecr 0>`.

use super::super::ast::{Direction, EcnCounter, TcpOption};
use super::super::cursor::{Cursor, Read};

/// Options may take the header to 60 bytes.
const MOST_BYTES: usize = 40;

/// The options if `<` comes next, else none; `None` is `<...>`.
pub(super) fn options(
    cursor: &mut Cursor<'_>,
    direction: Direction,
) -> Read<Option<Vec<TcpOption>>> {
    if !cursor.sees("<")? {
        return Ok(Some(Vec::new()));
    }
    let start = *cursor;
    cursor.need("<")?;
    if cursor.take("...")? {
        cursor.need(">")?;
        if direction == Direction::In {
            return Err(start.error("the options of a packet to the stack cannot be left open"));
        }
        return Ok(None);
    }
    let mut options = Vec::new();
    if !cursor.take(">")? {
        loop {
            options.push(option(cursor)?);
            if !cursor.take(",")? {
                cursor.need(">")?;
                break;
            }
        }
    }
    let bytes: usize = options.iter().map(wire_length).sum();
    if !bytes.is_multiple_of(4) {
        return Err(start.error(format!(
            "these options are {bytes} bytes; write nop or eol to reach a multiple of 4"
        )));
    }
    if bytes > MOST_BYTES {
        return Err(start.error(format!(
            "these options are {bytes} bytes; a TCP header has room for {MOST_BYTES}"
        )));
    }
    Ok(Some(options))
}

/// Bytes of an option on the wire.
fn wire_length(option: &TcpOption) -> usize {
    match option {
        TcpOption::Eol | TcpOption::Nop => 1,
        TcpOption::Mss(_) => 4,
        TcpOption::WindowScale(_) => 3,
        TcpOption::SackPermitted => 2,
        TcpOption::Sack(blocks) => 2 + 8 * blocks.len(),
        TcpOption::Timestamps { .. } => 10,
        TcpOption::Md5(_) => 18,
        TcpOption::FastOpen(cookie) => 2 + cookie.len(),
        TcpOption::FastOpenExperimental(cookie) => 4 + cookie.len(),
        TcpOption::AccEcn(counters) => 2 + 3 * counters.len(),
    }
}

fn option(cursor: &mut Cursor<'_>) -> Read<TcpOption> {
    cursor.skip_space()?;
    let start = *cursor;
    Ok(match cursor.word()? {
        Some("eol") => TcpOption::Eol,
        Some("nop") => TcpOption::Nop,
        Some("mss") => TcpOption::Mss(cursor.need_number("a segment size")?),
        Some("wscale") => TcpOption::WindowScale(cursor.need_number("a shift count")?),
        Some("sackOK") => TcpOption::SackPermitted,
        Some("sack") => TcpOption::Sack(blocks(cursor)?),
        Some("TS") => {
            need_word(cursor, "val")?;
            let value = cursor.need_number("a timestamp")?;
            need_word(cursor, "ecr")?;
            TcpOption::Timestamps { value, echo: cursor.need_number("a timestamp")? }
        }
        Some("md5") if cursor.take_word("valid")? => TcpOption::Md5(None),
        Some("md5") => match cookie(cursor)? {
            digest if digest.len() == 16 => TcpOption::Md5(Some(digest)),
            _ => return start.expected("\"valid\" or 16 bytes in hexadecimal after md5"),
        },
        Some("FO") => TcpOption::FastOpen(cookie(cursor)?),
        Some("FOEXP") => TcpOption::FastOpenExperimental(cookie(cursor)?),
        Some("ECN") => TcpOption::AccEcn(counters(cursor)?),
        _ => return start.expected("a TCP option"),
    })
}

fn need_word(cursor: &mut Cursor<'_>, word: &str) -> Read<()> {
    if cursor.take_word(word)? { Ok(()) } else { cursor.expected(&format!("\"{word}\"")) }
}

fn blocks(cursor: &mut Cursor<'_>) -> Read<Vec<(u32, u32)>> {
    let mut blocks = Vec::new();
    loop {
        let first = cursor.need_number("a SACK block")?;
        cursor.need(":")?;
        blocks.push((first, cursor.need_number("the end of a SACK block")?));
        if cursor.sees(",")? || cursor.sees(">")? {
            return Ok(blocks);
        }
    }
}

/// Hexadecimal digits, two a byte; none is an empty cookie.
fn cookie(cursor: &mut Cursor<'_>) -> Read<Vec<u8>> {
    cursor.skip_space()?;
    let start = *cursor;
    let digits: Vec<u32> =
        cursor.run(|c| c.is_ascii_hexdigit()).chars().filter_map(|c| c.to_digit(16)).collect();
    if !digits.len().is_multiple_of(2) {
        return Err(start.error("hexadecimal bytes have two digits each"));
    }
    Ok(digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8))
        .collect())
}

fn counters(cursor: &mut Cursor<'_>) -> Read<Vec<(EcnCounter, u32)>> {
    let mut counters = Vec::new();
    loop {
        let counter = if cursor.take_word("e0b")? {
            EcnCounter::E0b
        } else if cursor.take_word("e1b")? {
            EcnCounter::E1b
        } else if cursor.take_word("ceb")? {
            EcnCounter::Ceb
        } else {
            return Ok(counters);
        };
        counters.push((counter, cursor.need_number("a counter")?));
    }
}
