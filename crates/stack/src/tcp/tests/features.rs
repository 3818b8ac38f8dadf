//! Timers and options: delayed acknowledgements, Nagle, cork, keep-alive, user timeout, linger,
//! urgent data, PAWS, challenge ACKs.

use super::solo::{Solo, flags, full_options, plain_options, sack_options};
use crate::config::Config;
use crate::event::{Event, Ready};
use crate::socket::{
    Cause, Fault, OptionName, RecvError, RecvFlags, SendFlags, Shutdown, SocketOption,
};
use crate::views::TcpState;
use core::time::Duration;
use danja_wire::Payload;
use danja_wire::tcp::Flags;

fn quiet() -> Config {
    let mut config = Config::default();
    config.tcp.quick_ack_start = false;
    config
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn one_segment_is_acknowledged_late_and_two_at_once() {
    let mut solo = Solo::new(quiet());
    let (_, _) = solo.accepted(plain_options());
    assert!(solo.say(Flags::ACK, 1, 1, &[0; 1_460]).is_empty());
    assert!(solo.wait(ms(39)).is_empty());
    let late = solo.wait(ms(2));
    assert_eq!(flags(&late), [Flags::ACK]);
    assert_eq!(late[0].header.acknowledgment, solo.irs + 1_461);
    assert!(solo.say(Flags::ACK, 1_461, 1, &[0; 1_460]).is_empty());
    let second = solo.say(Flags::ACK, 2_921, 1, &[0; 1_460]);
    assert_eq!(second[0].header.acknowledgment, solo.irs + 4_381);
    assert_eq!(solo.stack.counters().tcp_delayed_acks, 1);
}

#[test]
fn a_batch_is_acknowledged_once() {
    let mut solo = Solo::new(Config::default());
    solo.accepted(plain_options());
    for number in 0..10 {
        let header = solo.header(Flags::ACK, 1 + number * 100, 1);
        solo.put(&header, &[0; 100]);
    }
    let acks = solo.poll();
    assert_eq!(acks.len(), 1);
    assert_eq!(acks[0].header.acknowledgment, solo.irs + 1_001);
}

#[test]
fn gaps_are_acknowledged_at_once_with_the_newest_block_first() {
    let mut solo = Solo::new(quiet());
    solo.accepted(sack_options());
    let first = solo.say(Flags::ACK, 101, 1, &[1; 50]);
    assert_eq!(first[0].header.options.sack.as_slice(), [(solo.irs + 101, solo.irs + 151)]);
    let second = solo.say(Flags::ACK, 201, 1, &[1; 50]);
    let ranges = [(solo.irs + 201, solo.irs + 251), (solo.irs + 101, solo.irs + 151)];
    assert_eq!(second[0].header.options.sack.as_slice(), ranges);
    // What was received before is reported first (RFC 2883), and the rest after it.
    let again = solo.say(Flags::ACK, 201, 1, &[1; 50]);
    let blocks = again[0].header.options.sack;
    assert_eq!(blocks.as_slice()[0], (solo.irs + 201, solo.irs + 251));
    assert_eq!(blocks.as_slice()[1], (solo.irs + 201, solo.irs + 251));
    let filled = solo.say(Flags::ACK, 1, 1, &[1; 100]);
    assert_eq!(filled[0].header.acknowledgment, solo.irs + 151);
}

#[test]
fn nagle_holds_the_second_small_segment() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, b"a").unwrap();
    assert_eq!(solo.poll().len(), 1);
    solo.write(socket, b"b").unwrap();
    solo.write(socket, b"c").unwrap();
    assert!(solo.poll().is_empty());
    let released = solo.say(Flags::ACK, 1, 2, &[]);
    assert_eq!(released[0].data, b"bc");
    solo.stack.set_option(socket, SocketOption::NoDelay(true), solo.now).unwrap();
    solo.write(socket, b"d").unwrap();
    assert_eq!(solo.poll()[0].data, b"d");
    solo.write(socket, b"e").unwrap();
    assert_eq!(solo.poll()[0].data, b"e");
}

#[test]
fn cork_holds_a_part_for_200_ms() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.stack.set_option(socket, SocketOption::Cork(true), solo.now).unwrap();
    solo.write(socket, &[1; 2_000]).unwrap();
    let full = solo.poll();
    assert_eq!(full.len(), 1);
    assert_eq!(full[0].data.len(), 1_460);
    solo.say(Flags::ACK, 1, 1_461, &[]);
    assert!(solo.wait(ms(199)).is_empty());
    assert_eq!(solo.wait(ms(2))[0].data.len(), 540);
    solo.say(Flags::ACK, 1, 2_001, &[]);
    solo.write(socket, &[1; 10]).unwrap();
    assert!(solo.poll().is_empty());
    solo.stack.set_option(socket, SocketOption::Cork(false), solo.now).unwrap();
    assert_eq!(solo.poll()[0].data.len(), 10);
}

