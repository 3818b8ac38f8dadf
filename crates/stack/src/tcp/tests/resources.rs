//! What an attacker can make a connection cost (vulnerability classes 28, 40 to 47), and how
//! buffers grow and shrink.

use super::pair::{CLIENT, Pair, SERVER, pattern};
use super::solo::{Solo, blocks, flags, plain_options, sack_options};
use crate::config::Config;
use crate::socket::{RecvError, SocketOption};
use crate::tcp::loss::Records;
use crate::tcp::record::{HalfOpen, Record, TimeWait};
use crate::tcp::socket::StreamSocket;
use crate::tcp::tcb::Tcb;
use crate::views::TcpState;
use core::time::Duration;
use danja_wire::Instant;
use danja_wire::tcp::{Flags, Options, SeqNumber};

/// What an idle connection costs. A field more is a decision, not an accident.
#[test]
fn the_hot_parts_stay_small() {
    assert!(size_of::<Tcb>() <= 496, "control block {}", size_of::<Tcb>());
    assert!(size_of::<StreamSocket>() <= 192, "socket {}", size_of::<StreamSocket>());
    assert!(size_of::<HalfOpen>() <= 232, "half-open {}", size_of::<HalfOpen>());
    assert!(size_of::<TimeWait>() <= 160, "TIME-WAIT {}", size_of::<TimeWait>());
    assert!(size_of::<Record>() <= 16, "record slot {}", size_of::<Record>());
}

#[test]
fn an_idle_connection_holds_no_buffers() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    let idle = pair.stacks[CLIENT].control_info(client).unwrap().memory;
    let data = pattern(500_000);
    let got = pair.transfer((CLIENT, client), (SERVER, server), &data, Duration::from_secs(60));
    assert!(got == data);
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.stacks[CLIENT].control_info(client).unwrap().memory, idle);
    assert_eq!(pair.stacks[SERVER].control_info(server).unwrap().memory, idle);
}

/// Class 28: what one connection is challenged with tells nothing about another.
#[test]
fn challenges_of_one_connection_are_not_those_of_another() {
    let mut solo = Solo::new(Config::default());
    let (_, _) = solo.accepted(plain_options());
    let (first_port, first_iss) = (solo.remote_port, solo.iss);
    solo.remote_port = 4_001;
    solo.syn(plain_options());
    solo.say(Flags::ACK, 1, 1, &[]);
    let second_iss = solo.iss;
    (solo.remote_port, solo.iss) = (first_port, first_iss);
    let challenged: usize = (0..1_000).map(|_| solo.say(Flags::RST, 50, 0, &[]).len()).sum();
    assert_eq!(challenged, 2);
    (solo.remote_port, solo.iss) = (4_001, second_iss);
    let others: usize = (0..10).map(|_| solo.say(Flags::RST, 50, 0, &[]).len()).sum();
    assert_eq!(others, 2);
}

/// Class 41: one-byte segments at every second sequence number.
#[test]
fn out_of_order_ranges_are_limited() {
    let mut config = Config::default();
    config.limits.out_of_order_ranges = 100;
    let mut solo = Solo::new(config);
    let (socket, _) = solo.accepted(sack_options());
    for number in 0..20_000u32 {
        let header = solo.header(Flags::ACK, 3 + number * 2, 1);
        solo.put(&header, b"x");
        solo.poll();
    }
    let info = solo.info(socket).tcp.unwrap();
    assert_eq!(info.out_of_order, 100);
    assert!(solo.stack.buffered() < 100_000);
    solo.say(Flags::ACK, 1, 1, b"abcdef");
    assert_eq!(solo.read(socket, 100).unwrap().len(), 7, "and the one byte after them");
}

