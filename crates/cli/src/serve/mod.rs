//! `danja serve`: the files of a folder over HTTP. HTTP is `hyper`'s; the sockets under it are ours.

mod files;
mod listing;

use crate::args::{AtPort, Publish, ServeArgs, Talk, Transport};
use crate::failure::Failure;
use crate::interrupt::on_interrupt;
use crate::network::Network;
use crate::output::{exit, plain, talk};
use crate::quantity::human_bytes;
use danja::net::TcpListener;
use danja_gateway::Stop;
use danja_gateway::http::{self, Request, Response};
use files::Files;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the server is published unless it is said otherwise.
const PUBLISH: Publish = Publish {
    on: AtPort(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)),
    port: None,
    transport: Transport::Tcp,
};
/// Clients at once.
const CLIENTS: usize = 256;

pub(crate) fn run(args: &ServeArgs, verbosity: Talk) -> Result<ExitCode, Failure> {
    let files = Files::new(&args.folder)?;
    let network = Network::new(&args.network, "serve")?;
    let at = SocketAddr::new(network.address(), args.port);
    let listener = TcpListener::bind(&network.host, at)
        .map_err(|error| Failure::new(format_args!("cannot listen at {at}: {error}")))?;
    // On a LAN of several programs there may be several servers.
    let publish = args.publish.or_else(|| (!network.is_shared()).then_some(PUBLISH));
    let published =
        publish.map(|publish| network.publish(&publish, args.port)).transpose()?.flatten();
    talk(&format!("serving {} at http://{at}/", args.folder.display()));
    if let Some(published) = &published {
        talk(&format!("published on this machine at http://{}/", published.address()));
    }
    let counted = Arc::new(Counted::default());
    let stop = Stop::new();
    let shown = Arc::clone(&counted);
    on_interrupt(move || {
        network.finish();
        if !verbosity.quiet {
            let requests = shown.requests.load(Ordering::Relaxed);
            let bytes = human_bytes(shown.bytes.load(Ordering::Relaxed));
            talk(&format!("\n{requests} requests answered with {bytes}"));
        }
    });
    http::serve(&listener, CLIENTS, &stop, move |request| {
        let response = files.answer(request);
        counted.note(request, &response, verbosity);
        response
    });
    Ok(exit(true))
}

/// What has been served.
#[derive(Default)]
struct Counted {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Counted {
    fn note(&self, request: &Request, response: &Response, verbosity: Talk) {
        let length = hyper::body::Body::size_hint(response.body()).exact().unwrap_or(0);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(length, Ordering::Relaxed);
        if verbosity.verbose > 0 {
            // As the server sees it: the client's words come in, its own go out.
            for (mark, headers) in [('<', &request.parts.headers), ('>', response.headers())] {
                for (name, value) in headers {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    talk(&format!("{mark} {name}: {}", plain(&value)));
                }
            }
        }
        if !verbosity.quiet {
            talk(&format!(
                "{} {} {} {} {length}",
                request.client,
                request.parts.method,
                request.parts.uri,
                response.status().as_u16()
            ));
        }
    }
}
