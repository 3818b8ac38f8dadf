//! A web server on the sockets of a host (or of the machine): `hyper` speaks HTTP, each client
//! has a thread. Knows nothing of what is served.

mod body;
mod io;
mod machine;

pub use body::Body;
pub use hyper::{Method, StatusCode, header};
pub use machine::{MachineServer, UnixServer, serve_machine, serve_unix};

use crate::dns::accept;
use crate::stop::{Stop, run};
use danja::net::TcpListener;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// A client that neither asks nor takes anything for so long is let go.
pub(crate) const IDLE: Duration = Duration::from_secs(60);

/// A request. Its body is read on UNIX sockets alone: what networks ask for is only looked at.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// Method, path, headers.
    pub parts: hyper::http::request::Parts,
    /// The client's endpoint; unspecified where it came by a UNIX socket.
    pub client: SocketAddr,
    /// The endpoint that the client asked; likewise.
    pub server: SocketAddr,
    /// What came with it.
    pub body: Vec<u8>,
}

/// The two ends of a connection, and how long the body of a request may be; 0 if none is read.
#[derive(Clone, Copy)]
struct Ends {
    client: SocketAddr,
    server: SocketAddr,
    body: usize,
}

impl Request {
    /// The text of a header; `None` if it is not there or not text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }
}

/// An answer.
pub type Response = hyper::Response<Body>;

/// Answers requests of at most `clients` clients at once until it is told to stop. Connections
/// are kept alive. Clients under way are not waited for.
pub fn serve(
    listener: &TcpListener,
    clients: usize,
    stop: &Stop,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) {
    let answer = Arc::new(answer);
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        // The listener's own queue holds those that come meanwhile.
        while open.load(Ordering::SeqCst) >= clients && !stop.is_stopped() {
            thread::sleep(Duration::from_millis(10));
        }
        let Some(accepted) = accept(listener, stop) else { return };
        let Ok(stream) = accepted else { continue };
        let (Ok(client), Ok(server)) = (stream.peer_addr(), stream.local_addr()) else { continue };
        let (answer, stop, count) = (Arc::clone(&answer), stop.clone(), Arc::clone(&open));
        count.fetch_add(1, Ordering::SeqCst);
        let body = move || {
            let io = io::StreamIo::new(stream);
            run(talk(io, Ends { client, server, body: 0 }, &stop, answer), Some(IDLE));
            count.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("web client".to_owned()).spawn(body).is_err() {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// One connection, from its first request to its last.
async fn talk(
    io: impl hyper::rt::Read + hyper::rt::Write + Unpin,
    ends: Ends,
    stop: &Stop,
    answer: Arc<impl Fn(&Request) -> Response>,
) {
    let answer = &answer;
    let service = service_fn(move |request: hyper::Request<Incoming>| async move {
        let (parts, body) = request.into_parts();
        // RFC 9112 §3.2: no Host, or more than one, in HTTP/1.1: 400.
        let hosts = parts.headers.get_all(header::HOST).iter().count();
        let bad = hosts > 1 || (hosts == 0 && parts.version == hyper::Version::HTTP_11);
        if bad {
            let words = "A request names its host, once.\n";
            return Ok::<_, Infallible>(text(StatusCode::BAD_REQUEST, "text/plain", words));
        }
        let Ends { client, server, body: limit } = ends;
        Ok(match collect(body, limit).await {
            Some(body) => answer(&Request { parts, client, server, body }),
            None => text(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "That is too much.\n"),
        })
    });
    // A client may shut down its side after its request and still wants the answer.
    let connection = http1::Builder::new().half_close(true).serve_connection(io, service);
    let mut connection = pin!(connection);
    poll_fn(|context| {
        if stop.poll(context).is_ready() {
            return Poll::Ready(());
        }
        // Its end by error is the client's affair, or the network's.
        connection.as_mut().poll(context).map(|_| ())
    })
    .await;
}

/// The body of a request; `None` if it is longer than `limit` or breaks off. With no limit none
/// is read.
async fn collect(mut body: Incoming, limit: usize) -> Option<Vec<u8>> {
    let mut collected = Vec::new();
    if limit == 0 {
        return Some(collected);
    }
    loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        match frame {
            None => return Some(collected),
            Some(Err(_)) => return None,
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                if collected.len() + data.len() > limit {
                    return None;
                }
                collected.extend_from_slice(&data);
            }
        }
    }
}

/// An answer with a whole text.
pub fn text(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Response {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// Whether the client is a browser that wants a page rather than text.
pub fn wants_html(request: &Request) -> bool {
    request.header(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
}
