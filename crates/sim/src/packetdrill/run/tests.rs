//! Tests of the runner's parts that need no stack: building and reading packets, translation of
//! numbers, comparison. Whole scripts are run by `tests/scripts.rs`.

use super::build::{self, Numbers};
use super::compare::{self, Rules};
use super::flow::Flow;
use super::observe::{Seen, SeenBody, SeenSegment, observe};
use super::{Personality, icmp};
use crate::packetdrill::ast::{Action, Body, EcnCounter, Flags, Packet, Segment, TcpOption};
use crate::packetdrill::{Definitions, parse};
use danja_wire::Instant;
use std::net::{Ipv4Addr, SocketAddrV4};

const STACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, 1), 8080);
const SCRIPT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 50001);

fn packet(text: &str) -> Packet {
    let script = parse("t", &format!("0 {text}"), &Definitions::new())
        .unwrap_or_else(|error| panic!("{error}"));
    match script.events.into_iter().next().map(|event| event.action) {
        Some(Action::Packet(packet)) => packet,
        other => panic!("{other:?}"),
    }
}

fn segment(text: &str) -> Segment {
    match packet(text).body {
        Body::Tcp(segment) => segment,
        other => panic!("{other:?}"),
    }
}

/// The stack sends what the text says, in the wire's numbers.
fn sent(text: &str) -> Seen {
    let Packet { ip, body: Body::Tcp(segment), .. } = packet(text) else { panic!("{text}") };
    let numbers = Numbers {
        sequence: match segment.sequence {
            crate::packetdrill::ast::Sequence::At(number) => number,
            _ => 0,
        },
        ack: segment.ack.unwrap_or(0),
        flags: segment.flags,
        window: segment.window.unwrap_or(0),
        urgent: segment.urgent.unwrap_or(0),
    };
    let options = segment.options.unwrap_or_default();
    let bytes = build::tcp(STACK, SCRIPT, &numbers, &options, segment.length as usize);
    let bytes = build::ipv4(&ip, *STACK.ip(), *SCRIPT.ip(), 6, &bytes);
    observe(Instant::ZERO, &bytes).unwrap_or_else(|what| panic!("{text}: {what}"))
}

