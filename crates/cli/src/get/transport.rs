//! `ureq` on our sockets: names are asked for over our own UDP, connections are our own TCP.

use super::trace::Trace;
use crate::network::{Network, spoken};
use danja::Host;
use danja::net::{Shutdown, TcpStream};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};
use ureq::{Error, Timeout};

/// As many addresses as `ureq` keeps.
const ADDRESSES: usize = 16;

/// Looks names up.
pub(super) struct Names {
    network: Network,
    trace: Trace,
}

impl Names {
    pub(super) fn new(network: &Network, trace: &Trace) -> Self {
        Self { network: network.clone(), trace: trace.clone() }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let port = uri
            .port_u16()
            .unwrap_or_else(|| if uri.scheme_str() == Some("https") { 443 } else { 80 });
        // An IPv6 address stands in brackets.
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        let found = match plain.parse::<IpAddr>() {
            Ok(address) => vec![spoken(address)?],
            Err(_) => {
                self.trace.begin();
                let found = self.network.host.resolve(host);
                let found = found.map_err(|error| self.network.no_name(error))?;
                self.trace.step(|| format!("{host} is {}", in_a_row(&found)));
                found
            }
        };
        let mut all = self.empty();
        for address in found.into_iter().take(ADDRESSES) {
            all.push(SocketAddr::new(address, port));
        }
        if all.is_empty() { Err(Error::HostNotFound) } else { Ok(all) }
    }
}

fn in_a_row(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Makes connections.
pub(super) struct Dialler {
    host: Host,
    trace: Trace,
}

impl Dialler {
    pub(super) fn new(host: &Host, trace: &Trace) -> Self {
        Self { host: host.clone(), trace: trace.clone() }
    }
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}

impl Connector for Dialler {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<Connection>, Error> {
        let mut last = None;
        for address in &details.addrs {
            self.trace.begin();
            let made = match limit(details.timeout) {
                Some(limit) => TcpStream::connect_timeout(&self.host, address, limit),
                None => TcpStream::connect(&self.host, *address),
            };
            match made {
                Ok(stream) => {
                    let config = details.config;
                    self.trace.step(|| match stream.local_addr() {
                        Ok(local) => format!("connected to {address} from {local}"),
                        Err(_) => format!("connected to {address}"),
                    });
                    stream.set_nodelay(config.no_delay())?;
                    let stream = Arc::new(Stream(stream));
                    let handle = Arc::downgrade(&stream) as Weak<dyn ShutdownHandle>;
                    (details.register_shutdown)(handle)?;
                    let buffers =
                        LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
                    return Ok(Some(Connection { stream, buffers }));
                }
                Err(error) => {
                    self.trace.step(|| format!("{address}: {error}"));
                    last = Some(error);
                }
            }
        }
        Err(last.map_or(Error::ConnectionFailed, Error::Io))
    }
}

/// `ureq`'s time limit as the sockets take it.
fn limit(timeout: NextTimeout) -> Option<Duration> {
    timeout.not_zero().map(|limit| *limit)
}

struct Stream(TcpStream);

impl ShutdownHandle for Stream {
    fn shutdown(&self) {
        // An error means that it is closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// One connection.
pub(super) struct Connection {
    stream: Arc<Stream>,
    buffers: LazyBuffers,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.stream.0).finish()
    }
}

/// A socket's time-out as `ureq` knows it.
fn timed_out(error: io::Error, timeout: Timeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => Error::Timeout(timeout),
        _ => Error::Io(error),
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let stream = &self.stream.0;
        stream.set_write_timeout(limit(timeout))?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        (&*stream).write_all(output).map_err(|error| timed_out(error, timeout.reason))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let stream = &self.stream.0;
        stream.set_read_timeout(limit(timeout))?;
        let read = (&*stream).read(self.buffers.input_append_buf());
        let amount = read.map_err(|error| timed_out(error, timeout.reason))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        let stream = &self.stream.0;
        let _ = stream.set_nonblocking(true);
        // Nothing is expected: data or an end would be the previous answer's.
        let quiet = matches!(
            stream.peek(&mut [0]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock
        );
        let _ = stream.set_nonblocking(false);
        quiet
    }
}
