//! A thread with a bell: it sleeps in `poll`, is woken by the host as a task is, and ends when its
//! owner goes. Knows no packet.

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::{read, write};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use std::thread::{self, JoinHandle};

/// The thread; it is told to end, and waited for, when this is dropped.
pub(super) struct Worker {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread that does `work`, until it is over or the bell says that it is.
    ///
    /// # Errors
    /// No thread or no descriptor is to be had.
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(Arc<Bell>) + Send + 'static,
    ) -> io::Result<Self> {
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let bell = Arc::new(Bell { counter, stopped: AtomicBool::new(false) });
        let rung = Arc::clone(&bell);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || work(rung))?;
        Ok(Self { bell, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.bell.stopped.store(true, Ordering::SeqCst);
        self.bell.wake_by_ref();
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

/// Wakes a thread that sleeps in `poll`.
pub(super) struct Bell {
    counter: OwnedFd,
    stopped: AtomicBool,
}

impl Bell {
    /// Makes it ring anew.
    pub(super) fn quiet(&self) {
        let _ = read(&self.counter, &mut [0; 8]);
    }

    /// Whether the thread is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

/// Readable when it was rung.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.counter.as_fd()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A counter that is full has been rung.
        let _ = write(&self.counter, &1_u64.to_ne_bytes());
    }
}