#[test]
fn more_is_coming() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let more = SendFlags { more: true, ..SendFlags::default() };
    let head = Payload::from_static(b"head");
    solo.stack.send(socket, &head, more, solo.now).unwrap();
    assert!(solo.poll().is_empty());
    solo.write(socket, b"tail").unwrap();
    let sent = solo.poll();
    assert_eq!(sent[0].data, b"headtail");
    assert!(sent[0].header.flags.contains(Flags::PSH));
}

#[test]
fn keep_alive_probes_and_gives_up() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    assert!(solo.wait(Duration::from_secs(10_800)).is_empty(), "off by default");
    for option in [
        SocketOption::KeepIdle(Duration::from_secs(10)),
        SocketOption::KeepInterval(Duration::from_secs(5)),
        SocketOption::KeepCount(3),
        SocketOption::KeepAlive(true),
    ] {
        solo.stack.set_option(socket, option, solo.now).unwrap();
    }
    assert!(solo.wait(ms(9_900)).is_empty());
    let probe = solo.wait(ms(200));
    assert_eq!(flags(&probe), [Flags::ACK]);
    assert_eq!(probe[0].header.sequence, solo.iss);
    assert!(probe[0].data.is_empty());
    // Answered: the clock starts anew.
    solo.say(Flags::ACK, 1, 1, &[]);
    assert!(solo.wait(ms(9_900)).is_empty());
    let rest = solo.wait(ms(30_000));
    let probes = rest.iter().filter(|seen| seen.header.flags == Flags::ACK).count();
    assert_eq!(probes, 3);
    assert!(rest.last().unwrap().header.flags.contains(Flags::RST));
    let fault = solo.error(socket).unwrap();
    assert_eq!((fault.kind, fault.cause), (Fault::TimedOut, Some(Cause::KeepAlive(3))));
    assert_eq!(solo.stack.counters().tcp_keep_alive, 4);
}

/// The peer's window-full of data was lost: its answers have the number behind it.
#[test]
fn what_comes_from_the_edge_of_the_window_is_heard() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    for option in [
        SocketOption::KeepIdle(Duration::from_secs(10)),
        SocketOption::KeepInterval(Duration::from_secs(5)),
        SocketOption::KeepCount(3),
        SocketOption::KeepAlive(true),
    ] {
        solo.stack.set_option(socket, option, solo.now).unwrap();
    }
    let edge = 1 + solo.info(socket).tcp.unwrap().rcv_wnd;
    for _ in 0..5 {
        assert_eq!(flags(&solo.wait(ms(10_000))), [Flags::ACK], "a probe");
        assert!(solo.say(Flags::ACK, edge, 1, &[]).is_empty(), "it is no reason for an answer");
    }
    solo.write(socket, b"data").unwrap();
    solo.poll();
    solo.say(Flags::ACK, edge, 5, &[]);
    assert_eq!(solo.info(socket).tcp.unwrap().segments_unacked, 0);
    // Beyond it nothing is, nor is data there, nor a RST.
    solo.write(socket, b"more").unwrap();
    solo.poll();
    solo.say(Flags::ACK, edge + 1, 9, &[]);
    solo.say(Flags::ACK, edge, 9, b"x");
    assert_eq!(solo.info(socket).tcp.unwrap().segments_unacked, 1);
    assert!(solo.say(Flags::RST, edge, 0, &[]).is_empty(), "it is outside of the window");
    assert_eq!(solo.state(socket), TcpState::Established);
}

#[test]
fn the_user_timeout_ends_a_stalled_connection() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let timeout = SocketOption::UserTimeout(Duration::from_secs(3));
    solo.stack.set_option(socket, timeout, solo.now).unwrap();
    solo.write(socket, b"nobody answers").unwrap();
    solo.wait(ms(2_900));
    assert_eq!(solo.state(socket), TcpState::Established);
    solo.wait(ms(200));
    assert_eq!(solo.state(socket), TcpState::Closed);
    let fault = solo.error(socket).unwrap();
    assert_eq!((fault.kind, fault.cause), (Fault::TimedOut, Some(Cause::UserTimeout)));
}

