//! The sockets of a kernel that shares a host's address in a network namespace of its own: what
//! the stack does not carry, read from `/proc`. Enters no namespace.

use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The datagram sockets of a process's network namespace, with the members of the stack's own,
/// and `via`: `tun`. There are none if it is gone or has no namespace of its own.
pub(crate) fn sockets(process: u32) -> Vec<Value> {
    let namespace = |who: &str| fs::read_link(format!("/proc/{who}/ns/net")).ok();
    let theirs = namespace(&process.to_string());
    // In the machine's own namespace these would be everybody's.
    if theirs.is_some() && theirs == namespace("self") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (kind, file) in [("udp", "udp"), ("ping", "icmp"), ("raw", "raw")] {
        let text = fs::read_to_string(format!("/proc/{process}/net/{file}")).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(|line| socket(kind, line)));
    }
    found
}

/// One line of `/proc/net/udp`, whose numbers are hexadecimal (`proc_net_udp`(5)).
fn socket(kind: &str, line: &str) -> Option<Value> {
    let mut fields = line.split_whitespace().skip(1);
    let local = endpoint(fields.next()?)?;
    let remote = endpoint(fields.next()?)?;
    let _state = fields.next()?;
    let (sending, receiving) = fields.next()?.split_once(':')?;
    let queue = |text| u64::from_str_radix(text, 16).ok();
    let remote = (remote.port() != 0 || !remote.ip().is_unspecified()).then_some(remote);
    Some(json!({
        "kind": kind, "via": "tun", "state": null, "local": local, "remote": remote,
        "send_queue": queue(sending)?, "receive_queue": queue(receiving)?, "tcp": null,
    }))
}

/// `0F02000A:0035`: the address as a number in the machine's byte order, and the port.
fn endpoint(text: &str) -> Option<SocketAddrV4> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok()?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(SocketAddrV4::new(Ipv4Addr::from(address.to_ne_bytes()), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_becomes_a_socket() {
        let line = "  412: 0F02000A:C001 0202000A:0035 01 00000010:00000020 00:00000000 00000000 \
                    1000        0 3029 2 0000000000000000 0";
        let seen = socket("udp", line).unwrap();
        if cfg!(target_endian = "little") {
            assert_eq!(
                (&seen["local"], &seen["remote"]),
                (&json!("10.0.2.15:49153"), &json!("10.0.2.2:53"))
            );
        }
        assert_eq!((&seen["send_queue"], &seen["receive_queue"]), (&json!(16), &json!(32)));
        assert_eq!(seen["via"], "tun");
        let unconnected = "  1: 00000000:0044 00000000:0000 07 00000000:00000000 0";
        assert!(socket("udp", unconnected).unwrap()["remote"].is_null());
        assert!(socket("udp", "nonsense").is_none() && socket("udp", "").is_none());
    }

    #[test]
    fn the_machines_own_sockets_are_not_shown() {
        let _socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(sockets(std::process::id()).is_empty());
    }
}
