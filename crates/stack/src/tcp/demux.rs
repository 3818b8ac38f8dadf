//! Finds the record of a pair of endpoints, and the listener of a local endpoint. Holds slot
//! numbers; scans nothing but the claims to one port.

use super::record::Record;
use super::{RecordId, isn};
use crate::core_state::Core;
use crate::entropy::HashKey;
use crate::interface::InterfaceId;
use crate::slab::{Key, Slab};
use crate::table::Index;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where listeners of any port are kept: no segment is for port 0.
const ANY_PORT: u16 = 0;

/// A listening socket's claim.
#[derive(Clone, Copy, Debug)]
struct Listening {
    address: Option<IpAddr>,
    interface: Option<InterfaceId>,
    socket: Key,
}

/// How many records use a local endpoint, for the rules of `bind`.
#[derive(Clone, Copy, Default)]
struct PortUse {
    records: u32,
    /// Of these, those whose socket did not say SO_REUSEADDR.
    strict: u32,
}

/// The tables.
pub(super) struct Demux {
    index: Index,
    last: Option<(SocketAddr, SocketAddr, RecordId)>,
    listeners: BTreeMap<u16, Vec<Listening>>,
    ports: BTreeMap<(u16, IpAddr), PortUse>,
    spread: HashKey,
}

impl Demux {
    pub(super) fn new(spread: HashKey) -> Self {
        Self {
            index: Index::new(),
            last: None,
            listeners: BTreeMap::new(),
            ports: BTreeMap::new(),
            spread,
        }
    }

    /// The record of a pair of endpoints; a one-entry cache stands before the table.
    pub(super) fn find(
        &mut self,
        core: &Core,
        records: &Slab<Record>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<RecordId> {
        if let Some((ours, theirs, id)) = self.last
            && ours == local
            && theirs == remote
        {
            return Some(id);
        }
        let found = self.look_up(core, records, local, remote)?;
        self.last = Some((local, remote, found));
        Some(found)
    }

    /// The same without the cache.
    pub(super) fn look_up(
        &self,
        core: &Core,
        records: &Slab<Record>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<RecordId> {
        let is_it = |slot| {
            let record = records.key_at(slot).and_then(|key| records.get(key));
            record.is_some_and(|record| record.endpoints() == (local, remote))
        };
        let slot = self.index.find(core.table_key.hash_pair(local, remote), is_it)?;
        records.key_at(slot).map(RecordId)
    }

    pub(super) fn insert(
        &mut self,
        core: &Core,
        id: RecordId,
        (local, remote): (SocketAddr, SocketAddr),
    ) {
        self.index.insert(core.table_key.hash_pair(local, remote), id.0.slot);
    }

    pub(super) fn remove(
        &mut self,
        core: &Core,
        id: RecordId,
        (local, remote): (SocketAddr, SocketAddr),
    ) {
        self.index.remove(core.table_key.hash_pair(local, remote), id.0.slot);
        if self.last.is_some_and(|(_, _, cached)| cached == id) {
            self.last = None;
        }
    }

    // ---- ports in use by records ----

    pub(super) fn use_port(&mut self, local: SocketAddr, reuse_address: bool) {
        let using = self.ports.entry((local.port(), local.ip())).or_default();
        using.records = using.records.saturating_add(1);
        using.strict = using.strict.saturating_add(u32::from(!reuse_address));
    }

    pub(super) fn free_port(&mut self, local: SocketAddr, reuse_address: bool) {
        let key = (local.port(), local.ip());
        if let Some(using) = self.ports.get_mut(&key) {
            using.records = using.records.saturating_sub(1);
            using.strict = using.strict.saturating_sub(u32::from(!reuse_address));
            if using.records == 0 {
                self.ports.remove(&key);
            }
        }
    }

    fn uses(&self, port: u16) -> impl Iterator<Item = (IpAddr, PortUse)> {
        let (first, last) = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::from_bits(u128::MAX).into());
        self.ports.range((port, first)..=(port, last)).map(|((_, ip), using)| (*ip, *using))
    }

    /// Whether connections on a port keep a socket from binding it (as Linux: SO_REUSEADDR must
    /// have been said by both, if their addresses overlap).
    pub(super) fn port_taken(&self, local: SocketAddr, reuse_address: bool) -> bool {
        self.uses(local.port())
            .filter(|(ip, _)| local.ip().is_unspecified() || *ip == local.ip())
            .any(|(_, using)| !reuse_address || using.strict > 0)
    }

    pub(super) fn port_in_use(&self, port: u16) -> bool {
        self.uses(port).next().is_some()
    }

    // ---- listeners ----

    pub(super) fn add_listener(
        &mut self,
        local: SocketAddr,
        interface: Option<InterfaceId>,
        socket: Key,
    ) {
        let address = Some(local.ip()).filter(|address| !address.is_unspecified());
        let listening = Listening { address, interface, socket };
        self.listeners.entry(local.port()).or_default().push(listening);
    }

    pub(super) fn remove_listener(&mut self, port: u16, socket: Key) {
        if let Some(all) = self.listeners.get_mut(&port) {
            all.retain(|listening| listening.socket != socket);
            if all.is_empty() {
                self.listeners.remove(&port);
            }
        }
    }

    /// The listener for a SYN: one bound to the exact address before one for any, one bound to
    /// the interface before one for all. Of several equals (SO_REUSEPORT) the pair of endpoints
    /// chooses. One of any port takes what is left.
    pub(super) fn listener(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        interface: InterfaceId,
    ) -> Option<Key> {
        let on = |port| self.listener_on(port, local, remote, interface);
        on(local.port()).or_else(|| on(ANY_PORT))
    }

    fn listener_on(
        &self,
        port: u16,
        local: SocketAddr,
        remote: SocketAddr,
        interface: InterfaceId,
    ) -> Option<Key> {
        let all = self.listeners.get(&port)?;
        let rank = |listening: &Listening| {
            if listening.interface.is_some_and(|bound| bound != interface)
                || listening.address.is_some_and(|address| address != local.ip())
            {
                return None;
            }
            Some(
                u8::from(listening.address.is_some())
                    .saturating_mul(2)
                    .saturating_add(u8::from(listening.interface.is_some())),
            )
        };
        let best = all.iter().filter_map(rank).max()?;
        let mut equals = all.iter().filter(|listening| rank(listening) == Some(best));
        let count = u64::try_from(equals.clone().count()).ok()?;
        if count == 1 {
            return equals.next().map(|listening| listening.socket);
        }
        let chosen = isn::hash_pair(self.spread, local, remote).checked_rem(count)?;
        equals.nth(usize::try_from(chosen).ok()?).map(|listening| listening.socket)
    }

    /// A listener that takes the local endpoint on some interface, for views.
    pub(super) fn any_listener(&self, local: SocketAddr, remote: SocketAddr) -> Option<Key> {
        let all = self.listeners.get(&local.port()).or_else(|| self.listeners.get(&ANY_PORT))?;
        let bound = all.first()?.interface;
        self.listener(local, remote, bound.unwrap_or(InterfaceId::LOOPBACK))
    }
}
