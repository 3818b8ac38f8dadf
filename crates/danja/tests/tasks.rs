//! The sockets under an executor: one thread drives many connections, and is woken no more often
//! than there is something to do.

mod common;
#[path = "common/tasks.rs"]
mod tasks;

use common::{endpoint, in_time, pattern, two_hosts};
use danja::net::{TcpListener, TcpStream, UdpSocket};
use std::cell::Cell;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::rc::Rc;
use tasks::run;

async fn echo(stream: TcpStream) {
    let mut buffer = vec![0; 65_536];
    loop {
        let count = poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await.unwrap();
        if count == 0 {
            return;
        }
        write_all(&stream, &buffer[..count]).await;
    }
}

async fn write_all(stream: &TcpStream, mut data: &[u8]) {
    while !data.is_empty() {
        let count = poll_fn(|cx| stream.poll_write(cx, data)).await.unwrap();
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
                let (stream, _) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
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
                let stream = TcpStream::connect_async(&host, endpoint(1, 80)).await.unwrap();
                let (mut data, mut heard) = (vec![0; BYTES], vec![0; BYTES]);
                pattern(number << 20, &mut data);
                write_all(&stream, &data).await;
                stream.shutdown(Shutdown::Write).unwrap();
                let mut got = 0;
                while got < BYTES {
                    let rest = &mut heard[got..];
                    got += poll_fn(|cx| stream.poll_read(cx, rest)).await.unwrap();
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
        let near = Rc::new(TcpStream::connect(&two, endpoint(1, 80)).unwrap());
        let (far, _) = listener.accept().unwrap();
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
                    poll_fn(|cx| reader.poll_read_ready(cx)).await.unwrap();
                    match reader.try_read(&mut buffer) {
                        Ok(count) => got += count,
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
        assert_eq!(receiver.try_recv_from(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        run(vec![
            Box::pin(async move {
                for number in 0..10 {
                    let mut buffer = [0; 4];
                    let received = poll_fn(|cx| receiver.poll_recv_from(cx, &mut buffer)).await;
                    let (length, from) = received.unwrap();
                    assert_eq!(buffer[..length], [number]);
                    let sent = poll_fn(|cx| receiver.poll_send_to(cx, &[number], from)).await;
                    assert_eq!(sent.unwrap(), 1);
                }
            }),
            Box::pin(async move {
                for number in 0..10 {
                    poll_fn(|cx| sender.poll_write_ready(cx)).await.unwrap();
                    sender.try_send_to(&[number], endpoint(1, 9)).unwrap();
                    poll_fn(|cx| sender.poll_read_ready(cx)).await.unwrap();
                    let mut buffer = [0; 4];
                    assert_eq!(sender.try_recv_from(&mut buffer).unwrap().0, 1);
                    assert_eq!(buffer[0], number);
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
            let error = TcpStream::connect_async(&two, endpoint(1, 81)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        })]);
    });
}
