//! Half close, reset, refused and unreachable: each gives the error that Linux gives.
//!
//! The same steps are taken with the kernel's sockets on both sides, and with ours on one of
//! them; their transcripts must not differ.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::Duration;

use crate::inside::{self, Net, tell, told};
use crate::namespace::{KERNEL, Namespace, STACK};
use crate::program::Program;

const SERVER: &str = "DANJA_SERVER";
/// Reads to the end, then answers.
const HALF_CLOSE: u16 = 7_001;
/// Closes without reading what it was sent.
const RESET: u16 = 7_002;
/// Closes at once.
const CLOSE: u16 = 7_003;
/// Nobody listens here.
const CLOSED: u16 = 7_004;
/// Accepts and waits for the peer's reset.
const VICTIM: u16 = 7_005;

fn at(port: u16) -> SocketAddr {
    let server = std::env::var(SERVER).expect("the test says who the server is");
    format!("{server}:{port}").parse().expect("an address")
}

/// What came of a step, with the error's kind, which is what programs look at.
fn outcome<T: std::fmt::Debug>(step: &str, result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{step}: {value:?}"),
        Err(error) => format!("{step}: {:?}", error.kind()),
    }
}

fn read(stream: &mut impl Read) -> io::Result<String> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Takes the steps and tells what came of each.
pub(crate) fn client(net: &impl Net) {
    half_close(net);
    reset(net);
    peer_closes(net);
    tell(&outcome("closed port", net.connect(at(CLOSED)).map(|_| "connected")));
    let nowhere = "198.51.100.1:80".parse().expect("an address");
    tell(&outcome("no route", net.connect(nowhere).map(|_| "connected")));
    if std::env::var(SERVER).is_ok_and(|server| server == KERNEL) {
        let absent = "10.9.0.77:80".parse().expect("an address");
        tell(&outcome("no such host", net.connect(absent).map(|_| "connected")));
    }
    be_reset(net);
}

fn half_close(net: &impl Net) {
    let mut stream = net.connect(at(HALF_CLOSE)).expect("the server listens");
    stream.write_all(&[b'x'; 100_000]).expect("room");
    tell(&outcome("half close", net.shutdown(&stream, Shutdown::Write)));
    tell(&outcome("write after it", stream.write(b"x")));
    tell(&outcome("the answer", read(&mut stream)));
    tell(&outcome("after the end", stream.read(&mut [0])));
}

fn reset(net: &impl Net) {
    let mut stream = net.connect(at(RESET)).expect("the server listens");
    stream.write_all(b"never read").expect("room");
    tell(&outcome("reset", stream.read(&mut [0])));
    tell(&outcome("read after it", stream.read(&mut [0])));
    tell(&outcome("write after it", stream.write(b"x")));
    tell(&outcome("shutdown after it", net.shutdown(&stream, Shutdown::Both)));
}

fn peer_closes(net: &impl Net) {
    let mut stream = net.connect(at(CLOSE)).expect("the server listens");
    tell(&outcome("peer closed", stream.read(&mut [0])));
    tell(&outcome("write into its close", stream.write(b"x")));
    // Its RST is on the way.
    thread::sleep(Duration::from_millis(300));
    tell(&outcome("write after its reset", stream.write(b"x")));
    tell(&outcome("read after its reset", stream.read(&mut [0])));
}

/// Resets the server's connection by closing with its data unread.
fn be_reset(net: &impl Net) {
    let stream = net.connect(at(VICTIM)).expect("the server listens");
    tell(&outcome("the server's data is there", net.peek(&stream)));
    drop(stream);
    thread::sleep(Duration::from_millis(300));
}

/// Listens on the ports above, and tells what came of each step.
pub(crate) fn server(net: &impl Net) {
    let listen = |port| net.listen(at(port)).expect("the port is free");
    let (half, reset, close) = (listen(HALF_CLOSE), listen(RESET), listen(CLOSE));
    let victim = listen(VICTIM);
    tell("listening");

    let mut stream = net.accept(&half).expect("the client comes");
    let sent = read(&mut stream).map(|text| text.len());
    tell(&outcome("server read", sent));
    stream.write_all(b"thanks").expect("the other half is open");
    drop(stream);

    let stream = net.accept(&reset).expect("the client comes");
    tell(&outcome("server has unread data", net.peek(&stream)));
    drop(stream);

    drop(net.accept(&close).expect("the client comes"));

    let mut stream = net.accept(&victim).expect("the client comes");
    stream.write_all(b"never read").expect("room");
    tell(&outcome("server is reset", stream.read(&mut [0])));
    tell(&outcome("server writes after it", stream.write(b"x")));
}

/// The transcripts of client and server.
fn transcript(namespace: &Namespace, client: &str, server: &str) -> (Vec<String>, Vec<String>) {
    let address = if server == "server-ours" { STACK } else { KERNEL };
    let start = |program| {
        let mut command = inside::command(namespace, program);
        command.env(SERVER, address);
        Program::start(command)
    };
    let mut server = start(server);
    server.wait_for_line("| listening");
    let client = start(client).finish(Duration::from_secs(60));
    let server = server.finish(Duration::from_secs(20));
    for side in [&client, &server] {
        assert!(side.status.success(), "{}\n{}", side.text(), side.stderr);
    }
    (told(&client.text()), told(&server.text()))
}

#[test]
fn errors_are_those_of_linux_when_we_are_the_client() {
    let name = "errors_are_those_of_linux_when_we_are_the_client";
    let Some(namespace) = Namespace::new(name) else { return };
    let (linux, _) = transcript(&namespace, "client-kernel", "server-kernel");
    let (ours, _) = transcript(&namespace, "client-ours", "server-kernel");
    assert!(linux.len() > 15, "{linux:#?}");
    assert_eq!(ours, linux);
}

#[test]
fn errors_are_those_of_linux_when_we_are_the_server() {
    let name = "errors_are_those_of_linux_when_we_are_the_server";
    let Some(namespace) = Namespace::new(name) else { return };
    let (_, linux) = transcript(&namespace, "client-kernel", "server-kernel");
    let (_, ours) = transcript(&namespace, "client-kernel", "server-ours");
    assert!(linux.len() >= 5, "{linux:#?}");
    assert_eq!(ours, linux);
}
