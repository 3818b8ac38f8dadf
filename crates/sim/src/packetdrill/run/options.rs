//! `getsockopt`, `setsockopt` and `ioctl`: names of the system's headers, values of the stack.

use super::application::{Answer, Handle, expression};
use super::machine::Machine;
use super::values::{Errno, errno_name, fault, member, number};
use super::{Personality, Stop};
use crate::packetdrill::ast::{Call, Expression};
use core::time::Duration;
use danja_stack::socket::{OptionName, PathMtuDiscovery, SocketOption};

/// The name of the option of a call.
fn name(call: &Call) -> Result<&str, Stop> {
    match expression(call, 2)? {
        Expression::Name(name) => Ok(name),
        other => Err(Stop::Skip(format!("the option {other:?} is not known"))),
    }
}

/// `setsockopt`.
pub(super) fn set(
    m: &mut Machine,
    handle: Handle,
    call: &Call,
    personality: Personality,
) -> Result<Answer, Stop> {
    let value = expression(call, 3)?;
    let name = name(call)?;
    let option = if name == "SO_LINGER" {
        let Expression::Structure(fields) = value else {
            return Err(Stop::Skip("SO_LINGER needs {onoff=, linger=}".to_owned()));
        };
        let field = |name| member(fields, name).map_or(Ok(0), |value| number(value, personality));
        let seconds = u64::try_from(field("linger")?).unwrap_or(0);
        SocketOption::Linger((field("onoff")? != 0).then(|| Duration::from_secs(seconds)))
    } else {
        let number = number(value, personality)?;
        match from_number(name, number) {
            Some(Ok(option)) => option,
            Some(Err(())) => return Ok(Answer::Failed("EINVAL")),
            None => return Err(Stop::Skip(format!("the option {name} is not simulated"))),
        }
    };
    let done = m.stack.set_option(handle.socket, option, m.now);
    Ok(done.map_or_else(|error| Answer::Failed(error.errno()), |()| Answer::Returned(0)))
}

/// The option with this value; an inner error for a value that does not fit, `None` for an
/// option that is not known.
fn from_number(name: &str, value: i64) -> Option<Result<SocketOption, ()>> {
    let on = value != 0;
    let seconds = || u64::try_from(value).map(Duration::from_secs).map_err(|_| ());
    let milliseconds = || u64::try_from(value).map(Duration::from_millis).map_err(|_| ());
    let small = || u8::try_from(value).map_err(|_| ());
    let size = || usize::try_from(value).map_err(|_| ());
    Some(match name {
        "SO_REUSEADDR" => Ok(SocketOption::ReuseAddress(on)),
        "SO_REUSEPORT" => Ok(SocketOption::ReusePort(on)),
        "SO_BROADCAST" => Ok(SocketOption::Broadcast(on)),
        "SO_KEEPALIVE" => Ok(SocketOption::KeepAlive(on)),
        "SO_OOBINLINE" => Ok(SocketOption::OutOfBandInline(on)),
        "SO_RCVBUF" => size().map(SocketOption::ReceiveBuffer),
        "SO_SNDBUF" => size().map(SocketOption::SendBuffer),
        "SO_RCVLOWAT" => size().map(SocketOption::ReceiveLowWater),
        "TCP_NODELAY" => Ok(SocketOption::NoDelay(on)),
        "TCP_CORK" | "TCP_NOPUSH" => Ok(SocketOption::Cork(on)),
        "TCP_NOOPT" => Ok(SocketOption::NoTcpOptions(on)),
        "TCP_QUICKACK" => Ok(SocketOption::QuickAck(on)),
        "TCP_MAXSEG" => u16::try_from(value).map(SocketOption::MaxSegment).map_err(|_| ()),
        "TCP_KEEPIDLE" => seconds().map(SocketOption::KeepIdle),
        "TCP_KEEPINTVL" => seconds().map(SocketOption::KeepInterval),
        "TCP_KEEPCNT" => small().map(SocketOption::KeepCount),
        "TCP_USER_TIMEOUT" => milliseconds().map(SocketOption::UserTimeout),
        "TCP_SYNCNT" => small().map(SocketOption::SynRetries),
        "TCP_LINGER2" => seconds().map(SocketOption::Linger2),
        "IP_TTL" => small().map(SocketOption::Ttl),
        "IP_TOS" => small().map(SocketOption::Tos),
        "IP_MTU_DISCOVER" => match value {
            0 => Ok(SocketOption::MtuDiscover(PathMtuDiscovery::Never)),
            1 => Ok(SocketOption::MtuDiscover(PathMtuDiscovery::Want)),
            2 => Ok(SocketOption::MtuDiscover(PathMtuDiscovery::Always)),
            3 => Ok(SocketOption::MtuDiscover(PathMtuDiscovery::Probe)),
            _ => Err(()),
        },
        _ => return None,
    })
}

