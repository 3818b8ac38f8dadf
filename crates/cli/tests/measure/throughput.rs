//! Throughput under `--rate`, counted by the receiver, an unmodified program.

use crate::{danja_run, text};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

/// Mbit/s of frames.
const RATE: f64 = 20.0;

/// Of a frame of 1,500 bytes and its Ethernet header, what is a program's: without the headers of
/// IP and TCP, and the timestamps option.
const SHARE: f64 = (1500.0 - 20.0 - 20.0 - 12.0) / (1500.0 + 14.0);

/// One end: `send PEER` or `count PEER`, where no peer means to listen on the machine's loopback
/// and to say at which port. Whoever counts says how many bits a second came from second 2 to
/// second 10 of the connection, by the moments of its own reads.
const END: &str = r#"
import socket, sys, time
role, peer = sys.argv[1], sys.argv[2:]
if peer:
    one = socket.create_connection((peer[0], int(peer[1])), timeout=20)
else:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    one, _ = listener.accept()
begun = time.monotonic()
one.settimeout(20)
if role == "send":
    block = bytes(65536)
    try:
        while time.monotonic() < begun + 12:
            one.sendall(block)
    except ConnectionError:
        pass  # The other end has counted enough.
else:
    arrived = []
    while True:
        count = len(one.recv(65536))
        now = time.monotonic() - begun
        assert count, f"ended after {now} s"
        if now >= 2:
            arrived.append((now, count))
        if now >= 10:
            break
    # The first read's bytes came before the span that it begins.
    (first, _), (last, _) = arrived[0], arrived[-1]
    print(sum(count for _, count in arrived[1:]) * 8 / (last - first))
    one.close()
"#;

/// The end on the machine, and its port.
fn listen(role: &str) -> (Child, BufReader<ChildStdout>, String) {
    let mut command = Command::new("python3");
    command.args(["-c", END, role]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut port = String::new();
    said.read_line(&mut port).unwrap();
    (child, said, port.trim().to_owned())
}

/// Mbit/s of a program's bytes in one direction; none where no program can be run.
fn measured(test: &str, way: &str, up: bool) -> Option<f64> {
    let (ours, theirs) = if up { ("send", "count") } else { ("count", "send") };
    let (mut child, mut said, port) = listen(theirs);
    let rate = format!("{RATE}mbit");
    let options = ["--intercept", way, "--host-access", "--rate", &rate, "--delay", "10ms"];
    let words = ["python3", "-c", END, ours, "10.0.2.3", &port];
    let output = danja_run(test, &options, &words);
    if output.is_none() {
        let _ = child.kill();
    }
    let mut counted = String::new();
    let read = said.read_line(&mut counted);
    let status = child.wait().unwrap();
    let launched = text(&output?);
    assert!(status.success() && read.is_ok(), "{way}: the end on the machine: {status}");
    let bits: f64 = if up { counted } else { launched }.trim().parse().unwrap();
    Some(bits / 1e6)
}

#[test]
fn throughput_is_the_rate_times_the_share_of_payload() {
    let test = "throughput_is_the_rate_times_the_share_of_payload";
    let expected = RATE * SHARE;
    // All at once: each has a link of its own, and waits for it most of the time.
    let wrong: Vec<String> = thread::scope(|scope| {
        let runs = ["auto", "notify", "tun"].map(|way| {
            [true, false].map(|up| scope.spawn(move || (way, up, measured(test, way, up))))
        });
        let runs = runs.into_iter().flatten().map(|run| run.join().unwrap());
        runs.filter_map(|(way, up, measured)| {
            let measured = measured?;
            let direction = if up { "up" } else { "down" };
            let said = format!("{way}, {direction}: {measured:.2} Mbit/s, not {expected:.2}");
            ((measured / expected - 1.0).abs() > 0.03).then_some(said)
        })
        .collect()
    });
    assert!(wrong.is_empty(), "{wrong:?}");
}
