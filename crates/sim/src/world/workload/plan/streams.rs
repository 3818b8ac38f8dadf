//! The TCP connections of a plan: who calls whom, how much is said, how it ends.

use super::{Ending, Habits, Pace, SidePlan, StreamPlan, Target};
use crate::world::{HostConfig, HostId, Random};
use std::time::Duration;

/// The connections. `calm`: no frame is lost and no link goes down.
pub(super) fn streams(random: &mut Random, hosts: &[HostConfig], calm: bool) -> Vec<StreamPlan> {
    // What keeps thousands of worlds affordable.
    let mut left = match random.below(10) {
        0..=5 => 512 << 10,
        6..=8 => 2 << 20,
        _ => 8 << 20,
    };
    // One in five worlds has connections only, as many as that.
    let many = random.percent(20);
    let count = random.magnitude(if many { 300 } else { 2 * hosts.len() + 8 });
    // Some worlds have one server.
    let server = random.percent(40).then(|| HostId(random.size(0, hosts.len() - 1)));
    (0..count).map(|_| stream(random, hosts, server, calm, &mut left)).collect()
}

fn stream(
    random: &mut Random,
    hosts: &[HostConfig],
    server: Option<HostId>,
    calm: bool,
    left: &mut u64,
) -> StreamPlan {
    let hosts = hosts.len();
    let client = random.size(0, hosts - 1);
    let other = HostId((client + random.size(1, hosts - 1)) % hosts);
    let target = match random.below(20) {
        0 => Target::ClosedPort(other),
        1 => Target::Absent,
        2 if calm => Target::Crossing(other),
        // Through the loopback interface.
        3 => Target::Listener(HostId(client)),
        4..=15 => Target::Listener(server.filter(|it| it.0 != client).unwrap_or(other)),
        _ => Target::Listener(other),
    };
    let bytes = [size(random, left), size(random, left)];
    let sides = [side(random, bytes[0], bytes[1]), side(random, bytes[1], bytes[0])];
    let mut plan = StreamPlan {
        client: HostId(client),
        target,
        start: Duration::from_micros(random.below(5_000_000)),
        sides,
    };
    endings(random, &mut plan);
    plan
}

/// Endings that fit together: at most one side breaks off, and not both wait for the other.
fn endings(random: &mut Random, plan: &mut StreamPlan) {
    let sum = plan.sides[0].bytes + plan.sides[1].bytes;
    let side = random.size(0, 1);
    let (first, second) = match random.below(10) {
        0 => (Ending::Reset(random.between(0, sum)), Ending::Shutdown),
        1 => (Ending::Abandon(random.between(0, sum)), Ending::Shutdown),
        2 | 3 => (Ending::Shutdown, Ending::Wait),
        4 => (Ending::Close, Ending::Wait),
        5 => (Ending::Close, Ending::Shutdown),
        6 => (Ending::Close, Ending::Close),
        _ => (Ending::Shutdown, Ending::Shutdown),
    };
    plan.sides[side].ending = first;
    plan.sides[1 - side].ending = second;
}

/// Every order of magnitude, sometimes nothing.
fn size(random: &mut Random, left: &mut u64) -> u64 {
    let most = *left;
    let size =
        if random.percent(12) || most == 0 { 0 } else { random.magnitude(most as usize) as u64 };
    *left -= size;
    size
}

fn side(random: &mut Random, bytes: u64, reads: u64) -> SidePlan {
    let habits = Habits {
        no_delay: random.percent(50),
        cork: random.percent(10),
        peeks: random.percent(20),
        resizes: random.percent(20),
    };
    SidePlan {
        bytes,
        write: pace(random, bytes),
        read: pace(random, reads),
        ending: Ending::Shutdown,
        habits,
    }
}

/// Pauses of a slow one are at most 20 s in sum.
fn pace(random: &mut Random, bytes: u64) -> Pace {
    let mut chunk = random.magnitude(65_536);
    // Not more than some thousands of pieces.
    chunk = chunk.max((bytes / 2_000) as usize);
    if !random.percent(25) {
        return Pace { chunk, gap: Duration::ZERO };
    }
    let pieces = bytes / (chunk as u64 / 2).max(1) + 1;
    let most = (20_000_000 / pieces).min(200_000);
    Pace { chunk, gap: Duration::from_micros(random.between(0, most)) }
}