fn option_name(name: &str) -> Option<OptionName> {
    Some(match name {
        "SO_REUSEADDR" => OptionName::ReuseAddress,
        "SO_REUSEPORT" => OptionName::ReusePort,
        "SO_BROADCAST" => OptionName::Broadcast,
        "SO_KEEPALIVE" => OptionName::KeepAlive,
        "SO_OOBINLINE" => OptionName::OutOfBandInline,
        "SO_RCVBUF" => OptionName::ReceiveBuffer,
        "SO_SNDBUF" => OptionName::SendBuffer,
        "SO_RCVLOWAT" => OptionName::ReceiveLowWater,
        "SO_LINGER" => OptionName::Linger,
        "TCP_NODELAY" => OptionName::NoDelay,
        "TCP_CORK" | "TCP_NOPUSH" => OptionName::Cork,
        "TCP_NOOPT" => OptionName::NoTcpOptions,
        "TCP_QUICKACK" => OptionName::QuickAck,
        "TCP_MAXSEG" => OptionName::MaxSegment,
        "TCP_KEEPIDLE" => OptionName::KeepIdle,
        "TCP_KEEPINTVL" => OptionName::KeepInterval,
        "TCP_KEEPCNT" => OptionName::KeepCount,
        "TCP_USER_TIMEOUT" => OptionName::UserTimeout,
        "TCP_SYNCNT" => OptionName::SynRetries,
        "TCP_LINGER2" => OptionName::Linger2,
        "IP_TTL" => OptionName::Ttl,
        "IP_TOS" => OptionName::Tos,
        "IP_MTU_DISCOVER" => OptionName::MtuDiscover,
        _ => return None,
    })
}

/// An option's value as the number `getsockopt` gives.
fn to_number(option: SocketOption) -> Option<i64> {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).ok();
    let size = |size: usize| i64::try_from(size).ok();
    match option {
        SocketOption::ReuseAddress(on)
        | SocketOption::ReusePort(on)
        | SocketOption::Broadcast(on)
        | SocketOption::KeepAlive(on)
        | SocketOption::OutOfBandInline(on)
        | SocketOption::NoDelay(on)
        | SocketOption::Cork(on)
        | SocketOption::QuickAck(on)
        | SocketOption::NoTcpOptions(on)
        | SocketOption::AtMark(on) => Some(i64::from(on)),
        SocketOption::ReceiveBuffer(bytes)
        | SocketOption::SendBuffer(bytes)
        | SocketOption::ReceiveLowWater(bytes) => size(bytes),
        SocketOption::MaxSegment(bytes) => Some(i64::from(bytes)),
        SocketOption::KeepIdle(time)
        | SocketOption::KeepInterval(time)
        | SocketOption::Linger2(time) => seconds(time),
        SocketOption::UserTimeout(time) => i64::try_from(time.as_millis()).ok(),
        SocketOption::KeepCount(number)
        | SocketOption::SynRetries(number)
        | SocketOption::Ttl(number)
        | SocketOption::Tos(number) => Some(i64::from(number)),
        SocketOption::MtuDiscover(mode) => Some(match mode {
            PathMtuDiscovery::Never => 0,
            PathMtuDiscovery::Want => 1,
            PathMtuDiscovery::Always => 2,
            PathMtuDiscovery::Probe => 3,
        }),
        _ => None,
    }
}

