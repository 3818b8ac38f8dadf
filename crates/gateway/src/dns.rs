//! The router's DNS server: A and PTR records of the LAN's own names (RFC 1035), over UDP and TCP.
//! It asks nobody else: other names are refused, since there is no way out yet.

use crate::lan::Lan;
use crate::stop::{Stop, run};
use danja::net::{Received, RecvFlags, TcpListener, TcpStream, UdpSocket};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, PTR};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// Answers are true for this long, in seconds; hosts come and go.
const TTL: u32 = 10;
/// What a client without EDNS takes over UDP (RFC 1035 §4.2.1), in bytes.
const PLAIN_UDP: usize = 512;
/// Clients over TCP at once.
const CLIENTS: usize = 32;
/// How long a client over TCP may stay silent (RFC 7766 §6.2.3: a few seconds).
const SILENCE: Duration = Duration::from_secs(5);

/// What the server knows.
#[derive(Clone)]
pub(crate) struct Names {
    lan: Lan,
}

impl Names {
    pub(crate) fn new(lan: &Lan) -> Self {
        Self { lan: lan.clone() }
    }

    /// The answer to a message; `None` if it deserves none. `limit` is the longest answer.
    pub(crate) fn answer(&self, message: &[u8], limit: Option<usize>) -> Option<Vec<u8>> {
        let Ok(question) = Message::from_vec(message) else {
            return format_error(message);
        };
        // Answers are not answered: two servers would never stop.
        if question.metadata.message_type != MessageType::Query {
            return None;
        }
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        answer.metadata.recursion_available = false;
        answer.add_queries(question.queries.iter().cloned());
        let version = question.edns.as_ref().map_or(0, Edns::version);
        answer.metadata.response_code = match question.queries.as_slice() {
            // RFC 6891 §6.1.3: a version that is not implemented is answered with BADVERS.
            _ if version > 0 => ResponseCode::BADVERS,
            _ if question.metadata.op_code != OpCode::Query => ResponseCode::NotImp,
            [query] => self.look_up(query, &mut answer),
            // RFC 9619: one question a query.
            _ => ResponseCode::FormErr,
        };
        let mut limit = limit;
        if let Some(edns) = &question.edns {
            limit = limit.map(|plain| plain.max(usize::from(edns.max_payload())));
            let mut own = Edns::new();
            own.set_max_payload(1232);
            answer.set_edns(own);
        }
        let bytes = answer.to_vec().ok()?;
        if limit.is_some_and(|limit| bytes.len() > limit) {
            return answer.truncate().to_vec().ok();
        }
        Some(bytes)
    }

    /// Fills in the records of a question.
    fn look_up(&self, query: &Query, answer: &mut Message) -> ResponseCode {
        if query.query_class() != DNSClass::IN {
            return ResponseCode::Refused;
        }
        let name = query.name();
        if let Some(address) = reversed(name) {
            let Some(known) = self.lan.name_of(address) else {
                let private = matches!(address, IpAddr::V4(address) if address.is_private());
                return if private { ResponseCode::NXDomain } else { ResponseCode::Refused };
            };
            answer.metadata.authoritative = true;
            if wants(query, RecordType::PTR)
                && let Ok(target) = Name::from_ascii(format!("{known}."))
            {
                answer.add_answer(Record::from_rdata(name.clone(), TTL, RData::PTR(PTR(target))));
            }
            return ResponseCode::NoError;
        }
        let text = name.to_ascii();
        let addresses = self.lan.addresses_of(text.trim_end_matches('.'));
        // Single labels are the LAN's; others may be the world's, and the world is not reached.
        if addresses.is_empty() && name.num_labels() != 1 {
            return ResponseCode::Refused;
        }
        answer.metadata.authoritative = true;
        if addresses.is_empty() {
            return ResponseCode::NXDomain;
        }
        for address in addresses {
            if let IpAddr::V4(address) = address
                && wants(query, RecordType::A)
            {
                answer.add_answer(Record::from_rdata(name.clone(), TTL, RData::A(A(address))));
            }
        }
        ResponseCode::NoError
    }
}

fn wants(query: &Query, record: RecordType) -> bool {
    query.query_type() == record || query.query_type() == RecordType::ANY
}

/// The address that a name under `in-addr.arpa` asks about.
fn reversed(name: &Name) -> Option<IpAddr> {
    let text = name.to_ascii().to_ascii_lowercase();
    let labels = text.trim_end_matches('.').strip_suffix(".in-addr.arpa")?;
    let mut octets = [0; 4];
    let mut parts = labels.split('.').rev();
    for octet in &mut octets {
        *octet = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

/// What a message that cannot be read gets: its own number and FORMERR.
fn format_error(message: &[u8]) -> Option<Vec<u8>> {
    let header = message.first_chunk::<12>()?;
    let answered = header[2] & 0x80 != 0;
    let id = u16::from_be_bytes([header[0], header[1]]);
    let answer = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
    if answered { None } else { answer.to_vec().ok() }
}

/// Answers datagrams until it is told to stop.
pub(crate) fn serve_datagrams(socket: &UdpSocket, names: &Names, stop: &Stop) {
    let mut message = vec![0; 65_535];
    loop {
        let next = run(
            poll_fn(|context| {
                if stop.poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                socket.as_socket().poll_recv(context, &mut message, RecvFlags::default()).map(Some)
            }),
            None,
        );
        let Some(Some(received)) = next else { return };
        // An error is one of an earlier answer (port unreachable): the next question is welcome.
        let Ok(Received { bytes, from: Some(from), .. }) = received else { continue };
        if let Some(answer) = message.get(..bytes).and_then(|m| names.answer(m, Some(PLAIN_UDP))) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// Answers connections until it is told to stop.
pub(crate) fn serve_streams(listener: &TcpListener, names: &Names, stop: &Stop) {
    let clients = Arc::new(AtomicUsize::new(0));
    while let Some(accepted) = accept(listener, stop) {
        let Ok(stream) = accepted else { continue };
        // A client too many is closed at once, and may ask again.
        if clients.fetch_add(1, Ordering::SeqCst) >= CLIENTS {
            clients.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (names, counter) = (names.clone(), Arc::clone(&clients));
        let client = move || {
            // Its end by error or silence is its own affair.
            let _ = serve_stream(stream, &names);
            counter.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("dns client".to_owned()).spawn(client).is_err() {
            clients.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// The next client; `None` when it is time to stop.
pub(crate) fn accept(listener: &TcpListener, stop: &Stop) -> Option<io::Result<TcpStream>> {
    run(
        poll_fn(|context| {
            if stop.poll(context).is_ready() {
                return Poll::Ready(None);
            }
            listener.as_socket().poll_accept(context).map(Some)
        }),
        None,
    )?
    .map(|accepted| accepted.map(|(socket, _)| TcpStream::from_socket(socket)))
}

/// RFC 1035 §4.2.2: each message behind its length.
fn serve_stream(mut stream: TcpStream, names: &Names) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message)?;
        let Some(answer) = names.answer(&message, None) else { return Ok(()) };
        let Ok(length) = u16::try_from(answer.len()) else { return Ok(()) };
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(&answer);
        stream.write_all(&framed)?;
    }
}

#[cfg(test)]
mod tests;
