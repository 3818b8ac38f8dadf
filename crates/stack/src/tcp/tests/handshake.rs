//! Opening and closing: every way from CLOSED to CLOSED.

use super::pair::{CLIENT, PORT, Pair, SERVER, address};
use crate::socket::{ConnectError, Fault, RecvError, SendError, Shutdown};
use crate::views::TcpState;
use core::net::SocketAddr;
use core::time::Duration;
use danja_wire::tcp::Flags;

#[test]
fn three_segments_open_a_connection() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    let flags: std::vec::Vec<Flags> = pair.seen.iter().map(|seen| seen.header.flags).collect();
    assert_eq!(flags, [Flags::SYN, Flags::SYN | Flags::ACK, Flags::ACK]);
    let syn = &pair.seen[0].header;
    assert_eq!(syn.options.mss, Some(1_460));
    assert!(syn.options.sack_permitted && syn.options.timestamps.is_some());
    assert_eq!(syn.options.window_scale, Some(7));
    let info = pair.stacks[CLIENT].control_info(client).unwrap();
    assert_eq!(info.remote, Some(SocketAddr::new(address(SERVER), PORT)));
    let tcp = info.tcp.unwrap();
    assert_eq!(tcp.srtt, Some(Duration::from_millis(10)));
    assert_eq!(tcp.snd_mss, 1_448);
    assert_eq!(tcp.cwnd, 14_480);
    let peer = pair.stacks[SERVER].control_info(server).unwrap();
    assert_eq!(peer.remote, info.local);
}

#[test]
fn a_connect_is_told_once() {
    let mut pair = Pair::new();
    let (client, ..) = pair.connected();
    let remote = SocketAddr::new(address(SERVER), PORT);
    let now = pair.now;
    assert_eq!(pair.stacks[CLIENT].connect(client, remote, now), Ok(()));
    let again = pair.stacks[CLIENT].connect(client, remote, now);
    assert_eq!(again, Err(ConnectError::AlreadyConnected));
}

#[test]
fn nobody_listens() {
    let mut pair = Pair::new();
    let client = pair.connect();
    pair.run_ms(50);
    let remote = SocketAddr::new(address(SERVER), PORT);
    let now = pair.now;
    match pair.stacks[CLIENT].connect(client, remote, now) {
        Err(ConnectError::Fault(fault)) => assert_eq!(fault.kind, Fault::ConnectionRefused),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_answers() {
    let mut pair = Pair::new();
    pair.link(|_, _, _| std::vec![]);
    let client = pair.connect();
    pair.run(Duration::from_secs(400));
    let fault = pair.stacks[CLIENT].take_error(client, pair.now).unwrap();
    assert_eq!(fault.kind, Fault::TimedOut);
    // The first and seven retransmissions: at least three minutes (RFC 9293 MUST-23).
    assert_eq!(pair.seen.len(), 8);
    let spread = pair.seen[7].at.saturating_since(pair.seen[0].at);
    assert_eq!(spread, Duration::from_secs(1 + 2 + 4 + 8 + 16 + 32 + 64));
}

#[test]
fn the_active_closer_waits() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    pair.stacks[CLIENT].close(client, pair.now).unwrap();
    pair.run_ms(100);
    assert_eq!(pair.recv(SERVER, server, 10), Ok(std::vec![]));
    assert_eq!(pair.state(SERVER, server), TcpState::CloseWait);
    pair.stacks[SERVER].close(server, pair.now).unwrap();
    pair.run_ms(100);
    let rest = pair.stacks[CLIENT].sockets();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].state, Some(TcpState::TimeWait));
    assert_eq!(pair.stacks[SERVER].sockets().len(), 1, "the listener");
    pair.run(Duration::from_secs(61));
    assert_eq!(pair.stacks[CLIENT].sockets().len(), 0);
    assert_eq!(pair.stacks[CLIENT].buffered(), 0);
}

