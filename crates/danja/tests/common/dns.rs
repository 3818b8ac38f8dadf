//! A small DNS server on a host of ours: what it says is a function of the name.

use crate::common::LONG;
use danja::Host;
use danja::net::{TcpListener, UdpSocket};
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, Record};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it was asked, as `udp name` or `tcp name`.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// Serves until its host goes away (or the time is over); `host` must have port 53 free.
pub(crate) fn serve(host: &Host) -> Asked {
    let asked = Asked::default();
    let udp = UdpSocket::bind(host, "0.0.0.0:53").unwrap();
    udp.set_read_timeout(Some(LONG)).unwrap();
    let log = Arc::clone(&asked);
    let elsewhere = UdpSocket::bind(host, "0.0.0.0:5353").unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            if let Some(forged) = forged(&buffer[..length]) {
                // All is right, but for the port it comes from.
                elsewhere.send_to(&forged, from).unwrap();
            }
            for reply in over_udp(&buffer[..length], &log) {
                udp.send_to(&reply, from).unwrap();
            }
        }
    });
    let tcp = TcpListener::bind(host, "0.0.0.0:53").unwrap();
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            let message = answer(&query, &log, "tcp");
            let reply = message.to_vec().unwrap();
            if message.queries[0].name().to_utf8() == "short.lan." {
                // It promises more than it gives.
                stream.write_all(&[0xff, 0xff]).unwrap();
                stream.write_all(&reply).unwrap();
                continue;
            }
            let mut prefixed = u16::try_from(reply.len()).unwrap().to_be_bytes().to_vec();
            prefixed.extend(reply);
            // In two pieces: the length does not have to come with the rest.
            stream.write_all(&prefixed[..3]).unwrap();
            stream.write_all(&prefixed[3..]).unwrap();
        }
    });
    asked
}

fn over_udp(query: &[u8], log: &Asked) -> Vec<Vec<u8>> {
    let reply = answer(query, log, "udp");
    let name = reply.queries[0].name().to_utf8();
    let mut forged = reply.clone();
    match name.as_str() {
        // Three forgeries come first: another id, another name, and no DNS at all.
        "forged.lan." => {
            forged.answers[0].data = RData::A(A::new(6, 6, 6, 6));
            let mut other_id = forged.clone();
            other_id.metadata.id ^= 1;
            forged.queries[0].set_name(Name::from_ascii("other.lan.").unwrap());
            let all = [other_id, forged, reply];
            let mut bytes: Vec<_> = all.iter().map(|one| one.to_vec().unwrap()).collect();
            bytes.insert(2, b"not dns".to_vec());
            bytes
        }
        "silent.lan." => Vec::new(),
        _ => vec![reply.to_vec().unwrap()],
    }
}

/// An answer to a question for `elsewhere.lan` that nobody should believe.
fn forged(query: &[u8]) -> Option<Vec<u8>> {
    let mut reply = Message::from_vec(query).unwrap().into_response();
    reply.metadata.message_type = MessageType::Response;
    let name = reply.queries[0].name().clone();
    reply.add_answer(Record::from_rdata(name.clone(), 60, RData::A(A::new(6, 6, 6, 6))));
    (name.to_utf8() == "elsewhere.lan.").then(|| reply.to_vec().unwrap())
}

fn answer(query: &[u8], log: &Asked, over: &str) -> Message {
    let query = Message::from_vec(query).unwrap();
    let name = query.queries[0].name().clone();
    let text = name.to_utf8();
    log.lock().unwrap().push(format!("{over} {text}"));
    let mut reply = query.into_response();
    reply.metadata.message_type = MessageType::Response;
    let mut say = |owner: &Name, data| {
        reply.add_answer(Record::from_rdata(owner.clone(), 60, data));
    };
    let address = |last| RData::A(A::new(192, 0, 2, last));
    match text.as_str() {
        "one.lan." | "forged.lan." | "elsewhere.lan." => {
            say(&name, address(1));
        }
        "two.lan." => {
            say(&name, address(1));
            say(&name, address(2));
        }
        "alias.lan." => {
            let target = Name::from_ascii("Target.example.").unwrap();
            say(&name, RData::CNAME(CNAME(target.clone())));
            say(&target, address(7));
            // Of somebody else.
            say(&Name::from_ascii("evil.example.").unwrap(), address(66));
        }
        "endless.lan." => reply.metadata.truncation = true,
        "large.lan." | "short.lan." if over == "udp" => reply.metadata.truncation = true,
        "huge.lan." if over == "udp" => reply.metadata.truncation = true,
        // As much as fits behind a length of two bytes.
        "huge.lan." => {
            for last in 0..2_500u16 {
                say(&name, RData::A(A::new(10, 1, (last >> 8) as u8, last as u8)));
            }
        }
        "large.lan." | "short.lan." => {
            for last in 1..=100 {
                say(&name, address(last));
            }
        }
        "empty.lan." => {}
        "broken." => say(&name, address(9)),
        "broken.lan." => reply.metadata.response_code = ResponseCode::ServFail,
        _ => reply.metadata.response_code = ResponseCode::NXDomain,
    }
    reply
}
