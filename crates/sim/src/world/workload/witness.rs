//! What the wire says: who sent which number how often, what arrived unharmed, what was answered.
//! A host that gives up must have been unheard (RFC 9293 §3.8.3), and whoever heard must have
//! answered; the witness, which trusts no stack, decides. It changes nothing.

mod former;
mod seen;
#[cfg(test)]
mod tests;

use crate::world::{Direction, HostId, Passing};
use danja_wire::Instant;
use danja_wire::tcp::{Flags, SeqNumber};
use former::Former;
use seen::{Seen, TcpSeen};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

/// An answer may wait for the delay of an acknowledgement (at most 500 ms), and a host for its
/// adapter.
const ANSWER: Duration = Duration::from_millis(700);

/// So many requests for a neighbour are made (Linux's figure).
const ENOUGH: u32 = 3;

/// How long a request for a neighbour waits for its answer (RFC 4861 §10: RetransTimer).
const REQUEST: Duration = Duration::from_secs(1);

/// Numbers that were sent and not heard acknowledged.
#[derive(Debug)]
struct Open {
    /// Behind the last of them.
    end: u32,
    times: u32,
    arrived: u32,
}

/// One direction of a connection, whose numbers are counted from its SYN.
#[derive(Debug)]
struct Way {
    first: SeqNumber,
    open: BTreeMap<u32, Open>,
    /// The highest acknowledgement that its receiver sent, and that its sender heard.
    answered: u32,
    una: u32,
    /// When its sender last heard something new acknowledged, and anything at all.
    progress: Instant,
    heard: Instant,
    /// How long before the one nothing was, and the longest time before the other.
    gap: Duration,
    silence: Duration,
    /// What arrived last waits for an answer since then; how often none came.
    waiting: Option<Instant>,
    silent: u32,
    /// Its sender sent a RST.
    reset: bool,
    /// When another connection took its ports.
    over: Option<Instant>,
}

impl Way {
    const fn new(first: SeqNumber, now: Instant) -> Self {
        Self {
            first,
            open: BTreeMap::new(),
            answered: 0,
            una: 0,
            progress: now,
            heard: now,
            gap: Duration::ZERO,
            silence: Duration::ZERO,
            waiting: None,
            silent: 0,
            reset: false,
            over: None,
        }
    }

    /// The time as far as it concerns this connection.
    fn until(&self, now: Instant) -> Instant {
        self.over.map_or(now, |over| over.min(now))
    }

    /// How far a number is behind the first; `None` for one from before.
    fn offset(&self, number: SeqNumber) -> Option<u32> {
        number.ge(self.first).then(|| number.since(self.first))
    }

    fn on_sent(&mut self, segment: &TcpSeen) {
        self.reset |= segment.flags.contains(Flags::RST);
        let Some(at) = self.offset(segment.sequence).filter(|at| *at >= self.una) else { return };
        if segment.length > 0 {
            let open = self.open.entry(at).or_insert(Open { end: at, times: 0, arrived: 0 });
            open.end = open.end.max(at + segment.length);
            open.times += 1;
        }
    }

    fn on_arrived(&mut self, segment: &TcpSeen, now: Instant) {
        if segment.length == 0 || segment.flags.contains(Flags::RST) {
            return;
        }
        if let Some(at) = self.offset(segment.sequence)
            && let Some(open) = self.open.get_mut(&at)
        {
            open.arrived += 1;
        }
        match self.waiting {
            Some(since) if now.saturating_since(since) > ANSWER => {
                self.silent += 1;
                self.waiting = Some(now);
            }
            Some(_) => {}
            None => self.waiting = Some(now),
        }
    }

    /// Whether its receiver takes more of a segment than an answer (RFC 9293 §3.10.7.4, first:
    /// what is old is answered, and its acknowledgement is not looked at).
    fn takes(&self, segment: &TcpSeen) -> bool {
        let Some(at) = self.offset(segment.sequence) else { return false };
        if segment.length == 0 { at >= self.answered } else { at + segment.length > self.answered }
    }

