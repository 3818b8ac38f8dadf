//! Errors that tasks meet; the rest are the blocking face's, by the same mapping.

use super::face::World;
use crate::run;
use std::io::{self, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANY: &str = "127.0.0.1:0";

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

#[test]
fn opening() {
    run(async {
        let world = World::new();
        let listener = world.listen(ANY).await.unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(kind(world.listen(&at.to_string()).await), ErrorKind::AddrInUse);
        assert_eq!(kind(world.socket().bind(at)), ErrorKind::AddrInUse);
        assert_eq!(kind(world.listen("192.0.2.1:0").await), ErrorKind::AddrNotAvailable);
        assert_eq!(kind(world.udp("127.0.0.1:x").await), ErrorKind::InvalidInput);
        let group = "224.0.0.1:80".parse().unwrap();
        assert_eq!(kind(world.connect(group).await), ErrorKind::NetworkUnreachable);
        drop(listener);
        assert_eq!(kind(world.connect(at).await), ErrorKind::ConnectionRefused);
        assert_eq!(kind(world.socket().connect(at).await), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn moving_data() {
    run(async {
        let world = World::new();
        let listener = world.listen(ANY).await.unwrap();
        let mut client = world.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.set_zero_linger().unwrap();
        drop(server);
        assert_eq!(kind(client.read(&mut [0]).await), ErrorKind::ConnectionReset);
        assert_eq!(kind(client.write(b"more").await), ErrorKind::BrokenPipe);
        assert_eq!(kind(client.peer_addr()), ErrorKind::NotConnected);
        // What is gone need not be ended.
        client.shutdown().await.unwrap();

        let mut client = world.connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(kind(client.write(b"more").await), ErrorKind::BrokenPipe);
        assert_eq!(kind(server.read_exact(&mut [0]).await), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn datagrams() {
    run(async {
        let world = World::new();
        let (one, two) = (world.udp(ANY).await.unwrap(), world.udp(ANY).await.unwrap());
        let at = two.local_addr().unwrap();
        assert_eq!(kind(one.peer_addr()), ErrorKind::NotConnected);
        let no_peer = io::Error::from_raw_os_error(89).kind();
        assert_eq!(kind(one.send(b"to whom?").await), no_peer, "EDESTADDRREQ");
        one.connect(at).await.unwrap();
        drop(two);
        one.send(b"anybody?").await.unwrap();
        assert_eq!(kind(one.recv(&mut [0]).await), ErrorKind::ConnectionRefused);
    });
}
