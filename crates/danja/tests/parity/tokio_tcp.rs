//! Every method of tokio's TCP types, called once or more; the types of arguments and results
//! stand here, so that what compiles over both faces is the same.

use super::face::{
    OwnedReadHalf, OwnedWriteHalf, ReadHalf, StdListener, StdStream, TcpListener, TcpSocket,
    TcpStream, World, WriteHalf,
};
use crate::run;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf, Ready};

const ANY: &str = "127.0.0.1:0";

async fn pair(world: &World) -> (TcpStream, TcpStream) {
    let listener = world.listen(ANY).await.unwrap();
    let client = world.connect(TcpListener::local_addr(&listener).unwrap()).await.unwrap();
    let (server, peer): (TcpStream, SocketAddr) = TcpListener::accept(&listener).await.unwrap();
    assert_eq!(TcpStream::local_addr(&client).unwrap(), peer);
    (client, server)
}

#[test]
fn a_stream_is_read() {
    run(async {
        let (client, server) = pair(&World::new()).await;
        assert_eq!(TcpStream::peer_addr(&client).unwrap(), TcpStream::local_addr(&server).unwrap());
        let mut bytes = [0; 8];
        let nothing = TcpStream::try_read(&client, &mut bytes).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        TcpStream::writable(&server).await.unwrap();
        poll_fn(|cx| TcpStream::poll_write_ready(&server, cx)).await.unwrap();
        assert_eq!(TcpStream::try_write(&server, b"abcd").unwrap(), 4);
        TcpStream::readable(&client).await.unwrap();
        poll_fn(|cx| TcpStream::poll_read_ready(&client, cx)).await.unwrap();
        let ready: Ready = TcpStream::ready(&client, Interest::READABLE).await.unwrap();
        assert!(ready.is_readable() && !ready.is_writable());
        assert_eq!(TcpStream::peek(&client, &mut bytes).await.unwrap(), 4);
        let mut buffer = ReadBuf::new(&mut bytes);
        let peeked: usize =
            poll_fn(|cx| TcpStream::poll_peek(&client, cx, &mut buffer)).await.unwrap();
        assert_eq!((peeked, buffer.filled()), (4, &b"abcd"[..]));
        assert_eq!(TcpStream::try_read(&client, &mut bytes[..2]).unwrap(), 2);
        let (first, second) = bytes.split_at_mut(1);
        let mut places = [IoSliceMut::new(first), IoSliceMut::new(second)];
        assert_eq!(TcpStream::try_read_vectored(&client, &mut places).unwrap(), 2);
        assert_eq!(&bytes[..2], b"cd");
        let parts = [IoSlice::new(b"ef"), IoSlice::new(b"gh")];
        assert_eq!(TcpStream::try_write_vectored(&server, &parts).unwrap(), 4);
        TcpStream::readable(&client).await.unwrap();
        let mut growing = Vec::new();
        assert_eq!(TcpStream::try_read_buf(&client, &mut growing).unwrap(), 4);
        assert_eq!(growing, b"efgh");
    });
}

#[test]
fn a_stream_calls_what_it_is_given() {
    run(async {
        let (client, server) = pair(&World::new()).await;
        let unready: io::Result<u8> = TcpStream::try_io(&client, Interest::READABLE, || Ok(1));
        assert_eq!(unready.unwrap_err().kind(), ErrorKind::WouldBlock);
        TcpStream::writable(&server).await.unwrap();
        let ready = TcpStream::try_io(&server, Interest::WRITABLE, || Ok(2));
        assert_eq!(ready.unwrap(), 2);
        TcpStream::try_write(&server, b"x").unwrap();
        let mut calls = 0;
        let called = TcpStream::async_io(&client, Interest::READABLE, || {
            calls += 1;
            Ok("called")
        });
        assert_eq!((called.await.unwrap(), calls), ("called", 1));
    });
}

