//! Path MTUs by destination (RFC 1191): learnt from validated "fragmentation needed" only, never
//! below a floor, forgotten after a time. Probes nothing itself.

use super::TimerId;
use crate::core_state::Core;
use crate::timer::{Timer, TimerKey};
use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;
use danja_wire::Instant;

/// What is known of paths; the one that expires next is given up for a new one.
pub(super) struct PathMtus {
    entries: BTreeMap<IpAddr, Entry>,
    expiry: BTreeSet<(Instant, IpAddr)>,
    timer: Option<Timer>,
}

#[derive(Clone, Copy)]
struct Entry {
    mtu: usize,
    expires: Instant,
}

// RFC 1191 §7.1, Table 7-1: plateaus for routers that do not say the next hop's MTU.
const PLATEAUS: [usize; 10] = [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];

/// The largest plateau below `length`.
pub(super) fn plateau_below(length: usize) -> usize {
    PLATEAUS.into_iter().find(|plateau| *plateau < length).unwrap_or(68)
}

impl PathMtus {
    pub(super) const fn new() -> Self {
        Self { entries: BTreeMap::new(), expiry: BTreeSet::new(), timer: None }
    }

    pub(super) fn get(&self, destination: IpAddr) -> Option<usize> {
        self.entries.get(&destination).map(|entry| entry.mtu)
    }

    fn remove(&mut self, destination: IpAddr) {
        if let Some(entry) = self.entries.remove(&destination) {
            self.expiry.remove(&(entry.expires, destination));
        }
    }

    fn insert(&mut self, destination: IpAddr, entry: Entry, limit: usize) {
        self.remove(destination);
        while self.entries.len() >= limit.max(1) {
            let Some((_, oldest)) = self.expiry.pop_first() else { break };
            self.entries.remove(&oldest);
        }
        self.expiry.insert((entry.expires, destination));
        self.entries.insert(destination, entry);
    }
}

/// A router said that the path takes `mtu` bytes (0: less than it takes now).
pub(super) fn lower(core: &mut Core, destination: IpAddr, mtu: usize) -> usize {
    let Ok(path) = core.ip.path(None, destination, None) else { return mtu };
    let wanted = if mtu == 0 { plateau_below(path.mtu) } else { mtu };
    // RFC 1191 §3: "A host MUST never reduce its estimate of the Path MTU below 68 octets", nor
    // raise it in answer to such a message; the floor is ours.
    let mtu = wanted.max(core.config.ip.min_path_mtu).max(68).min(path.mtu);
    if mtu < path.mtu {
        let entry = Entry { mtu, expires: core.now + core.config.ip.path_mtu_timeout };
        core.ip.path_mtus.insert(destination, entry, core.config.limits.path_mtu_entries);
        arm(core);
    }
    mtu
}

fn arm(core: &mut Core) {
    let known = &mut core.ip.path_mtus;
    let Some((next, _)) = known.expiry.first().copied() else { return };
    if known.timer.is_none_or(|timer| !core.timers.rearm(timer, next)) {
        known.timer = core.timers.insert(next, TimerKey::Ip(TimerId::PathMtu));
    }
}

/// RFC 1191 §6.3: an old estimate is forgotten, so that a larger MTU is tried again.
pub(super) fn on_timer(core: &mut Core) {
    core.ip.path_mtus.timer = None;
    while let Some((expires, destination)) = core.ip.path_mtus.expiry.first().copied() {
        if expires > core.now {
            break;
        }
        core.ip.path_mtus.remove(destination);
        core.ip.generation = core.ip.generation.wrapping_add(1);
    }
    arm(core);
}
