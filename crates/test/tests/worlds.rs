//! Worlds: time, faults, and that a run can be had again.

use danja_test::World;
use danja_test::danja::tokio::{TcpListener, TcpStream, UdpSocket};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

/// Connects and sends `length` bytes back and forth.
async fn echo(world: &World, length: usize) -> io::Result<()> {
    let listener = TcpListener::bind(&world.host("server"), "0.0.0.0:7").await?;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await?;
        stream.write_all(&heard).await
    });
    let mut stream = TcpStream::connect(&world.host("client"), "server:7").await?;
    let said: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
    stream.write_all(&said).await?;
    stream.shutdown().await?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await?;
    assert_eq!(heard, said);
    server.await?
}

#[danja_test::test(loss = "5%", delay = "20ms", jitter = "5ms", rate = "10mbit", seed = 3)]
async fn bytes_pass_a_bad_link(world: World) -> io::Result<()> {
    assert_eq!(world.seed(), 3);
    echo(&world, 200_000).await
}

#[danja_test::test(delay = "50ms", watchdog = "2h")]
async fn a_handshake_takes_a_round_trip_of_both_clocks(world: World) -> io::Result<()> {
    let (server, client) = (world.host("server"), world.host("client"));
    let _listener = TcpListener::bind(&server, "0.0.0.0:7").await?;
    // The first one asks for the server's hardware address, too.
    let _stream = TcpStream::connect(&client, "server:7").await?;
    let (ours, theirs) = (Instant::now(), client.now());
    let _stream = TcpStream::connect(&client, "server:7").await?;
    assert_eq!(ours.elapsed(), Duration::from_millis(100));
    assert_eq!(client.now().saturating_since(theirs), Duration::from_millis(100));
    sleep(Duration::from_secs(3600)).await;
    let behind = ours.elapsed() - client.now().saturating_since(theirs);
    assert!(behind < Duration::from_millis(1), "{behind:?}");
    Ok(())
}

fn run(seed: u64) -> (Vec<u8>, u64) {
    let settings = World::builder().loss(0.05).delay(Duration::from_millis(9)).reorder(0.01);
    settings.seed(seed).run(async |world: World| {
        echo(&world, 100_000).await.unwrap();
        (world.capture(), world.digest())
    })
}

#[test]
fn one_seed_is_one_run() {
    let first = run(1);
    assert!(first.0.len() > 200_000, "the packets are in the file: {}", first.0.len());
    assert!(first == run(1), "the same packets at the same times");
    assert_ne!(first.1, run(2).1);
}

#[danja_test::test(delay = "1ms")]
async fn who_is_beyond_a_partition_hears_nothing(world: World) -> io::Result<()> {
    let (first, second, third) = (world.host("first"), world.host("second"), world.host("third"));
    let socket = UdpSocket::bind(&first, "0.0.0.0:9").await?;
    let from_second = UdpSocket::bind(&second, "0.0.0.0:9").await?;
    let from_third = UdpSocket::bind(&third, "0.0.0.0:9").await?;
    world.partition(&["first"], &["second"]);
    from_second.send_to(b"two", "first:9").await?;
    from_third.send_to(b"three", "first:9").await?;
    let mut buffer = [0; 8];
    let (count, _) = socket.recv_from(&mut buffer).await?;
    assert_eq!(&buffer[..count], b"three");
    let silence = timeout(Duration::from_secs(1), socket.recv_from(&mut buffer)).await;
    assert!(silence.is_err());
    world.heal();
    sleep(Duration::from_secs(60)).await;
    from_second.send_to(b"two", "first:9").await?;
    assert_eq!(socket.recv_from(&mut buffer).await?.1.ip(), second.address());
    Ok(())
}

#[danja_test::test(delay = "1ms")]
async fn a_pulled_cable_only_delays_a_stream(world: World) -> io::Result<()> {
    let (server, client) = (world.host("server"), world.host("client"));
    let listener = TcpListener::bind(&server, "0.0.0.0:7").await?;
    let mut stream = TcpStream::connect(&client, "server:7").await?;
    let (mut accepted, _) = listener.accept().await?;
    server.link_down();
    stream.write_all(b"late").await?;
    let mut buffer = [0; 4];
    assert!(timeout(Duration::from_secs(5), accepted.read_exact(&mut buffer)).await.is_err());
    server.link_up();
    accepted.read_exact(&mut buffer).await?;
    assert_eq!(&buffer, b"late");
    Ok(())
}

#[danja_test::test(delay = "1ms")]
async fn a_rebooted_host_knows_nothing(world: World) -> io::Result<()> {
    let (server, client) = (world.host("server"), world.host("client"));
    let listener = TcpListener::bind(&server, "0.0.0.0:7").await?;
    let mut stream = TcpStream::connect(&client, "server:7").await?;
    let (mut accepted, _) = listener.accept().await?;
    let reader = tokio::spawn(async move { accepted.read(&mut [0; 4]).await });
    sleep(Duration::from_secs(1)).await;

    let server = server.reboot();
    assert_eq!(reader.await?.unwrap_err().kind(), io::ErrorKind::NetworkDown);
    assert_eq!(listener.accept().await.unwrap_err().kind(), io::ErrorKind::NetworkDown);
    // The peer learns it when it speaks.
    stream.write_all(b"hello").await?;
    let error = stream.read(&mut [0; 4]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let error = TcpStream::connect(&client, "server:7").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let _listener = TcpListener::bind(&server, "0.0.0.0:7").await?;
    let _stream = TcpStream::connect(&client, "server:7").await?;
    Ok(())
}

#[test]
#[should_panic(expected = "server: Stream Listen 0.0.0.0:7")]
fn what_hangs_is_told() {
    World::builder().watchdog(Duration::from_secs(60)).run(async |world: World| {
        let listener = TcpListener::bind(&world.host("server"), "0.0.0.0:7").await.unwrap();
        let _ = listener.accept().await;
    });
}
