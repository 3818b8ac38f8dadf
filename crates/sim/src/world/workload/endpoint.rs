//! One side of a stream: sends its bytes, reads and checks the other's, ends as planned. Acts
//! only when it is told that its socket is ready, as a program does.

use super::content;
use super::plan::Pace;
use danja_stack::socket::{
    Fault, RecvError, RecvFlags, SendError, SendFlags, Shutdown, SocketFault, SocketOption,
};
use danja_stack::{SocketId, Stack};
use danja_wire::{Instant, Payload};

/// Bytes given to the stack at a time.
const CHUNK: u64 = 10_000;

/// How an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// All was sent, all was received, both directions ended.
    Whole,
    /// It reset the connection, as planned.
    Aborted,
    /// The stack reported this.
    Failed(SocketFault),
}

/// One side of a stream.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) socket: SocketId,
    /// Names the content that it sends, and the one that it receives.
    pub(super) sends: u64,
    pub(super) receives: u64,
    pub(super) to_send: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) expected: u64,
    /// Sends nothing before it has read to the end.
    pub(super) waits: bool,
    /// Resets the connection after so many bytes.
    pub(super) abort_after: Option<u64>,
    pub(super) pace: Pace,
    /// When it reads next, if it reads in its own time.
    pub(super) next_read: Option<Instant>,
    ended_sending: bool,
    read_all: bool,
    pub(super) end: Option<End>,
}

impl Endpoint {
    pub(super) fn new(socket: SocketId, contents: [u64; 2], bytes: [u64; 2], pace: Pace) -> Self {
        let ([sends, receives], [to_send, expected]) = (contents, bytes);
        Self {
            socket,
            sends,
            receives,
            to_send,
            sent: 0,
            received: 0,
            expected,
            waits: false,
            abort_after: None,
            pace,
            next_read: None,
            ended_sending: false,
            read_all: false,
            end: None,
        }
    }

    /// Does all that can be done now.
    ///
    /// # Errors
    /// What the stack did wrong.
    pub(super) fn act(&mut self, stack: &mut Stack, now: Instant) -> Result<(), String> {
        if self.end.is_some() {
            return Ok(());
        }
        self.read(stack, now)?;
        self.write(stack, now)?;
        if self.end.is_none() && self.ended_sending && self.read_all {
            self.end = Some(End::Whole);
            stack.close(self.socket, now).map_err(|error| format!("close: {error}"))?;
        }
        Ok(())
    }

    fn write(&mut self, stack: &mut Stack, now: Instant) -> Result<(), String> {
        if self.end.is_some() || self.ended_sending || (self.waits && !self.read_all) {
            return Ok(());
        }
        let limit = self.abort_after.unwrap_or(self.to_send);
        while self.sent < limit {
            let mut bytes = vec![0; (limit - self.sent).min(CHUNK) as usize];
            content::fill(self.sends, self.sent, &mut bytes);
            match stack.send(self.socket, &Payload::from(bytes), SendFlags::default(), now) {
                Ok(0) => {
                    return Err("send took nothing and did not say that it would block".to_owned());
                }
                Ok(taken) => self.sent += taken as u64,
                Err(SendError::WouldBlock) => return Ok(()),
                Err(SendError::Fault(fault)) => return self.fail(stack, fault, now),
                Err(SendError::BrokenPipe) => {
                    // The reader will find out why.
                    return self.read(stack, now);
                }
                Err(error) => return Err(format!("send: {error}")),
            }
        }
        if self.abort_after.is_some() {
            self.end = Some(End::Aborted);
            let linger = SocketOption::Linger(Some(core::time::Duration::ZERO));
            stack
                .set_option(self.socket, linger, now)
                .map_err(|error| format!("linger: {error}"))?;
            return stack.close(self.socket, now).map_err(|error| format!("close: {error}"));
        }
        self.ended_sending = true;
        match stack.shutdown(self.socket, Shutdown::Write, now) {
            Ok(()) => Ok(()),
            // Reset meanwhile; reading says so.
            Err(_) => self.read(stack, now),
        }
    }

    fn read(&mut self, stack: &mut Stack, now: Instant) -> Result<(), String> {
        while self.end.is_none() && !self.read_all {
            if self.next_read.is_some_and(|at| at > now) {
                return Ok(());
            }
            let mut slices = Vec::new();
            match stack.recv(self.socket, self.pace.chunk, RecvFlags::default(), &mut slices, now) {
                Ok(got) if got.bytes == 0 => self.read_all = true,
                Ok(got) => {
                    if !self.pace.gap.is_zero() {
                        self.next_read = Some(now + self.pace.gap);
                    }
                    self.check(&slices, got.bytes)?;
                }
                Err(RecvError::WouldBlock) => {
                    self.next_read = None;
                    return Ok(());
                }
                Err(RecvError::Fault(fault)) => return self.fail(stack, fault, now),
                Err(error) => return Err(format!("recv: {error}")),
            }
        }
        if self.read_all && self.end.is_none() && self.received != self.expected {
            return Err(format!(
                "the stream ended after {} of {} bytes",
                self.received, self.expected
            ));
        }
        Ok(())
    }

    fn check(&mut self, slices: &[Payload], bytes: usize) -> Result<(), String> {
        let before = self.received;
        for slice in slices {
            if let Some(at) = content::difference(self.receives, self.received, slice.as_slice()) {
                return Err(format!("byte {at} arrived changed"));
            }
            self.received += slice.len() as u64;
        }
        if self.received - before != bytes as u64 {
            return Err(format!("recv said {bytes} bytes and gave {}", self.received - before));
        }
        if self.received > self.expected {
            return Err(format!("{} bytes arrived, {} were sent", self.received, self.expected));
        }
        Ok(())
    }

    fn fail(&mut self, stack: &mut Stack, fault: SocketFault, now: Instant) -> Result<(), String> {
        self.end = Some(End::Failed(fault));
        stack.close(self.socket, now).map_err(|error| format!("close: {error}"))
    }

    /// Whether it ended with this kind of fault.
    pub(super) fn failed_with(&self, kind: Fault) -> bool {
        matches!(self.end, Some(End::Failed(fault)) if fault.kind == kind)
    }
}
