//! Every combination of flags in every state: the reply and the next state are what RFC 9293
//! §3.10.7 says, and nothing panics. (Vulnerability classes 34 and 37.)

use super::solo::{Solo, plain_options};
use crate::config::Config;
use crate::socket::{Shutdown, SocketId};
use crate::views::TcpState;
use danja_wire::tcp::{Flags, SeqNumber};
use std::vec::Vec;

const STATES: [TcpState; 11] = [
    TcpState::Closed,
    TcpState::Listen,
    TcpState::SynSent,
    TcpState::SynReceived,
    TcpState::Established,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::CloseWait,
    TcpState::Closing,
    TcpState::LastAck,
    TcpState::TimeWait,
];

/// Sequence numbers that have been used on both sides: of the peer, of the stack (sent, and
/// acknowledged by the peer).
struct Place {
    socket: Option<SocketId>,
    rcv_nxt: u32,
    snd_nxt: u32,
}

fn enter(solo: &mut Solo, state: TcpState) -> Place {
    let mut place = Place { socket: None, rcv_nxt: 1, snd_nxt: 1 };
    match state {
        TcpState::Closed => return Place { socket: None, rcv_nxt: 0, snd_nxt: 0 },
        TcpState::Listen => {
            place.socket = Some(solo.listen(4));
            place.rcv_nxt = 0;
            place.snd_nxt = 0;
        }
        TcpState::SynSent => {
            place.socket = Some(solo.syn_sent());
            place.rcv_nxt = 0;
        }
        TcpState::SynReceived => {
            solo.listen(4);
            solo.syn(plain_options());
        }
        _ => {
            let socket = solo.established();
            place.socket = Some(socket);
            walk(solo, socket, state, &mut place);
        }
    }
    place
}

fn walk(solo: &mut Solo, socket: SocketId, state: TcpState, place: &mut Place) {
    let fin = Flags::FIN | Flags::ACK;
    let closes_first = matches!(
        state,
        TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::TimeWait
    );
    if closes_first {
        solo.stack.shutdown(socket, Shutdown::Write, solo.now).unwrap();
        solo.poll();
        place.snd_nxt = 2;
    }
    match state {
        TcpState::FinWait2 => drop(solo.say(Flags::ACK, 1, 2, &[])),
        TcpState::Closing => drop(solo.say(fin, 1, 1, &[])),
        TcpState::TimeWait => drop(solo.say(fin, 1, 2, &[])),
        TcpState::CloseWait => drop(solo.say(fin, 1, 1, &[])),
        TcpState::LastAck => {
            solo.say(fin, 1, 1, &[]);
            solo.stack.shutdown(socket, Shutdown::Write, solo.now).unwrap();
            solo.poll();
            place.snd_nxt = 2;
        }
        _ => {}
    }
    if !matches!(state, TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2) {
        place.rcv_nxt = 2;
    }
}

fn state_now(solo: &Solo, place: &Place, was: TcpState) -> TcpState {
    if let Some(socket) = place.socket {
        return solo.state(socket);
    }
    let all = solo.stack.sockets();
    let found = all.iter().find(|info| info.remote.is_some()).and_then(|info| info.state);
    found.unwrap_or(if was == TcpState::SynReceived { TcpState::Listen } else { was })
}

/// The only replies that there are: nothing, a RST that never answers a RST, or segments with
/// ACK (and SYN from SYN-RECEIVED).
fn check_reply(state: TcpState, flags: Flags, replies: &[Flags], after: TcpState) {
    let case = std::format!("{state} <- {flags}: {replies:?}, then {after}");
    if flags.contains(Flags::RST) {
        let any_reset = replies.iter().any(|reply| reply.contains(Flags::RST));
        assert!(!any_reset, "a RST for a RST: {case}");
    }
    match state {
        TcpState::Closed => {
            let silent = flags.contains(Flags::RST);
            assert_eq!(replies.len(), usize::from(!silent), "{case}");
            assert!(replies.iter().all(|reply| reply.contains(Flags::RST)), "{case}");
        }
        TcpState::Listen => {
            let opens = !flags.intersects(Flags::RST | Flags::ACK) && flags.contains(Flags::SYN);
            let resets = flags.contains(Flags::ACK) && !flags.contains(Flags::RST);
            let expected: &[Flags] = match (opens, resets) {
                (true, _) => &[Flags::SYN.union(Flags::ACK)],
                (_, true) => &[Flags::RST],
                _ => &[],
            };
            assert_eq!(replies, expected, "{case}");
        }
        TcpState::SynSent => {
            // The acknowledgement is of our SYN: RST refuses, SYN synchronizes.
            let ack = flags.contains(Flags::ACK);
            let expected = if flags.contains(Flags::RST) {
                if ack { TcpState::Closed } else { TcpState::SynSent }
            } else if !flags.contains(Flags::SYN) {
                TcpState::SynSent
            } else if !ack {
                TcpState::SynReceived
            } else if flags.contains(Flags::FIN) {
                TcpState::CloseWait
            } else {
                TcpState::Established
            };
            assert_eq!(after, expected, "{case}");
        }
        TcpState::TimeWait => assert_eq!(after, TcpState::TimeWait, "{case}"),
        TcpState::SynReceived => {
            let left = flags.intersects(Flags::RST | Flags::SYN);
            let stays = !left && !flags.contains(Flags::ACK);
            match (left, stays) {
                (true, _) => assert_eq!(after, TcpState::Listen, "{case}"),
                (_, true) => assert_eq!(after, TcpState::SynReceived, "{case}"),
                _ if flags.contains(Flags::FIN) => {
                    assert_eq!(after, TcpState::CloseWait, "{case}");
                }
                _ => assert_eq!(after, TcpState::Established, "{case}"),
            }
        }
        _ => synchronized(state, flags, after, &case),
    }
}

