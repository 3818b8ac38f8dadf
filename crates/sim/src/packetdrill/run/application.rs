//! The application of a script: its descriptors, and its calls mapped onto the stack's. A call
//! that would block is asked again after each thing that happens.

use super::machine::{LOCAL, Machine, PORT, REMOTE};
use super::values::{Errno, errno_name, member, number};
use super::{Personality, Stop, transfer};
use crate::packetdrill::ast::{Call, Expression};
use danja_stack::socket::{ConnectError, Domain, Shutdown, SocketKind};
use danja_stack::views::TcpState;
use danja_stack::{Ready, SocketId};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};

/// One of the script's descriptors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handle {
    pub(super) socket: SocketId,
    pub(super) nonblocking: bool,
}

/// What a call gave.
pub(super) enum Answer {
    /// It goes on.
    Blocked,
    /// It returned this number.
    Returned(i64),
    /// It returned -1 with this error.
    Failed(&'static str),
    /// It returned a descriptor for this socket.
    Opened(Handle),
}

/// Which connection is under test from now on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    /// The stack connects, from the first endpoint to the second.
    Active(SocketAddrV4, SocketAddrV4),
    /// The stack listens: the next SYN begins it.
    Passive,
}

/// What a call that goes on has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// It has been asked before.
    pub(super) begun: bool,
    /// Bytes transferred.
    pub(super) bytes: usize,
}

/// The script's process.
pub(super) struct Application {
    pub(super) personality: Personality,
    handles: BTreeMap<i64, Handle>,
    /// The newest socket that is or will be a connection: the one `%{ }%` speaks about.
    pub(super) newest: Option<SocketId>,
    /// Set by a call that makes another connection the one under test.
    pub(super) subject: Option<Subject>,
}

impl Application {
    pub(super) const fn new(personality: Personality) -> Self {
        Self { personality, handles: BTreeMap::new(), newest: None, subject: None }
    }

