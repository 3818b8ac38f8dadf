//! Two connections made one: bytes both ways, ends and resets passed on. What one side does not
//! take is not read from the other.

use danja::net::{Interest, RecvFlags, SendFlags, Shutdown, Socket, SocketOption};
use danja::stack::Payload;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that are carried in one go.
const CHUNK: usize = 256 * 1024;

/// What the program has sent and is not yet with the host's sockets: how many of its connections
/// may still have something, and how much came of all.
#[derive(Default, Debug)]
pub(super) struct Uplinks {
    open: AtomicUsize,
    bytes: AtomicU64,
}

impl Uplinks {
    /// Waits until all that the program has sent is with the host, if it goes on at all: gives
    /// up when nothing has moved for as long as `patience`.
    pub(super) fn drain(&self, patience: Duration) {
        let (mut bytes, mut since) = (0, Instant::now());
        while self.open.load(Ordering::SeqCst) > 0 && since.elapsed() < patience {
            thread::sleep(Duration::from_millis(1));
            let now = self.bytes.load(Ordering::SeqCst);
            if now != bytes {
                (bytes, since) = (now, Instant::now());
            }
        }
    }
}

/// One connection of the program's, as long as it may send.
pub(super) struct Uplink(Arc<Uplinks>);

impl Uplink {
    pub(super) fn new(uplinks: &Arc<Uplinks>) -> Self {
        uplinks.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(uplinks))
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Carries everything between a program's connection and the one that continues it, until both
/// directions have ended, or one of them was reset, which resets the other.
pub(super) async fn splice(program: Socket, outside: Socket, uplink: Uplink) {
    for socket in [&program, &outside] {
        // The sockets are new; neither call fails.
        let _ = socket.set_nonblocking(true);
        let _ = socket.set_option(SocketOption::NoDelay(true));
    }
    let up = async {
        let carried = carry(&program, &outside, Some(&uplink.0.bytes)).await;
        drop(uplink);
        carried
    };
    if both(up, carry(&outside, &program, None)).await.is_err() {
        for socket in [&program, &outside] {
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
async fn carry(from: &Socket, to: &Socket, counted: Option<&AtomicU64>) -> io::Result<()> {
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
            let length = slice.len() as u64;
            send(to, slice).await?;
            counted.iter().for_each(|bytes| _ = bytes.fetch_add(length, Ordering::SeqCst));
        }
        // Others have a turn.
        tokio::task::yield_now().await;
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
