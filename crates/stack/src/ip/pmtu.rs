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
    /// Entries of paths that take less than we are willing to believe.
    fragmented: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    mtu: usize,
    expires: Instant,
    /// The path takes less than the floor: what is larger is to be fragmented on the way.
    fragment: bool,
}

/// What no path takes more of.
const LONGEST: usize = 65_535;

// RFC 1191 §7.1, Table 7-1: plateaus for routers that do not say the next hop's MTU.
const PLATEAUS: [usize; 10] = [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];

/// The largest plateau below `length`.
pub(super) fn plateau_below(length: usize) -> usize {
    PLATEAUS.into_iter().find(|plateau| *plateau < length).unwrap_or(68)
}

impl PathMtus {
    pub(super) const fn new() -> Self {
        Self { entries: BTreeMap::new(), expiry: BTreeSet::new(), timer: None, fragmented: 0 }
    }

    pub(super) fn get(&self, destination: IpAddr) -> Option<usize> {
        self.entries.get(&destination).map(|entry| entry.mtu)
    }

    /// Whether routers must be allowed to fragment what goes there, because the path takes less
    /// than the floor of what is believed.
    pub(super) fn must_fragment(&self, destination: IpAddr) -> bool {
        self.fragmented > 0 && self.entries.get(&destination).is_some_and(|entry| entry.fragment)
    }

    fn remove(&mut self, destination: IpAddr) {
        if let Some(entry) = self.entries.remove(&destination) {
            self.expiry.remove(&(entry.expires, destination));
            self.fragmented = self.fragmented.saturating_sub(usize::from(entry.fragment));
        }
    }

    fn insert(&mut self, destination: IpAddr, entry: Entry, limit: usize) {
        self.remove(destination);
        while self.entries.len() >= limit.max(1) {
            let Some((_, oldest)) = self.expiry.first().copied() else { break };
            self.remove(oldest);
        }
        self.fragmented = self.fragmented.saturating_add(usize::from(entry.fragment));
        self.expiry.insert((entry.expires, destination));
        self.entries.insert(destination, entry);
    }
}

/// A router said that the path takes `mtu` bytes (0: less than it takes now).
pub(super) fn lower(core: &mut Core, destination: IpAddr, mtu: usize) -> usize {
    let known = core.ip.path_mtus.entries.get(&destination).copied();
    // Without a route (a socket may be bound to an interface that needs none), what is known.
    let now = match core.ip.path(None, destination, None) {
        Ok(path) => path.mtu,
        Err(_) => known.map_or(LONGEST, |entry| entry.mtu),
    };
    let wanted = if mtu == 0 { plateau_below(now) } else { mtu };
    let floor = core.config.ip.min_path_mtu.max(68);
    // RFC 1191 §3: a host that does not go as low sends without DF what the path cannot take.
    let fragment = wanted < floor || known.is_some_and(|entry| entry.fragment);
    // RFC 1191 §3: "A host MUST never reduce its estimate of the Path MTU below 68 octets", nor
    // raise it in answer to such a message; the floor is ours.
    let mtu = wanted.max(floor).min(now);
    if mtu < now || fragment != known.is_some_and(|entry| entry.fragment) {
        let expires = core.now + core.config.ip.path_mtu_timeout;
        let entry = Entry { mtu, expires, fragment };
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
