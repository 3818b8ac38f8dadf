//! Listeners: queues, cookies, verdicts, TIME-WAIT and its successors, ports.

use super::pair::{CLIENT, PORT, Pair, SERVER, address};
use super::solo::{LOCAL_PORT, Solo, flags, full_options, plain_options};
use crate::config::Config;
use crate::event::{Event, Incoming, IncomingId, Ready};
use crate::socket::{
    AcceptError, BindError, ConnectError, ListenError, Shutdown, SocketOption, VerdictError,
};
use crate::views::TcpState;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use danja_wire::tcp::{Flags, Options, SeqNumber, Timestamps};

#[test]
fn the_accept_queue_overflows_and_recovers() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(1);
    for port in 0..2 {
        solo.remote_port = 5_000 + port;
        assert_eq!(flags(&solo.syn(plain_options())), [Flags::SYN | Flags::ACK]);
        solo.say(Flags::ACK, 1, 1, &[]);
    }
    assert_eq!(solo.info(listener).receive_queue, 2);
    solo.remote_port = 5_002;
    assert!(solo.syn(plain_options()).is_empty(), "a full accept queue drops SYNs");
    assert_eq!(solo.stack.counters().tcp_listen_overflows, 1);
    solo.stack.accept(listener, solo.now).unwrap();
    assert_eq!(solo.syn(plain_options()).len(), 1);
    solo.say(Flags::ACK, 1, 1, &[]);
    assert_eq!(solo.info(listener).receive_queue, 2);
    solo.stack.accept(listener, solo.now).unwrap();
    solo.stack.accept(listener, solo.now).unwrap();
    assert_eq!(solo.stack.accept(listener, solo.now), Err(AcceptError::WouldBlock));
}

#[test]
fn an_ack_at_a_full_queue_is_forgotten_and_the_syn_ack_sent_again() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(1);
    let open = |solo: &mut Solo, port| {
        solo.remote_port = port;
        solo.syn(plain_options());
        (port, solo.iss)
    };
    let first = open(&mut solo, 6_000);
    let second = open(&mut solo, 6_001);
    let finish = |solo: &mut Solo, (port, iss)| {
        (solo.remote_port, solo.iss) = (port, iss);
        solo.say(Flags::ACK, 1, 1, &[]);
    };
    finish(&mut solo, first);
    let third = open(&mut solo, 6_002);
    finish(&mut solo, second);
    finish(&mut solo, third);
    assert_eq!(solo.info(listener).receive_queue, 2);
    assert_eq!(solo.info(listener).half_open, 1);
    solo.stack.accept(listener, solo.now).unwrap();
    let again = solo.wait(Duration::from_millis(1_100));
    assert_eq!(flags(&again), [Flags::SYN | Flags::ACK]);
    solo.say(Flags::ACK, 1, 1, &[]);
    assert_eq!(solo.info(listener).receive_queue, 2);
}

#[test]
fn a_half_open_connection_gives_up() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(4);
    solo.syn(plain_options());
    assert_eq!(solo.info(listener).half_open, 1);
    let sent = solo.wait(Duration::from_secs(120));
    assert_eq!(sent.len(), 5);
    assert_eq!(solo.info(listener).half_open, 0);
    assert_eq!(solo.stack.sockets().len(), 1);
}

#[test]
fn cookies_when_the_queue_is_full() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(2);
    for port in 0..3 {
        solo.remote_port = 7_000 + port;
        solo.syn(plain_options());
    }
    assert_eq!(solo.info(listener).half_open, 3);
    solo.remote_port = 7_100;
    let answer = solo.syn(full_options());
    assert_eq!(flags(&answer), [Flags::SYN | Flags::ACK]);
    assert_eq!(solo.info(listener).half_open, 3, "nothing is kept");
    assert_eq!(solo.stack.counters().tcp_syncookies_sent, 1);
    // A wrong one is answered by RST.
    let wrong = solo.say(Flags::ACK, 1, 2, &[]);
    assert_eq!(flags(&wrong), [Flags::RST]);
    solo.say(Flags::ACK, 1, 1, b"hello");
    let (socket, peer) = solo.stack.accept(listener, solo.now).unwrap();
    assert_eq!(peer.port(), 7_100);
    assert_eq!(solo.read(socket, 10).unwrap(), b"hello");
    let info = solo.info(socket).tcp.unwrap();
    assert!(info.sack && info.timestamps && info.window_scaling);
    assert_eq!((info.snd_wind_shift, info.snd_mss), (7, 1_448));
}