fn synchronized(state: TcpState, flags: Flags, after: TcpState, case: &str) {
    // At the exact sequence number: RST resets whatever else is set; SYN is only challenged;
    // without ACK nothing happens; FIN moves on.
    let expected = if flags.contains(Flags::RST) {
        TcpState::Closed
    } else if flags.contains(Flags::SYN) || !flags.contains(Flags::ACK) {
        state
    } else {
        let fin = flags.contains(Flags::FIN);
        match state {
            TcpState::Established if fin => TcpState::CloseWait,
            // Everything is acknowledged by these segments.
            TcpState::FinWait1 if fin => TcpState::TimeWait,
            TcpState::FinWait1 => TcpState::FinWait2,
            TcpState::FinWait2 if fin => TcpState::TimeWait,
            TcpState::Closing => TcpState::TimeWait,
            TcpState::LastAck => TcpState::Closed,
            other => other,
        }
    };
    assert_eq!(after, expected, "{case}");
}

#[test]
fn all_flags_in_all_states_at_the_exact_sequence_number() {
    for state in STATES {
        for bits in 0..512u16 {
            let flags = Flags::from_bits(bits);
            let mut solo = Solo::new(Config::default());
            let place = enter(&mut solo, state);
            assert_eq!(state_now(&solo, &place, state), state);
            let replies: Vec<Flags> = solo
                .say(flags, place.rcv_nxt, place.snd_nxt, &[])
                .iter()
                .map(|seen| seen.header.flags)
                .collect();
            let after = state_now(&solo, &place, state);
            check_reply(state, flags, &replies, after);
        }
    }
}

#[test]
fn a_segment_outside_the_window_never_changes_the_state() {
    for state in &STATES[4..] {
        for bits in 0..512u16 {
            let flags = Flags::from_bits(bits);
            for offset in [200_000, u32::MAX - 5_000] {
                let mut solo = Solo::new(Config::default());
                let place = enter(&mut solo, *state);
                let seq = place.rcv_nxt.wrapping_add(offset);
                let replies = solo.say(flags, seq, place.snd_nxt, b"data");
                assert_eq!(state_now(&solo, &place, *state), *state, "{state} <- {flags}");
                for reply in replies {
                    assert!(!reply.header.flags.contains(Flags::RST), "{state} <- {flags}");
                }
            }
        }
    }
}

/// The same life of a connection with initial sequence numbers near their wrap.
#[test]
fn sequence_numbers_wrap() {
    for irs in [0, 1, 0xffff_ffff, 0xffff_fff0, 0x7fff_ffff, 0x8000_0000, 0xffff_0000] {
        let mut solo = Solo::new(Config::default());
        solo.irs = SeqNumber(irs);
        let socket = solo.established();
        let data = super::pair::pattern(30_000);
        for (number, chunk) in data.chunks(1_000).enumerate() {
            let seq = 1 + number as u32 * 1_000;
            // Every second segment comes before the one ahead of it.
            let seq = if number % 2 == 0 { seq + 1_000 } else { seq - 1_000 };
            let start = (seq - 1) as usize;
            let chunk = data.get(start..start + chunk.len()).unwrap_or(&[]);
            solo.say(Flags::ACK, seq, 1, chunk);
        }
        assert_eq!(solo.read(socket, 100_000).unwrap(), data, "ISN {irs:#x}");
        solo.say(Flags::ACK | Flags::FIN, 30_001, 1, &[]);
        assert_eq!(solo.state(socket), TcpState::CloseWait, "ISN {irs:#x}");
    }
}

/// An inbound segment of any content in any state: no panic, and memory stays bounded.
#[test]
fn arbitrary_segments_break_nothing() {
    let mut random = 0x1234_5678_9abc_def1u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for state in STATES {
        for _ in 0..60 {
            let mut solo = Solo::new(Config::default());
            let place = enter(&mut solo, state);
            for _ in 0..60 {
                let draw = next();
                let near = |base: u32, draw: u64| match draw % 4 {
                    0 => base,
                    1 => base.wrapping_add((draw >> 8) as u32 % 3_000),
                    2 => base.wrapping_sub((draw >> 8) as u32 % 3_000),
                    _ => (draw >> 16) as u32,
                };
                let flags = Flags::from_bits((draw >> 20) as u16);
                let mut header =
                    solo.header(flags, near(place.rcv_nxt, draw >> 3), near(place.snd_nxt, next()));
                header.window = (next() >> 9) as u16;
                header.urgent = (next() >> 9) as u16;
                header.options.sack =
                    super::solo::blocks(&[(SeqNumber(next() as u32), solo.iss + draw as u32 % 9)]);
                let data = super::pair::pattern(next() as usize % 300);
                solo.put(&header, &data);
                let sent = solo.poll();
                assert!(sent.len() < 50, "{state}: {} segments for one", sent.len());
                if let Some(socket) = place.socket {
                    let _ = solo.write(socket, &[1; 100]);
                    if draw % 7 == 0 {
                        let _ = solo.read(socket, 1_000);
                    }
                }
                solo.wait(core::time::Duration::from_millis(draw % 300));
            }
            assert!(solo.stack.buffered() < 1 << 20);
        }
    }
}
