//! Questions that are not the LAN's: from the machine's hosts file, else by the machine's resolvers
//! (RFC 1035 §4.2, RFC 7766; random numbers and ports: RFC 5452), whose answers go on as they are.
//! Remembers nothing.

use super::system::{Resolvers, System};
use crate::outside::Shared;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, PTR};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rustix::rand::{GetRandomFlags, getrandom};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the hosts file says is true for this long, in seconds.
const TTL: u32 = 10;
/// The longest message over UDP that is taken.
const LONGEST: usize = 65_535;

/// The way to the machine's resolvers.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) system: Arc<System>,
    pub(crate) shared: Arc<Shared>,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failure {
    NoResolver,
    NoAnswer,
}

impl Upstream {
    /// The answer to a client's question of one name, `raw` as it came; waits for it.
    pub(super) fn answer(
        &self,
        client: IpAddr,
        raw: &[u8],
        question: &Message,
        query: &Query,
    ) -> Vec<u8> {
        if let Some(known) = self.answer_of_hosts(client, question, query) {
            self.shared.counting.dns_local.add();
            return known;
        }
        let answered = self.ask_all(raw, question, query);
        let counting = &self.shared.counting;
        match answered {
            Ok(answer) => {
                counting.dns_forwarded.add();
                answer
            }
            Err(failure) => {
                match failure {
                    Failure::NoResolver => {
                        counting.dns_no_resolver.add();
                        let text = "this machine names no DNS server (/etc/resolv.conf): names \
                                    outside the LAN are not found";
                        self.shared.say_once(&self.shared.said_no_resolver, text);
                    }
                    Failure::NoAnswer => counting.dns_no_answer.add(),
                }
                server_failure(question, query)
            }
        }
    }

    fn ask_all(&self, raw: &[u8], question: &Message, query: &Query) -> Result<Vec<u8>, Failure> {
        let resolvers = self.system.resolvers();
        let name = query.name();
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let address = matches!(query.query_type(), RecordType::A | RecordType::AAAA);
        if address && dots < resolvers.ndots {
            for domain in &resolvers.search {
                let Ok(longer) = Name::from_ascii(format!(
                    "{}.{domain}.",
                    name.to_ascii().trim_end_matches('.')
                )) else {
                    continue;
                };
                if let Some(answer) = search(&resolvers, question, query, &longer)? {
                    return Ok(answer);
                }
            }
        }
        ask(&resolvers, raw, query)
    }

    /// What the machine's hosts file says.
    fn answer_of_hosts(
        &self,
        client: IpAddr,
        question: &Message,
        query: &Query,
    ) -> Option<Vec<u8>> {
        let hosts = self.system.hosts();
        let mut answer = response(question, query);
        let name = query.name();
        let mut add = |data| {
            answer.add_answer(Record::from_rdata(name.clone(), TTL, data));
        };
        if let Some(address) = super::reversed(name) {
            let known = hosts.name_of(address).filter(|_| !address.is_loopback())?;
            let target = Name::from_ascii(format!("{known}.")).ok()?;
            if query.query_type() == RecordType::PTR {
                add(RData::PTR(PTR(target)));
            }
            return answer.to_vec().ok();
        }
        // The machine's loopback is not the program's: it is `host`, if that may be reached.
        let rules = &self.shared.rules;
        let host = rules.host.filter(|_| rules.reaches_host(client));
        let seen = |address: IpAddr| if address.is_loopback() { host } else { Some(address) };
        let found = hosts.addresses_of(name.to_ascii().trim_end_matches('.'));
        let mut found: Vec<IpAddr> = found.into_iter().filter_map(seen).collect();
        if found.is_empty() {
            return None;
        }
        found.dedup();
        for address in found {
            match (address, query.query_type()) {
                (IpAddr::V4(address), RecordType::A) => add(RData::A(A(address))),
                (IpAddr::V6(address), RecordType::AAAA) => add(RData::AAAA(AAAA(address))),
                _ => {}
            }
        }
        answer.to_vec().ok()
    }
}

/// What is said where nothing is known, for now.
pub(super) fn server_failure(question: &Message, query: &Query) -> Vec<u8> {
    let mut answer = response(question, query);
    answer.metadata.response_code = ResponseCode::ServFail;
    answer.to_vec().unwrap_or_default()
}

fn response(question: &Message, query: &Query) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.add_queries([query.clone()]);
    answer
}

