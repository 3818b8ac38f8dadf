//! The body of an answer: a text in memory, or a piece of a file that is read as it is sent.

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Read from a file at once, in bytes.
const CHUNK: u64 = 64 * 1024;

/// What is sent after the headers.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Bytes),
    File { file: File, left: u64 },
}

impl Body {
    /// Nothing.
    pub fn empty() -> Self {
        Self(Kind::Whole(Bytes::new()))
    }

    /// The next `length` bytes of a file, from where it stands. If the file is shorter, the
    /// transfer is broken off, so that the client knows.
    pub const fn file(file: File, length: u64) -> Self {
        Self(Kind::File { file, left: length })
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(Kind::Whole(text.into()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match &mut self.0 {
            Kind::Whole(bytes) if bytes.is_empty() => None,
            Kind::Whole(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Kind::File { left: 0, .. } => None,
            Kind::File { file, left } => {
                let mut chunk = Vec::new();
                let read = file.take(CHUNK.min(*left)).read_to_end(&mut chunk);
                *left = left.saturating_sub(chunk.len() as u64);
                Some(match read {
                    Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => Ok(Frame::data(chunk.into())),
                    Err(error) => Err(error),
                })
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::File { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.0 {
            Kind::Whole(bytes) => bytes.len() as u64,
            Kind::File { left, .. } => *left,
        })
    }
}
