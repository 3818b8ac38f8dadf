//! What the host's thread and the socket calls share: the stack behind its lock, the adapters
//! behind theirs, and the rule by which frames leave in order. No protocol logic.
//!
//! Locks are taken in one order: the driver's, the stack's, then an adapter's. An adapter's is
//! taken before the stack's is released, so that frames leave in the order in which they were
//! made; no waker is called while the stack's is held.

use super::builder::draw_u64;
use super::ledger::Ledger;
use super::observe::{LookupEvent, Observed, Observer};
use super::observed;
use super::timers::Timers;
use super::waiters::Waiters;
use super::wake::Notifier;
use crate::clock::Clock;
use crate::dhcp;
use crate::resolve::Settings;
use danja_lan::{Adapter, Medium};
use danja_stack::event::Event;
use danja_stack::record::Recorded;
use danja_stack::views::TcpState;
use danja_stack::{ControlInfo, Frame, Instant, InterfaceId, Room};
use rustix::fd::OwnedFd;
use siphasher::sip::SipHasher24;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Frames made (or received) under one taking of the lock; a call is not held up for longer.
pub(super) const BATCH: usize = 64;

/// Batches that one call may send before it leaves the rest to the host's thread.
const ROUNDS: usize = 16;

/// Host events that nobody has asked for; older ones are forgotten.
const EVENTS: usize = 64;

/// Something that happened to the host and to none of its sockets, from
/// [`Host::next_event`](crate::Host::next_event).
#[derive(Debug)]
#[non_exhaustive]
pub enum HostEvent {
    /// An interface that asks for its address by DHCP has one, or has lost it.
    Lease {
        /// The interface.
        interface: InterfaceId,
        /// What happened.
        change: dhcp::Change,
    },
    /// Another machine uses one of our addresses, there is a new one, and so on.
    Stack(Event),
    /// An interface's link carries frames again, or does not any more.
    Link {
        /// The interface.
        interface: InterfaceId,
        /// Whether it does.
        up: bool,
    },
    /// An adapter failed; its interface is down and is not used any more.
    AdapterFailed {
        /// The adapter's interface.
        interface: InterfaceId,
        /// What the device said.
        error: io::Error,
    },
}

/// One adapter and its interface.
pub(super) struct Port {
    pub(super) id: InterfaceId,
    pub(super) name: String,
    pub(super) medium: Medium,
    /// A duplicate of the adapter's descriptor, for polling; without it the adapter has a waker.
    pub(super) descriptor: Option<OwnedFd>,
    /// Likewise, of what tells that the link has changed.
    pub(super) link_descriptor: Option<OwnedFd>,
    /// The link may have changed since the adapter was asked.
    pub(super) link_stale: AtomicBool,
    /// The link, as the stack was told.
    pub(super) link: AtomicBool,
    /// What no socket claims is handed out.
    pub(super) hands_out: bool,
    /// The stack has frames and the adapter had no room.
    pub(super) blocked: AtomicBool,
    pub(super) failed: AtomicBool,
    pub(super) lane: Mutex<Lane>,
}

/// An adapter, and the frames that are on their way to it.
pub(super) struct Lane {
    pub(super) adapter: Box<dyn Adapter>,
    pub(super) frames: Vec<Frame>,
}

/// An interface by number, name, and what its link carries.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) id: InterfaceId,
    pub(crate) name: &'a str,
    pub(crate) medium: Medium,
}

