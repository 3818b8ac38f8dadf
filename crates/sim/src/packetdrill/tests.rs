//! Tests of the language alone: what scripts mean, and what errors say.

use super::ast::{
    Action, Body, Call, Direction, Ecn, EcnCounter, Encapsulation, Event, Expression, Flags, Icmp,
    IcmpPayload, Moment, Packet, Script, Segment, Sequence, TcpOption, Time,
};
use super::{Definitions, ParseError, parse};
use core::time::Duration;

fn read(text: &str) -> Script {
    match parse("test.pkt", text, &Definitions::new()) {
        Ok(script) => script,
        Err(error) => panic!("{error}"),
    }
}

fn refused(text: &str) -> ParseError {
    match parse("test.pkt", text, &Definitions::new()) {
        Ok(script) => panic!("was accepted: {script:?}"),
        Err(error) => error,
    }
}

fn only_packet(text: &str) -> Packet {
    match read(&format!("0 {text}\n")).events.remove(0).action {
        Action::Packet(packet) => packet,
        other => panic!("no packet: {other:?}"),
    }
}

fn only_segment(text: &str) -> Segment {
    match only_packet(text).body {
        Body::Tcp(segment) => segment,
        other => panic!("no segment: {other:?}"),
    }
}

fn only_call(text: &str) -> Call {
    match read(&format!("0 {text}\n")).events.remove(0).action {
        Action::Call(call) => call,
        other => panic!("no call: {other:?}"),
    }
}

fn times(text: &str) -> Vec<Time> {
    read(text).events.iter().map(|event| event.time).collect()
}

const fn at(milliseconds: u64) -> Moment {
    Moment::Absolute(Duration::from_millis(milliseconds))
}

const fn after(milliseconds: u64) -> Moment {
    Moment::Relative(Duration::from_millis(milliseconds))
}

#[test]
fn every_form_of_time() {
    let script = "0 close(3) = 0
        .1 close(3) = 0
        +.1 close(3) = 0
        + 0.25 close(3) = 0
        * > . 1:1(0) ack 1
        0.1~0.2 > . 1:1(0) ack 1
        +.1~+.2 > . 1:1(0) ack 1
        0.1...0.3 close(3) = 0
        +0...0.2 close(3) = 0
        1. close(3) = 0";
    let expected = [
        Time::At(at(0)),
        Time::At(at(100)),
        Time::At(after(100)),
        Time::At(after(250)),
        Time::Any,
        Time::Between(at(100), at(200)),
        Time::Between(after(100), after(200)),
        Time::Blocking(at(100), at(300)),
        Time::Blocking(after(0), after(200)),
        Time::At(at(1000)),
    ];
    assert_eq!(times(script), expected);
    assert_eq!(
        times("0.000000001 close(3) = 0".replacen("0.000000001", "0", 1).as_str()),
        [Time::At(at(0))]
    );
}

#[test]
fn options_commands_code_and_comments() {
    let script = read(
        "// a comment\n--mtu=1280\n--strict /* twice\nover lines */ --tolerance_usecs=10\n`before`\n`it`\n 0 `sysctl -w a=1`\n+0 %{ assert tcpi_state == TCP_ESTABLISHED }%\n`after`",
    );
    let options: Vec<_> =
        script.options.iter().map(|o| (o.name.as_str(), o.value.as_deref(), o.line)).collect();
    assert_eq!(
        options,
        [("mtu", Some("1280"), 2), ("strict", None, 3), ("tolerance_usecs", Some("10"), 4)]
    );
    assert_eq!(script.initial.map(|c| (c.text, c.line)), Some(("before\nit".to_owned(), 5)));
    assert_eq!(script.last.map(|c| (c.text, c.line)), Some(("after".to_owned(), 9)));
    let [
        Event { action: Action::Command(command), line: 7, .. },
        Event { action: Action::Code(code), .. },
    ] = &script.events[..]
    else {
        panic!("{:?}", script.events)
    };
    assert_eq!(command.text, "sysctl -w a=1");
    assert_eq!(code.text.trim(), "assert tcpi_state == TCP_ESTABLISHED");
}