#[test]
fn retransmissions_back_off_and_end() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, b"data").unwrap();
    let mut sent = solo.poll();
    sent.extend(solo.wait(Duration::from_secs(1_200)));
    // The first and fifteen retransmissions, then the RST.
    assert_eq!(sent.len(), 17);
    let gaps: std::vec::Vec<u128> =
        sent.windows(2).map(|pair| pair[1].at.saturating_since(pair[0].at).as_millis()).collect();
    assert!(gaps[1] == gaps[0] * 2 && gaps[2] == gaps[0] * 4, "{gaps:?}");
    assert_eq!(solo.error(socket).unwrap().cause, Some(Cause::Retransmissions(15)));
    assert_eq!(solo.stack.buffered(), 0);
}

#[test]
fn linger_zero_resets() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let linger = SocketOption::Linger(Some(Duration::ZERO));
    solo.stack.set_option(socket, linger, solo.now).unwrap();
    solo.stack.close(socket, solo.now).unwrap();
    assert_eq!(flags(&solo.poll()), [Flags::RST | Flags::ACK]);
    assert_eq!(solo.stack.counters().tcp_abort_on_linger, 1);
    assert_eq!(solo.stack.sockets().len(), 1, "only the listener");
}

#[test]
fn finished_is_raised_when_the_fin_is_acknowledged() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, b"last words").unwrap();
    solo.stack.shutdown(socket, Shutdown::Both, solo.now).unwrap();
    let sent = solo.poll();
    assert_eq!(flags(&sent), [Flags::ACK | Flags::PSH | Flags::FIN]);
    solo.say(Flags::ACK, 1, 11, &[]);
    assert!(!solo.stack.readiness(socket).intersects(Ready::FINISHED));
    solo.say(Flags::ACK, 1, 12, &[]);
    assert!(solo.stack.readiness(socket).intersects(Ready::FINISHED));
}

#[test]
fn urgent_data_is_announced_and_read_apart() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let mut header = solo.header(Flags::ACK | Flags::URG, 1, 1);
    header.urgent = 4;
    solo.put(&header, b"abcXdef");
    solo.poll();
    assert!(solo.stack.readiness(socket).intersects(Ready::URGENT));
    assert_eq!(solo.read(socket, 100).unwrap(), b"abc");
    let at_mark = solo.stack.option(socket, OptionName::AtMark).unwrap();
    assert_eq!(at_mark, SocketOption::AtMark(true));
    let urgent = RecvFlags { urgent: true, ..RecvFlags::default() };
    assert_eq!(solo.read_with(socket, 1, urgent).unwrap(), b"X");
    assert_eq!(solo.read_with(socket, 1, urgent), Err(RecvError::NoUrgentData));
    assert_eq!(solo.read(socket, 100).unwrap(), b"def");
    assert!(!solo.stack.readiness(socket).intersects(Ready::URGENT));
}

#[test]
fn urgent_data_is_told_when_announced_and_ready_when_there() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let told = |solo: &mut Solo| {
        let mut told = Ready::NONE;
        while let Some(event) = solo.stack.poll_event() {
            if let Event::Socket { ready, .. } = event {
                told = told.with(ready);
            }
        }
        told.intersects(Ready::URGENT)
    };
    told(&mut solo);
    let mut header = solo.header(Flags::ACK | Flags::URG, 1, 1);
    header.urgent = 4;
    solo.put(&header, b"ab");
    assert!(told(&mut solo));
    assert!(!solo.stack.readiness(socket).intersects(Ready::URGENT));
    solo.say(Flags::ACK, 3, 1, b"cX");
    assert!(told(&mut solo));
    assert!(solo.stack.readiness(socket).intersects(Ready::URGENT));
}

#[test]
fn urgent_data_in_line_stays_in_the_stream() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.stack.set_option(socket, SocketOption::OutOfBandInline(true), solo.now).unwrap();
    let mut header = solo.header(Flags::ACK | Flags::URG, 1, 1);
    header.urgent = 4;
    solo.put(&header, b"abcXdef");
    assert_eq!(solo.read(socket, 100).unwrap(), b"abc");
    assert_eq!(solo.read(socket, 100).unwrap(), b"Xdef");
}

#[test]
fn our_urgent_pointer_names_the_octet_after() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let urgent = SendFlags { urgent: true, ..SendFlags::default() };
    let data = Payload::from_static(b"wow!");
    solo.stack.send(socket, &data, urgent, solo.now).unwrap();
    let sent = solo.poll();
    assert!(sent[0].header.flags.contains(Flags::URG));
    assert_eq!(sent[0].header.urgent, 4);
}

