//! No waker is called in vain, and none too often.

use super::common::{endpoint, in_time, two_hosts};
use super::{Count, pair};
use danja::net::{RecvFlags, SendFlags};
use danja::tokio::UdpSocket;
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, Interest, ReadBuf};

const SHORT: Duration = Duration::from_millis(30);

fn finish<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_reader_is_woken_once_however_much_comes() {
    in_time(|| {
        let (mut client, server, _hosts) = finish(pair());
        let (count, waker) = Count::new();
        let mut context = Context::from_waker(&waker);
        let mut memory = [0; 64];
        let mut buffer = ReadBuf::new(&mut memory);
        for _ in 0..2 {
            assert!(Pin::new(&mut client).poll_read(&mut context, &mut buffer).is_pending());
        }
        for _ in 0..10 {
            server.try_write(b"more").unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        count.wait(1);
        thread::sleep(SHORT);
        assert_eq!(count.calls(), 1);
        assert!(Pin::new(&mut client).poll_read(&mut context, &mut buffer).is_ready());
        assert_eq!(buffer.filled().len(), 40);
        // Nobody waits now.
        server.try_write(b"again").unwrap();
        thread::sleep(SHORT);
        assert_eq!(count.calls(), 1);
    });
}

#[test]
fn who_waits_to_write_is_not_woken_by_data() {
    in_time(|| {
        let (client, server, _hosts) = finish(pair());
        let (count, waker) = Count::new();
        let mut context = Context::from_waker(&waker);
        let piece = vec![0; 1 << 16];
        while client.try_write(&piece).is_ok() {}
        let mut writable = pin!(client.writable());
        // The buffers may still grow; then it is ready at once, and there is nothing to see.
        if writable.as_mut().poll(&mut context).is_pending() {
            let before = count.calls();
            server.try_write(b"data").unwrap();
            thread::sleep(SHORT);
            assert!(count.calls() <= before + 1);
        }
        let mut readable = pin!(client.readable());
        let (reads, waker) = Count::new();
        let _ = readable.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(reads.calls(), 0);
    });
}

#[test]
fn every_waiting_task_is_woken_and_those_that_find_nothing_wait_on() {
    in_time(|| {
        let (one, two) = two_hosts();
        let receiver = finish(UdpSocket::bind(&one, endpoint(1, 9))).unwrap();
        let sender = finish(UdpSocket::bind(&two, endpoint(2, 0))).unwrap();
        let counts = [Count::new(), Count::new()];
        let (mut first, mut second) = ([0; 4], [0; 4]);
        let mut first = pin!(receiver.recv(&mut first));
        let mut second = pin!(receiver.recv(&mut second));
        assert!(first.as_mut().poll(&mut Context::from_waker(&counts[0].1)).is_pending());
        assert!(second.as_mut().poll(&mut Context::from_waker(&counts[1].1)).is_pending());
        sender.try_send_to(b"one", endpoint(1, 9)).unwrap();
        counts[0].0.wait(1);
        counts[1].0.wait(1);
        assert!(second.as_mut().poll(&mut Context::from_waker(&counts[1].1)).is_ready());
        assert!(first.as_mut().poll(&mut Context::from_waker(&counts[0].1)).is_pending());
        sender.try_send_to(b"two", endpoint(1, 9)).unwrap();
        counts[0].0.wait(2);
        assert!(first.as_mut().poll(&mut Context::from_waker(&counts[0].1)).is_ready());
        thread::sleep(SHORT);
        assert_eq!((counts[0].0.calls(), counts[1].0.calls()), (2, 1));
    });
}

#[test]
fn what_says_would_block_is_called_once_an_event() {
    in_time(|| {
        let (client, server, _hosts) = finish(pair());
        server.try_write(b"here").unwrap();
        finish(client.readable()).unwrap();
        let (count, waker) = Count::new();
        let mut context = Context::from_waker(&waker);
        let mut calls = 0;
        {
            let mut reading = pin!(client.async_io(Interest::READABLE, || {
                calls += 1;
                if calls < 3 { Err(ErrorKind::WouldBlock.into()) } else { Ok("done") }
            }));
            for events in 1..3 {
                assert!(reading.as_mut().poll(&mut context).is_pending());
                thread::sleep(SHORT);
                // It is ready all the time, and yet there is no storm.
                assert_eq!(count.calls(), events - 1);
                server.try_write(b"more").unwrap();
                count.wait(events);
            }
            match reading.as_mut().poll(&mut context) {
                Poll::Ready(done) => assert_eq!(done.unwrap(), "done"),
                Poll::Pending => panic!("waits for a fourth"),
            }
        }
        assert_eq!(calls, 3);
    });
}

#[test]
fn urgent_data_wakes_who_waits_for_it_and_nobody_else() {
    in_time(|| {
        let (client, server, _hosts) = finish(pair());
        let (urgent_count, urgent_waker) = Count::new();
        let (other_count, other_waker) = Count::new();
        let mut urgent = pin!(client.ready(Interest::PRIORITY));
        let mut either = pin!(client.ready(Interest::PRIORITY | Interest::READABLE));
        assert!(urgent.as_mut().poll(&mut Context::from_waker(&urgent_waker)).is_pending());
        server.try_write(b"data").unwrap();
        finish(client.readable()).unwrap();
        thread::sleep(SHORT);
        assert_eq!(urgent_count.calls(), 0, "data is not urgent");
        let mut buffer = [0; 8];
        client.try_read(&mut buffer).unwrap();
        assert!(either.as_mut().poll(&mut Context::from_waker(&other_waker)).is_pending());
        let flags = SendFlags { urgent: true, ..SendFlags::default() };
        server.as_socket().try_send(b"!", flags).unwrap();
        urgent_count.wait(1);
        other_count.wait(1);
        let told = urgent.as_mut().poll(&mut Context::from_waker(&urgent_waker));
        assert!(matches!(told, Poll::Ready(Ok(ready)) if ready.is_priority()));
        let told = either.as_mut().poll(&mut Context::from_waker(&other_waker));
        assert!(matches!(told, Poll::Ready(Ok(ready)) if ready.is_priority()));
        let taken = finish(client.async_io(Interest::PRIORITY, || {
            let flags = RecvFlags { urgent: true, ..RecvFlags::default() };
            client.as_socket().try_recv(&mut buffer, flags)
        }));
        assert_eq!((taken.unwrap().bytes, buffer[0]), (1, b'!'));
        let mut urgent = pin!(client.ready(Interest::PRIORITY));
        assert!(urgent.as_mut().poll(&mut Context::from_waker(&urgent_waker)).is_pending());
    });
}

/// A transfer of 4 MiB takes a number of polls that goes with the data, not with time.
#[test]
fn a_transfer_polls_no_more_than_it_moves() {
    in_time(|| {
        const BYTES: usize = 4 << 20;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let polls = runtime.block_on(async {
            let (mut client, mut server, _hosts) = pair().await;
            let writer = tokio::spawn(async move {
                client.write_all(&vec![3; BYTES]).await.unwrap();
                client.shutdown().await.unwrap();
            });
            let (mut got, mut polls) = (0, 0);
            let mut buffer = vec![0; 65_536];
            {
                let mut all = pin!(async {
                    loop {
                        match server.read(&mut buffer).await.unwrap() {
                            0 => break,
                            count => got += count,
                        }
                    }
                });
                std::future::poll_fn(|context| {
                    polls += 1;
                    all.as_mut().poll(context)
                })
                .await;
            }
            writer.await.unwrap();
            assert_eq!(got, BYTES);
            polls
        });
        // A segment each, at the worst.
        assert!(polls < BYTES / 1_000, "{polls} polls");
    });
}
