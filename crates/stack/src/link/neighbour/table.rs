//! The cache: bounded, found by keyed hash, evicted in an order that does not depend on it.

use super::{Action, Resolution};
use crate::config::Config;
use crate::counters::Counters;
use crate::discard::Discard;
use crate::entropy::{Entropy, HashKey, write_address};
use crate::interface::{InterfaceId, MacAddress};
use crate::ip::TimerId;
use crate::slab::{Key, Slab};
use crate::table::Index;
use crate::timer::{Timer, TimerKey, Wheel};
use crate::views::{NeighbourState, NeighbourView};
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::hash::Hasher;
use core::net::IpAddr;
use core::time::Duration;
use danja_wire::{Frame, Instant};

/// RFC 4861 §10: DELAY_FIRST_PROBE_TIME.
pub(super) const DELAY_FIRST_PROBE: Duration = Duration::from_secs(5);

/// How long a neighbour that failed is still shown.
const FAILED_KEPT: Duration = Duration::from_secs(60);

/// What the state machine needs of the stack.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) key: HashKey,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) timers: &'a mut Wheel,
    pub(crate) counters: &'a mut Counters,
}

impl Context<'_> {
    fn hash(&self, interface: InterfaceId, address: IpAddr) -> u64 {
        let mut hasher = self.key.table_hasher();
        hasher.write_u16(interface.0);
        write_address(&mut hasher, address);
        hasher.finish()
    }

    /// RFC 4861 §6.3.2: a random value between 0.5 and 1.5 times the base.
    fn reachable_time(&mut self) -> Duration {
        let base = u64::try_from(self.config.ip.reachable_time.as_nanos()).unwrap_or(u64::MAX);
        let jitter = self.entropy.public_below(base);
        Duration::from_nanos((base / 2).saturating_add(jitter))
    }
}

pub(super) struct Entry {
    pub(super) interface: InterfaceId,
    pub(super) address: IpAddr,
    pub(super) mac: MacAddress,
    pub(super) state: NeighbourState,
    /// REACHABLE ends here. Looked at when the entry is used, no timer runs for it.
    pub(super) reachable_until: Instant,
    /// Requests sent in this round.
    pub(super) solicited: u8,
    /// When the last request went out.
    pub(super) asked_at: Option<Instant>,
    pub(super) queue: VecDeque<Frame>,
    timer: Option<Timer>,
    /// When it was used last (a count, not a time), and the place it has in the order of
    /// eviction, which is brought up to date when it comes to that.
    used: u64,
    listed: Option<(bool, u64)>,
}

impl Entry {
    /// Its state now: REACHABLE decays to STALE by itself.
    pub(super) fn state(&self, now: Instant) -> NeighbourState {
        match self.state {
            NeighbourState::Reachable if now >= self.reachable_until => NeighbourState::Stale,
            state => state,
        }
    }

    /// What waited for it, to be sent or thrown away.
    pub(super) fn take_queue(&mut self, queued_bytes: &mut usize) -> VecDeque<Frame> {
        let queue = core::mem::take(&mut self.queue);
        let bytes = queue.iter().map(cost).fold(0, usize::saturating_add);
        *queued_bytes = queued_bytes.saturating_sub(bytes);
        queue
    }

    /// Whether it has been heard of: those that have not are evicted first.
    const fn is_known(&self) -> bool {
        !matches!(self.state, NeighbourState::Incomplete | NeighbourState::Failed)
    }
}

/// The cache of all interfaces.
pub(crate) struct Neighbours {
    pub(super) entries: Slab<Entry>,
    index: Index,
    /// Who is given up next: the unknown before the known, the longest unused first.
    order: BTreeSet<((bool, u64), Key)>,
    uses: u64,
    /// What waits in all queues.
    pub(super) queued_bytes: usize,
}

