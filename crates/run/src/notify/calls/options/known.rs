//! The options that the stack has: what they are called there, and how their values look to a
//! program. Sets nothing.

use danja::net::{OptionName, PathMtuDiscovery, SocketOption};
use rustix::io::Errno;
use std::time::Duration;

const IP: i32 = libc::IPPROTO_IP;
const TCP: i32 = libc::IPPROTO_TCP;
const SOCKET: i32 = libc::SOL_SOCKET;

/// Options that a socket can be given as another had them.
pub(super) const SETTABLE: [OptionName; 17] = [
    OptionName::ReuseAddress,
    OptionName::ReusePort,
    OptionName::KeepAlive,
    OptionName::KeepIdle,
    OptionName::KeepInterval,
    OptionName::KeepCount,
    OptionName::Linger,
    OptionName::ReceiveLowWater,
    OptionName::NoDelay,
    OptionName::Cork,
    OptionName::SynRetries,
    OptionName::Linger2,
    OptionName::UserTimeout,
    OptionName::Tos,
    OptionName::Ttl,
    OptionName::MtuDiscover,
    OptionName::BindToInterface,
];

/// The stack's name of an option.
pub(super) fn name(level: i32, name: i32) -> Option<OptionName> {
    Some(match (level, name) {
        (SOCKET, libc::SO_REUSEADDR) => OptionName::ReuseAddress,
        (SOCKET, libc::SO_REUSEPORT) => OptionName::ReusePort,
        (SOCKET, libc::SO_KEEPALIVE) => OptionName::KeepAlive,
        (SOCKET, libc::SO_LINGER) => OptionName::Linger,
        (SOCKET, libc::SO_RCVLOWAT) => OptionName::ReceiveLowWater,
        (TCP, libc::TCP_NODELAY) => OptionName::NoDelay,
        (TCP, libc::TCP_MAXSEG) => OptionName::MaxSegment,
        (TCP, libc::TCP_CORK) => OptionName::Cork,
        (TCP, libc::TCP_KEEPIDLE) => OptionName::KeepIdle,
        (TCP, libc::TCP_KEEPINTVL) => OptionName::KeepInterval,
        (TCP, libc::TCP_KEEPCNT) => OptionName::KeepCount,
        (TCP, libc::TCP_SYNCNT) => OptionName::SynRetries,
        (TCP, libc::TCP_LINGER2) => OptionName::Linger2,
        (TCP, libc::TCP_QUICKACK) => OptionName::QuickAck,
        (TCP, libc::TCP_USER_TIMEOUT) => OptionName::UserTimeout,
        (TCP, libc::TCP_CONGESTION) => OptionName::Congestion,
        (IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => OptionName::Tos,
        (IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS) => OptionName::Ttl,
        (IP, libc::IP_MTU_DISCOVER) => OptionName::MtuDiscover,
        _ => return None,
    })
}

/// A value as the program gave it.
pub(super) fn parse(name: OptionName, bytes: &[u8]) -> Result<SocketOption, Errno> {
    if name == OptionName::Congestion {
        if bytes.is_empty() {
            return Err(Errno::INVAL);
        }
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let wanted = std::str::from_utf8(&bytes[..end]).map_err(|_| Errno::NOENT)?;
        // As of a kernel without that module.
        let known = wanted.parse().map_err(|_| Errno::NOENT)?;
        return Ok(SocketOption::Congestion(known));
    }
    if name == OptionName::Linger {
        let on: [u8; 4] = *bytes.first_chunk().ok_or(Errno::INVAL)?;
        let time = bytes.get(4..8).and_then(|time| time.try_into().ok()).ok_or(Errno::INVAL)?;
        let time = u64::try_from(i32::from_ne_bytes(time)).unwrap_or(0xffff_ffff);
        let on = i32::from_ne_bytes(on) != 0;
        return Ok(SocketOption::Linger(on.then_some(Duration::from_secs(time))));
    }
    let value = number(name, bytes)?;
    let small = |value: i32| u8::try_from(value).map_err(|_| Errno::INVAL);
    let seconds =
        |value: i32| u64::try_from(value).map(Duration::from_secs).map_err(|_| Errno::INVAL);
    let on = value != 0;
    Ok(match name {
        OptionName::ReuseAddress => SocketOption::ReuseAddress(on),
        OptionName::ReusePort => SocketOption::ReusePort(on),
        OptionName::KeepAlive => SocketOption::KeepAlive(on),
        OptionName::NoDelay => SocketOption::NoDelay(on),
        OptionName::Cork => SocketOption::Cork(on),
        OptionName::QuickAck => SocketOption::QuickAck(on),
        OptionName::ReceiveLowWater => {
            SocketOption::ReceiveLowWater(usize::try_from(value).unwrap_or(usize::MAX >> 33))
        }
        OptionName::MaxSegment => {
            SocketOption::MaxSegment(u16::try_from(value).map_err(|_| Errno::INVAL)?)
        }
        OptionName::KeepIdle => SocketOption::KeepIdle(seconds(value)?),
        OptionName::KeepInterval => SocketOption::KeepInterval(seconds(value)?),
        OptionName::KeepCount => SocketOption::KeepCount(small(value)?),
        OptionName::SynRetries => SocketOption::SynRetries(small(value)?),
        // As Linux: none is the default, and less than none is none at all.
        OptionName::Linger2 if value == 0 => SocketOption::Linger2(Duration::from_secs(60)),
        OptionName::Linger2 => SocketOption::Linger2(seconds(value.max(0))?),
        OptionName::UserTimeout => {
            let time = u64::try_from(value).map_err(|_| Errno::INVAL)?;
            SocketOption::UserTimeout(Duration::from_millis(time))
        }
        // As Linux: the default again.
        OptionName::Ttl if value == -1 => SocketOption::Ttl(64),
        OptionName::Ttl => SocketOption::Ttl(small(value)?),
        // As Linux: the default again.
        OptionName::Tos if value == -1 => SocketOption::Tos(0),
        OptionName::Tos => SocketOption::Tos(value as u8),
        OptionName::MtuDiscover => SocketOption::MtuDiscover(match value {
            libc::IP_PMTUDISC_DONT => PathMtuDiscovery::Never,
            libc::IP_PMTUDISC_WANT => PathMtuDiscovery::Want,
            libc::IP_PMTUDISC_DO => PathMtuDiscovery::Always,
            libc::IP_PMTUDISC_PROBE => PathMtuDiscovery::Probe,
            _ => return Err(Errno::INVAL),
        }),
        _ => return Err(Errno::NOPROTOOPT),
    })
}

/// Options of IP may be one byte long.
fn number(name: OptionName, bytes: &[u8]) -> Result<i32, Errno> {
    match (bytes.first_chunk(), bytes.first()) {
        (Some(number), _) => Ok(i32::from_ne_bytes(*number)),
        (None, Some(byte))
            if matches!(name, OptionName::Tos | OptionName::Ttl | OptionName::MtuDiscover) =>
        {
            Ok(i32::from(*byte))
        }
        _ => Err(Errno::INVAL),
    }
}

/// As the program reads it.
pub(super) fn emit(option: &SocketOption) -> Vec<u8> {
    let seconds = |time: Duration| i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
    let value = match *option {
        SocketOption::ReuseAddress(on)
        | SocketOption::ReusePort(on)
        | SocketOption::KeepAlive(on)
        | SocketOption::OutOfBandInline(on)
        | SocketOption::NoDelay(on)
        | SocketOption::Cork(on)
        | SocketOption::QuickAck(on) => i32::from(on),
        SocketOption::Linger(time) => {
            let mut bytes = i32::from(time.is_some()).to_ne_bytes().to_vec();
            bytes.extend(time.map_or(0, seconds).to_ne_bytes());
            return bytes;
        }
        SocketOption::ReceiveLowWater(bytes) => i32::try_from(bytes).unwrap_or(i32::MAX),
        SocketOption::MaxSegment(size) => i32::from(size),
        SocketOption::KeepIdle(time)
        | SocketOption::KeepInterval(time)
        | SocketOption::Linger2(time) => seconds(time),
        SocketOption::KeepCount(count) | SocketOption::SynRetries(count) => i32::from(count),
        SocketOption::UserTimeout(time) => i32::try_from(time.as_millis()).unwrap_or(i32::MAX),
        SocketOption::Ttl(value) | SocketOption::Tos(value) => i32::from(value),
        SocketOption::MtuDiscover(how) => match how {
            PathMtuDiscovery::Never => libc::IP_PMTUDISC_DONT,
            PathMtuDiscovery::Want => libc::IP_PMTUDISC_WANT,
            PathMtuDiscovery::Always => libc::IP_PMTUDISC_DO,
            PathMtuDiscovery::Probe => libc::IP_PMTUDISC_PROBE,
        },
        SocketOption::Congestion(which) => {
            // The kernel's buffer for such names.
            let mut bytes = which.name().as_bytes().to_vec();
            bytes.resize(16, 0);
            return bytes;
        }
        _ => 0,
    };
    value.to_ne_bytes().to_vec()
}
