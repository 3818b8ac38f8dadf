//! QUIC by `quinn` over our UDP: a server and a client on two hosts of one LAN, with streams that
//! both sides open, and unreliable datagrams.
//!
//! `cargo run -p danja-integrations --example quinn_quic`
//!
//! What is ours: [`QuicSocket`], which is quinn's idea of a UDP socket. Timers and tasks stay
//! tokio's. One datagram a call: our sockets cut and join no batches (GSO, GRO) of their own, and
//! tell nothing of ECN.
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use danja::net::{PathMtuDiscovery, SocketOption};
use danja::tokio::{UdpSocket, lookup_host};
use danja_integrations::Lan;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use tokio::task::JoinSet;

/// As much as quinn's congestion control may have under way on a fast link; what does not fit is
/// lost, as in any system (there, too, quinn's users enlarge it).
const RECEIVE_BUFFER: usize = 4 << 20;

/// A UDP socket of ours, for quinn.
#[derive(Debug)]
struct QuicSocket(UdpSocket);

impl QuicSocket {
    /// Its datagrams are never fragmented, so that quinn finds out what fits the path.
    fn new(socket: UdpSocket) -> io::Result<Arc<Self>> {
        let options = socket.as_socket();
        options.set_option(SocketOption::MtuDiscover(PathMtuDiscovery::Probe))?;
        options.set_option(SocketOption::ReceiveBuffer(RECEIVE_BUFFER))?;
        Ok(Arc::new(Self(socket)))
    }
}

impl AsyncUdpSocket for QuicSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn quinn::UdpPoller>> {
        Box::pin(Writable { socket: self, waiting: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.0.try_send_to(transmit.contents, transmit.destination) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(error),
            // Too large for the path, no route, no answer: lost, as far as QUIC is concerned.
            _ => Ok(()),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut received = 0;
        for (buffer, meta) in bufs.iter_mut().zip(meta) {
            let mut buffer = ReadBuf::new(buffer);
            match self.0.poll_recv_from(cx, &mut buffer) {
                Poll::Ready(Ok(addr)) => {
                    let len = buffer.filled().len();
                    *meta = RecvMeta { addr, len, stride: len, ..RecvMeta::default() };
                    received += 1;
                }
                Poll::Ready(Err(error)) if received == 0 => return Poll::Ready(Err(error)),
                Poll::Pending if received == 0 => return Poll::Pending,
                _ => break,
            }
        }
        Poll::Ready(Ok(received))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

/// Waits until the socket has room; each connection has one of its own.
struct Writable {
    socket: Arc<QuicSocket>,
    waiting: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>>,
}

impl quinn::UdpPoller for Writable {
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = Arc::clone(&self.socket);
        let waiting =
            self.waiting.get_or_insert_with(|| Box::pin(async move { socket.0.writable().await }));
        let ready = waiting.as_mut().poll(cx);
        if ready.is_ready() {
            self.waiting = None;
        }
        ready
    }
}

impl fmt::Debug for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writable").field(&self.socket).finish()
    }
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const STREAMS: usize = 8;
const STREAM_BYTES: usize = 128 * 1024;

/// What stream `number` carries.
fn text(number: usize) -> Vec<u8> {
    (0..STREAM_BYTES).map(|position| (position / 7 + number * 31) as u8).collect()
}

/// The server's side of one connection: what comes by a stream goes back by it, until the client
/// closes; meanwhile it opens streams of its own.
async fn serve(connection: Connection) -> Outcome<()> {
    let opening = connection.clone();
    let own = tokio::spawn(async move {
        for number in 0..STREAMS {
            let mut stream = opening.open_uni().await?;
            stream.write_all(&text(number)).await?;
            stream.finish()?;
        }
        Outcome::Ok(())
    });
    while let Ok((mut sending, mut receiving)) = connection.accept_bi().await {
        tokio::spawn(async move {
            tokio::io::copy(&mut receiving, &mut sending).await?;
            sending.finish()?;
            Outcome::Ok(())
        });
    }
    own.await?
}

/// Serves until the endpoint is closed: how many connections there were, and how many failed.
async fn accept(endpoint: Endpoint) -> (usize, usize) {
    let mut connections = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        connections.spawn(async { serve(incoming.await?).await });
    }
    let ended = connections.join_all().await;
    (ended.len(), ended.iter().filter(|one| one.is_err()).count())
}

