//! A turn of the host: gives what came and what is due to the stack; and the host's thread, which
//! sleeps between turns. Socket calls do not pass through it; one that sleeps may lead in its place.

use super::observed;
use super::shared::{BATCH, Core, HostEvent, Port, Shared};
use danja_stack::{Frame, Instant};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// The thread's body.
pub(super) fn run(shared: &Arc<Shared>) {
    let _end = End(shared);
    loop {
        match shared.turn() {
            Turn::Again => {}
            Turn::Until(until) => shared.sleep(until),
            Turn::Ended => return,
        }
    }
}

/// What is to be done after a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// There may be more to do now.
    Again,
    /// Nothing before this moment, or a notification.
    Until(Instant),
    /// The host has ended.
    Ended,
}

/// Whatever ends the thread, nobody waits for it in vain.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Shared {
    /// Nobody serves the host any more: calls fail, and who waits learns it.
    pub(super) fn end(&self) {
        let mut wakers = Vec::new();
        let mut core = self.lock();
        core.ended = true;
        core.waiters.take_all(&mut wakers);
        core.timers.take_all(&mut wakers);
        wakers.append(&mut core.idle);
        drop(core);
        self.end_dhcp(&mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Does all that is due.
    pub(super) fn turn(&self) -> Turn {
        self.notifier.awake();
        self.adapters_until.store(u64::MAX, Ordering::SeqCst);
        let more = self.receive_all();
        self.look();
        self.serve_dhcp();
        match () {
            () if self.has_stopped() => Turn::Ended,
            () if more => Turn::Again,
            () => Turn::Until(self.deadline()),
        }
    }

    /// Takes a batch of frames off each adapter; says whether more may wait.
    pub(super) fn receive_all(&self) -> bool {
        self.ports.iter().fold(false, |more, port| more | self.receive(port))
    }

    /// Takes a batch of frames off an adapter; says whether more may wait.
    fn receive(&self, port: &Port) -> bool {
        if port.failed.load(Ordering::Relaxed) {
            return false;
        }
        self.look_at_link(port);
        // Held until they are in the stack, so that they come in in order.
        let mut frames = self.driving.lock().unwrap_or_else(PoisonError::into_inner);
        // What an observer's panic left.
        frames.clear();
        let received = port.lock().adapter.receive(self.clock.now(), &mut frames, BATCH);
        if !frames.is_empty() {
            self.input(port, frames);
        }
        match received {
            Ok(count) => count == BATCH,
            Err(error) => {
                self.fail(port, error);
                false
            }
        }
    }

    /// Tells the stack if the link came up or went down.
    fn look_at_link(&self, port: &Port) {
        // Whoever has a waker has been woken for this, perhaps; else the poll has told.
        if !port.link_stale.swap(false, Ordering::Relaxed) && port.descriptor.is_some() {
            return;
        }
        // The thread and a leader may both look: the stack shall hear the later answer last.
        let order = self.driving.lock().unwrap_or_else(PoisonError::into_inner);
        let up = port.lock().adapter.link();
        if port.link.swap(up, Ordering::Relaxed) == up {
            return;
        }
        let mut core = self.lock();
        drop(order);
        let now = self.clock.now();
        core.stack.set_link(port.id, up, now);
        core.tell(HostEvent::Link { interface: port.id, up });
        self.settle(core, now);
        self.link_changed(port.id, up);
    }

    fn input(&self, port: &Port, mut frames: MutexGuard<'_, Vec<Frame>>) {
        if !self.observed {
            let mut core = self.lock();
            let now = self.clock.now();
            observed::receive(&mut core, &self.name, &port.line(), &mut frames, now);
            // Who is woken now may sleep in a call, and lead.
            drop(frames);
            self.settle_input(port, core, now);
            return;
        }
        // What the stack answers to one frame is told, and sent, before the next comes in.
        let mut one = Vec::with_capacity(1);
        for frame in frames.drain(..) {
            one.push(frame);
            let mut core = self.lock();
            let now = self.clock.now();
            observed::receive(&mut core, &self.name, &port.line(), &mut one, now);
            self.settle_input(port, core, now);
        }
    }

    /// Ends the lock's use by frames that came in by this port.
    fn settle_input(&self, port: &Port, mut core: MutexGuard<'_, Core>, now: Instant) {
        let mut wakers = Vec::new();
        if port.hands_out && core.stack.has_unclaimed(port.id) {
            core.waiters.wake_unclaimed(port.id, &mut wakers);
        }
        self.settle(core, now);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Looks at the clock.
    fn look(&self) {
        let mut core = self.lock();
        core.sleeps_until = Instant::ZERO;
        let now = self.clock.now();
        // `settle` handles what is due.
        self.settle(core, now);
    }

    /// Whether the last handle has gone, and nothing is left to be sent (or no time for it).
    fn has_stopped(&self) -> bool {
        let stops_at = self.stops_at.load(Ordering::Acquire);
        if stops_at == u64::MAX {
            return false;
        }
        self.clock.now().as_nanos() >= stops_at || !self.lock().has_unfinished()
    }

    /// When the next turn is due, if nothing comes before.
    fn deadline(&self) -> Instant {
        let mut until = Instant::from_nanos(self.stops_at.load(Ordering::Acquire));
        for port in self.ports.iter().filter(|port| !port.failed.load(Ordering::Relaxed)) {
            let lane = port.lock();
            until = until.min(lane.adapter.poll_timeout().unwrap_or(Instant::MAX));
            // Frames that left the stack may still wait for the device.
            port.blocked.store(lane.adapter.is_blocked(), Ordering::Relaxed);
        }
        self.adapters_until.store(until.as_nanos(), Ordering::SeqCst);
        until = until.min(Instant::from_nanos(self.dhcp_due.load(Ordering::SeqCst)));
        let mut core = self.lock();
        until = until.min(core.stack.poll_timeout().unwrap_or(Instant::MAX));
        until = until.min(core.timers.next().unwrap_or(Instant::MAX));
        core.sleeps_until = until;
        for port in &self.ports {
            port.blocked.fetch_or(core.stack.wants_transmit(port.id), Ordering::Relaxed);
        }
        until
    }

    /// Sleeps until a frame, room, the deadline or a notification comes.
    fn sleep(&self, until: Instant) {
        let delay = if until == Instant::MAX { None } else { self.clock.sleep(until) };
        if delay != Some(Duration::ZERO) && self.notifier.fall_asleep() {
            self.poll(delay);
        }
    }

    fn poll(&self, delay: Option<Duration>) {
        let Some(counter) = self.notifier.descriptor() else { return };
        let mut descriptors = vec![PollFd::from_borrowed_fd(counter, PollFlags::IN)];
        for port in self.ports.iter().filter(|port| !port.failed.load(Ordering::Relaxed)) {
            let Some(descriptor) = &port.descriptor else { continue };
            let mut interest = PollFlags::IN;
            interest.set(PollFlags::OUT, port.blocked.load(Ordering::Relaxed));
            descriptors.push(PollFd::new(descriptor, interest));
        }
        let links = descriptors.len();
        let listening =
            |port: &&Port| port.link_descriptor.is_some() && !port.failed.load(Ordering::Relaxed);
        for port in self.ports.iter().filter(listening) {
            let Some(events) = &port.link_descriptor else { continue };
            descriptors.push(PollFd::new(events, PollFlags::IN));
        }
        let delay = delay.and_then(|delay| Timespec::try_from(delay).ok());
        // An interruption (or a failure, which a look around does not make worse) is a wake-up.
        let ready = poll(&mut descriptors, delay.as_ref());
        let counted = descriptors.first().is_some_and(|first| !first.revents().is_empty());
        if ready.is_ok() && counted {
            self.notifier.drain();
        }
        let changed = descriptors.iter().skip(links).map(|events| !events.revents().is_empty());
        for (port, changed) in self.ports.iter().filter(listening).zip(changed) {
            port.link_stale.fetch_or(changed, Ordering::Relaxed);
        }
    }
}
