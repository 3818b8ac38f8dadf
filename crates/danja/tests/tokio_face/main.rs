//! `danja::tokio` under tokio's runtimes and under wakers made by hand.

mod cancel;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/dns.rs"]
mod dns;
mod names;
mod streams;
mod wakes;

use common::{endpoint, two_hosts};
use danja::Host;
use danja::tokio::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

/// Counts how often it is called.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), count.into())
    }

    fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn wait(&self, calls: usize) {
        while self.calls() < calls {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether only this and the one waker in our hands are left.
    fn is_forgotten(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 2
    }
}

/// The client's end, the server's, and their hosts.
async fn pair() -> (TcpStream, TcpStream, (Host, Host)) {
    let (one, two) = two_hosts();
    let listener = TcpListener::bind(&one, endpoint(1, 80)).await.unwrap();
    let (client, accepted) =
        tokio::join!(TcpStream::connect(&two, endpoint(1, 80)), listener.accept());
    (client.unwrap(), accepted.unwrap().0, (one, two))
}

/// Runs a future in this thread, and fails if it takes too long.
fn run<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    common::in_time(|| {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    })
}
