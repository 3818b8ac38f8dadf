//! Questions over UDP and ICMP, asked one after the other and again until they are answered; and
//! the service that echoes datagrams.

use super::content::Content;
use super::plan::{ExchangePlan, Question};
use danja_stack::socket::{Domain, Fault, RecvError, RecvFlags, SendError, SendFlags, SocketKind};
use danja_stack::{Payload, SocketId, Stack};
use danja_wire::Instant;
use danja_wire::checksum::Sum;
use danja_wire::icmpv4::{HEADER_LEN, Message};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where datagrams are echoed.
const ECHO: u16 = 7;
/// Where nobody takes them.
const CLOSED_PORT: u16 = 9;
/// Until a question is asked again, and how often it is.
const PATIENCE: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 200;
/// Bytes at the front of a datagram that say which question it is.
const NUMBER: usize = 8;

/// One host asking another.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) plan: ExchangePlan,
    content: Content,
    pub(super) socket: Option<SocketId>,
    /// Which question, and how often it was asked.
    number: usize,
    attempts: u32,
    ask_at: Instant,
}

impl Exchange {
    pub(super) const fn new(plan: ExchangePlan, content: Content) -> Self {
        Self { plan, content, socket: None, number: 0, attempts: 0, ask_at: Instant::ZERO }
    }

    /// Whether all was answered.
    pub(super) fn is_over(&self) -> bool {
        self.number == self.plan.sizes.len() && self.socket.is_none()
    }

    const fn to(&self) -> (Ipv4Addr, u16) {
        let port = match self.plan.question {
            Question::Udp => ECHO,
            Question::UdpRefused => CLOSED_PORT,
            Question::Ping => 0,
        };
        (self.plan.answerer.address(), port)
    }

    /// The question as it is sent, and as it comes back (without an ICMP header).
    fn datagram(&self, number: usize) -> Vec<u8> {
        let mut bytes = (number as u64).to_le_bytes().to_vec();
        let length = self.plan.sizes[number].max(NUMBER) - NUMBER;
        bytes.extend(self.content.bytes((number as u64) << 32, length));
        bytes
    }

    /// Opens the socket if need be, reads what came, and asks what is to be asked. Says when to
    /// be called again.
    pub(super) fn drive(
        &mut self,
        stack: &mut Stack,
        now: Instant,
    ) -> Result<Option<Instant>, String> {
        if self.is_over() {
            return Ok(None);
        }
        let socket = match self.socket {
            Some(socket) => socket,
            None => match self.open(stack, now)? {
                Some(socket) => socket,
                None => return Ok(Some(now + PATIENCE)),
            },
        };
        self.hear(socket, stack, now)?;
        if self.number == self.plan.sizes.len() {
            self.socket = None;
            stack.close(socket, now).map_err(|error| format!("close: {error}"))?;
            return Ok(None);
        }
        if now >= self.ask_at {
            self.ask(socket, stack, now)?;
            self.ask_at = now + PATIENCE;
        }
        Ok(Some(self.ask_at))
    }

    fn open(&mut self, stack: &mut Stack, now: Instant) -> Result<Option<SocketId>, String> {
        let kind = match self.plan.question {
            Question::Ping => SocketKind::Ping,
            _ => SocketKind::Datagram,
        };
        let socket =
            stack.socket(Domain::Ipv4, kind, now).map_err(|error| format!("socket: {error}"))?;
        if let Err(error) = stack.connect(socket, SocketAddr::from(self.to()), now) {
            // No route while the interface is down.
            stack.close(socket, now).map_err(|error| format!("close: {error}"))?;
            self.attempts += 1;
            return if self.attempts > ATTEMPTS {
                Err(format!("connect: {error}"))
            } else {
                Ok(None)
            };
        }
        self.socket = Some(socket);
        Ok(Some(socket))
    }

