//! What `danja run` says of a link is true of it, measured by unmodified programs: delay, loss,
//! rate, and a capture that tshark finds clean.
//!
//! The figures are the link's, wide enough for a busy machine: nothing here is a speed.

mod datagrams;
#[path = "../../../../tests/skip.rs"]
mod skip;
mod throughput;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `danja run` with these options and words, to its end. None where the machine permits no
/// way to run a program, which has been said.
fn danja_run(test: &str, options: &[&str], words: &[&str]) -> Option<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danja"));
    command.args(["run", "-q"]).args(options).arg("--").args(words).stdin(Stdio::null());
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
    let output = command.output().unwrap();
    if output.status.code() == Some(125) {
        skip::skip(test, String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    Some(output)
}

fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Prints the median of eleven times, in milliseconds, after one connection that finds the
/// neighbour.
const CONNECT: &str = "
import socket, statistics, time
def connect():
    begun = time.monotonic()
    socket.create_connection(('10.0.2.2', 80), timeout=10).close()
    return (time.monotonic() - begun) * 1000
connect()
print(statistics.median(connect() for _ in range(11)))
";

#[test]
fn a_connection_takes_twice_the_delay() {
    let test = "a_connection_takes_twice_the_delay";
    for (way, delay) in [("auto", 40), ("notify", 25), ("tun", 80)] {
        let option = format!("{delay}ms");
        let options = ["--intercept", way, "--delay", &option];
        let Some(output) = danja_run(test, &options, &["python3", "-c", CONNECT]) else { return };
        let median: f64 = text(&output).trim().parse().unwrap();
        let expected = f64::from(2 * delay);
        assert!(
            (median - expected).abs() <= 10.0,
            "{way}: {median} ms at a delay of {delay} ms each way"
        );
    }
}

/// Of `count` things each lost with probability `share`, how many are lost 99 times of 100: the
/// normal approximation, good for the thousands it is used with.
fn interval(count: f64, share: f64) -> (f64, f64) {
    let spread = 2.576 * (count * share * (1.0 - share)).sqrt();
    (count * share - spread - 0.5, count * share + spread + 0.5)
}

#[test]
fn losses_lie_within_the_binomial_interval() {
    let test = "losses_lie_within_the_binomial_interval";
    let count = 2000;
    // A request and its reply both cross the link. (The same seed draws the same losses; a gap of
    // two milliseconds is the least that ping gives an ordinary user.)
    let options = ["--loss", "5%", "--seed", "7"];
    let words = ["ping", "-n", "-q", "-c", "2000", "-i", "0.002", "-W", "2", "10.0.2.2"];
    let Some(output) = danja_run(test, &options, &words) else { return };
    let said = text(&output);
    let received: f64 = said
        .split_once(" transmitted, ")
        .and_then(|(_, rest)| rest.split_once(" received"))
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or_else(|| panic!("{said}"));
    let lost = f64::from(count) - received;
    let (least, most) = interval(f64::from(count), 1.0 - 0.95 * 0.95);
    assert!((least..=most).contains(&lost), "{lost} of {count} lost, not {least} to {most}");
}

#[test]
fn the_capture_is_clean_in_tshark() {
    let test = "the_capture_is_clean_in_tshark";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.pcapng");
    let options = ["--pcap", file.to_str().unwrap(), "--delay", "2ms"];
    let script = "for n in 1 2 3; do curl -sSf http://danja/ -o /dev/null; done";
    let Some(output) = danja_run(test, &options, &["sh", "-ec", script]) else { return };
    text(&output);
    let wrong = tshark(&file, "_ws.malformed || _ws.expert.severity >= 0x600000");
    let handshakes = tshark(&file, "tcp.flags.syn == 1 && tcp.flags.ack == 0");
    assert_eq!(wrong, "", "what tshark calls an error or a warning");
    assert_eq!(handshakes.lines().count(), 3, "{handshakes}");
}

/// The packets of `file` that match.
fn tshark(file: &Path, filter: &str) -> String {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-Y", filter]);
    command.args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]);
    let output = command.stdin(Stdio::null()).output().expect("tshark is installed");
    text(&output)
}
