//! Address conflict detection (RFC 5227): probes before an address is used (if asked for),
//! announcements when it is, and its defence. An address in use is never given up (§2.4 (c)):
//! a host is configured by its owner, not by its neighbours.

use super::interface::Interface;
use super::{TimerId, arp};
use crate::core_state::Core;
use crate::counters::count;
use crate::discard::Discard;
use crate::event::Event;
use crate::interface::{InterfaceId, Medium};
use crate::timer::TimerKey;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::arp::{Operation, Packet};
use danja_wire::ethernet::MacAddress;

// RFC 5227 §1.1: the constants.
const PROBE_WAIT: Duration = Duration::from_secs(1);
const PROBE_NUM: u8 = 3;
const PROBE_MIN: Duration = Duration::from_secs(1);
/// PROBE_MAX less PROBE_MIN.
const PROBE_SPREAD: Duration = Duration::from_secs(1);
const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
const ANNOUNCE_NUM: u8 = 2;
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nobody may have it: so many probes were sent.
    Probing(u8),
    /// It is in use; so many announcements were sent.
    Announcing(u8),
    /// It is in use, and nothing is to be sent.
    Settled,
}

/// How far the claim of an address has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    phase: Phase,
    /// When the next probe or announcement is due.
    due: Instant,
    /// When it was defended last.
    defended: Option<Instant>,
}

impl Claim {
    /// Of an address that nobody else can have.
    pub(super) const fn settled() -> Self {
        Self { phase: Phase::Settled, due: Instant::MAX, defended: None }
    }

    /// Of an address that is to be claimed on an interface.
    pub(super) fn new(interface: &Interface) -> Self {
        if !interface.is_ethernet() {
            return Self::settled();
        }
        let probes = interface.config.probe_addresses;
        let phase = if probes { Phase::Probing(0) } else { Phase::Announcing(0) };
        // `start` says when.
        Self { phase, due: Instant::MAX, defended: None }
    }

    /// Whether packets may be sent from it and are taken for it.
    pub(super) const fn is_usable(self) -> bool {
        !matches!(self.phase, Phase::Probing(_))
    }
}

/// Begins the claims that have not begun yet.
pub(super) fn start(core: &mut Core, interface: InterfaceId) {
    let now = core.now;
    let wait = u64::try_from(PROBE_WAIT.as_nanos()).unwrap_or(u64::MAX);
    let Some(it) = core.ip.interface_mut(interface).filter(|it| it.up) else { return };
    for address in &mut it.addresses {
        let claim = &mut address.claim;
        if claim.due != Instant::MAX {
            continue;
        }
        match claim.phase {
            Phase::Probing(_) => {
                // RFC 5227 §2.1.1: a random delay, lest many hosts that start at once collide.
                claim.due = now + Duration::from_nanos(core.entropy.public_below(wait));
            }
            Phase::Announcing(_) => claim.due = now,
            Phase::Settled => {}
        }
    }
    on_timer(core, interface);
}

/// The link is new (the interface came up): all addresses are claimed again.
pub(super) fn restart(core: &mut Core, interface: InterfaceId) {
    let Some(it) = core.ip.interface_mut(interface) else { return };
    let claim = Claim::new(it);
    it.addresses.iter_mut().for_each(|address| address.claim = claim);
    if !claim.is_usable() {
        core.ip.local.retain(|(_, owner)| *owner != interface);
    }
    start(core, interface);
}

/// Sends the probes and announcements that are due.
pub(super) fn on_timer(core: &mut Core, interface: InterfaceId) {
    let count = core.ip.interface(interface).map_or(0, |it| it.addresses.len());
    for at in 0..count {
        step(core, interface, at);
    }
    let Some(it) = core.ip.interface_mut(interface) else { return };
    let next = it.addresses.iter().map(|address| address.claim.due).min();
    let Some(next) = next.filter(|next| it.up && *next != Instant::MAX) else { return };
    if it.timer.is_none_or(|timer| !core.timers.rearm(timer, next)) {
        it.timer = core.timers.insert(next, TimerKey::Ip(TimerId::Addresses(interface)));
    }
}

