//! One question to one server, over UDP or TCP. Tries nothing twice.

use super::message::{self, Answer, Name, NoAnswer};
use crate::error::from_fault;
use crate::host::Host;
use crate::net::{TcpStream, UdpSocket};
use danja_stack::Instant;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Why a server gave no answer; reads after the server's address.
#[derive(Debug)]
pub(super) enum Trouble {
    Silent(Duration),
    /// The code's name, as the server meant it.
    Code(String),
    /// It could not be asked.
    Network(io::Error),
    /// The answer does not fit: ask over TCP.
    Truncated,
    /// Over TCP, where nobody else can have sent it.
    Nonsense,
}

impl Trouble {
    pub(super) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Silent(_) => io::ErrorKind::TimedOut,
            Self::Network(error) => error.kind(),
            Self::Code(_) => io::ErrorKind::Other,
            Self::Truncated | Self::Nonsense => io::ErrorKind::InvalidData,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(time) => write!(f, "did not answer in {time:?}"),
            Self::Code(code) => write!(f, "answered \"{code}\""),
            Self::Network(error) => write!(f, "could not be asked: {error}"),
            Self::Truncated => f.write_str("answered, but truncated"),
            Self::Nonsense => f.write_str("answered something else"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Network(error)
    }
}

fn bytes_of(id: u16, query: &Name) -> Result<Vec<u8>, Trouble> {
    message::question(id, query).map_err(|why| {
        let text = format!("no question can be made of it: {why}");
        Trouble::Network(io::Error::new(io::ErrorKind::InvalidInput, text))
    })
}

/// What is left until a moment; `None` if it has come.
fn left(host: &Host, until: Instant) -> Option<Duration> {
    let left = until.saturating_since(host.now());
    (!left.is_zero()).then_some(left)
}

/// A new socket, and so a new random port, for each question (RFC 5452 §9.2). It is connected:
/// only the server is heard, and ICMP errors are reported at once.
pub(super) fn over_udp(
    host: &Host,
    query: &Name,
    server: SocketAddr,
    timeout: Duration,
) -> Result<Answer, Trouble> {
    let id = host.shared().random_u16();
    let socket = UdpSocket::bind(host, (Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(server)?;
    let until = host.now() + timeout;
    socket.set_write_timeout(Some(timeout))?;
    socket.send(&bytes_of(id, query)?)?;
    let mut buffer = [0; 4096];
    loop {
        let Some(left) = left(host, until) else { return Err(silence(&socket, timeout)) };
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(silence(&socket, timeout));
            }
            received => received?,
        };
        match message::answer(&buffer[..length], id, query) {
            Ok(answer) => return Ok(answer),
            Err(NoAnswer::Truncated) => return Err(Trouble::Truncated),
            Err(NoAnswer::Code(code)) => return Err(Trouble::Code(code.to_string())),
            Err(NoAnswer::NotOurs) => {}
        }
    }
}

/// The reason of a silence, if the network told one that is not final (nobody answers ARP).
fn silence(socket: &UdpSocket, timeout: Duration) -> Trouble {
    let reason = socket.as_socket().control_info().and_then(|info| info.soft_error);
    reason.map_or(Trouble::Silent(timeout), |fault| Trouble::Network(from_fault(fault)))
}

/// RFC 1035 §4.2.2: the message is prefixed with a two byte length field.
pub(super) fn over_tcp(
    host: &Host,
    query: &Name,
    server: SocketAddr,
    timeout: Duration,
) -> Result<Answer, Trouble> {
    let id = host.shared().random_u16();
    let until = host.now() + timeout;
    let mut stream = TcpStream::connect_timeout(host, &server, timeout)?;
    let question = bytes_of(id, query)?;
    let mut prefixed = u16::try_from(question.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    prefixed.extend_from_slice(&question);
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(&prefixed)?;
    let mut length = [0; 2];
    read_until(host, &mut stream, &mut length, until, timeout)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    read_until(host, &mut stream, &mut answer, until, timeout)?;
    match message::answer(&answer, id, query) {
        Ok(answer) => Ok(answer),
        Err(NoAnswer::Truncated | NoAnswer::NotOurs) => Err(Trouble::Nonsense),
        Err(NoAnswer::Code(code)) => Err(Trouble::Code(code.to_string())),
    }
}

fn read_until(
    host: &Host,
    stream: &mut TcpStream,
    mut buffer: &mut [u8],
    until: Instant,
    timeout: Duration,
) -> Result<(), Trouble> {
    while !buffer.is_empty() {
        let Some(left) = left(host, until) else { return Err(Trouble::Silent(timeout)) };
        stream.set_read_timeout(Some(left))?;
        match stream.read(buffer) {
            Ok(0) => return Err(Trouble::Network(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => buffer = &mut buffer[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
