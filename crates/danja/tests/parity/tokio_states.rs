//! What readiness, ends and odd lengths look like to tasks: the same over both faces.

use super::face::{TcpStream, World};
use crate::run;
use std::io::{Error, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, Ready};
use tokio::time::timeout;

const ANY: &str = "127.0.0.1:0";
const SHORT: Duration = Duration::from_millis(40);
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

async fn pair(world: &World) -> (TcpStream, TcpStream) {
    let listener = world.listen(ANY).await.unwrap();
    let client = world.connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// Waits until readiness is this: it may come in steps.
async fn becomes(stream: &TcpStream, interest: Interest, wanted: Ready) {
    let mut last = Ready::EMPTY;
    for _ in 0..1000 {
        last = stream.ready(interest).await.unwrap();
        if last == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{last:?} instead of {wanted:?}");
}

#[test]
fn readiness_tells_of_the_ends() {
    run(async {
        let world = World::new();
        let (client, mut server) = pair(&world).await;
        becomes(&client, BOTH, Ready::WRITABLE).await;
        assert!(timeout(SHORT, client.readable()).await.is_err());
        server.write_all(b"x").await.unwrap();
        becomes(&client, BOTH, Ready::WRITABLE | Ready::READABLE).await;
        // As long as nobody reads it stays, for every task.
        client.readable().await.unwrap();
        client.readable().await.unwrap();
        server.shutdown().await.unwrap();
        let closed = Ready::READABLE | Ready::READ_CLOSED;
        becomes(&client, Interest::READABLE, closed).await;
        becomes(&client, BOTH, closed | Ready::WRITABLE).await;
        // Half closed, it still takes data the other way.
        assert_eq!(client.try_write(b"still").unwrap(), 5);
        let mut heard = [0; 8];
        assert_eq!(server.read(&mut heard).await.unwrap(), 5);
        assert_eq!(client.try_read(&mut heard).unwrap(), 1);
        assert_eq!(client.try_read(&mut heard).unwrap(), 0);
        assert_eq!(client.try_read(&mut heard).unwrap(), 0, "the end stays");
        client.readable().await.unwrap();
        let mut client = client;
        client.shutdown().await.unwrap();
        becomes(&client, BOTH, closed | Ready::WRITABLE | Ready::WRITE_CLOSED).await;
        assert_eq!(client.try_write(b"no").unwrap_err().kind(), ErrorKind::BrokenPipe);
        // Once more is as once.
        client.shutdown().await.unwrap();
    });
}

#[test]
fn readiness_tells_of_a_reset() {
    run(async {
        let (client, server) = pair(&World::new()).await;
        server.set_zero_linger().unwrap();
        drop(server);
        client.readable().await.unwrap();
        let ready = client.ready(BOTH | Interest::ERROR).await.unwrap();
        assert!(ready.is_readable() && ready.is_writable() && ready.is_error(), "{ready:?}");
        assert!(ready.is_read_closed() && ready.is_write_closed(), "{ready:?}");
        let error = client.try_read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // It was told; what is left is the end.
        assert!(client.take_error().unwrap().is_none());
        assert_eq!(client.try_read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn halves_end_the_stream_as_they_should() {
    run(async {
        let world = World::new();
        let (client, mut server) = pair(&world).await;
        let (mut reading, mut writing) = client.into_split();
        writing.write_all(b"last").await.unwrap();
        drop(writing);
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"last");
        server.write_all(b"and yet").await.unwrap();
        let mut heard = [0; 7];
        reading.read_exact(&mut heard).await.unwrap();
        drop(server);
        assert_eq!(reading.read(&mut heard).await.unwrap(), 0);

        // Dropping the other half ends nothing.
        let (client, mut server) = pair(&world).await;
        let (reading, mut writing) = client.into_split();
        drop(reading);
        writing.write_all(b"on").await.unwrap();
        server.read_exact(&mut heard[..2]).await.unwrap();
        writing.shutdown().await.unwrap();
        assert_eq!(server.read(&mut heard).await.unwrap(), 0);

        let (one, _peer) = pair(&world).await;
        let (other, mut far) = pair(&world).await;
        let (one_reading, one_writing) = one.into_split();
        let (other_reading, other_writing) = other.into_split();
        let error = one_reading.reunite(other_writing).unwrap_err();
        assert_eq!(error.to_string(), "tried to reunite halves that are not from the same socket");
        // They are given back as they were; dropping the writing one ends the stream.
        drop((error.0, one_writing));
        far.write_all(b"x").await.unwrap();
        drop(error.1);
        assert_eq!(far.read(&mut heard).await.unwrap(), 0);
        drop(other_reading);
    });
}

#[test]
fn datagrams_of_odd_lengths() {
    run(async {
        let world = World::new();
        let (one, two) = (world.udp(ANY).await.unwrap(), world.udp(ANY).await.unwrap());
        let (at, from) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        // An empty datagram is one.
        assert_eq!(two.send_to(b"", at).await.unwrap(), 0);
        one.readable().await.unwrap();
        let mut buffer = [9; 4];
        assert_eq!(one.recv_from(&mut buffer).await.unwrap(), (0, from));
        assert_eq!(one.try_recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(timeout(SHORT, one.readable()).await.is_err());
        // What does not fit is lost.
        two.send_to(b"longer than that", at).await.unwrap();
        two.send_to(b"next", at).await.unwrap();
        assert_eq!(one.peek_from(&mut buffer).await.unwrap(), (4, from));
        assert_eq!(one.peek_sender().await.unwrap(), from);
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"long");
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"next");
        two.send_to(b"gone", at).await.unwrap();
        assert_eq!(one.recv(&mut []).await.unwrap(), 0);
        assert_eq!(one.try_recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        let error = two.send_to(&[0; 65_508], at).await.unwrap_err();
        assert_eq!(error.kind(), Error::from_raw_os_error(90).kind(), "EMSGSIZE: {error}");
        assert_eq!(two.send_to(&[7; 65_507], at).await.unwrap(), 65_507);
        let mut large = vec![0; 70_000];
        assert_eq!(one.recv(&mut large).await.unwrap(), 65_507);
    });
}

#[test]
fn a_refusal_makes_a_datagram_socket_ready_and_is_told_once() {
    run(async {
        let world = World::new();
        let (one, two) = (world.udp(ANY).await.unwrap(), world.udp(ANY).await.unwrap());
        one.connect(two.local_addr().unwrap()).await.unwrap();
        drop(two);
        one.send(b"anybody?").await.unwrap();
        let ready = one.ready(Interest::READABLE | Interest::ERROR).await.unwrap();
        assert!(ready.is_error(), "{ready:?}");
        let error = one.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(one.take_error().unwrap().is_none());
        assert_eq!(one.try_recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        one.send(b"and now?").await.unwrap();
        one.ready(Interest::ERROR).await.unwrap();
        // A send meets it, too.
        let error = one.send(b"again").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}