fn tcp(seen: &Seen) -> &SeenSegment {
    match &seen.body {
        SeenBody::Tcp(segment) => segment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_built_is_read_back() {
    let seen = sent(
        "> (tos 0x20, ttl 7) FP.U 1:101(100) ack 7 win 512 urg 5 <sack 1:3 5:7,nop,nop,TS val 1 ecr 2,nop,nop>",
    );
    assert_eq!((seen.tos, seen.ttl), (0x20, 7));
    let read = tcp(&seen);
    assert_eq!((read.ports, read.sequence, read.ack), ((8080, 50001), 1, 7));
    assert_eq!((read.window, read.urgent, read.payload.len()), (512, 5, 100));
    let all = Flags { fin: true, psh: true, ack: true, urg: true, ..Flags::default() };
    assert_eq!(read.flags, all);
    assert_eq!(read.options.first(), Some(&TcpOption::Sack(vec![(1, 3), (5, 7)])));
    for ace in 0..8 {
        assert_eq!(tcp(&sent(&format!("> S{ace} 0:0(0) win 5"))).flags.ace, ace);
    }
    for options in [
        "mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 8",
        "md5 000102030405060708090a0b0c0d0e0f,nop,nop",
        "FO 0102030405060708,nop,nop",
        "FOEXP 0102030405060708,eol,eol,eol,eol",
        "ECN e0b 1 ceb 2 e1b 3,nop",
    ] {
        let wanted = segment(&format!("> S 0:0(0) <{options}>")).options.unwrap_or_default();
        assert_eq!(
            tcp(&sent(&format!("> S 0:0(0) win 5 <{options}>"))).options,
            wanted,
            "{options}"
        );
    }
    let counters = TcpOption::AccEcn(vec![(EcnCounter::E1b, 70_000)]);
    assert_eq!(
        tcp(&sent("> S 0:0(0) win 5 <ECN e1b 70000,nop,nop,nop>")).options.first(),
        Some(&counters)
    );
}

#[test]
fn a_flipped_bit_is_noticed() {
    let numbers = Numbers { sequence: 1, ack: 2, flags: Flags::default(), window: 3, urgent: 0 };
    let segment = build::tcp(STACK, SCRIPT, &numbers, &[TcpOption::Mss(5)], 11);
    let good = build::ipv4(&Default::default(), *STACK.ip(), *SCRIPT.ip(), 6, &segment);
    assert!(observe(Instant::ZERO, &good).is_ok());
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(observe(Instant::ZERO, &bad).is_err(), "bit {bit}");
    }
    for length in 0..good.len() {
        assert!(observe(Instant::ZERO, &good[..length]).is_err(), "{length} bytes");
    }
}

/// A flow whose stack's initial number is 1,000,000 and whose script's SYN said 500.
fn established() -> Flow {
    let mut flow = Flow::new(STACK, SCRIPT);
    flow.inward(&segment("< S 500:500(0) win 1 <mss 1460>"))
        .unwrap_or_else(|what| panic!("{what}"));
    let syn_ack = segment("> S. 0:0(0) ack 501 <...>");
    let seen = sent("> S. 1000000:1000000(0) ack 501 win 7 <TS val 777 ecr 0,nop,nop>");
    flow.outward(&syn_ack, tcp(&seen));
    flow.matched(&segment("> S. 0:0(0) ack 501 <TS val 100 ecr 0,nop,nop>"), tcp(&seen));
    flow
}

#[test]
fn numbers_are_translated_both_ways() {
    let mut flow = established();
    let inward = flow
        .inward(&segment("< . 1:1(0) ack 11 win 5 <sack 21:31,nop,nop,TS val 5 ecr 100,nop,nop>"));
    let inward = inward.unwrap_or_else(|what| panic!("{what}"));
    assert_eq!((inward.sequence, inward.ack), (Some(501), 1_000_011));
    assert_eq!(inward.options.first(), Some(&TcpOption::Sack(vec![(1_000_021, 1_000_031)])));
    assert_eq!(inward.options.get(3), Some(&TcpOption::Timestamps { value: 5, echo: 777 }));
    assert!(flow.inward(&segment("< . 1:1(0) ack 1 win 5 <TS val 5 ecr 101,nop,nop>")).is_err());
    // A SYN writes its own number, a literal one is never moved.
    let syn = flow.inward(&segment("< S 501:501(0) win 5")).unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(syn.sequence, Some(501));
    let literal =
        flow.inward(&segment("< R 7:7(0)! win 5")).unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(literal.sequence, Some(7));
    let seen = sent("> . 1000001:1000001(0) ack 511 win 7");
    let outward = flow.outward(&segment("> . 1:1(0) ack 11 <sack 21:31,nop,nop>"), tcp(&seen));
    assert_eq!((outward.sequence, outward.ack), (Some(1_000_001), 511));
    assert_eq!(outward.options.first(), Some(&TcpOption::Sack(vec![(521, 531)])));
    let (sequence, ack, _) = flow.in_script_numbers(tcp(&seen));
    assert_eq!((sequence, ack), (1, 11));
}

fn differences(personality: Personality, expected: &str, got: &str) -> Vec<String> {
    compared(Rules { personality, timestamp_tick: 0, strict: false }, expected, got)
}

fn compared(rules: Rules, expected: &str, got: &str) -> Vec<String> {
    let (expected, seen) = (packet(expected), sent(got));
    let Body::Tcp(wanted) = &expected.body else { panic!() };
    compare::segment(rules, &mut established(), &expected.ip, wanted, &seen, tcp(&seen))
}

#[test]
fn every_field_is_compared() {
    let same = "> (ttl 9) P. 1000001:1000011(10) ack 511 win 7 <nop,nop,TS val 9 ecr 9>";
    let linux = |expected: &str| differences(Personality::Linux, expected, same);
    assert_eq!(linux("> (ttl 9) P. 1:11(10) ack 11 win 7 <nop,nop,TS val 1 ecr 1>"), [""; 0]);
    assert_eq!(linux("> P. 1:11(10) ack 11 <...>"), [""; 0]);
    assert_eq!(linux("> P. 2:12(10) ack 11 <...>"), ["seq"]);
    assert_eq!(linux("> P. 1:10(9) ack 11 <...>"), ["length"]);
    assert_eq!(linux("> P. 1:11(10) ack 12 <...>"), ["ack"]);
    assert_eq!(linux("> . 1:11(10) ack 11 <...>"), ["flags"]);
    assert_eq!(linux("> PE. 1:11(10) ack 11 <...>"), ["flags"]);
    assert_eq!(linux("> P. 1:11(10) ack 11 win 8 <...>"), ["win"]);
    assert_eq!(linux("> P. 1:11(10) ack 11 urg 1 <...>"), ["urg"]);
    assert_eq!(linux("> P. 1:11(10) ack 11"), ["options"]);
    assert_eq!(linux("> P. 1:11(10) ack 11 <TS val 1 ecr 1,nop,nop>"), ["options"]);
    assert_eq!(linux("> (ttl 8) P. 1:11(10) ack 11 <...>"), ["ttl (is 9)"]);
    assert_eq!(linux("> (ect0) P. 1:11(10) ack 11 <...>"), ["ecn (is 0)"]);
}

#[test]
fn an_echo_is_compared_strictly() {
    let got = "> . 1000001:1000001(0) ack 511 win 7 <nop,nop,TS val 9 ecr 9>";
    let strictly = |expected: &str| {
        let personality = Personality::Linux;
        compared(Rules { personality, timestamp_tick: 0, strict: true }, expected, got)
    };
    assert_eq!(strictly("> . 1:1(0) ack 11 <nop,nop,TS val 5 ecr 9>"), [""; 0]);
    assert_eq!(strictly("> . 1:1(0) ack 11 <nop,nop,TS val 9 ecr 8>"), ["options"]);
}

#[test]
fn freebsd_does_not_compare_order_and_windows() {
    let bsd = |expected: &str, got: &str| differences(Personality::FreeBsd, expected, got);
    let got = "> . 1000001:1000001(0) ack 511 win 7 <nop,nop,TS val 9 ecr 9>";
    assert_eq!(bsd("> . 1:1(0) ack 11 win 9 <TS val 1 ecr 1,eol,eol>", got), [""; 0]);
    assert_eq!(bsd("> . 1:1(0) ack 11 win 9", got), ["option TS val 9 ecr 9 is not expected"]);
    assert_eq!(
        bsd("> . 1:1(0) ack 11 <mss 5,TS val 1 ecr 1,nop,nop>", got),
        ["option mss 5 is missing"]
    );
    // The FIN is known already: an acknowledgement after it is as good as it again.
    assert_eq!(bsd("> F. 0:0(0) ack 11", "> . 1000001:1000001(0) ack 511 win 7"), [""; 0]);
    assert_eq!(bsd("> F. 1:1(0) ack 11", "> . 1000001:1000001(0) ack 511 win 7"), ["flags"]);
    assert_eq!(bsd("> F. 0:0(0) ack 12", "> . 1000001:1000001(0) ack 511 win 7"), ["ack"]);
    assert_eq!(
        bsd("> F. 0:0(0) ack 11 <mss 5>", "> . 1000001:1000001(0) ack 511 win 7"),
        ["option mss 5 is missing"]
    );
    let linux = differences(
        Personality::Linux,
        "> F. 0:0(0) ack 11",
        "> . 1000001:1000001(0) ack 511 win 7",
    );
    assert_eq!(linux, ["flags", "seq"]);
}

#[test]
fn an_icmp_error_quotes_the_stacks_packet() {
    let Body::Icmp(message) = packet("< icmp unreachable frag_needed mtu 1200 [1:1461(1460)]").body
    else {
        panic!()
    };
    let bytes = icmp::bytes(&message, &established()).unwrap_or_else(|what| panic!("{what:?}"));
    assert_eq!(&bytes[..2], [3, 4]);
    assert_eq!(&bytes[4..8], 1200_u32.to_be_bytes());
    assert_eq!(&bytes[20..24], STACK.ip().octets(), "the quoted source");
    assert_eq!(&bytes[28..32], [8080_u16.to_be_bytes(), 50001_u16.to_be_bytes()].concat());
    assert_eq!(&bytes[32..36], 1_000_001_u32.to_be_bytes());
    assert_eq!(build::checksum(&[&bytes]), 0);
}
