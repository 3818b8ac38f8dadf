//! What a worker of the router sleeps in: one epoll instance for the machine's sockets, and an
//! inbox for the host's wakers and for messages of other threads. Knows no protocol.

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

/// The inbox's own place in the epoll instance; no flow has this number.
const INBOX: u64 = u64::MAX;
/// Events taken at once.
const EVENTS: usize = 256;

/// Where other threads leave messages of type `M`, and wakers their numbers.
pub(crate) struct Inbox<M> {
    signal: OwnedFd,
    /// The worker is awake, or has been told to wake up.
    awake: AtomicBool,
    content: Mutex<Content<M>>,
}

struct Content<M> {
    messages: Vec<M>,
    woken: Vec<u64>,
}

impl<M> Content<M> {
    const fn new() -> Self {
        Self { messages: Vec::new(), woken: Vec::new() }
    }
}

impl<M> Inbox<M> {
    /// Leaves a message.
    pub(crate) fn send(&self, message: M) {
        self.put(|content| content.messages.push(message));
    }

    fn put(&self, put: impl FnOnce(&mut Content<M>)) {
        put(&mut self.content.lock().unwrap_or_else(PoisonError::into_inner));
        if !self.awake.swap(true, Ordering::SeqCst) {
            // It cannot be full: nobody adds more than one before it is read.
            let _ = rustix::io::write(&self.signal, &1u64.to_ne_bytes());
        }
    }

    fn take(&self, into: &mut Content<M>) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut content.messages, &mut into.messages);
        std::mem::swap(&mut content.woken, &mut into.woken);
    }

    fn is_empty(&self) -> bool {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.messages.is_empty() && content.woken.is_empty()
    }
}

/// Wakes the worker for one flow; however often it is called, the number is there once.
pub(crate) struct Bell<M> {
    inbox: Arc<Inbox<M>>,
    number: u64,
    rung: AtomicBool,
}

impl<M: Send + 'static> Bell<M> {
    pub(crate) fn new(inbox: &Arc<Inbox<M>>, number: u64) -> Arc<Self> {
        Arc::new(Self { inbox: Arc::clone(inbox), number, rung: AtomicBool::new(false) })
    }

    /// The worker has come: the next ring counts again.
    pub(crate) fn answered(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }

    /// As a task's waker.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }
}

impl<M: Send + 'static> Wake for Bell<M> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.inbox.put(|content| content.woken.push(self.number));
        }
    }
}

/// What a machine's socket is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occurrence {
    pub(crate) number: u64,
    pub(crate) flags: EventFlags,
}

/// What happened while the worker slept.
pub(crate) struct Happened<M> {
    pub(crate) events: Vec<Occurrence>,
    raw: Vec<epoll::Event>,
    content: Content<M>,
}

impl<M> Happened<M> {
    pub(crate) fn new() -> Self {
        Self { events: Vec::new(), raw: Vec::with_capacity(EVENTS), content: Content::new() }
    }

    pub(crate) const fn messages(&mut self) -> &mut Vec<M> {
        &mut self.content.messages
    }

    pub(crate) const fn woken(&mut self) -> &mut Vec<u64> {
        &mut self.content.woken
    }
}

/// The epoll instance and the inbox of one worker.
pub(crate) struct Reactor<M> {
    epoll: OwnedFd,
    inbox: Arc<Inbox<M>>,
}

impl<M> Reactor<M> {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let signal = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &signal, EventData::new_u64(INBOX), EventFlags::IN)?;
        let inbox =
            Inbox { signal, awake: AtomicBool::new(true), content: Mutex::new(Content::new()) };
        Ok(Self { epoll, inbox: Arc::new(inbox) })
    }

    pub(crate) const fn inbox(&self) -> &Arc<Inbox<M>> {
        &self.inbox
    }

    /// Watches a socket of the machine until it is closed.
    pub(crate) fn watch(&self, fd: impl AsFd, number: u64, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(number), flags)?)
    }

    /// Sleeps until something happens, for at most `patience`.
    pub(crate) fn wait(&self, happened: &mut Happened<M>, patience: Duration) {
        happened.events.clear();
        self.inbox.awake.store(false, Ordering::SeqCst);
        // Whoever comes from here on sees that we sleep, and rings.
        let patience = if self.inbox.is_empty() { patience } else { Duration::ZERO };
        let patience = Timespec::try_from(patience).ok();
        happened.raw.clear();
        let slept = epoll::wait(&self.epoll, spare_capacity(&mut happened.raw), patience.as_ref());
        self.inbox.awake.store(true, Ordering::SeqCst);
        // Interrupted by a signal: there will be a next time.
        debug_assert!(matches!(slept, Ok(_) | Err(Errno::INTR)), "{slept:?}");
        for event in happened.raw.drain(..) {
            let (number, flags) = (event.data.u64(), event.flags);
            if number == INBOX {
                let mut count = [0; 8];
                let _ = rustix::io::read(&self.inbox.signal, &mut count);
            } else {
                happened.events.push(Occurrence { number, flags });
            }
        }
        self.inbox.take(&mut happened.content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_bell_rings_once_until_it_is_answered() {
        let reactor = Reactor::<&str>::new().unwrap();
        let bell = Bell::new(reactor.inbox(), 7);
        let (waker, inbox) = (bell.waker(), Arc::clone(reactor.inbox()));
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            waker.wake_by_ref();
            waker.wake_by_ref();
            inbox.send("hello");
        });
        let mut happened = Happened::new();
        let (mut woken, mut messages) = (Vec::new(), Vec::new());
        while messages.is_empty() {
            reactor.wait(&mut happened, Duration::from_secs(20));
            woken.append(happened.woken());
            messages.append(happened.messages());
        }
        other.join().unwrap();
        assert_eq!((woken.as_slice(), messages.as_slice()), (&[7][..], &["hello"][..]));
        bell.answered();
        bell.waker().wake();
        reactor.wait(&mut happened, Duration::from_secs(20));
        assert_eq!(happened.woken().as_slice(), [7]);
    }
}
