//! Reassembly (RFC 791 §3.2, RFC 1122 §3.3.2, RFC 3168 §5.3) under hard limits. Looks
//! at no transport header.
//!
//! Overlaps: bytes that were there already are tolerated if they are the same; a datagram whose
//! fragments disagree is thrown away whole (as RFC 5722 has it for IPv6), because there is no
//! way to tell which of them is genuine.

mod datagram;
mod limits;

use super::TimerId;
use super::icmp;
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::interface::InterfaceId;
use crate::packet::Packet;
use crate::slab::{Key, Slab};
use crate::timer::TimerKey;
use alloc::collections::BTreeMap;
use core::net::Ipv4Addr;
use danja_wire::icmpv4::{Exceeded, Message};
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use datagram::Datagram;
use limits::Held;

/// What fragments of one datagram have in common (RFC 791 §3.2), and where they came in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Identity {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: Protocol,
    identification: u16,
    interface: InterfaceId,
}

/// Datagrams under reassembly.
pub(super) struct Reassembly {
    datagrams: Slab<Datagram>,
    by_identity: BTreeMap<Identity, Key>,
    held: Held,
}

impl Reassembly {
    pub(super) fn new() -> Self {
        Self { datagrams: Slab::new(32), by_identity: BTreeMap::new(), held: Held::new() }
    }

    /// Bytes held, at their true cost.
    #[cfg(test)]
    pub(super) const fn held_bytes(&self) -> usize {
        self.held.total()
    }

    fn remove(&mut self, key: Key) -> Option<Datagram> {
        let datagram = self.datagrams.remove(key)?;
        self.by_identity.remove(&datagram.identity);
        self.held.remove(key, datagram.identity.source, datagram.began, datagram.cost());
        Some(datagram)
    }
}

/// A fragment for us. Gives the whole packet when it is the last piece.
pub(super) fn input(
    core: &mut Core,
    packet: Packet,
    header: &ipv4::Header,
) -> Result<Option<Packet>, Discard> {
    count(&mut core.counters.ip_reasm_reqds);
    let length = header.payload_len();
    // RFC 791 §3.1: all fragments but the last are multiples of 8 octets long.
    let odd = header.more_fragments && !length.is_multiple_of(8);
    if length == 0 || odd {
        return Err(Discard::FragmentMalformed);
    }
    let identity = Identity {
        source: header.source,
        destination: header.destination,
        protocol: header.protocol,
        identification: header.identification,
        interface: packet.interface,
    };
    let key = find_or_begin(core, identity)?;
    match add(core, key, &packet, header) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let datagram = forget(core, key).ok_or(Discard::FragmentLimit)?;
            let whole = datagram.finish(packet);
            count_end(core, whole.is_ok());
            whole.map(Some)
        }
        Err(reason) => {
            if forget(core, key).is_some() {
                count_end(core, false);
            }
            Err(reason)
        }
    }
}

fn count_end(core: &mut Core, done: bool) {
    let counters = &mut core.counters;
    count(if done { &mut counters.ip_reasm_oks } else { &mut counters.ip_reasm_fails });
}

/// Removes a datagram and its timer.
fn forget(core: &mut Core, key: Key) -> Option<Datagram> {
    let datagram = core.ip.reassembly.remove(key)?;
    if let Some(timer) = datagram.timer {
        core.timers.cancel(timer);
    }
    Some(datagram)
}

fn find_or_begin(core: &mut Core, identity: Identity) -> Result<Key, Discard> {
    if let Some(key) = core.ip.reassembly.by_identity.get(&identity) {
        return Ok(*key);
    }
    while core.ip.reassembly.datagrams.len() >= core.config.limits.reassembly_datagrams.max(1) {
        let oldest = core.ip.reassembly.held.oldest().ok_or(Discard::FragmentLimit)?;
        give_up(core, oldest);
    }
    let now = core.now;
    let key = core
        .ip
        .reassembly
        .datagrams
        .insert(Datagram::new(identity, now))
        .ok_or(Discard::FragmentLimit)?;
    core.ip.reassembly.by_identity.insert(identity, key);
    let reassembly = &mut core.ip.reassembly;
    let cost = reassembly.datagrams.get(key).map_or(0, Datagram::cost);
    reassembly.held.insert(key, identity.source, now, cost);
    let deadline = now + core.config.ip.reassembly_timeout;
    let timer = core.timers.insert(deadline, TimerKey::Ip(TimerId::Reassembly(key)));
    if let Some(datagram) = core.ip.reassembly.datagrams.get_mut(key) {
        datagram.timer = timer;
    }
    Ok(key)
}

/// Throws away a datagram to make room for newer ones.
fn give_up(core: &mut Core, key: Key) {
    if forget(core, key).is_some() {
        count_end(core, false);
        core.discard(Discard::FragmentLimit);
    }
}

/// Adds a fragment and keeps the limits; `true` if nothing is missing any more.
fn add(core: &mut Core, key: Key, packet: &Packet, header: &ipv4::Header) -> Result<bool, Discard> {
    let limits = &core.config.limits;
    let all = &mut core.ip.reassembly;
    let datagram = all.datagrams.get_mut(key).ok_or(Discard::FragmentLimit)?;
    let source = datagram.identity.source;
    let before = datagram.cost();
    let outcome = datagram.add(packet, header, limits.reassembly_fragments);
    all.held.change(source, before, datagram.cost());
    outcome?;
    if datagram.is_complete() {
        return Ok(true);
    }
    let (per_source, total) = (limits.reassembly_bytes_per_source, limits.reassembly_bytes);
    loop {
        let held = &core.ip.reassembly.held;
        let victim = if held.of_source(source) > per_source {
            held.oldest_of(source)
        } else if held.total() > total {
            held.oldest()
        } else {
            return Ok(false);
        };
        match victim {
            Some(victim) if victim != key => give_up(core, victim),
            _ => return Err(Discard::FragmentLimit),
        }
    }
}

/// Not all fragments came in time (RFC 1122 §3.3.2): the sender is told if the first one did.
pub(super) fn on_timer(core: &mut Core, key: Key) {
    let Some(datagram) = core.ip.reassembly.remove(key) else { return };
    count(&mut core.counters.ip_reasm_timeout);
    count_end(core, false);
    core.discard(Discard::FragmentTimeout);
    if let Some(first) = datagram.first {
        icmp::send_error(core, &first, Message::TimeExceeded { code: Exceeded::Reassembly });
    }
}
