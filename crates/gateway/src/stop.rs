//! A signal that ends services, and a small executor that runs one of them on a thread of its own.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Tells services to end. Clones are the same signal.
#[derive(Clone, Default, Debug)]
pub struct Stop {
    state: Arc<State>,
}

#[derive(Default, Debug)]
struct State {
    stopped: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

/// Wakers kept before the ones that wake nobody new are thrown away.
const MANY: usize = 256;

impl Stop {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal.
    pub fn stop(&self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *self.wakers());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it was given.
    pub fn is_stopped(&self) -> bool {
        self.state.stopped.load(Ordering::SeqCst)
    }

    /// Whether it was given; if not, the task is woken when it is.
    pub fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut wakers = self.wakers();
        if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            if wakers.len() >= MANY {
                // Tasks that have ended leave theirs behind; those that live come back.
                wakers.drain(..).for_each(Waker::wake);
            }
            wakers.push(context.waker().clone());
        }
        drop(wakers);
        // Asked after the waker stands in the list, so that no signal falls between.
        if self.is_stopped() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.state.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ThreadWaker {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// Runs a future on this thread to its end; `None` if nothing woke it for as long as `idle`.
pub(crate) fn run<F: Future>(future: F, idle: Option<Duration>) -> Option<F::Output> {
    let woken = Arc::new(ThreadWaker { thread: thread::current(), woken: AtomicBool::new(true) });
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let mut until = idle.map(|idle| Instant::now() + idle);
    loop {
        if woken.woken.swap(false, Ordering::SeqCst) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            until = idle.map(|idle| Instant::now() + idle);
            continue;
        }
        match until {
            None => thread::park(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, poll_fn};

    #[test]
    fn a_future_runs_to_its_end_or_idles_out() {
        assert_eq!(run(async { 7 }, None), Some(7));
        assert_eq!(run(pending::<()>(), Some(Duration::from_millis(5))), None);
    }

    #[test]
    fn the_signal_wakes_those_who_wait() {
        let stop = Stop::new();
        let waiting: Vec<_> = (0..MANY + 3)
            .map(|_| {
                let stop = stop.clone();
                thread::spawn(move || run(poll_fn(|context| stop.poll(context)), None))
            })
            .collect();
        thread::sleep(Duration::from_millis(20));
        assert!(!stop.is_stopped());
        stop.stop();
        for thread in waiting {
            assert_eq!(thread.join().unwrap(), Some(()));
        }
        assert!(stop.is_stopped());
    }
}
