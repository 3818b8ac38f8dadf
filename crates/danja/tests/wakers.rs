//! Waiting by a waker made by hand: called once, when there is something to do, outside of all
//! locks.

mod common;

use common::{address, builder, endpoint, host, in_time, two_hosts};
use danja::Host;
use danja::lan::cable::Switch;
use danja::net::{
    Domain, Interest, Received, RecvFlags, SendFlags, Socket, SocketKind, TcpListener, TcpStream,
    UdpSocket,
};
use danja::stack::InterfaceId;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(30);
const PLAIN: RecvFlags = RecvFlags { peek: false, urgent: false };

type Receiving<'a> = Pin<Box<dyn Future<Output = io::Result<Received>> + 'a>>;

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
}

fn streams() -> (TcpStream, TcpStream, (Host, Host)) {
    let (one, two) = two_hosts();
    let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
    let client = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server, (one, two))
}

#[test]
fn a_reader_is_woken_once_however_much_comes() {
    in_time(|| {
        let (client, mut server, _hosts) = streams();
        let (count, waker) = Count::new();
        let context = Context::from_waker(&waker);
        let socket = client.as_socket();
        let mut buffer = [0; 64];
        assert!(socket.poll_recv(&context, &mut buffer, PLAIN).is_pending());
        assert!(socket.poll_recv(&context, &mut buffer, PLAIN).is_pending());
        for _ in 0..10 {
            server.write_all(b"more").unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        count.wait(1);
        thread::sleep(SHORT);
        assert_eq!(count.calls(), 1);
        assert_eq!(
            socket.poll_recv(&context, &mut buffer, PLAIN).map(|r| r.unwrap().bytes),
            Poll::Ready(40)
        );
        // Ready at once leaves no waker behind.
        server.write_all(b"again").unwrap();
        thread::sleep(SHORT);
        assert_eq!(count.calls(), 1);
        // The end is something to read, too.
        let mut five = [0; 5];
        (&client).read_exact(&mut five).unwrap();
        assert!(socket.poll_ready(Interest::Read, &context).is_pending());
        drop(server);
        count.wait(2);
        assert!(socket.poll_ready(Interest::Read, &context).is_ready());
        assert_eq!(socket.try_recv(&mut buffer, PLAIN).unwrap().bytes, 0);
    });
}

#[test]
fn a_writer_is_woken_when_there_is_room() {
    in_time(|| {
        let (client, mut server, _hosts) = streams();
        let (count, waker) = Count::new();
        let context = Context::from_waker(&waker);
        let piece = vec![5; 1 << 20];
        let mut sent = 0;
        // The peer's buffer takes some, and grows for a while.
        let woken = loop {
            let before = count.calls();
            while let Poll::Ready(taken) =
                client.as_socket().poll_send(&context, &piece, SendFlags::default())
            {
                sent += taken.unwrap();
            }
            thread::sleep(SHORT);
            if count.calls() == before {
                break before;
            }
        };
        assert!(sent > 0);
        let mut drained = vec![0; sent];
        server.read_exact(&mut drained).unwrap();
        count.wait(woken + 1);
        assert!(client.as_socket().poll_ready(Interest::Write, &context).is_ready());
        assert_eq!(count.calls(), woken + 1);
    });
}

#[test]
fn any_number_of_tasks_wait_for_one_socket() {
    in_time(|| {
        let (one, two) = two_hosts();
        let receiver = UdpSocket::bind(&one, endpoint(1, 9)).unwrap();
        let sender = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        let socket = receiver.as_socket();
        let counts: Vec<_> = (0..3).map(|_| Count::new()).collect();
        let (mut first, mut second, mut third) = ([0; 4], [0; 4], [0; 4]);
        let mut waiting: Vec<Option<Receiving<'_>>> = vec![
            Some(Box::pin(socket.recv_async(&mut first, PLAIN))),
            Some(Box::pin(socket.recv_async(&mut second, PLAIN))),
            Some(Box::pin(socket.recv_async(&mut third, PLAIN))),
        ];
        let poll = |task: &mut Option<Receiving<'_>>, number: usize| {
            let mut context = Context::from_waker(&counts[number].1);
            task.as_mut().unwrap().as_mut().poll(&mut context)
        };
        for (number, task) in waiting.iter_mut().enumerate() {
            assert!(poll(task, number).is_pending());
        }
        // The second gives up.
        waiting[1] = None;
        sender.send_to(b"one", endpoint(1, 9)).unwrap();
        counts[0].0.wait(1);
        counts[2].0.wait(1);
        assert_eq!(counts[1].0.calls(), 0);
        assert!(poll(&mut waiting[2], 2).is_ready());
        // Nothing is left for the first; it waits on.
        assert!(poll(&mut waiting[0], 0).is_pending());
        sender.send_to(b"two", endpoint(1, 9)).unwrap();
        counts[0].0.wait(2);
        assert!(poll(&mut waiting[0], 0).is_ready());
    });
}

