//! What a neighbour says of itself: when it is believed (RFC 826, RFC 4861 §7.2.3 to §7.2.5).

use super::Action;
use super::table::{Context, DELAY_FIRST_PROBE, Neighbours, arm, ask, set_reachable};
use crate::discard::Discard;
use crate::interface::{InterfaceId, MacAddress};
use crate::slab::Key;
use crate::views::NeighbourState;
use core::net::IpAddr;

/// How a neighbour's hardware address came to be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    /// In an answer to us.
    Answer,
    /// In a request to us: worth an entry, for we are about to be talked to.
    Request,
    /// In what was meant for others, or an announcement.
    Overheard,
}

impl Neighbours {
    /// A neighbour's hardware address was said. Packets that waited for it are released.
    ///
    /// An address that is confirmed, or is being confirmed, is not replaced by a claim nobody
    /// asked for: the known holder is asked first, and only if it stays silent is the question
    /// put to everybody. A take-over thus costs three seconds, and a forged one gains nothing.
    pub(crate) fn learn(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceId,
        address: IpAddr,
        mac: MacAddress,
        claim: Claim,
    ) -> Result<Option<Action>, Discard> {
        let found = self.find(context, interface, address);
        let key = match (found, claim) {
            (Some(key), _) => key,
            // RFC 826: a new entry only if we are the target. An answer without a question is
            // not a reason for one.
            (None, Claim::Answer) => return Err(Discard::ArpUntrusted),
            (None, Claim::Overheard) => return Ok(None),
            (None, Claim::Request) => {
                self.find_or_insert(context, interface, address).ok_or(Discard::NeighbourLimit)?
            }
        };
        self.update(context, key, mac, claim)
    }

    fn update(
        &mut self,
        context: &mut Context<'_>,
        key: Key,
        mac: MacAddress,
        claim: Claim,
    ) -> Result<Option<Action>, Discard> {
        let Some(entry) = self.entries.get_mut(key) else { return Ok(None) };
        let same = entry.mac == mac;
        match entry.state(context.now) {
            NeighbourState::Permanent => Ok(None),
            NeighbourState::Incomplete | NeighbourState::Failed => {
                entry.mac = mac;
                // RFC 4861 §7.2.5: solicited → REACHABLE, else STALE.
                if entry.state == NeighbourState::Incomplete && claim == Claim::Answer {
                    set_reachable(entry, context);
                } else {
                    entry.state = NeighbourState::Stale;
                }
                let queue = entry.take_queue(&mut self.queued_bytes);
                if !queue.is_empty() && entry.state == NeighbourState::Stale {
                    // RFC 4861 §7.3.3: what waited is sent now, so it is to be confirmed.
                    entry.state = NeighbourState::Delay;
                    arm(entry, key, context.timers, context.now + DELAY_FIRST_PROBE);
                }
                let interface = entry.interface;
                self.relist(key);
                Ok((!queue.is_empty()).then_some(Action::Release { interface, mac, queue }))
            }
            NeighbourState::Probe if same => {
                if claim == Claim::Answer {
                    set_reachable(entry, context);
                }
                Ok(None)
            }
            NeighbourState::Probe => Err(Discard::ArpUntrusted),
            NeighbourState::Reachable if same => Ok(None),
            NeighbourState::Reachable => {
                let asked_again = entry.asked_at.map(|at| at + context.config.ip.retrans_timer);
                if asked_again.is_some_and(|earliest| context.now < earliest) {
                    return Err(Discard::ArpUntrusted);
                }
                context.counters.discard(Discard::ArpUntrusted);
                entry.state = NeighbourState::Probe;
                entry.solicited = 0;
                let known_at = Some(entry.mac);
                Ok(ask(entry, key, context, known_at))
            }
            NeighbourState::Stale | NeighbourState::Delay => {
                if !same {
                    // RFC 4861 §7.2.3: another address than the cached one → STALE.
                    entry.mac = mac;
                    entry.state = NeighbourState::Stale;
                }
                Ok(None)
            }
        }
    }
}