/// `getsockopt`.
pub(super) fn get(
    m: &mut Machine,
    handle: Handle,
    call: &Call,
    personality: Personality,
) -> Result<Answer, Stop> {
    let name = name(call)?;
    let expected = match expression(call, 3)? {
        Expression::List(items) if items.len() == 1 => {
            items.first().unwrap_or(&Expression::Supplied)
        }
        other => other,
    };
    if name == "SO_ERROR" {
        let got = m.stack.take_error(handle.socket, m.now).map_or("0", |found| fault(found.kind));
        let wanted = match expected {
            Expression::Name(name) => errno_name(name),
            Expression::Number(0) => "0",
            Expression::Supplied => got,
            other => {
                return Err(Stop::Skip(format!("SO_ERROR by number ({other:?}) is not known")));
            }
        };
        return compared(name, got, wanted);
    }
    let Some(option) = option_name(name) else {
        return Err(Stop::Skip(format!("the option {name} is not simulated")));
    };
    let value = match m.stack.option(handle.socket, option) {
        Ok(value) => value,
        Err(error) => return Ok(Answer::Failed(error.errno())),
    };
    if matches!(expected, Expression::Supplied) {
        return Ok(Answer::Returned(0));
    }
    // FreeBSD rounds buffers to whole segments; RFC 9293 leaves their sizes to the host.
    if personality == Personality::FreeBsd && matches!(name, "SO_RCVBUF" | "SO_SNDBUF") {
        return Ok(Answer::Returned(0));
    }
    if let (SocketOption::Linger(got), Expression::Structure(fields)) = (value, expected) {
        let field = |name| member(fields, name).map_or(Ok(0), |value| number(value, personality));
        let wanted = format!("{} {}", field("onoff")?, field("linger")?);
        let got = format!("{} {}", i64::from(got.is_some()), got.map_or(0, |time| time.as_secs()));
        return compared(name, &got, &wanted);
    }
    let Some(got) = to_number(value) else {
        return Err(Stop::Skip(format!("the option {name} has no number")));
    };
    compared(name, &got.to_string(), &number(expected, personality)?.to_string())
}

fn compared(name: &str, got: &str, wanted: &str) -> Result<Answer, Stop> {
    if got == wanted {
        Ok(Answer::Returned(0))
    } else {
        Err(Stop::Fail(format!("{name} is {got}, expected {wanted}")))
    }
}

/// `ioctl(3, SIOCINQ, [100])`.
pub(super) fn ioctl(
    m: &Machine,
    handle: Handle,
    call: &Call,
    personality: Personality,
) -> Result<Answer, Stop> {
    let Expression::Name(name) = expression(call, 1)? else {
        return Err(Stop::Skip("this ioctl is not known".to_owned()));
    };
    let info = m
        .stack
        .control_info(handle.socket)
        .ok_or_else(|| Stop::Fail("the descriptor is stale".to_owned()))?;
    let got = match name.as_str() {
        "SIOCINQ" | "FIONREAD" => info.receive_queue,
        "SIOCOUTQ" | "TIOCOUTQ" => info.send_queue,
        "SIOCATMARK" => match m.stack.option(handle.socket, OptionName::AtMark) {
            Ok(SocketOption::AtMark(at)) => usize::from(at),
            Ok(_) => 0,
            Err(error) => return Ok(Answer::Failed(error.errno())),
        },
        _ => return Err(Stop::Skip(format!("the ioctl {name} is not simulated"))),
    };
    let wanted = number(expression(call, 2)?, personality)?;
    compared(name, &got.to_string(), &wanted.to_string())
}
