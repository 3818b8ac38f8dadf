//! The hosts of a plan: their knobs, and how bad their links are.

use crate::world::{Burst, Bursts, HostConfig, Impairment, Random};
use danja_stack::Config;
use danja_stack::config::BufferLimits;
use danja_stack::socket::Congestion;
use std::time::Duration;

/// How bad the links of a world are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quality {
    /// They delay, at most.
    Perfect,
    /// They lose a frame now and then, and let some overtake others.
    Fair,
    /// The same, twice over, and bits flip.
    Bad,
    /// Loss comes in bursts.
    Bursty,
    /// Almost nothing gets through.
    Awful,
}

impl Quality {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(20) {
            0..=3 => Self::Perfect,
            4..=9 => Self::Fair,
            10..=15 => Self::Bad,
            16..=18 => Self::Bursty,
            _ => Self::Awful,
        }
    }

    pub(super) const fn is_lossy(self) -> bool {
        !matches!(self, Self::Perfect)
    }

    pub(super) const fn is_corrupting(self) -> bool {
        matches!(self, Self::Bad | Self::Bursty | Self::Awful)
    }
}

/// The hosts.
pub(super) fn hosts(random: &mut Random, count: usize, quality: Quality) -> Vec<HostConfig> {
    let mixed = random.percent(40);
    let common = mtu(random);
    (0..count)
        .map(|number| {
            let mut host = HostConfig::new(&format!("host{number}"));
            host.mtu = if mixed { mtu(random) } else { common };
            host.stack = knobs(random, quality);
            host.up = link(random, quality, true);
            host.down = link(random, quality, false);
            host.offload = random.percent(40);
            host.driver_buffer = random.pick([0, 2048, 2048, 4096]);
            if random.percent(20) {
                let pause = Duration::from_micros(random.between(10, 2_000));
                host.burst = Some(Burst { frames: random.magnitude(64), pause });
            }
            if random.percent(30) {
                host.coalesce = Duration::from_micros(random.between(1, 1_000));
            }
            if random.percent(30) {
                host.lateness = Duration::from_micros(random.between(1, 5_000));
            }
            host
        })
        .collect()
}

fn mtu(random: &mut Random) -> usize {
    random.pick([1500, 1500, 1500, 1500, 576, 1006, 1280, 4000, 9000])
}

fn knobs(random: &mut Random, quality: Quality) -> Config {
    let mut config = Config::default();
    let tcp = &mut config.tcp;
    if quality.is_lossy() && random.percent(50) {
        // Some give up sooner than they may on a real network, so that they do.
        (tcp.syn_retries, tcp.syn_ack_retries) = (random.pick([3, 5, 7]), random.pick([3, 5]));
        (tcp.retries, tcp.orphan_retries) = (random.pick([4, 8, 15]), random.pick([3, 8]));
    }
    tcp.timestamps = !random.percent(25);
    tcp.sack = !random.percent(25);
    tcp.window_scaling = !random.percent(25);
    tcp.quick_ack_start = !random.percent(25);
    tcp.delayed_ack = Duration::from_millis(random.pick([1, 40, 40, 200]));
    // A receiver whose window closes often, a sender that must wait often, and both at will.
    tcp.receive_buffer = buffer(random, tcp.receive_buffer);
    tcp.send_buffer = buffer(random, tcp.send_buffer);
    if random.percent(10) {
        tcp.max_mss = random.size(100, 1460) as u16;
    }
    if random.percent(20) {
        config.limits.buffer_bytes = random.size(128 << 10, 4 << 20);
    }
    tcp.time_wait = Duration::from_secs(random.pick([1, 10, 60, 60]));
    if random.percent(20) {
        // So few ports that connections meet what is left of earlier ones.
        tcp.time_wait = Duration::from_secs(random.pick([1, 10]));
        let first = random.between(49_152, 60_000) as u16;
        config.ip.ephemeral_ports = (first, first + random.between(3, 20) as u16);
    }
    if random.percent(10) {
        config.limits.out_of_order_ranges = random.size(1, 16);
    }
    config.tcp.congestion = random.pick([Congestion::Reno, Congestion::Cubic]);
    config
}

fn buffer(random: &mut Random, default: BufferLimits) -> BufferLimits {
    match random.below(5) {
        0 => {
            let size = random.size(2_048, 16_384);
            BufferLimits { initial: size, max: size }
        }
        1 => {
            BufferLimits { initial: random.size(4_096, 65_536), max: random.size(65_536, 1 << 20) }
        }
        _ => default,
    }
}

/// One direction. Bits flip on the way up only: one flipped bit in a frame is always found by
/// the checksums, a second one on the way down may hide the first.
fn link(random: &mut Random, quality: Quality, up: bool) -> Impairment {
    let delay = Duration::from_nanos(random.magnitude(80_000_000) as u64);
    let mut plain = Impairment::default().with_delay(delay);
    if random.percent(25) {
        plain = plain.with_rate(random.between(500_000, 100_000_000));
    }
    if quality.is_lossy() && random.percent(25) {
        plain = plain.with_limit(random.size(5, 100));
    }
    let share = |random: &mut Random, most: f64| random.below(1_000_000) as f64 * 1e-6 * most;
    let jitter = Duration::from_micros(random.below(20_000));
    let hold = Duration::from_micros(random.below(50_000));
    let corrupt = |plain: Impairment, random: &mut Random, most: f64| {
        if up { plain.with_corrupt(share(random, most)) } else { plain }
    };
    match quality {
        Quality::Perfect => plain,
        Quality::Fair => plain
            .with_jitter(jitter)
            .with_loss(share(random, 0.01))
            .with_hold(hold)
            .with_reorder(share(random, 0.02)),
        Quality::Bad => corrupt(plain, random, 0.02)
            .with_jitter(jitter)
            .with_loss(share(random, 0.04))
            .with_hold(hold)
            .with_reorder(share(random, 0.1))
            .with_duplicate(share(random, 0.05)),
        Quality::Bursty => corrupt(plain, random, 0.01)
            .with_bursts(Bursts::with_mean(share(random, 0.03), 1.0 + share(random, 5.0)))
            .with_hold(hold)
            .with_reorder(share(random, 0.05))
            .with_duplicate(share(random, 0.03)),
        Quality::Awful => corrupt(plain, random, 0.1)
            .with_jitter(jitter)
            .with_loss(share(random, 0.15))
            .with_hold(hold)
            .with_reorder(share(random, 0.3))
            .with_duplicate(share(random, 0.3)),
    }
}
