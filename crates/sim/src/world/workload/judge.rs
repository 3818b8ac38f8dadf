//! What must be true of every stack when a world has ended. Changes nothing.

use super::plan::{Plan, StreamPlan, Target};
use crate::world::{HostId, Segment, World};
use danja_stack::discard::Discard;
use danja_wire::Instant;

/// What an end of a connection may queue beyond the limit, in both directions, so that none is
/// stuck for ever.
const RESERVE: usize = 2 * 4_096;
/// The last segment that fits may cost more than its bytes.
const OVERHEAD: usize = 65_536;

/// Judges a world in which everybody has closed everything, and all time-outs have passed.
///
/// # Errors
/// What is wrong.
pub(super) fn judge_end(plan: &Plan, world: &World, limit: Instant) -> Result<(), String> {
    if !world.is_idle() {
        let due = world.due();
        return Err(format!("all is long over at {limit:?}, and something is due: {due:?}"));
    }
    for host in world.hosts() {
        judge_host(plan, world, host).map_err(|what| format!("{}: {what}", world.name(host)))?;
    }
    Ok(())
}

fn judge_host(plan: &Plan, world: &World, host: HostId) -> Result<(), String> {
    let (stack, counters) = (world.stack(host), world.counters(host));
    let sockets = stack.sockets();
    if !sockets.is_empty() {
        return Err(format!("records are left: {sockets:#?}"));
    }
    if stack.buffered() != 0 {
        return Err(format!("{} bytes are left in no queue", stack.buffered()));
    }
    let limit = stack.config().limits.buffer_bytes + OVERHEAD + RESERVE * ends(plan, host);
    if counters.most_buffered > limit {
        return Err(format!("{} bytes were queued, the limit is {limit}", counters.most_buffered));
    }
    if stack.counters().tcp_curr_estab != 0 {
        return Err(format!("{} connections count as open", stack.counters().tcp_curr_estab));
    }
    if counters.oversized != 0 || counters.contradictory != 0 {
        return Err(format!("wrong frames were sent: {counters:?}"));
    }
    if !plan.corrupting {
        judge_discards(plan, world, host)?;
    }
    Ok(())
}

/// How many ends of connections a host has at most at once.
fn ends(plan: &Plan, host: HostId) -> usize {
    let of = |stream: &StreamPlan| {
        let called = matches!(stream.target,
            Target::Listener(other) | Target::Crossing(other) if other == host);
        usize::from(stream.client == host) + usize::from(called)
    };
    plan.streams.iter().map(of).sum()
}

/// On links that flip no bit, no stack may find anything malformed.
fn judge_discards(plan: &Plan, world: &World, host: HostId) -> Result<(), String> {
    const NEVER: [Discard; 19] = [
        Discard::LinkTruncated,
        Discard::LinkUnknownType,
        Discard::NoSuchInterface,
        Discard::ArpMalformed,
        Discard::IpMalformed,
        Discard::IpChecksum,
        Discard::IpBadSource,
        Discard::IpBadDestination,
        Discard::IpNotForUs,
        Discard::IpLinkBroadcast,
        Discard::IpUnknownProtocol,
        Discard::FragmentMalformed,
        Discard::FragmentOverlap,
        Discard::IcmpMalformed,
        Discard::UdpMalformed,
        Discard::TcpMalformed,
        Discard::TcpOptions,
        Discard::TcpChecksum,
        Discard::TcpNotUnicast,
    ];
    for reason in NEVER {
        let count = world.stack(host).counters().discarded(reason);
        if count != 0 {
            return Err(format!("{count} frames were discarded as {}", reason.name()));
        }
    }
    let counters = world.counters(host);
    if plan.segment == Segment::Switch && counters.giants != 0 {
        return Err(format!("{} frames were larger than its MTU", counters.giants));
    }
    Ok(())
}