/// One stream there and back.
async fn echo(connection: Connection, number: usize) -> Outcome<()> {
    let (mut sending, mut receiving) = connection.open_bi().await?;
    let sent = text(number);
    let writing = async {
        sending.write_all(&sent).await?;
        sending.finish()?;
        Outcome::Ok(())
    };
    let reading = async { Outcome::Ok(receiving.read_to_end(STREAM_BYTES).await?) };
    let ((), back) = tokio::try_join!(writing, reading)?;
    assert!(back == sent, "stream {number}: {} bytes came back", back.len());
    Ok(())
}

/// Takes the streams that the server opens, in any order.
async fn take(connection: Connection) -> Outcome<()> {
    let mut expected: Vec<Vec<u8>> = (0..STREAMS).map(text).collect();
    for _ in 0..STREAMS {
        let got = connection.accept_uni().await?.read_to_end(STREAM_BYTES).await?;
        let position = expected.iter().position(|text| *text == got).ok_or("not as sent")?;
        expected.remove(position);
    }
    Ok(())
}

async fn converse(endpoint: &Endpoint, server: SocketAddr) -> Outcome<()> {
    let connection = endpoint.connect(server, "server")?.await?;
    let mut tasks = JoinSet::new();
    for number in 0..STREAMS {
        tasks.spawn(echo(connection.clone(), number));
    }
    tasks.spawn(take(connection.clone()));
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let stats = connection.stats();
    println!(
        "{STREAMS} streams there and back, {STREAMS} opened by the server, {STREAM_BYTES} bytes \
         each; {} packets lost, {} bytes in each",
        stats.path.lost_packets, stats.path.current_mtu,
    );
    connection.close(0u32.into(), b"done");
    Ok(())
}

pub(crate) async fn run(lan: Lan) -> Outcome<()> {
    let identity = rcgen::generate_simple_self_signed(["server".to_owned()])?;
    let certificate = identity.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let runtime = Arc::new(TokioRuntime);

    let socket = QuicSocket::new(UdpSocket::bind(&lan.server, "0.0.0.0:443").await?)?;
    let config = ServerConfig::with_single_cert(vec![certificate.clone()], key.into())?;
    let server = Endpoint::new_with_abstract_socket(
        EndpointConfig::default(),
        Some(config),
        socket,
        runtime.clone(),
    )?;
    let serving = tokio::spawn(accept(server.clone()));

    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let socket = QuicSocket::new(UdpSocket::bind(&lan.client, "0.0.0.0:0").await?)?;
    let config = EndpointConfig::default();
    let mut client = Endpoint::new_with_abstract_socket(config, None, socket, runtime)?;
    client.set_default_client_config(quinn::ClientConfig::with_root_certificates(Arc::new(roots))?);

    // The host's resolver knows where the server is.
    let to = lookup_host(&lan.client, "server:443").await?.next().ok_or("no address")?;
    // Two connections at once over one socket.
    tokio::try_join!(converse(&client, to), converse(&client, to))?;

    // A server of another name is not whom we meant.
    let wrong = client.connect(to, "impostor")?.await;
    assert!(wrong.is_err_and(|error| error.to_string().contains("not valid for name")));

    client.wait_idle().await;
    server.wait_idle().await;
    server.close(0u32.into(), b"");
    let (connections, failed) = serving.await?;
    assert_eq!((connections, failed), (3, 1), "only the impostor's client went away");
    println!("{connections} connections served");
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
#[tokio::main]
async fn main() -> Outcome<()> {
    run(Lan::new()?).await
}
