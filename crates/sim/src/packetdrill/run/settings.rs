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
    let not_applicable = || Err(format!("{name}={value} is not something this stack has"));
    let numbers: Option<Vec<u64>> =
        value.split_whitespace().map(|word| word.parse().ok()).collect();
    let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
        return not_applicable();
    };
    let first = numbers.first().copied().unwrap_or(0);
    let milliseconds = Duration::from_millis(first);
    let seconds = Duration::from_secs(first);
    let on = first != 0;
    let count = || u8::try_from(first).unwrap_or(u8::MAX);
    let size = usize::try_from(first).unwrap_or(usize::MAX);
    let tcp = &mut config.tcp;
    match name {
        "net.inet.tcp.rfc1323" => {
            (tcp.window_scaling, tcp.timestamps) =
                (first == 1 || first == 2, first == 1 || first == 3)
        }
        "net.inet.tcp.sack.enable" | "net.ipv4.tcp_sack" => tcp.sack = on,
        "net.inet.tcp.recvspace" => tcp.receive_buffer.initial = size,
        "net.inet.tcp.sendspace" => tcp.send_buffer.initial = size,
        "kern.ipc.maxsockbuf" => (tcp.receive_buffer.max, tcp.send_buffer.max) = (size, size),
        "net.inet.tcp.rexmit_initial" => tcp.initial_rto = milliseconds,
        "net.inet.tcp.keepidle" => tcp.keep_idle = milliseconds,
        "net.inet.tcp.keepintvl" => tcp.keep_interval = milliseconds,
        "net.inet.tcp.keepcnt" | "net.ipv4.tcp_keepalive_probes" => tcp.keep_count = count(),
        "net.ipv4.tcp_timestamps" => tcp.timestamps = on,
        "net.ipv4.tcp_window_scaling" => tcp.window_scaling = on,
        "net.ipv4.tcp_rmem" => tcp.receive_buffer = limits(&numbers),
        "net.ipv4.tcp_wmem" => tcp.send_buffer = limits(&numbers),
        "net.ipv4.tcp_syn_retries" => tcp.syn_retries = count(),
        "net.ipv4.tcp_synack_retries" => tcp.syn_ack_retries = count(),
        "net.ipv4.tcp_retries2" => tcp.retries = count(),
        "net.ipv4.tcp_orphan_retries" => tcp.orphan_retries = count(),
        "net.ipv4.tcp_fin_timeout" => tcp.fin_wait_2 = seconds,
        "net.ipv4.tcp_keepalive_time" => tcp.keep_idle = seconds,
        "net.ipv4.tcp_keepalive_intvl" => tcp.keep_interval = seconds,
        "net.ipv4.tcp_syncookies" => tcp.syn_cookies = on,
        "net.ipv4.tcp_tw_reuse" => tcp.time_wait_reuse = on,
        "net.ipv4.ip_default_ttl" | "net.inet.ip.ttl" => config.ip.ttl = count(),
        // Answering ECN only when asked is what a stack without ECN does towards peers that do
        // not ask; 1 would ask for it.
        "net.inet.tcp.ecn.enable" | "net.ipv4.tcp_ecn" if first != 1 => {}
        // What this stack does in any case, and the values that say so.
        "net.inet.tcp.blackhole"
        | "net.inet.tcp.insecure_syn"
        | "net.inet.tcp.insecure_rst"
        | "net.inet.tcp.rexmit_drop_options"
            if first == 0 => {}
        // No effect on what the wire shows of this stack: caches that a new machine has not, a
        // slop that the time tolerance covers, limits that no script reaches.
        "net.inet.tcp.hostcache.purgenow"
        | "net.inet.tcp.rexmit_slop"
        | "net.inet.tcp.keepinit"
        | "net.ipv4.tcp_no_metrics_save"
        | "net.ipv4.tcp_tso_win_divisor"
        | "net.ipv4.tcp_min_tso_segs" => {}
        _ => return not_applicable(),
    }
    Ok(())
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
