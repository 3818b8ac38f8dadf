//! Which socket a datagram is for: the connected one first, then the one bound to its address,
//! then the one bound to any. Ordered tables: what is found never depends on a hash.

use super::socket::Socket;
use crate::entropy::HashKey;
use crate::interface::InterfaceId;
use crate::slab::{Key, Slab};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The sockets of one protocol, by their endpoints.
pub(super) struct Demux {
    connected: BTreeMap<(SocketAddr, SocketAddr), Vec<Key>>,
    bound: BTreeMap<SocketAddr, Vec<Key>>,
    /// Spreads flows over a SO_REUSEPORT group.
    spread: HashKey,
}

impl Demux {
    pub(super) const fn new(spread: HashKey) -> Self {
        Self { connected: BTreeMap::new(), bound: BTreeMap::new(), spread }
    }

    pub(super) fn insert(&mut self, key: Key, local: SocketAddr, remote: Option<SocketAddr>) {
        match remote {
            Some(remote) => self.connected.entry((local, remote)).or_default().push(key),
            None => self.bound.entry(local).or_default().push(key),
        }
    }

    pub(super) fn remove(&mut self, key: Key, local: SocketAddr, remote: Option<SocketAddr>) {
        match remote {
            Some(remote) => remove(&mut self.connected, &(local, remote), key),
            None => remove(&mut self.bound, &local, key),
        }
    }

    /// The connected socket of a pair of endpoints.
    pub(super) fn connected(
        &self,
        sockets: &Slab<Socket>,
        local: SocketAddr,
        remote: SocketAddr,
        interface: Option<InterfaceId>,
    ) -> Option<Key> {
        let group = self.connected.get(&(local, remote))?;
        self.choose(sockets, group, local, remote, interface)
    }

    /// The socket for a datagram from `remote` to `local`.
    pub(super) fn find(
        &self,
        sockets: &Slab<Socket>,
        local: SocketAddr,
        remote: SocketAddr,
        interface: Option<InterfaceId>,
    ) -> Option<Key> {
        let any = SocketAddr::new(unspecified(local.ip()), local.port());
        self.connected(sockets, local, remote, interface).or_else(|| {
            [local, any].iter().find_map(|address| {
                let group = self.bound.get(address)?;
                self.choose(sockets, group, local, remote, interface)
            })
        })
    }

    /// All unconnected sockets for a datagram to many.
    pub(super) fn all(
        &self,
        sockets: &Slab<Socket>,
        local: SocketAddr,
        interface: InterfaceId,
    ) -> Vec<Key> {
        let any = SocketAddr::new(unspecified(local.ip()), local.port());
        let groups = [local, any];
        let keys = groups.iter().filter_map(|address| self.bound.get(address)).flatten();
        keys.copied()
            .filter(|key| sockets.get(*key).is_some_and(|it| it.listens_on(interface)))
            .collect()
    }

    /// One of a group that shares an endpoint: those bound to the interface before the others,
    /// by flow if all ask for it (SO_REUSEPORT), else the last that came (SO_REUSEADDR).
    fn choose(
        &self,
        sockets: &Slab<Socket>,
        group: &[Key],
        local: SocketAddr,
        remote: SocketAddr,
        interface: Option<InterfaceId>,
    ) -> Option<Key> {
        if let [only] = group {
            let it = sockets.get(*only)?;
            return interface.is_none_or(|interface| it.listens_on(interface)).then_some(*only);
        }
        let candidates = |bound_to_interface: bool| {
            group.iter().copied().filter(move |key| {
                sockets.get(*key).is_some_and(|it| {
                    let listens = interface.is_none_or(|interface| it.listens_on(interface));
                    listens && it.options.interface.is_some() == bound_to_interface
                })
            })
        };
        let members: Vec<Key> = match candidates(true).next() {
            Some(_) => candidates(true).collect(),
            None => candidates(false).collect(),
        };
        let shared = |key: &Key| sockets.get(*key).is_some_and(|it| it.options.reuse_port);
        if !members.iter().all(shared) {
            return members.last().copied();
        }
        let hash = usize::try_from(self.spread.hash_pair(local, remote) >> 32).unwrap_or(0);
        members.get(hash.checked_rem(members.len())?).copied()
    }
}

fn remove<K: Ord>(map: &mut BTreeMap<K, Vec<Key>>, at: &K, key: Key) {
    if let Some(group) = map.get_mut(at) {
        group.retain(|other| *other != key);
        if group.is_empty() {
            map.remove(at);
        }
    }
}

const fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED),
    }
}
