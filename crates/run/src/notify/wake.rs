//! How the stack's readiness reaches the supervisor's thread: a list of sockets, and a bell.

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, read, write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// Sockets that may be ready, each at most once.
#[derive(Debug)]
pub(super) struct ReadyList {
    list: Mutex<Vec<u64>>,
    rung: AtomicBool,
    bell: OwnedFd,
}

impl ReadyList {
    pub(super) fn new() -> Result<Arc<Self>, Errno> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Self { list: Mutex::default(), rung: AtomicBool::new(false), bell }))
    }

    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // The bell cannot be full: it is rung once between two takings.
            let _ = write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    pub(super) fn push(&self, id: u64) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        self.ring();
    }

    pub(super) fn take(&self) -> Vec<u64> {
        // In this order: whoever finds it rung has put its socket on the list that is taken below.
        let _ = read(&self.bell, &mut [0; 8]);
        self.rung.store(false, Ordering::SeqCst);
        std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn waker(self: &Arc<Self>, id: u64) -> Arc<SocketWaker> {
        Arc::new(SocketWaker { id, listed: AtomicBool::new(false), ready: Arc::clone(self) })
    }
}

/// Puts one socket on the list.
#[derive(Debug)]
pub(super) struct SocketWaker {
    id: u64,
    listed: AtomicBool,
    ready: Arc<ReadyList>,
}

impl SocketWaker {
    /// To be called before one looks what the socket is ready for.
    pub(super) fn taken(&self) {
        self.listed.store(false, Ordering::SeqCst);
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    pub(super) fn list(&self) {
        if !self.listed.swap(true, Ordering::SeqCst) {
            self.ready.push(self.id);
        }
    }
}

impl Wake for SocketWaker {
    fn wake(self: Arc<Self>) {
        self.list();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.list();
    }
}
