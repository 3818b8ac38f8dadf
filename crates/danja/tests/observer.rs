//! What an observer hears: everything, in order, and true.

mod common;

use common::{builder, endpoint, in_time};
use danja::ControlInfo;
use danja::lan::cable::Switch;
use danja::net::{TcpListener, TcpStream};
use danja::observe::{Call, Observed, Observer, Outcome};
use danja::stack::Instant;
use danja::stack::views::TcpState;
use danja::wire::ethernet;
use danja::wire::{arp, ipv4};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

/// A line for each event: who, what, and the state before and after.
#[derive(Default)]
struct Story(Mutex<Vec<String>>);

fn state(info: Option<&ControlInfo>) -> &'static str {
    match info {
        None => "nothing",
        Some(info) => info.state.map_or("no TCP", TcpState::name),
    }
}

impl Observer for Story {
    fn observe(&self, host: &str, _: Instant, event: &Observed<'_>) {
        let line = match event {
            Observed::Call(call) => {
                let outcome = match call.outcome {
                    Outcome::Done | Outcome::Socket(_) | Outcome::Value(_) => "done".to_owned(),
                    Outcome::Bytes(count) => format!("{count} bytes"),
                    Outcome::Accepted(..) => format!("accepted {}", state(call.accepted)),
                    Outcome::Waits => return,
                    other => format!("{other:?}"),
                };
                if matches!(call.call, Call::SetOption(_) | Call::Option(_)) {
                    return;
                }
                let (before, after) = (state(call.before), state(call.after));
                format!("{host} calls {}: {before} -> {after}, {outcome}", call.call.name())
            }
            Observed::Received(frame) | Observed::Transmitted(frame) => {
                let way = match event {
                    Observed::Received(_) => "receives",
                    _ => "transmits",
                };
                let mut what = String::new();
                frame.on_the_wire(|bytes| what = kind(bytes));
                let (before, after) = (state(frame.before), state(frame.after));
                format!("{host} {way} {what}: {before} -> {after}")
            }
            Observed::Held(change) => {
                let (before, after) = (state(change.before), state(change.after));
                format!("{host} holds a packet: {before} -> {after}")
            }
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

/// What a frame is, in a word; its checksum must be right, as on a wire.
fn kind(bytes: &[u8]) -> String {
    let packet = &bytes[ethernet::HEADER_LEN..];
    if let Ok(packet) = arp::Packet::parse(packet) {
        return format!("{:?}", packet.operation);
    }
    let header = ipv4::Header::parse(packet).unwrap();
    let segment = &packet[20..usize::from(header.total_len)];
    let ends = (header.source.into(), header.destination.into());
    assert!(danja::wire::tcp::header::verify(ends.0, ends.1, segment), "checksum");
    let (tcp, at) = danja::wire::tcp::Header::parse(segment).unwrap();
    let mut text = format!("{}", tcp.flags);
    if segment.len() > at {
        text += " with data";
    }
    text
}

#[test]
fn the_story_of_a_connection() {
    in_time(|| {
        let lan = Switch::new();
        let story = Arc::new(Story::default());
        let host = |number| {
            let observer = Arc::clone(&story);
            builder(&lan, number).observer(observer).build().unwrap()
        };
        let one = host(1);
        // Its announcement would answer the other's question before it is asked.
        while story.0.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        let two = host(2);
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        stream.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        accepted.read_exact(&mut heard).unwrap();
        drop(stream);
        assert_eq!(accepted.read(&mut heard).unwrap(), 0);
        drop(accepted);
        let time_wait = |info: &ControlInfo| info.state == Some(TcpState::TimeWait);
        while !two.sockets().iter().any(time_wait) || one.sockets().len() > 1 {
            std::thread::yield_now();
        }
        let lines = story.0.lock().unwrap().clone();
        let expected = include_str!("story.txt");
        // What must come, in this order; what else comes (bare acknowledgements may be delayed)
        // is not asked.
        let mut rest = lines.iter();
        for line in expected.lines() {
            assert!(rest.any(|it| it == line), "missing: {line}\nin:\n{}", lines.join("\n"));
        }
    });
}

#[test]
fn before_and_after_join_up() {
    /// Checks that nothing changes unseen: each socket's info before an event is what it was
    /// after the one before.
    #[derive(Default)]
    struct Seamless(Mutex<Vec<(String, ControlInfo)>>);
    impl Observer for Seamless {
        fn observe(&self, host: &str, _: Instant, event: &Observed<'_>) {
            let (before, after) = match event {
                Observed::Call(call) => (call.before, call.after),
                Observed::Received(it) | Observed::Transmitted(it) => (it.before, it.after),
                Observed::TimedOut(it) | Observed::Held(it) | Observed::Changed(it) => {
                    (it.before, it.after)
                }
                _ => return,
            };
            let mut seen = self.0.lock().unwrap();
            let same = |info: &ControlInfo| {
                let (local, remote) = (info.local, info.remote);
                move |(at, it): &(String, ControlInfo)| {
                    at == host && it.local == local && it.remote == remote && remote.is_some()
                }
            };
            if let Some(before) = before
                && let Some((_, last)) = seen.iter().find(|it| same(before)(it))
            {
                let (mut last, mut now) = (last.tcp.clone(), before.tcp.clone());
                // Deadlines are shown relative to nothing that is asked here.
                if let (Some(last), Some(now)) = (&mut last, &mut now) {
                    last.timers.clear();
                    now.timers.clear();
                }
                assert_eq!(last, now, "changed unseen before {event:?}");
            }
            if let Some(after) = after {
                seen.retain(|it| !same(after)(it));
                seen.push((host.to_owned(), after.clone()));
            }
        }
    }
    in_time(|| {
        let lan = Switch::new();
        let observer = Arc::new(Seamless::default());
        let host = |number| builder(&lan, number).observer(observer.clone()).build().unwrap();
        let (one, two) = (host(1), host(2));
        let listener = TcpListener::bind(&one, endpoint(1, 80)).unwrap();
        let mut stream = TcpStream::connect(&two, endpoint(1, 80)).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        for _ in 0..20 {
            stream.write_all(&[1; 10_000]).unwrap();
            accepted.read_exact(&mut [0; 10_000]).unwrap();
        }
        drop((stream, accepted));
        assert!(one.flush(common::LONG) && two.flush(common::LONG));
        assert!(observer.0.lock().unwrap().len() >= 2);
    });
}
