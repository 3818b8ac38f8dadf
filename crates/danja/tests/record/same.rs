//! What was recorded is replayed to the same bytes, and an observer hears the same.

use crate::common::{address, builder, endpoint, in_time, pattern};
use crate::{Memory, replay};
use danja::clock::VirtualClock;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::lan::impair::{Impaired, Impairment, Loss};
use danja::net::{TcpListener, TcpStream, UdpSocket};
use danja::observe::{Observed, Observer};
use danja::record::{Heard, Recording, Replay, Report};
use danja::stack::Instant;
use danja::{Builder, Host};
use std::io::{Cursor, Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Remembers what it hears, in words.
#[derive(Default)]
struct Heart(Mutex<Vec<String>>);

impl Observer for Heart {
    fn observe(&self, host: &str, now: Instant, event: &Observed<'_>) {
        self.0.lock().unwrap().push(format!("{host} {now:?} {event:?}"));
    }
}

/// Host `number` behind a line that loses and delays.
fn behind_a_bad_line(lan: &Switch, number: u8) -> Builder {
    let port = lan.port(MacAddress([2, 0, 0, 0, 0, number]));
    let mut line = Impairment::default().with_delay(Duration::from_millis(2));
    line.loss = Loss::Random(0.03);
    Host::builder()
        .name(format!("host{number}"))
        .adapter(Impaired::new(port, line, line, u64::from(number)))
        .address(format!("10.0.0.{number}/24").parse().unwrap())
}

/// 300,000 bytes from host 2 to host 1, and all of it back.
fn echo(server: &Host, client: &Host) {
    let listener = TcpListener::bind(server, endpoint(1, 7)).unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let mut stream = TcpStream::connect(client, endpoint(1, 7)).unwrap();
    let mut sent = vec![0; 300_000];
    pattern(0, &mut sent);
    stream.write_all(&sent).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert!(back == sent);
    serving.join().unwrap();
}

#[track_caller]
fn assert_same(report: &Report, hosts: &[&str]) {
    assert_eq!(report.difference, None);
    assert!(report.complete);
    let names: Vec<_> = report.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, hosts);
    assert!(report.hosts.iter().all(|host| host.frames > 0 && host.inputs > host.frames));
}

#[test]
fn blocking_hosts_over_a_bad_line() {
    in_time(|| {
        let (memory, recording) = Memory::recording();
        let lan = Switch::new();
        let server = behind_a_bad_line(&lan, 1).record(&recording).build().unwrap();
        let client = behind_a_bad_line(&lan, 2).record(&recording).build().unwrap();
        echo(&server, &client);
        drop((server, client));
        recording.finish().unwrap();

        let mut frames = 0;
        let replay = Replay::new(Cursor::new(memory.bytes())).unwrap();
        let report = replay.run(|heard| frames += u64::from(matches!(heard, Heard::Frame(_))));
        let report = report.unwrap();
        assert_same(&report, &["host1", "host2"]);
        // Each sent all of it and got all of it.
        assert!(report.hosts.iter().all(|host| host.bytes > 2 * 300_000), "{report:?}");
        let sent: u64 = report.hosts.iter().map(|host| host.frames).sum();
        assert!(frames > sent, "{frames} frames, of which {sent} were sent");
    });
}

