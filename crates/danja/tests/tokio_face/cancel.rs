//! Cancel safety: each `async` method is polled once, dropped while it waits, and must have
//! taken nothing and left no waker behind.

use super::common::{endpoint, in_time, two_hosts};
use super::{Count, pair};
use danja::tokio::{TcpListener, TcpSocket, TcpStream, UdpSocket, lookup_host};
use std::io::ErrorKind;
use std::pin::pin;
use std::task::Context;
use tokio::io::Interest;

/// Polls once, and drops what waits.
fn cancel<F: Future>(what: &str, future: F) {
    let (count, waker) = Count::new();
    {
        let mut future = pin!(future);
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "{what}");
        assert!(!count.is_forgotten(), "{what} waits for nothing");
    }
    assert!(count.is_forgotten(), "{what} left a waker behind");
}

/// Runs a future that does wait now and then, without a runtime.
fn finish<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn would_block() -> std::io::Result<()> {
    Err(ErrorKind::WouldBlock.into())
}

#[test]
fn readers_of_a_stream() {
    in_time(|| {
        let (mut client, server, _hosts) = finish(pair());
        let mut buffer = [0; 8];
        cancel("peek", client.peek(&mut buffer));
        cancel("ready", client.ready(Interest::READABLE));
        cancel("readable", client.readable());
        cancel("async_io", client.async_io(Interest::READABLE, would_block));
        {
            let (mut reading, _writing) = client.split();
            cancel("ReadHalf::peek", reading.peek(&mut buffer));
            cancel("ReadHalf::ready", reading.ready(Interest::READABLE));
            cancel("ReadHalf::readable", reading.readable());
        }
        let (mut reading, _writing) = client.into_split();
        cancel("OwnedReadHalf::peek", reading.peek(&mut buffer));
        cancel("OwnedReadHalf::ready", reading.ready(Interest::READABLE));
        cancel("OwnedReadHalf::readable", reading.readable());
        server.try_write(b"whole").unwrap();
        finish(reading.readable()).unwrap();
        // What says WouldBlock although there is something waits for the next event.
        cancel("async_io", reading.as_ref().async_io(Interest::READABLE, would_block));
        assert_eq!(reading.try_read(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"whole");
    });
}

#[test]
fn writers_of_a_stream() {
    in_time(|| {
        let (mut client, server, _hosts) = finish(pair());
        let piece = vec![7; 1 << 16];
        let mut sent = 0;
        // Both ends' buffers grow for a while.
        let mut quiet = 0;
        while quiet < 20 {
            match client.try_write(&piece) {
                Ok(count) => (sent, quiet) = (sent + count, 0),
                Err(_) => {
                    quiet += 1;
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        }
        cancel("ready", client.ready(Interest::WRITABLE));
        cancel("writable", client.writable());
        cancel("async_io", client.async_io(Interest::WRITABLE, would_block));
        {
            let (_reading, writing) = client.split();
            cancel("WriteHalf::ready", writing.ready(Interest::WRITABLE));
            cancel("WriteHalf::writable", writing.writable());
        }
        let (_reading, writing) = client.into_split();
        cancel("OwnedWriteHalf::ready", writing.ready(Interest::WRITABLE));
        cancel("OwnedWriteHalf::writable", writing.writable());
        drop(writing);
        let mut heard = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            finish(server.readable()).unwrap();
            match server.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => heard += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert_eq!(heard, sent, "a cancelled call sends nothing");
    });
}

#[test]
fn connecting_and_accepting() {
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = finish(TcpListener::bind(&one, endpoint(1, 80))).unwrap();
        cancel("accept", listener.accept());
        // Nobody answers there; and the delay of the second attempt leaves no waker, either.
        let list = [endpoint(9, 80), endpoint(8, 80)];
        cancel("TcpStream::connect", TcpStream::connect(&two, list.as_slice()));
        cancel("TcpSocket::connect", TcpSocket::new_v4(&two).unwrap().connect(list[0]));
        assert_eq!(two.sockets().len(), 0, "the handshakes were given up");
        let client = finish(TcpStream::connect(&two, endpoint(1, 80))).unwrap();
        cancel_ready(&listener);
        let (_, peer) = finish(listener.accept()).unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

/// Polled and dropped when it would be ready: dropping before polling takes nothing.
fn cancel_ready(listener: &TcpListener) {
    drop(listener.accept());
}

#[test]
fn receivers_of_datagrams() {
    in_time(|| {
        let (one, two) = two_hosts();
        let receiver = finish(UdpSocket::bind(&one, endpoint(1, 9))).unwrap();
        let sender = finish(UdpSocket::bind(&two, endpoint(2, 0))).unwrap();
        let (mut buffer, mut growing) = ([0; 8], Vec::new());
        cancel("ready", receiver.ready(Interest::READABLE));
        cancel("readable", receiver.readable());
        cancel("recv", receiver.recv(&mut buffer));
        cancel("recv_from", receiver.recv_from(&mut buffer));
        cancel("recv_buf", receiver.recv_buf(&mut growing));
        cancel("recv_buf_from", receiver.recv_buf_from(&mut growing));
        cancel("peek", receiver.peek(&mut buffer));
        cancel("peek_from", receiver.peek_from(&mut buffer));
        cancel("peek_sender", receiver.peek_sender());
        cancel("async_io", receiver.async_io(Interest::READABLE, would_block));
        finish(sender.send_to(b"whole", endpoint(1, 9))).unwrap();
        assert_eq!(finish(receiver.peek_sender()).unwrap(), sender.local_addr().unwrap());
        let received = finish(receiver.recv_buf_from(&mut growing)).unwrap();
        assert_eq!(received, (5, sender.local_addr().unwrap()));
        assert_eq!(growing, b"whole");
    });
}

#[test]
fn lookups() {
    in_time(|| {
        let (one, two) = two_hosts();
        // A server that says nothing.
        let _silent = finish(UdpSocket::bind(&one, endpoint(1, 53))).unwrap();
        two.configure_resolver(|settings| settings.servers = vec![endpoint(1, 53)]);
        cancel("lookup_host", lookup_host(&two, "name.lan:80"));
        cancel("TcpStream::connect", TcpStream::connect(&two, "name.lan:80"));
        cancel("UdpSocket::bind", UdpSocket::bind(&two, "name.lan:80"));
        cancel("TcpListener::bind", TcpListener::bind(&two, "name.lan:80"));
        cancel("Host::resolve_async", two.resolve_async("name.lan"));
        assert_eq!(two.sockets().len(), 0);
        let socket = finish(UdpSocket::bind(&two, "0.0.0.0:0")).unwrap();
        cancel("UdpSocket::connect", socket.connect("name.lan:80"));
        cancel("UdpSocket::send_to", socket.send_to(b"", "name.lan:80"));
        assert_eq!(two.sockets().len(), 1);
    });
}
