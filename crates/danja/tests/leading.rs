//! Threads that sleep in socket calls and take the frames off the adapters for one another: none
//! sleeps too long, and none serves the others when it should return.
//!
//! The datagrams have no timer that would mend a lost wake-up: they would never come.

mod common;

use common::{LONG, endpoint, host, in_time, two_hosts};
use danja::Host;
use danja::lan::cable::Switch;
use danja::net::{TcpListener, TcpStream, UdpSocket};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Numbers that look random; the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

fn is_time_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Echoes datagrams until an empty one comes.
fn echo_datagrams(host: &Host, port: u16) -> thread::JoinHandle<()> {
    let socket = UdpSocket::bind(host, endpoint(1, port)).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 16];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            if length == 0 {
                return;
            }
            socket.send_to(&buffer[..length], from).unwrap();
        }
    })
}

/// Asks for many echoes; `patience` says how long a receive may sleep, in microseconds, or for
/// ever (0).
fn ask_for_echoes(host: &Host, port: u16, patience: u64) {
    let socket = UdpSocket::bind(host, endpoint(2, 0)).unwrap();
    socket.connect(endpoint(1, port)).unwrap();
    let mut numbers = Numbers(u64::from(port));
    for asked in 0..300_u32 {
        if patience > 0 {
            let time_out = Duration::from_micros(1 + numbers.below(patience));
            socket.set_read_timeout(Some(time_out)).unwrap();
        }
        socket.send(&asked.to_be_bytes()).unwrap();
        let mut heard = [0; 16];
        loop {
            match socket.recv(&mut heard) {
                Ok(length) => {
                    assert_eq!(heard[..length], asked.to_be_bytes());
                    break;
                }
                Err(error) => assert!(is_time_out(&error), "{error}"),
            }
        }
    }
    socket.send(&[]).unwrap();
}

#[test]
fn no_datagram_waits_for_ever() {
    in_time(|| {
        let (one, two) = two_hosts();
        // Whoever returns leaves the frames to others: with time-outs all the time.
        let echoes: Vec<_> = (1..=8).map(|port| echo_datagrams(&one, port)).collect();
        let asking: Vec<_> = (1..=8)
            .map(|port| {
                let two = two.clone();
                let patience = if port % 2 == 0 { 200 } else { 0 };
                thread::spawn(move || ask_for_echoes(&two, port, patience))
            })
            .collect();
        asking.into_iter().chain(echoes).for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn streams_beside_each_other_arrive_whole() {
    const LENGTH: usize = 200_000;
    in_time(|| {
        let (one, two) = two_hosts();
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let readers: Vec<_> = (0..6)
            .map(|number| {
                let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
                let (mut accepted, _) = listener.accept().unwrap();
                let writer = thread::spawn(move || {
                    let mut data = vec![0; LENGTH];
                    common::pattern(number, &mut data);
                    data.chunks(1 + 977 * number as usize).for_each(|piece| {
                        stream.write_all(piece).unwrap();
                    });
                });
                let reader = thread::spawn(move || {
                    let mut numbers = Numbers(number);
                    let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
                    loop {
                        let time_out = Duration::from_micros(1 + numbers.below(300));
                        accepted.set_read_timeout(Some(time_out)).unwrap();
                        match accepted.read(&mut buffer) {
                            Ok(0) => break,
                            Ok(count) => got.extend_from_slice(&buffer[..count]),
                            Err(error) => assert!(is_time_out(&error), "{error}"),
                        }
                    }
                    let mut wanted = vec![0; LENGTH];
                    common::pattern(number, &mut wanted);
                    assert!(got == wanted);
                });
                [writer, reader]
            })
            .collect();
        readers.into_iter().flatten().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn one_who_waits_in_vain_has_its_time_out_while_others_are_served() {
    in_time(|| {
        let (one, two) = two_hosts();
        let idle = UdpSocket::bind(&two, endpoint(2, 9)).unwrap();
        idle.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let busy = UdpSocket::bind(&two, endpoint(2, 7)).unwrap();
        let flood = {
            let stop = Arc::clone(&stop);
            let socket = UdpSocket::bind(&one, endpoint(1, 0)).unwrap();
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    socket.send_to(b"for another", endpoint(2, 7)).unwrap();
                }
            })
        };
        busy.recv(&mut [0; 16]).unwrap();
        for _ in 0..5 {
            let begun = Instant::now();
            assert!(is_time_out(&idle.recv(&mut [0; 16]).unwrap_err()));
            let took = begun.elapsed();
            assert!(took >= Duration::from_millis(50) && took < LONG / 4, "{took:?}");
        }
        stop.store(true, Ordering::Relaxed);
        flood.join().unwrap();
    });
}

#[test]
fn hosts_that_go_while_their_peers_sleep() {
    in_time(|| {
        for round in 0..30 {
            let (one, two) = two_hosts();
            let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
            let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
            let (mut accepted, _) = listener.accept().unwrap();
            let others: Vec<_> = (0..3)
                .map(|number| {
                    let socket = UdpSocket::bind(&two, endpoint(2, 0)).unwrap();
                    let patience = Duration::from_millis(1 + 3 * number);
                    socket.set_read_timeout(Some(patience)).unwrap();
                    thread::spawn(move || socket.recv(&mut [0; 4]).is_err())
                })
                .collect();
            drop((one, two, listener));
            let reader = thread::spawn(move || {
                // Its host ends with it.
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                text
            });
            thread::sleep(Duration::from_micros(100 * round));
            accepted.write_all(b"the last word").unwrap();
            drop(accepted);
            assert_eq!(reader.join().unwrap(), "the last word");
            assert!(others.into_iter().all(|other| other.join().unwrap()));
        }
    });
}

#[test]
fn a_thousand_sleepers_get_each_its_own() {
    in_time(|| {
        let lan = Switch::new();
        let (one, two) = (host(&lan, 1), host(&lan, 2));
        let sleepers: Vec<_> = (0..1000_u16)
            .map(|number| {
                let socket = UdpSocket::bind(&two, endpoint(2, 1000 + number)).unwrap();
                let body = move || {
                    let mut heard = [0; 2];
                    socket.recv(&mut heard).unwrap();
                    assert_eq!(heard, number.to_be_bytes());
                };
                thread::Builder::new().stack_size(64 << 10).spawn(body).unwrap()
            })
            .collect();
        let socket = UdpSocket::bind(&one, endpoint(1, 0)).unwrap();
        // Only so many datagrams wait for the neighbour's address.
        let first = UdpSocket::bind(&two, endpoint(2, 99)).unwrap();
        socket.send_to(b"who has", endpoint(2, 99)).unwrap();
        first.recv(&mut [0; 16]).unwrap();
        // From the middle outwards: whoever leads is not the next to get something.
        for step in 0..1000_u16 {
            let number = if step % 2 == 0 { 500 + step / 2 } else { 499 - step / 2 };
            socket.send_to(&number.to_be_bytes(), endpoint(2, 1000 + number)).unwrap();
        }
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}
