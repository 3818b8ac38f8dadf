//! The client's state machine (RFC 2131 §4.4, figure 5), as a value: messages, time and entropy go
//! in, actions and the next deadline come out. Performs no I/O, and reads no clock.

use super::lease::{Lease, Terms};
use super::message::{Identity, Kind, Reply, Request, Unreadable};
use super::{Discards, Loss, State};
use danja_stack::Instant;
use dhcproto::v4::MessageType;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// RFC 2131 §4.1: the delay before the first retransmission, and the largest.
const FIRST_DELAY: u64 = 4;
const LAST_DELAY: u64 = 64;
/// RFC 2131 §3.1 (5): "a client might retransmit the DHCPREQUEST message four times, for a total
/// delay of 60 seconds".
const REQUESTS: u32 = 4;
/// Questions whether an address is still ours, after which it is used for as long as it was lent.
const VERIFICATIONS: u32 = 2;
/// RFC 2131 §3.1 (5): "The client SHOULD wait a minimum of ten seconds before restarting" after an
/// address turned out to be in use.
const AFTER_CONFLICT: Duration = Duration::from_secs(10);
/// RFC 2131 §4.4.5: the shortest time between two questions for an extension.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(60);

/// Where numbers come from that need not be secret but differ between hosts.
pub(super) type Random<'a> = &'a mut dyn FnMut() -> u64;

/// What is to be done.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Action {
    /// A message is to be sent to everybody, from nobody (or from our address, if we have one).
    Broadcast(Vec<u8>),
    /// A message is to be sent to a server, from our address.
    Unicast { to: Ipv4Addr, from: Ipv4Addr, message: Vec<u8> },
    /// The interface gets what was lent, instead of what it may have had.
    Configure { lease: Box<Lease>, before: Option<Box<Lease>> },
    /// The interface loses what was lent.
    Remove(Box<Lease>, Loss),
}

/// What the client waits for.
#[derive(Clone, Debug)]
enum Phase {
    /// The moment to begin.
    Init {
        at: Instant,
    },
    Selecting {
        tries: u32,
        due: Instant,
    },
    Requesting {
        address: Ipv4Addr,
        server: Ipv4Addr,
        asked: Instant,
        tries: u32,
        due: Instant,
    },
    /// An address that we had is asked for again.
    Rebooting {
        address: Ipv4Addr,
        asked: Instant,
        tries: u32,
        due: Instant,
    },
    /// The stack looks whether nobody else has the address.
    Claiming,
    Bound,
    Renewing {
        asked: Instant,
        due: Instant,
    },
    Rebinding {
        asked: Instant,
        due: Instant,
    },
}

/// A client on one interface.
#[derive(Clone, Debug)]
pub(super) struct Client {
    who: Identity,
    /// Addresses are claimed (RFC 5227) before they are used.
    claims: bool,
    phase: Phase,
    /// What the interface has.
    lease: Option<Box<Lease>>,
    link: bool,
    xid: u32,
    /// When it began to look for an address.
    began: Instant,
    /// How often it began anew since it had one.
    restarts: u32,
    actions: VecDeque<Action>,
    pub(super) discards: Discards,
    /// Messages sent.
    pub(super) sent: u64,
}

impl Client {
    /// A client that begins at `now`: with the address that it had, if it had one.
    pub(super) fn new(
        who: Identity,
        claims: bool,
        before: Option<Ipv4Addr>,
        now: Instant,
        random: Random<'_>,
    ) -> Self {
        let mut client = Self {
            who,
            claims,
            phase: Phase::Init { at: now },
            lease: None,
            link: true,
            xid: random() as u32,
            began: now,
            restarts: 0,
            actions: VecDeque::new(),
            discards: Discards::default(),
            sent: 0,
        };
        if let Some(address) = before {
            client.verify(address, now, random);
        }
        client
    }

    pub(super) const fn state(&self) -> State {
        match self.phase {
            Phase::Init { .. } => State::Init,
            Phase::Selecting { .. } => State::Selecting,
            Phase::Requesting { .. } => State::Requesting,
            Phase::Rebooting { .. } => State::Rebooting,
            Phase::Claiming => State::Claiming,
            Phase::Bound => State::Bound,
            Phase::Renewing { .. } => State::Renewing,
            Phase::Rebinding { .. } => State::Rebinding,
        }
    }

