//! The same web server for the machine's own programs, on the machine's own sockets.

use super::{IDLE, Request, Response, talk};
use crate::stop::Stop;
use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cell::Cell;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// Clients at once.
const CLIENTS: usize = 32;
/// Read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// A web server on the machine, until this is dropped.
#[derive(Debug)]
pub struct MachineServer {
    address: SocketAddr,
    stop: Stop,
}

impl MachineServer {
    /// The machine's endpoint, with the port that was chosen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MachineServer {
    fn drop(&mut self) {
        self.stop.stop();
        // The machine's `accept` ends with a connection, so it gets one.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

/// Answers requests of the machine's own programs at this endpoint of the machine.
///
/// # Errors
/// The endpoint cannot be had, or the system gives no thread.
pub fn serve_machine(
    on: SocketAddr,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> io::Result<MachineServer> {
    let listener = TcpListener::bind(on)?;
    let address = listener.local_addr()?;
    let stop = Stop::new();
    let ended = stop.clone();
    let body = move || accept(&listener, &ended, &Arc::new(answer));
    thread::Builder::new().name(format!("web {}", address.port())).spawn(body)?;
    Ok(MachineServer { address, stop })
}

fn accept(
    listener: &TcpListener,
    stop: &Stop,
    answer: &Arc<impl Fn(&Request) -> Response + Send + Sync + 'static>,
) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = listener.accept();
        if stop.is_stopped() {
            return;
        }
        let Ok((stream, client)) = accepted else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        // One too many is closed at once; a browser asks again.
        if open.load(Ordering::SeqCst) >= CLIENTS {
            continue;
        }
        let (answer, stop, count) = (Arc::clone(answer), stop.clone(), Arc::clone(&open));
        count.fetch_add(1, Ordering::SeqCst);
        let body = move || {
            // Its end by error is the client's affair.
            let _ = serve_one(&stream, client, &stop, answer);
            count.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("web client".to_owned()).spawn(body).is_err() {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Runs one connection on this thread: whenever it waits, the thread waits for the descriptor.
fn serve_one(
    stream: &TcpStream,
    client: SocketAddr,
    stop: &Stop,
    answer: Arc<impl Fn(&Request) -> Response>,
) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let waits_for = Rc::new(Cell::new(PollFlags::empty()));
    let io = MachineIo { stream, waits_for: Rc::clone(&waits_for), chunk: vec![0; CHUNK] };
    let mut connection = pin!(talk(io, (client, stream.local_addr()?), stop, answer));
    let mut context = Context::from_waker(Waker::noop());
    let idle = Timespec { tv_sec: IDLE.as_secs().cast_signed(), tv_nsec: 0 };
    loop {
        waits_for.set(PollFlags::empty());
        if connection.as_mut().poll(&mut context).is_ready() {
            return Ok(());
        }
        let mut descriptors = [PollFd::new(stream, waits_for.get())];
        if poll(&mut descriptors, Some(&idle))? == 0 {
            return Ok(());
        }
    }
}

struct MachineIo<'a> {
    stream: &'a TcpStream,
    /// What the connection found not ready since it was last polled.
    waits_for: Rc<Cell<PollFlags>>,
    chunk: Vec<u8>,
}

impl MachineIo<'_> {
    fn poll<T>(&self, result: io::Result<T>, flag: PollFlags) -> Poll<io::Result<T>> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.waits_for.set(self.waits_for.get() | flag);
                Poll::Pending
            }
            other => Poll::Ready(other),
        }
    }
}

impl Read for MachineIo<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = self.chunk.len().min(buffer.remaining());
        let this = &mut *self;
        let chunk = this.chunk.get_mut(..room).unwrap_or_default();
        let read = this.stream.read(chunk).map(|count| {
            buffer.put_slice(chunk.get(..count).unwrap_or_default());
        });
        this.poll(read, PollFlags::IN)
    }
}

impl Write for MachineIo<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut stream = self.stream;
        self.poll(stream.write(data), PollFlags::OUT)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown(Shutdown::Write))
    }
}
