//! What a program is told when a connection cannot be made, in the time it would take in Linux.

mod common;

use common::{address, builder, endpoint, host, in_time, two_hosts};
use danja::Host;
use danja::lan::cable::Switch;
use danja::lan::{Adapter, Capabilities, MacAddress, Medium, Readiness, Room};
use danja::net::{Domain, OptionName, Socket, SocketKind, SocketOption, TcpListener, TcpStream};
use danja::stack::socket::Cause;
use danja::stack::{Frame, Instant as Moment, InterfaceId};
use danja::{HostEvent, cause, errno};
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

#[test]
fn nobody_at_the_address() {
    in_time(|| {
        let (_one, two) = two_hosts();
        let begun = Instant::now();
        let error = TcpStream::connect(&two, endpoint(9, 80)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
        assert_eq!(errno(&error), Some(113));
        assert_eq!(cause(&error).unwrap().cause, Some(Cause::NeighbourSilent(address(9))));
        assert_eq!(error.to_string(), "host unreachable: nobody answered ARP for 10.0.0.9");
        // Linux: three ARP requests, a second apart.
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(2_900) && took < Duration::from_secs(8), "{took:?}");
    });
}

#[test]
fn no_way_to_the_network() {
    let (_one, two) = two_hosts();
    let error = TcpStream::connect(&two, "192.0.2.1:80").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
    assert_eq!(error.to_string(), "network unreachable: no route leads there");
}

#[test]
fn a_refusal_names_its_sender() {
    in_time(|| {
        let (_one, two) = two_hosts();
        let error = TcpStream::connect(&two, endpoint(1, 81)).unwrap_err();
        assert_eq!((error.kind(), errno(&error)), (ErrorKind::ConnectionRefused, Some(111)));
        assert_eq!(error.to_string(), "connection refused: the peer sent RST");
    });
}

#[test]
fn the_next_address_is_tried() {
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let all: &[SocketAddr] = &[endpoint(1, 81), endpoint(1, 80)];
        let stream = TcpStream::connect(&two, all).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), endpoint(1, 80));
        drop(listener);
        let none: &[SocketAddr] = &[];
        assert_eq!(TcpStream::connect(&two, none).unwrap_err().kind(), ErrorKind::InvalidInput);
        for text in ["10.0.0.1", "10.0.0.1:x", "10.0.0.1:65536"] {
            let error = TcpStream::connect(&two, text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
        }
    });
}

/// An adapter that swallows everything.
struct Void;

