//! What happens in a world, drawn from its seed before it begins. Touches no stack.

mod hosts;
mod streams;

use crate::world::{HostConfig, HostId, Random, Segment};
use danja_wire::Instant;
use std::time::Duration;

/// How one side of a stream ends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// Shuts down sending when all is written, and closes when the other side has ended too.
    Shutdown,
    /// Closes when all is written and the other side has ended: it never ends first.
    Wait,
    /// Closes when all is written and all that the other side has to say is read.
    Close,
    /// Resets (linger 0) when it has written and read this many bytes in sum.
    Reset(u64),
    /// Closes at this point, whatever is still to come.
    Abandon(u64),
}

impl Ending {
    /// Whether the other side may be told of an error.
    pub(super) const fn is_abnormal(self) -> bool {
        matches!(self, Self::Reset(_) | Self::Abandon(_))
    }
}

/// How a side reads or writes: pieces of up to `chunk` bytes, `gap` apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    pub(super) chunk: usize,
    pub(super) gap: Duration,
}

/// What a side does besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Habits {
    /// It sets TCP_NODELAY.
    pub(super) no_delay: bool,
    /// It sets TCP_CORK, and clears it when all is written.
    pub(super) cork: bool,
    /// It looks at what it is going to read.
    pub(super) peeks: bool,
    /// It sets its buffers' sizes now and then.
    pub(super) resizes: bool,
}

/// One side of a stream.
#[derive(Clone, Debug)]
pub(super) struct SidePlan {
    /// Bytes it writes.
    pub(super) bytes: u64,
    pub(super) write: Pace,
    pub(super) read: Pace,
    pub(super) ending: Ending,
    pub(super) habits: Habits,
}

/// Whom a client calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// A listener of this host.
    Listener(HostId),
    /// A port of this host at which nobody listens.
    ClosedPort(HostId),
    /// An address that no host has.
    Absent,
    /// A socket of this host that calls the client at the same moment.
    Crossing(HostId),
}

/// A TCP connection.
#[derive(Clone, Debug)]
pub(super) struct StreamPlan {
    pub(super) client: HostId,
    pub(super) target: Target,
    /// Since the beginning of the world.
    pub(super) start: Duration,
    /// The client's side, then the server's.
    pub(super) sides: [SidePlan; 2],
}

/// What is asked and must be answered, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Question {
    /// A datagram that an echo service sends back.
    Udp,
    /// A datagram to a port at which nobody listens: "refused" is the answer.
    UdpRefused,
    /// An ICMP echo request.
    Ping,
}

/// Some questions from one host to another.
#[derive(Clone, Debug)]
pub(super) struct ExchangePlan {
    pub(super) asker: HostId,
    pub(super) answerer: HostId,
    pub(super) question: Question,
    pub(super) start: Duration,
    /// Payload bytes of each.
    pub(super) sizes: Vec<usize>,
}

/// What happens to a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// The cable is pulled; the stack is not told.
    Pulled,
    /// The interface is taken down.
    Down,
}

/// A link that is gone for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) host: HostId,
    pub(super) trouble: Trouble,
    pub(super) start: Duration,
    pub(super) length: Duration,
}

/// A host whose cable is pulled for good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vanishing {
    pub(super) host: HostId,
    pub(super) start: Duration,
}

/// A host that closes its listener and, after a while, opens another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restart {
    pub(super) host: HostId,
    pub(super) start: Duration,
    pub(super) length: Duration,
}

/// A stream one side of which gets an initial sequence number shortly before the numbers wrap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrap {
    pub(super) stream: usize,
    /// 0 for the client, 1 for the server.
    pub(super) side: usize,
    /// So many numbers before.
    pub(super) before: u32,
}

/// A listener's habits, the same for all of a world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listening {
    pub(super) backlog: usize,
    /// How long a connection waits to be accepted.
    pub(super) delay: Duration,
    /// It asks for a verdict on each SYN, which comes after this time.
    pub(super) admits: Option<Duration>,
}

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) segment: Segment,
    pub(super) start: Instant,
    pub(super) hosts: Vec<HostConfig>,
    pub(super) listening: Listening,
    pub(super) streams: Vec<StreamPlan>,
    pub(super) exchanges: Vec<ExchangePlan>,
    pub(super) outages: Vec<Outage>,
    pub(super) vanishing: Option<Vanishing>,
    pub(super) restarts: Vec<Restart>,
    /// Some bytes are urgent, and stay in the stream.
    pub(super) urgent: bool,
    pub(super) wrap: Option<Wrap>,
    /// Frames may be lost, or flipped bits make them unreadable.
    pub(super) lossy: bool,
    pub(super) corrupting: bool,
}

