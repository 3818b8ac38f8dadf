//! Two connections made one: bytes both ways, ends and resets passed on. What one side does not
//! take is not read from the other.

use danja::net::{Interest, RecvFlags, SendFlags, Shutdown, Socket, SocketOption};
use danja::stack::Payload;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Bytes that are carried in one go.
const CHUNK: usize = 256 * 1024;

/// Carries everything between two connections until both directions have ended, or one of them
/// was reset, which resets the other.
pub(super) async fn splice(one: Socket, other: Socket) {
    for socket in [&one, &other] {
        // The sockets are new; neither call fails.
        let _ = socket.set_nonblocking(true);
        let _ = socket.set_option(SocketOption::NoDelay(true));
    }
    let carried = both(carry(&one, &other), carry(&other, &one)).await;
    if carried.is_err() {
        for socket in [&one, &other] {
            // Closing it then resets the connection.
            let _ = socket.set_option(SocketOption::Linger(Some(Duration::ZERO)));
        }
    }
}

/// Both to their ends, or to the first error.
async fn both(
    one: impl Future<Output = io::Result<()>>,
    other: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let mut ended = [false; 2];
    poll_fn(|context| {
        if !ended[0]
            && let Poll::Ready(result) = one.as_mut().poll(context)
        {
            result?;
            ended[0] = true;
        }
        if !ended[1]
            && let Poll::Ready(result) = other.as_mut().poll(context)
        {
            result?;
            ended[1] = true;
        }
        if ended == [true; 2] { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// One direction, until its end, which is passed on.
async fn carry(from: &Socket, to: &Socket) -> io::Result<()> {
    let mut slices = Vec::new();
    loop {
        let received = loop {
            match from.recv_payloads(CHUNK, RecvFlags::default(), &mut slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    from.ready(Interest::Read).await;
                }
                result => break result?,
            }
        };
        if received.bytes == 0 {
            // It may have been reset meanwhile, which the other direction will find.
            let _ = to.shutdown(Shutdown::Write);
            return Ok(());
        }
        for slice in slices.drain(..) {
            send(to, slice).await?;
        }
        yields().await;
    }
}

async fn send(to: &Socket, mut slice: Payload) -> io::Result<()> {
    while !slice.is_empty() {
        match to.send_payload(&slice, SendFlags::default()) {
            Ok(count) => slice.advance(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                to.ready(Interest::Write).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lets other tasks have a turn.
async fn yields() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