#[test]
fn connecting_and_accepting_are_awaited() {
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let (accepting, accept_waker) = Count::new();
        let (connecting, connect_waker) = Count::new();
        let mut accept = pin!(listener.as_socket().accept_async());
        let mut accept_context = Context::from_waker(&accept_waker);
        assert!(accept.as_mut().poll(&mut accept_context).is_pending());
        let socket = Socket::new(&two, Domain::Ipv4, SocketKind::Stream).unwrap();
        let mut connect = pin!(socket.connect_async(endpoint(1, 80)));
        let mut connect_context = Context::from_waker(&connect_waker);
        assert!(connect.as_mut().poll(&mut connect_context).is_pending());
        connecting.wait(1);
        assert!(connect.as_mut().poll(&mut connect_context).is_ready());
        accepting.wait(1);
        let Poll::Ready(accepted) = accept.as_mut().poll(&mut accept_context) else { panic!() };
        assert_eq!(accepted.unwrap().1, socket.local_addr().unwrap());
        assert_eq!((accepting.calls(), connecting.calls()), (1, 1));
        // A connect to nobody ends with its error.
        let socket = Socket::new(&two, Domain::Ipv4, SocketKind::Stream).unwrap();
        assert!(socket.poll_connect(&connect_context, endpoint(1, 81)).is_pending());
        connecting.wait(2);
        match socket.poll_connect(&connect_context, endpoint(1, 81)) {
            Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
            other => panic!("{other:?}"),
        }
    });
}

/// Calls the host from inside: with any of its locks held that would hang.
struct Curious(Host, Mutex<Vec<usize>>);

impl Wake for Curious {
    fn wake(self: Arc<Self>) {
        let sockets = self.0.sockets().len();
        let _ =
            UdpSocket::bind(&self.0, "0.0.0.0:0").unwrap().send_to(b"from here", endpoint(9, 9));
        self.1.lock().unwrap().push(sockets);
    }
}

#[test]
fn wakers_are_called_outside_of_all_locks() {
    in_time(|| {
        let (mut client, server, (one, two)) = streams();
        for host in [one, two] {
            let curious = Arc::new(Curious(host, Mutex::default()));
            let waker = Waker::from(Arc::clone(&curious));
            let socket = server.as_socket();
            let pending =
                socket.poll_ready(Interest::Read, &Context::from_waker(&waker)).is_pending();
            assert!(pending);
            client.write_all(b"x").unwrap();
            while curious.1.lock().unwrap().is_empty() {
                thread::sleep(Duration::from_millis(1));
            }
            (&server).read_exact(&mut [0]).unwrap();
        }
    });
}

#[test]
fn packets_nobody_claims_wake_who_waits_for_them_and_no_others_do() {
    in_time(|| {
        let lan = Switch::new();
        let one = builder(&lan, 1).hand_out_unclaimed().build().unwrap();
        let two = host(&lan, 2);
        let claimed = UdpSocket::bind(&one, endpoint(1, 9)).unwrap();
        let sender = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        let (count, waker) = Count::new();
        let context = Context::from_waker(&waker);
        assert!(one.poll_unclaimed(InterfaceId(1), &context).is_pending());
        for _ in 0..5 {
            sender.send_to(b"claimed", endpoint(1, 9)).unwrap();
            assert_eq!(claimed.recv_from(&mut [0; 8]).unwrap().1.ip(), address(2));
        }
        assert_eq!(count.calls(), 0);
        sender.send_to(b"nobody's", endpoint(1, 10)).unwrap();
        count.wait(1);
        let packet = one.poll_unclaimed(InterfaceId(1), &context);
        assert!(matches!(packet, Poll::Ready(Some(_))));
    });
}
