//! One side of a TCP stream: writes its bytes, checks the other's, and ends as planned. It acts
//! only on what events told it, so that an event that fails to come is noticed.

use super::content::Content;
use super::grounds::Grounds;
use super::plan::{Ending, SidePlan};
use crate::world::Random;
use danja_stack::socket::{
    Fault, RecvError, RecvFlags, SendError, SendFlags, Shutdown, ShutdownError, SocketFault,
    SocketOption,
};
use danja_stack::{Ready, SocketId, Stack};
use danja_wire::Instant;
use std::time::Duration;

/// How a side ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// It wrote all, and read all up to the end of the stream (or, if planned so, closed when all
    /// was read).
    Whole,
    /// It broke off as planned, having had this many bytes taken.
    BrokenOff,
    /// It was told of an error.
    Fault(Fault),
}

/// What a side knows of the other.
#[derive(Clone, Debug)]
pub(super) struct Peer<'a> {
    /// Bytes it is going to write.
    pub(super) bytes: u64,
    /// Bytes it wrote so far.
    pub(super) written: u64,
    /// It will not write any more.
    pub(super) finished: bool,
    /// It has broken off, as planned, or was told of an error.
    pub(super) broken_off: bool,
    /// Which errors are right.
    pub(super) grounds: Grounds<'a>,
}

/// Keep-alive's knobs of sides that probe.
pub(super) const KEEP_IDLE: Duration = Duration::from_secs(10);
pub(super) const KEEP_INTERVAL: Duration = Duration::from_secs(5);
pub(super) const KEEP_COUNT: u8 = 9;

/// One side.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) socket: SocketId,
    plan: SidePlan,
    says: Content,
    hears: Content,
    random: Random,
    readable: bool,
    writable: bool,
    pub(super) written: u64,
    pub(super) read: u64,
    write_at: Instant,
    read_at: Instant,
    /// Some of what it writes is urgent.
    urgent: bool,
    shut: bool,
    eof: bool,
    pub(super) end: Option<End>,
}

impl Side {
    /// A side whose connection is made.
    pub(super) fn new(
        socket: SocketId,
        plan: SidePlan,
        contents: [Content; 2],
        random: Random,
        now: Instant,
    ) -> Self {
        let [says, hears] = contents;
        Self {
            socket,
            plan,
            says,
            hears,
            random,
            readable: true,
            writable: true,
            written: 0,
            read: 0,
            write_at: now,
            read_at: now,
            urgent: false,
            shut: false,
            eof: false,
            end: None,
        }
    }

    /// Whether it will write no more.
    pub(super) const fn finished(&self) -> bool {
        self.shut || self.end.is_some()
    }

    /// Options that its plan asks for, whether it finds out when the peer is gone without a
    /// word, and whether bytes may be urgent.
    pub(super) fn prepare(
        &mut self,
        stack: &mut Stack,
        [probe, urgent]: [bool; 2],
        now: Instant,
    ) -> Result<(), String> {
        self.urgent = urgent;
        let habits = self.plan.habits;
        let mut options = vec![
            SocketOption::NoDelay(habits.no_delay),
            SocketOption::Cork(habits.cork),
            SocketOption::OutOfBandInline(urgent),
        ];
        if probe {
            options.push(SocketOption::KeepAlive(true));
            options.push(SocketOption::KeepIdle(KEEP_IDLE));
            options.push(SocketOption::KeepInterval(KEEP_INTERVAL));
            options.push(SocketOption::KeepCount(KEEP_COUNT));
        }
        for option in options {
            stack
                .set_option(self.socket, option, now)
                .map_err(|error| format!("{option:?}: {error}"))?;
        }
        Ok(())
    }

    /// The stack said that the socket is ready.
    pub(super) fn on_ready(&mut self, ready: Ready) {
        let ended = Ready::ERROR.with(Ready::HANG_UP);
        self.readable |= ready.intersects(Ready::READABLE.with(Ready::READ_CLOSED).with(ended));
        self.writable |= ready.intersects(Ready::WRITABLE.with(ended));
    }

