//! Segment sizes (RFC 9293 §3.7.1, RFC 6691): what we announce and what we send.

use super::socket_options::StreamOptions;
use super::tcb::Tcb;
use crate::config::TcpConfig;
use crate::packet::Path;
use core::net::IpAddr;

/// Bytes of a timestamps option with its padding.
const TIMESTAMPS: u32 = 12;

// RFC 9293 §3.7.1 (MUST-15): without an MSS option the peer's is 536 (IPv4) or 1220 (IPv6).
const fn default_mss(remote: IpAddr) -> u16 {
    match remote {
        IpAddr::V4(_) => 536,
        IpAddr::V6(_) => 1_220,
    }
}

const fn headers(remote: IpAddr) -> usize {
    match remote {
        IpAddr::V4(_) => 40,
        IpAddr::V6(_) => 60,
    }
}

// RFC 9293 §3.7.1 (MUST-67): no more than what the path's MTU leaves.
pub(super) fn announced(config: &TcpConfig, options: &StreamOptions, path: &Path) -> u16 {
    let by_mtu = path.mtu.saturating_sub(headers(path.source));
    if options.no_options {
        // It is not announced, and the peer assumes this.
        return default_mss(path.source);
    }
    let limit = |limit: u16| if limit == 0 { u16::MAX } else { limit };
    let wanted = limit(config.max_mss).min(limit(options.max_segment));
    u16::try_from(by_mtu).unwrap_or(u16::MAX).min(wanted)
}

/// What the peer announced, raised to the floor.
pub(super) fn accepted(config: &TcpConfig, remote: IpAddr, mss: Option<u16>) -> u16 {
    mss.unwrap_or_else(|| default_mss(remote)).max(config.min_mss)
}

/// Computes the payload of a full segment again: the peer's limit, the path's MTU, and the
/// socket's own limit, less the options of every segment (RFC 6691, MUST-16).
pub(super) fn adapt(tcb: &mut Tcb) {
    let by_mtu = tcb.path.mtu.saturating_sub(headers(tcb.remote.ip()));
    let own = match tcb.options.get().max_segment {
        0 => u16::MAX,
        size => size,
    };
    let most =
        u32::from(tcb.agreed.peer_mss.min(own)).min(u32::try_from(by_mtu).unwrap_or(u32::MAX));
    let options = if tcb.agreed.timestamps { TIMESTAMPS } else { 0 };
    tcb.snd_mss = most.saturating_sub(options).max(8);
}