impl Port {
    pub(super) fn line(&self) -> Line<'_> {
        Line { id: self.id, name: &self.name, medium: self.medium }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the stack's lock guards.
pub(crate) struct Core {
    pub(crate) stack: Recorded,
    pub(super) waiters: Waiters,
    pub(super) timers: Timers,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// The recording that the host is in, and its number there.
    pub(super) ledger: Option<(Arc<dyn Ledger>, u32)>,
    pub(super) events: VecDeque<HostEvent>,
    /// What DHCP clients wait for: addresses that are ours, or another's.
    pub(crate) claims: Vec<Event>,
    /// Who waits for the sockets' last data to be delivered.
    pub(super) idle: Vec<Waker>,
    /// When the thread wakes up by itself; the past while it is awake.
    pub(super) sleeps_until: Instant,
    /// The thread has ended.
    pub(crate) ended: bool,
}

/// See the module.
pub(crate) struct Shared {
    pub(super) name: String,
    /// Whether there is an observer; it is known without the lock.
    pub(super) observed: bool,
    pub(super) core: Mutex<Core>,
    pub(super) ports: Vec<Port>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(super) notifier: Arc<Notifier>,
    /// All adapters wake by waker, so that others than the thread can wait for them.
    pub(super) may_be_led: bool,
    /// Of whoever takes frames off the adapters: the place for them.
    pub(super) driving: Mutex<Vec<Frame>>,
    /// Until when the thread sleeps as far as adapters are concerned, in nanoseconds; the end of
    /// time while it is awake.
    pub(super) adapters_until: AtomicU64,
    /// When the host ends even if not all is sent, in nanoseconds; the end of time while it is
    /// in use.
    pub(super) stops_at: AtomicU64,
    /// The number of the next [`Waiter`](super::Waiter).
    pub(super) waiters: AtomicU64,
    pub(crate) resolver: Mutex<Settings>,
    pub(crate) dhcp: Mutex<dhcp::Clients>,
    /// Whether there are any; it is known without the lock.
    pub(crate) has_dhcp: bool,
    /// When they are to be served, in nanoseconds.
    pub(crate) dhcp_due: AtomicU64,
    /// Key and counter of the numbers that a forger must not guess (DNS message ids).
    pub(super) random: (SipHasher24, AtomicU64),
}

impl Shared {
    /// The state can be used after a panic in an observer or adapter: the stack does not panic,
    /// and no call of this file leaves it half changed.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The resolver's answer, for whoever hears what happens, and for the recording.
    pub(crate) fn tell_lookup(&self, event: LookupEvent<'_>) {
        let core = self.lock();
        let (observer, ledger) = (core.observer.clone(), core.ledger.clone());
        drop(core);
        let _turn = ledger.as_ref().map(|(ledger, _)| ledger.turn());
        let now = self.clock.now();
        if let Some((ledger, number)) = &ledger {
            ledger.lookup(*number, now, &event);
        }
        if let Some(observer) = observer {
            observer.observe(&self.name, now, &Observed::Lookup(event));
        }
    }

    /// Whether anybody hears what happens.
    pub(crate) fn is_heard(&self) -> bool {
        let core = self.lock();
        core.observer.is_some() || core.ledger.is_some()
    }

    /// A number that cannot be guessed from others.
    pub(crate) fn random_u64(&self) -> u64 {
        draw_u64(&self.random)
    }

    /// As [`Self::random_u64`], of 16 bits.
    pub(crate) fn random_u16(&self) -> u16 {
        self.random_u64() as u16
    }

    /// Makes whoever makes the host work look around once more.
    pub(crate) fn wake_thread(&self) {
        self.notifier.notify_thread();
    }

    pub(super) fn port(&self, interface: InterfaceId) -> Option<&Port> {
        self.ports.iter().find(|port| port.id == interface)
    }

    /// Ends every use of the lock that may have changed something: what the stack has to send
    /// is sent, whom it has readied is woken, and the thread learns of an earlier deadline.
    pub(crate) fn settle<'a>(&'a self, mut core: MutexGuard<'a, Core>, mut now: Instant) {
        let mut wakers = Vec::new();
        // Loopback packets wait for this; other timers that are due do no harm here.
        if core.stack.poll_timeout().is_some_and(|due| due <= now) {
            observed::handle_timeout(&mut core, &self.name, now);
        }
        for _ in 0..ROUNDS {
            core.gather(&mut wakers, self.has_dhcp);
            if !core.claims.is_empty() {
                // The thread has to serve the clients that wait for this.
                self.notifier.notify_thread();
            }
            core.timers.take_due(now, &mut wakers);
            let filled = self.fill(&mut core, now);
            // The deadline must be known before the lock is released.
            let due = core.stack.poll_timeout();
            if due.is_some_and(|due| due < core.sleeps_until) {
                self.notifier.notify_thread();
            }
            drop(core);
            let more = filled.is_some_and(|(port, lane, more)| {
                self.transmit(port, lane, now);
                more
            });
            wakers.drain(..).for_each(Waker::wake);
            if !more {
                return;
            }
            core = self.lock();
            now = self.clock.now();
        }
        drop(core);
        self.notifier.notify_thread();
    }

