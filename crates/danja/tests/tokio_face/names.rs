//! Names are looked up by a task without blocking its thread.

use super::common::{address, builder, endpoint, host, two_hosts};
use super::{dns, run};
use danja::clock::VirtualClock;
use danja::lan::cable::Switch;
use danja::tokio::{TcpListener, TcpStream, UdpSocket, lookup_host};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn one_thread_asks_and_does_other_things_meanwhile() {
    run(async {
        let (one, two) = two_hosts();
        dns::serve(&one);
        two.configure_resolver(|settings| {
            settings.servers = vec![endpoint(1, 53)];
            settings.timeout = Duration::from_millis(300);
            settings.names = vec![("server".into(), address(1))];
        });
        let begun = Instant::now();
        let slow = lookup_host(&two, "silent.lan:80");
        let quick = async {
            let found: Vec<_> = lookup_host(&two, ("large.lan", 80)).await.unwrap().collect();
            assert_eq!(found.len(), 100, "over TCP");
            let found: Vec<_> = lookup_host(&two, "two.lan:80").await.unwrap().collect();
            assert_eq!(found, ["192.0.2.1:80".parse().unwrap(), "192.0.2.2:80".parse().unwrap()]);
            begun.elapsed()
        };
        let (slow, quick) = tokio::join!(slow, quick);
        let error = slow.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let text = "cannot look up silent.lan: 10.0.0.1 did not answer in 300ms";
        assert_eq!(error.to_string(), text);
        // Two attempts.
        assert!(begun.elapsed() >= Duration::from_millis(600));
        assert!(quick < begun.elapsed());
        // Known names, endpoints and wrong ones.
        let listener = TcpListener::bind(&one, endpoint(1, 80)).await.unwrap();
        let stream = TcpStream::connect(&two, "server:80").await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
        let socket = UdpSocket::bind(&two, "localhost:0").await.unwrap();
        assert!(socket.local_addr().unwrap().ip().is_loopback());
        for text in ["10.0.0.1", "10.0.0.1:x", "10.0.0.1:65536"] {
            let error = TcpStream::connect(&two, text).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
        }
        let error = TcpStream::connect(&two, "nobody.lan:80").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn time_outs_are_those_of_the_hosts_clock() {
    run(async {
        let clock = VirtualClock::new();
        let lan = Switch::new();
        let server = host(&lan, 1);
        let _silent = UdpSocket::bind(&server, endpoint(1, 53)).await.unwrap();
        let client = builder(&lan, 2).clock(Arc::new(clock.clone())).build().unwrap();
        client.configure_resolver(|settings| {
            settings.servers = vec![endpoint(1, 53)];
            settings.timeout = Duration::from_secs(3_600);
        });
        let begun = Instant::now();
        let lookup = tokio::spawn(async move {
            let found = lookup_host(&client, "name.lan:80").await.map(drop);
            (found, client.now())
        });
        while !lookup.is_finished() {
            clock.advance(Duration::from_secs(60));
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(1));
        }
        let (found, now) = lookup.await.unwrap();
        assert_eq!(found.unwrap_err().kind(), ErrorKind::TimedOut);
        // Two attempts of an hour each, by its clock.
        assert!(now.as_millis() >= 7_200_000, "{now:?}");
        assert!(begun.elapsed() < Duration::from_secs(15));
    });
}
