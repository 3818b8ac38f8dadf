//! Decisions before the handshake, any-address interfaces, and packets that no socket claims.

mod common;

use common::{address, builder, endpoint, host, in_time};
use danja::Host;
use danja::lan::cable::Switch;
use danja::net::{Domain, IncomingEvent, Socket, SocketKind, SocketOption, TcpStream, UdpSocket};
use danja::stack::InterfaceId;
use danja::wire::ipv4;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

const ANYWHERE: &str = "203.0.113.5:80";

/// A gateway that takes what goes anywhere, and a client that sends everything through it.
fn world() -> (Host, Host) {
    let lan = Switch::new();
    let gateway = builder(&lan, 1).any_address().build().unwrap();
    let client = builder(&lan, 2).gateway(address(1)).build().unwrap();
    (gateway, client)
}

fn admitting(host: &Host) -> Socket {
    let socket = Socket::new(host, Domain::Ipv4, SocketKind::Stream).unwrap();
    socket.set_option(SocketOption::Admitting(true)).unwrap();
    socket.bind("0.0.0.0:80".parse().unwrap()).unwrap();
    socket.listen(16).unwrap();
    socket
}

fn arrived(listener: &Socket) -> danja::stack::event::Incoming {
    match listener.next_incoming().unwrap() {
        IncomingEvent::Arrived(incoming) => incoming,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_is_admitted_to_an_address_that_is_not_ours() {
    in_time(|| {
        let (gateway, client) = world();
        let listener = admitting(&gateway);
        let connecting = thread::spawn(move || TcpStream::connect(&client, ANYWHERE).unwrap());
        let incoming = arrived(&listener);
        assert_eq!(incoming.local, ANYWHERE.parse().unwrap());
        assert_eq!(incoming.remote.ip(), address(2));
        assert_eq!((incoming.listener, incoming.mss), (listener.id(), 1460));
        // Before the verdict nothing was answered.
        thread::sleep(Duration::from_millis(30));
        assert!(!connecting.is_finished());
        listener.admit(incoming.id).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        assert_eq!((peer, accepted.local_addr().unwrap()), (incoming.remote, incoming.local));
        let mut stream = connecting.join().unwrap();
        accepted.send_with(b"in", danja::net::SendFlags::default()).unwrap();
        let mut text = [0; 2];
        stream.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"in");
        // One verdict only.
        let error = listener.refuse(incoming.id, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    });
}

#[test]
fn a_client_is_refused_by_reset_or_by_icmp() {
    in_time(|| {
        let (gateway, client) = world();
        let listener = admitting(&gateway);
        let cases = [
            (None, ErrorKind::ConnectionRefused, "connection refused: the peer sent RST"),
            (
                Some(3),
                ErrorKind::ConnectionRefused,
                "connection refused: 203.0.113.5 sent ICMP port unreachable",
            ),
        ];
        for (unreachable, kind, text) in cases {
            let client = client.clone();
            let connecting = thread::spawn(move || TcpStream::connect(&client, ANYWHERE));
            listener.refuse(arrived(&listener).id, unreachable).unwrap();
            let error = connecting.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (kind, text.to_owned()));
        }
    });
}

#[test]
fn a_client_that_gives_up_is_withdrawn() {
    in_time(|| {
        let (gateway, client) = world();
        // A connection waits half a second for a verdict.
        gateway.configure(|config| config.tcp.pending_timeout = Duration::from_millis(500));
        let listener = admitting(&gateway);
        let to: SocketAddr = ANYWHERE.parse().unwrap();
        let error = TcpStream::connect_timeout(&client, &to, Duration::from_millis(100));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
        let incoming = arrived(&listener);
        match listener.next_incoming().unwrap() {
            IncomingEvent::Withdrawn(id) => assert_eq!(id, incoming.id),
            other => panic!("{other:?}"),
        }
        let error = listener.admit(incoming.id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        // One that nobody asked about is not told at all.
        let _ = TcpStream::connect_timeout(&client, &to, Duration::from_millis(50));
        thread::sleep(Duration::from_millis(800));
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.next_incoming().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn datagrams_to_any_address_are_answered_from_it() {
    in_time(|| {
        let (gateway, client) = world();
        let server = UdpSocket::bind(&gateway, "0.0.0.0:53").unwrap();
        let asker = UdpSocket::bind(&client, "0.0.0.0:0").unwrap();
        asker.connect("203.0.113.5:53").unwrap();
        asker.send(b"who?").unwrap();
        let socket = server.as_socket();
        let mut buffer = [0; 16];
        let received = socket.recv_with(&mut buffer, danja::net::RecvFlags::default()).unwrap();
        assert_eq!(received.to, Some("203.0.113.5:53".parse().unwrap()));
        let flags = danja::net::SendFlags {
            to: received.from,
            from: received.to.map(|to| to.ip()),
            ..danja::net::SendFlags::default()
        };
        socket.send_with(b"me", flags).unwrap();
        assert_eq!(asker.recv(&mut buffer).unwrap(), 2);
    });
}

#[test]
fn unclaimed_packets_are_handed_out_and_injected_back() {
    in_time(|| {
        let lan = Switch::new();
        let one = builder(&lan, 1).hand_out_unclaimed().build().unwrap();
        let two = host(&lan, 2);
        let interface = InterfaceId(1);
        assert!(one.try_unclaimed(interface).is_none());
        let socket = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        socket.connect(endpoint(1, 4000)).unwrap();
        socket.send(b"for whom?").unwrap();
        let (done, packets) = std::sync::mpsc::channel();
        let waiting = one.clone();
        thread::spawn(move || {
            // Woken by the host's thread, as an executor's task would be.
            struct Unpark(thread::Thread);
            impl std::task::Wake for Unpark {
                fn wake(self: std::sync::Arc<Self>) {
                    self.0.unpark();
                }
            }
            let waker = std::sync::Arc::new(Unpark(thread::current())).into();
            let context = std::task::Context::from_waker(&waker);
            loop {
                match waiting.poll_unclaimed(interface, &context) {
                    std::task::Poll::Ready(packet) => return done.send(packet.unwrap()).unwrap(),
                    std::task::Poll::Pending => thread::park(),
                }
            }
        });
        let packet = packets.recv().unwrap();
        let header = ipv4::Header::parse(packet.as_slice()).unwrap();
        let ends = (IpAddr::V4(header.source), IpAddr::V4(header.destination));
        assert_eq!(ends, (address(2), address(1)));
        assert!(packet.as_slice().ends_with(b"for whom?"));

        // Turned around by hand, it is an answer. (The sum of the ports and addresses, and so
        // the checksum, stays what it is.)
        let mut bytes = packet.as_slice().to_vec();
        for (first, second, length) in [(12, 16, 4), (20, 22, 2)] {
            for offset in 0..length {
                bytes.swap(first + offset, second + offset);
            }
        }
        one.inject(interface, bytes.into()).unwrap();
        let mut buffer = [0; 16];
        let length = socket.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"for whom?");
    });
}