#[test]
fn an_observer_hears_the_same_story() {
    in_time(|| {
        let (memory, recording) = Memory::recording();
        let (live, again) = (Arc::<Heart>::default(), Arc::<Heart>::default());
        let lan = Switch::new();
        let make = |number| {
            let builder = behind_a_bad_line(&lan, number).observer(Arc::clone(&live) as _);
            builder.record(&recording).build().unwrap()
        };
        let (server, client) = (make(1), make(2));
        let socket = UdpSocket::bind(&client, endpoint(2, 9)).unwrap();
        socket.send_to(b"nobody is there", endpoint(1, 9)).unwrap();
        echo(&server, &client);
        // From now on neither hears anything.
        let heard = Mutex::new(Vec::new());
        let last = || *heard.lock().unwrap() = live.0.lock().unwrap().clone();
        recording.finish_after(last).unwrap();
        drop((server, client, socket));

        let replay = Replay::new(Cursor::new(memory.bytes())).unwrap();
        let report = replay.observer(Arc::clone(&again) as _).run(|_| {}).unwrap();
        assert_same(&report, &["host1", "host2"]);
        let (live, again) = (heard.into_inner().unwrap(), again.0.lock().unwrap());
        assert!(live.len() > 500);
        for (live, again) in live.iter().zip(&*again) {
            assert_eq!(live, again);
        }
        assert_eq!(live.len(), again.len());
    });
}

#[test]
fn driven_hosts_and_equal_runs_make_equal_recordings() {
    let run = || {
        let memory = Memory::default();
        let recording = Recording::to_writer(memory.clone()).unwrap().undated();
        let (lan, clock) = (Switch::new(), VirtualClock::new());
        let make = |number: u8| {
            let seeds = danja::stack::Seeds::from_u64(number.into());
            let builder = builder(&lan, number).clock(Arc::new(clock.clone())).seeds(seeds);
            builder.record(&recording).build_driven().unwrap()
        };
        let ((one, mut first), (two, mut second)) = (make(1), make(2));
        let here = UdpSocket::bind(&one, endpoint(1, 9)).unwrap();
        let there = UdpSocket::bind(&two, endpoint(2, 9)).unwrap();
        here.set_nonblocking(true).unwrap();
        for number in 0..50 {
            there.send_to(&[number; 100], endpoint(1, 9)).unwrap();
            for _ in 0..4 {
                let _later = [first.turn(), second.turn()];
                clock.advance(Duration::from_millis(1));
            }
            let mut buffer = [0; 200];
            assert_eq!(here.recv_from(&mut buffer).unwrap(), (100, endpoint(2, 9)));
            assert_eq!(buffer[0], number);
        }
        // What was administered is in it, too.
        let extra = "10.0.0.77/24".parse().unwrap();
        let lan0 = one.interfaces()[1].id;
        assert!(one.add_address(lan0, extra) && one.has_address(address(77)));
        one.configure(|config| config.ip.ttl = 9);
        here.send_to(b"from further away", endpoint(2, 9)).unwrap();
        assert!(one.set_up(lan0, false));
        drop((here, there, one, two));
        while !(first.has_ended() && second.has_ended()) {
            let _later = [first.turn(), second.turn()];
            clock.advance(Duration::from_millis(100));
        }
        drop((first, second, recording));
        memory.bytes()
    };
    let bytes = run();
    assert_same(&replay(bytes.clone()).unwrap(), &["host1", "host2"]);
    assert!(bytes == run());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_tokio_programs() {
    use danja::tokio::{TcpListener, TcpStream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (memory, recording) = Memory::recording();
    let lan = Switch::new();
    let server = behind_a_bad_line(&lan, 1).record(&recording).build().unwrap();
    let client = behind_a_bad_line(&lan, 2).record(&recording).build().unwrap();
    let listener = TcpListener::bind(&server, endpoint(1, 80)).await.unwrap();
    let serving = tokio::spawn(async move {
        for _ in 0..20 {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut question = [0; 1000];
                while stream.read_exact(&mut question).await.is_ok() {
                    stream.write_all(&question).await.unwrap();
                }
            });
        }
    });
    let clients = (0..20u8).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(&client, endpoint(1, 80)).await.unwrap();
            for _ in 0..5 {
                stream.write_all(&[number; 1000]).await.unwrap();
                let mut answer = [0; 1000];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, [number; 1000]);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    serving.await.unwrap();
    drop((server, client));
    recording.finish().unwrap();
    assert_same(&replay(memory.bytes()).unwrap(), &["host1", "host2"]);
}
