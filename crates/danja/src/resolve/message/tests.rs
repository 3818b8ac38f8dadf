use super::*;
use hickory_proto::rr::Record;
use hickory_proto::rr::rdata::{A, CNAME};

const ID: u16 = 0x1234;

fn asked() -> Name {
    name("server.example").unwrap()
}

/// The right answer, but for what `change` does to it.
fn reply(change: impl FnOnce(&mut Message)) -> Result<Answer, NoAnswer> {
    let question = Message::from_vec(&question(ID, &asked()).unwrap()).unwrap();
    let mut message = question.into_response();
    message.metadata.message_type = MessageType::Response;
    say(&mut message, &asked(), RData::A(A::new(192, 0, 2, 1)));
    change(&mut message);
    answer(&message.to_vec().unwrap(), ID, &asked())
}

fn say(message: &mut Message, owner: &Name, data: RData) {
    message.add_answer(Record::from_rdata(owner.clone(), 60, data));
}

fn alias(message: &mut Message, from: &str, to: &str) {
    let target = RData::CNAME(CNAME(name(to).unwrap()));
    say(message, &name(from).unwrap(), target);
}

#[test]
fn what_matches_is_an_answer() {
    let right = Ok(Answer::Addresses(vec![Ipv4Addr::new(192, 0, 2, 1)]));
    assert_eq!(reply(|_| {}), right);
    // In any case of letters.
    let upper = reply(|message| {
        message.queries[0].set_name(Name::from_ascii("SERVER.Example.").unwrap());
        message.answers[0].name = Name::from_ascii("Server.EXAMPLE.").unwrap();
    });
    assert_eq!(upper, right);
}

#[test]
fn what_does_not_match_is_no_answer() {
    type Change = fn(&mut Message);
    let changes: [(&str, Change); 8] = [
        ("another id", |message| message.metadata.id ^= 0x8000),
        ("a question", |message| message.metadata.message_type = MessageType::Query),
        ("another operation", |message| message.metadata.op_code = OpCode::Notify),
        ("another name", |message| {
            message.queries[0].set_name(name("server.example.org").unwrap());
        }),
        ("another type", |message| {
            message.queries[0].set_query_type(RecordType::AAAA);
        }),
        ("another class", |message| {
            message.queries[0].set_query_class(DNSClass::CH);
        }),
        ("two questions", |message| {
            let second = message.queries[0].clone();
            message.add_query(second);
        }),
        ("a refusal without a question", |message| {
            message.queries.clear();
            message.metadata.response_code = ResponseCode::Refused;
        }),
    ];
    for (what, change) in changes {
        assert_eq!(reply(change), Err(NoAnswer::NotOurs), "{what}");
    }
}

#[test]
fn codes_and_truncation_are_told() {
    let code = |code| reply(|message| message.metadata.response_code = code);
    assert_eq!(code(ResponseCode::NXDomain), Ok(Answer::NoSuchName));
    assert_eq!(code(ResponseCode::ServFail), Err(NoAnswer::Code(ResponseCode::ServFail)));
    let cut = reply(|message| message.metadata.truncation = true);
    assert_eq!(cut, Err(NoAnswer::Truncated));
}

#[test]
fn aliases_are_followed_and_loops_are_not() {
    let right = Ok(Answer::Addresses(vec![Ipv4Addr::new(192, 0, 2, 9)]));
    let chain = |length: usize| {
        reply(|message| {
            message.answers.clear();
            say(message, &name(&format!("n{length}")).unwrap(), RData::A(A::new(192, 0, 2, 9)));
            // The order of records means nothing.
            for number in (1..length).rev() {
                alias(message, &format!("n{number}"), &format!("n{}", number + 1));
            }
            alias(message, "server.example", "n1");
        })
    };
    assert_eq!(chain(1), right);
    assert_eq!(chain(ALIASES), right);
    assert_eq!(chain(ALIASES + 1), Ok(Answer::NoAddress));
    let circle = reply(|message| {
        alias(message, "server.example", "other.example");
        alias(message, "other.example", "server.example");
    });
    assert_eq!(circle, Ok(Answer::NoAddress));
    let own = reply(|message| alias(message, "server.example", "server.example"));
    assert_eq!(own, Ok(Answer::NoAddress));
    let nowhere = reply(|message| {
        message.answers.clear();
        alias(message, "server.example", "other.example");
    });
    assert_eq!(nowhere, Ok(Answer::NoAddress));
}

#[test]
fn addresses_of_others_are_not_taken() {
    let others = reply(|message| {
        message.answers.clear();
        say(message, &name("evil.example").unwrap(), RData::A(A::new(6, 6, 6, 6)));
        let record = Record::from_rdata(asked(), 60, RData::A(A::new(6, 6, 6, 6)));
        message.add_additional(record.clone());
        message.add_authority(record);
    });
    assert_eq!(others, Ok(Answer::NoAddress));
}

#[test]
fn anything_else_is_no_answer_and_no_panic() {
    let bytes = question(ID, &asked()).unwrap();
    for length in 0..bytes.len() {
        assert_eq!(answer(&bytes[..length], ID, &asked()), Err(NoAnswer::NotOurs), "{length}");
    }
    // A name that points at itself.
    let mut circle = bytes.clone();
    circle[2] |= 0x80;
    circle[12..14].copy_from_slice(&[0xc0, 12]);
    assert_eq!(answer(&circle, ID, &asked()), Err(NoAnswer::NotOurs));
    // More records than there are bytes.
    let mut liar = bytes;
    liar[2] |= 0x80;
    liar[6..8].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(answer(&liar, ID, &asked()), Err(NoAnswer::NotOurs));
    assert_eq!(answer(&vec![0xff; 65_535], ID, &asked()), Err(NoAnswer::NotOurs));
}
