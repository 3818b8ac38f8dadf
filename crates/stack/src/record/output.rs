//! What came of an input, small enough to be kept for each: results as they are, of bytes their
//! number and a digest.

use crate::discard::Discard;
use crate::event::Event;
use crate::interface::InterfaceId;
use crate::socket::{
    AcceptError, BindError, CloseError, ConnectError, ListenError, OptionError, Received,
    RecvError, SendError, ShutdownError, SocketError, SocketFault, SocketId, VerdictError,
};
use core::hash::Hasher;
use core::net::SocketAddr;
use danja_wire::{ChecksumState, Frame, Payload};
use siphasher::sip::SipHasher13;

/// What came of an [`Input`](super::Input).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the methods of Stack say it")]
pub enum Output {
    /// The door gives nothing.
    Nothing,
    /// Of administration.
    Answer(bool),
    Interface(Option<InterfaceId>),
    Injected(Result<(), Discard>),
    Socket(Result<SocketId, SocketError>),
    Bound(Result<(), BindError>),
    Listening(Result<(), ListenError>),
    Connected(Result<(), ConnectError>),
    Accepted(Result<(SocketId, SocketAddr), AcceptError>),
    Verdict(Result<(), VerdictError>),
    Sent(Result<usize, SendError>),
    /// With what was received.
    Received(Result<(Received, Sum), RecvError>),
    Shutdown(Result<(), ShutdownError>),
    Closed(Result<(), CloseError>),
    OptionSet(Result<(), OptionError>),
    Fault(Option<SocketFault>),
    /// A frame to send.
    Frame(Option<Sum>),
    Event(Option<Event>),
    /// A packet that no socket claimed.
    Unclaimed(Option<Sum>),
}

/// Bytes that came out, in short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sum {
    /// How many.
    pub bytes: usize,
    /// A digest of them, and of all that came out of this stack before: half of a SipHash-1-3.
    /// Of a frame it includes what the adapter is asked to do.
    pub digest: u32,
}

/// The digest of all bytes so far.
#[derive(Default)]
pub(super) struct Digest(SipHasher13);

impl Digest {
    fn sum(&self, bytes: usize) -> Sum {
        Sum { bytes, digest: self.0.finish() as u32 }
    }

    pub(super) fn frame(&mut self, frame: &Frame) -> Sum {
        let hasher = &mut self.0;
        hasher.write_u16(frame.offload.segment_size);
        match frame.offload.checksum {
            ChecksumState::Complete => hasher.write_u8(0),
            ChecksumState::Partial { start, offset } => {
                hasher.write_u8(1);
                hasher.write_u16(start);
                hasher.write_u16(offset);
            }
            ChecksumState::Verified => hasher.write_u8(2),
        }
        hasher.write_usize(frame.len());
        hasher.write(frame.header());
        frame.slices().iter().for_each(|slice| hasher.write(slice.as_slice()));
        self.sum(frame.len())
    }

    pub(super) fn payload(&mut self, slices: &[Payload]) -> Sum {
        let bytes = slices.iter().fold(0, |sum: usize, slice| sum.saturating_add(slice.len()));
        self.0.write_usize(bytes);
        slices.iter().for_each(|slice| self.0.write(slice.as_slice()));
        self.sum(bytes)
    }
}