impl Adapter for Void {
    fn capabilities(&self) -> Capabilities {
        Capabilities { medium: Medium::Ip, mtu: 1500, checksum: false, max_segmented: 0 }
    }
    fn receive(&mut self, _: Moment, _: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
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
}

fn nowhere() -> Host {
    Host::builder()
        .adapter(Void)
        .address("10.0.0.1/24".parse().unwrap())
        .gateway(address(254))
        .linger(Duration::ZERO)
        .build()
        .unwrap()
}

#[test]
fn a_connect_timeout_ends_the_waiting() {
    in_time(|| {
        let host = nowhere();
        let begun = Instant::now();
        let to = "192.0.2.1:80".parse().unwrap();
        let error = TcpStream::connect_timeout(&host, &to, Duration::from_millis(200)).unwrap_err();
        assert_eq!((error.kind(), errno(&error)), (ErrorKind::TimedOut, Some(110)));
        assert!(begun.elapsed() >= Duration::from_millis(200));
        // The attempt has gone with its socket.
        assert_eq!(host.sockets().len(), 0);
    });
}

#[test]
fn silence_ends_a_connect_after_the_retries() {
    in_time(|| {
        let host = nowhere();
        let socket = Socket::new(&host, Domain::Ipv4, SocketKind::Stream).unwrap();
        socket.set_option(SocketOption::SynRetries(1)).unwrap();
        let error = socket.connect("192.0.2.1:80".parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        let text = "connection timed out: 1 retransmissions were not answered";
        assert_eq!(error.to_string(), text);
    });
}

#[test]
fn a_connect_that_outlasts_the_write_time_out_is_in_progress() {
    in_time(|| {
        let host = nowhere();
        let socket = Socket::new(&host, Domain::Ipv4, SocketKind::Stream).unwrap();
        socket.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
        let to = "192.0.2.1:80".parse().unwrap();
        let number = |result: io::Result<()>| errno(&result.unwrap_err());
        assert_eq!(number(socket.connect(to)), Some(115), "EINPROGRESS");
        assert_eq!(number(socket.connect(to)), Some(114), "EALREADY");
        // Until the handshake is over there is no peer.
        assert_eq!(number(socket.peer_addr().map(|_| ())), Some(107), "ENOTCONN");
    });
}

#[test]
fn a_non_blocking_connect_says_in_progress() {
    in_time(|| {
        let (one, two) = two_hosts();
        let _listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let socket = Socket::new(&two, Domain::Ipv4, SocketKind::Stream).unwrap();
        socket.set_nonblocking(true).unwrap();
        let error = socket.connect(endpoint(1, 80)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(115), "{error}");
        let outcome = loop {
            match socket.connect(endpoint(1, 80)) {
                // EALREADY, as long as it is under way.
                Err(error) if error.raw_os_error() == Some(114) => std::thread::yield_now(),
                outcome => break outcome,
            }
        };
        outcome.unwrap();
        let again = socket.connect(endpoint(1, 80)).unwrap_err();
        assert_eq!(errno(&again), Some(106), "EISCONN: {again}");
    });
}

#[test]
fn wrong_calls_get_the_numbers_of_linux() {
    let (one, two) = two_hosts();
    let stream = || Socket::new(&one, Domain::Ipv4, SocketKind::Stream).unwrap();
    let number = |result: io::Result<()>| errno(&result.unwrap_err());
    assert_eq!(number(stream().bind(endpoint(2, 80))), Some(99), "EADDRNOTAVAIL");
    assert_eq!(number(stream().bind("[::1]:80".parse().unwrap())), Some(97), "EAFNOSUPPORT");
    assert_eq!(number(stream().accept().map(|_| ())), Some(22), "EINVAL");
    assert_eq!(number(stream().shutdown(std::net::Shutdown::Both)), Some(107), "ENOTCONN");
    assert_eq!(number(stream().peer_addr().map(|_| ())), Some(107), "ENOTCONN");
    let mut buffer = [0; 4];
    let received = stream().recv_with(&mut buffer, danja::net::RecvFlags::default());
    assert_eq!(number(received.map(|_| ())), Some(107), "ENOTCONN");
    let ipv6 = Socket::new(&one, Domain::Ipv6, SocketKind::Stream);
    assert_eq!(number(ipv6.map(|_| ())), Some(97), "EAFNOSUPPORT");
    let udp = Socket::new(&one, Domain::Ipv4, SocketKind::Datagram).unwrap();
    assert_eq!(number(udp.listen(1)), Some(95), "EOPNOTSUPP");
    assert_eq!(number(udp.option(OptionName::NoDelay).map(|_| ())), Some(92), "ENOPROTOOPT");
    let bound = stream();
    bound.bind(endpoint(1, 80)).unwrap();
    assert_eq!(number(bound.bind(endpoint(1, 81))), Some(22), "EINVAL");
    assert_eq!(number(stream().bind(endpoint(1, 80))), Some(98), "EADDRINUSE");
    drop(two);
}

#[test]
fn builders_say_what_is_wrong() {
    let lan = Switch::new();
    let error = Host::builder().address("10.0.0.1/24".parse().unwrap()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = builder(&lan, 1).gateway("10.9.9.9".parse().unwrap()).build().unwrap_err();
    assert_eq!(error.to_string(), "the gateway 10.9.9.9 is in no interface's network");
}

/// A cable that can be cut.
struct Cut(danja::lan::cable::Port, Arc<AtomicBool>);

impl Cut {
    fn check(&self) -> io::Result<()> {
        match self.1.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the cable was cut")),
            false => Ok(()),
        }
    }
}

impl Adapter for Cut {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
    fn receive(&mut self, now: Moment, to: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        self.check()?;
        self.0.receive(now, to, max)
    }
    fn room(&mut self, now: Moment) -> Room {
        self.0.room(now)
    }
    fn transmit(&mut self, now: Moment, frames: &mut Vec<Frame>) -> io::Result<()> {
        self.check()?;
        self.0.transmit(now, frames)
    }
    fn readiness(&self) -> Readiness<'_> {
        Readiness::Waker
    }
    fn set_waker(&mut self, waker: Waker) {
        self.0.set_waker(waker);
    }
}

#[test]
fn a_failed_adapter_takes_its_interface_down() {
    in_time(|| {
        let lan = Switch::new();
        let cut = Arc::new(AtomicBool::new(false));
        let one = host(&lan, 1);
        let port = Cut(lan.port(MacAddress([2, 0, 0, 0, 0, 2])), Arc::clone(&cut));
        let two = Host::builder()
            .adapter(port)
            .address("10.0.0.2/24".parse().unwrap())
            .linger(Duration::ZERO)
            .build()
            .unwrap();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        assert!(two.next_event().is_none());
        cut.store(true, Ordering::Relaxed);
        let error =
            TcpStream::connect_timeout(&two, &endpoint(1, 80), Duration::from_secs(5)).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::NetworkUnreachable | ErrorKind::TimedOut),
            "{error}"
        );
        let interface = InterfaceId(1);
        match two.next_event() {
            Some(HostEvent::AdapterFailed { interface: failed, error }) => {
                assert_eq!((failed, error.to_string()), (interface, "the cable was cut".into()));
            }
            other => panic!("{other:?}"),
        }
        let view = two.interfaces().into_iter().find(|view| view.id == interface).unwrap();
        assert!(!view.up);
        // From now on it is known at once.
        let error = TcpStream::connect(&two, endpoint(1, 80)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(listener);
    });
}
