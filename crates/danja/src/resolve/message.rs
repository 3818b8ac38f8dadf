//! Questions and answers as DNS messages (RFC 1035), by `hickory-proto`. Sends nothing.

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, RecordType};
use std::net::Ipv4Addr;

pub(super) use hickory_proto::rr::Name;

/// A chain of aliases longer than this is a loop.
const ALIASES: usize = 16;

/// What a server said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Addresses(Vec<Ipv4Addr>),
    NoSuchName,
    /// The name exists, but has no address.
    NoAddress,
}

/// Why a message is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoAnswer {
    /// It is not ours: another id, another question, or no DNS at all. It may be forged, so
    /// waiting goes on.
    NotOurs,
    /// There is more than fits: ask over TCP.
    Truncated,
    /// The server cannot or will not.
    Code(ResponseCode),
}

/// A name as a question asks for it: absolute.
pub(super) fn name(text: &str) -> Result<Name, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut name = Name::from_str_relaxed(text).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    Ok(name)
}

/// The bytes of a question for addresses.
pub(super) fn question(id: u16, name: &Name) -> Result<Vec<u8>, String> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name.clone(), RecordType::A));
    message.to_vec().map_err(|error| error.to_string())
}

/// Reads the answer to [`question`].
pub(super) fn answer(bytes: &[u8], id: u16, name: &Name) -> Result<Answer, NoAnswer> {
    let message = Message::from_vec(bytes).map_err(|_| NoAnswer::NotOurs)?;
    let head = &message.metadata;
    let [asked] = message.queries.as_slice() else { return Err(NoAnswer::NotOurs) };
    // RFC 5452 §9.1: the query's id, name, class and type MUST match, else the response MUST be
    // considered invalid. (Addresses and port are matched by the connected socket.)
    let ours = head.id == id
        && asked.name().eq_ignore_root(name)
        && asked.query_type() == RecordType::A
        && asked.query_class() == DNSClass::IN;
    if !ours || head.message_type != MessageType::Response || head.op_code != OpCode::Query {
        return Err(NoAnswer::NotOurs);
    }
    if head.truncation {
        return Err(NoAnswer::Truncated);
    }
    match head.response_code {
        ResponseCode::NoError => Ok(addresses(&message, name)),
        ResponseCode::NXDomain => Ok(Answer::NoSuchName),
        code => Err(NoAnswer::Code(code)),
    }
}

/// The addresses of `name`, through its aliases.
fn addresses(message: &Message, name: &Name) -> Answer {
    let alias_of = |owner: &Name| {
        message.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name.eq_ignore_root(owner) => Some(target.0.clone()),
            _ => None,
        })
    };
    let mut owner = name.clone();
    let mut aliases = 0;
    while let Some(target) = alias_of(&owner) {
        owner = target;
        aliases += 1;
        // RFC 1034 §5.2.2: a loop of aliases is an error, and nobody's address.
        if aliases > ALIASES {
            return Answer::NoAddress;
        }
    }
    let found: Vec<_> = message
        .answers
        .iter()
        .filter(|record| record.name.eq_ignore_root(&owner))
        .filter_map(|record| match record.data {
            RData::A(address) => Some(address.0),
            _ => None,
        })
        .collect();
    if found.is_empty() { Answer::NoAddress } else { Answer::Addresses(found) }
}

#[cfg(test)]
mod tests;