    /// What was lent, as far as it may be used.
    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_deref().filter(|_| !matches!(self.phase, Phase::Claiming))
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Self::on_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let lease = self.lease.as_deref();
        let expires = lease.map_or(Instant::MAX, |lease| lease.expires);
        let due = match self.phase {
            // Nobody would hear us.
            _ if !self.link => Instant::MAX,
            Phase::Init { at } => at,
            Phase::Selecting { due, .. }
            | Phase::Requesting { due, .. }
            | Phase::Rebooting { due, .. } => due,
            Phase::Claiming => Instant::MAX,
            Phase::Bound => lease.map_or(Instant::MAX, |lease| lease.renews),
            Phase::Renewing { due, .. } => lease.map_or(due, |lease| lease.rebinds.min(due)),
            Phase::Rebinding { due, .. } => due,
        };
        let due = due.min(expires);
        (due != Instant::MAX).then_some(due)
    }

    /// Does what is due.
    pub(super) fn on_timeout(&mut self, now: Instant, random: Random<'_>) {
        // Each step leads to a later deadline, or to a state that has one.
        for _ in 0..8 {
            if self.poll_timeout().is_none_or(|due| due > now) {
                return;
            }
            self.step(now, random);
        }
    }

    fn step(&mut self, now: Instant, random: Random<'_>) {
        if self.lease.as_deref().is_some_and(|lease| lease.expires <= now) {
            // RFC 2131 §4.4.5: the client moves to INIT state, MUST immediately stop any other
            // network processing.
            self.lose(Loss::Expired);
            self.restart(Duration::ZERO, now);
            return;
        }
        match self.phase.clone() {
            Phase::Init { .. } => {
                self.began = now;
                self.xid = random() as u32;
                self.discover(0, now, random);
            }
            Phase::Selecting { tries, .. } => self.discover(tries, now, random),
            Phase::Requesting { address, server, asked, tries, .. } if tries < REQUESTS => {
                self.request(address, server, asked, tries, now, random);
            }
            Phase::Requesting { .. } => self.restart(self.pause(), now),
            Phase::Rebooting { address, asked, tries, .. } if tries < VERIFICATIONS => {
                self.ask_again(address, asked, tries, now, random);
            }
            // RFC 2131 §3.7: if a client is unable to contact a local DHCP server, it may continue
            // to use the previous network address until the lease for that address expires.
            Phase::Rebooting { .. } if self.lease.is_some() => self.phase = Phase::Bound,
            Phase::Rebooting { .. } => self.restart(Duration::ZERO, now),
            Phase::Claiming => {}
            Phase::Bound => self.renew(now, random),
            Phase::Renewing { asked, .. } => {
                let rebinds = self.lease.as_deref().map_or(now, |lease| lease.rebinds);
                if rebinds <= now { self.rebind(now, now) } else { self.renew_again(asked, now) }
            }
            Phase::Rebinding { asked, .. } => self.rebind(asked, now),
        }
    }

    /// A datagram came to our port.
    pub(super) fn on_message(&mut self, bytes: &[u8], now: Instant, random: Random<'_>) {
        let reply = match Reply::parse(bytes, &self.who) {
            Ok(reply) => reply,
            Err(Unreadable::Malformed) => return self.discards.malformed += 1,
            Err(Unreadable::NotOurs) => return self.discards.not_ours += 1,
        };
        // RFC 2131 §4.4.1: an 'xid' that does not match must be silently discarded.
        if reply.xid != self.xid {
            return self.discards.not_ours += 1;
        }
        match (self.phase.clone(), reply.kind) {
            (Phase::Selecting { .. }, Kind::Offer) => self.on_offer(&reply, now, random),
            (Phase::Requesting { server, .. }, _) if reply.server != Some(server) => {
                self.discards.not_ours += 1;
            }
            (Phase::Requesting { asked, .. }, Kind::Ack)
            | (Phase::Rebooting { asked, .. }, Kind::Ack)
            | (Phase::Renewing { asked, .. }, Kind::Ack)
            | (Phase::Rebinding { asked, .. }, Kind::Ack) => {
                self.on_ack(&reply, asked, now, random);
            }
            (
                Phase::Requesting { .. }
                | Phase::Rebooting { .. }
                | Phase::Renewing { .. }
                | Phase::Rebinding { .. },
                Kind::Nak,
            ) => {
                // RFC 2131 §4.3.1, Table 3: the server identifier MUST be there.
                if reply.server.is_none() {
                    return self.discards.unacceptable += 1;
                }
                // RFC 2131 §3.1 (5): the client restarts the configuration process.
                self.lose(Loss::Refused);
                self.restart(self.pause(), now);
            }
            // RFC 2131 §4.4, figure 5: discarded in all other states.
            _ => self.discards.unexpected += 1,
        }
    }

    /// The first offer that can be used is taken.
    fn on_offer(&mut self, reply: &Reply, now: Instant, random: Random<'_>) {
        let terms = reply.terms.as_ref().filter(|terms| terms.is_worth_it());
        let (Some(terms), Some(server)) = (terms, reply.server) else {
            return self.discards.unacceptable += 1;
        };
        let IpAddr::V4(address) = terms.address.address() else { return };
        self.request(address, server, now, 0, now, random);
    }

    fn on_ack(&mut self, reply: &Reply, asked: Instant, now: Instant, random: Random<'_>) {
        let terms = reply.terms.as_ref().filter(|terms| terms.is_worth_it());
        let (Some(terms), Some(server)) = (terms, reply.server) else {
            return self.discards.unacceptable += 1;
        };
        if !self.is_what_was_asked(terms) {
            return self.discards.unacceptable += 1;
        }
        let lease = Box::new(terms.lease(server, asked, random()));
        if lease.expires <= now {
            return self.discards.unacceptable += 1;
        }
        let before = self.lease.replace(lease.clone());
        let new = before.as_ref().is_none_or(|before| before.address != lease.address);
        self.actions.push_back(Action::Configure { lease, before });
        // An address that we have had until now is ours.
        if new && self.claims {
            self.phase = Phase::Claiming;
        } else {
            self.settle();
        }
    }

    /// Whether it is the address that we asked for, and not another.
    fn is_what_was_asked(&self, terms: &Terms) -> bool {
        let asked = match &self.phase {
            Phase::Requesting { address, .. } | Phase::Rebooting { address, .. } => {
                IpAddr::V4(*address)
            }
            _ => match self.lease.as_deref() {
                Some(lease) => lease.address.address(),
                None => return false,
            },
        };
        terms.address.address() == asked
    }

    /// The stack has seen nobody else with the address.
    pub(super) fn on_claimed(&mut self, address: IpAddr) {
        let ours = self.lease.as_deref().is_some_and(|lease| lease.address.address() == address);
        if ours && matches!(self.phase, Phase::Claiming) {
            self.settle();
        }
    }

    /// Somebody else has the address, and the stack has given it up.
    pub(super) fn on_conflict(&mut self, address: IpAddr, now: Instant, random: Random<'_>) {
        let Some(lease) = self.lease.take_if(|lease| lease.address.address() == address) else {
            return;
        };
        // RFC 2131 §4.4.4: DHCPDECLINE messages are broadcast; Table 5: their address is in an
        // option.
        self.xid = random() as u32;
        let IpAddr::V4(address) = address else { return };
        let decline = Request {
            kind: MessageType::Decline,
            xid: self.xid,
            secs: 0,
            broadcast: false,
            ciaddr: None,
            requested: Some(address),
            server: Some(lease.server),
        };
        self.actions.push_back(Action::Remove(lease, Loss::Conflict));
        self.send(&decline);
        self.restart(AFTER_CONFLICT + self.pause(), now);
    }

    /// The link came up or went down.
    pub(super) fn on_link(&mut self, up: bool, now: Instant, random: Random<'_>) {
        if up == self.link {
            return;
        }
        self.link = up;
        // Nothing is asked without a link, nor once the address was given back.
        if !up || matches!(self.phase, Phase::Init { at: Instant::MAX }) {
            return;
        }
        // RFC 2131 §3.7: after a disconnection the address is to be verified.
        self.restarts = 0;
        match self.lease.as_deref().map(|lease| lease.address.address()) {
            Some(IpAddr::V4(address)) => self.verify(address, now, random),
            _ => self.restart(Duration::ZERO, now),
        }
    }

    /// The address is given back (RFC 2131 §4.4.6), and no other is asked for. Once that is on its
    /// way, [`Self::on_released`] is to be called.
    pub(super) fn release(&mut self, random: Random<'_>) -> bool {
        self.phase = Phase::Init { at: Instant::MAX };
        let Some(lease) = self.lease.clone() else { return false };
        let IpAddr::V4(address) = lease.address.address() else { return false };
        let release = Request {
            kind: MessageType::Release,
            xid: random() as u32,
            secs: 0,
            broadcast: false,
            ciaddr: Some(address),
            requested: None,
            server: Some(lease.server),
        };
        let message = release.emit(&self.who);
        self.sent += 1;
        self.actions.push_back(Action::Unicast { to: lease.server, from: address, message });
        true
    }

    /// What was given back is not used any more.
    pub(super) fn on_released(&mut self) {
        self.lose(Loss::Released);
    }

    fn settle(&mut self) {
        self.phase = Phase::Bound;
        self.restarts = 0;
    }

    fn lose(&mut self, why: Loss) {
        if let Some(lease) = self.lease.take() {
            self.actions.push_back(Action::Remove(lease, why));
        }
    }

    fn restart(&mut self, pause: Duration, now: Instant) {
        self.restarts = self.restarts.saturating_add(1);
        self.phase = Phase::Init { at: now + pause };
    }

    /// Lest a server that offers and refuses leads us round at the speed of the network.
    fn pause(&self) -> Duration {
        match self.restarts {
            0 => Duration::ZERO,
            restarts => Duration::from_secs(1 << (restarts - 1).min(6)),
        }
    }

    fn discover(&mut self, tries: u32, now: Instant, random: Random<'_>) {
        let request = Request { kind: MessageType::Discover, ..self.question(now, tries) };
        self.send(&request);
        self.phase =
            Phase::Selecting { tries: tries.saturating_add(1), due: later(now, tries, random) };
    }

    fn request(
        &mut self,
        address: Ipv4Addr,
        server: Ipv4Addr,
        asked: Instant,
        tries: u32,
        now: Instant,
        random: Random<'_>,
    ) {
        // RFC 2131 §4.3.2 (SELECTING): 'server identifier' and 'requested IP address' MUST be
        // filled in, 'ciaddr' MUST be zero.
        let request =
            Request { requested: Some(address), server: Some(server), ..self.question(now, tries) };
        self.send(&request);
        let due = later(now, tries, random);
        self.phase = Phase::Requesting { address, server, asked, tries: tries + 1, due };
    }

    /// RFC 2131 §4.4.2: asks for an address that we had.
    fn verify(&mut self, address: Ipv4Addr, now: Instant, random: Random<'_>) {
        self.began = now;
        self.xid = random() as u32;
        self.ask_again(address, now, 0, now, random);
    }

    fn ask_again(
        &mut self,
        address: Ipv4Addr,
        asked: Instant,
        tries: u32,
        now: Instant,
        random: Random<'_>,
    ) {
        // RFC 2131 §4.3.2 (INIT-REBOOT): 'server identifier' MUST NOT be filled in, 'requested IP
        // address' MUST be, 'ciaddr' MUST be zero.
        let request = Request { requested: Some(address), ..self.question(now, tries) };
        self.send(&request);
        let due = later(now, tries, random);
        self.phase = Phase::Rebooting { address, asked, tries: tries + 1, due };
    }

    /// T1 has come.
    fn renew(&mut self, now: Instant, random: Random<'_>) {
        self.began = now;
        self.xid = random() as u32;
        self.renew_again(now, now);
    }

    /// RFC 2131 §4.4.5: asks the leasing server, and again after half of the time until T2.
    fn renew_again(&mut self, asked: Instant, now: Instant) {
        let Some(lease) = self.lease.clone() else { return };
        let IpAddr::V4(from) = lease.address.address() else { return };
        let request = Request { ciaddr: Some(from), broadcast: false, ..self.question(now, 0) };
        let message = request.emit(&self.who);
        self.sent += 1;
        self.actions.push_back(Action::Unicast { to: lease.server, from, message });
        self.phase = Phase::Renewing { asked, due: half_way(now, lease.rebinds) };
    }

    /// RFC 2131 §4.4.5: asks any server, and again after half of the time that is left.
    fn rebind(&mut self, asked: Instant, now: Instant) {
        let Some(lease) = self.lease.clone() else { return };
        let IpAddr::V4(address) = lease.address.address() else { return };
        let request = Request { ciaddr: Some(address), broadcast: false, ..self.question(now, 0) };
        self.send(&request);
        self.phase = Phase::Rebinding { asked, due: half_way(now, lease.expires) };
    }

    fn question(&self, now: Instant, tries: u32) -> Request {
        let secs = now.saturating_since(self.began).as_secs();
        Request {
            kind: MessageType::Request,
            xid: self.xid,
            secs: u16::try_from(secs).unwrap_or(u16::MAX),
            // RFC 2131 §4.1: a client that can receive unicast datagrams before it is configured
            // SHOULD clear the bit. Where that got no answer, the network may not deliver them.
            broadcast: tries > 0,
            ciaddr: None,
            requested: None,
            server: None,
        }
    }

    fn send(&mut self, request: &Request) {
        self.sent += 1;
        self.actions.push_back(Action::Broadcast(request.emit(&self.who)));
    }
}

/// RFC 2131 §4.1: 4 seconds, doubled up to 64, each randomised by up to one in both directions.
fn later(now: Instant, tries: u32, random: Random<'_>) -> Instant {
    let seconds = (FIRST_DELAY << tries.min(4)).min(LAST_DELAY);
    now + Duration::from_secs(seconds - 1) + Duration::from_millis(random() % 2001)
}

/// RFC 2131 §4.4.5: one-half of the remaining time, down to a minimum of 60 seconds.
fn half_way(now: Instant, end: Instant) -> Instant {
    now + (end.saturating_since(now) / 2).max(BETWEEN_RENEWALS)
}
