//! `read`, `write` and their families: zeros in both directions unless the script gives bytes.

use super::application::{Answer, Handle, Progress, expression, would_block};
use super::machine::Machine;
use super::values::{Errno, member, number};
use super::{Personality, Stop};
use crate::packetdrill::ast::{Call, Expression};
use danja_stack::socket::{RecvFlags, SendFlags};
use danja_wire::Payload;

const OOB: i64 = 1;
const PEEK: i64 = 2;
const DONT_WAIT: i64 = 0x40;
const WAIT_ALL: i64 = 0x100;
const MORE: i64 = 0x8000;
const UNDERSTOOD: i64 = OOB | PEEK | DONT_WAIT | WAIT_ALL | MORE | 0x4000 | 0x80;

/// The bytes of a call, and its flags.
struct Request {
    /// What the script gives or expects; `None` for zeros.
    text: Option<Vec<u8>>,
    length: usize,
    flags: i64,
}

/// What a call of these families asks for, whichever way it says it.
fn request(call: &Call, personality: Personality) -> Result<Request, Stop> {
    let (text, wanted, flags) = match call.name.as_str() {
        "read" | "write" => {
            (text(expression(call, 1)?), number(expression(call, 2)?, personality)?, 0)
        }
        "recv" | "recvfrom" | "send" | "sendto" => {
            let length = number(expression(call, 2)?, personality)?;
            (text(expression(call, 1)?), length, number(expression(call, 3)?, personality)?)
        }
        "readv" | "writev" => {
            let (text, length) = vectors(expression(call, 1)?, personality)?;
            (text, length, 0)
        }
        _ => {
            let Expression::Structure(message) = expression(call, 1)? else {
                return Err(Stop::Skip(format!("{} needs a message structure", call.name)));
            };
            if matches!(member(message, "msg_control"), Some(Expression::List(items)) if !items.is_empty())
            {
                return Err(Stop::Skip("control messages are not simulated".to_owned()));
            }
            let vector = member(message, "msg_iov").unwrap_or(&Expression::Supplied);
            let (text, length) = vectors(vector, personality)?;
            (text, length, number(expression(call, 2)?, personality)?)
        }
    };
    if flags & !UNDERSTOOD != 0 {
        return Err(Stop::Skip(format!("{} with flags {flags:#x} is not simulated", call.name)));
    }
    Ok(Request { text, length: length(wanted)?, flags })
}

/// What one call transfers at most.
const MOST_BYTES: usize = 64 << 20;

fn length(number: i64) -> Result<usize, Stop> {
    let length =
        usize::try_from(number).map_err(|_| Stop::Fail(format!("{number} is no length")))?;
    if length > MOST_BYTES {
        return Err(Stop::Skip(format!("{length} bytes in one call are too many to simulate")));
    }
    Ok(length)
}

fn text(expression: &Expression) -> Option<Vec<u8>> {
    match expression {
        Expression::Text(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

/// `[{..., 10}, {"abc", 3}]`.
fn vectors(
    expression: &Expression,
    personality: Personality,
) -> Result<(Option<Vec<u8>>, i64), Stop> {
    let Expression::List(items) = expression else {
        return Err(Stop::Skip("a list of vectors is expected".to_owned()));
    };
    let (mut all, mut given) = (Vec::new(), false);
    for item in items {
        let Expression::Structure(fields) = item else {
            return Err(Stop::Skip("a vector is {bytes, length}".to_owned()));
        };
        let mut values = fields.iter().map(|field| &field.value);
        let (Some(bytes), Some(length)) = (values.next(), values.next()) else {
            return Err(Stop::Skip("a vector is {bytes, length}".to_owned()));
        };
        let length = self::length(number(length, personality)?)?;
        let bytes = text(bytes);
        given |= bytes.is_some();
        let mut bytes = bytes.unwrap_or_default();
        bytes.resize(length, 0);
        all.extend(bytes);
    }
    let length = i64::try_from(all.len()).unwrap_or(i64::MAX);
    Ok((given.then_some(all), length))
}

/// Gives the stack bytes; a blocking call goes on until all are taken.
pub(super) fn send(
    m: &mut Machine,
    handle: Handle,
    call: &Call,
    personality: Personality,
    progress: &mut Progress,
) -> Result<Answer, Stop> {
    let request = request(call, personality)?;
    let nonblocking = handle.nonblocking || request.flags & DONT_WAIT != 0;
    let mut data = request.text.unwrap_or_default();
    data.resize(request.length, 0);
    let rest = Payload::copy_from_slice(data.get(progress.bytes..).unwrap_or_default());
    let flags = SendFlags {
        urgent: request.flags & OOB != 0,
        more: request.flags & MORE != 0,
        ..SendFlags::default()
    };
    match m.stack.send(handle.socket, &rest, flags, m.now) {
        Ok(taken) => {
            progress.bytes += taken;
            if progress.bytes < request.length && !nonblocking {
                return Ok(Answer::Blocked);
            }
            Ok(Answer::Returned(i64::try_from(progress.bytes).unwrap_or(i64::MAX)))
        }
        Err(error) => Ok(would_block(error.errno(), nonblocking)),
    }
}

/// Takes bytes from the stack and checks them.
pub(super) fn receive(
    m: &mut Machine,
    handle: Handle,
    call: &Call,
    personality: Personality,
    progress: &mut Progress,
) -> Result<Answer, Stop> {
    let request = request(call, personality)?;
    let nonblocking = handle.nonblocking || request.flags & DONT_WAIT != 0;
    let flags = RecvFlags { peek: request.flags & PEEK != 0, urgent: request.flags & OOB != 0 };
    let mut slices = Vec::new();
    let room = request.length.saturating_sub(progress.bytes);
    let received = match m.stack.recv(handle.socket, room, flags, &mut slices, m.now) {
        Ok(received) => received,
        Err(error) => return Ok(would_block(error.errno(), nonblocking)),
    };
    let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.as_slice().iter().copied()).collect();
    if bytes.len() != received.bytes {
        return Err(Stop::Fail(format!(
            "recv says {} bytes and gave {}",
            received.bytes,
            bytes.len()
        )));
    }
    for (at, byte) in bytes.iter().enumerate() {
        // Packets to the stack carry zeros.
        let wanted = request
            .text
            .as_ref()
            .and_then(|text| text.get(progress.bytes + at))
            .copied()
            .unwrap_or(0);
        if *byte != wanted {
            let at = progress.bytes + at;
            return Err(Stop::Fail(format!(
                "byte {at} that {} gave is {byte:#x}, expected {wanted:#x}",
                call.name
            )));
        }
    }
    progress.bytes += bytes.len();
    let all = request.flags & WAIT_ALL != 0 && progress.bytes < request.length && !bytes.is_empty();
    if all && !nonblocking {
        return Ok(Answer::Blocked);
    }
    Ok(Answer::Returned(i64::try_from(progress.bytes).unwrap_or(i64::MAX)))
}
