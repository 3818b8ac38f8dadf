//! `hyper`'s input and output on a stream of ours: non-blocking calls and the host's wakers.

use danja::net::{RecvFlags, SendFlags, Shutdown, TcpStream};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// A stream that `hyper` can drive.
pub(super) struct StreamIo {
    stream: TcpStream,
    chunk: Vec<u8>,
}

impl StreamIo {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, chunk: vec![0; CHUNK] }
    }
}

impl Read for StreamIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, chunk } = &mut *self;
        let room = chunk.len().min(buffer.remaining());
        let chunk = chunk.get_mut(..room).unwrap_or_default();
        match stream.as_socket().poll_recv(context, chunk, RecvFlags::default()) {
            Poll::Ready(Ok(received)) => {
                buffer.put_slice(chunk.get(..received.bytes).unwrap_or_default());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Write for StreamIo {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_socket().poll_send(context, data, SendFlags::default())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown(Shutdown::Write))
    }
}