#[test]
fn half_close_lets_the_other_side_send_on() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    pair.stacks[CLIENT].shutdown(client, Shutdown::Write, pair.now).unwrap();
    assert_eq!(pair.send(CLIENT, client, b"x"), Err(SendError::BrokenPipe));
    pair.run_ms(50);
    assert_eq!(pair.state(CLIENT, client), TcpState::FinWait2);
    assert_eq!(pair.recv(SERVER, server, 10), Ok(std::vec![]));
    let data = super::pair::pattern(50_000);
    let got = pair.transfer((SERVER, server), (CLIENT, client), &data, Duration::from_secs(9));
    assert!(got == data);
    pair.stacks[SERVER].shutdown(server, Shutdown::Write, pair.now).unwrap();
    pair.run_ms(50);
    assert_eq!(pair.recv(CLIENT, client, 10), Ok(std::vec![]));
    assert_eq!(pair.state(CLIENT, client), TcpState::TimeWait);
    assert_eq!(pair.state(SERVER, server), TcpState::Closed);
}

#[test]
fn both_close_at_once() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    pair.stacks[CLIENT].shutdown(client, Shutdown::Write, pair.now).unwrap();
    pair.stacks[SERVER].shutdown(server, Shutdown::Write, pair.now).unwrap();
    pair.run_ms(6);
    assert_eq!(pair.state(CLIENT, client), TcpState::Closing);
    pair.run_ms(50);
    assert_eq!(pair.state(CLIENT, client), TcpState::TimeWait);
    assert_eq!(pair.state(SERVER, server), TcpState::TimeWait);
}

#[test]
fn close_with_unread_data_resets() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    pair.send(CLIENT, client, b"never read").unwrap();
    pair.run_ms(50);
    pair.stacks[SERVER].close(server, pair.now).unwrap();
    pair.run_ms(50);
    assert_eq!(pair.seen_from(SERVER, Flags::RST).len(), 1);
    match pair.recv(CLIENT, client, 10) {
        Err(RecvError::Fault(fault)) => assert_eq!(fault.kind, Fault::ConnectionReset),
        other => panic!("{other:?}"),
    }
    assert_eq!(pair.recv(CLIENT, client, 10), Ok(std::vec![]));
    assert_eq!(pair.send(CLIENT, client, b"x"), Err(SendError::BrokenPipe));
    assert_eq!(pair.stacks[SERVER].buffered(), 0);
}

#[test]
fn data_after_close_resets() {
    let mut pair = Pair::new();
    let (client, server, _) = pair.connected();
    pair.stacks[SERVER].close(server, pair.now).unwrap();
    pair.run_ms(50);
    pair.send(CLIENT, client, b"too late").unwrap();
    pair.run_ms(50);
    assert_eq!(pair.seen_from(SERVER, Flags::RST).len(), 1);
    assert_eq!(pair.stacks[SERVER].counters().tcp_abort_on_data, 1);
}

#[test]
fn lost_fins_and_syns_are_sent_again() {
    for lost in 1..7 {
        let mut pair = Pair::new();
        let mut count = 0;
        pair.link(move |_, _, _| {
            count += 1;
            if count == lost { std::vec![] } else { std::vec![Duration::from_millis(5)] }
        });
        let listener = pair.listen(5);
        let client = pair.connect();
        pair.run_ms(3_000);
        pair.stacks[CLIENT].shutdown(client, Shutdown::Write, pair.now).unwrap();
        pair.run_ms(3_000);
        let (server, _) = pair.stacks[SERVER].accept(listener, pair.now).unwrap();
        assert_eq!(pair.recv(SERVER, server, 1), Ok(std::vec![]), "lost {lost}");
        pair.stacks[SERVER].close(server, pair.now).unwrap();
        pair.run_ms(3_000);
        assert_eq!(pair.state(CLIENT, client), TcpState::TimeWait, "lost {lost}");
    }
}