/// Asks for a longer name instead; `None` if there is none.
fn search(
    resolvers: &Resolvers,
    question: &Message,
    query: &Query,
    longer: &Name,
) -> Result<Option<Vec<u8>>, Failure> {
    let mut asked = Message::query();
    asked.metadata.recursion_desired = true;
    let instead = Query::query(longer.clone(), query.query_type());
    asked.add_query(instead.clone());
    let Ok(raw) = asked.to_vec() else { return Ok(None) };
    let found = Message::from_vec(&ask(resolvers, &raw, &instead)?);
    let Some(found) = found.ok().filter(|found| !found.answers.is_empty()) else {
        return Ok(None);
    };
    let mut answer = response(question, query);
    let alias = RData::CNAME(CNAME(longer.clone()));
    let ttl = found.answers.iter().map(|record| record.ttl).min().unwrap_or(0);
    answer.add_answer(Record::from_rdata(query.name().clone(), ttl, alias));
    answer.add_answers(found.answers);
    Ok(answer.to_vec().ok())
}

/// Asks one resolver after the other, and all of them again, as resolv.conf says.
fn ask(resolvers: &Resolvers, raw: &[u8], query: &Query) -> Result<Vec<u8>, Failure> {
    if resolvers.servers.is_empty() {
        return Err(Failure::NoResolver);
    }
    let mut last = None;
    for _ in 0..resolvers.attempts {
        for server in &resolvers.servers {
            let Ok(answer) = exchange(*server, raw, query, resolvers.timeout) else { continue };
            // The low half of the fourth octet (RFC 1035 §4.1.1).
            let code = answer.get(3).map_or(0, |octet| octet & 0xf);
            if !matches!(
                ResponseCode::from(0, code),
                ResponseCode::ServFail | ResponseCode::Refused
            ) {
                return Ok(answer);
            }
            // Another may know better.
            last = Some(answer);
        }
        if last.is_some() {
            break;
        }
    }
    last.ok_or(Failure::NoAnswer)
}

/// One question to one resolver, and over TCP if its answer was cut short.
fn exchange(
    server: SocketAddr,
    raw: &[u8],
    query: &Query,
    patience: Duration,
) -> io::Result<Vec<u8>> {
    let too_short = || io::Error::from(io::ErrorKind::InvalidInput);
    let mut id = [0; 2];
    getrandom(&mut id, GetRandomFlags::empty())?;
    let (own, rest) = raw.split_first_chunk::<2>().ok_or_else(too_short)?;
    let message = [&id, rest].concat();
    let mut answer = datagram(server, &message, query, patience)?;
    // RFC 1035 §4.1.1: TC.
    if answer.get(2).is_some_and(|octet| octet & 2 != 0)
        && let Ok(whole) = stream(server, &message, query, patience)
    {
        answer = whole;
    }
    if let Some(place) = answer.first_chunk_mut::<2>() {
        *place = *own;
    }
    Ok(answer)
}

fn datagram(
    server: SocketAddr,
    message: &[u8],
    query: &Query,
    patience: Duration,
) -> io::Result<Vec<u8>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A port of its own, which the machine draws.
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.send(message)?;
    let until = Instant::now() + patience;
    let mut answer = vec![0; LONGEST];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut answer)?;
        if let Some(answer) = answer.get(..length)
            && answers(answer, message, query)
        {
            return Ok(answer.to_vec());
        }
    }
}

fn stream(
    server: SocketAddr,
    message: &[u8],
    query: &Query,
    patience: Duration,
) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let length = u16::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    if answers(&answer, message, query) {
        return Ok(answer);
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Whether this is the answer to our message: its number, and its question (RFC 5452 §9.1).
fn answers(answer: &[u8], message: &[u8], query: &Query) -> bool {
    let same = answer.first_chunk::<2>() == message.first_chunk::<2>();
    let response = answer.get(2).is_some_and(|octet| octet & 0x80 != 0);
    same && response
        && Message::from_vec(answer).is_ok_and(|answer| match answer.queries.as_slice() {
            [asked] => {
                asked.name() == query.name()
                    && asked.query_type() == query.query_type()
                    && asked.query_class() == query.query_class()
            }
            // A server that cannot read the question does not repeat it.
            [] => answer.metadata.response_code != ResponseCode::NoError,
            _ => false,
        })
}