    fn ask(&mut self, socket: SocketId, stack: &mut Stack, now: Instant) -> Result<(), String> {
        self.attempts += 1;
        if self.attempts > ATTEMPTS {
            let (number, host) = (self.number, self.plan.answerer);
            return Err(format!("{host:?} does not answer question {number}"));
        }
        let mut bytes = self.datagram(self.number);
        if self.plan.question == Question::Ping {
            let message = Message::EchoRequest { ident: 0, sequence: self.number as u16 };
            let mut whole = vec![0; HEADER_LEN];
            message.emit(&mut whole, Sum::new()).map_err(|error| format!("emit: {error:?}"))?;
            whole.append(&mut bytes);
            bytes = whole;
        }
        let length = bytes.len();
        match stack.send(socket, &Payload::from(bytes), SendFlags::default(), now) {
            Ok(taken) if taken == length => Ok(()),
            Ok(taken) => Err(format!("send took {taken} of {length} bytes of a datagram")),
            Err(SendError::WouldBlock) => Ok(()),
            Err(SendError::Fault(fault)) => self.on_fault(fault.kind),
            Err(error) => Err(format!("send: {error}")),
        }
    }

    /// An error of an earlier datagram.
    fn on_fault(&mut self, fault: Fault) -> Result<(), String> {
        match fault {
            Fault::ConnectionRefused if self.plan.question == Question::UdpRefused => {
                self.answered();
                Ok(())
            }
            // Nobody answered ARP: the question is asked again.
            Fault::HostUnreachable | Fault::NetworkUnreachable => Ok(()),
            fault => Err(format!("a datagram met {fault:?}")),
        }
    }

    fn answered(&mut self) {
        self.number = (self.number + 1).min(self.plan.sizes.len());
        self.attempts = 0;
        self.ask_at = Instant::ZERO;
    }

    fn hear(&mut self, socket: SocketId, stack: &mut Stack, now: Instant) -> Result<(), String> {
        loop {
            let mut slices = Vec::new();
            match stack.recv(socket, 65_535, RecvFlags::default(), &mut slices, now) {
                Ok(_) => {
                    let bytes: Vec<u8> =
                        slices.iter().flat_map(Payload::as_slice).copied().collect();
                    self.check(&bytes)?;
                }
                Err(RecvError::WouldBlock) => return Ok(()),
                Err(RecvError::Fault(fault)) => self.on_fault(fault.kind)?,
                Err(error) => return Err(format!("recv: {error}")),
            }
        }
    }

    /// An answer: to the question that is open, or once more to one before.
    fn check(&mut self, bytes: &[u8]) -> Result<(), String> {
        let body = match self.plan.question {
            Question::Ping => bytes.get(HEADER_LEN..).unwrap_or(&[]),
            _ => bytes,
        };
        let number = body.first_chunk().map(|number| u64::from_le_bytes(*number) as usize);
        let Some(number) = number.filter(|number| *number < self.plan.sizes.len()) else {
            return Err(format!("an answer of {} bytes to no question", bytes.len()));
        };
        if number > self.number || self.datagram(number) != body {
            return Err(format!("the answer to question {number} is not what was asked"));
        }
        if self.plan.question == Question::Ping {
            let message = Message::parse_unverified(bytes);
            let right = matches!(message,
                Ok(Message::EchoReply { sequence, .. }) if usize::from(sequence) == number);
            if !right {
                return Err(format!("the answer to ping {number} is {message:?}"));
            }
        }
        if number == self.number {
            self.answered();
        }
        Ok(())
    }
}

/// Opens a host's echo service.
pub(super) fn open_echo(stack: &mut Stack, now: Instant) -> Result<SocketId, String> {
    let socket = stack
        .socket(Domain::Ipv4, SocketKind::Datagram, now)
        .map_err(|error| format!("socket: {error}"))?;
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, ECHO));
    stack.bind(socket, any, now).map_err(|error| format!("bind: {error}"))?;
    Ok(socket)
}

/// Sends back what came.
pub(super) fn echo(socket: SocketId, stack: &mut Stack, now: Instant) -> Result<(), String> {
    loop {
        let mut slices = Vec::new();
        match stack.recv(socket, 65_535, RecvFlags::default(), &mut slices, now) {
            Ok(received) => {
                let bytes: Vec<u8> = slices.iter().flat_map(Payload::as_slice).copied().collect();
                let to = SendFlags { to: received.from, ..SendFlags::default() };
                match stack.send(socket, &Payload::from(bytes), to, now) {
                    // What does not go is asked again.
                    Ok(_) | Err(SendError::WouldBlock | SendError::Fault(_)) => {}
                    Err(error) => return Err(format!("echo: send: {error}")),
                }
            }
            Err(RecvError::WouldBlock) => return Ok(()),
            Err(RecvError::Fault(_)) => {}
            Err(error) => return Err(format!("echo: recv: {error}")),
        }
    }
}