#[test]
#[allow(deprecated, reason = "tokio's own names")]
fn a_stream_has_options() {
    run(async {
        let (client, server) = pair(&World::new()).await;
        TcpStream::set_nodelay(&client, true).unwrap();
        assert!(TcpStream::nodelay(&client).unwrap());
        TcpStream::set_quickack(&client, true).unwrap();
        assert!(TcpStream::quickack(&client).unwrap());
        assert_eq!(TcpStream::ttl(&client).unwrap(), 64);
        TcpStream::set_ttl(&client, 5).unwrap();
        assert_eq!(TcpStream::ttl(&client).unwrap(), 5);
        assert_eq!(TcpStream::linger(&client).unwrap(), None);
        let second = Some(Duration::from_secs(1));
        TcpStream::set_linger(&client, second).unwrap();
        assert_eq!(TcpStream::linger(&client).unwrap(), second);
        TcpStream::set_zero_linger(&client).unwrap();
        assert_eq!(TcpStream::linger(&client).unwrap(), Some(Duration::ZERO));
        assert!(TcpStream::take_error(&client).unwrap().is_none());
        drop(client);
        let reset = server.peek(&mut [0]).await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_stream_is_split() {
    run(async {
        let (mut client, server) = pair(&World::new()).await;
        let (at, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let (mut reading, writing): (ReadHalf<'_>, WriteHalf<'_>) = TcpStream::split(&mut client);
        assert_eq!(ReadHalf::local_addr(&reading).unwrap(), at);
        assert_eq!(ReadHalf::peer_addr(&reading).unwrap(), peer);
        assert_eq!(WriteHalf::local_addr(&writing).unwrap(), at);
        assert_eq!(WriteHalf::peer_addr(&writing).unwrap(), peer);
        WriteHalf::writable(&writing).await.unwrap();
        assert!(WriteHalf::ready(&writing, Interest::WRITABLE).await.unwrap().is_writable());
        assert_eq!(WriteHalf::try_write(&writing, b"up").unwrap(), 2);
        assert_eq!(WriteHalf::try_write_vectored(&writing, &[IoSlice::new(b"!")]).unwrap(), 1);
        server.readable().await.unwrap();
        server.try_write(b"abcdef").unwrap();
        ReadHalf::readable(&reading).await.unwrap();
        assert!(ReadHalf::ready(&reading, Interest::READABLE).await.unwrap().is_readable());
        let mut bytes = [0; 8];
        assert_eq!(ReadHalf::peek(&mut reading, &mut bytes).await.unwrap(), 6);
        let mut buffer = ReadBuf::new(&mut bytes);
        let peeked = poll_fn(|cx| ReadHalf::poll_peek(&mut reading, cx, &mut buffer)).await;
        assert_eq!(peeked.unwrap(), 6);
        assert_eq!(ReadHalf::try_read(&reading, &mut bytes[..2]).unwrap(), 2);
        let mut place = [IoSliceMut::new(&mut bytes[..2])];
        assert_eq!(ReadHalf::try_read_vectored(&reading, &mut place).unwrap(), 2);
        let mut growing = Vec::new();
        assert_eq!(ReadHalf::try_read_buf(&reading, &mut growing).unwrap(), 2);
        assert_eq!((&bytes[..2], growing.as_slice()), (&b"cd"[..], &b"ef"[..]));
    });
}

#[test]
fn a_stream_is_split_for_good() {
    run(async {
        let (client, mut server) = pair(&World::new()).await;
        let (at, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let halves: (OwnedReadHalf, OwnedWriteHalf) = TcpStream::into_split(client);
        let (mut reading, writing) = halves;
        assert_eq!(OwnedReadHalf::local_addr(&reading).unwrap(), at);
        assert_eq!(OwnedReadHalf::peer_addr(&reading).unwrap(), peer);
        assert_eq!(OwnedWriteHalf::local_addr(&writing).unwrap(), at);
        assert_eq!(OwnedWriteHalf::peer_addr(&writing).unwrap(), peer);
        OwnedWriteHalf::writable(&writing).await.unwrap();
        assert!(OwnedWriteHalf::ready(&writing, Interest::WRITABLE).await.unwrap().is_writable());
        assert_eq!(OwnedWriteHalf::try_write(&writing, b"up").unwrap(), 2);
        let part = [IoSlice::new(b"!")];
        assert_eq!(OwnedWriteHalf::try_write_vectored(&writing, &part).unwrap(), 1);
        server.try_write(b"abcdef").unwrap();
        OwnedReadHalf::readable(&reading).await.unwrap();
        assert!(OwnedReadHalf::ready(&reading, Interest::READABLE).await.unwrap().is_readable());
        let mut bytes = [0; 8];
        assert_eq!(OwnedReadHalf::peek(&mut reading, &mut bytes).await.unwrap(), 6);
        let mut buffer = ReadBuf::new(&mut bytes);
        let peeked = poll_fn(|cx| OwnedReadHalf::poll_peek(&mut reading, cx, &mut buffer)).await;
        assert_eq!(peeked.unwrap(), 6);
        assert_eq!(OwnedReadHalf::try_read(&reading, &mut bytes[..2]).unwrap(), 2);
        let mut place = [IoSliceMut::new(&mut bytes[..2])];
        assert_eq!(OwnedReadHalf::try_read_vectored(&reading, &mut place).unwrap(), 2);
        let mut growing = Vec::new();
        assert_eq!(OwnedReadHalf::try_read_buf(&reading, &mut growing).unwrap(), 2);
        let client = OwnedReadHalf::reunite(reading, writing).unwrap();
        let (reading, writing) = client.into_split();
        let client = OwnedWriteHalf::reunite(writing, reading).unwrap();
        let (_reading, writing) = client.into_split();
        let mut heard = [0; 3];
        server.read_exact(&mut heard).await.unwrap();
        OwnedWriteHalf::forget(writing);
        let nothing = server.try_read(&mut heard).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn faces_are_changed() {
    run(async {
        let world = World::new();
        let listener: StdListener =
            TcpListener::into_std(world.listen(ANY).await.unwrap()).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        assert_eq!(TcpListener::ttl(&listener).unwrap(), 64);
        TcpListener::set_ttl(&listener, 7).unwrap();
        assert_eq!(TcpListener::ttl(&listener).unwrap(), 7);
        let client = world.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _): (TcpStream, SocketAddr) =
            poll_fn(|cx| TcpListener::poll_accept(&listener, cx)).await.unwrap();
        let client: StdStream = TcpStream::into_std(client).unwrap();
        // It stays non-blocking.
        let error = io::Read::read(&mut &client, &mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let mut client = TcpStream::from_std(client).unwrap();
        client.write_all(b"x").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = Vec::new();
        let mut server = server;
        assert_eq!(server.read_to_end(&mut heard).await.unwrap(), 1);
    });
}

#[test]
#[allow(deprecated, reason = "tokio's own names")]
fn a_socket_before_it_connects() {
    run(async {
        let world = World::new();
        let socket = world.socket();
        TcpSocket::set_reuseaddr(&socket, true).unwrap();
        assert!(TcpSocket::reuseaddr(&socket).unwrap());
        TcpSocket::set_reuseport(&socket, true).unwrap();
        assert!(TcpSocket::reuseport(&socket).unwrap());
        TcpSocket::set_keepalive(&socket, true).unwrap();
        assert!(TcpSocket::keepalive(&socket).unwrap());
        TcpSocket::set_nodelay(&socket, true).unwrap();
        assert!(TcpSocket::nodelay(&socket).unwrap());
        // Linux doubles what is asked for.
        TcpSocket::set_send_buffer_size(&socket, 30_000).unwrap();
        assert!(TcpSocket::send_buffer_size(&socket).unwrap() >= 30_000);
        TcpSocket::set_recv_buffer_size(&socket, 30_000).unwrap();
        assert!(TcpSocket::recv_buffer_size(&socket).unwrap() >= 30_000);
        TcpSocket::set_tos_v4(&socket, 0x10).unwrap();
        assert_eq!(TcpSocket::tos_v4(&socket).unwrap(), 0x10);
        TcpSocket::set_zero_linger(&socket).unwrap();
        assert_eq!(TcpSocket::linger(&socket).unwrap(), Some(Duration::ZERO));
        TcpSocket::set_linger(&socket, None).unwrap();
        assert_eq!(TcpSocket::linger(&socket).unwrap(), None);
        assert_eq!(TcpSocket::device(&socket).unwrap(), None);
        assert!(TcpSocket::bind_device(&socket, Some(b"nowhere7")).is_err());
        TcpSocket::bind_device(&socket, None).unwrap();
        assert_eq!(TcpSocket::local_addr(&socket).unwrap(), "0.0.0.0:0".parse().unwrap());
        TcpSocket::bind(&socket, ANY.parse().unwrap()).unwrap();
        assert!(TcpSocket::take_error(&socket).unwrap().is_none());
        let listener: TcpListener = TcpSocket::listen(socket, 4).unwrap();
        let at = listener.local_addr().unwrap();
        let client: TcpStream = TcpSocket::connect(world.socket(), at).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), at);
        let connected = TcpSocket::from_std_stream(world.blocking(at));
        let again = TcpSocket::connect(connected, at).await.unwrap_err();
        assert_eq!(again.kind(), io::Error::from_raw_os_error(106).kind(), "EISCONN: {again}");
    });
}

/// The traits are there, futures go between threads, and `poll_*` calls have tokio's types.
#[test]
fn types_have_the_traits_of_tokio() {
    fn shared<T: Send + Sync + Unpin + std::fmt::Debug + 'static>() {}
    fn reads<T: AsyncRead + AsRef<TcpStream>>() {}
    fn writes<T: AsyncWrite + AsRef<TcpStream>>() {}
    shared::<(TcpStream, TcpListener, TcpSocket, OwnedReadHalf, OwnedWriteHalf)>();
    reads::<TcpStream>();
    reads::<OwnedReadHalf>();
    reads::<ReadHalf<'_>>();
    writes::<TcpStream>();
    writes::<OwnedWriteHalf>();
    writes::<WriteHalf<'_>>();
    type Poller<S, T> = fn(&S, &mut Context<'_>) -> Poll<io::Result<T>>;
    let _: [Poller<TcpStream, ()>; 2] = [TcpStream::poll_read_ready, TcpStream::poll_write_ready];
    let _: Poller<TcpListener, (TcpStream, SocketAddr)> = TcpListener::poll_accept;
    let _: fn(StdStream) -> io::Result<TcpStream> = TcpStream::try_from;
    let _: fn(StdListener) -> io::Result<TcpListener> = TcpListener::try_from;
    run(async {
        let (client, server) = pair(&World::new()).await;
        assert!(client.is_write_vectored());
        let task = tokio::spawn(async move { client.readable().await });
        server.try_write(b"x").unwrap();
        task.await.unwrap().unwrap();
    });
}