/// Class 42: reports of every second byte split a bounded number of records.
#[test]
fn reports_split_a_bounded_number_of_records() {
    let (zero, now) = (SeqNumber(0), Instant::from_secs(1));
    let mut records = Records::default();
    for at in (0..60_000).step_by(1_000) {
        records.on_sent((zero + at, zero + (at + 1_000)), now, 0, false);
    }
    for at in (1..60_000).step_by(2) {
        records.sack(zero + at, zero + (at + 1), now);
    }
    let count = records.counts().0;
    assert!((16_384..=16_385).contains(&count), "{count}");
}

/// Class 42: selective acknowledgements of every second byte.
#[test]
fn fragmenting_reports_are_bounded() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(sack_options());
    solo.write(socket, &pattern(14_000)).unwrap();
    assert_eq!(solo.poll().len(), 10);
    for start in (0..14_000u32).step_by(8) {
        let mut header = solo.header(Flags::ACK, 1, 1);
        let block = |offset: u32| (solo.iss + start + offset, solo.iss + start + offset + 1);
        header.options.sack = blocks(&[block(2), block(4), block(6), block(8)]);
        solo.put(&header, &[]);
        let sent = solo.poll();
        assert!(sent.len() <= 10);
    }
    // Inverted and foreign blocks are not believed.
    let before = solo.info(socket).tcp.unwrap().segments_sacked;
    let mut header = solo.header(Flags::ACK, 1, 1);
    header.options.sack = blocks(&[
        (solo.iss + 500, solo.iss + 400),
        (solo.iss + 20_000, solo.iss + 30_000),
        (solo.iss - 9_000, solo.iss - 8_000),
    ]);
    solo.put(&header, &[]);
    assert_eq!(solo.info(socket).tcp.unwrap().segments_sacked, before);
    // Everything is acknowledged in the end all the same.
    let mut acked = 1;
    for _ in 0..200 {
        let sent = solo.wait(Duration::from_secs(1));
        let end = sent.iter().map(|s| s.header.sequence.since(solo.iss) + s.data.len() as u32);
        acked = end.max().unwrap_or(acked).max(acked);
        solo.say(Flags::ACK, 1, acked, &[]);
    }
    assert_eq!(solo.info(socket).send_queue, 0);
}

/// Class 43.
#[test]
fn a_tiny_mss_is_raised_to_the_floor() {
    for mss in [0, 1, 8, 40, 47] {
        let mut solo = Solo::new(Config::default());
        let options = Options { mss: Some(mss), ..super::solo::full_options() };
        let (socket, _) = solo.accepted(options);
        solo.write(socket, &[1; 100]).unwrap();
        let sent = solo.poll();
        assert_eq!(sent[0].data.len(), 36, "48 less the timestamps");
    }
}

/// Class 45: an acknowledgement of each byte grows the window no faster than one of all.
#[test]
fn split_acknowledgements_do_not_inflate_the_window() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, &[1; 14_600]).unwrap();
    solo.poll();
    let before = solo.info(socket).tcp.unwrap().cwnd;
    for byte in 0..1_460 {
        solo.say(Flags::ACK, 1, 2 + byte, &[]);
    }
    let after = solo.info(socket).tcp.unwrap().cwnd;
    assert_eq!(after - before, 1_460);
    // Of what was never sent: nothing.
    solo.say(Flags::ACK, 1, 100_000, &[]);
    assert_eq!(solo.info(socket).tcp.unwrap().cwnd, after);
}

/// Class 46: duplicates inflate by no more than what is in flight.
#[test]
fn spoofed_duplicates_release_little() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.write(socket, &[1; 60_000]).unwrap();
    assert_eq!(solo.poll().len(), 10);
    let mut released = 0;
    for _ in 0..1_000 {
        released += solo.say(Flags::ACK, 1, 1, &[]).len();
    }
    assert!(released <= 20, "{released} segments for 1,000 duplicates");
}

