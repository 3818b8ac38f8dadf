//! What `sysctl` lines and script options mean for the simulated stack's configuration. Names of
//! Linux and of FreeBSD; a name that is not known makes the script not applicable.

use super::Personality;
use core::time::Duration;
use danja_stack::config::{BufferLimits, Config};

/// The configuration a script of this personality begins with.
pub(super) fn initial(personality: Personality) -> Config {
    let mut config = Config::default();
    match personality {
        Personality::Linux => {
            config.tcp.receive_buffer = BufferLimits { initial: 540_000, max: 15_728_640 };
            config.tcp.send_buffer = BufferLimits { initial: 262_144, max: 4_194_304 };
        }
        Personality::FreeBsd => {
            config.tcp.receive_buffer = BufferLimits { initial: 65_536, max: 2_097_152 };
            config.tcp.send_buffer = BufferLimits { initial: 32_768, max: 2_097_152 };
            config.tcp.quick_ack_start = false;
            config.tcp.delayed_ack = Duration::from_millis(100);
            // FreeBSD's ack_war_cnt, within its ack_war_timewindow of a second.
            config.tcp.challenge_acks_per_second = 5;
            // The guide scripts' STANDARD branches expect a challenge ACK in TIME-WAIT.
            config.tcp.time_wait_reuse = false;
        }
    }
    config
}

/// Applies one setting to a running stack's configuration.
///
/// # Errors
/// The script asks for what this stack does not do: it is not applicable.
pub(super) fn apply(config: &mut Config, name: &str, value: &str) -> Result<(), String> {
    let words: Option<Vec<u64>> = value.split_whitespace().map(number).collect();
    let known = match words.filter(|words| !words.is_empty()) {
        Some(numbers) => {
            let first = numbers.first().copied().unwrap_or(0);
            if let Some(name) = name.strip_prefix("net.ipv4.") {
                linux(config, name, first, &numbers)
            } else {
                freebsd(config, name, first)
            }
        }
        None => congestion(config, name, value),
    };
    if known { Ok(()) } else { Err(format!("{name}={value} is not something this stack has")) }
}

/// The congestion control, by the name that either system has for it.
fn congestion(config: &mut Config, name: &str, value: &str) -> bool {
    if !matches!(name, "net.ipv4.tcp_congestion_control" | "net.inet.tcp.cc.algorithm") {
        return false;
    }
    let name = if value == "newreno" { "reno" } else { value };
    name.parse().is_ok_and(|which| {
        config.tcp.congestion = which;
        true
    })
}

fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

