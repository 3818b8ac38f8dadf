//! Opening connections: active, passive, by cookie, and after the application's verdict; and
//! what the options of two SYNs agree on.

pub(super) mod active;
pub(super) mod admit;
pub(super) mod cookie;
pub(super) mod passive;

use super::mss;
use super::record::Syn;
use super::socket_options::StreamOptions;
use super::tcb::{Agreed, Tcb};
use crate::config::TcpConfig;
use crate::core_state::Core;
use crate::packet::Path;
use core::net::IpAddr;

// RFC 7323 §2.3: the smallest shift by which the largest buffer fits, 14 at the most.
fn window_shift(buffer: usize) -> u8 {
    let over = buffer.checked_shr(16).unwrap_or(0);
    let bits = usize::BITS.saturating_sub(over.leading_zeros());
    u8::try_from(bits.min(14)).unwrap_or(14)
}

/// The window that a SYN or SYN-ACK announces: never scaled.
pub(super) fn initial_window(limit: usize) -> u32 {
    u32::try_from(limit.min(65_535)).unwrap_or(65_535)
}

/// What a SYN of ours offers; `buffer` is what the receive buffer may grow to.
pub(super) fn offer(
    config: &TcpConfig,
    options: &StreamOptions,
    path: &Path,
    buffer: usize,
) -> Agreed {
    let any = !options.no_options;
    Agreed {
        timestamps: any && config.timestamps,
        sack: any && config.sack,
        window_scaling: any && config.window_scaling,
        snd_wind_shift: 0,
        rcv_wind_shift: window_shift(buffer),
        peer_mss: 0,
        rcv_mss: mss::announced(config, options, path),
        announces_mss: any,
    }
}

/// What both sides said: an option counts if both have it.
pub(super) fn agreement(config: &TcpConfig, remote: IpAddr, ours: Agreed, syn: &Syn) -> Agreed {
    let scaling = ours.window_scaling && syn.window_scale.is_some();
    Agreed {
        timestamps: ours.timestamps && syn.timestamp.is_some(),
        sack: ours.sack && syn.sack_permitted,
        window_scaling: scaling,
        // RFC 7323 §2.3: a shift above 14 counts as 14.
        snd_wind_shift: if scaling { syn.window_scale.unwrap_or(0).min(14) } else { 0 },
        rcv_wind_shift: if scaling { ours.rcv_wind_shift } else { 0 },
        peer_mss: mss::accepted(config, remote, syn.mss),
        rcv_mss: ours.rcv_mss,
        announces_mss: ours.announces_mss,
    }
}

/// The peer's SYN came in SYN-SENT.
pub(super) fn agree(core: &Core, tcb: &mut Tcb, syn: &Syn) {
    tcb.agreed = agreement(&core.config.tcp, tcb.remote.ip(), tcb.agreed, syn);
    mss::adapt(tcb);
}