/// Class 47: small segments close the window by what they cost, and its edge never retreats.
#[test]
fn small_segments_are_charged_at_their_cost() {
    let mut config = Config::default();
    config.limits.buffer_bytes = 4 << 20;
    let mut solo = Solo::new(config);
    let (socket, _) = solo.accepted(plain_options());
    let mut edge = 0;
    for seq in 1..300_000 {
        let window = solo.info(socket).tcp.unwrap().rcv_wnd;
        assert!(seq + window >= edge, "the edge moved left");
        edge = seq + window;
        if window == 0 {
            break;
        }
        solo.say(Flags::ACK, seq, 1, b"x");
    }
    assert!(solo.stack.buffered() <= 4 << 20);
    assert!(solo.info(socket).receive_queue <= 131_072, "the window closed at the buffer's size");
}

/// Class 40: a peer that never opens its window cannot hold an orphan.
#[test]
fn an_orphan_with_a_closed_window_is_given_up() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let mut header = solo.header(Flags::ACK, 1, 1);
    header.window = 0;
    solo.put(&header, &[]);
    solo.write(socket, &[1; 1_000]).unwrap();
    solo.stack.close(socket, solo.now).unwrap();
    let mut resets = 0;
    for _ in 0..3_600 {
        let sent = solo.wait(Duration::from_secs(1));
        resets += sent.iter().filter(|seen| seen.header.flags.contains(Flags::RST)).count();
        if !sent.is_empty() && resets == 0 {
            let mut header = solo.header(Flags::ACK, 1, 1);
            header.window = 0;
            solo.put(&header, &[]);
        }
    }
    assert_eq!(resets, 1);
    assert_eq!(solo.stack.sockets().len(), 1, "only the listener");
    assert_eq!(solo.stack.buffered(), 0);
}

#[test]
fn an_orphan_in_fin_wait_2_is_given_up() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.stack.close(socket, solo.now).unwrap();
    solo.poll();
    solo.say(Flags::ACK, 1, 2, &[]);
    assert_eq!(solo.stack.sockets()[1].state, Some(TcpState::FinWait2));
    solo.wait(Duration::from_secs(59));
    assert_eq!(solo.stack.sockets().len(), 2);
    solo.wait(Duration::from_secs(2));
    assert_eq!(solo.stack.sockets().len(), 1);
    assert_eq!(flags(&solo.say(Flags::FIN | Flags::ACK, 1, 2, &[])), [Flags::RST]);
}

/// TCP_LINGER2 is about FIN-WAIT-2: TIME-WAIT after it is as long as any.
#[test]
fn time_wait_is_no_longer_for_a_long_fin_wait_2() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    let linger = SocketOption::Linger2(Duration::from_secs(300));
    solo.stack.set_option(socket, linger, solo.now).unwrap();
    let iss = solo.info(socket).tcp.unwrap().iss;
    solo.stack.close(socket, solo.now).unwrap();
    solo.poll();
    solo.say(Flags::ACK, 1, 2, &[]);
    solo.wait(Duration::from_secs(100));
    assert_eq!(flags(&solo.say(Flags::FIN | Flags::ACK, 1, 2, &[])), [Flags::ACK]);
    let waits = solo.stack.sockets()[1].clone();
    assert_eq!(waits.state, Some(TcpState::TimeWait));
    assert_eq!(waits.tcp.unwrap().iss, iss);
    solo.wait(Duration::from_secs(59));
    assert_eq!(solo.stack.sockets().len(), 2);
    solo.wait(Duration::from_secs(2));
    assert_eq!(solo.stack.sockets().len(), 1, "only the listener is left");
}

/// One segment that acknowledges an orphan's FIN and carries what comes after FIN-WAIT-2.
#[test]
fn an_orphan_passes_fin_wait_2_within_one_segment() {
    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.stack.close(socket, solo.now).unwrap();
    solo.poll();
    assert_eq!(flags(&solo.say(Flags::FIN | Flags::ACK, 1, 2, &[])), [Flags::ACK]);
    assert_eq!(solo.stack.sockets()[1].state, Some(TcpState::TimeWait));

    let mut solo = Solo::new(Config::default());
    let (socket, _) = solo.accepted(plain_options());
    solo.stack.close(socket, solo.now).unwrap();
    solo.poll();
    assert_eq!(flags(&solo.say(Flags::ACK, 1, 2, b"nobody reads")), [Flags::RST]);
    assert_eq!(solo.stack.sockets().len(), 1, "only the listener is left");
}

