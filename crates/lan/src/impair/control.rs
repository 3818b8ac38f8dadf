//! A link's state, to be seen and changed while an adapter uses it. Moves no frame.

use super::config::Impairment;
use super::model::ImpairCounters;
use super::trace::Trace;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// One direction of a link.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Way {
    /// What is wrong with it.
    pub impairment: Impairment,
    /// When it may deliver; in the place of [`Impairment::rate`].
    pub trace: Option<Arc<Trace>>,
}

impl Way {
    /// Whether it passes everything on at once.
    pub fn is_plain(&self) -> bool {
        self.trace.is_none() && self.impairment.is_none()
    }
}

/// A link as it is set now.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct LinkState {
    /// From the host.
    pub transmit: Way,
    /// To the host.
    pub receive: Way,
    /// The cable is plugged in; else every frame is lost, those under way too.
    pub connected: bool,
}

impl Default for LinkState {
    fn default() -> Self {
        Self { transmit: Way::default(), receive: Way::default(), connected: true }
    }
}

impl LinkState {
    /// Whether nothing is wrong with it.
    pub fn is_plain(&self) -> bool {
        self.connected && self.transmit.is_plain() && self.receive.is_plain()
    }
}

/// The handle by which a link is changed while it is used; clones are the same link's. From
/// [`LinkControl::new`], for [`Impaired::controlled`](super::Impaired::controlled).
///
/// ```
/// use danja_lan::impair::{Impaired, LinkControl, LinkState};
/// use danja_lan::{MacAddress, cable::Switch};
/// use std::time::Duration;
///
/// let control = LinkControl::new(LinkState::default());
/// let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
/// let adapter = Impaired::controlled(port, &control, 7);
/// // … a host uses the adapter, and from then on its frames leave later:
/// control.change(|link| link.transmit.impairment.delay = Duration::from_millis(50));
/// assert!(!control.state().is_plain());
/// # drop(adapter);
/// ```
#[derive(Clone, Debug)]
pub struct LinkControl {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Counts the changes.
    version: AtomicU64,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    state: LinkState,
    /// Of frames sent and received.
    counters: (ImpairCounters, ImpairCounters),
    waker: Option<Waker>,
}

impl LinkControl {
    /// A link that begins like this.
    pub fn new(state: LinkState) -> Self {
        let now = Now { state, counters: Default::default(), waker: None };
        Self { inner: Arc::new(Inner { version: AtomicU64::new(1), now: Mutex::new(now) }) }
    }

    /// How it is set now.
    pub fn state(&self) -> LinkState {
        self.lock().state.clone()
    }

    /// What became of the frames sent and of those received, while anything was wrong with the
    /// link: frames that pass an unimpaired link are not looked at.
    pub fn counters(&self) -> (ImpairCounters, ImpairCounters) {
        self.lock().counters
    }

    /// Changes the link, for frames that come from now on: those under way keep their times, but
    /// are lost when the cable is pulled. The state after it.
    pub fn change(&self, change: impl FnOnce(&mut LinkState)) -> LinkState {
        let mut now = self.lock();
        change(&mut now.state);
        let state = now.state.clone();
        self.inner.version.fetch_add(1, Ordering::Release);
        let waker = now.waker.clone();
        drop(now);
        // A link that came up, or that is down, is noticed without a frame.
        waker.iter().for_each(Waker::wake_by_ref);
        state
    }

    /// The state, if it is another than that of `version`.
    pub(super) fn newer(&self, version: &mut u64) -> Option<LinkState> {
        let current = self.inner.version.load(Ordering::Acquire);
        if current == *version {
            return None;
        }
        *version = current;
        Some(self.state())
    }

    pub(super) fn count(&self, transmit: ImpairCounters, receive: ImpairCounters) {
        self.lock().counters = (transmit, receive);
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        self.lock().waker = Some(waker);
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.inner.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