fn small(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// FreeBSD's names; `false` for what this stack does not have. Times are in milliseconds.
fn freebsd(config: &mut Config, name: &str, value: u64) -> bool {
    let time = Duration::from_millis(value);
    let on = value != 0;
    let size = usize::try_from(value).unwrap_or(usize::MAX);
    let tcp = &mut config.tcp;
    match name {
        "net.inet.tcp.rfc1323" => {
            // 2 is window scaling alone, 3 timestamps alone.
            (tcp.window_scaling, tcp.timestamps) = (matches!(value, 1 | 2), matches!(value, 1 | 3));
        }
        "net.inet.tcp.sack.enable" => tcp.sack = on,
        "net.inet.tcp.recvspace" => tcp.receive_buffer.initial = size,
        "net.inet.tcp.sendspace" => tcp.send_buffer.initial = size,
        "kern.ipc.maxsockbuf" => (tcp.receive_buffer.max, tcp.send_buffer.max) = (size, size),
        "net.inet.tcp.rexmit_initial" => tcp.initial_rto = time,
        "net.inet.tcp.delacktime" => tcp.delayed_ack = time,
        "net.inet.tcp.delayed_ack" => {
            tcp.delayed_ack = if on { tcp.delayed_ack } else { Duration::ZERO }
        }
        "net.inet.tcp.msl" => tcp.time_wait = time.saturating_mul(2),
        "net.inet.tcp.finwait2_timeout" => tcp.fin_wait_2 = time,
        "net.inet.tcp.keepidle" => tcp.keep_idle = time,
        "net.inet.tcp.keepintvl" => tcp.keep_interval = time,
        "net.inet.tcp.keepcnt" => tcp.keep_count = small(value),
        "net.inet.tcp.initcwnd_segments" => {
            tcp.initial_window = u32::try_from(value).unwrap_or(u32::MAX)
        }
        "net.inet.tcp.ack_war_cnt" => {
            tcp.challenge_acks_per_second = u32::try_from(value).unwrap_or(u32::MAX);
        }
        "net.inet.tcp.syncookies" => tcp.syn_cookies = on,
        "net.inet.ip.ttl" => config.ip.ttl = small(value),
        // Answering ECN only when asked is what a stack without ECN does towards peers that do
        // not ask; 1 would ask for it.
        "net.inet.tcp.ecn.enable" => return value != 1,
        // What this stack does in any case, and the values that say so.
        "net.inet.tcp.blackhole"
        | "net.inet.tcp.insecure_syn"
        | "net.inet.tcp.insecure_rst"
        | "net.inet.tcp.insecure_ack"
        | "net.inet.tcp.rexmit_drop_options"
        | "net.inet.tcp.drop_synfin"
        | "net.inet.tcp.syncookies_only"
        | "net.inet.tcp.always_keepalive"
        | "net.inet.tcp.fastopen.server_enable"
        | "net.inet.tcp.fastopen.client_enable"
        | "net.inet.tcp.log_in_vain" => return !on,
        "net.inet.tcp.rfc3390"
        | "net.inet.tcp.path_mtu_discovery"
        | "net.inet.tcp.icmp_may_rst" => return on,
        // No effect on what the wire shows of this stack: caches that a new machine has not, a
        // slop that the time tolerance covers, limits that no script reaches, automatic growth.
        "net.inet.tcp.hostcache.purgenow"
        | "net.inet.tcp.hostcache.purge"
        | "net.inet.tcp.rexmit_slop"
        | "net.inet.tcp.rexmit_min"
        | "net.inet.tcp.keepinit"
        | "net.inet.tcp.recvbuf_auto"
        | "net.inet.tcp.recvbuf_max"
        | "net.inet.tcp.sendbuf_auto"
        | "net.inet.tcp.sendbuf_max"
        | "net.inet.tcp.sendbuf_inc"
        | "net.inet.tcp.reass.maxqueuelen"
        | "net.inet.tcp.nolocaltimewait"
        | "net.inet.tcp.ts_offset_per_conn"
        | "net.inet.tcp.tso"
        | "net.inet.icmp.icmplim"
        | "kern.ipc.soacceptqueue" => {}
        _ => return false,
    }
    true
}

/// Linux's names, without `net.ipv4.`; `false` for what this stack does not have. Times are in
/// seconds.
fn linux(config: &mut Config, name: &str, value: u64, numbers: &[u64]) -> bool {
    let time = Duration::from_secs(value);
    let on = value != 0;
    let tcp = &mut config.tcp;
    match name {
        "tcp_sack" => tcp.sack = on,
        "tcp_timestamps" => tcp.timestamps = on,
        "tcp_window_scaling" => tcp.window_scaling = on,
        "tcp_rmem" => tcp.receive_buffer = limits(numbers),
        "tcp_wmem" => tcp.send_buffer = limits(numbers),
        "tcp_syn_retries" => tcp.syn_retries = small(value),
        "tcp_synack_retries" => tcp.syn_ack_retries = small(value),
        "tcp_retries2" => tcp.retries = small(value),
        "tcp_orphan_retries" => tcp.orphan_retries = small(value),
        "tcp_fin_timeout" => tcp.fin_wait_2 = time,
        "tcp_keepalive_time" => tcp.keep_idle = time,
        "tcp_keepalive_intvl" => tcp.keep_interval = time,
        "tcp_keepalive_probes" => tcp.keep_count = small(value),
        "tcp_rto_min_us" => tcp.min_rto = Duration::from_micros(value),
        "tcp_rto_max_ms" => tcp.max_rto = Duration::from_millis(value),
        "tcp_min_snd_mss" => tcp.min_mss = u16::try_from(value).unwrap_or(u16::MAX),
        "tcp_syncookies" => tcp.syn_cookies = on,
        "tcp_tw_reuse" => tcp.time_wait_reuse = on,
        "ip_default_ttl" => config.ip.ttl = small(value),
        // 1 would ask for ECN.
        "tcp_ecn" => return value != 1,
        // What this stack does in any case, and the values that say so.
        "tcp_dsack" => return on,
        "tcp_fack" | "tcp_mtu_probing" | "tcp_rfc1337" | "tcp_stdurg" | "tcp_abort_on_overflow" => {
            return !on;
        }
        // No effect on what the wire shows of this stack: sizes of offloaded packets (pieces are
        // joined before they are compared), caches that a new machine has not, limits that no
        // script reaches.
        "tcp_no_metrics_save"
        | "tcp_tso_win_divisor"
        | "tcp_min_tso_segs"
        | "tcp_autocorking"
        | "tcp_limit_output_bytes"
        | "tcp_notsent_lowat"
        | "tcp_moderate_rcvbuf"
        | "tcp_max_syn_backlog"
        | "tcp_invalid_ratelimit"
        | "tcp_challenge_ack_limit" => {}
        _ => return false,
    }
    true
}

/// Linux's triple: least, initial, most.
fn limits(numbers: &[u64]) -> BufferLimits {
    let at = |index: usize| {
        numbers
            .get(index)
            .or_else(|| numbers.last())
            .map_or(0, |n| usize::try_from(*n).unwrap_or(usize::MAX))
    };
    BufferLimits { initial: at(1), max: at(2) }
}

#[cfg(test)]
mod tests {
    use super::{Personality, apply, initial};
    use core::time::Duration;

    #[test]
    fn settings_reach_the_configuration() {
        let mut config = initial(Personality::FreeBsd);
        for (name, value) in [
            ("net.inet.tcp.rfc1323", "0"),
            ("net.inet.tcp.sack.enable", "0"),
            ("net.inet.tcp.keepidle", "1500"),
            ("kern.ipc.maxsockbuf", "73728"),
            ("net.ipv4.tcp_wmem", "4096 16384 99999"),
        ] {
            assert_eq!(apply(&mut config, name, value), Ok(()), "{name}");
        }
        assert!(!config.tcp.timestamps && !config.tcp.window_scaling && !config.tcp.sack);
        assert_eq!(config.tcp.keep_idle, Duration::from_millis(1500));
        assert_eq!(config.tcp.receive_buffer.max, 73_728);
        assert_eq!((config.tcp.send_buffer.initial, config.tcp.send_buffer.max), (16_384, 99_999));
    }

    #[test]
    fn what_the_stack_does_not_have_is_refused() {
        let mut config = initial(Personality::FreeBsd);
        for (name, value) in [
            ("net.inet.tcp.insecure_syn", "1"),
            ("net.inet.tcp.ecn.enable", "1"),
            ("net.inet.tcp.rexmit_drop_options", "1"),
            ("net.inet.tcp.udp_tunneling_port", "9811"),
            ("net.inet.tcp.sack.enable", "yes"),
            ("net.inet.tcp.sack.enable", ""),
        ] {
            assert!(apply(&mut config, name, value).is_err(), "{name}");
        }
    }
}
