//! Streams at work: both kinds of runtime, halves, time that stands still.

use super::common::{endpoint, pattern, two_hosts};
use super::{pair, run};
use danja::tokio::{TcpListener, TcpSocket, TcpStream};
use std::io::{ErrorKind, IoSlice};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

const CONNECTIONS: u64 = 40;
const BYTES: usize = 30_000;

async fn ask(mut stream: TcpStream, number: u64) {
    let (mut data, mut heard) = (vec![0; BYTES], vec![0; BYTES]);
    pattern(number << 20, &mut data);
    let (mut reading, mut writing) = stream.split();
    let ask = async {
        writing.write_all(&data).await.unwrap();
        writing.shutdown().await.unwrap();
    };
    let hear = reading.read_exact(&mut heard);
    let (_, heard_all) = tokio::join!(ask, hear);
    heard_all.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert!(heard == data);
}

async fn echoes() {
    let (one, two) = two_hosts();
    let listener = TcpListener::bind(&one, endpoint(1, 80)).await.unwrap();
    let server = tokio::spawn(async move {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (stream, _) = listener.accept().await.unwrap();
            all.spawn(async move {
                let (mut reading, mut writing) = stream.into_split();
                tokio::io::copy(&mut reading, &mut writing).await.unwrap()
            });
        }
        all.join_all().await.into_iter().sum::<u64>()
    });
    let mut all = tokio::task::JoinSet::new();
    for number in 0..CONNECTIONS {
        let host = two.clone();
        all.spawn(async move {
            ask(TcpStream::connect(&host, endpoint(1, 80)).await.unwrap(), number).await;
        });
    }
    all.join_all().await;
    assert_eq!(server.await.unwrap(), CONNECTIONS * BYTES as u64);
}

#[test]
fn one_thread_serves_all() {
    run(echoes());
}

#[test]
fn several_threads_serve_all() {
    super::common::in_time(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build();
        runtime.unwrap().block_on(echoes());
    });
}

#[test]
fn tokios_time_may_stand_still() {
    super::common::in_time(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let begun = tokio::time::Instant::now();
            echoes().await;
            assert_eq!(tokio::time::Instant::now(), begun);
        });
    });
}

#[test]
fn halves_are_reunited_and_dropping_the_writer_ends_the_stream() {
    run(async {
        let (client, mut server, hosts) = pair().await;
        let (other, _, _other_hosts) = pair().await;
        let (reading, writing) = client.into_split();
        let (other_reading, other_writing) = other.into_split();
        let error = reading.reunite(other_writing).unwrap_err();
        assert_eq!(error.to_string(), "tried to reunite halves that are not from the same socket");
        let client = writing.reunite(error.0).unwrap();
        drop((error.1, other_reading));
        // Reunited, nothing has ended.
        client.try_write(b"still").unwrap();
        let mut heard = [0; 5];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"still");
        let (_reading, writing) = client.into_split();
        writing.forget();
        assert_eq!(server.try_read(&mut heard).unwrap_err().kind(), ErrorKind::WouldBlock);
        let (mut reading, writing) = server.into_split();
        drop(writing);
        // The client's reader sees the end; its own direction lives on.
        assert_eq!(_reading.as_ref().peek(&mut heard).await.unwrap(), 0);
        _reading.as_ref().try_write(b"on").unwrap();
        assert_eq!(reading.read(&mut heard).await.unwrap(), 2);
        drop(hosts);
    });
}

#[test]
fn what_lies_in_several_places_is_written_at_once() {
    run(async {
        let (mut client, mut server, _hosts) = pair().await;
        assert!(tokio::io::AsyncWrite::is_write_vectored(&client));
        let parts = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(client.write_vectored(&parts).await.unwrap(), 7);
        server.readable().await.unwrap();
        let mut heard = Vec::new();
        assert_eq!(server.try_read_buf(&mut heard).unwrap(), 7);
        assert_eq!(heard, b"one two");
        client.shutdown().await.unwrap();
        assert_eq!(server.read_buf(&mut heard).await.unwrap(), 0);
    });
}

#[test]
fn a_slow_endpoint_is_overtaken_by_the_next() {
    run(async {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).await.unwrap();
        // Nobody answers ARP for the first, which is known after three seconds; the second
        // refuses at once.
        let list = [endpoint(9, 80), endpoint(1, 81), endpoint(1, 80)];
        let begun = Instant::now();
        let stream = TcpStream::connect(&two, list.as_slice()).await.unwrap();
        let took = begun.elapsed();
        assert_eq!(stream.peer_addr().unwrap(), endpoint(1, 80));
        assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(2), "{took:?}");
        // The attempt that lost has gone.
        assert_eq!(two.sockets().iter().filter(|info| info.socket.is_some()).count(), 1);
        drop(listener);
        let error = TcpStream::connect(&two, [endpoint(1, 80)].as_slice()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let none: &[std::net::SocketAddr] = &[];
        let error = TcpStream::connect(&two, none).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn sockets_change_their_face() {
    run(async {
        let (one, two) = two_hosts();
        let socket = TcpSocket::new_v4(&one).unwrap();
        socket.bind(endpoint(1, 80)).unwrap();
        let listener = socket.listen(8).unwrap();
        let blocking = danja::net::TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let client = TcpStream::from_std(blocking).unwrap();
        let listener = TcpListener::from_std(listener.into_std().unwrap()).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.try_write(b"x").unwrap();
        let ready = server.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable());
        server.readable().await.unwrap();
        // It stays non-blocking, as tokio's does.
        let client = client.into_std().unwrap();
        let error = std::io::Read::read(&mut &client, &mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        client.set_nonblocking(false).unwrap();
        server.try_write(b"y").unwrap();
        assert_eq!(std::io::Read::read(&mut &client, &mut [0]).unwrap(), 1);
        assert_eq!(TcpSocket::new_v6(&one).unwrap_err().kind(), v6_error());
    });
}

/// What std says of EAFNOSUPPORT.
fn v6_error() -> ErrorKind {
    std::io::Error::from_raw_os_error(97).kind()
}
