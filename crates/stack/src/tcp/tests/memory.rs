//! The memory budget: room and readiness agree, whoever waits for it is woken, two full hosts
//! get on, orphans go first.

use super::pair::{CLIENT, Pair, SERVER, pattern};
use super::solo::{Solo, full_options};
use crate::config::Config;
use crate::event::Ready;
use crate::socket::{AcceptError, RecvError, SendError, SocketId};
use core::time::Duration;
use danja_wire::tcp::Flags;
use std::vec::Vec;

fn limited(bytes: usize) -> Config {
    let mut config = Config::default();
    config.limits.buffer_bytes = bytes;
    config
}

/// Fills the send queue until it takes no more; how much it took.
fn fill(pair: &mut Pair, socket: SocketId) -> usize {
    let mut taken = 0;
    loop {
        match pair.send(CLIENT, socket, &pattern(30_000)) {
            Ok(count) => taken += count,
            Err(SendError::WouldBlock) => return taken,
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn is_writable(pair: &Pair, socket: SocketId) -> bool {
    pair.stacks[CLIENT].readiness(socket).intersects(Ready::WRITABLE)
}

/// A second client's socket, connected to the same listener.
fn another(pair: &mut Pair, listener: SocketId) -> (SocketId, SocketId) {
    let client = pair.connect();
    pair.run_ms(100);
    (client, pair.stacks[SERVER].accept(listener, pair.now).unwrap().0)
}

#[test]
fn what_is_writable_takes_something() {
    let mut pair = Pair::with(limited(80_000), Config::default(), 1_500);
    let (first, _, listener) = pair.connected();
    let (second, _) = another(&mut pair, listener);
    pair.link(|_, _, _| Vec::new());
    for (socket, other) in [(first, second), (second, first)] {
        assert!(is_writable(&pair, socket));
        let room = pair.stacks[CLIENT].send_room(socket);
        let taken = fill(&mut pair, socket);
        assert!(room > 0 && taken > 0, "{room} {taken}");
        assert!(!is_writable(&pair, socket), "after {taken}");
        // One may always queue a little, whatever another holds.
        assert!(pair.stacks[CLIENT].send_room(other) == 0 || is_writable(&pair, other));
    }
    assert!(pair.stacks[CLIENT].buffered() <= 80_000);
}

/// The writer's own data is stuck; another connection gives its memory back.
#[test]
fn a_writer_that_waits_for_memory_is_woken_by_another() {
    let mut pair = Pair::with(limited(100_000), Config::default(), 1_500);
    let (rich, _, listener) = pair.connected();
    let (poor, _) = another(&mut pair, listener);
    pair.link(|_, _, _| Vec::new());
    fill(&mut pair, rich);
    fill(&mut pair, poor);
    pair.poll();
    pair.ready[CLIENT].clear();
    assert!(!is_writable(&pair, poor));
    pair.stacks[CLIENT]
        .set_option(rich, crate::socket::SocketOption::Linger(Some(Duration::ZERO)), pair.now)
        .unwrap();
    pair.stacks[CLIENT].close(rich, pair.now).unwrap();
    pair.poll();
    assert!(pair.ready[CLIENT].get(&poor).is_some_and(|ready| ready.intersects(Ready::WRITABLE)));
    assert!(fill(&mut pair, poor) > 10_000);
}

/// Each has its memory full of data for the other, and reads what comes.
#[test]
fn two_hosts_full_of_data_for_each_other_get_on() {
    let mut pair = Pair::with(limited(100_000), limited(100_000), 1_500);
    let (client, server, _) = pair.connected();
    let data = pattern(400_000);
    let ends = [(CLIENT, client), (SERVER, server)];
    let (mut sent, mut got) = ([0, 0], [Vec::new(), Vec::new()]);
    let until = pair.now + Duration::from_secs(120);
    while got.iter().any(|got| got.len() < data.len()) {
        for (at, (side, socket)) in ends.into_iter().enumerate() {
            while sent[at] < data.len() {
                let end = data.len().min(sent[at] + 50_000);
                match pair.send(side, socket, &data[sent[at]..end]) {
                    Ok(count) => sent[at] += count,
                    Err(SendError::WouldBlock) => break,
                    Err(other) => panic!("{other:?} after {}", sent[at]),
                }
            }
        }
        let before = got.iter().map(Vec::len).sum::<usize>();
        // Nobody reads before both have written what they can.
        for (at, (side, socket)) in ends.into_iter().enumerate() {
            match pair.recv(side, socket, 3_000) {
                Ok(part) => got[at].extend(part),
                Err(RecvError::WouldBlock) => {}
                Err(other) => panic!("{other:?} after {}", got[at].len()),
            }
        }
        let all = || got.iter().map(Vec::len).sum::<usize>();
        let happens = pair.step(until);
        assert!(happens || all() > before, "stuck: sent {sent:?}, got {}", all());
    }
    assert!(got.iter().all(|got| *got == data));
}

#[test]
fn orphans_go_first_and_the_oldest_of_them() {
    let mut pair = Pair::with(limited(200_000), Config::default(), 1_500);
    let (first, _, listener) = pair.connected();
    let (second, _) = another(&mut pair, listener);
    let (reader, server) = another(&mut pair, listener);
    let oldest = pair.stacks[CLIENT].control_info(first).unwrap().local.unwrap().port();
    // The client's data is lost; its acknowledgements are not.
    pair.link(|from, frame, _| {
        let lost = from == CLIENT && frame.len() > 100;
        if lost { Vec::new() } else { std::vec![Duration::from_millis(5)] }
    });
    for socket in [first, second] {
        fill(&mut pair, socket);
        pair.stacks[CLIENT].close(socket, pair.now).unwrap();
    }
    pair.run_ms(20);
    let resets = |pair: &Pair| -> Vec<u16> {
        let resets = pair.seen_from(CLIENT, Flags::RST);
        let mut ports: Vec<u16> = resets.iter().map(|seen| seen.header.source_port).collect();
        ports.dedup();
        ports
    };
    assert!(pair.stacks[CLIENT].buffered() > 140_000);
    assert!(resets(&pair).is_empty(), "there is room");
    pair.send(SERVER, server, &pattern(60_000)).unwrap();
    pair.run_ms(300);
    assert_eq!(resets(&pair), [oldest], "at once, and no more than it takes");
    let got = pair.recv(CLIENT, reader, 100_000).unwrap();
    assert!(got.len() > 40_000, "{}", got.len());
}

#[test]
fn an_accept_that_finds_nothing_uses_no_descriptor_up() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(5);
    for _ in 0..10 {
        assert_eq!(solo.stack.accept(listener, solo.now), Err(AcceptError::WouldBlock));
    }
    solo.syn(full_options());
    solo.say(Flags::ACK, 1, 1, &[]);
    let (accepted, _) = solo.stack.accept(listener, solo.now).unwrap();
    assert_eq!(std::format!("{accepted:?}"), "socket 1");
}
