//! UDP servers under `danja run`, reached from this machine by a published port.

use crate::common::skip;
use crate::launched::{Launcher, wait};
use crate::network::has;
use std::io::{ErrorKind, Read};
use std::net::UdpSocket;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Sends back what it hears, with the sender's address before it; ends after `end`.
const ECHO: &str = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 53))
while True:
    data, peer = s.recvfrom(65535)
    s.sendto(peer[0].encode() + b' ' + data, peer)
    if data == b'end':
        break
";

/// The server, and a client of the machine connected to its port; `None` (and a skip) where the
/// machine has no namespaces.
fn serve(launcher: &Launcher, way: &str) -> Option<(Child, UdpSocket)> {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = format!("-q --intercept {way} --publish {port}:53/udp");
    let mut command = launcher.command(&options);
    command.args(["python3", "-c", ECHO]).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", port)).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    // Until it is there, the machine refuses, or its port drops.
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(said.contains("no namespace"), "{status}: {said}");
            skip("published UDP", said.trim());
            return None;
        }
        assert!(Instant::now() < until, "it does not answer");
        let _ = client.send(b"hello");
        let mut answer = [0; 64];
        if client.recv(&mut answer).is_ok() {
            break;
        }
    }
    // Answers to what was asked meanwhile.
    while client.recv(&mut [0; 64]).is_ok() {}
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    Some((child, client))
}

#[test]
fn a_published_udp_port_leads_both_ways() {
    if !has("a_published_udp_port", "python3") {
        return;
    }
    for launcher in Launcher::all() {
        for way in ["auto", "tun"] {
            let Some((mut child, client)) = serve(&launcher, way) else { return };
            let mut answer = vec![0; 65_535];
            for length in [0, 1, 1_472, 1_473, 30_000] {
                let data: Vec<u8> = (0..length).map(|it| (it / 3) as u8).collect();
                client.send(&data).unwrap();
                let received = client.recv(&mut answer).unwrap();
                // It sees the router, with a port for each peer.
                assert!(answer.starts_with(b"10.0.2.2 "), "{way}");
                assert!(answer[9..received] == data, "{way}: {length} bytes");
            }
            // Others are heard beside the first, and hear what is theirs.
            let peer = client.peer_addr().unwrap();
            let others: Vec<_> = (0..10_u8)
                .map(|number| {
                    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
                    other.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                    other.connect(peer).unwrap();
                    other.send(&[number]).unwrap();
                    other
                })
                .collect();
            for (number, other) in (0_u8..).zip(&others) {
                let received = other.recv(&mut answer).unwrap();
                assert_eq!(answer[9..received], [number]);
            }
            client.send(b"end").unwrap();
            client.recv(&mut answer).unwrap();
            assert_eq!(wait(&mut child), Some(0));
            // The machine's port is closed with it.
            client.send(b"anybody").unwrap();
            let refused = client.recv(&mut answer).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        }
    }
}

#[test]
fn a_udp_port_that_is_taken_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let launcher = Launcher::own();
    let options = format!("--intercept tun --publish {port}/udp");
    let Some(output) = launcher.run("a_udp_port_that_is_taken", &options, ["true"]) else { return };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains(&format!("{port}/udp")) && said.contains("--publish"), "{said}");
}