    /// Does what can be done now; says when to be called again without an event.
    ///
    /// # Errors
    /// The stack did something wrong.
    pub(super) fn drive(
        &mut self,
        stack: &mut Stack,
        peer: &Peer<'_>,
        now: Instant,
    ) -> Result<Option<Instant>, String> {
        if self.end.is_some() {
            return Ok(None);
        }
        self.write(stack, peer, now)?;
        self.read(stack, peer, now)?;
        self.finish(stack, peer, now)?;
        if self.end.is_some() {
            return Ok(None);
        }
        let write = (self.writable && self.written < self.plan.bytes).then_some(self.write_at);
        let read = (self.readable && !self.eof).then_some(self.read_at);
        Ok(write.into_iter().chain(read).filter(|at| *at > now).min())
    }

    /// How much is left until it breaks off.
    const fn until_break(&self) -> u64 {
        match self.plan.ending {
            Ending::Reset(at) | Ending::Abandon(at) => at.saturating_sub(self.written + self.read),
            _ => u64::MAX,
        }
    }

    fn write(&mut self, stack: &mut Stack, peer: &Peer<'_>, now: Instant) -> Result<(), String> {
        while self.writable && self.end.is_none() && now >= self.write_at {
            let left = (self.plan.bytes - self.written).min(self.until_break());
            if left == 0 {
                return Ok(());
            }
            self.resize(stack, now)?;
            let length = self.random.size(1, self.plan.write.chunk).min(left as usize);
            let data = self.says.payload(self.written, length);
            let more = self.random.percent(3);
            let urgent = self.urgent && self.random.percent(10);
            let flags = SendFlags { more, urgent, ..SendFlags::default() };
            match stack.send(self.socket, &data, flags, now) {
                Ok(0) => return Err(format!("send took none of {length} bytes and said nothing")),
                Ok(taken) if taken > length => {
                    return Err(format!("send took {taken} of {length} bytes"));
                }
                Ok(taken) => self.written += taken as u64,
                Err(SendError::WouldBlock) => {
                    self.writable = false;
                    if stack.readiness(self.socket).intersects(Ready::WRITABLE) {
                        return Err("send gives WouldBlock on a writable socket".to_owned());
                    }
                }
                Err(SendError::Fault(fault)) => self.fail(fault, stack, peer, now)?,
                Err(SendError::BrokenPipe) => {
                    let fault = SocketFault { kind: Fault::BrokenPipe, cause: None };
                    self.fail(fault, stack, peer, now)?;
                }
                Err(error) => return Err(format!("send: {error}")),
            }
            if !self.plan.write.gap.is_zero() {
                self.write_at = now + self.plan.write.gap;
            }
        }
        Ok(())
    }

    fn read(&mut self, stack: &mut Stack, peer: &Peer<'_>, now: Instant) -> Result<(), String> {
        let mut slices = Vec::new();
        while self.readable && !self.eof && self.end.is_none() && now >= self.read_at {
            let left = self.until_break();
            if left == 0 {
                return Ok(());
            }
            let most = self.random.size(1, self.plan.read.chunk).min(left as usize);
            slices.clear();
            let peeked = self.peek(most, stack, peer, now)?;
            if self.end.is_some() {
                return Ok(());
            }
            match stack.recv(self.socket, most, RecvFlags::default(), &mut slices, now) {
                Ok(received) => {
                    let sum: usize = slices.iter().map(danja_wire::Payload::len).sum();
                    if received.bytes != sum || sum > most {
                        let says = received.bytes;
                        return Err(format!("recv of {most} says {says} and gives {sum} bytes"));
                    }
                    if let Some(at) = self.hears.difference(self.read, &slices) {
                        return Err(format!("byte {at} is not what was sent"));
                    }
                    if sum < peeked {
                        return Err(format!("{peeked} bytes were peeked at, {sum} were read"));
                    }
                    self.read += sum as u64;
                    if self.read > peer.written {
                        let (read, written) = (self.read, peer.written);
                        return Err(format!("{read} bytes were read, {written} were written"));
                    }
                    if sum == 0 {
                        self.at_eof(peer)?;
                    }
                }
                Err(RecvError::WouldBlock) => {
                    self.readable = false;
                    if stack.readiness(self.socket).intersects(Ready::READABLE) {
                        return Err("recv gives WouldBlock on a readable socket".to_owned());
                    }
                }
                Err(RecvError::Fault(fault)) => self.fail(fault, stack, peer, now)?,
                Err(error) => return Err(format!("recv: {error}")),
            }
            if !self.plan.read.gap.is_zero() {
                self.read_at = now + self.plan.read.gap;
            }
        }
        Ok(())
    }