    /// Asks the stack for the frames of one interface, as many as its adapter has room for, and
    /// says whether more may wait. The adapter stays locked.
    fn fill(&self, core: &mut Core, now: Instant) -> Option<(&Port, MutexGuard<'_, Lane>, bool)> {
        if core.ended {
            return None;
        }
        let wants = |core: &Core, port: &Port| {
            !port.failed.load(Ordering::Relaxed) && core.stack.wants_transmit(port.id)
        };
        for (port, after) in self.ports.iter().zip(1..) {
            if !wants(core, port) {
                continue;
            }
            let mut lane = port.lock();
            let offered = lane.adapter.room(now);
            let mut room = Room { frames: offered.frames, bytes: offered.bytes };
            while !room.is_empty() && lane.frames.len() < BATCH {
                let frame = observed::poll_transmit(core, &self.name, &port.line(), room, now);
                let Some(frame) = frame else { break };
                room = room.less(frame.len());
                lane.frames.push(frame);
            }
            if room.is_empty() && !port.blocked.swap(true, Ordering::Relaxed) {
                // The thread has to wait for room now, too.
                self.notifier.notify_thread();
            }
            if !lane.frames.is_empty() {
                // A later port that was blocked may have room again.
                let later = self.ports[after..].iter().any(|port| wants(core, port));
                let more = later || lane.frames.len() == BATCH;
                return Some((port, lane, more));
            }
        }
        None
    }

    fn transmit(&self, port: &Port, mut lane: MutexGuard<'_, Lane>, now: Instant) {
        let Lane { adapter, frames } = &mut *lane;
        let sent = adapter.transmit(now, frames);
        frames.clear();
        let due = adapter.poll_timeout();
        let blocked = adapter.is_blocked() && !port.blocked.swap(true, Ordering::Relaxed);
        drop(lane);
        // A wrapper that delays frames has a deadline of its own.
        let due = due.map_or(u64::MAX, Instant::as_nanos);
        if blocked || due < self.adapters_until.load(Ordering::SeqCst) {
            self.notifier.notify_thread();
        }
        if let Err(error) = sent {
            self.fail(port, error);
        }
    }

    /// An adapter failed: its interface goes down, as when a cable is pulled.
    pub(super) fn fail(&self, port: &Port, error: io::Error) {
        if port.failed.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut core = self.lock();
        let now = self.clock.now();
        core.stack.set_up(port.id, false, now);
        core.tell(HostEvent::AdapterFailed { interface: port.id, error });
        self.settle(core, now);
    }
}

impl Core {
    pub(crate) fn new(
        stack: Recorded,
        observer: Option<Arc<dyn Observer>>,
        ledger: Option<(Arc<dyn Ledger>, u32)>,
    ) -> Self {
        Self {
            stack,
            waiters: Waiters::default(),
            timers: Timers::default(),
            observer,
            ledger,
            events: VecDeque::new(),
            claims: Vec::new(),
            idle: Vec::new(),
            sleeps_until: Instant::ZERO,
            ended: false,
        }
    }

    /// What the stack reports: wakers are gathered, the rest is kept for whom it concerns.
    pub(super) fn gather(&mut self, wakers: &mut Vec<Waker>, has_dhcp: bool) {
        while let Some(event) = self.stack.poll_event() {
            match event {
                Event::Socket { socket, ready } => self.waiters.on_ready(socket, ready, wakers),
                Event::Incoming(incoming) => self.waiters.on_incoming(incoming, wakers),
                Event::Withdrawn { listener, id } => {
                    self.waiters.on_withdrawn(listener, id, wakers);
                }
                other => {
                    let of_address =
                        matches!(other, Event::AddressReady { .. } | Event::AddressConflict { .. });
                    if has_dhcp && of_address && self.claims.len() < EVENTS {
                        self.claims.push(other);
                    }
                    self.tell(HostEvent::Stack(other));
                }
            }
        }
        wakers.append(&mut self.idle);
    }

    pub(crate) fn tell(&mut self, event: HostEvent) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Whether closed sockets still have something to deliver.
    pub(super) fn has_unfinished(&self) -> bool {
        self.stack.sockets().iter().any(is_unfinished)
    }
}

/// Whether a record that no socket owns still has something to deliver. What the peer alone has
/// to do (FIN-WAIT-2, TIME-WAIT) is not waited for, nor is its acknowledgement of our FIN once
/// both have said all.
pub(super) fn is_unfinished(info: &ControlInfo) -> bool {
    let orphan = info.socket.is_none() && info.listener.is_none();
    orphan
        && match info.state {
            Some(TcpState::LastAck) => info.send_queue > 1,
            Some(
                TcpState::SynReceived
                | TcpState::Established
                | TcpState::CloseWait
                | TcpState::FinWait1
                | TcpState::Closing,
            ) => true,
            _ => false,
        }
}