/// Vulnerability class 3: no pointer underflows anything.
#[test]
fn odd_urgent_pointers() {
    for urgent in [0u16, 1, 3, 4, 5, 1_000, 65_535] {
        for length in [0usize, 1, 4, 1_460] {
            let mut solo = Solo::new(Config::default());
            let (socket, _) = solo.accepted(plain_options());
            for _ in 0..3 {
                let mut header = solo.header(Flags::ACK | Flags::URG, 1, 1);
                header.urgent = urgent;
                solo.put(&header, &super::pair::pattern(length));
                solo.poll();
            }
            let mut got = 0;
            while let Ok(part) = solo.read(socket, 100_000) {
                got += part.len();
            }
            let taken = usize::from(urgent > 0 && usize::from(urgent) <= length);
            assert_eq!(got, length - taken, "urgent {urgent} length {length}");
        }
    }
}

#[test]
fn paws_drops_an_old_timestamp_and_only_that() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(full_options());
    solo.clock = Some(900);
    let answer = solo.say(Flags::ACK, 1, 1, b"old");
    assert_eq!(flags(&answer), [Flags::ACK]);
    assert_eq!(solo.read(socket, 10), Err(RecvError::WouldBlock));
    assert_eq!(solo.stack.counters().tcp_paws_estab, 1);
    solo.clock = Some(1_100);
    solo.say(Flags::ACK, 1, 1, b"new");
    assert_eq!(solo.read(socket, 10).unwrap(), b"new");
    // A forged timestamp outside the window poisons nothing (CVE-2005-0356).
    solo.clock = Some(0x7000_0000);
    solo.say(Flags::ACK, 500_000, 1, b"forged");
    solo.clock = Some(1_101);
    solo.say(Flags::ACK, 4, 1, b"good");
    assert_eq!(solo.read(socket, 10).unwrap(), b"good");
    // Without a timestamp: silently dropped (RFC 7323 §3.2).
    solo.clock = None;
    assert!(solo.say(Flags::ACK, 8, 1, b"bare").is_empty());
    assert_eq!(solo.read(socket, 10), Err(RecvError::WouldBlock));
}

#[test]
fn blind_resets_are_challenged_and_limited() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let window = solo.info(socket).tcp.unwrap().rcv_wnd;
    assert!(solo.say(Flags::RST, 0, 0, &[]).is_empty(), "before the window");
    assert!(solo.say(Flags::RST, 1 + window, 0, &[]).is_empty(), "after the window");
    for (number, offset) in [1, 100, window - 1].into_iter().enumerate() {
        let answers = solo.say(Flags::RST, 1 + offset, 0, &[]).len();
        assert_eq!(answers, usize::from(number < 2), "two a second");
    }
    assert_eq!(solo.state(socket), TcpState::Established);
    solo.wait(ms(1_000));
    assert_eq!(solo.say(Flags::RST, 2, 0, &[]).len(), 1);
    solo.say(Flags::RST, 1, 0, &[]);
    assert_eq!(solo.state(socket), TcpState::Closed);
    assert_eq!(solo.error(socket).unwrap().kind, Fault::ConnectionReset);
}

#[test]
fn data_with_an_old_or_future_acknowledgement_is_dropped() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    for ack in [2, 1_000_000, 1u32.wrapping_sub(60_001), 1u32.wrapping_sub(1 << 31)] {
        let answer = solo.say(Flags::ACK, 1, ack, b"inject");
        assert_eq!(flags(&answer), [Flags::ACK], "ack {ack}");
        assert_eq!(solo.read(socket, 10), Err(RecvError::WouldBlock));
        solo.wait(ms(600));
    }
    // The oldest that a window ever allowed.
    solo.say(Flags::ACK, 1, 1u32.wrapping_sub(60_000), b"okay");
    assert_eq!(solo.read(socket, 10).unwrap(), b"okay");
}

#[test]
fn time_wait_knows_what_was_sent_again() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.stack.shutdown(socket, Shutdown::Write, solo.now).unwrap();
    solo.poll();
    assert_eq!(flags(&solo.wait(ms(300))), [Flags::FIN | Flags::ACK], "once more");
    solo.say(Flags::FIN | Flags::ACK, 1, 2, &[]);
    assert_eq!(solo.state(socket), TcpState::TimeWait);
    assert_eq!(solo.info(socket).tcp.unwrap().total_retransmissions, 1);
}
