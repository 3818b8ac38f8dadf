//! What goes through the router at this moment, for views. Moves nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What carries a flow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum FlowKind {
    /// A TCP connection out of the LAN.
    Tcp,
    /// UDP datagrams out of the LAN.
    Udp,
    /// Echo requests out of the LAN; ports are identifiers.
    Echo,
    /// A TCP connection to a published port.
    PublishedTcp,
    /// UDP datagrams to a published port.
    PublishedUdp,
}

/// How far a flow is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FlowState {
    /// The far side has not answered yet.
    Opening,
    /// Both sides are connected, or an answer has come.
    Open,
    /// One direction has ended.
    HalfClosed,
}

/// One flow through the router.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FlowView {
    /// What carries it.
    pub kind: FlowKind,
    /// How far it is.
    pub state: FlowState,
    /// Who began it.
    pub client: SocketAddr,
    /// Where it goes, as the client said.
    pub destination: SocketAddr,
    /// Bytes of payload from the client.
    pub sent: u64,
    /// Bytes of payload to the client.
    pub received: u64,
    /// Since when it is there.
    pub age: Duration,
}

/// A flow's figures, while it counts.
#[derive(Debug)]
pub(crate) struct Figures {
    kind: FlowKind,
    client: SocketAddr,
    destination: SocketAddr,
    since: Instant,
    state: AtomicU8,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Figures {
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn enter(&self, state: FlowState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    fn view(&self) -> FlowView {
        let state = match self.state.load(Ordering::Relaxed) {
            0 => FlowState::Opening,
            1 => FlowState::Open,
            _ => FlowState::HalfClosed,
        };
        FlowView {
            kind: self.kind,
            state,
            client: self.client,
            destination: self.destination,
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            age: self.since.elapsed(),
        }
    }
}

/// All flows, in the order they came. Clones are the same list.
#[derive(Clone, Default, Debug)]
pub(crate) struct Flows {
    all: Arc<Mutex<Listed>>,
}

#[derive(Default, Debug)]
struct Listed {
    next: u64,
    flows: BTreeMap<u64, Arc<Figures>>,
}

/// A flow's place in the list, which it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    flows: Flows,
    number: u64,
    pub(crate) figures: Arc<Figures>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.flows.lock().flows.remove(&self.number);
    }
}

impl Flows {
    fn lock(&self) -> std::sync::MutexGuard<'_, Listed> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(
        &self,
        kind: FlowKind,
        client: SocketAddr,
        destination: SocketAddr,
    ) -> Entry {
        let figures = Arc::new(Figures {
            kind,
            client,
            destination,
            since: Instant::now(),
            state: AtomicU8::new(FlowState::Opening as u8),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        });
        let mut listed = self.lock();
        let number = listed.next;
        listed.next += 1;
        listed.flows.insert(number, Arc::clone(&figures));
        drop(listed);
        Entry { flows: self.clone(), number, figures }
    }

    pub(crate) fn view(&self) -> Vec<FlowView> {
        self.lock().flows.values().map(|figures| figures.view()).collect()
    }
}
