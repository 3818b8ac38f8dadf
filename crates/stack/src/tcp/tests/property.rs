//! Two stacks over a link that loses, doubles, delays and reorders, with random options, buffers
//! and calls: every byte arrives, in order and once; and what is seen on the link keeps the
//! invariants of RFC 9293.

use super::pair::{CLIENT, PORT, Pair, SERVER, address};
use crate::config::Config;
use crate::socket::{ConnectError, RecvError, SendError, Shutdown, SocketId, SocketOption};
use crate::views::TcpState;
use crate::{InterfaceConfig, Medium};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::ip::Cidr;
use danja_wire::tcp::{Flags, SeqNumber};
use proptest::prelude::*;
use std::vec::Vec;

/// One run.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    mtu: usize,
    loss: u64,
    double: u64,
    late: u64,
    delay_us: u64,
    /// Timestamps, SACK, window scaling, Nagle off, quick ACK.
    bits: u8,
    buffer: usize,
    amounts: [usize; 2],
    offload: bool,
    /// The client's ISN is to be this far before the wrap, if at all.
    wrap: Option<u32>,
}

fn case() -> impl Strategy<Value = Case> {
    let link = (0..12u64, 0..6u64, 0..10u64, 10..40_000u64);
    let sizes = (96..9_000usize, 300..200_000usize, 0..120_000usize, 0..60_000usize);
    let rest = (any::<u64>(), any::<u8>(), any::<bool>(), proptest::option::of(0..70_000u32));
    (link, sizes, rest).prop_map(
        |((loss, double, late, delay_us), (mtu, buffer, up, down), (seed, bits, offload, wrap))| {
            let amounts = [up, down];
            Case { seed, mtu, loss, double, late, delay_us, bits, buffer, amounts, offload, wrap }
        },
    )
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn build(case: &Case, now: Instant) -> Pair {
    let mut config = Config::default();
    config.tcp.timestamps = case.bits & 1 == 0;
    config.tcp.sack = case.bits & 2 == 0;
    config.tcp.window_scaling = case.bits & 4 == 0;
    config.tcp.quick_ack_start = case.bits & 8 == 0;
    Pair::at(now, [config.clone(), config], |side| {
        let mut lan = InterfaceConfig::new("lan0", Medium::Ip, case.mtu);
        if case.offload {
            lan.max_segmented = 65_535;
            lan.checksum_offload = true;
        }
        lan.address(Cidr::new(address(side), 24).unwrap())
    })
}

fn open(pair: &mut Pair, case: &Case) -> (SocketId, SocketId) {
    let listener = pair.listen(5);
    let buffer = SocketOption::ReceiveBuffer(case.buffer);
    let now = pair.now;
    pair.stacks[SERVER].set_option(listener, buffer, now).unwrap();
    let client = pair.socket(CLIENT);
    pair.stacks[CLIENT].set_option(client, buffer, now).unwrap();
    let no_delay = SocketOption::NoDelay(case.bits & 16 != 0);
    pair.stacks[CLIENT].set_option(client, no_delay, now).unwrap();
    let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5_555);
    pair.stacks[CLIENT].bind(client, local, now).unwrap();
    let remote = SocketAddr::new(address(SERVER), PORT);
    let begun = pair.stacks[CLIENT].connect(client, remote, now);
    assert_eq!(begun, Err(ConnectError::InProgress));
    pair.poll();
    (listener, client)
}

/// The moment at which the client's ISN is what the case wants: it grows by one in 4 µs.
fn start(case: &Case) -> Instant {
    let now = Instant::from_secs(1_000);
    let Some(before) = case.wrap else { return now };
    let mut pair = build(case, now);
    open(&mut pair, case);
    let iss = pair.seen[0].header.sequence;
    let ticks = SeqNumber(0u32.wrapping_sub(before)).since(iss);
    now + Duration::from_micros(u64::from(ticks) * 4)
}

/// One side's program: writes its bytes, reads the other's, in pieces of random size.
struct Program {
    side: usize,
    socket: SocketId,
    to_send: Vec<u8>,
    sent: usize,
    expected: Vec<u8>,
    got: usize,
    shut: bool,
    ended: bool,
}

impl Program {
    fn turn(&mut self, pair: &mut Pair, random: &mut Random) {
        for _ in 0..random.next() % 4 {
            if self.sent < self.to_send.len() {
                let size =
                    1 + (random.next() as usize) % [10, 3_000, 40_000][random.next() as usize % 3];
                let end = self.to_send.len().min(self.sent + size);
                match pair.send(self.side, self.socket, &self.to_send[self.sent..end]) {
                    Ok(count) => self.sent += count,
                    Err(SendError::WouldBlock) => break,
                    Err(other) => panic!("side {}: {other:?}", self.side),
                }
            }
        }
        if self.sent == self.to_send.len() && !self.shut {
            pair.stacks[self.side].shutdown(self.socket, Shutdown::Write, pair.now).unwrap();
            self.shut = true;
        }
        for _ in 0..random.next() % 3 {
            match pair.recv(self.side, self.socket, 1 + random.next() as usize % 20_000) {
                Ok(part) if part.is_empty() => {
                    self.ended = true;
                    break;
                }
                Ok(part) => {
                    let end = self.got + part.len();
                    assert!(self.expected.get(self.got..end) == Some(&part[..]), "wrong bytes");
                    self.got = end;
                }
                Err(RecvError::WouldBlock) => break,
                Err(other) => panic!("side {}: {other:?}", self.side),
            }
        }
    }

