//! Which congestion control a connection has, and what it does to whole transfers.

use super::pair::{CLIENT, PORT, Pair, SERVER, address, pattern};
use crate::config::Config;
use crate::socket::{Congestion, OptionName, SocketId, SocketOption, UnknownCongestion};
use core::net::SocketAddr;
use core::time::Duration;
use std::string::ToString;

fn named(pair: &Pair, side: usize, socket: SocketId) -> Congestion {
    let option = pair.stacks[side].option(socket, OptionName::Congestion).unwrap();
    let SocketOption::Congestion(which) = option else { panic!("{option:?}") };
    which
}

#[test]
fn names_are_those_of_linux() {
    for one in Congestion::ALL {
        assert_eq!(one.to_string().parse(), Ok(*one));
    }
    assert_eq!(Congestion::Reno.to_string(), "reno");
    assert_eq!("Reno".parse::<Congestion>(), Err(UnknownCongestion));
    assert_eq!("cubic".parse(), Ok(Congestion::Cubic));
    assert!(UnknownCongestion.to_string().contains(": reno cubic"));
}

/// The host's choice, unless the socket has one; a listener's goes to what it accepts.
#[test]
fn a_host_chooses_and_a_socket_chooses_otherwise() {
    for (host, socket) in Congestion::ALL.iter().zip(Congestion::ALL.iter().rev()) {
        let mut config = Config::default();
        config.tcp.congestion = *host;
        let mut pair = Pair::with(config.clone(), config, 1_500);
        let listener = pair.listen(5);
        let choice = SocketOption::Congestion(*socket);
        pair.stacks[SERVER].set_option(listener, choice, pair.now).unwrap();
        let plain = pair.connect();
        pair.run_ms(50);
        let (accepted, _) = pair.stacks[SERVER].accept(listener, pair.now).unwrap();
        assert_eq!(named(&pair, CLIENT, plain), *host);
        assert_eq!(named(&pair, SERVER, accepted), *socket);
        let own = pair.socket(CLIENT);
        pair.stacks[CLIENT].set_option(own, choice, pair.now).unwrap();
        let remote = SocketAddr::new(address(SERVER), PORT);
        pair.stacks[CLIENT].connect(own, remote, pair.now).unwrap_err();
        pair.run_ms(50);
        let of = |socket| pair.stacks[CLIENT].control_info(socket).unwrap().tcp.unwrap().congestion;
        assert_eq!((of(plain), of(own)), (*host, *socket));
    }
}

/// A pair that transfers by one congestion control, over a path of `delay` each way that loses
/// what `lost` says of the number of each frame with data.
fn transfer(
    which: Congestion,
    delay: Duration,
    bytes: usize,
    mut lost: impl FnMut(u64) -> bool + 'static,
) -> (Pair, SocketId, Duration) {
    let mut config = Config::default();
    config.tcp.congestion = which;
    let mut pair = Pair::with(config.clone(), config, 1_500);
    let (client, server, _) = pair.connected();
    let mut number = 0;
    pair.link(move |from, frame, _| {
        number += u64::from(from == CLIENT && frame.len() > 500);
        let gone = from == CLIENT && frame.len() > 500 && lost(number);
        if gone { std::vec![] } else { std::vec![delay] }
    });
    let begun = pair.now;
    let data = pattern(bytes);
    let limit = Duration::from_secs(3_000);
    let got = pair.transfer((CLIENT, client), (SERVER, server), &data, limit);
    assert!(got == data, "{which}: {} bytes of {bytes}", got.len());
    let took = pair.now.saturating_since(begun);
    (pair, client, took)
}

/// What one lost segment costs on a long path: Reno takes a round trip for each segment it lost of
/// the window, CUBIC seconds.
#[test]
fn on_a_long_path_cubic_is_back_sooner() {
    let took = |which| {
        let once = |number| number == 3_000;
        transfer(which, Duration::from_millis(100), 60_000_000, once).2
    };
    let (reno, cubic) = (took(Congestion::Reno), took(Congestion::Cubic));
    assert!(cubic * 10 < reno * 9, "CUBIC {cubic:?}, Reno {reno:?}");
}

/// RFC 9438 §4.3: on a short path with losses neither is much faster than the other.
#[test]
fn on_a_short_path_cubic_is_as_reno() {
    for every in [50, 200] {
        let took = |which| {
            let some = move |number| number % every == 0;
            transfer(which, Duration::from_millis(5), 3_000_000, some).2.as_secs_f64()
        };
        let ratio = took(Congestion::Cubic) / took(Congestion::Reno);
        assert!((0.7..=1.25).contains(&ratio), "1 of {every}: {ratio}");
    }
}

/// Everything arrives over a very bad line too, and the window never falls below a segment.
#[test]
fn cubic_survives_a_bad_line() {
    let mut seed = 7u64;
    let bad = move |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % 100 < 20
    };
    let (pair, client, _) = transfer(Congestion::Cubic, Duration::from_millis(20), 400_000, bad);
    let info = pair.stacks[CLIENT].control_info(client).unwrap().tcp.unwrap();
    assert_eq!(info.congestion, Congestion::Cubic);
    assert!(info.cwnd >= info.snd_mss && info.ssthresh >= 2 * info.snd_mss);
}

/// A connection may change to another, and go on.
#[test]
fn the_choice_may_change_on_the_way() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    let mut number = 0u32;
    pair.link(move |_, _, _| {
        number += 1;
        if number.is_multiple_of(40) { std::vec![] } else { std::vec![Duration::from_millis(5)] }
    });
    for which in Congestion::ALL.iter().rev().chain(Congestion::ALL) {
        let choice = SocketOption::Congestion(*which);
        pair.stacks[CLIENT].set_option(client, choice, pair.now).unwrap();
        let data = pattern(200_000);
        let got = pair.transfer((CLIENT, client), (SERVER, server), &data, Duration::from_secs(60));
        assert!(got == data);
        assert_eq!(named(&pair, CLIENT, client), *which);
    }
}