#[test]
fn blocks_are_taken_by_name_and_lines_stay_true() {
    let text = "0 close(3) = 0\n#ifdef ONE\n+0 close(4) = 0\n#endif\n#ifdef TWO\n+0 close(5) = 0\n#else\n+0 close(6) = 0\n#endif\n+0 close(7) = 0\n";
    let lines = |defined: &Definitions| -> Vec<usize> {
        parse("t", text, defined)
            .map(|s| s.events.iter().map(|e| e.line).collect())
            .unwrap_or_default()
    };
    assert_eq!(lines(&Definitions::new()), [1, 8, 10]);
    assert_eq!(lines(&Definitions::new().name("ONE")), [1, 3, 8, 10]);
    assert_eq!(lines(&Definitions::new().name("ONE").name("TWO")), [1, 3, 6, 10]);
    assert_eq!(refused("0 close(3) = 0\n#ifdef A\n").line, 2);
    assert_eq!(refused("0 close(3) = 0\n#endif\n").line, 2);
}

#[test]
fn definitions_replace_bare_words_only() {
    let mut defined = Definitions::new();
    defined.define("SIZE", "1000");
    defined.define("GREETING", "\"hello\"");
    defined.define("mss", "5");
    let text = "0 write(3, GREETING, SIZE) = SIZE // SIZE\n+0 write(3, \"SIZE\", SIZES) = 1\n+0 `SIZE`\n+0 < S 0:0(0) win 1 <mss 1460>";
    let script = parse("t", text, &defined).unwrap_or_else(|error| panic!("{error}"));
    let Action::Call(first) = &script.events[0].action else { panic!() };
    assert_eq!(
        first.arguments[1..],
        [Expression::Text(b"hello".to_vec()), Expression::Number(1000)]
    );
    assert_eq!(first.result, Expression::Number(1000));
    let Action::Call(second) = &script.events[1].action else { panic!() };
    assert_eq!(
        second.arguments[1..],
        [Expression::Text(b"SIZE".to_vec()), Expression::Name("SIZES".to_owned())]
    );
    let Action::Command(third) = &script.events[2].action else { panic!() };
    assert_eq!(third.text, "SIZE");
}

#[test]
fn a_segment_with_everything() {
    let segment = only_segment(
        "< 1234 > 80 FP.U 1:101(100) ack 7 win 65535 urg 5 <sack 1:3 5:7,nop,nop,TS val 1 ecr 2,nop,nop>",
    );
    assert_eq!(segment.ports, Some((1234, 80)));
    assert_eq!(
        segment.flags,
        Flags { fin: true, psh: true, ack: true, urg: true, ..Flags::default() }
    );
    assert_eq!((segment.sequence, segment.length), (Sequence::At(1), 100));
    assert_eq!((segment.ack, segment.window, segment.urgent), (Some(7), Some(65535), Some(5)));
    let nop = TcpOption::Nop;
    let expected = [
        TcpOption::Sack(vec![(1, 3), (5, 7)]),
        nop.clone(),
        nop.clone(),
        TcpOption::Timestamps { value: 1, echo: 2 },
        nop.clone(),
        nop,
    ];
    assert_eq!(segment.options.as_deref(), Some(&expected[..]));
}

#[test]
fn every_option() {
    let options =
        |text: &str| only_segment(&format!("> S 0:0(0) <{text}>")).options.unwrap_or_default();
    assert_eq!(
        options("mss 1460, sackOK, eol, wscale 14, FO"),
        [
            TcpOption::Mss(1460),
            TcpOption::SackPermitted,
            TcpOption::Eol,
            TcpOption::WindowScale(14),
            TcpOption::FastOpen(Vec::new())
        ]
    );
    assert_eq!(options("FO 0102030405060708,nop,nop")[0], TcpOption::FastOpen((1..=8).collect()));
    assert_eq!(options("FOEXP 01ff,nop,nop")[0], TcpOption::FastOpenExperimental(vec![1, 255]));
    assert_eq!(options("md5 valid,nop,nop")[0], TcpOption::Md5(None));
    assert_eq!(
        options("md5 000102030405060708090a0b0c0d0e0f,nop,nop")[0],
        TcpOption::Md5(Some((0..16).collect()))
    );
    assert_eq!(
        options("ECN e1b 1 ceb 2 e0b 3,nop"),
        [
            TcpOption::AccEcn(vec![
                (EcnCounter::E1b, 1),
                (EcnCounter::Ceb, 2),
                (EcnCounter::E0b, 3)
            ]),
            TcpOption::Nop
        ]
    );
    assert_eq!(only_segment("> S 0:0(0) <...>").options, None);
    assert_eq!(only_segment("> S 0:0(0)").options, Some(Vec::new()));
}

