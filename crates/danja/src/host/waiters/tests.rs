use super::*;
use crate::Host;
use crate::clock::VirtualClock;
use crate::net::{RecvFlags, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Wake};
use std::time::Duration;

/// Counts how often it was called.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn calls(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn counted() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

fn socket() -> (Host, UdpSocket) {
    let host = Host::builder().build().unwrap();
    let socket = UdpSocket::bind(&host, "127.0.0.1:0").unwrap();
    (host, socket)
}

/// How many wakers are in the lists of a host's sockets.
fn waiting(host: &Host) -> usize {
    let core = host.shared().lock();
    core.waiters.sockets.values().map(|one| one.read.0.len() + one.write.0.len()).sum()
}

#[test]
fn a_waiter_has_one_place_and_its_latest_waker_counts() {
    let (_host, socket) = socket();
    let id = socket.as_socket().id();
    let mut waiters = Waiters::default();
    let (first, second, other) = (counted(), counted(), counted());
    let own = Waiter::new(7);
    waiters.wait(true, id, Interest::Read, Some(&own), &first.1);
    waiters.wait(true, id, Interest::Read, Some(&own), &second.1);
    waiters.wait(true, id, Interest::Read, None, &other.1);
    waiters.wait(true, id, Interest::Write, None, &first.1);
    let mut wakers = Vec::new();
    waiters.on_ready(id, Ready::READABLE, &mut wakers);
    wakers.drain(..).for_each(Waker::wake);
    assert_eq!((first.0.calls(), second.0.calls(), other.0.calls()), (0, 1, 1));
    // Once: whoever wants more asks again.
    waiters.on_ready(id, Ready::READABLE, &mut wakers);
    assert!(wakers.is_empty());
    waiters.on_ready(id, Ready::ERROR, &mut wakers);
    assert_eq!(wakers.len(), 1);
}

#[test]
fn whoever_gives_up_leaves_nothing_behind() {
    let (_host, socket) = socket();
    let id = socket.as_socket().id();
    let mut waiters = Waiters::default();
    let (count, waker) = counted();
    let (one, two) = (Waiter::new(1), Waiter::new(2));
    for waiter in [&one, &two] {
        waiters.wait(true, id, Interest::Read, Some(waiter), &waker);
    }
    waiters.wait(false, id, Interest::Read, Some(&one), &waker);
    assert!(!one.is_registered() && two.is_registered());
    let mut wakers = Vec::new();
    waiters.on_ready(id, Ready::READABLE, &mut wakers);
    assert_eq!(wakers.len(), 1);
    drop(waiters);
    drop((wakers, waker));
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn a_time_out_takes_the_waiter_away() {
    let (host, socket) = socket();
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    for _ in 0..3 {
        socket.recv(&mut [0; 4]).unwrap_err();
    }
    assert_eq!(waiting(&host), 0);
}

#[test]
fn a_cancelled_task_is_not_woken() {
    let (host, socket) = socket();
    let (count, waker) = counted();
    let mut context = Context::from_waker(&waker);
    let mut buffer = [0; 4];
    {
        let mut receiving = pin!(socket.as_socket().recv_async(&mut buffer, RecvFlags::default()));
        assert!(receiving.as_mut().poll(&mut context).is_pending());
        assert!(receiving.as_mut().poll(&mut context).is_pending());
        assert_eq!(waiting(&host), 1);
    }
    assert_eq!(waiting(&host), 0);
    socket.send_to(b"late", socket.local_addr().unwrap()).unwrap();
    assert_eq!(count.calls(), 0);
    // And it has taken nothing.
    assert_eq!(socket.recv(&mut buffer).unwrap(), 4);
}

/// Else a test in virtual time with a thousand connections would do nothing but wake them.
#[test]
fn turning_the_clock_wakes_no_task() {
    let clock = VirtualClock::new();
    let host = Host::builder().clock(Arc::new(clock.clone())).build().unwrap();
    let socket = UdpSocket::bind(&host, "127.0.0.1:0").unwrap();
    let (count, waker) = counted();
    let context = Context::from_waker(&waker);
    assert!(socket.as_socket().poll_ready(Interest::Read, &context).is_pending());
    for _ in 0..20 {
        clock.advance(Duration::from_secs(1));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!((count.calls(), waiting(&host)), (0, 1));
}
