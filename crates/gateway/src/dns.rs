//! The router's DNS server: A and PTR records of the LAN's own names (RFC 1035), over UDP and TCP.
//! `localhost` is the asker's own; for other names the machine's resolvers are asked.

mod forward;
mod system;

pub(crate) use forward::Upstream;
pub(crate) use system::System;

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

/// Forwarded questions under way at once; each has a thread.
const UNDER_WAY: usize = 64;

/// What the server knows.
#[derive(Clone)]
pub(crate) struct Names {
    lan: Lan,
    /// Who is asked for other names, by clients who have a way out.
    upstream: Option<Upstream>,
    under_way: Arc<AtomicUsize>,
}

/// What becomes of a message.
pub(crate) enum Answer {
    /// It deserves none.
    None,
    Ready(Vec<u8>),
    /// Others must be asked, which takes a while.
    Forward(Box<Forward>),
}

/// A question for others.
pub(crate) struct Forward {
    client: IpAddr,
    raw: Vec<u8>,
    question: Message,
    query: Query,
    limit: Option<usize>,
}

impl Names {
    pub(crate) fn new(lan: &Lan, upstream: Option<Upstream>) -> Self {
        Self { lan: lan.clone(), upstream, under_way: Arc::default() }
    }

    /// Whether others are asked for this client.
    fn asks_others(&self, client: IpAddr) -> bool {
        let upstream = self.upstream.as_ref();
        upstream.is_some_and(|upstream| upstream.shared.rules.has_way_out(client))
    }

    /// The answer to a client's message. `limit` is the longest answer.
    pub(crate) fn answer(&self, client: IpAddr, message: &[u8], limit: Option<usize>) -> Answer {
        let Ok(question) = Message::from_vec(message) else {
            return format_error(message).map_or(Answer::None, Answer::Ready);
        };
        // Answers are not answered: two servers would never stop.
        if question.metadata.message_type != MessageType::Query {
            return Answer::None;
        }
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        let asks_others = self.asks_others(client);
        answer.metadata.recursion_available = asks_others;
        answer.add_queries(question.queries.iter().cloned());
        let version = question.edns.as_ref().map_or(0, Edns::version);
        let offered = question.edns.as_ref().map(|edns| usize::from(edns.max_payload()));
        let limit = limit.map(|plain| offered.unwrap_or(plain).max(plain));
        answer.metadata.response_code = match question.queries.as_slice() {
            // RFC 6891 §6.1.3: a version that is not implemented is answered with BADVERS.
            _ if version > 0 => ResponseCode::BADVERS,
            _ if question.metadata.op_code != OpCode::Query => ResponseCode::NotImp,
            [query] => match self.look_up(query, asks_others, &mut answer) {
                Some(code) => code,
                None => {
                    let (raw, query) = (message.to_vec(), query.clone());
                    let forward = Forward { client, raw, question, query, limit };
                    return Answer::Forward(Box::new(forward));
                }
            },
            // RFC 9619: one question a query.
            _ => ResponseCode::FormErr,
        };
        if question.edns.is_some() {
            let mut own = Edns::new();
            own.set_max_payload(1232);
            answer.set_edns(own);
        }
        let Ok(bytes) = answer.to_vec() else { return Answer::None };
        if limit.is_some_and(|limit| bytes.len() > limit) {
            return answer.truncate().to_vec().map_or(Answer::None, Answer::Ready);
        }
        Answer::Ready(bytes)
    }

    /// Asks others, and waits.
    fn forward(&self, forward: &Forward) -> Vec<u8> {
        let Forward { client, raw, question, query, limit } = forward;
        let Some(upstream) = &self.upstream else { return Vec::new() };
        let answer = upstream.answer(*client, raw, question, query);
        if limit.is_some_and(|limit| answer.len() > limit)
            && let Ok(long) = Message::from_vec(&answer)
        {
            // RFC 2181 §9: what does not fit is asked for again, over TCP.
            return long.truncate().to_vec().unwrap_or_default();
        }
        answer
    }

    /// As [`Self::forward`], on a thread of its own.
    fn forward_apart(&self, forward: Box<Forward>, tell: impl FnOnce(&[u8]) + Send + 'static) {
        let names = self.clone();
        if self.under_way.fetch_add(1, Ordering::SeqCst) >= UNDER_WAY {
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            if let Some(upstream) = &self.upstream {
                upstream.shared.counting.dns_too_many.add();
            }
            // Its next question may find room, and another server may have some now.
            return tell(&forward::server_failure(&forward.question, &forward.query));
        }
        let body = move || {
            tell(&names.forward(&forward));
            names.under_way.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("dns forward".to_owned()).spawn(body).is_err() {
            self.under_way.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Fills in the records of a question; `None` if others must be asked.
    fn look_up(
        &self,
        query: &Query,
        asks_others: bool,
        answer: &mut Message,
    ) -> Option<ResponseCode> {
        let others = |code| if asks_others { None } else { Some(code) };
        if query.query_class() != DNSClass::IN {
            return others(ResponseCode::Refused);
        }
        let name = query.name();
        if let Some(address) = reversed(name) {
            let Some(known) = self.lan.name_of(address) else {
                let private = matches!(address, IpAddr::V4(address) if address.is_private());
                let code = if private { ResponseCode::NXDomain } else { ResponseCode::Refused };
                return others(code);
            };
            answer.metadata.authoritative = true;
            if wants(query, RecordType::PTR)
                && let Ok(target) = Name::from_ascii(format!("{known}."))
            {
                answer.add_answer(Record::from_rdata(name.clone(), TTL, RData::PTR(PTR(target))));
            }
            return Some(ResponseCode::NoError);
        }
        let text = name.to_ascii().to_ascii_lowercase();
        let text = text.trim_end_matches('.');
        // RFC 6761 §6.3: every host's own, and never asked for.
        let own = text == "localhost" || text.ends_with(".localhost");
        let addresses = match own {
            true => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            false => self.lan.addresses_of(text),
        };
        if addresses.is_empty() {
            // Without a way out, single labels are the LAN's, and others the world's.
            let single = name.num_labels() == 1;
            answer.metadata.authoritative = single && !asks_others;
            return others(if single { ResponseCode::NXDomain } else { ResponseCode::Refused });
        }
        answer.metadata.authoritative = true;
        for address in addresses {
            if let IpAddr::V4(address) = address
                && wants(query, RecordType::A)
            {
                answer.add_answer(Record::from_rdata(name.clone(), TTL, RData::A(A(address))));
            }
        }
        Some(ResponseCode::NoError)
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
        let Some(message) = message.get(..bytes) else { continue };
        match names.answer(from.ip(), message, Some(PLAIN_UDP)) {
            Answer::None => {}
            Answer::Ready(answer) => drop(socket.send_to(&answer, from)),
            Answer::Forward(forward) => {
                let Ok(socket) = socket.try_clone() else { continue };
                names.forward_apart(forward, move |answer| drop(socket.send_to(answer, from)));
            }
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
    let client = stream.peer_addr()?.ip();
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message)?;
        let answer = match names.answer(client, &message, None) {
            Answer::None => return Ok(()),
            Answer::Ready(answer) => answer,
            Answer::Forward(forward) => names.forward(&forward),
        };
        let Ok(length) = u16::try_from(answer.len()) else { return Ok(()) };
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(&answer);
        stream.write_all(&framed)?;
    }
}

#[cfg(test)]
mod tests;