#[test]
fn flags_and_the_ace_field() {
    let ace = |text: &str| only_segment(&format!("> {text} 0:0(0)")).flags.ace;
    assert_eq!(["SEW", "SA", "S5", ".7", "-", "AEW."].map(ace), [3, 4, 5, 7, 0, 7]);
    assert_eq!(only_segment("> - 5:5(0)").flags, Flags::default());
    assert!(refused("0 > SE5 0:0(0)").message.contains("not both"));
    assert!(refused("0 > S- 0:0(0)").message.contains("stands alone"));
    assert!(refused("0 > x 0:0(0)").message.contains("TCP flags"));
}

#[test]
fn open_and_literal_sequence_numbers() {
    assert_eq!(only_segment("> S. ...(0) ack 1").sequence, Sequence::Any);
    let literal = only_segment("> R. 7:7(0)! ack 1");
    assert_eq!((literal.sequence, literal.ack), (Sequence::Wire(7), Some(1)));
    assert_eq!(only_segment("> . 4294967295:99(100) ack 1").length, 100);
}

#[test]
fn ip_information_and_what_is_around_a_packet() {
    let packet = only_packet("< [ect0, ttl 64, flowlabel 0x1f] . 1:1(0) ack 1 win 5");
    assert_eq!(
        (packet.ip.ecn, packet.ip.ttl, packet.ip.flow_label),
        (Some(Ecn::Ect0), Some(64), Some(31))
    );
    assert_eq!(only_packet("> (tos 0x20) . 1:1(0) ack 1").ip.tos, Some(32));
    assert_eq!(only_packet("> . 1:1(0) ack 1/udp(7 > 9)").in_udp, Some((7, 9)));
    let packet = only_packet(
        "< ipv4 192.0.2.1 > 192.0.2.2: ipv6 2001:db8::1 > 2001:db8::2: . 1:1(0) ack 1 win 5",
    );
    let address = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text}"));
    let outer = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")];
    assert_eq!(packet.outer, outer.map(|(a, b)| Encapsulation::Ip(address(a), address(b))));
    assert!(refused("0 < (ect01) . 1:1(0) ack 1 win 5").message.contains("ect01"));
}

#[test]
fn icmp_and_udp() {
    let icmp = only_packet("< icmp unreachable frag_needed mtu 1200 [1:1461(1460)]").body;
    let expected = Icmp {
        kind: "unreachable".to_owned(),
        code: Some("frag_needed".to_owned()),
        mtu: Some(1200),
        id: None,
        payload: Some(IcmpPayload::Segment { sequence: 1, length: 1460 }),
    };
    assert_eq!(icmp, Body::Icmp(expected));
    let Body::Icmp(echo) = only_packet("< icmp echo_request id 7 [raw (56)]").body else {
        panic!()
    };
    assert_eq!((echo.code, echo.id, echo.payload), (None, Some(7), Some(IcmpPayload::Raw(56))));
    assert_eq!(only_packet("> udp (1000)").body, Body::Udp { ports: None, length: 1000 });
    assert_eq!(only_packet("< udp (9)").direction, Direction::In);
}