impl Neighbours {
    pub(crate) fn new() -> Self {
        Self {
            entries: Slab::new(32),
            index: Index::new(),
            order: BTreeSet::new(),
            uses: 0,
            queued_bytes: 0,
        }
    }

    pub(super) fn find(
        &self,
        context: &Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
    ) -> Option<Key> {
        let hash = context.hash(interface, address);
        let slot = self.index.find(hash, |slot| {
            let entry = self.entries.key_at(slot).and_then(|key| self.entries.get(key));
            entry.is_some_and(|entry| entry.interface == interface && entry.address == address)
        })?;
        self.entries.key_at(slot)
    }

    /// Says where a packet for a neighbour goes, or keeps it until that is known.
    pub(crate) fn resolve(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
        packet: Frame,
    ) -> Resolution {
        let found = self.find(context, interface, address);
        let Some(key) = found.or_else(|| self.insert(context, interface, address)) else {
            context.counters.discard(Discard::NeighbourLimit);
            return Resolution::Waits(None);
        };
        self.touch(key);
        let now = context.now;
        let Some(entry) = self.entries.get_mut(key) else { return Resolution::Waits(None) };
        match entry.state(now) {
            NeighbourState::Reachable
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Permanent => Resolution::Send(entry.mac, packet),
            NeighbourState::Stale => {
                // RFC 4861 §7.3.3: "The first time a node sends a packet to a neighbor whose
                // entry is STALE, the sender changes the state to DELAY and sets a timer".
                entry.state = NeighbourState::Delay;
                let mac = entry.mac;
                arm(entry, key, context.timers, now + DELAY_FIRST_PROBE);
                Resolution::Send(mac, packet)
            }
            NeighbourState::Incomplete => {
                enqueue(entry, packet, context, &mut self.queued_bytes);
                Resolution::Waits(None)
            }
            NeighbourState::Failed => {
                enqueue(entry, packet, context, &mut self.queued_bytes);
                Resolution::Waits(self.solicit_first(key, context))
            }
        }
    }

    /// Begins a round of requests to everybody.
    fn solicit_first(&mut self, key: Key, context: &mut Context<'_>) -> Option<Action> {
        let entry = self.entries.get_mut(key)?;
        entry.state = NeighbourState::Incomplete;
        entry.solicited = 0;
        // RFC 1122 §2.3.2.1: at most one request a second for one destination, over rounds too.
        let earliest =
            entry.asked_at.map_or(context.now, |at| at + context.config.ip.retrans_timer);
        if earliest > context.now {
            arm(entry, key, context.timers, earliest);
            return None;
        }
        ask(entry, key, context, None)
    }

    fn insert(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
    ) -> Option<Key> {
        while self.entries.len() >= context.config.limits.neighbours {
            self.evict(context)?;
        }
        let entry = Entry {
            interface,
            address,
            mac: MacAddress::ZERO,
            state: NeighbourState::Failed,
            reachable_until: Instant::ZERO,
            solicited: 0,
            asked_at: None,
            queue: VecDeque::new(),
            timer: None,
            used: 0,
            listed: None,
        };
        let key = self.entries.insert(entry)?;
        self.index.insert(context.hash(interface, address), key.slot);
        self.touch(key);
        self.relist(key);
        Some(key)
    }

    /// As [`Self::find`], and makes room for a new one. It is FAILED until something is known.
    pub(super) fn find_or_insert(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
    ) -> Option<Key> {
        let found = self.find(context, interface, address);
        found.or_else(|| self.insert(context, interface, address))
    }

    /// Gives up the entry that is needed least.
    fn evict(&mut self, context: &mut Context<'_>) -> Option<()> {
        loop {
            let (place, key) = self.order.pop_first()?;
            let Some(entry) = self.entries.get_mut(key) else { continue };
            entry.listed = None;
            if place != (entry.is_known(), entry.used) {
                // It was used, or became known, since it was listed.
                self.relist(key);
                continue;
            }
            self.remove(context, key, Discard::NeighbourLimit);
            return Some(());
        }
    }

