//! Loss as UDP sees it, in each direction, and a thousand messages by TCP and by UDP, as the README
//! has them.

use crate::{danja_run, interval, text};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const COUNT: u32 = 3000;

/// On the machine: says its port; counts what comes, and then sends as many itself, to who has
/// asked for it over TCP; both ends say what they have got.
const SERVER: &str = r#"
import socket, sys, time
count = int(sys.argv[1])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
tcp = socket.create_server(udp.getsockname())
print(udp.getsockname()[1], flush=True)
tcp.settimeout(60)
control, _ = tcp.accept()
control.settimeout(60)
assert control.recv(1) == b"s"
udp.settimeout(0.2)
numbers = set()
try:
    while True:
        data, peer = udp.recvfrom(100)
        numbers.add(int(data))
except TimeoutError:
    print(len(numbers), flush=True)
control.sendall(b"n")
for number in range(count):
    udp.sendto(b"%d" % number, peer)
    if number % 20 == 19:
        time.sleep(0.004)
time.sleep(0.2)
control.sendall(b"e")
control.recv(1)
"#;

/// Launched: sends as many, and counts what comes back.
const CLIENT: &str = r#"
import socket, sys, time
server, count = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
udp.connect(server)
control = socket.create_connection(server, timeout=60)
for number in range(count):
    udp.send(b"%d" % number)
    if number % 20 == 19:
        time.sleep(0.004)
control.sendall(b"s")
assert control.recv(1) == b"n"
udp.settimeout(0.5)
numbers = set()
try:
    while True:
        numbers.add(int(udp.recv(100)))
except TimeoutError:
    print(len(numbers))
assert control.recv(1) == b"e"
"#;

/// How many datagrams were lost up and down; none where no program can be run.
fn lost(test: &str, options: &[&str]) -> Option<(u32, u32)> {
    let count = COUNT.to_string();
    let mut server = Command::new("python3");
    server.args(["-c", SERVER, &count]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut number = || said.next().unwrap().unwrap();
    let port = number();
    let words = ["python3", "-c", CLIENT, "10.0.2.3", &port, &count];
    let output = danja_run(test, options, &words);
    if output.is_none() {
        let _ = server.kill();
    }
    let _ = server.wait();
    let down: u32 = text(&output?).trim().parse().unwrap();
    let up: u32 = number().parse().unwrap();
    Some((COUNT - up, COUNT - down))
}

#[test]
fn datagrams_are_lost_as_often_as_asked_for_each_way() {
    let test = "datagrams_are_lost_as_often_as_asked_for_each_way";
    // Each direction has a share of its own, and the other one's is not taken for it.
    let (up, down) = (interval(f64::from(COUNT), 0.05), interval(f64::from(COUNT), 0.02));
    for (way, seed) in [("auto", "7"), ("auto", "8"), ("tun", "7"), ("tun", "8")] {
        let loss = ["--loss-up", "5%", "--loss-down", "2%", "--seed", seed];
        let options = [&["--intercept", way, "--host-access"][..], &loss].concat();
        let Some(lost) = lost(test, &options) else { return };
        for (direction, lost, (least, most)) in [("up", lost.0, up), ("down", lost.1, down)] {
            assert!(
                (least..=most).contains(&f64::from(lost)),
                "{way}, seed {seed}, {direction}: {lost} lost, not {least:.0} to {most:.0}"
            );
        }
    }
}

#[test]
fn a_thousand_messages_by_tcp_all_in_order_and_by_udp_what_is_left() {
    let test = "a_thousand_messages_by_tcp_all_in_order_and_by_udp_what_is_left";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/messages.py");
    let danja = env!("CARGO_BIN_EXE_danja");
    let loss = ["--loss", "5%", "--seed", "7"];
    // Whether a program can be run here at all.
    if danja_run(test, &loss, &["true"]).is_none() {
        return;
    }
    let mut command = Command::new("python3");
    command.arg(script).args([danja, "run", "-q"]).args(loss).args(["--host-access", "--"]);
    let said = text(&command.stdin(Stdio::null()).output().unwrap());
    let (tcp, udp) = said.trim().split_once('\n').unwrap_or_else(|| panic!("{said}"));
    assert!(tcp.starts_with("TCP: 1000 of 1000 messages arrived, in order, in "), "{said}");
    let rest = udp.strip_prefix("UDP: ").and_then(|rest| rest.split_once(" of 1000 messages"));
    let arrived: u32 = rest.unwrap_or_else(|| panic!("{said}")).0.parse().unwrap();
    let (least, most) = interval(1000.0, 0.05);
    assert!((least..=most).contains(&f64::from(1000 - arrived)), "{said}");
    assert!(udp.contains(&format!(" {} are missing, ", 1000 - arrived)), "{said}");
}
