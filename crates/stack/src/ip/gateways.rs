//! Gateways that stay silent (RFC 1122 §3.3.1.4, §3.3.1.5): passed over while another route of the
//! same prefix leads on, and asked for now and then until they are heard again. Pings nobody.

use super::{TimerId, arp};
use crate::core_state::Core;
use crate::interface::InterfaceId;
use crate::timer::{Timer, TimerKey};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

/// Between two questions for a silent gateway; RFC 1122 §3.3.1.5 asks for a very low rate.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// The silent ones; only gateways of routes are ever in it.
pub(super) struct Gateways {
    silent: BTreeSet<(InterfaceId, IpAddr)>,
    timer: Option<Timer>,
}

impl Gateways {
    pub(super) const fn new() -> Self {
        Self { silent: BTreeSet::new(), timer: None }
    }

    /// Whether nothing speaks against a gateway.
    pub(super) fn is_alive(&self, interface: InterfaceId, gateway: Option<IpAddr>) -> bool {
        gateway.is_none_or(|gateway| !self.silent.contains(&(interface, gateway)))
    }
}

/// A neighbour did not answer: if it is a gateway, other routes come before it.
pub(super) fn on_silence(core: &mut Core, interface: InterfaceId, address: IpAddr) {
    let mut changed = core.ip.redirects.forget(interface, address);
    if core.ip.routes.has_gateway(interface, address) {
        changed |= core.ip.gateways.silent.insert((interface, address));
        arm(core);
    }
    if changed {
        core.ip.generation = core.ip.generation.wrapping_add(1);
    }
}

/// A neighbour was heard of.
pub(super) fn on_heard(core: &mut Core, interface: InterfaceId, address: IpAddr) {
    if core.ip.gateways.silent.remove(&(interface, address)) {
        core.ip.generation = core.ip.generation.wrapping_add(1);
    }
}

/// Asks for those that are silent, and forgets those that are no gateways any more.
pub(super) fn on_timer(core: &mut Core) {
    core.ip.gateways.timer = None;
    let silent: Vec<_> = core.ip.gateways.silent.iter().copied().collect();
    for (interface, address) in silent {
        if core.ip.routes.has_gateway(interface, address) {
            arp::ask_everybody(core, interface, address);
        } else {
            core.ip.gateways.silent.remove(&(interface, address));
        }
    }
    arm(core);
}

fn arm(core: &mut Core) {
    let gateways = &mut core.ip.gateways;
    if gateways.timer.is_none() && !gateways.silent.is_empty() {
        let next = core.now + ASK_AGAIN;
        gateways.timer = core.timers.insert(next, TimerKey::Ip(TimerId::Gateways));
    }
}