/// What is due for one address.
fn step(core: &mut Core, interface: InterfaceId, at: usize) {
    let now = core.now;
    let spread = u64::try_from(PROBE_SPREAD.as_nanos()).unwrap_or(u64::MAX);
    let spread = Duration::from_nanos(core.entropy.public_below(spread));
    let gap = PROBE_MIN.saturating_add(spread);
    let Some(it) = core.ip.interface_mut(interface).filter(|it| it.up) else { return };
    let Some(address) = it.addresses.get_mut(at).filter(|it| it.claim.due <= now) else { return };
    let IpAddr::V4(v4) = address.cidr.address() else { return };
    let claim = &mut address.claim;
    match claim.phase {
        Phase::Probing(sent) if sent < PROBE_NUM => {
            let sent = sent.saturating_add(1);
            claim.phase = Phase::Probing(sent);
            claim.due = now + if sent < PROBE_NUM { gap } else { ANNOUNCE_WAIT };
            send(core, interface, Ipv4Addr::UNSPECIFIED, v4);
        }
        Phase::Probing(_) => {
            claim.phase = Phase::Announcing(0);
            core.ip.own(v4.into(), interface);
            core.ip.changed();
            core.events.push(Event::AddressReady { interface, address: v4.into() });
            step(core, interface, at);
        }
        Phase::Announcing(sent) => {
            let sent = sent.saturating_add(1);
            let last = sent >= ANNOUNCE_NUM;
            claim.phase = if last { Phase::Settled } else { Phase::Announcing(sent) };
            claim.due = if last { Instant::MAX } else { now + ANNOUNCE_INTERVAL };
            send(core, interface, v4, v4);
        }
        Phase::Settled => {}
    }
}

/// A probe (from nobody) or an announcement (from the address itself).
fn send(core: &mut Core, interface: InterfaceId, sender: Ipv4Addr, target: Ipv4Addr) {
    let Some(it) = core.ip.interface(interface) else { return };
    let Medium::Ethernet(ours) = it.config.medium else { return };
    count(&mut core.counters.arp_requests_sent);
    let packet = Packet {
        operation: Operation::Request,
        sender_mac: ours,
        sender_ip: sender,
        target_mac: MacAddress::ZERO,
        target_ip: target,
    };
    arp::send(core, interface, &packet, MacAddress::BROADCAST);
}

/// Looks whether another station claims one of our addresses; if so, deals with it and says why
/// the packet goes no further.
pub(super) fn check(
    core: &mut Core,
    interface: InterfaceId,
    packet: &Packet,
) -> Result<(), Discard> {
    let now = core.now;
    let Some(it) = core.ip.interface_mut(interface) else { return Ok(()) };
    let found = it.addresses.iter_mut().find(|address| {
        let ours = address.cidr.address();
        // RFC 5227 §2.1.1: while we probe, another's probe for the same address is a conflict.
        let probed = !address.claim.is_usable()
            && packet.sender_ip.is_unspecified()
            && ours == IpAddr::V4(packet.target_ip);
        ours == IpAddr::V4(packet.sender_ip) || probed
    });
    let Some(address) = found else { return Ok(()) };
    let ours = address.cidr.address();
    let given_up = !address.claim.is_usable();
    let last = address.claim.defended.replace(now);
    let lately = last.is_some_and(|last| now.saturating_since(last) < DEFEND_INTERVAL);
    if lately {
        // RFC 5227 §2.4 (c): at most one announcement in DEFEND_INTERVAL; it is counted from
        // the last one sent.
        address.claim.defended = last;
        return Err(Discard::ArpConflict);
    }
    let by = packet.sender_mac;
    core.events.push(Event::AddressConflict { interface, address: ours, by, given_up });
    if given_up {
        super::remove_address(core, interface, ours);
    } else if let IpAddr::V4(v4) = ours {
        send(core, interface, v4, v4);
    }
    Err(Discard::ArpConflict)
}
