//! Redirects (RFC 1122 §3.2.2.2): a better first hop for one destination. Off unless configured;
//! then believed only from the present first hop. Sends none: a host must not.

use crate::core_state::Core;
use crate::discard::Discard;
use crate::interface::InterfaceId;
use crate::packet::Packet;
use alloc::collections::{BTreeMap, VecDeque};
use core::net::{IpAddr, Ipv4Addr};
use danja_wire::icmpv4::{HEADER_LEN, Quote};
use danja_wire::ipv4;

/// Destinations remembered; the oldest is forgotten for a new one.
const LIMIT: usize = 256;

/// First hops learnt from redirects. Forgotten when any route changes.
pub(in crate::ip) struct Redirects {
    hops: BTreeMap<IpAddr, (InterfaceId, IpAddr)>,
    order: VecDeque<IpAddr>,
}

impl Redirects {
    pub(in crate::ip) const fn new() -> Self {
        Self { hops: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(in crate::ip) fn get(&self, destination: IpAddr, interface: InterfaceId) -> Option<IpAddr> {
        let (at, gateway) = self.hops.get(&destination)?;
        (*at == interface).then_some(*gateway)
    }

    pub(in crate::ip) fn clear(&mut self) {
        self.hops.clear();
        self.order.clear();
    }

    /// A gateway is silent: what went by it goes by its route again. `false` if nothing did.
    pub(in crate::ip) fn forget(&mut self, interface: InterfaceId, gateway: IpAddr) -> bool {
        let before = self.hops.len();
        self.hops.retain(|_, hop| *hop != (interface, gateway));
        self.order.retain(|destination| self.hops.contains_key(destination));
        self.hops.len() < before
    }

    fn insert(&mut self, destination: IpAddr, interface: InterfaceId, gateway: IpAddr) {
        if self.hops.insert(destination, (interface, gateway)).is_none() {
            self.order.push_back(destination);
        }
        if self.order.len() > LIMIT
            && let Some(oldest) = self.order.pop_front()
        {
            self.hops.remove(&oldest);
        }
    }
}

/// A redirect came.
pub(super) fn input(core: &mut Core, mut packet: Packet, gateway: Ipv4Addr) -> Result<(), Discard> {
    if !core.config.ip.accept_redirects {
        return Err(Discard::IcmpIgnored);
    }
    let body = packet.transport.saturating_add(HEADER_LEN);
    let end = packet.end.min(body.saturating_add(ipv4::MAX_HEADER_LEN.saturating_add(HEADER_LEN)));
    let quoted = packet.frame.ensure_front(end).get(body..end).ok_or(Discard::IcmpMalformed)?;
    let header = Quote::parse(quoted).map_err(|_| Discard::IcmpMalformed)?.header;
    let destination = IpAddr::V4(header.destination);
    let gateway = IpAddr::V4(gateway);
    let interface = packet.interface;
    let path = core
        .ip
        .path(Some(header.source.into()), destination, Some(interface))
        .map_err(|_| Discard::IcmpUnvalidated)?;
    // RFC 1122 §3.2.2.2: discarded if the new gateway is not on the connected network, or the
    // source is not the current first hop.
    let direct = core.ip.path(None, gateway, Some(interface));
    let on_link = direct.is_ok_and(|hop| hop.interface == interface && hop.next_hop == gateway);
    let from_hop = path.interface == interface && path.next_hop == packet.source;
    if !on_link || !from_hop || core.ip.is_local(gateway) || core.ip.is_broadcast(gateway) {
        return Err(Discard::IcmpUnvalidated);
    }
    core.ip.redirects.insert(destination, interface, gateway);
    core.ip.generation = core.ip.generation.wrapping_add(1);
    Ok(())
}
