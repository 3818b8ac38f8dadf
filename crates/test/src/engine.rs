//! The world's time: steps it from one event of the hosts to the next, up to the runtime's.
//!
//! The runtime's timers have a grain of a millisecond, the hosts' a nanosecond. So the hosts are
//! turned when no task can go on: first all that have something to do at this moment, then, at
//! its own moment, each that is due before the runtime's time. The hosts' clock is thus less than
//! a millisecond behind the runtime's, and no event of theirs is late.

use crate::clock::WorldClock;
use danja::Driver;
use danja::clock::Clock;
use danja::stack::Instant;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;
use tokio::time;

/// Turns after which tasks get their turn, though hosts still have something to do.
const TURNS: usize = 10_000;

const MILLISECOND: u64 = 1_000_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hosts that have something to do now, by number.
struct Ready {
    hosts: Mutex<BTreeSet<usize>>,
    ticker: Mutex<Option<Waker>>,
    home: ThreadId,
}

/// Notes that a host has something to do.
struct Mark {
    ready: Arc<Ready>,
    host: usize,
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        lock(&self.ready.hosts).insert(self.host);
        // In its own thread the runtime looks for them before it sleeps.
        if thread::current().id() != self.ready.home {
            let ticker = lock(&self.ready.ticker).clone();
            ticker.into_iter().for_each(Waker::wake);
        }
    }
}

#[derive(Default)]
struct Schedule {
    drivers: Vec<Option<Driver>>,
    due: BTreeSet<(Instant, usize)>,
    due_of: Vec<Option<Instant>>,
    /// What the runtime's timer is set for.
    armed: Option<Instant>,
}

/// See the module.
pub(crate) struct Engine {
    pub(crate) clock: Arc<WorldClock>,
    ready: Arc<Ready>,
    schedule: Mutex<Schedule>,
    base: OnceLock<time::Instant>,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let home = thread::current().id();
        let ready = Ready { hosts: Mutex::default(), ticker: Mutex::default(), home };
        Self {
            clock: Arc::default(),
            ready: Arc::new(ready),
            schedule: Mutex::default(),
            base: OnceLock::new(),
        }
    }

    /// The host of this number works from now on; an earlier one of the number does so no more.
    pub(crate) fn drive(&self, host: usize, driver: Option<Driver>) {
        let mut driver = driver;
        if let Some(driver) = &mut driver {
            let mark = Mark { ready: Arc::clone(&self.ready), host };
            driver.set_waker(Waker::from(Arc::new(mark)));
        }
        let mut schedule = lock(&self.schedule);
        if schedule.drivers.len() <= host {
            schedule.drivers.resize_with(host + 1, || None);
            schedule.due_of.resize(host + 1, None);
        }
        let before = std::mem::replace(&mut schedule.drivers[host], driver);
        schedule.set_due(host, None);
        drop(schedule);
        drop(before);
        lock(&self.ready.hosts).insert(host);
    }

    /// Pulls every plug.
    pub(crate) fn end(&self) {
        let drivers = std::mem::take(&mut lock(&self.schedule).drivers);
        drop(drivers);
    }

    /// The runtime's time as the hosts count it.
    fn runtime_now(&self) -> Option<Instant> {
        let base = self.base.get()?;
        Some(Instant::ZERO + time::Instant::now().duration_since(*base))
    }

    /// No task can go on: the hosts do what they have to, or the clock goes on.
    pub(crate) fn idle(&self) {
        let Some(now) = self.runtime_now() else { return };
        let mut schedule = lock(&self.schedule);
        loop {
            if self.turn(&mut schedule) {
                break;
            }
            let Some(due) = schedule.next().filter(|due| *due <= now) else {
                self.clock.set(now);
                if schedule.armed == schedule.next() {
                    return;
                }
                break;
            };
            self.clock.set(due);
            let now = self.clock.now();
            let mut ready = lock(&self.ready.hosts);
            while let Some((due, host)) =
                schedule.due.first().copied().filter(|(due, _)| *due <= now)
            {
                schedule.due.remove(&(due, host));
                schedule.due_of[host] = None;
                ready.insert(host);
            }
        }
        drop(schedule);
        // Whoever was woken goes on at this moment, then we are asked again.
        let ticker = lock(&self.ready.ticker).clone();
        ticker.into_iter().for_each(Waker::wake);
    }

    /// The runtime's time may have gone on: the clock follows, up to the hosts' next event.
    pub(crate) fn woke(&self) {
        let Some(now) = self.runtime_now() else { return };
        if lock(&self.ready.hosts).is_empty() {
            let next = lock(&self.schedule).next();
            self.clock.set(next.map_or(now, |next| next.min(now)));
        }
    }

    /// Turns the hosts that have something to do now; `false` if none has.
    fn turn(&self, schedule: &mut Schedule) -> bool {
        for turned in 0..TURNS {
            let Some(host) = lock(&self.ready.hosts).pop_first() else { return turned > 0 };
            let due = schedule.drivers.get_mut(host).and_then(Option::as_mut).map(Driver::turn);
            schedule.set_due(host, due.flatten());
        }
        true
    }

    /// Keeps a timer of the runtime at the hosts' next event; never ends.
    pub(crate) async fn tick(self: Arc<Self>) {
        let base = *self.base.get_or_init(time::Instant::now);
        let mut sleep = pin!(time::sleep_until(base));
        poll_fn(|context| {
            *lock(&self.ready.ticker) = Some(context.waker().clone());
            let mut schedule = lock(&self.schedule);
            schedule.armed = schedule.next();
            if let Some(due) = schedule.armed {
                let milliseconds = due.as_nanos().div_ceil(MILLISECOND);
                let at = base + Duration::from_millis(milliseconds);
                if sleep.deadline() != at {
                    sleep.as_mut().reset(at);
                }
                let _ = sleep.as_mut().poll(context);
            }
            Poll::<()>::Pending
        })
        .await;
    }
}

impl Schedule {
    fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    fn set_due(&mut self, host: usize, due: Option<Instant>) {
        let Some(place) = self.due_of.get_mut(host) else { return };
        if let Some(before) = std::mem::replace(place, due) {
            self.due.remove(&(before, host));
        }
        if let Some(due) = due {
            self.due.insert((due, host));
        }
    }
}
