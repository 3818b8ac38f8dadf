//! TLS by `rustls` (`tokio-rustls`) at both ends of our TCP: the client verifies the server's
//! name, both agree on a protocol (ALPN), and HTTP/2 by `hyper` runs inside.
//!
//! `cargo run -p danja-integrations --example rustls_tls`
//!
//! Nothing is ours but the sockets: [`TcpStream`] has tokio's `AsyncRead` and `AsyncWrite`, which
//! is all that tokio-rustls asks for.
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use danja::Host;
use danja::tokio::{TcpListener, TcpStream};
use danja_integrations::Lan;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, HandshakeKind, RootCertStore, ServerConfig};
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Both ends' settings: an authority that the client trusts says who is `server`.
fn settings() -> Outcome<(ServerConfig, ClientConfig)> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(["server".to_owned()])?.signed_by(&key, &authority)?;

    let mut acceptor = ServerConfig::builder().with_no_client_auth().with_single_cert(
        vec![server.der().clone()],
        PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    )?;
    acceptor.alpn_protocols = vec![b"h2".to_vec(), b"echo".to_vec()];
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    let connector = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok((acceptor, connector))
}

/// One connection of the server, to its end: what the client chose to speak.
async fn answer(acceptor: TlsAcceptor, stream: TcpStream) -> Outcome<()> {
    let stream = acceptor.accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let echo = service_fn(|request: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(request.into_body()))
        });
        let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        return Ok(http.serve_connection(TokioIo::new(stream), echo).await?);
    }
    let (mut reading, mut writing) = tokio::io::split(stream);
    tokio::io::copy(&mut reading, &mut writing).await?;
    // Says that nothing was cut off (close_notify), then closes.
    Ok(writing.shutdown().await?)
}

/// Serves until it is told to stop, and then until all connections have ended: how many there
/// were, and how many of these failed.
async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    mut stopped: oneshot::Receiver<()>,
) -> Outcome<(usize, usize)> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(answer(acceptor.clone(), accepted?.0));
            }
            _ = &mut stopped => break,
        }
    }
    let ended = connections.join_all().await;
    Ok((ended.len(), ended.iter().filter(|one| one.is_err()).count()))
}

/// A connection to port 443 of `server`, who must prove to be `name`.
async fn connect(
    host: &Host,
    name: &'static str,
    config: &ClientConfig,
    protocol: &[u8],
) -> Outcome<TlsStream<TcpStream>> {
    let mut config = config.clone();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(host, "server:443").await?;
    stream.set_nodelay(true)?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from(name)?, stream).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    Ok(stream)
}

/// A quarter of a megabyte, both ways at once.
async fn echo(stream: TlsStream<TcpStream>, number: usize) -> Outcome<()> {
    let sent: Vec<u8> = (0..256 * 1024).map(|position| (position / 5 + number) as u8).collect();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut back = Vec::new();
    let write = async {
        writing.write_all(&sent).await?;
        writing.shutdown().await
    };
    // The end is an end, and no failure, only because the server has said so.
    tokio::try_join!(write, reading.read_to_end(&mut back))?;
    assert!(back == sent, "connection {number}: {} bytes came back", back.len());
    Ok(())
}

/// Eight requests at once on one connection.
async fn http2(stream: TlsStream<TcpStream>) -> Outcome<()> {
    let http = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (client, connection) = http.handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let mut requests = JoinSet::new();
    for number in 0..8 {
        let mut client = client.clone();
        requests.spawn(async move {
            let sent = Bytes::from(vec![number; 64 * 1024]);
            let request = Request::post("https://server/").body(Full::new(sent.clone()))?;
            let response = client.send_request(request).await?;
            let back = response.into_body().collect().await?.to_bytes();
            assert!(back == sent, "request {number}: {} bytes came back", back.len());
            Outcome::Ok(())
        });
    }
    while let Some(request) = requests.join_next().await {
        request??;
    }
    // Without anyone to send requests the connection ends.
    drop(client);
    Ok(driving.await??)
}

pub(crate) async fn run(lan: Lan) -> Outcome<()> {
    let (acceptor, config) = settings()?;
    let listener = TcpListener::bind(&lan.server, "0.0.0.0:443").await?;
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(acceptor)), stopped));
    let host = &lan.client;

    let first = connect(host, "server", &config, b"echo").await?;
    let version = first.get_ref().1.protocol_version().ok_or("no version")?;
    println!("{version:?}, with the server that was meant");
    echo(first, 0).await?;
    // The server gave a ticket by which the next handshake is shorter.
    let again = connect(host, "server", &config, b"echo").await?;
    assert_eq!(again.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    let more = connect(host, "server", &config, b"echo").await?;
    tokio::try_join!(echo(again, 1), echo(more, 2))?;
    http2(connect(host, "server", &config, b"h2").await?).await?;

    // A server that is not whom we meant is found out.
    let error = connect(host, "impostor", &config, b"echo").await.unwrap_err();
    let cause = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
    let named = matches!(
        cause.and_then(|cause| cause.downcast_ref()),
        Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))
    );
    assert!(named, "{error:?}");
    println!("as it should be: {error}");

    let _ = stop.send(());
    let (connections, failed) = server.await??;
    assert_eq!((connections, failed), (5, 1), "only the impostor's client went away");
    println!("{connections} connections served");
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
#[tokio::main]
async fn main() -> Outcome<()> {
    run(Lan::new()?).await
}
