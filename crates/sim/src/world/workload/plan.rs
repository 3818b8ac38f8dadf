//! What happens in a world, drawn from its seed before it begins.

use crate::world::HostId;
use crate::world::random::Random;
use core::time::Duration;
use danja_lan::impair::{Bursts, Impairment};
use danja_stack::config::{BufferLimits, Config};
use danja_wire::Instant;

/// A host's part of a plan.
#[derive(Clone, Debug)]
pub(super) struct HostPlan {
    pub(super) config: Config,
    pub(super) seed: u64,
    pub(super) max_segmented: usize,
    pub(super) up: Impairment,
    pub(super) down: Impairment,
}

/// Whom a client calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A listener of this host.
    Listener(HostId),
    /// A port of this host at which nobody listens.
    ClosedPort(HostId),
    /// An address that no host has.
    AbsentHost,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Each side ends its direction when it has sent all, and reads on until the other does.
    Graceful,
    /// The server sends nothing before the client has ended its direction.
    Request,
    /// The client resets the connection after this many bytes.
    Abort(u64),
}

/// How a side reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// At most this many bytes each time.
    pub(super) chunk: usize,
    /// So long between two times; zero for "whenever something is there".
    pub(super) gap: Duration,
}

/// A TCP connection.
#[derive(Clone, Debug)]
pub(super) struct StreamPlan {
    pub(super) client: HostId,
    pub(super) target: Target,
    pub(super) start: Instant,
    /// Bytes from the client, and from the server.
    pub(super) bytes: [u64; 2],
    pub(super) ending: Ending,
    /// How the client reads, and the server.
    pub(super) pace: [Pace; 2],
}

/// Some datagrams from one host to another.
#[derive(Clone, Debug)]
pub(super) struct DatagramPlan {
    pub(super) from: HostId,
    pub(super) to: HostId,
    pub(super) start: Instant,
    pub(super) sizes: Vec<usize>,
}

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) mtu: usize,
    pub(super) hosts: Vec<HostPlan>,
    pub(super) streams: Vec<StreamPlan>,
    pub(super) datagrams: Vec<DatagramPlan>,
    /// Links may lose frames, or make them unreadable.
    pub(super) lossy: bool,
}

/// Bytes of all streams of a world, at most: what keeps thousands of worlds affordable.
const MOST_BYTES: u64 = 3 << 20;

impl Plan {
    /// The plan of this seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        // Small worlds are more frequent; one in ten has up to 50 hosts.
        let most = if random.one_in(10) { 50 } else { 12 };
        let count = random.between(2, most) as usize;
        let mtu = *[1500, 1500, 1500, 9000, 1280, 576].get(random.index(6)).unwrap_or(&1500);
        let quality = random.index(4);
        let hosts: Vec<HostPlan> = (0..count).map(|_| host(&mut random, quality)).collect();
        let lossy = quality > 0;
        let mut left = MOST_BYTES;
        let streams = (0..random.between(1, 3 * count as u64))
            .map(|_| stream(&mut random, count, &mut left))
            .collect();
        let datagrams =
            (0..random.below(count as u64)).map(|_| datagrams(&mut random, count)).collect();
        Self { mtu, hosts, streams, datagrams, lossy }
    }
}

fn host(random: &mut Random, quality: usize) -> HostPlan {
    let mut config = Config::default();
    match random.index(4) {
        // A receiver that closes its window often.
        0 => config.tcp.receive_buffer = BufferLimits { initial: 4_096, max: 4_096 },
        1 => config.tcp.send_buffer = BufferLimits { initial: 4_096, max: 8_192 },
        _ => {}
    }
    if random.one_in(5) {
        config.limits.buffer_bytes = 512 << 10;
    }
    config.tcp.timestamps = !random.one_in(4);
    config.tcp.sack = !random.one_in(4);
    config.tcp.window_scaling = !random.one_in(4);
    HostPlan {
        config,
        seed: random.bits(),
        max_segmented: if random.one_in(3) { 65_535 } else { 0 },
        up: link(random, quality),
        down: link(random, quality),
    }
}

/// Quality 0 loses nothing, 3 is the worst.
fn link(random: &mut Random, quality: usize) -> Impairment {
    let plain = Impairment::default().with_delay(Duration::from_micros(random.between(1, 50_000)));
    let plain =
        if random.one_in(4) { plain.with_rate(random.between(1, 100) * 1_000_000) } else { plain };
    let jitter = |random: &mut Random| Duration::from_micros(random.below(20_000));
    match quality {
        0 => plain,
        1 => plain.with_jitter(jitter(random)).with_loss(random.fraction(0.01)),
        2 => plain
            .with_jitter(jitter(random))
            .with_loss(random.fraction(0.03))
            .with_reorder(random.fraction(0.05))
            .with_hold(Duration::from_micros(random.below(30_000)))
            .with_duplicate(random.fraction(0.02))
            .with_corrupt(random.fraction(0.01)),
        _ => plain
            .with_bursts(Bursts::with_mean(random.fraction(0.02), 1.0 + random.fraction(4.0)))
            .with_reorder(random.fraction(0.1))
            .with_hold(Duration::from_micros(random.below(100_000)))
            .with_duplicate(random.fraction(0.05))
            .with_corrupt(random.fraction(0.03)),
    }
}

/// Mostly small, sometimes large, sometimes nothing.
fn size(random: &mut Random, left: &mut u64) -> u64 {
    let magnitude = random.between(0, 20);
    let size = if random.one_in(8) { 0 } else { random.below(1 << magnitude) }.min(*left);
    *left -= size;
    size
}

fn pace(random: &mut Random) -> Pace {
    if random.one_in(5) {
        let chunk = random.between(1, 4_000) as usize;
        Pace { chunk, gap: Duration::from_millis(random.between(1, 40)) }
    } else {
        Pace { chunk: 65_536, gap: Duration::ZERO }
    }
}

fn stream(random: &mut Random, hosts: usize, left: &mut u64) -> StreamPlan {
    let client = HostId(random.index(hosts));
    let other = HostId((client.0 + 1 + random.index(hosts - 1)) % hosts);
    let target = match random.index(20) {
        0 => Target::ClosedPort(other),
        1 => Target::AbsentHost,
        _ => Target::Listener(other),
    };
    let bytes = [size(random, left), size(random, left)];
    let ending = match random.index(8) {
        0 => Ending::Request,
        1 if bytes[0] > 0 => Ending::Abort(random.below(bytes[0])),
        _ => Ending::Graceful,
    };
    let start = Instant::from_micros(random.below(3_000_000));
    StreamPlan { client, target, start, bytes, ending, pace: [pace(random), pace(random)] }
}

fn datagrams(random: &mut Random, hosts: usize) -> DatagramPlan {
    let from = HostId(random.index(hosts));
    let to = HostId((from.0 + 1 + random.index(hosts - 1)) % hosts);
    let sizes = (0..random.between(1, 8)).map(|_| random.between(16, 4_000) as usize).collect();
    DatagramPlan { from, to, start: Instant::from_micros(random.below(3_000_000)), sizes }
}