    /// Takes an entry out; what waited for it is discarded for `reason`.
    fn remove(&mut self, context: &mut Context<'_>, key: Key, reason: Discard) {
        let Some(mut entry) = self.entries.remove(key) else { return };
        for _ in entry.take_queue(&mut self.queued_bytes) {
            context.counters.discard(reason);
        }
        if let Some(timer) = entry.timer {
            context.timers.cancel(timer);
        }
        if let Some(place) = entry.listed {
            self.order.remove(&(place, key));
        }
        self.index.remove(context.hash(entry.interface, entry.address), key.slot);
    }

    fn touch(&mut self, key: Key) {
        self.uses = self.uses.saturating_add(1);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.used = self.uses;
        }
    }

    /// Puts an entry into the order of eviction where it belongs now.
    pub(super) fn relist(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(place) = entry.listed.take() {
            self.order.remove(&(place, key));
        }
        if entry.state != NeighbourState::Permanent {
            let place = (entry.is_known(), entry.used);
            entry.listed = Some(place);
            self.order.insert((place, key));
        }
    }

    /// Progress through the neighbour (RFC 4861 §7.3.1), or an answer to our request.
    pub(crate) fn confirm(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
    ) {
        if let Some(key) = self.find(context, interface, address)
            && let Some(entry) = self.entries.get_mut(key)
            && entry.is_known()
            && entry.state != NeighbourState::Permanent
        {
            // Every acknowledgement confirms: what was confirmed lately is left alone.
            let lately = entry.reachable_until.saturating_since(context.now);
            let fresh = lately.saturating_mul(4) >= context.config.ip.reachable_time;
            if entry.state != NeighbourState::Reachable || !fresh {
                set_reachable(entry, context);
            }
        }
    }

    /// No answers come through the neighbour (RFC 1122 §3.3.1.4): it is asked at once whether it
    /// is there, unless that is being done.
    pub(crate) fn suspect(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
    ) -> Option<Action> {
        let key = self.find(context, interface, address)?;
        let entry = self.entries.get_mut(key)?;
        let earliest = entry.asked_at.map(|at| at + context.config.ip.retrans_timer);
        let asked = earliest.is_some_and(|earliest| earliest > context.now);
        match entry.state {
            NeighbourState::Reachable | NeighbourState::Stale | NeighbourState::Delay if !asked => {
                entry.state = NeighbourState::Probe;
                entry.solicited = 0;
                let known_at = Some(entry.mac);
                ask(entry, key, context, known_at)
            }
            _ => None,
        }
    }

    /// A neighbour's timer.
    pub(crate) fn on_timer(&mut self, context: &mut Context<'_>, key: Key) -> Option<Action> {
        let entry = self.entries.get_mut(key)?;
        entry.timer = None;
        let limit = context.config.ip.solicitations.max(1);
        let known_at = match entry.state {
            NeighbourState::Delay => {
                entry.state = NeighbourState::Probe;
                entry.solicited = 0;
                Some(entry.mac)
            }
            NeighbourState::Probe => Some(entry.mac),
            NeighbourState::Incomplete => None,
            NeighbourState::Failed => {
                self.remove(context, key, Discard::NeighbourUnreachable);
                return None;
            }
            _ => return None,
        };
        if entry.solicited < limit {
            return ask(entry, key, context, known_at);
        }
        // RFC 4861 §7.3.3, §7.2.2: no answer to MAX_…_SOLICIT requests.
        entry.state = NeighbourState::Failed;
        let queue = entry.take_queue(&mut self.queued_bytes);
        let (interface, address) = (entry.interface, entry.address);
        arm(entry, key, context.timers, context.now + FAILED_KEPT);
        self.relist(key);
        Some(Action::Failed { interface, address, queue })
    }

    /// Forgets all that was learnt on an interface (it went down).
    pub(crate) fn flush(&mut self, context: &mut Context<'_>, interface: InterfaceId) {
        let keys: Vec<Key> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.interface == interface)
            .filter(|(_, entry)| entry.state != NeighbourState::Permanent)
            .map(|(key, _)| key)
            .collect();
        keys.into_iter().for_each(|key| self.remove(context, key, Discard::InterfaceDown));
    }

    /// Sets an address by hand: it is never asked for, forgotten or replaced. Packets that
    /// waited for it are released.
    pub(crate) fn set_permanent(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
        mac: MacAddress,
    ) -> Option<Action> {
        let key = self.find_or_insert(context, interface, address)?;
        let entry = self.entries.get_mut(key)?;
        entry.mac = mac;
        entry.state = NeighbourState::Permanent;
        let queue = entry.take_queue(&mut self.queued_bytes);
        self.relist(key);
        Some(Action::Release { interface, mac, queue })
    }

    /// Forgets one neighbour; `false` if it is not known.
    pub(crate) fn forget(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
    ) -> bool {
        let found = self.find(context, interface, address);
        found.is_some_and(|key| {
            self.remove(context, key, Discard::NeighbourUnreachable);
            true
        })
    }

    /// All entries, by interface and address.
    pub(crate) fn views(&self, now: Instant) -> Vec<NeighbourView> {
        let view = |entry: &Entry| NeighbourView {
            interface: entry.interface,
            address: entry.address,
            mac: entry.is_known().then_some(entry.mac),
            state: entry.state(now),
            queued: entry.queue.len(),
        };
        let mut views: Vec<_> = self.entries.iter().map(|(_, entry)| view(entry)).collect();
        views.sort_by_key(|view| (view.interface, view.address));
        views
    }
}