    /// Its receiver sent something.
    fn on_answer(&mut self, segment: &TcpSeen) {
        self.waiting = None;
        if let Some(at) = segment.acknowledgment.and_then(|number| self.offset(number)) {
            self.answered = self.answered.max(at);
        }
    }

    /// Its sender heard something.
    fn on_heard(&mut self, segment: &TcpSeen, now: Instant) {
        self.silence = self.silence.max(now.saturating_since(self.heard));
        self.heard = now;
        let at = segment.acknowledgment.and_then(|number| self.offset(number));
        let Some(at) = at.filter(|at| *at > self.una) else { return };
        self.gap = now.saturating_since(self.progress);
        (self.una, self.progress, self.silent) = (at, now, 0);
        while let Some(first) = self.open.first_entry()
            && first.get().end <= at
        {
            first.remove();
        }
    }
}

/// Requests for a neighbour since it was last heard.
#[derive(Clone, Copy, Debug)]
struct Asked {
    times: u32,
    /// When the last was sent.
    last: Instant,
}

type Ends = (SocketAddr, SocketAddr);

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Witness {
    /// Bits may flip: nothing is believed without its checksum.
    corrupting: bool,
    ways: BTreeMap<Ends, Way>,
    former: Former,
    asked: BTreeMap<(Ipv4Addr, Ipv4Addr), Asked>,
    /// When the last of enough requests had gone unanswered.
    missed: BTreeMap<(Ipv4Addr, Ipv4Addr), Instant>,
    /// Hosts whose interface is down: they hear nothing, and what they say is not seen.
    deaf: BTreeSet<HostId>,
    /// When their interface last came up.
    up: BTreeMap<HostId, Instant>,
}

impl Witness {
    pub(super) const fn new(corrupting: bool) -> Self {
        Self {
            corrupting,
            ways: BTreeMap::new(),
            former: Former::new(),
            asked: BTreeMap::new(),
            missed: BTreeMap::new(),
            deaf: BTreeSet::new(),
            up: BTreeMap::new(),
        }
    }

    /// A host's interface goes down or comes up.
    pub(super) fn set_deaf(&mut self, host: HostId, deaf: bool, now: Instant) {
        if deaf {
            self.deaf.insert(host);
        } else {
            self.deaf.remove(&host);
            self.up.insert(host, now);
        }
    }

    /// Sees a frame pass.
    pub(super) fn see(&mut self, passing: &Passing<'_>) {
        let received = passing.direction == Direction::Received;
        if received && self.deaf.contains(&passing.host) {
            return;
        }
        match Seen::parse(passing, received && self.corrupting) {
            Some(Seen::Tcp(segment)) => self.on_tcp(&segment, received, passing.now),
            Some(Seen::Ask { who, whom }) => {
                if received {
                    // The request tells its receiver where the sender is.
                    self.on_found(whom, who, passing.now);
                } else {
                    self.on_ask(who, whom);
                    self.on_silence(who, whom, passing.now);
                    let asked = Asked { times: 0, last: passing.now };
                    let asked = self.asked.entry((who, whom)).or_insert(asked);
                    (asked.times, asked.last) = (asked.times + 1, passing.now);
                }
            }
            Some(Seen::Tell { who, whom }) if received => {
                self.on_found(whom, who, passing.now);
            }
            Some(Seen::Tell { .. }) | None => {}
        }
    }

    /// A host that asks where another is has something to say to it.
    fn on_ask(&mut self, who: Ipv4Addr, whom: Ipv4Addr) {
        let end = |ip, port| SocketAddr::from((ip, port));
        let low = (end(whom, 0), end(Ipv4Addr::UNSPECIFIED, 0));
        let high = (end(whom, u16::MAX), end(Ipv4Addr::BROADCAST, u16::MAX));
        for ((_, to), way) in self.ways.range_mut(low..=high) {
            if to.ip() == who {
                way.waiting = None;
            }
        }
    }