    fn is_done(&self) -> bool {
        self.ended && self.got == self.expected.len() && self.shut
    }
}

fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.next() as u8).collect()
}

fn run(case: &Case) {
    let mut pair = build(case, start(case));
    let mut random = Random(case.seed);
    let (loss, double, late, delay) = (case.loss, case.double, case.late, case.delay_us);
    let mut fate = Random(case.seed ^ 77);
    pair.link(move |_, _, _| {
        let draw = fate.next();
        let jitter = Duration::from_micros(fate.next() % (delay / 4 + 1));
        let once = Duration::from_micros(delay) + jitter;
        let mut chance = draw % 100;
        let mut is = |percent| {
            let hit = chance < percent;
            chance = chance.wrapping_sub(percent);
            hit
        };
        if is(loss) {
            std::vec![]
        } else if is(double) {
            std::vec![once, once * 2]
        } else if is(late) {
            std::vec![once * 4]
        } else {
            std::vec![once]
        }
    });
    let (listener, client) = open(&mut pair, case);
    let streams = case.amounts.map(|amount| bytes(&mut random, amount));
    let mut programs = Vec::new();
    let until = pair.now + Duration::from_secs(7_200);
    let program = |side: usize, socket| Program {
        side,
        socket,
        to_send: streams[side].clone(),
        sent: 0,
        expected: streams[1 - side].clone(),
        got: 0,
        shut: false,
        ended: false,
    };
    while programs.len() < 2 || !programs.iter().all(Program::is_done) {
        if programs.is_empty() && pair.state(CLIENT, client) == TcpState::Established {
            programs.push(program(CLIENT, client));
        }
        if programs.len() == 1
            && let Ok((server, _)) = pair.stacks[SERVER].accept(listener, pair.now)
        {
            programs.push(program(SERVER, server));
        }
        for program in &mut programs {
            program.turn(&mut pair, &mut random);
        }
        // A program that reads nothing for a while is still asked again.
        let soon = pair.now + Duration::from_millis(1 + random.next() % 30);
        if !pair.step(soon.min(until)) {
            pair.now = soon;
        }
        assert!(pair.now < until, "not done in two hours:\n{}", tail(&pair));
    }
    pair.run(Duration::from_secs(300));
    for (side, stack) in pair.stacks.iter().enumerate() {
        assert_eq!(stack.buffered(), 0, "side {side} holds memory");
    }
    check_invariants(&pair, case);
}

fn tail(pair: &Pair) -> std::string::String {
    let story = pair.story();
    let lines: Vec<&str> = story.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// What one side has said so far.
#[derive(Default)]
struct Said {
    edge: Option<SeqNumber>,
    acked: Option<SeqNumber>,
    shift: u32,
    mss: usize,
}

fn check_invariants(pair: &Pair, case: &Case) {
    let mut said = [Said::default(), Said::default()];
    for segment in &pair.seen {
        let (header, from) = (&segment.header, segment.from);
        let syn = header.flags.contains(Flags::SYN);
        if syn {
            said[from].shift = u32::from(header.options.window_scale.unwrap_or(0));
            said[from].mss = usize::from(header.options.mss.unwrap_or(536));
        }
        assert_eq!(header.options.mss.is_some(), syn, "MSS with SYN only (MUST-65)");
        if header.flags.contains(Flags::RST) {
            continue;
        }
        let scaled = said.iter().all(|side| side.shift > 0) && !syn;
        let window = u32::from(header.window) << if scaled { said[from].shift } else { 0 };
        if header.flags.contains(Flags::ACK) {
            let side = &mut said[from];
            if let Some(acked) = side.acked {
                assert!(acked.le(header.acknowledgment), "an acknowledgement went back");
            }
            side.acked = Some(header.acknowledgment);
            let edge = header.acknowledgment + window;
            if let Some(before) = side.edge {
                assert!(before.le(edge), "the window's right edge moved left (SHLD-14)");
            }
            side.edge = Some(edge);
        }
        if segment.data.is_empty() {
            continue;
        }
        let options = header.options.emitted_len();
        let limit = said[1 - from].mss.max(48);
        if !case.offload {
            assert!(segment.data.len() + options <= limit, "larger than the peer's MSS");
        }
        // SHLD-14 holds, so no data lies beyond the edge that was last announced.
        let end = header.sequence.after(segment.data.len());
        let edge = said[1 - from].edge.expect("data before an acknowledgement");
        assert!(end.le(edge), "data beyond the window at {:?}:\n{}", segment.at, pair.story());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn every_byte_arrives_in_order_and_once(case in case()) {
        run(&case);
    }
}
