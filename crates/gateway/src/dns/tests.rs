use super::*;
use danja::Host;
use danja::lan::{MacAddress, cable::Switch};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 2, 15));

fn names() -> (Switch, Names) {
    let switch = Switch::new();
    let lan = Lan::new();
    for (name, last, more) in [("danja", 2, 0), ("get", 15, 0), ("many.lan", 20, 40)] {
        let mut builder = Host::builder()
            .name(name)
            .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, last])))
            .address(format!("10.0.2.{last}/24").parse().unwrap());
        for other in 0..more {
            builder = builder.address(format!("10.0.3.{other}/24").parse().unwrap());
        }
        lan.add(&builder.build().unwrap());
    }
    (switch, Names::new(&lan, None))
}

fn ask(names: &Names, name: &str, record: RecordType) -> Message {
    let mut question = Message::query();
    question.metadata.id = 4660;
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(Name::from_ascii(name).unwrap(), record));
    let answer = ready(names.answer(CLIENT, &question.to_vec().unwrap(), Some(PLAIN_UDP))).unwrap();
    let answer = Message::from_vec(&answer).unwrap();
    assert_eq!((answer.metadata.id, answer.metadata.message_type), (4660, MessageType::Response));
    assert!(answer.metadata.recursion_desired && !answer.metadata.recursion_available);
    assert_eq!(answer.queries, question.queries);
    answer
}

fn records(answer: &Message) -> Vec<String> {
    answer.answers.iter().map(|record| record.data.to_string()).collect()
}

#[test]
fn names_of_the_lan_have_addresses_and_back() {
    let (_switch, names) = names();
    for (name, address) in [("danja.", "10.0.2.2"), ("GET.", "10.0.2.15")] {
        let answer = ask(&names, name, RecordType::A);
        assert_eq!(records(&answer), [address]);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert!(answer.metadata.authoritative);
    }
    let answer = ask(&names, "15.2.0.10.in-addr.arpa.", RecordType::PTR);
    assert_eq!(records(&answer), ["get."]);
    // The name is there, a record of this type is not.
    let answer = ask(&names, "danja.", RecordType::AAAA);
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert!(answer.answers.is_empty());
}

#[test]
fn other_names_do_not_exist_or_are_refused() {
    let (_switch, names) = names();
    for (name, record, code) in [
        ("nobody.", RecordType::A, ResponseCode::NXDomain),
        ("99.2.0.10.in-addr.arpa.", RecordType::PTR, ResponseCode::NXDomain),
        ("example.com.", RecordType::A, ResponseCode::Refused),
        ("1.1.1.1.in-addr.arpa.", RecordType::PTR, ResponseCode::Refused),
        ("1.1.in-addr.arpa.", RecordType::PTR, ResponseCode::Refused),
        ("256.1.1.1.in-addr.arpa.", RecordType::PTR, ResponseCode::Refused),
        (".", RecordType::A, ResponseCode::Refused),
    ] {
        let answer = ask(&names, name, record);
        assert_eq!(answer.metadata.response_code, code, "{name}");
        assert!(answer.answers.is_empty());
    }
}

#[test]
fn what_a_datagram_cannot_hold_is_asked_for_again() {
    let (_switch, names) = names();
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii("MANY.lan.").unwrap(), RecordType::A));
    let answer = |question: &Message, limit| {
        let bytes = ready(names.answer(CLIENT, &question.to_vec().unwrap(), limit)).unwrap();
        (bytes.len(), Message::from_vec(&bytes).unwrap())
    };
    let (length, short) = answer(&question, Some(PLAIN_UDP));
    assert!(short.metadata.truncation && short.answers.is_empty() && length <= PLAIN_UDP);
    let (_, whole) = answer(&question, None);
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 41);
    // A client that says how much it takes gets as much (RFC 6891 §6.2.3), at least 512.
    for (size, fits) in [(0, false), (600, false), (1232, true)] {
        let mut edns = Edns::new();
        edns.set_max_payload(size);
        question.set_edns(edns);
        let (length, answer) = answer(&question, Some(PLAIN_UDP));
        assert_eq!(answer.answers.len() == 41, fits, "{size}: {length}");
        assert_eq!(answer.metadata.truncation, !fits);
        assert!(answer.edns.is_some());
    }
}

#[test]
fn bad_messages_get_what_they_deserve() {
    let (_switch, names) = names();
    let code = |message: &[u8]| {
        let answer = ready(names.answer(CLIENT, message, Some(PLAIN_UDP)))?;
        Some(Message::from_vec(&answer).unwrap().metadata.response_code)
    };
    assert_eq!(code(b""), None);
    assert_eq!(code(b"\x12\x34\x01\x00\x00\x01"), None);
    // One question is announced, none is there.
    let cut = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    assert_eq!(code(cut), Some(ResponseCode::FormErr));
    let mut answer = cut.to_vec();
    answer[2] |= 0x80;
    assert_eq!(code(&answer), None);
    // Of a version of EDNS that is not there yet, ours is told.
    let mut future = Message::query();
    future.add_query(Query::query(Name::from_ascii("danja.").unwrap(), RecordType::A));
    let mut edns = Edns::new();
    edns.set_version(1);
    future.set_edns(edns);
    let answer = ready(names.answer(CLIENT, &future.to_vec().unwrap(), Some(PLAIN_UDP))).unwrap();
    let answer = Message::from_vec(&answer).unwrap();
    assert_eq!(u16::from(answer.metadata.response_code), 16);
    assert_eq!(answer.edns.map(|edns| edns.version()), Some(0));
    assert!(answer.answers.is_empty());
    let mut update = Message::new(1, MessageType::Query, OpCode::Status);
    assert_eq!(code(&update.to_vec().unwrap()), Some(ResponseCode::NotImp));
    update.metadata.op_code = OpCode::Query;
    assert_eq!(code(&update.to_vec().unwrap()), Some(ResponseCode::FormErr));
}

/// What is answered without asking others.
fn ready(answer: Answer) -> Option<Vec<u8>> {
    match answer {
        Answer::Ready(bytes) => Some(bytes),
        Answer::None | Answer::Forward(_) => None,
    }
}