    /// `who` hears where `whom` is.
    fn on_found(&mut self, who: Ipv4Addr, whom: Ipv4Addr, now: Instant) {
        self.on_silence(who, whom, now);
        self.asked.remove(&(who, whom));
    }

    /// If the last of enough requests has gone unanswered, notes when it had.
    fn on_silence(&mut self, who: Ipv4Addr, whom: Ipv4Addr, now: Instant) {
        if let Some(asked) = self.asked.get(&(who, whom))
            && asked.times >= ENOUGH
            && now >= asked.last + REQUEST
        {
            self.missed.insert((who, whom), asked.last + REQUEST);
        }
    }

    fn on_tcp(&mut self, segment: &TcpSeen, received: bool, now: Instant) {
        let there = (segment.from, segment.to);
        let back = (segment.to, segment.from);
        if received {
            let mut taken = true;
            // Who still asks where the sender is cannot answer it.
            let mute = self.not_heard(segment.to, segment.from);
            if let Some(way) = self.ways.get_mut(&there) {
                if !mute {
                    way.on_arrived(segment, now);
                }
                taken = way.takes(segment);
            }
            if let Some(way) = self.ways.get_mut(&back).filter(|_| taken) {
                way.on_heard(segment, now);
            }
            return;
        }
        if segment.flags.contains(Flags::SYN) {
            let fresh = self.ways.get(&there).is_none_or(|way| way.first != segment.sequence);
            if fresh {
                let old = self.ways.insert(there, Way::new(segment.sequence, now));
                if !segment.flags.contains(Flags::ACK) {
                    // The ports are used again.
                    self.former.keep(there, [old, self.ways.remove(&back)], now);
                }
            }
        }
        if !self.ways.contains_key(&there) && segment.flags.contains(Flags::RST) {
            self.ways.insert(there, Way::new(segment.sequence, now));
        }
        if let Some(way) = self.ways.get_mut(&there) {
            way.on_sent(segment);
        }
        if let Some(way) = self.ways.get_mut(&back) {
            way.on_answer(segment);
        }
    }

    /// How often what `from` waits to hear acknowledged has arrived.
    pub(super) fn arrivals(&self, from: SocketAddr, to: SocketAddr) -> u32 {
        let way = self.ways.get(&(from, to));
        way.and_then(|way| way.open.values().next()).map_or(0, |open| open.arrived)
    }

    /// One way of a connection, which is named by the first number of whoever called: others
    /// may have used its ports since.
    fn way(&self, from: SocketAddr, to: SocketAddr, call: Option<SeqNumber>) -> Option<&Way> {
        let now = self.ways.get(&(from, to));
        let Some(call) = call else { return now };
        let is_it = |way: Option<&Way>| way.is_some_and(|way| way.first == call);
        if is_it(now) || is_it(self.ways.get(&(to, from))) {
            return now;
        }
        self.former.find((from, to), call).or(now)
    }

    /// Whether `from` sent a RST to `to`.
    pub(super) fn was_reset(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        call: Option<SeqNumber>,
    ) -> bool {
        self.way(from, to, call).is_some_and(|way| way.reset)
    }

    /// Whether nothing new that reached `from` was acknowledged for this long.
    pub(super) fn waited(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        call: Option<SeqNumber>,
        patience: Duration,
        now: Instant,
    ) -> bool {
        let way = self.way(from, to, call);
        way.is_some_and(|way| way.until(now).saturating_since(way.progress) >= patience)
    }