impl Plan {
    /// The plan of this seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        // What is drawn from it leaves the rest of a world as it is.
        let mut later = Random::new(seed ^ 0x6c61_7465_7200_0000);
        let quality = hosts::Quality::draw(&mut random);
        let count = match random.below(20) {
            0..=8 => random.size(2, 4),
            9..=17 => random.size(3, 12),
            _ => random.size(13, 50),
        };
        let hosts = hosts::hosts(&mut random, count, quality);
        let outages = outages(&mut random, count);
        let vanishing = random.percent(8).then(|| Vanishing {
            host: HostId(random.size(0, count - 1)),
            start: Duration::from_micros(random.below(6_000_000)),
        });
        let restarts = restarts(&mut random, count);
        let calm = !quality.is_lossy() && outages.is_empty() && vanishing.is_none();
        let streams = streams::streams(&mut random, &hosts, calm);
        let mut exchanges = exchanges(&mut random, &hosts);
        if let Some(Vanishing { host, .. }) = vanishing {
            exchanges.retain(|it| it.asker != host && it.answerer != host);
        }
        let wrap = wrap(&mut random, &streams);
        let mut plan = Self {
            seed,
            segment: if random.percent(10) { Segment::Hub } else { Segment::Switch },
            start: Instant::from_nanos(random.between(1, 1 << 52)),
            hosts,
            listening: Listening {
                backlog: random.magnitude(64),
                delay: Duration::from_millis(if random.percent(20) {
                    random.below(300)
                } else {
                    0
                }),
                admits: later.percent(15).then(|| Duration::from_micros(later.below(50_000))),
            },
            urgent: later.percent(15),
            streams,
            exchanges,
            outages,
            vanishing,
            restarts,
            wrap,
            lossy: quality.is_lossy(),
            corrupting: quality.is_corrupting(),
        };
        plan.spare_cookies();
        plan
    }

    /// A SYN cookie keeps no state: when the client's acknowledgement is lost and the client has
    /// nothing to say, nobody speaks again. Hosts that have such clients send none.
    fn spare_cookies(&mut self) {
        for stream in &self.streams {
            if let (Target::Listener(server), 0) = (stream.target, stream.sides[0].bytes) {
                self.hosts[server.0].stack.tcp.syn_cookies = false;
            }
        }
    }

    /// Whether a host's link or interface is down for a while.
    pub(super) fn has_outage(&self, host: HostId) -> bool {
        self.outages.iter().any(|it| it.host == host)
    }

    /// Whether a host's listener is closed for a while.
    pub(super) fn restarts(&self, host: HostId) -> bool {
        self.restarts.iter().any(|it| it.host == host)
    }
}

fn outages(random: &mut Random, hosts: usize) -> Vec<Outage> {
    if !random.percent(25) {
        return Vec::new();
    }
    (0..random.between(1, 3))
        .map(|_| Outage {
            host: HostId(random.size(0, hosts - 1)),
            trouble: random.pick([Trouble::Pulled, Trouble::Down]),
            start: Duration::from_micros(random.below(5_000_000)),
            length: Duration::from_micros(random.between(1_000, 12_000_000)),
        })
        .collect()
}

fn restarts(random: &mut Random, hosts: usize) -> Vec<Restart> {
    if !random.percent(15) {
        return Vec::new();
    }
    let first = random.size(0, hosts - 1);
    (first..hosts)
        .step_by(3)
        .map(|host| Restart {
            host: HostId(host),
            start: Duration::from_micros(random.below(6_000_000)),
            length: Duration::from_micros(random.between(1, 3_000_000)),
        })
        .collect()
}

fn exchanges(random: &mut Random, hosts: &[HostConfig]) -> Vec<ExchangePlan> {
    let mut make = || {
        let asker = random.size(0, hosts.len() - 1);
        let answerer = (asker + random.size(1, hosts.len() - 1)) % hosts.len();
        let smaller = hosts[asker].mtu.min(hosts[answerer].mtu);
        // A frame larger than the receiver's MTU is lost: no router is there to say so.
        let largest =
            if hosts[asker].mtu == hosts[answerer].mtu { smaller * 3 } else { smaller - 28 };
        let count = random.between(1, 10);
        ExchangePlan {
            asker: HostId(asker),
            answerer: HostId(answerer),
            question: random.pick([
                Question::Udp,
                Question::Udp,
                Question::UdpRefused,
                Question::Ping,
            ]),
            start: Duration::from_micros(random.below(5_000_000)),
            sizes: (0..count).map(|_| random.magnitude(largest).max(8)).collect(),
        }
    };
    (0..hosts.len() / 2 + 1).map(|_| make()).collect()
}

fn wrap(random: &mut Random, streams: &[StreamPlan]) -> Option<Wrap> {
    let wanted = random.percent(50);
    let side = random.size(0, 1);
    let before = random.bits();
    let fits = |stream: &StreamPlan| {
        matches!(stream.target, Target::Listener(_)) && stream.sides[side].bytes > 0
    };
    let stream = streams.iter().position(fits).filter(|_| wanted)?;
    let bytes = u32::try_from(streams[stream].sides[side].bytes).unwrap_or(u32::MAX);
    let before = (before % u64::from(bytes)) as u32;
    Some(Wrap { stream, side, before })
}
