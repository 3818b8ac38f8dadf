//! What happens when handles go: sockets are closed properly, hosts end, nobody waits in vain.

mod common;

use common::{address, builder, endpoint, host, in_time, two_hosts};
use danja::Host;
use danja::clock::{Clock, VirtualClock};
use danja::lan::cable::Switch;
use danja::lan::{Adapter, Capabilities, Medium, Readiness, Room};
use danja::net::{TcpListener, TcpStream, UdpSocket};
use danja::stack::views::TcpState;
use danja::stack::{Frame, Instant as Moment, InterfaceId};
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn dropping_all_handles_unplugs_the_host() {
    in_time(|| {
        let lan = Switch::new();
        let one = host(&lan, 1);
        let clone = one.clone();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        assert_eq!(lan.ports(), 1);
        drop(one);
        drop(clone);
        // The listener keeps its host.
        assert_eq!(lan.ports(), 1);
        let two = host(&lan, 2);
        let stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        drop(stream);
        let begun = Instant::now();
        drop(listener);
        assert_eq!(lan.ports(), 1);
        drop(two);
        assert_eq!(lan.ports(), 0);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}

#[test]
fn what_was_written_arrives_although_writer_and_host_are_gone() {
    in_time(|| {
        let lan = Switch::new();
        let one = host(&lan, 1);
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let writer = thread::spawn({
            let lan = lan.clone();
            move || {
                let two = host(&lan, 2);
                let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
                stream.write_all(&vec![7; 1 << 20]).unwrap();
                // The stream goes before its data is delivered, the host right after it.
            }
        });
        let (mut accepted, _) = listener.accept().unwrap();
        thread::sleep(Duration::from_millis(100));
        let mut all = Vec::new();
        accepted.read_to_end(&mut all).unwrap();
        assert_eq!(all, vec![7; 1 << 20]);
        writer.join().unwrap();
    });
}

#[test]
fn a_peer_that_is_gone_does_not_hold_up_the_end_for_long() {
    in_time(|| {
        let lan = Switch::new();
        let one = host(&lan, 1);
        let two = builder(&lan, 2).linger(Duration::from_millis(300)).build().unwrap();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let accepted = listener.accept().unwrap();
        // From here on nothing is acknowledged.
        let id = one.interfaces().last().unwrap().id;
        assert!(one.set_up(id, false));
        stream.write_all(b"into the void").unwrap();
        drop(stream);
        assert!(!two.flush(Duration::from_millis(50)));
        let begun = Instant::now();
        drop(two);
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(290) && took < Duration::from_secs(5), "{took:?}");
        drop((accepted, listener));
    });
}

#[test]
fn flush_waits_for_the_last_acknowledgement() {
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        stream.write_all(b"last words").unwrap();
        drop(stream);
        assert!(two.flush(Duration::from_secs(10)));
        let states: Vec<_> = two.sockets().iter().map(|info| info.state).collect();
        assert!(states.iter().all(|state| *state == Some(TcpState::FinWait2)), "{states:?}");
        let mut text = String::new();
        accepted.read_to_string(&mut text).unwrap();
        assert_eq!(text, "last words");
    });
}