/// What a packet costs while it waits: its bytes, which fragments of one datagram share with
/// nobody else, and its frame.
fn cost(packet: &Frame) -> usize {
    packet.len().saturating_add(size_of::<Frame>())
}

fn enqueue(entry: &mut Entry, packet: Frame, context: &mut Context<'_>, queued_bytes: &mut usize) {
    // RFC 1122 §2.3.2.2: packets wait for the address rather than being discarded.
    // RFC 4861 §7.2.2: "When a queue overflows, the new arrival SHOULD replace the
    // oldest entry."
    let limits = &context.config.limits;
    let bytes = cost(&packet);
    while entry.queue.len() >= limits.neighbour_queue.max(1)
        || queued_bytes.saturating_add(bytes) > limits.neighbour_queue_bytes
    {
        context.counters.discard(Discard::NeighbourQueueFull);
        // Others' queues are full: it is this packet that finds no room.
        let Some(oldest) = entry.queue.pop_front() else { return };
        *queued_bytes = queued_bytes.saturating_sub(cost(&oldest));
    }
    *queued_bytes = queued_bytes.saturating_add(bytes);
    entry.queue.push_back(packet);
}

pub(super) fn set_reachable(entry: &mut Entry, context: &mut Context<'_>) {
    entry.state = NeighbourState::Reachable;
    entry.reachable_until = context.now + context.reachable_time();
}

/// Sends one request of a round and waits for its answer.
pub(super) fn ask(
    entry: &mut Entry,
    key: Key,
    context: &mut Context<'_>,
    known_at: Option<MacAddress>,
) -> Option<Action> {
    entry.solicited = entry.solicited.saturating_add(1);
    entry.asked_at = Some(context.now);
    arm(entry, key, context.timers, context.now + context.config.ip.retrans_timer);
    Some(Action::Solicit { interface: entry.interface, address: entry.address, known_at })
}

pub(super) fn arm(entry: &mut Entry, key: Key, timers: &mut Wheel, deadline: Instant) {
    if entry.timer.is_none_or(|timer| !timers.rearm(timer, deadline)) {
        entry.timer = timers.insert(deadline, TimerKey::Ip(TimerId::Neighbour(key)));
    }
}
