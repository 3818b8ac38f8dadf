//! Two connections that are one: a socket of the router's host, and one of the machine. Bytes are
//! moved both ways with half close, resets and back-pressure, and are not looked at.
//!
//! Nothing here waits. What one side does not take is not read from the other: that is the
//! back-pressure. A connection that one side broke off is reset on the other: half a transfer must
//! not look like a whole one.

use crate::flows::{Entry, FlowState};
use danja::net::{Interest, RecvFlags, SendFlags, Shutdown, Socket, SocketOption};
use danja::stack::{Payload, Ready};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::EventFlags;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, read};
use rustix::net::{self, SendAncillaryBuffer, sockopt};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::Context;
use std::time::Duration;

/// Read from the machine at once, in bytes: below what an allocator asks the kernel for each time.
const CHUNK: usize = 64 * 1024;
/// Taken from the LAN's socket at once, in bytes.
const TAKE: usize = 512 * 1024;
/// Pieces given to the machine in one call.
const PIECES: usize = 64;
/// Turns of one direction before other flows have theirs.
const TURNS: usize = 16;

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Both directions, in order.
    Closed,
    /// By force.
    Reset,
}

/// What moving came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moved {
    /// Whoever is waited for will tell.
    Waits,
    /// There is more to do, after others.
    More,
    /// It is over.
    Ended(Ended),
}

/// The machine's side, as epoll told of it last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    readable: bool,
    writable: bool,
    /// The end is behind what can be read.
    ends: bool,
    failed: bool,
}

impl Machine {
    pub(super) const fn new() -> Self {
        Self { readable: false, writable: false, ends: false, failed: false }
    }

    /// A connection that is begun has an outcome.
    pub(super) const fn has_news(self) -> bool {
        self.writable || self.failed || self.ends
    }

    /// Edges: what is true stays true until a call finds otherwise.
    pub(super) fn on_event(&mut self, flags: EventFlags) {
        self.readable |= flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP);
        self.writable |= flags.intersects(EventFlags::OUT | EventFlags::HUP);
        self.ends |= flags.intersects(EventFlags::RDHUP | EventFlags::HUP);
        self.failed |= flags.contains(EventFlags::ERR);
    }
}

/// Whether a direction's end has come, and has been passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Open,
    Came,
    Passed,
}

/// The two sides.
pub(super) struct Splice {
    lan: Socket,
    machine: OwnedFd,
    state: Machine,
    /// From the machine, not yet taken by the LAN.
    down: Option<Payload>,
    down_end: End,
    /// From the LAN, not yet taken by the machine.
    up: VecDeque<Payload>,
    up_end: End,
    /// The machine's side has failed: its end is none in order.
    broken: bool,
    entry: Entry,
}

impl Splice {
    pub(super) fn new(
        lan: Socket,
        machine: OwnedFd,
        state: Machine,
        entry: Entry,
    ) -> io::Result<Self> {
        lan.set_nonblocking(true)?;
        lan.set_option(SocketOption::NoDelay(true))?;
        entry.figures.enter(FlowState::Open);
        Ok(Self {
            lan,
            machine,
            state,
            down: None,
            down_end: End::Open,
            up: VecDeque::new(),
            up_end: End::Open,
            broken: false,
            entry,
        })
    }

    pub(super) fn on_event(&mut self, flags: EventFlags) {
        self.state.on_event(flags);
    }

    /// Whether the LAN's reset could go unheard, since the machine takes nothing.
    pub(super) fn is_stalled(&self) -> bool {
        !self.up.is_empty()
    }

    /// Moves what can be moved. `chunk` is any worker's buffer.
    pub(super) fn run(&mut self, context: &Context<'_>, chunk: &mut Vec<u8>) -> Moved {
        let moved = match self.move_both(context, chunk) {
            Ok(more) if more => Moved::More,
            Ok(_) if self.down_end == End::Passed && self.up_end == End::Passed => {
                Moved::Ended(Ended::Closed)
            }
            Ok(_) => Moved::Waits,
            Err(_) => Moved::Ended(Ended::Reset),
        };
        if moved == Moved::Ended(Ended::Reset) {
            self.reset();
        }
        moved
    }

    /// Makes both connections end with a reset when this is dropped.
    pub(super) fn reset(&self) {
        // The side that has failed already has nothing to say to this.
        reset_machine(&self.machine);
        let _ = self.lan.set_option(SocketOption::Linger(Some(Duration::ZERO)));
    }

