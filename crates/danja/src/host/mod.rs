//! A host: one protocol stack, its adapters, its time and entropy, and the thread that serves
//! them. Contains no protocol logic and no global state: a process has as many as it likes.

mod admin;
mod builder;
mod call;
mod drive;
mod driver;
mod lead;
pub(crate) mod ledger;
pub mod observe;
pub(crate) mod observed;
pub(crate) mod shared;
mod timers;
mod views;
mod waiters;
mod wake;

pub use builder::Builder;
pub use driver::Driver;
pub use shared::HostEvent;
pub use waiters::{IncomingEvent, Interest};

pub(crate) use call::{Ask, Mode};
pub(crate) use observed::Success;
pub(crate) use shared::Shared;
#[cfg(feature = "tokio")]
pub(crate) use timers::Sleep;
pub(crate) use timers::before;
pub(crate) use waiters::Waiter;
use wake::Parker;

use danja_stack::Instant;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A host on a LAN. Clones are the same host; sockets made from it keep it alive.
///
/// When the last clone and the last socket are gone, what closed sockets still have to deliver
/// is sent (for at most [`Builder::linger`]), the thread ends, and the adapters are unplugged.
/// A host without a thread of its own comes from [`Builder::build_driven`].
///
/// ```
/// use danja::net::{TcpListener, TcpStream};
/// use danja::{Host, lan::MacAddress, lan::cable::Switch};
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let lan = Switch::new();
/// let server = Host::builder()
///     .name("server")
///     .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, 1])))
///     .address("10.0.0.1/24".parse().unwrap())
///     .build()?;
/// let client = Host::builder()
///     .name("client")
///     .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, 2])))
///     .address("10.0.0.2/24".parse().unwrap())
///     .build()?;
///
/// let listener = TcpListener::bind(&server, "10.0.0.1:7")?;
/// let mut stream = TcpStream::connect(&client, "10.0.0.1:7")?;
/// let (mut accepted, _peer) = listener.accept()?;
///
/// stream.write_all(b"hello")?;
/// let mut heard = [0; 5];
/// accepted.read_exact(&mut heard)?;
/// assert_eq!(&heard, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Host {
    handle: Arc<Handle>,
}

/// Lives as long as somebody uses the host.
struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    linger: Duration,
}

impl Host {
    /// Begins a new host.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.handle.shared
    }

    /// Runs a future to its end in this thread, which sleeps while it waits.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let clock = &*self.shared().clock;
        loop {
            // Without an end it returns when the future is ready only.
            let done = Parker::block_on(clock, None, |waker| {
                future.as_mut().poll(&mut Context::from_waker(waker))
            });
            if let Some(value) = done {
                return value;
            }
        }
    }

    /// Waits until what closed sockets have sent is delivered and their FINs are acknowledged, so
    /// that a program can end. TIME-WAIT is not waited for. `false` if `timeout` came first.
    ///
    /// ```
    /// # use danja::net::{TcpListener, TcpStream};
    /// use std::{io::Write, time::Duration};
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// # let listener = TcpListener::bind(&host, "127.0.0.1:80")?;
    /// let mut stream = TcpStream::connect(&host, "127.0.0.1:80")?;
    /// stream.write_all(b"last words")?;
    /// drop(stream);
    /// assert!(host.flush(Duration::from_secs(5)), "the peer has it all");
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush(&self, timeout: Duration) -> bool {
        let shared = self.shared();
        let until = shared.clock.now() + timeout;
        let flushed = Parker::block_on(&*shared.clock, Some(until), |waker| {
            let mut core = shared.lock();
            if core.ended || !core.has_unfinished() {
                return Poll::Ready(!core.has_unfinished());
            }
            core.idle.push(waker.clone());
            Poll::Pending
        });
        flushed.unwrap_or(false)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let shared = &self.shared;
        let now = shared.clock.now();
        // A clock that stands still would never let the time pass.
        let passes = shared.clock.sleep(now + self.linger).is_some();
        let linger =
            if passes || shared.notifier.is_driven() { self.linger } else { Duration::ZERO };
        let stops_at = (now + linger).min(Instant::from_nanos(u64::MAX - 1));
        shared.stops_at.store(stops_at.as_nanos(), Ordering::Release);
        shared.notifier.notify_thread();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last handle may have been owned by a task whose waker the thread itself called.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
        {
            let _ = thread.join();
        }
        shared.clock.unregister(&Waker::from(Arc::clone(&shared.notifier)));
    }
}
