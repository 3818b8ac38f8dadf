//! One question to one server, over UDP or TCP. Tries nothing twice.

use super::message::{self, Answer, Name, NoAnswer};
use crate::error::from_fault;
use crate::host::{Host, before};
use crate::net::{RecvFlags, SendFlags, Socket, SocketKind, UdpSocket};
use std::fmt;
use std::io;
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

/// A new socket, and so a new random port, for each question (RFC 5452 §9.2). It is connected:
/// only the server is heard, and ICMP errors are reported at once.
pub(super) async fn over_udp(
    host: &Host,
    query: &Name,
    server: SocketAddr,
    timeout: Duration,
) -> Result<Answer, Trouble> {
    let id = host.shared().random_u16();
    let question = bytes_of(id, query)?;
    let socket = UdpSocket::bind(host, (Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(server)?;
    let socket = socket.as_socket();
    let exchange = async {
        socket.send_async(&question, SendFlags::default()).await?;
        let mut buffer = [0; 4096];
        loop {
            let received = socket.recv_async(&mut buffer, RecvFlags::default()).await?;
            match message::answer(&buffer[..received.bytes], id, query) {
                Ok(answer) => return Ok(answer),
                Err(NoAnswer::Truncated) => return Err(Trouble::Truncated),
                Err(NoAnswer::Code(code)) => return Err(Trouble::Code(code.to_string())),
                Err(NoAnswer::NotOurs) => {}
            }
        }
    };
    let answer = before(host, host.now() + timeout, exchange).await;
    answer.unwrap_or_else(|| Err(silence(socket, timeout)))
}

/// The reason of a silence, if the network told one that is not final (nobody answers ARP).
fn silence(socket: &Socket, timeout: Duration) -> Trouble {
    let reason = socket.control_info().and_then(|info| info.soft_error);
    reason.map_or(Trouble::Silent(timeout), |fault| Trouble::Network(from_fault(fault)))
}

/// RFC 1035 §4.2.2: the message is prefixed with a two byte length field.
pub(super) async fn over_tcp(
    host: &Host,
    query: &Name,
    server: SocketAddr,
    timeout: Duration,
) -> Result<Answer, Trouble> {
    let id = host.shared().random_u16();
    let question = bytes_of(id, query)?;
    let mut prefixed = u16::try_from(question.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    prefixed.extend_from_slice(&question);
    let exchange = async {
        let stream = Socket::for_address(host, server, SocketKind::Stream)?;
        stream.connect_async(server).await?;
        let mut rest = prefixed.as_slice();
        while !rest.is_empty() {
            let sent = stream.send_async(rest, SendFlags::default()).await?;
            rest = &rest[sent..];
        }
        let mut length = [0; 2];
        read_exact(&stream, &mut length).await?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        read_exact(&stream, &mut answer).await?;
        match message::answer(&answer, id, query) {
            Ok(answer) => Ok(answer),
            Err(NoAnswer::Truncated | NoAnswer::NotOurs) => Err(Trouble::Nonsense),
            Err(NoAnswer::Code(code)) => Err(Trouble::Code(code.to_string())),
        }
    };
    let answer = before(host, host.now() + timeout, exchange).await;
    answer.unwrap_or(Err(Trouble::Silent(timeout)))
}

async fn read_exact(stream: &Socket, mut buffer: &mut [u8]) -> Result<(), Trouble> {
    while !buffer.is_empty() {
        match stream.recv_async(buffer, RecvFlags::default()).await?.bytes {
            0 => return Err(Trouble::Network(io::ErrorKind::UnexpectedEof.into())),
            count => buffer = &mut buffer[count..],
        }
    }
    Ok(())
}