#[test]
fn calls_with_c_like_arguments() {
    let call = only_call("connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)");
    assert_eq!((call.name.as_str(), &call.result), ("connect", &Expression::Number(-1)));
    assert_eq!(call.arguments, [Expression::Number(3), Expression::Supplied, Expression::Supplied]);
    assert_eq!(call.errno.as_deref(), Some("EINPROGRESS"));
    assert_eq!(call.note.as_deref(), Some("Operation now in progress"));
    let call = only_call("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0x02 (flags O_RDWR)");
    let name = |text: &str| Expression::Name(text.to_owned());
    assert_eq!(call.arguments[2], Expression::Or(vec![name("O_RDWR"), name("O_NONBLOCK")]));
    assert_eq!((call.result, call.errno), (Expression::Number(2), None));
    assert_eq!(
        only_call("f(\"a\\n\\x41\\0\\\"\") = 0").arguments,
        [Expression::Text(b"a\nA\0\"".to_vec())]
    );
}

#[test]
fn structures() {
    let call = only_call(
        "sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0, msg_control=[{cmsg_level=SOL_TCP}]}, 0) = 10",
    );
    let Expression::Structure(message) = &call.arguments[1] else { panic!("{call:?}") };
    let names: Vec<_> =
        message.iter().map(|field| field.name.as_deref().unwrap_or_default()).collect();
    assert_eq!(names, ["msg_name", "msg_iov", "msg_flags", "msg_control"]);
    assert_eq!(
        (&message[0].size, &message[0].value),
        (&Some(Expression::Supplied), &Expression::Supplied)
    );
    let Expression::List(vectors) = &message[1].value else { panic!("{message:?}") };
    let Expression::Structure(vector) = &vectors[0] else { panic!("{vectors:?}") };
    assert_eq!(
        vector.iter().map(|f| &f.value).collect::<Vec<_>>(),
        [&Expression::Supplied, &Expression::Number(10)]
    );
    let call = only_call(
        "bind(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr(\"192.0.2.1\")}, 16) = 0",
    );
    let Expression::Structure(address) = &call.arguments[1] else { panic!("{call:?}") };
    assert_eq!(
        address[1].value,
        Expression::Apply("htons".to_owned(), vec![Expression::Number(80)])
    );
}

#[test]
fn errors_name_the_place_and_quote_the_line() {
    let error = refused("0 close(3) = 0\n\t+0.1 < S. 1:2(0) win 5\n");
    assert_eq!((error.line, error.column), (2, 12));
    let shown = error.to_string();
    assert!(shown.starts_with("test.pkt:2:12: 1 and 0 bytes end at 1, not at 2\n"), "{shown}");
    assert!(shown.ends_with("\n  \t+0.1 < S. 1:2(0) win 5\n  \t          ^"), "{shown}");
}

#[test]
fn what_is_refused() {
    let cases = [
        ("", "no event"),
        ("0.1 close(3) = 0", "time 0"),
        ("0 < . 1:1(0) ack 1", "win"),
        ("0 < . 1:1(0) ack 1 win 70000", "out of range"),
        ("0 < . 1:1(0) ack 1 win 7 <nop>", "multiple of 4"),
        ("0 < . 1:1(0) ack 1 win 7 <...>", "left open"),
        ("0 < . 1:1(0) ack 1 win 7 <bogus>", "TCP option"),
        ("0 > . 1:1(0) ack 1 <sack 1:2 1:2 1:2 1:2,TS val 1 ecr 2>", "room for 40"),
        ("0 close(3)", "\"=\""),
        ("0 close(3 = 0", "\")\""),
        ("0 f(\"abc) = 0", "no end"),
        ("0 `abc", "no end"),
        ("0 /* abc", "no end"),
        ("0 f(99999999999999999999) = 0", "64 bits"),
        ("* close(3) = 0", "open time"),
        ("0 close(3) = 0\n+0...1 `a`", "end time"),
        ("0 close(3) = 0\n`last`\n+0 close(3) = 0", "last command"),
        ("0 close(3) = 0\n+0 ?", "a call"),
        ("0 close(3) = 0\nnow close(3) = 0", "a time"),
    ];
    for (text, part) in cases {
        let error = refused(text);
        assert!(error.message.contains(part), "{text}: {error}");
    }
    let deep = format!("0 f({}) = 0", "[".repeat(5000));
    assert!(refused(&deep).message.contains("too deep"));
}
