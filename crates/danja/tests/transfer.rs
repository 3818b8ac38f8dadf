//! Much data and many connections between two hosts.

mod common;

use common::{LONG, endpoint, in_time, pattern, two_hosts};
use danja::Host;
use danja::lan::{Medium, cable};
use danja::net::{TcpListener, TcpStream};
use danja::stack::views::TcpState;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread::{self, JoinHandle};

const PIECE: usize = 100_000;

/// Sends `total` patterned bytes and ends its direction.
fn send(mut stream: TcpStream, total: u64) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        let mut sent = 0;
        while sent < total {
            let count = PIECE.min(usize::try_from(total - sent).unwrap());
            pattern(sent, &mut piece[..count]);
            stream.write_all(&piece[..count]).unwrap();
            sent += count as u64;
        }
        stream.shutdown(Shutdown::Write).unwrap();
    })
}

/// Receives until the end, and checks that it was `total` patterned bytes.
fn check(mut stream: TcpStream, total: u64) -> JoinHandle<()> {
    thread::spawn(move || {
        // An odd size, so that reads and segments never fall together.
        let (mut got, mut expected) = (vec![0; 77_777], vec![0; 77_777]);
        let mut received = 0;
        loop {
            let count = stream.read(&mut got).unwrap();
            if count == 0 {
                break;
            }
            pattern(received, &mut expected[..count]);
            assert!(got[..count] == expected[..count], "bytes from {received} on differ");
            received += count as u64;
        }
        assert_eq!(received, total);
    })
}

fn both_directions(server: &Host, client: &Host, total: u64) {
    let listener = TcpListener::bind(server, endpoint(1, 80)).unwrap();
    let near = TcpStream::connect(client, endpoint(1, 80)).unwrap();
    let (far, _) = listener.accept().unwrap();
    let workers = [
        send(near.try_clone().unwrap(), total),
        send(far.try_clone().unwrap(), total),
        check(near, total),
        check(far, total),
    ];
    workers.into_iter().for_each(|worker| worker.join().unwrap());
}

#[test]
fn sixty_four_mebibytes_both_ways_at_once() {
    in_time(|| {
        let (one, two) = two_hosts();
        both_directions(&one, &two, 64 << 20);
        // Nothing is left behind.
        assert!(one.flush(LONG) && two.flush(LONG));
        for host in [&one, &two] {
            assert_eq!(host.buffered(), 0, "{}", host.name());
            let left = host.sockets();
            assert!(left.iter().all(|it| it.state == Some(TcpState::TimeWait)), "{left:?}");
        }
    });
}

/// A point-to-point cable makes its sender wait for room, and cuts nothing with an MTU of 1500.
#[test]
fn a_cable_with_back_pressure() {
    in_time(|| {
        let (near, far) = cable::pair_of(Medium::Ip, Medium::Ip, 1500);
        let host = |adapter, number| {
            Host::builder()
                .adapter(adapter)
                .address(format!("10.0.0.{number}/24").parse().unwrap())
                .build()
                .unwrap()
        };
        both_directions(&host(near, 1), &host(far, 2), 16 << 20);
    });
}

#[test]
fn loopback_carries_much() {
    in_time(|| {
        let host = Host::builder().build().unwrap();
        let listener = TcpListener::bind(&host, "127.0.0.1:80").unwrap();
        let near = TcpStream::connect(&host, "127.0.0.1:80").unwrap();
        let (far, _) = listener.accept().unwrap();
        let workers = [send(near, 16 << 20), check(far, 16 << 20)];
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn two_hundred_connections_at_once() {
    in_time(|| {
        const COUNT: u64 = 200;
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let server = thread::spawn(move || {
            let accepted: Vec<_> = (0..COUNT).map(|_| listener.accept().unwrap().0).collect();
            let echoes: Vec<_> = accepted
                .into_iter()
                .map(|mut stream| {
                    thread::spawn(move || {
                        let mut line = [0; 8];
                        stream.read_exact(&mut line).unwrap();
                        stream.write_all(&line).unwrap();
                    })
                })
                .collect();
            echoes.into_iter().for_each(|echo| echo.join().unwrap());
        });
        let clients: Vec<_> = (0..COUNT)
            .map(|number| {
                let host = two.clone();
                thread::spawn(move || {
                    let mut stream = TcpStream::connect(&host, endpoint(1, 80)).unwrap();
                    stream.write_all(&number.to_be_bytes()).unwrap();
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).unwrap();
                    assert_eq!(answer, number.to_be_bytes());
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        server.join().unwrap();
        assert_eq!(one.counters().tcp_passive_opens, COUNT);
    });
}

/// Threads that share a stream's two directions and a listener.
#[test]
fn clones_work_in_many_threads() {
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let acceptors: Vec<_> = (0..4)
            .map(|_| {
                let listener = listener.try_clone().unwrap();
                thread::spawn(move || {
                    for _ in 0..5 {
                        let (mut stream, _) = listener.accept().unwrap();
                        stream.write_all(b"served").unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            let mut text = String::new();
            let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
            stream.read_to_string(&mut text).unwrap();
            assert_eq!(text, "served");
        }
        acceptors.into_iter().for_each(|acceptor| acceptor.join().unwrap());
    });
}
