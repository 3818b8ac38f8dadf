//! Which error is right, and when: each follows from what the plan did to a connection, or from
//! what was seen on the wire. Decides about one error at a time; changes nothing.

use super::side::{KEEP_COUNT, KEEP_IDLE, KEEP_INTERVAL};
use super::streams::Outlook;
use crate::world::HostId;
use danja_stack::socket::{Cause, Fault, SocketFault};
use danja_wire::tcp::SeqNumber;
use std::net::SocketAddr;
use std::time::Duration;

/// What a host must wait in sum before it gives up after `retries` retransmissions: each
/// time-out is at least twice the one before, up to the largest (RFC 6298 §5.5).
pub(super) fn patience(first: Duration, retries: u8, largest: Duration) -> Duration {
    (0..=u32::from(retries))
        .map(|times| {
            first.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(largest)
        })
        .sum()
}

/// How far the other end of a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Other {
    /// Nobody has accepted it.
    Unaccepted,
    /// The same, and its listener is closed for a while.
    Unborn,
    /// An application has it.
    Open,
    /// Closed when all was said.
    Closed,
    /// Broken off as planned, or told of an error that was right.
    Broken,
}

/// One end of a connection, as its errors are judged.
#[derive(Clone, Debug)]
pub(super) struct Grounds<'a> {
    pub(super) world: &'a Outlook<'a>,
    pub(super) hosts: [HostId; 2],
    /// Its own end, then the other.
    pub(super) ends: [SocketAddr; 2],
    /// The first number of whoever called.
    pub(super) call: Option<SeqNumber>,
    pub(super) other: Other,
    /// The other end has no application, and its stack gave it up for want of memory; or a full
    /// listener forgot the end of its handshake.
    pub(super) pressed: bool,
}

impl Grounds<'_> {
    /// Whether this error is right for this end.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn judge(&self, fault: SocketFault) -> Result<(), String> {
        match fault.kind {
            Fault::ConnectionReset | Fault::BrokenPipe => self.may_be_reset(),
            Fault::TimedOut => match fault.cause {
                Some(Cause::Retransmissions(times)) => self.may_give_up(times),
                Some(Cause::KeepAlive(KEEP_COUNT)) => self.may_miss_probes(0),
                cause => Err(format!("its cause is {cause:?}")),
            },
            Fault::HostUnreachable => self.may_be_unreachable(fault),
            // Told instead of the time-out, while its interface was down.
            Fault::NetworkUnreachable if self.world.plan.has_outage(self.hosts[0]) => {
                self.may_be_lost(0)
            }
            _ => Err("nothing excuses it".to_owned()),
        }
    }

    /// Its own retransmissions were not answered so many times.
    fn may_give_up(&self, times: u8) -> Result<(), String> {
        let tcp = &self.world.plan.hosts[self.hosts[0].0].stack.tcp;
        if times != tcp.retries {
            return Err(format!("it gave up after {times} of {} times", tcp.retries));
        }
        let patience = patience(tcp.min_rto, times, tcp.max_rto);
        self.unheard(0, patience)
    }

    /// Whether one of the ends (0: this, 1: the other) was unheard for so long.
    fn unheard(&self, end: usize, patience: Duration) -> Result<(), String> {
        let (mut hosts, mut ends) = (self.hosts, self.ends);
        if end == 1 {
            hosts.reverse();
            ends.reverse();
        }
        let (call, now) = (self.call, self.world.now);
        self.world.ask(|witness| witness.unheard(hosts, ends, call, patience, now))
    }

    /// An end's probes were not answered.
    fn may_miss_probes(&self, end: usize) -> Result<(), String> {
        let patience = KEEP_IDLE + KEEP_INTERVAL * u32::from(KEEP_COUNT);
        let (own, other, now) = (self.ends[end], self.ends[1 - end], self.world.now);
        self.world.ask(|witness| witness.unanswered(own, other, self.call, patience, now))
    }

    /// An end that an application has may give up, for one reason or another.
    fn may_be_lost(&self, end: usize) -> Result<(), String> {
        let tcp = &self.world.plan.hosts[self.hosts[end].0].stack.tcp;
        let patience = patience(tcp.min_rto, tcp.retries, tcp.max_rto);
        let (from, to) = (self.ends[end], self.ends[1 - end]);
        let (call, now) = (self.call, self.world.now);
        if self.world.ask(|witness| witness.was_late(from, to, call, patience, now)) {
            return Ok(());
        }
        self.may_miss_probes(end).or_else(|_| self.unheard(end, patience))
    }

    fn may_be_unreachable(&self, fault: SocketFault) -> Result<(), String> {
        let [own, other] = self.ends;
        match fault.cause {
            Some(Cause::NeighbourSilent(who)) if who == other.ip() => {
                self.world.ask(|witness| witness.was_not_found(own, other, self.call))?;
                // Told instead of the time-out.
                self.may_be_lost(0)
            }
            cause => Err(format!("its cause is {cause:?}")),
        }
    }

    /// The other end has gone before all was said.
    fn may_be_reset(&self) -> Result<(), String> {
        match self.other {
            Other::Broken | Other::Unborn => Ok(()),
            // Its application is slow, and has not heard of it yet.
            Other::Open => self.may_be_lost(1),
            Other::Unaccepted | Other::Closed => self.other_gave_up(),
        }
    }

    /// The other end, which no application has, was rightly given up by its stack.
    fn other_gave_up(&self) -> Result<(), String> {
        let tcp = &self.world.plan.hosts[self.hosts[1].0].stack.tcp;
        let patience = match self.other {
            Other::Unaccepted => patience(tcp.initial_rto, tcp.syn_ack_retries, tcp.max_rto),
            _ => patience(tcp.min_rto, tcp.orphan_retries, tcp.max_rto),
        };
        let ([own, other], call, now) = (self.ends, self.call, self.world.now);
        if self.pressed
            || self.world.ask(|witness| witness.was_late(other, own, call, patience, now))
        {
            return Ok(());
        }
        self.unheard(1, patience)
    }

    /// This end, which its application has closed, was rightly given up by its stack.
    pub(super) fn gave_up(&self) -> Result<(), String> {
        let tcp = &self.world.plan.hosts[self.hosts[0].0].stack.tcp;
        let patience = patience(tcp.min_rto, tcp.orphan_retries, tcp.max_rto);
        let ([own, other], call, now) = (self.ends, self.call, self.world.now);
        // Whoever forgot the handshake does not acknowledge what follows it.
        if self.pressed && self.world.ask(|witness| witness.waited(own, other, call, patience, now))
        {
            return Ok(());
        }
        self.unheard(0, patience)
    }
}