    /// Whether the first of two ends may rightly give up what it sent: for this long nothing new was
    /// acknowledged that reached it, and the other end answered whatever reached that. `Err`:
    /// why not.
    pub(super) fn unheard(
        &self,
        hosts: [HostId; 2],
        ends: [SocketAddr; 2],
        call: Option<SeqNumber>,
        patience: Duration,
        now: Instant,
    ) -> Result<(), String> {
        let [from, to] = ends;
        let Some(way) = self.way(from, to, call) else {
            // What passes no adapter is not seen; it is cut off only with its address.
            let cut = from.ip() == to.ip() && self.was_down(hosts[0], Instant::ZERO);
            return if cut { Ok(()) } else { self.not_found(from, to) };
        };
        let waited = way.until(now).saturating_since(way.progress);
        if waited < patience {
            return Err(format!("it gave up after {waited:?}, {patience:?} are due"));
        }
        if self.was_down(hosts[1], way.progress) {
            return Ok(());
        }
        let gone = self.was_reset(to, from, call);
        if let Some((at, open)) = way.open.first_key_value()
            && open.arrived > 0
            && way.answered <= *at
            && !gone
        {
            let arrived = open.arrived;
            return Err(format!("number {at} arrived {arrived} times and was not acknowledged"));
        }
        let missed = self.was_not_found(from, to, call).is_ok();
        let unseen = self.was_down(hosts[0], way.progress) || missed;
        if way.open.is_empty() && !unseen {
            return Err("all that it sent was acknowledged".to_owned());
        }
        way.answers()
    }

    /// Whether a host's interface was down at some time since then.
    fn was_down(&self, host: HostId, since: Instant) -> bool {
        self.deaf.contains(&host) || self.up.get(&host).is_some_and(|up| *up >= since)
    }

    /// Whether `from` had rightly given up when it last heard something acknowledged: for this
    /// long before that nothing was; or, when it had nothing but probes to send, nothing was
    /// heard.
    pub(super) fn was_late(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        call: Option<SeqNumber>,
        patience: Duration,
        now: Instant,
    ) -> bool {
        self.way(from, to, call).is_some_and(|way| {
            let silence = way.silence.max(way.until(now).saturating_since(way.heard));
            way.gap >= patience || (way.open.is_empty() && silence >= patience)
        })
    }

    /// The same for keep-alive's probes: nothing at all was heard.
    pub(super) fn unanswered(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        call: Option<SeqNumber>,
        patience: Duration,
        now: Instant,
    ) -> Result<(), String> {
        let way = self.way(from, to, call).ok_or("nothing was sent")?;
        let waited = way.until(now).saturating_since(way.heard);
        if waited < patience {
            return Err(format!("it heard something {waited:?} ago, {patience:?} are due"));
        }
        way.answers()
    }

    /// Whether `from` asked for the address of `to` often enough and never heard.
    pub(super) fn not_found(&self, from: SocketAddr, to: SocketAddr) -> Result<(), String> {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else { return Ok(()) };
        let asked = self.asks(from, to);
        if asked < ENOUGH {
            return Err(format!("{} was asked for {asked} times", to.ip()));
        }
        Ok(())
    }

    /// The same for a connection that outlived it: `from` may know the address again, but has
    /// heard nothing through the connection that made it forget (as Linux does).
    pub(super) fn was_not_found(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        call: Option<SeqNumber>,
    ) -> Result<(), String> {
        let (SocketAddr::V4(own), SocketAddr::V4(other)) = (from, to) else { return Ok(()) };
        let heard = self.way(from, to, call).map_or(Instant::ZERO, |way| way.heard);
        match self.missed.get(&(*own.ip(), *other.ip())) {
            Some(missed) if *missed >= heard => Ok(()),
            _ => self.not_found(from, to),
        }
    }

    /// Whether `from` has asked for the address of `to` and heard nothing since.
    fn not_heard(&self, from: SocketAddr, to: SocketAddr) -> bool {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else { return false };
        self.asks(from, to) > 0
    }

    fn asks(&self, from: SocketAddrV4, to: SocketAddrV4) -> u32 {
        self.asked.get(&(*from.ip(), *to.ip())).map_or(0, |asked| asked.times)
    }
}

impl Way {
    /// Whether its receiver answered whatever arrived.
    fn answers(&self) -> Result<(), String> {
        if self.silent > 0 {
            return Err(format!("{} segments arrived and were not answered", self.silent));
        }
        Ok(())
    }
}
