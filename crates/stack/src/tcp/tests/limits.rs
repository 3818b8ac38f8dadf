//! What a peer or a slow reader cannot make us hold.

use super::pair::{CLIENT, Pair, SERVER, pattern};
use super::solo::{Solo, sack_options};
use crate::config::Config;
use crate::socket::{SendError, SocketOption};

/// Small writes, each a segment and each acknowledged: rounding the window up to its scale must
/// not open it for ever, and the window that closes must open again.
#[test]
fn small_segments_close_the_window_too() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    pair.stacks[CLIENT].set_option(client, SocketOption::NoDelay(true), pair.now).unwrap();
    pair.stacks[SERVER].set_option(server, SocketOption::ReceiveBuffer(20_000), pair.now).unwrap();
    let data = pattern(500_000);
    let mut sent = 0;
    for _ in 0..10_000 {
        match pair.send(CLIENT, client, &data[sent..sent + 50]) {
            Ok(count) => sent += count,
            Err(SendError::WouldBlock) => {}
            Err(other) => panic!("{other:?}"),
        }
        pair.run_ms(12);
    }
    let held = pair.stacks[SERVER].control_info(server).unwrap().receive_queue;
    // The 64 KiB that the handshake announced before the buffer was made smaller, and a little.
    assert!(held <= 70_000, "{held} bytes wait unread");
    assert!(pair.stacks[SERVER].buffered() <= 2 * 70_000);
    assert_eq!(pair.stacks[CLIENT].counters().tcp_retrans_segs, 0, "nothing was refused");
    let mut got = std::vec::Vec::new();
    let until = pair.now + core::time::Duration::from_secs(300);
    while got.len() < sent {
        match pair.recv(SERVER, server, 10_000) {
            Ok(part) => got.extend(part),
            Err(_) => assert!(pair.step(until), "stuck after {} of {sent}", got.len()),
        }
    }
    assert!(got == data[..sent]);
}

/// One byte in two of a whole window: what they cost is bounded, not only what they carry.
#[test]
fn single_bytes_beyond_a_gap_are_bounded_by_their_cost() {
    let mut solo = Solo::new(Config::default());
    let (server, _) = solo.accepted(sack_options());
    solo.stack.set_option(server, SocketOption::ReceiveBuffer(20_000), solo.now).unwrap();
    for at in 0..60_000u32 {
        solo.say(danja_wire::tcp::Flags::ACK, 2 + at, 1, b"x");
    }
    let held = solo.stack.buffered();
    assert!(held <= 2 * 20_000 + 65_536, "{held} bytes");
}
