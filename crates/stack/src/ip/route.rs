//! Routes: longest prefix, then lowest metric, then the one that was there first. Knows no
//! interface's state: who may be used is the caller's question.

use crate::config::Route;
use crate::interface::InterfaceId;
use crate::views::RouteView;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::IpAddr;
use danja_wire::ip::{Cidr, Version};

/// All routes. One map a prefix length, the longest first, so that a lookup costs at most one
/// search a length in use.
pub(super) struct Routes {
    lengths: BTreeMap<(Version, Reverse<u8>), BTreeMap<IpAddr, Vec<Hop>>>,
    /// How many routes lead through each gateway.
    gateways: BTreeMap<(InterfaceId, IpAddr), usize>,
}

/// Where a route leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hop {
    pub(super) gateway: Option<IpAddr>,
    pub(super) interface: InterfaceId,
    pub(super) metric: u32,
    /// Of the route's destination.
    pub(super) prefix_len: u8,
}

impl Hop {
    const fn of(route: Route) -> Self {
        Self {
            gateway: route.gateway,
            interface: route.interface,
            metric: route.metric,
            prefix_len: route.destination.prefix_len(),
        }
    }
}

impl Routes {
    pub(super) const fn new() -> Self {
        Self { lengths: BTreeMap::new(), gateways: BTreeMap::new() }
    }

    /// `false` if it is there already.
    pub(super) fn add(&mut self, route: Route) -> bool {
        let network = route.destination.network();
        let length = (network.version(), Reverse(network.prefix_len()));
        let hops = self.lengths.entry(length).or_default().entry(network.address()).or_default();
        let hop = Hop::of(route);
        if hops.contains(&hop) {
            return false;
        }
        let after = hops.partition_point(|other| other.metric <= hop.metric);
        hops.insert(after, hop);
        if let Some(gateway) = hop.gateway {
            let count = self.gateways.entry((hop.interface, gateway)).or_default();
            *count = count.saturating_add(1);
        }
        true
    }

    /// `false` if it is not there.
    pub(super) fn remove(&mut self, route: Route) -> bool {
        let network = route.destination.network();
        let length = (network.version(), Reverse(network.prefix_len()));
        let Some(networks) = self.lengths.get_mut(&length) else { return false };
        let Some(hops) = networks.get_mut(&network.address()) else { return false };
        let before = hops.len();
        hops.retain(|hop| *hop != Hop::of(route));
        let removed = hops.len() < before;
        if hops.is_empty() {
            networks.remove(&network.address());
        }
        if networks.is_empty() {
            self.lengths.remove(&length);
        }
        if removed && let Some(gateway) = route.gateway {
            let through = (route.interface, gateway);
            let count = self.gateways.remove(&through).unwrap_or(0).saturating_sub(1);
            if count > 0 {
                self.gateways.insert(through, count);
            }
        }
        removed
    }

    /// Whether any route leads through it.
    pub(super) fn has_gateway(&self, interface: InterfaceId, address: IpAddr) -> bool {
        self.gateways.contains_key(&(interface, address))
    }

    /// The best route to `destination` whose hop may be used: of one prefix, those whose hop is
    /// alive come first.
    pub(super) fn find(
        &self,
        destination: IpAddr,
        usable: impl Fn(&Hop) -> bool,
        alive: impl Fn(&Hop) -> bool,
    ) -> Option<Hop> {
        let version = Version::of(destination);
        let lengths = (version, Reverse(u8::MAX))..=(version, Reverse(0));
        self.lengths.range(lengths).find_map(|((_, length), networks)| {
            let network = Cidr::new(destination, length.0)?.network().address();
            let mut hops = networks.get(&network)?.iter().filter(|hop| usable(hop)).copied();
            let first = hops.next()?;
            if alive(&first) { Some(first) } else { hops.find(&alive).or(Some(first)) }
        })
    }

    /// All routes, the most specific first.
    pub(super) fn views(&self) -> Vec<RouteView> {
        let mut views = Vec::new();
        for ((_, length), networks) in &self.lengths {
            for (address, hops) in networks {
                let Some(destination) = Cidr::new(*address, length.0) else { continue };
                views.extend(hops.iter().map(|hop| RouteView {
                    destination,
                    gateway: hop.gateway,
                    interface: hop.interface,
                    metric: hop.metric,
                }));
            }
        }
        views
    }
}
