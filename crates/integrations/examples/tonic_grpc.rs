//! gRPC by `tonic`, server and client on two hosts of one LAN: single calls, and streams both
//! ways at once. A program with a `.proto` file has its service and client generated; here the
//! messages are protobuf's wrapper types, and the few lines that a generator writes are by hand.
//!
//! `cargo run -p danja-integrations --example tonic_grpc`
//!
//! What is ours: [`Incoming`] and [`Wire`] for the server (a stream of connections), and the
//! connector in [`channel`] for the client.
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use danja::Host;
use danja::tokio::{TcpListener, TcpStream};
use danja_integrations::Lan;
use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// The connections that a listener takes, as the stream that tonic asks for.
struct Incoming(TcpListener);

impl Stream for Incoming {
    type Item = io::Result<Wire>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Wire>>> {
        self.0.poll_accept(cx).map_ok(|(stream, _)| Wire(stream)).map(Some)
    }
}

/// A connection that tells tonic, and by it the service, who the client is.
struct Wire(TcpStream);

impl Connected for Wire {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        TcpConnectInfo {
            local_addr: self.0.local_addr().ok(),
            remote_addr: self.0.peer_addr().ok(),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
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

/// A channel to the server, over the sockets of `host`, whose resolver looks up the name.
async fn channel(host: Host) -> Result<Channel, tonic::transport::Error> {
    let connector = service_fn(move |uri: Uri| {
        let host = host.clone();
        async move {
            let name = uri.host().ok_or_else(|| io::Error::other("a URI without a host"))?;
            let stream = TcpStream::connect(&host, (name, uri.port_u16().unwrap_or(80))).await?;
            stream.set_nodelay(true)?;
            io::Result::Ok(TokioIo::new(stream))
        }
    });
    Endpoint::from_static("http://server:50051").connect_with_connector(connector).await
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const LENGTH: &str = "/danja.Bytes/Length";
const ECHO: &str = "/danja.Bytes/Echo";
const STREAMS: usize = 8;
const MESSAGES: usize = 32;
const MESSAGE_BYTES: usize = 8 * 1024;

/// `rpc Length(BytesValue) returns (UInt64Value)`, for the clients of one address.
async fn length(request: Request<Vec<u8>>) -> Result<Response<u64>, Status> {
    let from = request.remote_addr().map(|address| address.ip());
    if from != Some([10, 0, 0, 2].into()) {
        return Err(Status::permission_denied(format!("you are {from:?}")));
    }
    match request.into_inner().len() {
        0 => Err(Status::invalid_argument("of nothing?")),
        bytes => Ok(Response::new(bytes as u64)),
    }
}

/// `rpc Echo(stream BytesValue) returns (stream BytesValue)`: each message as it comes.
async fn echo(
    request: Request<Streaming<Vec<u8>>>,
) -> Result<Response<Streaming<Vec<u8>>>, Status> {
    Ok(Response::new(request.into_inner()))
}

/// What a generator writes for a server.
async fn answer(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    Ok(match request.uri().path() {
        LENGTH => {
            let codec = ProstCodec::<u64, Vec<u8>>::default();
            tonic::server::Grpc::new(codec).unary(service_fn(length), request).await
        }
        ECHO => {
            let codec = ProstCodec::<Vec<u8>, Vec<u8>>::default();
            tonic::server::Grpc::new(codec).streaming(service_fn(echo), request).await
        }
        _ => Status::unimplemented("no such call").into_http(),
    })
}

/// What a generator writes for a client.
async fn call_length(channel: Channel, bytes: Vec<u8>) -> Result<u64, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<Vec<u8>, u64>::default();
    let path = PathAndQuery::from_static(LENGTH);
    client.unary(Request::new(bytes), path, codec).await.map(Response::into_inner)
}

async fn call_echo(
    channel: Channel,
    messages: impl Stream<Item = Vec<u8>> + Send + 'static,
) -> Result<Streaming<Vec<u8>>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<Vec<u8>, Vec<u8>>::default();
    let path = PathAndQuery::from_static(ECHO);
    client.streaming(Request::new(messages), path, codec).await.map(Response::into_inner)
}

/// Many messages there while they come back.
async fn converse(channel: Channel, number: usize) -> Outcome<()> {
    let message = move |index| vec![(number * MESSAGES + index) as u8; MESSAGE_BYTES + index];
    let mut back = call_echo(channel, tokio_stream::iter((0..MESSAGES).map(message))).await?;
    for index in 0..MESSAGES {
        let got = back.next().await.ok_or("too few messages")??;
        assert!(got == message(index), "stream {number}: message {index}");
    }
    assert!(back.next().await.is_none(), "stream {number}: one too many");
    Ok(())
}

/// Each next message is said only when the last has been answered.
async fn ping_pong(channel: Channel) -> Outcome<()> {
    let (say, said) = tokio::sync::mpsc::channel(1);
    let said = tokio_stream::wrappers::ReceiverStream::new(said);
    let mut back = call_echo(channel, said).await?;
    for number in 0..20 {
        say.send(vec![number]).await?;
        assert_eq!(back.next().await.ok_or("no answer")??, [number]);
    }
    drop(say);
    assert!(back.next().await.is_none());
    Ok(())
}

pub(crate) async fn run(lan: Lan) -> Outcome<()> {
    let endpoint: SocketAddr = "0.0.0.0:50051".parse()?;
    let incoming = Incoming(TcpListener::bind(&lan.server, endpoint).await?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(Server::builder().serve_with_incoming_shutdown(
        service_fn(answer),
        incoming,
        async { drop(stopped.await) },
    ));

    let channel = channel(lan.client.clone()).await?;
    assert_eq!(call_length(channel.clone(), vec![1; 300_000]).await?, 300_000);
    let refused = call_length(channel.clone(), Vec::new()).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    ping_pong(channel.clone()).await?;

    let mut streams = JoinSet::new();
    for number in 0..STREAMS {
        streams.spawn(converse(channel.clone(), number));
    }
    while let Some(stream) = streams.join_next().await {
        stream??;
    }
    let connections = lan.client.sockets().len();
    assert_eq!(connections, 1, "all streams share a connection");
    println!("{STREAMS} streams at once, {MESSAGES} messages each there and back");

    // Told to stop, the server ends the connection when the last call on it has.
    let (say, said) = tokio::sync::mpsc::channel(1);
    let said = tokio_stream::wrappers::ReceiverStream::new(said);
    let mut back = call_echo(channel, said).await?;
    say.send(vec![1]).await?;
    assert_eq!(back.next().await.ok_or("no answer")??, [1]);
    let _ = stop.send(());
    say.send(vec![2]).await?;
    assert_eq!(back.next().await.ok_or("no answer")??, [2]);
    drop(say);
    assert!(back.next().await.is_none());
    server.await??;
    println!("stopped after the last call");
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
#[tokio::main]
async fn main() -> Outcome<()> {
    run(Lan::new()?).await
}