    /// Does a call, or goes on with it, and checks what it wrote into its arguments.
    pub(super) fn attempt(
        &mut self,
        m: &mut Machine,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Answer, Stop> {
        let answer = match call.name.as_str() {
            "socket" => self.socket(m, call)?,
            "bind" => self.bind(m, call)?,
            "listen" => self.listen(m, call)?,
            "accept" | "accept4" => self.accept(m, call)?,
            "connect" => self.connect(m, call, *progress)?,
            "read" | "recv" | "recvfrom" | "readv" | "recvmsg" => {
                let handle = self.handle(call)?;
                transfer::receive(m, handle, call, self.personality, progress)?
            }
            "write" | "send" | "sendto" | "writev" | "sendmsg" => {
                let handle = self.handle(call)?;
                transfer::send(m, handle, call, self.personality, progress)?
            }
            "close" => self.close(m, call)?,
            "shutdown" => self.shutdown(m, call)?,
            "fcntl" => self.fcntl(call)?,
            "ioctl" => super::options::ioctl(m, self.handle(call)?, call, self.personality)?,
            "getsockopt" => super::options::get(m, self.handle(call)?, call, self.personality)?,
            "setsockopt" => super::options::set(m, self.handle(call)?, call, self.personality)?,
            "poll" => self.poll(m, call)?,
            other => return Err(Stop::Skip(format!("the call {other} is not simulated"))),
        };
        progress.begun = true;
        m.collect();
        Ok(answer)
    }

    /// Compares what a call gave with what the script says, and names a new descriptor.
    pub(super) fn finish(&mut self, call: &Call, answer: &Answer) -> Result<(), Stop> {
        let expected = match &call.result {
            Expression::Supplied => None,
            result => Some(number(result, self.personality)?),
        };
        let (got, errno) = match answer {
            Answer::Blocked => return Err(Stop::Fail(format!("{} still blocks", call.name))),
            Answer::Returned(value) => (*value, None),
            Answer::Failed(errno) => (-1, Some(*errno)),
            Answer::Opened(handle) => {
                let name = expected.filter(|name| *name >= 0);
                let name =
                    name.ok_or_else(|| Stop::Fail(format!("{} returned a descriptor", call.name)))?;
                if self.handles.insert(name, *handle).is_some() {
                    return Err(Stop::Fail(format!("the script has a descriptor {name} already")));
                }
                return Ok(());
            }
        };
        let wanted = call.errno.as_deref().map(errno_name);
        if expected.is_none_or(|expected| expected == got) && (wanted.is_none() || wanted == errno)
        {
            // An unexpected error is a difference even where the number agrees.
            if wanted.is_some() || errno.is_none() {
                return Ok(());
            }
        }
        let shown = |value: Option<i64>, errno: Option<&str>| {
            format!(
                "{}{}",
                value.map_or_else(|| "...".to_owned(), |v| v.to_string()),
                errno.map_or(String::new(), |e| format!(" {e}"))
            )
        };
        let (expected, got) = (shown(expected, wanted), shown(Some(got), errno));
        Err(Stop::Fail(format!("{} returned {got}, expected {expected}", call.name)))
    }

    /// The descriptor that is a call's first argument.
    fn handle(&self, call: &Call) -> Result<Handle, Stop> {
        let name = self.argument(call, 0)?;
        let found = self.handles.get(&name).copied();
        found.ok_or_else(|| Stop::Fail(format!("the script has no descriptor {name}")))
    }

    fn argument(&self, call: &Call, index: usize) -> Result<i64, Stop> {
        number(expression(call, index)?, self.personality)
    }

    fn socket(&mut self, m: &mut Machine, call: &Call) -> Result<Answer, Stop> {
        if !matches!(expression(call, 0)?, Expression::Supplied) && self.argument(call, 0)? != 2 {
            return Err(Stop::Skip("only IPv4 sockets are simulated".to_owned()));
        }
        let kind = self.argument(call, 1)?;
        let nonblocking = kind & 0x800 != 0;
        let kind = match kind & 0xff {
            1 => SocketKind::Stream,
            2 => SocketKind::Datagram,
            _ => {
                return Err(Stop::Skip(
                    "only stream and datagram sockets are simulated".to_owned(),
                ));
            }
        };
        Ok(match m.stack.socket(Domain::Ipv4, kind, m.now) {
            Ok(socket) => {
                self.newest = Some(socket);
                Answer::Opened(Handle { socket, nonblocking })
            }
            Err(error) => Answer::Failed(error.errno()),
        })
    }

    /// The port in an address argument; the run's own where the script leaves it open.
    fn port(&self, address: &Expression) -> Result<u16, Stop> {
        let Expression::Structure(fields) = address else { return Ok(PORT) };
        let Some(port) = member(fields, "sin_port") else { return Ok(PORT) };
        let port = number(port, self.personality)?;
        u16::try_from(port).map_err(|_| Stop::Fail(format!("{port} is no port")))
    }

    fn bind(&self, m: &mut Machine, call: &Call) -> Result<Answer, Stop> {
        let handle = self.handle(call)?;
        let local = SocketAddr::new(IpAddr::V4(LOCAL), self.port(expression(call, 1)?)?);
        Ok(m.stack
            .bind(handle.socket, local, m.now)
            .map_or_else(|e| Answer::Failed(e.errno()), |()| Answer::Returned(0)))
    }

    fn listen(&mut self, m: &mut Machine, call: &Call) -> Result<Answer, Stop> {
        let handle = self.handle(call)?;
        let backlog = usize::try_from(self.argument(call, 1)?).unwrap_or(0);
        self.subject = Some(Subject::Passive);
        let listened = m.stack.listen(handle.socket, backlog, m.now);
        Ok(listened.map_or_else(|e| Answer::Failed(e.errno()), |()| Answer::Returned(0)))
    }

    fn accept(&mut self, m: &mut Machine, call: &Call) -> Result<Answer, Stop> {
        let listener = self.handle(call)?;
        Ok(match m.stack.accept(listener.socket, m.now) {
            Ok((socket, _)) => {
                self.newest = Some(socket);
                let nonblocking = call.name == "accept4" && self.argument(call, 3)? & 0x800 != 0;
                Answer::Opened(Handle { socket, nonblocking })
            }
            Err(error) => would_block(error.errno(), listener.nonblocking),
        })
    }

    fn connect(
        &mut self,
        m: &mut Machine,
        call: &Call,
        progress: Progress,
    ) -> Result<Answer, Stop> {
        let handle = self.handle(call)?;
        if progress.begun {
            return Ok(connected(m, handle));
        }
        let remote = SocketAddrV4::new(REMOTE, self.port(expression(call, 1)?)?);
        let begun = m.stack.connect(handle.socket, SocketAddr::V4(remote), m.now);
        if matches!(begun, Ok(()) | Err(ConnectError::InProgress)) {
            let local = m.stack.control_info(handle.socket).and_then(|info| info.local);
            if let Some(SocketAddr::V4(local)) = local {
                self.subject = Some(Subject::Active(local, remote));
            }
        }
        Ok(match begun {
            Ok(()) => Answer::Returned(0),
            Err(ConnectError::InProgress) if !handle.nonblocking => Answer::Blocked,
            Err(error) => Answer::Failed(error.errno()),
        })
    }

    fn close(&mut self, m: &mut Machine, call: &Call) -> Result<Answer, Stop> {
        let handle = self.handle(call)?;
        self.handles.remove(&self.argument(call, 0)?);
        Ok(m.stack
            .close(handle.socket, m.now)
            .map_or(Answer::Failed("EBADF"), |()| Answer::Returned(0)))
    }

    fn shutdown(&self, m: &mut Machine, call: &Call) -> Result<Answer, Stop> {
        let handle = self.handle(call)?;
        let how = match self.argument(call, 1)? {
            0 => Shutdown::Read,
            1 => Shutdown::Write,
            2 => Shutdown::Both,
            _ => return Ok(Answer::Failed("EINVAL")),
        };
        let done = m.stack.shutdown(handle.socket, how, m.now);
        Ok(done.map_or_else(|e| Answer::Failed(e.errno()), |()| Answer::Returned(0)))
    }

    fn fcntl(&mut self, call: &Call) -> Result<Answer, Stop> {
        let nonblock = number(&Expression::Name("O_NONBLOCK".to_owned()), self.personality)?;
        let handle = self.handle(call)?;
        match expression(call, 1)? {
            Expression::Name(name) if name == "F_GETFL" => {
                Ok(Answer::Returned(2 | if handle.nonblocking { nonblock } else { 0 }))
            }
            Expression::Name(name) if name == "F_SETFL" => {
                let nonblocking = self.argument(call, 2)? & nonblock != 0;
                let name = self.argument(call, 0)?;
                self.handles.entry(name).and_modify(|handle| handle.nonblocking = nonblocking);
                Ok(Answer::Returned(0))
            }
            other => Err(Stop::Skip(format!("fcntl with {other:?} is not simulated"))),
        }
    }

    /// `poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, timeout)`; the timeout is the time the
    /// script says the call ends at.
    fn poll(&self, m: &mut Machine, call: &Call) -> Result<Answer, Stop> {
        let Expression::List(entries) = expression(call, 0)? else {
            return Err(Stop::Skip("poll needs a list of structures".to_owned()));
        };
        let mut ready = 0;
        let mut differing = None;
        for entry in entries {
            let Expression::Structure(fields) = entry else { continue };
            let value =
                |name| member(fields, name).map_or(Ok(0), |value| number(value, self.personality));
            let fd = value("fd")?;
            let Some(handle) = self.handles.get(&fd) else {
                return Err(Stop::Fail(format!("no descriptor {fd}")));
            };
            let got = poll_bits(m.stack.readiness(handle.socket)) & (value("events")? | 0x18);
            ready += i64::from(got != 0);
            if got != value("revents")? {
                differing = Some(format!(
                    "poll gave revents {got:#x} for {fd}, expected {:#x}",
                    value("revents")?
                ));
            }
        }
        let timeout = self.argument(call, 2)?;
        let expected = number(&call.result, self.personality)?;
        if ready == 0 && timeout != 0 && expected != 0 {
            return Ok(Answer::Blocked);
        }
        differing.map_or(Ok(Answer::Returned(ready)), |message| Err(Stop::Fail(message)))
    }
}

/// A call's argument.
pub(super) fn expression(call: &Call, index: usize) -> Result<&Expression, Stop> {
    call.arguments
        .get(index)
        .ok_or_else(|| Stop::Fail(format!("{} needs {} arguments or more", call.name, index + 1)))
}

/// EAGAIN is what a blocking descriptor waits out.
pub(super) fn would_block(errno: &'static str, nonblocking: bool) -> Answer {
    if errno == "EAGAIN" && !nonblocking { Answer::Blocked } else { Answer::Failed(errno) }
}

/// How a blocking connect stands.
fn connected(m: &mut Machine, handle: Handle) -> Answer {
    let state = m.stack.control_info(handle.socket).and_then(|info| info.state);
    match state {
        Some(TcpState::SynSent | TcpState::SynReceived) => Answer::Blocked,
        Some(TcpState::Closed) | None => {
            let fault = m.stack.take_error(handle.socket, m.now);
            Answer::Failed(fault.map_or("ECONNREFUSED", |fault| super::values::fault(fault.kind)))
        }
        Some(_) => Answer::Returned(0),
    }
}

fn poll_bits(ready: Ready) -> i64 {
    let bits = [
        (Ready::READABLE, 0x41),
        (Ready::ACCEPTABLE, 0x41),
        (Ready::URGENT, 2),
        (Ready::WRITABLE, 0x104),
        (Ready::ERROR, 8),
        (Ready::HANG_UP, 16),
        (Ready::READ_CLOSED, 0x2000),
    ];
    bits.iter().filter(|(bit, _)| ready.intersects(*bit)).fold(0, |all, (_, bits)| all | bits)
}