    /// Looks at what is there, perhaps; says how many bytes it saw.
    fn peek(
        &mut self,
        most: usize,
        stack: &mut Stack,
        peer: &Peer<'_>,
        now: Instant,
    ) -> Result<usize, String> {
        if !self.plan.habits.peeks || self.random.percent(50) {
            return Ok(0);
        }
        let mut slices = Vec::new();
        let flags = RecvFlags { peek: true, ..RecvFlags::default() };
        let seen = match stack.recv(self.socket, most, flags, &mut slices, now) {
            Ok(seen) => seen,
            Err(RecvError::Fault(fault)) => {
                self.fail(fault, stack, peer, now)?;
                return Ok(0);
            }
            Err(_) => return Ok(0),
        };
        match self.hears.difference(self.read, &slices) {
            Some(at) => Err(format!("byte {at}, peeked at, is not what was sent")),
            None => Ok(seen.bytes),
        }
    }

    /// Changes the size of a buffer, perhaps.
    fn resize(&mut self, stack: &mut Stack, now: Instant) -> Result<(), String> {
        if !self.plan.habits.resizes || !self.random.percent(5) {
            return Ok(());
        }
        let size = self.random.size(2_048, 262_144);
        let option = if self.random.percent(50) {
            SocketOption::SendBuffer(size)
        } else {
            SocketOption::ReceiveBuffer(size)
        };
        stack.set_option(self.socket, option, now).map_err(|error| format!("{option:?}: {error}"))
    }

    /// The stream ended: every byte that was written must have come.
    fn at_eof(&mut self, peer: &Peer<'_>) -> Result<(), String> {
        self.eof = true;
        let (read, written) = (self.read, peer.written);
        if !peer.finished && !peer.broken_off {
            return Err(format!("the stream ended after {read} bytes; its sender did not end it"));
        }
        if read != written || (read != peer.bytes && !peer.broken_off) {
            return Err(format!("the stream ended after {read} of {written} bytes"));
        }
        Ok(())
    }

    fn fail(
        &mut self,
        fault: SocketFault,
        stack: &mut Stack,
        peer: &Peer<'_>,
        now: Instant,
    ) -> Result<(), String> {
        if let Err(why) = peer.grounds.judge(fault) {
            let (read, written) = (self.read, self.written);
            return Err(format!("{fault:?} after {read} bytes read and {written} written: {why}"));
        }
        self.close(End::Fault(fault.kind), stack, now)
    }

    /// Ends the side if its plan says so.
    fn finish(&mut self, stack: &mut Stack, peer: &Peer<'_>, now: Instant) -> Result<(), String> {
        if self.end.is_some() {
            return Ok(());
        }
        let all_written = self.written == self.plan.bytes;
        if all_written && self.plan.habits.cork {
            self.plan.habits.cork = false;
            stack
                .set_option(self.socket, SocketOption::Cork(false), now)
                .map_err(|error| format!("cork: {error}"))?;
        }
        match self.plan.ending {
            Ending::Shutdown => {
                if all_written && !self.shut {
                    self.shut = true;
                    match stack.shutdown(self.socket, Shutdown::Write, now) {
                        // What ended it, the next call says, and that is judged.
                        Ok(()) | Err(ShutdownError::NotConnected) => {}
                        Err(error) => return Err(format!("shutdown: {error}")),
                    }
                }
                if self.shut && self.eof {
                    self.close(End::Whole, stack, now)?;
                }
            }
            Ending::Wait if all_written && self.eof => self.close(End::Whole, stack, now)?,
            Ending::Close if all_written && (self.eof || self.read == peer.bytes) => {
                self.close(End::Whole, stack, now)?;
            }
            Ending::Reset(at) if self.written + self.read >= at => {
                let linger = SocketOption::Linger(Some(Duration::ZERO));
                stack
                    .set_option(self.socket, linger, now)
                    .map_err(|error| format!("linger: {error}"))?;
                self.close(End::BrokenOff, stack, now)?;
            }
            Ending::Abandon(at) if self.written + self.read >= at => {
                self.close(End::BrokenOff, stack, now)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, end: End, stack: &mut Stack, now: Instant) -> Result<(), String> {
        self.end = Some(end);
        stack.close(self.socket, now).map_err(|error| format!("close: {error}"))
    }
}