#[test]
fn cookies_are_old_after_two_periods() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(0);
    solo.remote_port = 7_000;
    solo.syn(plain_options());
    solo.remote_port = 7_100;
    solo.syn(plain_options());
    solo.wait(Duration::from_secs(130));
    let late = solo.say(Flags::ACK, 1, 1, &[]);
    assert_eq!(flags(&late), [Flags::RST]);
    assert_eq!(solo.stack.accept(listener, solo.now), Err(AcceptError::WouldBlock));
}

/// Vulnerability class 39: forged acknowledgements make no connection.
#[test]
fn guessed_cookies_are_refused() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(8);
    for guess in 0..100_000u32 {
        let ack = guess.wrapping_mul(2_654_435_761);
        let header = solo.header(Flags::ACK, 1, ack);
        solo.put(&header, &[]);
        solo.poll();
    }
    assert_eq!(solo.stack.accept(listener, solo.now), Err(AcceptError::WouldBlock));
    assert_eq!(solo.stack.counters().tcp_syncookies_failed, 100_000);
}

fn admitting(solo: &mut Solo) -> Incoming {
    let listener = solo.socket();
    let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), LOCAL_PORT);
    solo.stack.bind(listener, local, solo.now).unwrap();
    solo.stack.set_option(listener, SocketOption::Admitting(true), solo.now).unwrap();
    solo.stack.listen(listener, 4, solo.now).unwrap();
    let header = {
        let mut header = solo.header(Flags::SYN, 0, 0);
        header.options = plain_options();
        header
    };
    solo.put(&header, &[]);
    assert!(solo.poll().is_empty(), "no answer before the verdict");
    match solo.stack.poll_event() {
        Some(Event::Incoming(incoming)) => {
            assert_eq!(incoming.listener, listener);
            assert_eq!(incoming.mss, 1_460);
            incoming
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_admitted_client_gets_its_syn_ack() {
    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    // A repeated SYN only refreshes it.
    solo.say(Flags::SYN, 0, 0, &[]);
    assert_eq!(solo.stack.poll_event(), None);
    solo.stack.admit(incoming.id, solo.now).unwrap();
    assert_eq!(solo.stack.admit(incoming.id, solo.now), Err(VerdictError::Stale));
    let answer = solo.poll();
    assert_eq!(flags(&answer), [Flags::SYN | Flags::ACK]);
    solo.iss = answer[0].header.sequence;
    solo.say(Flags::ACK, 1, 1, &[]);
    let accepted = solo.stack.accept(incoming.listener, solo.now).unwrap();
    assert_eq!(accepted.1, incoming.remote);
}

#[test]
fn refused_and_dropped_clients() {
    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    solo.stack.refuse(incoming.id, None, solo.now).unwrap();
    let answer = solo.poll();
    assert_eq!(flags(&answer), [Flags::RST | Flags::ACK]);
    assert_eq!(answer[0].header.acknowledgment, solo.irs + 1);

    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    solo.stack.drop_incoming(incoming.id, solo.now).unwrap();
    assert!(solo.poll().is_empty());
    assert_eq!(solo.stack.sockets().len(), 1);

    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    solo.stack.refuse(incoming.id, Some(13), solo.now).unwrap();
    let frame = solo
        .stack
        .poll_transmit(solo.interface, crate::Room::UNLIMITED, solo.now)
        .expect("an ICMP error")
        .to_vec();
    assert_eq!((frame[9], frame[20], frame[21]), (1, 3, 13));
    assert_eq!(&frame[12..16], &[192, 0, 2, 1], "in the destination's name");
}

#[test]
fn a_listener_of_any_port_takes_what_no_other_does() {
    let mut solo = Solo::new(Config::default());
    let all = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let any = solo.socket();
    for option in [SocketOption::AnyPort(true), SocketOption::Admitting(true)] {
        solo.stack.set_option(any, option, solo.now).unwrap();
    }
    solo.stack.bind(any, all, solo.now).unwrap();
    assert_eq!(solo.info(any).local, Some(all));
    let peer = SocketAddr::new(IpAddr::V4(solo.remote), 9);
    assert_eq!(solo.stack.connect(any, peer, solo.now), Err(ConnectError::InvalidState));
    solo.stack.listen(any, 4, solo.now).unwrap();
    let second = solo.socket();
    solo.stack.set_option(second, SocketOption::AnyPort(true), solo.now).unwrap();
    assert_eq!(solo.stack.bind(second, all, solo.now), Err(BindError::AddressInUse));

    // The listener of the very port comes first.
    solo.listen(4);
    assert_eq!(flags(&solo.syn(plain_options())), [Flags::SYN | Flags::ACK]);
    for port in [1, 4_711, 65_535] {
        solo.local_port = port;
        assert!(solo.syn(plain_options()).is_empty(), "no answer before the verdict");
        match solo.stack.poll_event() {
            Some(Event::Incoming(incoming)) => {
                assert_eq!((incoming.listener, incoming.local.port()), (any, port));
                solo.stack.admit(incoming.id, solo.now).unwrap();
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(flags(&solo.poll()), [Flags::SYN | Flags::ACK]);
    }
    solo.stack.close(any, solo.now).unwrap();
    solo.poll();
    solo.local_port = 4_712;
    assert_eq!(flags(&solo.syn(plain_options())), [Flags::RST | Flags::ACK]);
}

fn withdrawn(solo: &mut Solo, id: IncomingId) -> bool {
    let events = core::iter::from_fn(|| solo.stack.poll_event());
    events.filter(|event| matches!(event, Event::Withdrawn { id: it, .. } if *it == id)).count()
        == 1
}

#[test]
fn clients_that_give_up_are_withdrawn() {
    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    solo.say(Flags::RST, 1, 0, &[]);
    assert!(withdrawn(&mut solo, incoming.id));
    assert_eq!(solo.stack.admit(incoming.id, solo.now), Err(VerdictError::Stale));

    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    // Its SYNs, as Linux repeats them: one of them, and two in a row, are lost.
    for silent in [1, 2, 12, 16] {
        solo.wait(Duration::from_secs(silent));
        assert!(!withdrawn(&mut solo, incoming.id), "it is still calling");
        solo.say(Flags::SYN, 0, 0, &[]);
    }
    solo.wait(Duration::from_secs(102));
    assert!(!withdrawn(&mut solo, incoming.id));
    solo.wait(Duration::from_secs(2));
    assert!(withdrawn(&mut solo, incoming.id), "silent for too long");

    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    solo.wait(Duration::from_secs(11));
    assert!(withdrawn(&mut solo, incoming.id), "it never called again");

    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    solo.irs = SeqNumber(77_777);
    solo.say(Flags::SYN, 0, 0, &[]);
    let events: std::vec::Vec<Event> = core::iter::from_fn(|| solo.stack.poll_event()).collect();
    let (listener, id) = (incoming.listener, incoming.id);
    assert_eq!(events[0], Event::Withdrawn { listener, id }, "another ISN");
    assert!(matches!(events[1], Event::Incoming(again) if again.id != incoming.id));
}

/// An admitted client whose handshake comes to nothing: the application hears of it.
#[test]
fn admitted_clients_that_go_away_are_withdrawn() {
    let ends: [fn(&mut Solo); 4] = [
        |solo| drop(solo.say(Flags::RST, 1, 0, &[])),
        |solo| drop(solo.say(Flags::SYN, 1, 0, &[])),
        |solo| drop(solo.wait(Duration::from_secs(120))),
        |solo| {
            let local = SocketAddr::new(address(0), LOCAL_PORT);
            let remote = SocketAddr::new(solo.remote.into(), solo.remote_port);
            assert!(solo.stack.drop_connection(local, remote, solo.now));
        },
    ];
    for end in ends {
        let mut solo = Solo::new(Config::default());
        let incoming = admitting(&mut solo);
        solo.stack.admit(incoming.id, solo.now).unwrap();
        assert_eq!(flags(&solo.poll()), [Flags::SYN | Flags::ACK]);
        assert!(!withdrawn(&mut solo, incoming.id));
        end(&mut solo);
        assert!(withdrawn(&mut solo, incoming.id));
        assert_eq!(solo.info(incoming.listener).half_open, 0);
    }
    // One that finishes is accepted, and is withdrawn no more.
    let mut solo = Solo::new(Config::default());
    let incoming = admitting(&mut solo);
    solo.stack.admit(incoming.id, solo.now).unwrap();
    solo.iss = solo.poll()[0].header.sequence;
    solo.say(Flags::ACK, 1, 1, &[]);
    solo.stack.accept(incoming.listener, solo.now).unwrap();
    solo.say(Flags::RST, 1, 0, &[]);
    assert!(!withdrawn(&mut solo, incoming.id));
}

/// Whoever repeats a SYN by the thousand gets two answers a second.
#[test]
fn repeated_syns_are_answered_within_a_limit() {
    let mut solo = Solo::new(Config::default());
    solo.listen(4);
    solo.syn(plain_options());
    let again = |solo: &mut Solo| -> usize {
        (0..100).map(|_| solo.say(Flags::SYN, 0, 0, &[]).len()).sum()
    };
    assert_eq!(again(&mut solo), 2);
    solo.wait(Duration::from_millis(1_100));
    assert_eq!(again(&mut solo), 2);
}

#[test]
fn pending_records_are_limited_by_source() {
    let mut config = Config::default();
    config.limits.pending_per_source = 3;
    let mut solo = Solo::new(config);
    admitting(&mut solo);
    for port in 0..10 {
        solo.remote_port = 9_000 + port;
        solo.say(Flags::SYN, 0, 0, &[]);
    }
    let events = core::iter::from_fn(|| solo.stack.poll_event()).count();
    assert_eq!(events, 2);
}

fn to_time_wait(solo: &mut Solo, options: Options) -> crate::SocketId {
    let (socket, listener) = solo.accepted(options);
    solo.stack.shutdown(socket, Shutdown::Write, solo.now).unwrap();
    solo.poll();
    solo.say(Flags::FIN | Flags::ACK, 1, 2, &[]);
    assert_eq!(solo.state(socket), TcpState::TimeWait);
    listener
}

/// RFC 1337, RFC 6191, RFC 9293 §3.10.7.4 (eighth).
#[test]
fn time_wait_ignores_resets_and_acknowledges_fins() {
    let mut solo = Solo::new(Config::default());
    to_time_wait(&mut solo, plain_options());
    assert!(solo.say(Flags::RST, 2, 0, &[]).is_empty());
    solo.wait(Duration::from_secs(50));
    let answer = solo.say(Flags::FIN | Flags::ACK, 1, 2, &[]);
    assert_eq!(flags(&answer), [Flags::ACK]);
    solo.wait(Duration::from_secs(50));
    assert_eq!(
        flags(&solo.say(Flags::FIN | Flags::ACK, 1, 2, &[])),
        [Flags::ACK],
        "the FIN restarted the 2 MSL time-out"
    );
    solo.wait(Duration::from_secs(61));
    assert_eq!(flags(&solo.say(Flags::FIN | Flags::ACK, 1, 2, &[])), [Flags::RST]);
}

#[test]
fn a_newer_syn_takes_the_place_of_time_wait() {
    let mut solo = Solo::new(Config::default());
    to_time_wait(&mut solo, plain_options());
    let mut header = solo.header(Flags::SYN, 2, 0);
    header.options = plain_options();
    solo.put(&header, &[]);
    assert_eq!(flags(&solo.poll()), [Flags::ACK], "no newer than what was received");
    header.sequence += 1;
    solo.put(&header, &[]);
    assert_eq!(flags(&solo.poll()), [Flags::SYN | Flags::ACK]);

    let mut solo = Solo::new(Config::default());
    to_time_wait(&mut solo, full_options());
    let mut header = solo.header(Flags::SYN, 0u32.wrapping_sub(50_000), 0);
    header.options = full_options();
    solo.put(&header, &[]);
    assert_eq!(flags(&solo.poll()), [Flags::ACK], "the same timestamp");
    header.options.timestamps = Some(Timestamps { value: 1_001, echo: 0 });
    solo.put(&header, &[]);
    assert_eq!(flags(&solo.poll()), [Flags::SYN | Flags::ACK], "a newer timestamp");
    assert_eq!(solo.stack.counters().tcp_time_wait_recycled, 1);
}

#[test]
fn time_wait_records_are_limited() {
    let mut config = Config::default();
    config.limits.time_wait = 3;
    let mut pair = Pair::with(config, Config::default(), 1_500);
    let listener = pair.listen(50);
    for _ in 0..6 {
        let client = pair.connect();
        pair.run_ms(30);
        let (server, _) = pair.stacks[SERVER].accept(listener, pair.now).unwrap();
        pair.stacks[CLIENT].close(client, pair.now).unwrap();
        pair.run_ms(30);
        pair.stacks[SERVER].close(server, pair.now).unwrap();
        pair.run_ms(30);
    }
    assert_eq!(pair.stacks[CLIENT].sockets().len(), 3);
    assert_eq!(pair.stacks[CLIENT].counters().tcp_time_wait_overflow, 3);
}

#[test]
fn closing_a_listener_resets_what_waits() {
    let mut pair = Pair::new();
    let listener = pair.listen(5);
    let client = pair.connect();
    pair.run_ms(50);
    pair.stacks[SERVER].close(listener, pair.now).unwrap();
    pair.run_ms(50);
    assert_eq!(pair.state(CLIENT, client), TcpState::Closed);
    assert!(pair.ready[CLIENT][&client].intersects(Ready::ERROR));
    assert_eq!(pair.stacks[SERVER].sockets().len(), 0);
    pair.run_ms(1);
    let again = pair.listen(5);
    assert_eq!(pair.state(SERVER, again), TcpState::Listen);
}

#[test]
fn ports_are_claimed_once() {
    let mut pair = Pair::new();
    pair.listen(5);
    let other = pair.socket(SERVER);
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
    let now = pair.now;
    let server = &mut pair.stacks[SERVER];
    assert_eq!(server.bind(other, any, now), Err(BindError::AddressInUse));
    let own = SocketAddr::new(address(SERVER), PORT);
    assert_eq!(server.bind(other, own, now), Err(BindError::AddressInUse));
    let foreign = SocketAddr::new(address(CLIENT), 99);
    assert_eq!(server.bind(other, foreign, now), Err(BindError::AddressNotAvailable));
    assert_eq!(server.listen(other, 1, now), Ok(()), "an ephemeral port");
    assert_eq!(server.connect(other, own, now), Err(ConnectError::InvalidState));
    let client = pair.connect();
    pair.run_ms(50);
    let now = pair.now;
    let listened = pair.stacks[CLIENT].listen(client, 1, now);
    assert_eq!(listened, Err(ListenError::InvalidState));
}

/// As Linux: a server that restarts needs SO_REUSEADDR while its old connections wait.
#[test]
fn binding_while_old_connections_wait() {
    for reuse in [false, true] {
        let mut solo = Solo::new(Config::default());
        let listener = solo.socket();
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), LOCAL_PORT);
        solo.stack.set_option(listener, SocketOption::ReuseAddress(reuse), solo.now).unwrap();
        solo.stack.bind(listener, local, solo.now).unwrap();
        solo.stack.listen(listener, 5, solo.now).unwrap();
        solo.syn(plain_options());
        solo.say(Flags::ACK, 1, 1, &[]);
        let (socket, _) = solo.stack.accept(listener, solo.now).unwrap();
        solo.stack.close(socket, solo.now).unwrap();
        solo.poll();
        solo.say(Flags::FIN | Flags::ACK, 1, 2, &[]);
        solo.stack.close(listener, solo.now).unwrap();
        let again = solo.socket();
        solo.stack.set_option(again, SocketOption::ReuseAddress(reuse), solo.now).unwrap();
        let bound = solo.stack.bind(again, local, solo.now);
        assert_eq!(bound.is_ok(), reuse);
        solo.wait(Duration::from_secs(61));
        assert_eq!(solo.stack.bind(again, local, solo.now).is_ok(), !reuse);
    }
}

/// Vulnerability class 38: a flood of SYNs leaves memory bounded, and a client connects.
#[test]
fn a_syn_flood_keeps_nobody_out() {
    let mut solo = Solo::new(Config::default());
    let listener = solo.listen(16);
    for number in 0..20_000u32 {
        solo.remote_port = (number % 60_000) as u16 + 1_024;
        solo.irs = SeqNumber(number.wrapping_mul(77_773));
        let header = {
            let mut header = solo.header(Flags::SYN, 0, 0);
            header.options = plain_options();
            header
        };
        solo.put(&header, &[]);
        solo.poll();
    }
    assert_eq!(solo.info(listener).half_open, 17);
    solo.remote_port = 1_023;
    solo.syn(full_options());
    solo.say(Flags::ACK, 1, 1, b"a client");
    let (socket, _) = solo.stack.accept(listener, solo.now).unwrap();
    assert_eq!(solo.read(socket, 100).unwrap(), b"a client");
}
