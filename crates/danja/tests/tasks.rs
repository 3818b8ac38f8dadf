//! The sockets under an executor: one thread drives many connections, and is woken no more often
//! than there is something to do.

mod common;
#[path = "common/tasks.rs"]
mod tasks;

use common::{endpoint, in_time, pattern, two_hosts};
use danja::Host;
use danja::net::{
    Domain, Interest, RecvFlags, SendFlags, Socket, SocketKind, TcpListener, TcpStream, UdpSocket,
};
use std::cell::Cell;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::rc::Rc;
use tasks::run;

async fn connect(host: &Host, port: u16) -> std::io::Result<Socket> {
    let socket = Socket::new(host, Domain::Ipv4, SocketKind::Stream)?;
    socket.connect_async(endpoint(1, port)).await.map(|()| socket)
}

async fn read(stream: &Socket, buffer: &mut [u8]) -> usize {
    let received = poll_fn(|cx| stream.poll_recv(cx, buffer, RecvFlags::default())).await;
    received.unwrap().bytes
}

async fn echo(stream: Socket) {
    let mut buffer = vec![0; 65_536];
    loop {
        let count = read(&stream, &mut buffer).await;
        if count == 0 {
            return;
        }
        write_all(&stream, &buffer[..count]).await;
    }
}

async fn write_all(stream: &Socket, mut data: &[u8]) {
    while !data.is_empty() {
        let sent = poll_fn(|cx| stream.poll_send(cx, data, SendFlags::default())).await;
        let count = sent.unwrap();
        assert!(count > 0);
        data = &data[count..];
    }
}

#[test]
fn one_thread_serves_and_asks_a_hundred_times() {
    in_time(|| {
        const COUNT: u64 = 100;
        const BYTES: usize = 20_000;
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let finished = Rc::new(Cell::new(0));
        let mut all: Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        all.push(Box::pin(async move {
            let mut streams = Vec::new();
            for _ in 0..COUNT {
                let (stream, _) = poll_fn(|cx| listener.as_socket().poll_accept(cx)).await.unwrap();
                streams.push(stream);
            }
            // One after the other: those not yet served wait in their buffers.
            for stream in streams {
                echo(stream).await;
            }
        }));
        for number in 0..COUNT {
            let (host, finished) = (two.clone(), Rc::clone(&finished));
            all.push(Box::pin(async move {
                let stream = connect(&host, 80).await.unwrap();
                let (mut data, mut heard) = (vec![0; BYTES], vec![0; BYTES]);
                pattern(number << 20, &mut data);
                write_all(&stream, &data).await;
                stream.shutdown(Shutdown::Write).unwrap();
                let mut got = 0;
                while got < BYTES {
                    let rest = &mut heard[got..];
                    got += read(&stream, rest).await;
                }
                assert!(heard == data);
                finished.set(finished.get() + 1);
            }));
        }
        let wakes = run(all);
        assert_eq!(finished.get(), COUNT);
        // A connect, and then at most one for each piece of 20,000 bytes that comes, each way.
        assert!(wakes < 100 * 40, "{wakes} wake-ups");
    });
}

#[test]
fn reader_and_writer_of_one_stream_are_woken_apart() {
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let near = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let near = Rc::new(near.as_socket().try_clone().unwrap());
        let (far, _) = listener.as_socket().accept().unwrap();
        const BYTES: usize = 8 << 20;
        let (writer, reader) = (Rc::clone(&near), near);
        run(vec![
            Box::pin(async move {
                write_all(&writer, &vec![1; BYTES]).await;
                writer.shutdown(Shutdown::Write).unwrap();
            }),
            Box::pin(async move {
                let mut buffer = vec![0; 65_536];
                let mut got = 0;
                while got < BYTES {
                    reader.ready(Interest::Read).await;
                    match reader.try_recv(&mut buffer, RecvFlags::default()) {
                        Ok(received) => got += received.bytes,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                }
            }),
            Box::pin(echo(far)),
        ]);
    });
}

#[test]
fn datagrams_are_polled() {
    in_time(|| {
        let (one, two) = two_hosts();
        let receiver = UdpSocket::bind(&one, endpoint(1, 9)).unwrap();
        let sender = UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        let none = receiver.as_socket().try_recv(&mut [0; 4], RecvFlags::default()).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::WouldBlock);
        run(vec![
            Box::pin(async move {
                let socket = receiver.as_socket();
                for number in 0..10 {
                    let mut buffer = [0; 4];
                    let received = socket.recv_async(&mut buffer, RecvFlags::default()).await;
                    let received = received.unwrap();
                    assert_eq!(buffer[..received.bytes], [number]);
                    let back = SendFlags { to: received.from, ..SendFlags::default() };
                    assert_eq!(socket.send_async(&[number], back).await.unwrap(), 1);
                }
            }),
            Box::pin(async move {
                let socket = sender.as_socket();
                for number in 0..10 {
                    poll_fn(|cx| socket.poll_ready(Interest::Write, cx)).await;
                    let to = SendFlags { to: Some(endpoint(1, 9)), ..SendFlags::default() };
                    socket.try_send(&[number], to).unwrap();
                    poll_fn(|cx| socket.poll_ready(Interest::Read, cx)).await;
                    let mut buffer = [0; 4];
                    let received = socket.try_recv(&mut buffer, RecvFlags::default()).unwrap();
                    assert_eq!((received.bytes, buffer[0]), (1, number));
                }
            }),
        ]);
    });
}

#[test]
fn a_failed_connect_ends_its_task() {
    in_time(|| {
        let (_one, two) = two_hosts();
        run(vec![Box::pin(async move {
            let error = connect(&two, 81).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        })]);
    });
}