/// Under pressure: out-of-order data goes, new data is dropped, acknowledged data never.
#[test]
fn a_full_budget_loses_nothing_acknowledged() {
    let mut config = Config::default();
    config.limits.buffer_bytes = 60_000;
    let mut solo = Solo::new(config);
    let (socket, _) = solo.accepted(sack_options());
    let data = pattern(200_000);
    // Something beyond a gap first.
    solo.say(Flags::ACK, 60_001, 1, &data[60_000..61_000]);
    let mut acked = 1u32;
    for _ in 0..200 {
        let start = (acked - 1) as usize;
        let end = (start + 1_000).min(data.len());
        for seen in solo.say(Flags::ACK, acked, 1, &data[start..end]) {
            acked = acked.max(seen.header.acknowledgment.since(solo.irs));
        }
        // A block of gathered bytes may go beyond it.
        assert!(solo.stack.buffered() <= 60_000 + 16_384, "{}", solo.stack.buffered());
    }
    assert!(acked > 30_000 && acked < 70_000, "acknowledged {acked}");
    assert!(solo.stack.counters().tcp_rcv_pruned > 0);
    let mut got = std::vec::Vec::new();
    while let Ok(part) = solo.read(socket, 7_000) {
        got.extend(part);
    }
    assert_eq!(got.len() as u32, acked - 1);
    assert!(got == data[..got.len()]);
    assert_eq!(solo.read(socket, 1), Err(RecvError::WouldBlock));
}

/// Both buffers grow until they are no bottleneck: 100 ms, and a window for 50 MB/s.
#[test]
fn buffers_grow_with_the_path() {
    let mut pair = Pair::new();
    pair.link(|_, _, _| std::vec![Duration::from_millis(50)]);
    let listener = pair.listen(5);
    let client = pair.connect();
    pair.run_ms(400);
    let (server, _) = pair.stacks[SERVER].accept(listener, pair.now).unwrap();
    let data = pattern(40 << 20);
    let began = pair.now;
    let limit = Duration::from_secs(60);
    let got = pair.transfer((CLIENT, client), (SERVER, server), &data, limit);
    assert!(got == data);
    let took = pair.now.saturating_since(began);
    assert!(took < Duration::from_secs(6), "{took:?}");
    let sender = pair.stacks[CLIENT].control_info(client).unwrap();
    let receiver = pair.stacks[SERVER].control_info(server).unwrap();
    assert!(sender.send_buffer > 1 << 20, "{}", sender.send_buffer);
    assert!(receiver.receive_buffer > 1 << 20, "{}", receiver.receive_buffer);
    assert!(sender.send_buffer <= sender.send_buffer_max);
    assert!(receiver.receive_buffer <= receiver.receive_buffer_max);
}

#[test]
fn a_buffer_size_that_was_asked_for_stays() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    let now = pair.now;
    pair.stacks[SERVER].set_option(server, SocketOption::ReceiveBuffer(50_000), now).unwrap();
    pair.stacks[CLIENT].set_option(client, SocketOption::SendBuffer(40_000), now).unwrap();
    let data = pattern(2 << 20);
    let limit = Duration::from_secs(60);
    let got = pair.transfer((CLIENT, client), (SERVER, server), &data, limit);
    assert!(got == data);
    assert_eq!(pair.stacks[SERVER].control_info(server).unwrap().receive_buffer, 50_000);
    assert_eq!(pair.stacks[CLIENT].control_info(client).unwrap().send_buffer, 40_000);
}
