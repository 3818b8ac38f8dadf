//! A web server of `axum` and a client of `hyper-util`, on two hosts of one LAN: HTTP/1.1 with
//! keep-alive, then HTTP/2, bodies that stream both ways at once, and a graceful shutdown.
//!
//! `cargo run -p danja-integrations --example axum_hyper`
//!
//! What is ours: [`Listening`] for the server (axum's trait, 15 lines) and [`Connector`] for the
//! client (a `tower` service from a URI to a connection, 30 lines).
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Uri, Version};
use axum::routing::{get, post};
use danja::Host;
use danja::tokio::{TcpListener, TcpStream};
use danja_integrations::Lan;
use http_body_util::BodyExt;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tower::Service;

/// A listener that `axum::serve` takes, and that counts its connections.
struct Listening {
    listener: TcpListener,
    accepted: Arc<AtomicUsize>,
}

impl axum::serve::Listener for Listening {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            // Out of memory or of sockets: that passes.
            let Ok((stream, peer)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            self.accepted.fetch_add(1, Ordering::Relaxed);
            return (stream, peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Makes the client's connections from a host of ours, whose resolver looks up the names.
#[derive(Clone)]
struct Connector(Host);

impl Service<Uri> for Connector {
    type Response = Wire;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = self.0.clone();
        Box::pin(async move {
            let name = uri.host().ok_or_else(|| io::Error::other("a URI without a host"))?;
            let stream = TcpStream::connect(&host, (name, uri.port_u16().unwrap_or(80))).await?;
            stream.set_nodelay(true)?;
            Ok(Wire(TokioIo::new(stream)))
        })
    }
}

/// A connection of the client: hyper-util asks each for what it knows of it.
struct Wire(TokioIo<TcpStream>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type HttpClient = Client<Connector, Body>;

/// The pages of the server.
fn pages() -> Router {
    Router::new()
        .route("/", get(|| async { "hello over a stack of our own\n" }))
        // What comes goes back at once, chunk by chunk: the response begins before the request
        // has ended.
        .route("/echo", post(|body: Body| async { body }))
        // A response that takes its time.
        .route("/slow", get(|| async { Body::from_stream(slow_lines()) }))
}

fn slow_lines() -> impl tokio_stream::Stream<Item = io::Result<String>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for number in 0..5 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = sender.send(Ok(format!("line {number}\n"))).await;
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

fn client(host: &Host, http2: bool) -> HttpClient {
    Client::builder(TokioExecutor::new()).http2_only(http2).build(Connector(host.clone()))
}

async fn page(client: &HttpClient, path: &str) -> Outcome<(Version, Bytes)> {
    let response = client.get(format!("http://server{path}").parse()?).await?;
    assert_eq!(response.status(), 200);
    let version = response.version();
    Ok((version, response.into_body().collect().await?.to_bytes()))
}

/// Sends `number`'s half a megabyte in chunks without saying its length, and gets it back.
async fn echo(client: HttpClient, number: usize) -> Outcome<usize> {
    let sent: Vec<Bytes> =
        (0..64).map(|chunk| vec![(number * 64 + chunk) as u8; 8192].into()).collect();
    let chunks = tokio_stream::iter(sent.clone().into_iter().map(Ok::<_, io::Error>));
    let request = Request::post("http://server/echo").body(Body::from_stream(chunks))?;
    let response = client.request(request).await?;
    assert_eq!(response.status(), 200);
    if response.version() == Version::HTTP_11 {
        assert_eq!(response.headers()["transfer-encoding"], "chunked");
    }
    let back = response.into_body().collect().await?.to_bytes();
    assert!(back == sent.concat(), "{} bytes came back", back.len());
    Ok(back.len())
}

/// Eight echoes at once.
async fn echoes(client: &HttpClient) -> Outcome<usize> {
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        tasks.spawn(echo(client.clone(), number));
    }
    let mut bytes = 0;
    while let Some(one) = tasks.join_next().await {
        bytes += one??;
    }
    Ok(bytes)
}

pub(crate) async fn run(lan: Lan) -> Outcome<()> {
    let accepted = Arc::new(AtomicUsize::new(0));
    let since = |before: usize| accepted.load(Ordering::Relaxed) - before;
    let listener = TcpListener::bind(&lan.server, "0.0.0.0:80").await?;
    let listening = Listening { listener, accepted: Arc::clone(&accepted) };
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(
        axum::serve(listening, pages())
            .with_graceful_shutdown(async { drop(stopped.await) })
            .into_future(),
    );

    for (http2, expected) in [(false, Version::HTTP_11), (true, Version::HTTP_2)] {
        let before = since(0);
        let client = client(&lan.client, http2);
        for _ in 0..10 {
            let (version, text) = page(&client, "/").await?;
            assert_eq!((version, &text[..]), (expected, &b"hello over a stack of our own\n"[..]));
        }
        // Keep-alive. (A request that finds the connection not yet idle may open a second one.)
        assert!(since(before) < if http2 { 2 } else { 10 }, "a connection for each request");
        let bytes = echoes(&client).await?;
        // At once: HTTP/1.1 needs more connections, HTTP/2 has streams.
        assert_eq!(since(before) > 1, !http2);
        println!("{expected:?}: 10 pages, {bytes} bytes of echoes, {} connections", since(before));
    }

    // Told to stop, the server lets the request under way end, and then nobody listens.
    let last = client(&lan.client, false);
    let response = last.get("http://server/slow".parse()?).await?;
    let _ = stop.send(());
    let lines = response.into_body().collect().await?.to_bytes();
    assert!(lines.ends_with(b"line 4\n"), "{lines:?}");
    server.await??;
    let refused = TcpStream::connect(&lan.client, "server:80").await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    println!("stopped after the last line of the last response");
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
#[tokio::main]
async fn main() -> Outcome<()> {
    run(Lan::new()?).await
}