#[test]
fn linger_waits_and_zero_linger_resets() {
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        stream.write_all(b"x").unwrap();
        stream.set_linger(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(stream.linger().unwrap(), Some(Duration::from_secs(10)));
        let begun = Instant::now();
        drop(stream);
        // The peer's stack acknowledges at once, whatever its application does.
        assert!(begun.elapsed() < Duration::from_secs(5));
        let unfinished = |info: &danja::ControlInfo| info.state != Some(TcpState::FinWait2);
        assert!(!two.sockets().iter().any(unfinished), "{:?}", two.sockets());
        assert_eq!(accepted.read(&mut [0; 4]).unwrap(), 1);

        let stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        stream.set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        let error = accepted.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// With a clock that is turned by hand, a minute of waiting takes no time.
#[test]
fn a_virtual_clock_moves_time_outs() {
    in_time(|| {
        let clock = VirtualClock::new();
        let lan = Switch::new();
        let one = builder(&lan, 1).clock(Arc::new(clock.clone())).build().unwrap();
        let socket = UdpSocket::bind(&one, "0.0.0.0:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let begun = Instant::now();
        let turner = thread::spawn(move || {
            for _ in 0..7 {
                thread::sleep(Duration::from_millis(20));
                clock.advance(Duration::from_secs(10));
            }
            clock.now()
        });
        let error = socket.recv(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
        assert_eq!(turner.join().unwrap().as_millis(), 70_000);
        // ARP gives up after three virtual seconds.
        let clock = VirtualClock::new();
        let two = builder(&lan, 2).clock(Arc::new(clock.clone())).build().unwrap();
        let connecting = thread::spawn(move || TcpStream::connect(&two, endpoint(9, 80)));
        while !connecting.is_finished() {
            clock.advance(Duration::from_millis(100));
            thread::sleep(Duration::from_millis(2));
        }
        let error = connecting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
        assert!(clock.now().as_millis() >= 2_900);
    });
}

#[test]
fn many_hosts_live_and_die_in_one_process() {
    in_time(|| {
        let lan = Switch::new();
        let hosts: Vec<Host> = (1..=50).map(|number| host(&lan, number)).collect();
        let sockets: Vec<_> =
            hosts.iter().map(|host| UdpSocket::bind(host, "0.0.0.0:9").unwrap()).collect();
        for (number, socket) in (1..=50u8).zip(&sockets) {
            let next = number % 50 + 1;
            socket.send_to(&[number], endpoint(next, 9)).unwrap();
        }
        for (number, socket) in (1..=50u8).zip(&sockets) {
            let mut buffer = [0; 4];
            let (_, from) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(from.ip(), address(buffer[0]));
            assert_eq!(buffer[0] % 50 + 1, number);
        }
        drop((hosts, sockets));
        assert_eq!(lan.ports(), 0);
    });
}

/// A socket in a thread-local may be dropped after all that the library keeps for the thread.
#[test]
fn a_thread_may_end_with_an_open_socket() {
    thread_local! {
        static KEPT: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
    }
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        thread::spawn(move || {
            KEPT.with_borrow_mut(|kept| {
                let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
                stream.set_linger(Some(Duration::from_secs(5))).unwrap();
                stream.write_all(b"last words").unwrap();
                *kept = Some(stream);
            });
        });
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, "last words");
    });
}

#[test]
fn any_text_is_a_name() {
    let host = Host::builder().name("a\0b").build().unwrap();
    assert_eq!(host.name(), "a\0b");
}

/// What a sleeping call sees of its host's end, if the host's thread fails.
#[test]
fn nobody_waits_for_a_host_that_has_ended() {
    struct Broken;
    impl Adapter for Broken {
        fn capabilities(&self) -> Capabilities {
            Capabilities { medium: Medium::Ip, mtu: 1500, checksum: false, max_segmented: 0 }
        }
        fn receive(&mut self, now: Moment, _: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
            assert!(now.as_millis() < 100, "the adapter's fault");
            Ok(0)
        }
        fn room(&mut self, _: Moment) -> Room {
            Room::UNLIMITED
        }
        fn transmit(&mut self, _: Moment, frames: &mut Vec<Frame>) -> io::Result<()> {
            frames.clear();
            Ok(())
        }
        fn readiness(&self) -> Readiness<'_> {
            Readiness::Waker
        }
        fn poll_timeout(&self) -> Option<Moment> {
            Some(Moment::ZERO + Duration::from_millis(100))
        }
    }
    in_time(|| {
        let host = Host::builder().adapter(Broken).build().unwrap();
        let listener = TcpListener::bind(&host, "127.0.0.1:0").unwrap();
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkDown, "{error}");
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkDown, "{error}");
        let waker = std::task::Waker::noop();
        let unclaimed = host.poll_unclaimed(InterfaceId(1), &Context::from_waker(waker));
        assert!(matches!(unclaimed, Poll::Ready(None)));
        assert!(host.flush(Duration::from_secs(5)));
    });
}
