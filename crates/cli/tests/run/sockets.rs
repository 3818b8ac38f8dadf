//! Servers under `danja run`, reached from this machine: bytes, ends and resets arrive.

use crate::common::{skip, texts};
use crate::launched::{Launcher, wait};
use crate::network::has;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A server of one connection in Python, by what it does with its socket `c`.
fn serve(launcher: &Launcher, body: &str) -> (Child, u16) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = format!(
        "
import socket, struct
s = socket.create_server(('', 80))
c, peer = s.accept()
{body}
"
    );
    let mut command = launcher.command(&format!("-q --intercept tun --publish {free}:80"));
    command.args(["python3", "-c", &script]).stderr(Stdio::piped());
    (command.spawn().unwrap(), free)
}

/// A connection to it, once it listens: until then the machine's port resets.
fn connect(child: &mut Child, port: u16) -> Option<TcpStream> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(said.contains("no namespace"), "{status}: {said}");
            skip("sockets", said.trim());
            return None;
        }
        assert!(Instant::now() < until, "it does not listen");
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            // Its first byte says that the program has accepted.
            if stream.read(&mut [0]).is_ok_and(|count| count == 1) {
                return Some(stream);
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn all_bytes_arrive_both_ways_and_each_end_closes_by_itself() {
    if !has("all_bytes", "python3") {
        return;
    }
    for launcher in Launcher::all() {
        // It reads to the end, and only then answers, with its own half still open.
        let body = "
c.send(b'!')
got = 0
total = 0
while data := c.recv(1 << 16):
    got += len(data)
    total += sum(data)
c.sendall(f'{got} {total}\\n'.encode() + bytes(4 << 20))
c.close()
";
        let (mut child, port) = serve(&launcher, body);
        let Some(mut stream) = connect(&mut child, port) else { return };
        let sent: Vec<u8> = (0..5_000_000_u32).map(|it| it as u8).collect();
        stream.write_all(&sent).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let sum: u64 = sent.iter().map(|it| u64::from(*it)).sum();
        let head = format!("5000000 {sum}\n");
        assert!(answer.starts_with(head.as_bytes()));
        assert_eq!(answer.len(), head.len() + (4 << 20));
        assert_eq!(wait(&mut child), Some(0));
    }
}

#[test]
fn a_reset_is_a_reset_on_the_other_side() {
    if !has("a_reset", "python3") {
        return;
    }
    for launcher in Launcher::all() {
        let body = "
c.send(b'!')
c.recv(1)
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
c.close()
";
        let (mut child, port) = serve(&launcher, body);
        let Some(mut stream) = connect(&mut child, port) else { return };
        stream.write_all(b"x").unwrap();
        let error = stream.read(&mut [0; 9]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(wait(&mut child), Some(0));
    }
}

#[test]
fn a_program_that_does_not_read_holds_its_peer_up() {
    if !has("a_program_that_does_not_read", "python3") {
        return;
    }
    let launcher = Launcher::ordinary();
    let (mut child, port) = serve(&launcher, "c.send(b'!')\nimport time; time.sleep(60)");
    let Some(mut stream) = connect(&mut child, port) else { return };
    stream.set_write_timeout(Some(Duration::from_millis(700))).unwrap();
    let block = vec![0; 1 << 20];
    let taken = (0..256).take_while(|_| stream.write_all(&block).is_ok()).count();
    // Buffers on the way hold some; a quarter of a gigabyte would be none of them.
    assert!(taken < 64, "{taken} MiB were taken and read by nobody");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_program_that_ends_at_once_has_said_all() {
    if !has("a_program_that_ends_at_once", "python3") {
        return;
    }
    for launcher in Launcher::all() {
        // It writes more than its kernel has sent, and is gone.
        let body = "
c.send(b'!')
c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
c.sendall(bytes(3000000))
import os
os._exit(0)
";
        let (mut child, port) = serve(&launcher, body);
        let Some(mut stream) = connect(&mut child, port) else { return };
        thread::sleep(Duration::from_millis(300));
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 3_000_000);
        assert_eq!(wait(&mut child), Some(0));
    }
}

#[test]
fn the_congestion_control_is_the_one_that_was_asked_for() {
    let test = "the_congestion_control";
    let script = "import socket
print(socket.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b'\\0'))";
    for launcher in Launcher::all() {
        for options in ["-q --congestion reno", "-q --intercept notify --congestion reno"] {
            let Some(output) = launcher.run(test, options, ["python3", "-c", script]) else {
                return;
            };
            let (out, said) = texts(&output);
            assert_eq!(out, "b'reno'\n", "{options}: {said}");
        }
    }
}
