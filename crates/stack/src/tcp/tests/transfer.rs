//! Data: in order, out of it, lost, doubled, with small and large windows.

use super::pair::{CLIENT, Pair, SERVER, pattern};
use crate::config::Config;
use crate::event::Ready;
use crate::socket::{SendError, SocketOption};
use core::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_megabyte_without_loss() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    let data = pattern(1 << 20);
    let got = pair.transfer((CLIENT, client), (SERVER, server), &data, MINUTE);
    assert!(got == data);
    assert_eq!(pair.stacks[CLIENT].counters().tcp_retrans_segs, 0);
    pair.run_ms(500);
    assert_eq!(pair.stacks[CLIENT].buffered(), 0);
    assert_eq!(pair.stacks[SERVER].buffered(), 0);
}

fn noise(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_bad_link_loses_nothing() {
    for seed in 1..30u64 {
        for sack in [true, false] {
            let mut config = Config::default();
            config.tcp.sack = sack;
            let mut pair = Pair::with(config, Config::default(), 1_500);
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            pair.link(move |_, _, _| {
                let draw = noise(&mut state);
                let delay = Duration::from_micros(5_000 + (draw >> 32) % 3_000);
                match draw % 100 {
                    0..5 => std::vec![],
                    5..8 => std::vec![delay, delay * 2],
                    8..12 => std::vec![delay * 3],
                    _ => std::vec![delay],
                }
            });
            let listener = pair.listen(5);
            let client = pair.connect();
            pair.run(Duration::from_secs(20));
            let (server, _) = pair.stacks[SERVER].accept(listener, pair.now).unwrap();
            let data = pattern(200_000);
            let got = pair.transfer((CLIENT, client), (SERVER, server), &data, MINUTE * 10);
            assert_eq!(got.len(), data.len(), "seed {seed} sack {sack}");
            assert!(got == data, "seed {seed} sack {sack}");
            let back = pair.transfer((SERVER, server), (CLIENT, client), &data, MINUTE * 10);
            assert!(back == data, "seed {seed} sack {sack}");
        }
    }
}

#[test]
fn one_lost_segment_is_recovered_without_a_timeout() {
    for sack in [true, false] {
        let mut config = Config::default();
        config.tcp.sack = sack;
        let mut pair = Pair::with(config, Config::default(), 1_500);
        let (client, server, _) = pair.connected();
        let mut count = 0;
        pair.link(move |from, frame, _| {
            count += usize::from(from == CLIENT && frame.len() > 1_000);
            let lost = from == CLIENT && count == 30 && frame.len() > 1_000;
            if lost { std::vec![] } else { std::vec![Duration::from_millis(5)] }
        });
        let data = pattern(300_000);
        let got = pair.transfer((CLIENT, client), (SERVER, server), &data, MINUTE);
        assert!(got == data);
        let counters = pair.stacks[CLIENT].counters();
        assert_eq!(counters.tcp_timeouts, 0, "sack {sack}");
        assert_eq!(counters.tcp_retrans_segs, 1, "sack {sack}");
        assert_eq!(counters.tcp_fast_retrans, 1, "sack {sack}");
    }
}

#[test]
fn what_waited_for_a_retransmission_is_no_round_trip_time() {
    let mut config = Config::default();
    config.tcp.sack = false;
    config.tcp.timestamps = false;
    let mut pair = Pair::with(config, Config::default(), 1_500);
    let (client, server, _) = pair.connected();
    let no_delay = SocketOption::NoDelay(true);
    pair.stacks[CLIENT].set_option(client, no_delay, pair.now).unwrap();
    // The first of two segments is lost three times; the acknowledgement covers both, and the
    // second was sent once.
    let mut losses = 0;
    pair.link(move |from, frame, _| {
        let lost = from == CLIENT && frame.len() > 1_000 && losses < 3;
        losses += usize::from(lost);
        if lost { std::vec![] } else { std::vec![Duration::from_millis(5)] }
    });
    pair.send(CLIENT, client, &pattern(1_400)).unwrap();
    pair.run_ms(100);
    pair.send(CLIENT, client, &pattern(900)).unwrap();
    pair.run_ms(10_000);
    assert_eq!(pair.recv(SERVER, server, 10_000).map(|data| data.len()), Ok(2_300));
    let tcp = pair.stacks[CLIENT].control_info(client).unwrap().tcp.unwrap();
    assert!(tcp.total_retransmissions >= 2, "{tcp:?}");
    assert_eq!(tcp.srtt, Some(Duration::from_millis(10)), "{tcp:?}");
}

#[test]
fn a_closed_window_is_probed_and_opens_again() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    pair.stacks[SERVER].set_option(server, SocketOption::ReceiveBuffer(8_000), pair.now).unwrap();
    let data = pattern(300_000);
    let mut sent = 0;
    while sent < data.len() {
        match pair.send(CLIENT, client, &data[sent..]) {
            Ok(count) => sent += count,
            Err(SendError::WouldBlock) => {
                if !pair.step(pair.now + MINUTE) {
                    break;
                }
                if pair.now.as_millis() > 1_100_000 {
                    break;
                }
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    pair.run(Duration::from_secs(3_600));
    let info = pair.stacks[CLIENT].control_info(client).unwrap().tcp.unwrap();
    assert_eq!(info.snd_wnd, 0, "an hour later the window is still closed");
    assert!(pair.stacks[CLIENT].counters().tcp_win_probe > 20);
    let mut got = std::vec::Vec::new();
    let until = pair.now + MINUTE * 60;
    while got.len() < sent {
        match pair.recv(SERVER, server, 3_000) {
            Ok(part) => got.extend(part),
            Err(_) => assert!(pair.step(until), "stuck after {} of {sent}", got.len()),
        }
    }
    assert!(got == data[..sent]);
}

#[test]
fn writable_again_when_a_third_is_free() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    while pair.send(CLIENT, client, &[7; 10_000]).is_ok() {}
    pair.ready[CLIENT].clear();
    pair.run_ms(5);
    assert!(!pair.ready[CLIENT].contains_key(&client));
    while pair.recv(SERVER, server, 1 << 20).is_ok() {}
    pair.run_ms(200);
    assert!(pair.ready[CLIENT][&client].intersects(Ready::WRITABLE));
}

#[test]
fn small_segments_larger_than_the_adapter_cuts() {
    let mut pair = Pair::with_interfaces([Config::default(), Config::default()], |side| {
        let mut config = crate::InterfaceConfig::new("lan0", crate::Medium::Ip, 1_500);
        config.max_segmented = 65_535;
        config.checksum_offload = true;
        config.address(danja_wire::ip::Cidr::new(super::pair::address(side), 24).unwrap())
    });
    let (client, server, _) = pair.connected();
    let data = pattern(3 << 20);
    let got = pair.transfer((CLIENT, client), (SERVER, server), &data, MINUTE);
    assert!(got == data);
    let largest = pair.seen.iter().map(|seen| seen.data.len()).max().unwrap();
    assert!(largest > 40_000, "largest {largest}");
}
