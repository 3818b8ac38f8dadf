//! The same web server for the machine's own programs: on the machine's own TCP sockets, or on a
//! UNIX socket for programs of the same user.

use super::{Ends, IDLE, Request, Response, talk};
use crate::inspect::is_same_user;
use crate::stop::Stop;
use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cell::Cell;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
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

/// A web server on a UNIX socket, until this is dropped. Its file is not its own.
#[derive(Debug)]
pub struct UnixServer {
    path: PathBuf,
    stop: Stop,
}

impl UnixServer {
    /// Ends it, with its thread if its file is still there.
    pub(crate) fn end(&self) {
        self.stop.stop();
        let _ = UnixStream::connect(&self.path);
    }
}

impl Drop for UnixServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Answers requests, with bodies of at most `body` bytes, of this user's programs (and root's) on
/// a socket that listens already and has this path.
///
/// # Errors
/// The system gives no thread.
pub fn serve_unix(
    listener: UnixListener,
    path: &Path,
    body: usize,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> io::Result<UnixServer> {
    let stop = Stop::new();
    let ended = stop.clone();
    let listener = OwnUser { listener, body };
    let run = move || accept(&listener, &ended, &Arc::new(answer));
    thread::Builder::new().name("inspect".to_owned()).spawn(run)?;
    Ok(UnixServer { path: path.to_owned(), stop })
}

/// Where clients come from.
trait Listener: Send {
    type Stream: Stream;
    /// The next client; `None` if it is turned away.
    fn next(&self) -> io::Result<Option<(Self::Stream, Ends)>>;
}

/// A client's connection.
trait Stream: AsFd + Send + 'static {
    fn set_nonblocking(&self) -> io::Result<()>;
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn send(&self, data: &[u8]) -> io::Result<usize>;
    fn finish(&self) -> io::Result<()>;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn next(&self) -> io::Result<Option<(TcpStream, Ends)>> {
        let (stream, client) = self.accept()?;
        let ends = Ends { client, server: stream.local_addr()?, body: 0 };
        Ok(Some((stream, ends)))
    }
}

struct OwnUser {
    listener: UnixListener,
    body: usize,
}

impl Listener for OwnUser {
    type Stream = UnixStream;

    fn next(&self) -> io::Result<Option<(UnixStream, Ends)>> {
        let (stream, _) = self.listener.accept()?;
        // The directory keeps others out already.
        let ours = is_same_user(&stream)?;
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Ok(ours.then_some((stream, Ends { client: nowhere, server: nowhere, body: self.body })))
    }
}

macro_rules! stream {
    ($kind:ty) => {
        impl Stream for $kind {
            fn set_nonblocking(&self) -> io::Result<()> {
                <$kind>::set_nonblocking(self, true)
            }
            fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
                io::Read::read(&mut &*self, buffer)
            }
            fn send(&self, data: &[u8]) -> io::Result<usize> {
                io::Write::write(&mut &*self, data)
            }
            fn finish(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

stream!(TcpStream);
stream!(UnixStream);

fn accept<L: Listener>(
    listener: &L,
    stop: &Stop,
    answer: &Arc<impl Fn(&Request) -> Response + Send + Sync + 'static>,
) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = listener.next();
        if stop.is_stopped() {
            return;
        }
        let Ok(accepted) = accepted else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let Some((stream, ends)) = accepted else { continue };
        // One too many is closed at once; a browser asks again.
        if open.load(Ordering::SeqCst) >= CLIENTS {
            continue;
        }
        let (answer, stop, count) = (Arc::clone(answer), stop.clone(), Arc::clone(&open));
        count.fetch_add(1, Ordering::SeqCst);
        let body = move || {
            // Its end by error is the client's affair.
            let _ = serve_one(&stream, ends, &stop, answer);
            count.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("web client".to_owned()).spawn(body).is_err() {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Runs one connection on this thread: whenever it waits, the thread waits for the descriptor.
fn serve_one(
    stream: &impl Stream,
    ends: Ends,
    stop: &Stop,
    answer: Arc<impl Fn(&Request) -> Response>,
) -> io::Result<()> {
    stream.set_nonblocking()?;
    let waits_for = Rc::new(Cell::new(PollFlags::empty()));
    let io = MachineIo { stream, waits_for: Rc::clone(&waits_for), chunk: vec![0; CHUNK] };
    let mut connection = pin!(talk(io, ends, stop, answer));
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

struct MachineIo<'a, S> {
    stream: &'a S,
    /// What the connection found not ready since it was last polled.
    waits_for: Rc<Cell<PollFlags>>,
    chunk: Vec<u8>,
}

impl<S> MachineIo<'_, S> {
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

impl<S: Stream> Read for MachineIo<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = self.chunk.len().min(buffer.remaining());
        let this = &mut *self;
        let chunk = this.chunk.get_mut(..room).unwrap_or_default();
        let read = this.stream.receive(chunk).map(|count| {
            buffer.put_slice(chunk.get(..count).unwrap_or_default());
        });
        this.poll(read, PollFlags::IN)
    }
}

impl<S: Stream> Write for MachineIo<'_, S> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(self.stream.send(data), PollFlags::OUT)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.finish())
    }
}