    fn move_both(&mut self, context: &Context<'_>, chunk: &mut Vec<u8>) -> io::Result<bool> {
        if std::mem::take(&mut self.state.failed)
            && let Err(error) = sockopt::socket_error(&self.machine)?
        {
            // What came before the reset still goes on, as far as the LAN takes it.
            (self.broken, self.state.readable) = (true, true);
            let _ = self.move_down(context, chunk);
            return Err(error.into());
        }
        if self.is_stalled() && self.lan.readiness().intersects(Ready::ERROR) {
            return Err(Errno::CONNRESET.into());
        }
        let down = self.move_down(context, chunk)?;
        Ok(self.move_up(context)? || down)
    }

    /// From the machine to the LAN.
    fn move_down(&mut self, context: &Context<'_>, chunk: &mut Vec<u8>) -> io::Result<bool> {
        for _ in 0..TURNS {
            if let Some(payload) = &mut self.down {
                match self.lan.send_payload(payload, SendFlags::default()) {
                    Ok(count) => {
                        self.entry.figures.received(count);
                        payload.advance(count);
                        if payload.is_empty() {
                            self.down = None;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.lan.poll_ready(Interest::Write, context).is_pending() {
                            return Ok(false);
                        }
                    }
                    Err(error) => return Err(error),
                }
                continue;
            }
            match self.down_end {
                End::Passed => return Ok(false),
                End::Came if self.broken => return Ok(false),
                End::Came => {
                    self.lan.shutdown(Shutdown::Write)?;
                    self.down_end = End::Passed;
                    self.entry.figures.enter(FlowState::HalfClosed);
                    return Ok(false);
                }
                End::Open if !self.state.readable => return Ok(false),
                End::Open => self.read_machine(chunk)?,
            }
        }
        Ok(true)
    }

    fn read_machine(&mut self, chunk: &mut Vec<u8>) -> io::Result<()> {
        chunk.clear();
        chunk.reserve_exact(CHUNK);
        match read(&self.machine, spare_capacity(chunk)) {
            Ok(0) => self.down_end = End::Came,
            Ok(count) => {
                // A short read has emptied the socket, unless its end is behind that.
                self.state.readable = count >= CHUNK || self.state.ends;
                self.down = Some(if count < CHUNK / 2 {
                    Payload::copy_from_slice(chunk)
                } else {
                    Payload::from(std::mem::take(chunk))
                });
            }
            Err(Errno::AGAIN) => self.state.readable = false,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// From the LAN to the machine.
    fn move_up(&mut self, context: &Context<'_>) -> io::Result<bool> {
        for _ in 0..TURNS {
            if !self.up.is_empty() {
                if !self.state.writable || !self.write_machine()? {
                    // A reset of the LAN's side shall be heard although nothing is read of it.
                    let _ = self.lan.poll_ready(Interest::Urgent, context);
                    return Ok(false);
                }
                continue;
            }
            match self.up_end {
                End::Passed => return Ok(false),
                End::Came => {
                    shut_down(&self.machine)?;
                    self.up_end = End::Passed;
                    self.entry.figures.enter(FlowState::HalfClosed);
                    return Ok(false);
                }
                End::Open => {
                    if !self.read_lan(context)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// `false` if nothing is there.
    fn read_lan(&mut self, context: &Context<'_>) -> io::Result<bool> {
        let mut slices = Vec::new();
        match self.lan.recv_payloads(TAKE, RecvFlags::default(), &mut slices) {
            Ok(received) if received.bytes == 0 => self.up_end = End::Came,
            Ok(_) => self.up.extend(slices),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(self.lan.poll_ready(Interest::Read, context).is_ready());
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// `false` if the machine takes no more for now.
    fn write_machine(&mut self) -> io::Result<bool> {
        let pieces = self.up.iter().take(PIECES);
        let pieces: Vec<IoSlice<'_>> = pieces.map(|piece| IoSlice::new(piece.as_slice())).collect();
        let mut nothing = SendAncillaryBuffer::default();
        let sent = net::sendmsg(&self.machine, &pieces, &mut nothing, net::SendFlags::NOSIGNAL);
        match sent {
            Ok(mut count) => {
                self.entry.figures.sent(count);
                while let Some(first) = self.up.front_mut() {
                    if first.len() > count {
                        first.advance(count);
                        break;
                    }
                    count -= first.len();
                    self.up.pop_front();
                }
                Ok(true)
            }
            Err(Errno::AGAIN) => {
                self.state.writable = false;
                Ok(false)
            }
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Ends what the machine sends.
fn shut_down(machine: &OwnedFd) -> io::Result<()> {
    match net::shutdown(machine, net::Shutdown::Write) {
        // Its peer was quicker, and has closed both.
        Err(Errno::NOTCONN) => Ok(()),
        result => Ok(result?),
    }
}

/// Makes a connection of the machine end with a reset when it is dropped.
pub(super) fn reset_machine(machine: &OwnedFd) {
    let _ = sockopt::set_socket_linger(machine, Some(Duration::ZERO));
}
