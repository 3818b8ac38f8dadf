//! Tasks that wait for a moment of the host's clock: its thread wakes them. Nothing here belongs
//! to an executor, so a virtual clock moves them, and a paused one of the executor's does not.

use super::Host;
use danja_stack::Instant;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

/// Who waits for which moment.
#[derive(Default)]
pub(super) struct Timers {
    /// By moment; the number tells those of one moment apart.
    waiting: BTreeMap<(Instant, u64), Waker>,
}

impl Timers {
    /// The earliest moment.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whose moment has come.
    pub(super) fn take_due(&mut self, now: Instant, into: &mut Vec<Waker>) {
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            into.push(first.remove());
        }
    }

    /// Everybody: the host has ended.
    pub(super) fn take_all(&mut self, into: &mut Vec<Waker>) {
        into.extend(std::mem::take(&mut self.waiting).into_values());
    }
}

/// Ready when the host's clock says so, or the host has ended.
pub(crate) struct Sleep {
    host: Host,
    at: Instant,
    /// Its own on its host, once it waits.
    number: Option<u64>,
}

impl Sleep {
    pub(crate) const fn new(host: Host, at: Instant) -> Self {
        Self { host, at, number: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let shared = this.host.shared();
        let mut core = shared.lock();
        if core.ended || shared.clock.now() >= this.at {
            return Poll::Ready(());
        }
        let number =
            *this.number.get_or_insert_with(|| shared.waiters.fetch_add(1, Ordering::Relaxed));
        core.timers.waiting.insert((this.at, number), context.waker().clone());
        if this.at < core.sleeps_until {
            shared.notifier.notify_thread();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.host.shared().lock().timers.waiting.remove(&(self.at, number));
        }
    }
}

/// What `work` gives, or `None` if the host's clock says `at` first.
pub(crate) async fn before<T>(
    host: &Host,
    at: Instant,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    let mut sleep = Sleep::new(host.clone(), at);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Pin::new(&mut sleep).poll(context).map(|()| None),
    })
    .await
}
