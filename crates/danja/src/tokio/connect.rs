//! Names for tasks, and connecting to the first of several endpoints that answers (RFC 8305).
//! Blocks no thread; the waiting is timed by the host's clock.

use super::ready::{attempt, wait_for};
use crate::host::{Host, Interest, Sleep};
use crate::net::{Socket, SocketKind, ToEndpoints, look_up};
use danja_stack::Instant;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// RFC 8305 §5: one recommended value for a default Connection Attempt Delay is 250 ms.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The endpoints that stand behind a name and a port, asked for over the host's own sockets: no
/// thread is blocked. Cancel safe: nothing is left behind.
///
/// # Errors
/// As [`Host::resolve`]; `InvalidInput` if the text is no endpoint.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let host = danja::Host::builder().build()?;
/// let found: Vec<_> = danja::tokio::lookup_host(&host, "localhost:80").await?.collect();
/// assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok(())
/// # }
/// ```
pub async fn lookup_host<T: ToEndpoints>(
    host: &Host,
    endpoints: T,
) -> io::Result<impl Iterator<Item = SocketAddr>> {
    Ok(look_up(host, &endpoints).await?.into_iter())
}

/// The error of an empty list, in std's words.
pub(super) fn nowhere() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
}

/// Tries `act` with each endpoint until one succeeds; the last error counts, as in tokio.
pub(super) fn first_of<T>(
    endpoints: Vec<SocketAddr>,
    mut act: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for endpoint in endpoints {
        match act(endpoint) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(nowhere))
}

/// A handshake under way.
struct Attempt {
    socket: Socket,
    remote: SocketAddr,
}

impl Attempt {
    fn poll(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_connect(context, self.remote)
    }
}

/// Attempts begin in the order of the list: when the one before has failed, or has not answered
/// within the delay. The first connection counts and the others are given up.
pub(super) async fn race(host: &Host, endpoints: Vec<SocketAddr>) -> io::Result<Socket> {
    let mut waiting = VecDeque::from(endpoints);
    let mut running: Vec<Attempt> = Vec::new();
    let mut next: Option<Sleep> = None;
    let mut last = None;
    poll_fn(|context| {
        attempt(context, |context| {
            loop {
                let mut position = 0;
                while let Some(one) = running.get(position) {
                    match one.poll(context) {
                        Poll::Pending => position += 1,
                        Poll::Ready(Ok(())) => {
                            return Poll::Ready(Ok(running.swap_remove(position).socket));
                        }
                        Poll::Ready(Err(error)) => {
                            running.remove(position);
                            last = Some(error);
                            next = None;
                        }
                    }
                }
                if next.as_mut().is_some_and(|sleep| !is_over(sleep, context)) {
                    return Poll::Pending;
                }
                let Some(remote) = waiting.pop_front() else {
                    next = None;
                    let failed = running.is_empty();
                    return match failed {
                        true => Poll::Ready(Err(last.take().unwrap_or_else(nowhere))),
                        false => Poll::Pending,
                    };
                };
                match Socket::for_address(host, remote, SocketKind::Stream) {
                    Ok(socket) => running.push(Attempt { socket, remote }),
                    Err(error) => last = Some(error),
                }
                let at = host.now() + ATTEMPT_DELAY;
                next = (!running.is_empty() && !waiting.is_empty()).then(|| sleep(host, at));
            }
        })
    })
    .await
}

fn sleep(host: &Host, at: Instant) -> Sleep {
    Sleep::new(host.clone(), at)
}

fn is_over(sleep: &mut Sleep, context: &Context<'_>) -> bool {
    let mut context = Context::from_waker(context.waker());
    Pin::new(sleep).poll(&mut context).is_ready()
}

/// Connects one socket, which may be in a state where it cannot.
pub(super) async fn connect(socket: &Socket, remote: SocketAddr) -> io::Result<()> {
    socket.start_connect(remote)?;
    wait_for(socket, Interest::Write, |mode| socket.connect_as(mode, remote)).await
}
